"""5,000 requests started together: just after the token expired, and after a revocation."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.samples import figure, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

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
#: Before the token is revoked, seconds: we are not held back by a renewal of a moment ago.
_REST = 1.05
#: The herd at expiry without the garbage collector: what it costs.
UNCOLLECTED = "at expiry, without the garbage collector"
_MANY = ("raw", "do-nothing middleware", "aiocloudauth")


@contextmanager
def collecting(*, during: bool = True) -> Iterator[None]:
    """Keep what the process had before from the garbage collector, or all that there is.

    It goes through all that lives whenever the herd has grown by a quarter of that.
    """
    gc.collect()
    gc.freeze()
    if not during:
        gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


async def herd(peer: Peer, setting: Setting) -> dict[str, float]:
    """Send them all, and count what the server saw."""
    setting.control.set(delay=_RENEWAL, lifetime=3600.0)
    setting.control.zero()
    collected = gc.get_stats()[2]["collections"]
    started = time.perf_counter()
    tasks = [asyncio.create_task(peer.get()) for _ in range(_HERD)]
    _, late = await asyncio.wait(tasks, timeout=_PATIENCE)
    wall = time.perf_counter() - started
    collected = gc.get_stats()[2]["collections"] - collected
    told = setting.control.stats()
    for task in late:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "wall": wall,
        "failed": sum(answer != 200 for answer in answers),
        "refused": told["refused"],
        "renewals": told["logins"] + told["refreshes"],
        "collected": collected,
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
            await asyncio.sleep(_REST if client.ours else 0.0)
            setting.control.revoke()
        return await herd(peer, setting)


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure both, raw first in each round; the other clients take part in the first alone."""
    full = setting.loop == "asyncio" and not setting.quick
    cases = [
        ("at expiry", at_expiry, setting.pick(9, 1), full),
        ("after a revocation", after_revocation, setting.pick(9, 1), full),
        (UNCOLLECTED, at_expiry, 5 if full else 0, False),
    ]
    found: dict[str, Any] = {}
    for case, run, rounds, others in cases:
        samples: dict[str, list[dict[str, float] | None]] = {}
        for number in range(rounds):
            for name, client in setting.clients().items():
                sample = None
                if name in _MANY or (others and number == 0):
                    with collecting(during=case != UNCOLLECTED):
                        sample = await run(client, setting)
                samples.setdefault(name, []).append(sample)
        if samples:
            found[case] = _figures(samples)
    return found


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
