"""What is promised of a session, judged by what the server saw and what callers got."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, ClassVar

import aiohttp

from aiocloudauth import (
    ApiError,
    BodyNotReplayableError,
    CloudAuthError,
    LoggedIn,
    NoAuthenticationClusterError,
    RenewalFailed,
    SessionClosed,
    SessionClosedError,
    SessionExpiredError,
    SessionLost,
    SessionState,
    TokenRenewed,
    UnauthenticatedError,
    UnauthorizedError,
)
from tests.cast import ROUNDING, WHOLE
from tests.scene import Scene

if TYPE_CHECKING:
    from aiocloudauth import Event
    from tests.cast import Call

__all__ = ["Judge"]


class Judge(Scene):
    """Looks at everything that can be seen between two steps, and in the middle of events."""

    #: The numbers of the promises that this run judges.
    judged: ClassVar[frozenset[int]] = frozenset(range(1, 15))

    # -- what the client tells ------------------------------------------------------------

    def told(self, event: Event) -> None:
        """Subscribe to the session's events; look at it in the middle of each."""
        self.events.append(event)
        if self.closed:
            self.violated(10, f"{event} after close")
        if not hasattr(self, "cloud"):
            return
        self._look_at_token()
        error = self.cloud.last_error
        match event:
            case RenewalFailed(retry_at=retry_at) if error is None and not self.logged_out:
                # The failure of other credentials is their caller's, not the session's.
                if not (self.trials and retry_at is None):
                    self.violated(11, f"{event} but no last_error")
            case LoggedIn() | TokenRenewed():
                if error is not None:
                    self.violated(11, f"{event} and still {error!r}")
                token = self.cloud.token
                if token is not None:
                    self.held = self.tokens.get(token.token.reveal())

    def _look_at_token(self) -> None:
        token = self.cloud.token
        if token is None:
            return
        if self.logged_out or self.closed:
            self.violated(10, "a token is published after logout or close")
            self.violated(4, "a late answer brought the session back")
        if token.session_expiration_time != self.cloud.session_expiration_time:
            self.violated(5, "token and expiry are read apart")
        issued = self.tokens[token.token.reveal()]
        if token.session_expiration_time not in issued.expires:
            self.violated(5, f"{token.session_expiration_time} is not of the token's answer")
        newest = (token.generation, issued.number)
        if newest < self.newest or (newest[0] == self.newest[0]) != (newest == self.newest):
            self.violated(4, f"generation and number {newest} after {self.newest}")
        self.newest = newest

    # -- what is promised -----------------------------------------------------------------

    def violated(self, number: int, what: str) -> None:
        """Note that a promise was broken."""
        if number in self.judged:
            self.complaints.append(f"invariant {number}: {what}")

    def check(self) -> None:
        """Look at everything that can be seen between two rules."""
        if not self.closed:
            self._look_at_token()
        self._check_wire()
        self._check_flights()
        for call in self.calls:
            if call.task.done():
                self._check_call(call)
        self.calls = [call for call in self.calls if not call.task.done()]
        self._check_silence()
        assert not self.complaints, self.complaints

    def check_closed(self, took: float) -> None:
        """Invariant 10, once `close` has returned after so many seconds."""
        if took > 2.0 + ROUNDING:
            self.violated(10, f"close took {took:.3f} s")
        waiting = [call.name for call in self.calls if not call.task.done()]
        if waiting:
            self.violated(10, f"{waiting} wait after close")
        if self.cloud.token is not None or self.cloud.state is not SessionState.CLOSED:
            self.violated(10, f"{self.cloud.token} {self.cloud.state}")
        if self.flights():
            self.violated(10, f"tasks are left: {self.flights()}")
        if self.clock._timers.next_due() != math.inf:
            self.violated(10, "a timer is left")
        if not isinstance(self.events[-1], SessionClosed):
            self.violated(10, f"the last event is {self.events[-1]}")

    def _check_flights(self) -> None:
        """Invariants 1, 2 and 11, as the client's own tasks tell."""
        flights = self.flights()
        if sum(not flight.cancelling() for flight in flights) > 1:
            self.violated(1, f"{flights}")
        cancelled = [flight for flight in self.spared if flight.cancelled() or flight.cancelling()]
        if cancelled:
            self.violated(2, f"a renewal was cancelled with a caller: {cancelled}")
        self.spared.clear()
        self.seen_flights.update(flights)
        over = {flight for flight in self.seen_flights if flight.done()}
        self.seen_flights -= over
        for flight in over:
            if not flight.cancelled() and flight.exception() is not None:
                self.violated(11, f"a renewal ended with {flight.exception()!r}")

    def _check_wire(self) -> None:
        """Invariant 4, as the server sees it."""
        for arrival in list(self.server.log)[self.seen :]:
            self.seen += 1
            if self.closed:
                self.violated(10, f"{arrival} after close")
            if arrival.generation is None or "/users/auth" in arrival.path:
                continue
            if arrival.generation < self.on_the_wire:
                self.violated(4, f"{arrival} after a newer token was sent")
            self.on_the_wire = arrival.generation

    def _check_call(self, call: Call) -> None:
        error = call.error
        if isinstance(error, asyncio.CancelledError):
            if not call.cancelled:
                self.violated(2, f"{call.name} {call.number} was cancelled by another's end")
            return
        group = [one for one in self.calls if call.group and one.group == call.group]
        ends = {type(one.error) for one in group if one.task.done() and not one.cancelled}
        if len(ends) > 1:
            self.violated(1, f"callers of one renewal got {ends}")
        if call.name == "request":
            self._check_request(call, error)
        elif isinstance(error, aiohttp.ClientError) and call.closed_meanwhile:
            pass  # with a header of its own, the request was aiohttp's
        elif not isinstance(error, CloudAuthError | None):
            self.violated(11, f"{call.name} raised {error!r}")

    def _check_request(self, call: Call, error: BaseException | None) -> None:
        closed = call.closed_meanwhile
        held = call.held
        if error is not None and not closed and not self._is_typed(call, error):
            self.violated(11, f"request {call.kind}/{call.odd} raised {error!r}")
        if held is not None and not call.odd and not closed and held.good(call.began, call.ended):
            if error is not None and not call.cancelled:
                self.violated(6, f"{error!r} though {held} was good")
            waited = call.ended - call.began
            if waited > (0.5 if call.kind == "slow" else 0.0) + ROUNDING and not call.cancelled:
                self.violated(6, f"waited {waited:.3f} s though {held} was good")
        self._check_replay(call, error)

    def _is_typed(self, call: Call, error: BaseException) -> bool:
        if call.odd:
            expected: tuple[type[Exception], ...] = (ApiError, SessionExpiredError)
            return isinstance(error, (*expected, BodyNotReplayableError))
        if isinstance(error, SessionExpiredError):
            return True
        if isinstance(error, BodyNotReplayableError):
            return call.kind == "generator"
        return isinstance(
            error,
            UnauthenticatedError
            | NoAuthenticationClusterError
            | UnauthorizedError
            | SessionClosedError,
        ) or (isinstance(error, ApiError) and error.status == 403 and "_login" in error.url)

    def _check_replay(self, call: Call, error: BaseException | None) -> None:
        """Invariant 7, as the server sees it."""
        tail = f"/{call.number}"
        arrivals = [a for a in self.server.log if a.path.endswith(tail) and "/users/" not in a.path]
        if len(arrivals) > 2:
            self.violated(7, f"sent {len(arrivals)} times: {arrivals}")
        if len(arrivals) < 2:
            return
        first, second = arrivals[:2]
        if call.kind == "generator":
            self.violated(7, f"a consumed body was sent again: {arrivals}")
        if call.odd in {"forbidden", "odd"} or first.status != 401:
            self.violated(7, f"sent again after {first.status} {call.odd}")
        if (first.generation or 0) >= (second.generation or 0):
            self.violated(7, f"sent again with the same token: {arrivals}")
        if second.status == 200 and call.kind in {"bytes", "file"} and second.body_sha256 != WHOLE:
            self.violated(7, f"not the whole body the second time: {arrivals}")

    def _check_silence(self) -> None:
        """Invariant 11: every failure was told, logged, and is the last error."""
        failures = [event for event in self.events if isinstance(event, RenewalFailed)]
        if self.failed_attempts > len(failures) + self.abandoned:
            self.violated(11, f"{self.failed_attempts} attempts failed, {len(failures)} were told")
        lost = sum(isinstance(event, SessionLost) for event in self.events)
        warned = [r for r in self.records.records if r.levelno >= logging.WARNING]
        if len([r for r in warned if r.msg.startswith("renewal attempt")]) != len(failures):
            self.violated(11, "a failure is not in the log")
        if len([r for r in warned if r.msg.startswith("no usable token")]) != lost:
            self.violated(11, "the loss of the session is not in the log")
        if any(r.exc_info for r in warned):
            self.violated(11, f"an unforeseen exception: {[r.exc_info for r in warned]}")
        state, error = self.cloud.state, self.cloud.last_error
        if state is SessionState.DEGRADED and error is None:
            self.violated(11, "degraded, and nothing says why")
        if state is SessionState.ACTIVE and error is not None:
            self.violated(11, f"active with {error!r}")
