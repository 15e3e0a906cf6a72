"""1,000 sessions in one process: memory each, CPU while idle, and how their renewals spread."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp

from aiocloudauth import CloudSession, Password, RenewalPolicy

if TYPE_CHECKING:
    from benchmarks.control import Control
    from benchmarks.setting import Setting

_SESSIONS = 1_000
_QUICK_SESSIONS = 200
#: How long their tokens live, seconds: they are due when a quarter of it is left, less jitter.
_LIFE = 20.0
_IDLE = 5.0


def _sessions(control: Control, number: int) -> list[CloudSession]:
    return [
        CloudSession(control.origin, Password("admin", "secret"), logout_on_close=False)
        for _ in range(number)
    ]


async def _settled() -> int:
    # Longer than an idle connection of a renewal is kept, which is 2 s.
    await asyncio.sleep(2.5)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def memory(setting: Setting) -> dict[str, float]:
    """Compare open sessions with bare `aiohttp.ClientSession`s, in KiB each."""
    number = setting.pick(_SESSIONS, _QUICK_SESSIONS)
    setting.control.reset()
    tracemalloc.start()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            CloudSession(setting.control.origin, Password("admin", "secret"))
        )
        before = await _settled()
        for _ in range(number):
            await stack.enter_async_context(aiohttp.ClientSession())
        bare = await _settled() - before
    async with AsyncExitStack() as stack:
        before = await _settled()
        for session in _sessions(setting.control, number):
            await stack.enter_async_context(session)
        ours = await _settled() - before
    tracemalloc.stop()
    each = 1024 * number
    return {
        "kib_each": ours / each,
        "kib_each_bare": bare / each,
        "kib_above_bare": (ours - bare) / each,
    }


async def idle_and_renewals(setting: Setting) -> dict[str, float]:
    """Let them idle, then renew, all of them due within the second of their logins."""
    setting.control.reset(lifetime=_LIFE)
    began = time.time()
    async with AsyncExitStack() as stack:
        sessions = _sessions(setting.control, _SESSIONS)
        await asyncio.gather(*(stack.enter_async_context(session) for session in sessions))
        logins = time.time() - began
        await asyncio.sleep(3.0)
        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.sleep(_IDLE)
        idle = (time.process_time() - cpu) / (time.perf_counter() - wall)
        setting.control.zero()
        await asyncio.sleep(began + logins + 0.85 * _LIFE - time.time())
        renewals = setting.control.stats()["renewals"]
    ages = sorted(age for _, _, age in renewals)
    starts = sorted(started for started, _, _ in renewals)
    return {
        "logins_took": logins,
        "idle_share_of_core": idle,
        "renewed": len(renewals),
        # What jitter alone does: the age at which each token was renewed.
        "first_age": ages[0],
        "last_age": ages[-1],
        "window": 0.25 * _LIFE * RenewalPolicy().jitter,
        "spread": ages[-1] - ages[0],
        "busiest_100_ms_by_age": _busiest(ages, 0.1),
        "busiest_100_ms": _busiest(starts, 0.1),
    }


def _busiest(ordered: list[float], window: float) -> int:
    """Return the most that fall into any window of that length."""
    most = first = 0
    for last, instant in enumerate(ordered):
        while instant - ordered[first] > window:
            first += 1
        most = max(most, last - first + 1)
    return most


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure one after the other; quickly, the memory of fewer sessions alone."""
    found = await memory(setting)
    return found if setting.quick else {**found, **await idle_and_renewals(setting)}
