"""Where requests begin: a crowd of them by turns, and behind a renewal."""

from __future__ import annotations

from asyncio import get_running_loop
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import Future

    from aiocloudauth.clock import Clock, TimerHandle

__all__ = ["Gate"]

#: Requests that begin in one turn of the loop while others wait.
_A_TURN: Final = 256
#: The most that begin in one turn, counted from the last one that was found full.
_CROWD: Final = 2 * _A_TURN
#: The longest that a crowd is held back for a renewal to be sent, seconds.
_LEAD: Final = 0.1


class Gate:
    """Lets a crowd of requests begin by turns of the loop, so that a renewal overtakes it.

    aiohttp builds a request before it waits for anything. Thousands that are begun at once
    keep the loop busy with that for a good part of a second, and the 401 that calls for a
    renewal, and the renewal, would wait behind them all. Like this they are built while the
    server works on it. Of fewer than `_A_TURN` in a turn nobody waits.
    """

    __slots__ = ("_begun", "_clock", "_held", "_scheduled", "_timer", "_waiting")

    def __init__(self, clock: Clock) -> None:
        """Let the first begin."""
        self._clock = clock
        #: No fewer than have begun in this turn: small numbers are not worth a callback each.
        self._begun = 0
        self._held = False
        self._scheduled = False
        self._timer: TimerHandle | None = None
        self._waiting: deque[Future[None]] = deque()

    def enter(self) -> Future[None] | None:
        """Count a request that is to begin; return what it has to await first, if it has to."""
        self._begun += 1
        if self._begun < _A_TURN:
            return None
        self._schedule()
        if self._begun <= _CROWD:
            return None
        turn = get_running_loop().create_future()
        self._waiting.append(turn)
        return turn

    def hold(self) -> None:
        """Let none of a crowd begin until `release`: a renewal is to be sent."""
        self._held = True

    def release(self) -> None:
        """Let a crowd go on: the renewal is sent, or over, or takes too long."""
        self._held = False
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if self._waiting:
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._held and self._waiting:
            self._timer = self._timer or self._clock.call_later(_LEAD, self.release)
            return
        self._begun = 0
        while self._waiting and self._begun < _A_TURN:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._begun += 1
        if self._waiting:
            self._begun = _CROWD  # who comes now waits behind them
            self._schedule()
