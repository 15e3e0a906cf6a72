"""The current token: what a client does, once a request, to have it."""

from __future__ import annotations

import random
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.samples import figure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.setting import Setting

_CALLS = 1_000


def _nothing() -> None:
    """Take as long as a call takes."""


async def _awaited(current: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    for _ in range(_CALLS):
        await current()
    return time.perf_counter() - started


def _called(current: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(_CALLS):
        current()
    return time.perf_counter() - started


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure in nanoseconds, less an empty loop; for plain functions less an empty call.

    In turns, in random order: a moment in which the machine is slow then falls on all of them.
    """
    setting.control.reset()
    order = random.Random(0)
    async with AsyncExitStack() as stack:
        asked: dict[str, Callable[[], Any]] = {}
        for name, client in setting.clients().items():
            current = (await stack.enter_async_context(client(setting.control))).current()
            if current is not None:
                asked[name] = current
        taken: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(setting.pick(151, 15)):
            for name in order.sample(list(asked), len(asked)):
                taken[name].append(await _nanoseconds(asked[name]))
    return {name: {"ns": figure(values)} for name, values in taken.items()}


async def _nanoseconds(current: Callable[[], Any]) -> float:
    awaited = current()
    if hasattr(awaited, "__await__"):
        await awaited
        spent = await _awaited(current)
    else:
        spent = _called(current) - _called(_nothing)
    return spent / _CALLS * 1e9
