"""Time that a test drives by hand: a day passes in milliseconds, the same way every time."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import math
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

from attrs import define, field

from aiocloudauth.clock import Clock, TimerHandle
from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing.settling import settled

__all__ = ["ManualClock"]

_T = TypeVar("_T")

#: 2026-01-01T00:00:00Z.
_START: Final = 1_767_225_600.0

#: The least that a timer waits, if it waits at all: a remainder that rounding would swallow
#: must not fire at the same instant over and over.
_TICK: Final = 1e-6

#: Below this many timers taken back, a heap is not worth cleaning.
_FEW: Final = 64


@define(eq=False)
class _Timer:
    owner: _Timers
    loop: asyncio.AbstractEventLoop
    callback: Callable[[], None] | None
    context: contextvars.Context = field(factory=contextvars.copy_context)

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            self.owner.cancelled()

    def fire(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None and not self.loop.is_closed():
            self.loop.call_soon(callback, context=self.context)


class _Timers:
    """A heap of timers on one scale of time."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, _Timer]] = []
        self._count = 0
        self._dead = 0

    def add(self, due: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(self, asyncio.get_running_loop(), callback)
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, timer))
        return timer

    def cancelled(self) -> None:
        self._dead += 1
        if self._dead > _FEW and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._dead = 0

    def next_due(self) -> float:
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else math.inf

    def fire_due(self, now: float, behind: float = 0.0) -> None:
        # Compared as `_next` does: with the sum taken on the other side, rounding could
        # leave a timer due and never fired.
        while self.next_due() - behind <= now:
            heapq.heappop(self._heap)[2].fire()


class ManualClock(Clock):
    """A clock that stands still until it is told to move.

    `start` is what the wall clock shows at first: seconds since the epoch, or an aware
    datetime. `random` is seeded with `seed`. One clock belongs to one machine: give it to
    the client, and to `CloudServer`, which then keeps the time of `remote`, another
    machine's clock that passes equally but is neither suspended nor stepped.
    """

    def __init__(self, start: float | datetime = _START, *, seed: int = 0) -> None:
        if isinstance(start, datetime):
            if start.tzinfo is None:
                message = "ManualClock: start has to be an aware datetime"
                raise ConfigurationError(message)
            start = start.timestamp()
        self._start = _seconds("start", start, least=-math.inf)
        self._passed = 0.0
        self._suspended = 0.0
        self._stepped = 0.0
        self._timers = _Timers()
        self._moving = False
        self._random = random.Random(seed)
        #: Grows with everything that happens on this clock.
        self.activity = 0
        self.remote = _Remote(self, seed)

    def time(self) -> float:
        """Read the wall clock: seconds since the epoch."""
        self.activity += 1
        return self._start + self._passed + self._suspended + self._stepped

    def monotonic(self) -> float:
        """Read the monotonic clock: seconds since this clock was made, without suspends."""
        self.activity += 1
        return self._passed

    def random(self) -> float:
        """Draw from [0, 1)."""
        return self._random.random()

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        """Call `callback` in the running loop once the clock was moved on by `delay` seconds."""
        self.activity += 1
        return self._timers.add(self._passed + _at_least_a_tick(delay), callback)

    @property
    def next_due(self) -> float | None:
        """Seconds until the next timer, here or at `remote`; None if there is none."""
        due = self._next()
        return None if due == math.inf else max(0.0, due - self._passed)

    async def advance(self, seconds: float) -> None:
        """Let time pass: fire every timer due on the way, in order, each at its instant.

        After each instant the loop is run until nothing more can happen at it.
        """
        await self._advance(self._passed + _seconds("seconds", seconds))

    async def drive(self, awaitable: Awaitable[_T], *, limit: float = 86_400.0) -> _T:
        """Move from timer to timer until `awaitable` is done, and return its result.

        Raises `TimeoutError` when that takes more than `limit` seconds of this clock, or
        would take for ever because no timer is left; `awaitable` is cancelled then.
        """
        began = self._passed
        end = began + _seconds("limit", limit)
        task = asyncio.ensure_future(awaitable)
        try:
            await settled(self)
            while not task.done():
                due = self._next()
                if due > end:
                    why = "no timer is left" if due == math.inf else f"{limit:g} s are over"
                    message = f"not done after {self._passed - began:g} s: {why}"
                    raise TimeoutError(message)
                await self._advance(due)
        except BaseException:
            task.cancel()
            await settled(self)
            raise
        return await task

    async def settle(self) -> None:
        """Run the loop until nothing more can happen at this instant."""
        await settled(self)

    def suspend(self, seconds: float) -> None:
        """Sleep as a closed laptop does: the wall clock runs on, `monotonic` stands still.

        Timers of this machine are late by as much. What `remote` had to do meanwhile it
        does at the end.
        """
        self._suspended += _seconds("seconds", seconds)
        self._fire_remote()

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or, with a negative number, back."""
        self._stepped += _seconds("seconds", seconds, least=-math.inf)
        self.activity += 1

    def _next(self) -> float:
        remote = self.remote.timers.next_due() - self._suspended
        return min(self._timers.next_due(), remote)

    def _fire_remote(self) -> None:
        self.activity += 1
        self.remote.timers.fire_due(self._passed, self._suspended)

    async def _advance(self, target: float) -> None:
        if self._moving:
            message = "the clock is being moved already, by another task"
            raise RuntimeError(message)
        self._moving = True
        try:
            await settled(self)
            while (due := self._next()) <= target:
                self._passed = max(self._passed, due)
                self._timers.fire_due(self._passed)
                self._fire_remote()
                await settled(self)
            self._passed = max(self._passed, target)
        finally:
            self._moving = False


class _Remote(Clock):
    """The clock of a machine that is neither suspended nor stepped."""

    def __init__(self, local: ManualClock, seed: int) -> None:
        self._local = local
        self._random = random.Random(f"remote {seed}")
        self.timers = _Timers()

    def time(self) -> float:
        local = self._local
        local.activity += 1
        return local._start + local._passed + local._suspended

    def monotonic(self) -> float:
        local = self._local
        local.activity += 1
        return local._passed + local._suspended

    def random(self) -> float:
        return self._random.random()

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        local = self._local
        local.activity += 1
        return self.timers.add(local._passed + local._suspended + _at_least_a_tick(delay), callback)


def _at_least_a_tick(delay: float) -> float:
    return max(delay, _TICK) if delay > 0 else 0.0


def _seconds(name: str, value: float, *, least: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        message = f"ManualClock: {name} has to be a finite number of seconds, not {value!r}"
        raise ConfigurationError(message)
    if value < least:
        message = f"ManualClock: {name} cannot be negative, as {value!r} is"
        raise ConfigurationError(message)
    return float(value)
