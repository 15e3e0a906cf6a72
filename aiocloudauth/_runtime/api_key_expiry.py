"""Tells that an API key is about to end, a day before it does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from aiocloudauth._runtime.timer import Timer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from aiocloudauth.clock import Clock, Timeline

__all__ = ["KeyExpiry"]

#: How long before its end a key is told of, in seconds: time to make another one.
_AHEAD: Final = 86_400.0


class KeyExpiry:
    """Calls back a day before an instant, or at once if that is past; once an instant."""

    __slots__ = ("_ends", "_tell", "_timer")

    def __init__(self, clock: Clock, timeline: Timeline, tell: Callable[[datetime], None]) -> None:
        """Wait for nothing yet; `tell` will be called with when the key ends."""
        self._timer = Timer(clock, timeline, self._ring)
        self._ends: datetime | None = None
        self._tell = tell

    def set(self, ends: datetime) -> None:
        """Take in when the key ends; an instant known already changes nothing."""
        if ends != self._ends:
            self._ends = ends
            self._timer.set(ends.timestamp() - _AHEAD)

    def _ring(self, now: float) -> None:
        # It also rings before its time, where the wall clock jumped.
        if self._ends is not None and now >= self._ends.timestamp() - _AHEAD:
            self._tell(self._ends)

    def stop(self) -> None:
        """Wait for nothing any more."""
        self._ends = None
        self._timer.set(math.inf)
