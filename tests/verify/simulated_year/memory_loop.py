"""An event loop without a kernel: for connections in memory on a clock that is driven by hand."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

from aiocloudauth.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ["MemoryClock", "run_in_memory"]


class _Idle(selectors.SelectSelector):
    """Knows when nothing is left to do: the loop then asks it to wait.

    No connection here has a socket, so that the kernel is asked only if nobody cares about
    that moment, as while the loop starts and ends.
    """

    waiter: asyncio.Future[None] | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0.0:
            return []
        waiter, self.waiter = self.waiter, None
        if waiter is None:
            return super().select(timeout)
        if not waiter.done():
            waiter.set_result(None)
        return []


class MemoryClock(ManualClock):
    """A `ManualClock` that is told when the loop is idle, where others look at every turn.

    A year has some million instants; this halves what they cost.
    """

    def __init__(self, selector: _Idle, seed: int) -> None:
        super().__init__(seed=seed, sockets=False)
        self._selector = selector

    async def settle(self) -> None:
        """Run the loop until nothing more can happen at this instant."""
        waiter = self._selector.waiter = asyncio.get_running_loop().create_future()
        await waiter


def run_in_memory(main: Callable[[MemoryClock], Coroutine[Any, Any, T]], seed: int) -> T:
    """Run `main` on an event loop and a clock of its own."""
    selector = _Idle()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        return runner.run(main(MemoryClock(selector, seed)))
