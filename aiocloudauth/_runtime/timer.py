"""One timer, which a suspended laptop does not delay by hours."""

from __future__ import annotations

import math
import weakref
from contextvars import Context
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth.clock import Clock, Timeline, TimerHandle

__all__ = ["Timer"]

#: Longest sleep, seconds: timers stand still while the machine is suspended, so the
#: wall clock is looked at this often.
_SLICE: Final = 30.0


class Timer:
    """Calls back at one instant of a timeline; a new one takes the old one's place.

    It also calls back on the way there if the wall clock was found to have jumped. It calls
    in an empty context, and the event loop does not keep it alive.
    """

    __slots__ = ("__weakref__", "_at", "_clock", "_jumps", "_ring", "_timeline", "_timer")

    def __init__(self, clock: Clock, timeline: Timeline, ring: Callable[[float], None]) -> None:
        """Set nothing yet; `ring` will be called with the present instant."""
        self._clock = clock
        self._timeline = timeline
        self._ring = ring
        self._at = math.inf
        self._jumps = 0
        self._timer: TimerHandle | None = None

    def set(self, at: float) -> None:
        """Ring at `at`; infinity is never."""
        if at == self._at:
            return
        self._at = at
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at != math.inf:
            self._sleep()

    def _sleep(self) -> None:
        delay = min(max(self._at - self._timeline.now(), 0.0), _SLICE)
        wake = weakref.WeakMethod(self._wake)

        def ring() -> None:
            if (alive := wake()) is not None:
                alive()

        self._timer = Context().run(self._clock.call_later, delay, ring)

    def _wake(self) -> None:
        self._timer = None
        now = self._timeline.now()
        if now < self._at:
            self._sleep()
            if self._timeline.jumps == self._jumps:
                return
            self._jumps = self._timeline.jumps
        else:
            self._at = math.inf
        self._ring(now)

    def forget(self) -> None:
        """Drop the timer of a loop that is gone."""
        self._at = math.inf
        self._timer = None
