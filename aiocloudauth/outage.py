"""The time in which requests wait for a token: since when, and each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiocloudauth.clock import Clock

__all__ = ["Outage"]


class Outage:
    """Knows since when there is no token and one may come.

    A request waits for a token where it is written, with a connection in hand, and others
    wait for that connection. So that none of them waits longer than one, each counts its
    time from when it began, or from when the outage did if that was later.
    """

    __slots__ = ("_clock", "since")

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        #: Seconds of `Clock.monotonic`; `None` while nobody waits.
        self.since: float | None = None

    def begin(self) -> None:
        """Take note that requests wait from now on; a second call does nothing."""
        if self.since is None:
            self.since = self._clock.monotonic()

    def end(self) -> None:
        """Take note that nobody waits: there is a token, or there will be none."""
        self.since = None

    def now(self) -> float:
        """Return the time, for a request that begins."""
        return self._clock.monotonic()

    def waited(self, began: float) -> float:
        """Return for how many seconds a request has waited that began at that time."""
        return 0.0 if self.since is None else self.now() - max(began, self.since)
