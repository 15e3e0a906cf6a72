"""Thousands of requests that wait: what each holds, an outage of the authentication, `close`."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING

from aiocloudauth import CloudSession, Password, RenewalPolicy
from benchmarks.clients import FIRST, NOTHING, OURS, RAW
from benchmarks.rows import Row, figure

if TYPE_CHECKING:
    from benchmarks.clients import Client
    from benchmarks.steering import Server

_QUEUED = 10_000
_CROWD = 5_000
_RENEWAL_TIMEOUT = 3.0
#: How much later than that the last of a crowd may be told, seconds.
_LATE = 2.0
#: Turns of the loop in which a crowd gets as far as it can.
_TURNS = 50


async def held(client: Client, server: Server, number: int) -> float:
    """Return the bytes of a request that waits behind a slow one, in a pool of one connection."""
    server.reset()
    async with client(server, limit=1) as get:
        await get()
        slow = asyncio.create_task(get("/slow/60"))
        await asyncio.sleep(0.1)
        gc.collect()
        tracemalloc.start()
        tasks = [asyncio.create_task(get()) for _ in range(number)]
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        gc.collect()
        seen, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        for task in (*tasks, slow):
            task.cancel()
        await asyncio.gather(*tasks, slow, return_exceptions=True)
    return seen / number


async def queued(server: Server, *, quick: bool) -> list[Row]:
    """Count once, since bytes hardly vary; a hundred first fill the caches."""
    number = 2_000 if quick else _QUEUED
    found = {}
    for name, client in FIRST.items():
        await held(client, server, 100)
        found[name] = await held(client, server, number)
    text = (
        f"{found[OURS] / found[NOTHING]:.3f} ({found[OURS]:,.0f}; "
        f"{NOTHING} {found[NOTHING]:,.0f}, {RAW} {found[RAW]:,.0f})"
    )
    case = f"{number:,} queued in a pool of one, bytes each"
    return [Row(case, f"≤ the {NOTHING}", text, found[OURS] <= found[NOTHING])]


async def _starved(server: Server, cloud: CloudSession) -> None:
    """Let the token end while no other can be had."""
    server.set(down=True)
    while cloud.token is not None:  # noqa: ASYNC110 - no event tells that a token ends
        await asyncio.sleep(0.05)


async def _ask(cloud: CloudSession, path: str = "/deployments") -> tuple[str, float]:
    """Return what a request ended in, a status or the class of an error, and after how long."""
    began = time.perf_counter()
    try:
        async with cloud.get(path) as response:
            outcome = str(response.status)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
        outcome = type(error).__name__
    return outcome, time.perf_counter() - began


def _told(outcomes: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in outcomes.most_common())


async def outage(server: Server, *, quick: bool) -> list[Row]:
    """Begin a crowd on the default pool once the token is gone: how long each waits."""
    policy = RenewalPolicy(renewal_timeout=_RENEWAL_TIMEOUT, attempt_timeout=1.0)
    longest, outcomes = [], Counter[str]()
    for _ in range(1 if quick else 3):
        server.reset(lifetime=2.0)
        async with CloudSession(server.origin, Password("admin", "secret"), policy=policy) as cloud:
            await _starved(server, cloud)
            gc.collect()
            gc.freeze()
            told = await asyncio.gather(*(_ask(cloud) for _ in range(_CROWD)))
            gc.unfreeze()
        outcomes.update(outcome for outcome, _ in told)
        longest.append(max(took for _, took in told))
    promise = f"each denied within `renewal_timeout` ({_RENEWAL_TIMEOUT:g} s) + {_LATE:g} s"
    met = max(longest) <= _RENEWAL_TIMEOUT + _LATE and set(outcomes) == {"SessionExpiredError"}
    text = f"longest {figure(longest).text()} s; {_told(outcomes)}"
    return [Row("5,000 requests in an outage", promise, text, met)]


async def closing(server: Server, *, quick: bool) -> list[Row]:
    """Close a session while a crowd waits: for a connection, and for a token."""
    rows = []
    for what in ("a connection", "a token"):
        took, outcomes, opened = [], Counter[str](), 0
        for _ in range(1 if quick else 3):
            server.reset(lifetime=2.0 if what == "a token" else 3600.0)
            credentials = Password("admin", "secret")
            cloud = await CloudSession(server.origin, credentials, logout_on_close=False)
            if what == "a token":
                await _starved(server, cloud)
            tasks = [asyncio.create_task(_ask(cloud, "/slow/60")) for _ in range(_CROWD)]
            await asyncio.sleep(1.5)
            before = server.counts()["connections"]
            began = time.perf_counter()
            await cloud.close()
            outcomes.update(outcome for outcome, _ in await asyncio.gather(*tasks))
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.1)
            opened = max(opened, server.counts()["connections"] - before)
        text = f"{opened} new connections; {_told(outcomes)}; {figure(took).text()} s"
        met = opened == 0 and set(outcomes) == {"SessionClosedError"}
        promise = "0 new connections, all end with SessionClosedError"
        rows.append(Row(f"`close()` while 5,000 wait for {what}", promise, text, met))
    return rows
