"""Cancels a task at the n-th of its waits, for every n there is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal, NoReturn, TypeAlias

#: When the cancellation comes: while the task waits; together with what it waits for; or
#: twice, so that what it does about the first is cut off, too.
Moment: TypeAlias = Literal["early", "late", "twice"]
MOMENTS: tuple[Moment, ...] = ("early", "late", "twice")


class Cut(Coroutine[Any, Any, None]):
    """A coroutine that counts its waits, and cancels its task at one of them."""

    def __init__(self, inner: Coroutine[Any, Any, Any], at: int, moment: Moment) -> None:
        """Cut `inner` at wait number `at`, from 1."""
        self._inner = inner
        self._at = {at, at + 1} if moment == "twice" else {at}
        self._late = moment == "late"
        self.waits = 0
        self.task: asyncio.Task[None] | None = None

    def send(self, value: None) -> object:
        """Go on to the next wait."""
        return self._counted(self._inner.send(value))

    def throw(self, *error: Any) -> object:
        """Go on to the next wait, with an error."""
        return self._counted(self._inner.throw(*error))

    def close(self) -> None:
        """End it."""
        self._inner.close()

    def __await__(self) -> NoReturn:
        raise NotImplementedError

    def _counted(self, awaited: object) -> object:
        self.waits += 1
        if self.waits in self._at:
            assert self.task is not None
            cancel = self.task.cancel
            if self._late and isinstance(awaited, asyncio.Future):
                # Before the task's own callback: it is cancelled with the result at hand.
                awaited.add_done_callback(lambda _: cancel())
            else:
                asyncio.get_running_loop().call_soon(cancel)
        return awaited


async def cut(
    inner: Coroutine[Any, Any, Any], at: int, moment: Moment
) -> tuple[asyncio.Task[None], bool]:
    """Run a coroutine in a task, cut at one of its waits; return it, and whether it came to that.

    It ends within three seconds, or the test fails.
    """
    cutting = Cut(inner, at, moment)
    task = cutting.task = asyncio.create_task(cutting)
    done, _ = await asyncio.wait({task}, timeout=3.0)
    assert done, f"hangs once it is cancelled ({moment}) at its wait number {at}"
    return task, cutting.waits >= at
