"""A pool of one: a slow request holds it, 50 wait behind it, the token changes meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from benchmarks.samples import figure

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer
    from benchmarks.setting import Setting

_QUEUED = 50
_SLOW = 2.0  # seconds: a renewal comes no sooner than a second after the login
_AT = 1.05
_RENEWAL = 0.2


async def queue(client: type[Peer], setting: Setting, *, renew: bool) -> dict[str, float] | None:
    """Renew and end the old token, or only end it, while they wait; count what follows."""
    setting.control.reset(revoke=renew)
    async with client(setting.control, limit=1) as peer:
        slow = asyncio.create_task(peer.slow(_SLOW))
        await asyncio.sleep(0.05)
        queued = [asyncio.create_task(peer.get()) for _ in range(_QUEUED)]
        setting.control.set(delay=_RENEWAL)
        await asyncio.sleep(_AT)
        setting.control.zero()
        if not renew:
            setting.control.revoke()
        elif not await peer.renew():
            await asyncio.gather(slow, *queued, return_exceptions=True)
            return None
        answers = await asyncio.gather(slow, *queued, return_exceptions=True)
        told = setting.control.stats()
    return {
        "refused": told["refused"],
        "failed": sum(answer != 200 for answer in answers),
        "renewals": told["logins"] + told["refreshes"],
    }


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure with the token renewed by the client, and revoked behind its back."""
    found: dict[str, Any] = {}
    for case, renew in (("renewed", True), ("revoked silently", False)):
        found[case] = {}
        for name, client in setting.clients().items():
            if not client.ours and setting.loop != "asyncio":
                continue
            rounds = setting.pick(2, 1) if name == "aiocloudauth" else 1
            taken = [await queue(client, setting, renew=renew) for _ in range(rounds)]
            known = [sample for sample in taken if sample is not None]
            if known:
                found[case][name] = {k: figure(s[k] for s in known) for k in known[0]}
    return found
