"""64 workers that never pause, tokens of 2 s, and renewals that take 0.2 s."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.clients import FIRST, OURS
from benchmarks.rows import Row

if TYPE_CHECKING:
    from benchmarks.clients import Client
    from benchmarks.steering import Server

_WORKERS = 64
_LIFE, _RENEWAL = 2.0, 0.2
_SLOW = 0.1


class Load(NamedTuple):
    """What became of the requests; `slowest` in seconds."""

    requests: int
    failed: int
    slow: int
    slowest: float
    renewals: int
    refused: int


async def run(client: Client, server: Server, *, revoke: bool, seconds: float) -> Load:
    """Keep it busy while its tokens change; `revoke`: the new one ends the old one."""
    server.reset(lifetime=_LIFE, revoke=revoke)
    took: list[float] = []
    failed = 0

    async with client(server, life=_LIFE) as get:

        async def work() -> None:
            nonlocal failed
            while (started := time.perf_counter()) < began + seconds:
                try:
                    status = await get()
                except Exception:  # noqa: BLE001 - each library has its own, and each counts
                    status = 0
                    await asyncio.sleep(0)  # a failure at once must not starve the loop
                took.append(time.perf_counter() - started)
                failed += status != 200

        await get()
        server.set(delay=_RENEWAL)
        server.zero()
        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(_WORKERS)))
        told = server.counts()
    slow = sum(seconds > _SLOW for seconds in took)
    return Load(len(took), failed, slow, max(took), told["renewals"], told["refused"])


async def loads(server: Server, *, quick: bool) -> list[Row]:
    """Measure with the old token ended by the new one, and not."""
    rows = []
    for revoke, fate in ((True, "ended"), (False, "kept")):
        load = await run(FIRST[OURS], server, revoke=revoke, seconds=3.0 if quick else 15.0)
        text = (
            f"{load.failed} of {load.requests:,} failed, {load.slow} over 100 ms "
            f"(slowest {load.slowest * 1e3:.0f} ms), {load.renewals} renewals, {load.refused} 401s"
        )
        met = load.failed == load.slow == 0 and load.renewals > 0
        case = f"64 workers under renewal, the old token {fate}"
        rows.append(Row(case, "0 failed, 0 over 100 ms", text, met))
    return rows
