"""Where requests begin: a crowd of them by turns, behind a renewal, when a connection is near."""

from __future__ import annotations

from asyncio import get_running_loop
from collections import OrderedDict
from math import inf
from typing import TYPE_CHECKING, Final

from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

    from aiocloudauth.clock import Clock, TimerHandle

__all__ = ["Gate"]

#: Requests that begin in one turn of the loop while others wait.
_A_TURN: Final = 256
#: The most that begin in one turn, counted from the last one that was found full.
_CROWD: Final = 2 * _A_TURN
#: Those of a crowd that are on their way at once, for each connection: some are built while
#: another is answered, and a connection never waits for a request.
_NEAR: Final = 3
#: The least time between two looks at the whole line, seconds.
_SWEEP: Final = 0.05
#: The longest that a crowd is held back for a renewal to be sent, seconds.
_LEAD: Final = 0.1


class Gate:
    """Lets a crowd of requests begin by turns of the loop, and so many as have a use for it.

    aiohttp builds a request before it waits for anything. Thousands that are begun at once
    keep the loop busy with that for a good part of a second, and the 401 that calls for a
    renewal, and the renewal, would wait behind them all; and each is kilobytes that wait for
    a connection. Like this they are built while the server works, and when a connection is
    near. Of fewer than `_A_TURN` in a turn nobody waits, unless others do.
    """

    _loop: AbstractEventLoop

    __slots__ = (
        "_begun",
        "_clock",
        "_held",
        "_idle",
        "_inside",
        "_loop",
        "_passed",
        "_room",
        "_scheduled",
        "_sweep_at",
        "_sweeper",
        "_timer",
        "_waiting",
    )

    def __init__(self, clock: Clock) -> None:
        """Let the first begin."""
        self._clock = clock
        #: No fewer than have begun in this turn: small numbers are not worth a callback each.
        self._begun = 0
        self._held = False
        self._idle = False
        self._passed = False
        #: Those of a crowd that have begun and are not answered, and the most there may be.
        self._inside = 0
        self._room = inf
        self._scheduled = False
        self._timer: TimerHandle | None = None
        # Until when each waits at most. Not a deque: who gives up leaves it from any place.
        self._waiting: OrderedDict[Future[float], float] = OrderedDict()
        # One timer for them all: what most have in common is how long they wait.
        self._sweeper: TimerHandle | None = None
        self._sweep_at = inf

    def open(self, pool: int) -> None:
        """Let requests begin, in the loop that runs now.

        Args:
            pool: The connections that a crowd of them shares: no more are let in than keep
                these busy. 0 is no limit.
        """
        self._loop = get_running_loop()
        self._room = _NEAR * pool if pool else inf

    def crowded(self) -> bool:
        """Count a request that is to begin; return whether it has to wait for its turn."""
        self._begun += 1
        if self._begun < _A_TURN:
            return False
        self._schedule()
        return self._begun > _CROWD

    def queue(self, patience: float) -> Future[float]:
        """Return a place in the line, which is to be awaited and given to `leave` in the end.

        Args:
            patience: The longest to wait, seconds of the session's clock.

        Returns:
            What is left of `patience`, seconds; 0 if the request may not begin any more.

        Raises:
            ConfigurationError: Another event loop runs than that of `open`.
        """
        if get_running_loop() is not self._loop:  # whose timer would fall silent with it
            raise ConfigurationError("a request was begun in another event loop than its session")
        by = self._clock.monotonic() + patience
        if by < self._sweep_at:
            self._sweep_by(by)
        turn: Future[float] = self._loop.create_future()
        self._waiting[turn] = by
        self._begun = _CROWD  # who comes now waits behind this one
        self._schedule()
        return turn

    def leave(self, turn: Future[float]) -> None:
        """Make room for the next: the request is answered, or will not be."""
        if turn in self._waiting:
            del self._waiting[turn]
        elif not turn.cancelled() and turn.result():
            self._inside -= 1
        if not self._waiting:
            self._sweep_by(inf)
        if self._begun >= _CROWD:  # who comes now would wait, and need not
            self._schedule()

    def pass_by(self) -> None:
        """Let all begin who wait now, by turns: a request that cannot wait goes ahead of them."""
        if self._waiting:
            self._passed = True
            self._schedule()

    def hold(self) -> None:
        """Let none of a crowd begin until the renewal that it needs is sent."""
        self._held = True

    def sent(self) -> None:
        """Let all begin who waited for this, or too long: until `release` the time is idle."""
        if self._held:
            self._idle = True
            self._go_on()

    def release(self) -> None:
        """Let a crowd go on: the renewal is over."""
        self._idle = False
        self._go_on()

    def _go_on(self) -> None:
        self._held = False
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if self._waiting:
            self._schedule()

    def lift(self) -> None:
        """Let all go on, by turns still: from now on none is kept until a connection is near."""
        self._room = inf
        if self._waiting:
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and not self._loop.is_closed():
            self._loop.call_soon(self._turn)
            self._scheduled = True

    def _turn(self) -> None:
        self._scheduled = False
        if self._held and self._waiting:
            self._timer = self._timer or self._clock.call_later(_LEAD, self.sent)
            return
        self._begun = 0
        room = inf if self._idle or self._passed else self._room
        now = self._clock.monotonic()
        while self._waiting and self._begun < _A_TURN and self._inside < room:
            turn, by = self._waiting.popitem(last=False)
            if not turn.done():
                left = max(by - now, 0.0)
                turn.set_result(left)
                if left:
                    self._begun += 1
                    self._inside += 1
        if not self._waiting:
            self._passed = False
        if self._waiting or self._inside >= room:
            self._begun = _CROWD
            if self._inside < room:
                self._schedule()

    def _sweep_by(self, by: float) -> None:
        """Have those whose patience has ended leave the line at that time, and not before."""
        sweeper, self._sweeper = self._sweeper, None
        if sweeper is not None:
            sweeper.cancel()
        self._sweep_at = by
        if by < inf:
            self._sweeper = self._clock.call_later(by - self._clock.monotonic(), self._sweep)

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        for turn in [turn for turn, by in self._waiting.items() if by <= now]:
            del self._waiting[turn]
            if not turn.done():
                turn.set_result(0.0)
        self._sweep_by(max(min(self._waiting.values(), default=inf), now + _SWEEP))
