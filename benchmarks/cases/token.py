"""The current token: what a client does, once a request, to have it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.samples import figure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.setting import Setting

_CALLS = 10_000


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
    """Measure in nanoseconds, less an empty loop; for plain functions less an empty call."""
    setting.control.reset()
    rounds = setting.pick(31, 9)
    found: dict[str, Any] = {}
    for name, client in setting.clients().items():
        async with client(setting.control) as peer:
            current = peer.current()
            if current is None:
                continue
            awaited: Any = current()
            plain = not hasattr(awaited, "__await__")
            if not plain:
                await awaited
            taken = []
            for _ in range(rounds):
                if plain:
                    spent = _called(current) - _called(_nothing)
                else:
                    spent = await _awaited(current)  # type: ignore[arg-type]  # asked above
                taken.append(spent / _CALLS * 1e9)
            found[name] = {"ns": figure(taken)}
    return found
