"""5,000 requests started together: just after the token expired, and after a revocation."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

from benchmarks.samples import figure, ratio

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer
    from benchmarks.setting import Setting

_HERD = 5_000
#: How long `_login` and `_refresh` take, seconds.
_RENEWAL = 0.2
#: How long the tokens live that expire, seconds. OAuth 2.0 knows whole seconds only; we start
#: no attempt within a second of the last.
_LIFE, _OUR_LIFE = 2.0, 1.1
#: A herd that takes longer, seconds, is cut short, and what is not answered has failed.
_PATIENCE = 12.0
#: Before the token is revoked, seconds: nobody is held back by a renewal of a moment ago.
_REST = 1.05
_MANY = ("raw", "do-nothing middleware", "aiocloudauth")
#: httpx needs more than ten times as long as aiohttp: once is enough, and on one loop.
_FEW = ("authlib on httpx", "httpx Auth")


async def herd(peer: Peer, setting: Setting) -> dict[str, float]:
    """Send them all, and count what the server saw."""
    setting.control.set(delay=_RENEWAL, lifetime=3600.0)
    setting.control.zero()
    # The collector goes through all that lives whenever the herd has grown by a quarter of that:
    # what the process had before is kept out of it.
    gc.collect()
    gc.freeze()
    started = time.perf_counter()
    tasks = [asyncio.create_task(peer.get()) for _ in range(_HERD)]
    _, late = await asyncio.wait(tasks, timeout=_PATIENCE)
    wall = time.perf_counter() - started
    told = setting.control.stats()
    for task in late:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    gc.unfreeze()
    return {
        "wall": wall,
        "failed": sum(answer != 200 for answer in answers),
        "refused": told["refused"],
        "renewals": told["logins"] + told["refreshes"],
    }


async def at_expiry(client: type[Peer], setting: Setting) -> dict[str, float]:
    """Block the process, as a suspend does, until the token has expired; then the herd."""
    life = _OUR_LIFE if client.ours else _LIFE
    setting.control.reset(lifetime=life)
    async with client(setting.control, life=life) as peer:
        await peer.get()
        if peer.renews:
            time.sleep(life + 0.02)  # noqa: ASYNC251 - it is to block
        return await herd(peer, setting)


async def after_revocation(client: type[Peer], setting: Setting) -> dict[str, float]:
    """End every token on the server; then the herd, which knows nothing of it."""
    setting.control.reset()
    async with client(setting.control) as peer:
        await peer.get()
        if peer.renews:
            await asyncio.sleep(_REST)
            setting.control.revoke()
        return await herd(peer, setting)


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure both; in each round every peer once, raw first."""
    found: dict[str, Any] = {}
    rounds = setting.pick(9, 1)
    for case, run in (("at expiry", at_expiry), ("after a revocation", after_revocation)):
        samples: dict[str, list[dict[str, float] | None]] = {}
        for number in range(rounds):
            for name, client in setting.clients().items():
                taken = await run(client, setting) if _takes_part(name, number, setting) else None
                samples.setdefault(name, []).append(taken)
        found[case] = _figures(samples)
    return found


def _takes_part(name: str, number: int, setting: Setting) -> bool:
    if name in _FEW:
        return number == 0 and setting.loop == "asyncio"
    return name in _MANY or number % (5 if setting.loop == "asyncio" else 9) == 0


def _figures(samples: dict[str, list[dict[str, float] | None]]) -> dict[str, Any]:
    """Sum up, with the wall against raw, or do-nothing, and the renewal, by round."""
    found: dict[str, Any] = {}
    ideal = [sample["wall"] + _RENEWAL for sample in samples["raw"] if sample]
    nothing = [sample["wall"] + _RENEWAL for sample in samples["do-nothing middleware"] if sample]
    for name, rounds in samples.items():
        taken = [sample for sample in rounds if sample]
        if taken:
            found[name] = {key: figure(sample[key] for sample in taken) for key in taken[0]}
            walls = [sample["wall"] if sample else None for sample in rounds]
            found[name]["wall_ratio"] = ratio(walls, ideal)
            found[name]["wall_ratio_to_nothing"] = ratio(walls, nothing)
    return found
