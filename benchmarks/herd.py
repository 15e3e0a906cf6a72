"""5,000 requests begun together: just after the token expired, and after a revocation."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.clients import FIRST, HOUR, NOTHING, OURS, RAW
from benchmarks.rows import TIMES, Row, figure, ratio

if TYPE_CHECKING:
    from benchmarks.clients import Client, Get
    from benchmarks.steering import Server

SIZE = 5_000
#: How long a renewal takes, seconds.
RENEWAL = 0.2
#: How long the tokens live that expire, seconds; OAuth 2.0 knows whole seconds only.
_LIFE = 2.0
#: A herd that takes longer, seconds, is cut short, and what is not answered has failed.
_PATIENCE = 20.0
#: Before the token is revoked, seconds: no renewal is held back by the login of a moment ago.
_REST = 1.05
#: The pool of aiohttp's connector.
_POOL = 100


class Herd(NamedTuple):
    """What became of one: `wall` in seconds, the rest is counted."""

    wall: float
    renewals: int
    refused: int
    failed: int


async def run(get: Get, server: Server) -> Herd:
    """Send them all, and count what the server saw."""
    server.set(delay=RENEWAL, lifetime=HOUR)
    server.zero()
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    tasks = [asyncio.create_task(get()) for _ in range(SIZE)]
    _, late = await asyncio.wait(tasks, timeout=_PATIENCE)
    wall = time.perf_counter() - began
    gc.unfreeze()
    told = server.counts()
    for task in late:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    failed = sum(answer != 200 for answer in answers)
    return Herd(wall, told["renewals"], told["refused"], failed)


async def at_expiry(client: Client, server: Server) -> Herd:
    """Block the process, as a suspend does, until the token has expired; then the herd."""
    server.reset(lifetime=_LIFE)
    async with client(server, life=_LIFE) as get:
        await get()
        time.sleep(_LIFE + 0.02)  # noqa: ASYNC251 - it is to block
        return await run(get, server)


async def after_revocation(client: Client, server: Server) -> Herd:
    """End every token on the server; then the herd, which knows nothing of it."""
    server.reset()
    async with client(server) as get:
        await get()
        await asyncio.sleep(_REST)
        server.revoke()
        return await run(get, server)


async def steady(client: Client, server: Server) -> Herd:
    """Send the herd with a token that lives for ever."""
    server.reset()
    async with client(server) as get:
        await get()
        return await run(get, server)


KINDS = {"at expiry": at_expiry, "after a revocation": after_revocation}


async def herds(server: Server, *, quick: bool) -> list[Row]:
    """Compare with the herd of the do-nothing middleware of the same round, and a renewal."""
    found: dict[tuple[str, str], list[Herd]] = {}
    runs = [(NOTHING, "steady"), (RAW, "steady"), *((OURS, kind) for kind in KINDS)]
    order = random.Random(0)
    for _ in range(1 if quick else 7):
        for name, kind in order.sample(runs, len(runs)):
            herd = await KINDS.get(kind, steady)(FIRST[name], server)
            found.setdefault((name, kind), []).append(herd)
    return [_row(found, kind, refused) for kind, refused in zip(KINDS, (0, _POOL), strict=True)]


def _row(found: dict[tuple[str, str], list[Herd]], kind: str, allowed: int) -> Row:
    ours = found[OURS, kind]
    walls = [herd.wall for herd in ours]
    to = {
        name: ratio(walls, [herd.wall + RENEWAL for herd in found[name, "steady"]])
        for name in (NOTHING, RAW)
    }
    renewals, refused, failed = (
        max(getattr(herd, what) for herd in ours) for what in ("renewals", "refused", "failed")
    )
    promise = f"1 renewal, 0 failed, ≤ {allowed} 401s, ≤ 1.10 {TIMES} ({NOTHING} + renewal)"
    text = (
        f"{to[NOTHING].text()}; {renewals} renewal, {failed} failed, {refused} 401s; "
        f"{figure(walls).text()} s; over ({RAW} + renewal) {to[RAW].text()}"
    )
    met = (renewals, failed) == (1, 0) and refused <= allowed and to[NOTHING].median <= 1.1
    return Row(f"5,000 requests {kind}", promise, text, met)
