"""The only reader of time and randomness.

Everything that waits, measures or draws does so through a `Clock`, so that a test
can hand in one it drives by hand (`aiocloudauth.testing.ManualClock`).
"""

from __future__ import annotations

import asyncio
import random as _random
import time as _time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["Clock", "Timeline", "TimerHandle"]

#: A gap between the two clocks below this is noise of reading them one after the other.
_NOISE = 0.5


class TimerHandle(Protocol):
    """What `Clock.call_later` returns: a timer that can be taken back."""

    def cancel(self) -> None:
        """Take the timer back. A second call, or one after it fired, does nothing."""


class Clock:
    """The system's clocks, timers and randomness.

    A subclass replaces `time`, `monotonic`, `random` and `call_later`; `sleep` and
    `timeout` are made of those.
    """

    #: Seconds since the Unix epoch, UTC. May be stepped, and runs on during a suspend.
    time: Callable[[], float] = staticmethod(_time.time)

    #: Seconds since an arbitrary start. Never stepped; stands still during a suspend.
    monotonic: Callable[[], float] = staticmethod(_time.monotonic)

    #: A draw from [0, 1), out of the system's entropy: `random.seed` does not set it, a draw
    #: takes nothing from the program's own sequence, and a forked child does not repeat it.
    random: Callable[[], float] = staticmethod(_random.SystemRandom().random)

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        """Call `callback` in the running loop after `delay` seconds of `monotonic`."""
        return asyncio.get_running_loop().call_later(delay, callback)

    async def sleep(self, delay: float) -> None:
        """Wait for `delay` seconds of `monotonic`."""
        woken = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    @asynccontextmanager
    async def timeout(self, delay: float) -> AsyncIterator[asyncio.Timeout]:
        """Cancel the block after `delay` seconds of `monotonic` and raise `TimeoutError`.

        As `asyncio.timeout`, on this clock's time.
        """
        async with asyncio.timeout(None) as scope:
            # A deadline that has passed fires at the loop's next turn.
            timer = self.call_later(delay, lambda: scope.reschedule(0.0))
            try:
                yield scope
            finally:
                timer.cancel()


class Timeline:
    """One scale of seconds that never goes back, and that a suspend does not stop.

    It runs with `Clock.monotonic`. Where the wall clock gains on that, the machine was
    suspended, or the wall was stepped forward; either counts as time that passed. A wall
    clock stepped back changes nothing.
    """

    def __init__(self, clock: Clock) -> None:
        """Start the scale at the wall clock's reading."""
        self._clock = clock
        self._gap = clock.time() - clock.monotonic()
        self._offset = self._gap
        #: How often the wall clock was found to have moved against `monotonic`.
        self.jumps = 0

    def wall(self, at: float) -> datetime:
        """Return the instant `at` as the wall clock will show it, aware UTC."""
        return datetime.fromtimestamp(self._clock.time() + at - self.now(), UTC)

    def now(self) -> float:
        """Return the present instant."""
        monotonic = self._clock.monotonic()
        gap = self._clock.time() - monotonic
        gained = gap - self._gap
        if abs(gained) > _NOISE:
            self._offset += max(0.0, gained)
            self._gap = gap
            self.jumps += 1
        return monotonic + self._offset
