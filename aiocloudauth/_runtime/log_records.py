"""What the log says of a session: one line a record, and an outage in few of them."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from aiocloudauth import events
from aiocloudauth.errors import (
    AuthenticationError,
    CloudAuthError,
    PermissionDeniedError,
    SessionExpiredError,
)

if TYPE_CHECKING:
    from datetime import datetime

    from aiocloudauth._runtime.waiters import Waiters
    from aiocloudauth.clock import Clock, Timeline
    from aiocloudauth.token import SessionToken

__all__ = ["LogRecords", "log", "span"]

logger = logging.getLogger("aiocloudauth")

#: Seconds between two records at WARNING or above while an outage lasts.
_PAUSE: Final = 60.0


def log(
    level: int,
    message: str,
    *values: object,
    host: str,
    exc_info: BaseException | None = None,
    **fields: object,
) -> None:
    """Log, and let a handler's own failure stop nothing.

    Args:
        level: As for `logging`.
        message: As for `logging`; one line.
        values: As for `logging`.
        host: The session's, which begins the line.
        exc_info: As for `logging`.
        fields: For structured logs: attributes of the record, each with ``ece_`` in front.
    """
    extra = {f"ece_{name}": value for name, value in {"host": host, **fields}.items()}
    template = f"%s: {message}"
    with suppress(Exception):
        logger.log(level, template, host, *values, exc_info=exc_info, extra=extra)


def span(seconds: float) -> str:
    """Return a duration for people: ``240 ms``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for size, large, step, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            rest = whole % size // step
            return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")
    minutes, rest = divmod(whole, 60)
    return " ".join([f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest or not minutes))


class Outage:
    """From the first failure to the next success."""

    __slots__ = ("began_at", "lost", "told_at", "waited_before")

    def __init__(self, began_at: float, waited_before: int) -> None:
        """Begin; times are the timeline's."""
        self.began_at = began_at
        self.told_at = float("-inf")
        #: Whether it was told that no token is left.
        self.lost = False
        self.waited_before = waited_before


class LogRecords:
    """Writes down what happens to one session.

    A failure and what follows from it in the same step are one record, so `tell` keeps what
    it is told until `write`.
    """

    __slots__ = (
        "_by_login",
        "_clock",
        "_had_token",
        "_host",
        "_outage",
        "_timeline",
        "_told",
        "attempting",
    )

    def __init__(self, host: str, clock: Clock, timeline: Timeline) -> None:
        """Begin with an empty page; every record names `host`."""
        self._host = host
        self._clock = clock
        self._timeline = timeline
        self._outage: Outage | None = None
        self._told: list[events.Event] = []
        self._had_token = False
        self._by_login = False
        #: What the attempt under way, or the last one, is called.
        self.attempting = "login"

    def log(
        self, level: int, message: str, *values: object, exc_info: BaseException | None = None
    ) -> None:
        """Write a record that is no event's."""
        log(level, message, *values, host=self._host, exc_info=exc_info)

    def tell(self, record: events.Event) -> None:
        """Take down one event."""
        self._told.append(record)

    def given_up(self) -> None:
        """Start anew: nobody tries any more."""
        self._outage, self._had_token = None, False

    def write(self, waiters: Waiters[SessionToken] | None, *, opening: bool = False) -> None:
        """Write down what was told.

        Args:
            waiters: Those who wait for a token.
            opening: Whether `open` waits for the first token: it may give up at any failure, so
                no further attempt is announced.
        """
        told, self._told = self._told, []
        lost = next((one for one in told if isinstance(one, events.SessionLost)), None)
        waited = 0 if waiters is None or opening else waiters.joined
        for record in told:
            match record:
                case events.RenewalFailed():
                    self._failed(record, lost, told, waited, opening=opening)
                    lost = None
                case events.SessionLost() if record is lost:
                    self._lost(record, waited)
                case events.LoggedIn() if self._had_token:
                    self._by_login = True  # `TokenRenewed` follows
                case events.LoggedIn() | events.TokenRenewed() | events.TokenAdopted():
                    self._succeeded(record, waited)
                case _:
                    self._other(record)

    # -- an outage ------------------------------------------------------------------------

    def _failed(
        self,
        record: events.RenewalFailed,
        lost: events.SessionLost | None,
        told: list[events.Event],
        waited: int,
        *,
        opening: bool,
    ) -> None:
        first, outage = self._outage is None, self._during(waited)
        lasted = self._timeline.now() - outage.began_at
        so_far = f"attempt {record.attempt} failed, {span(lasted)} into the outage"
        how = "failed" if first else so_far
        clauses = [f"{self.attempting} {how}: {_line(record.error)}"]
        fields: dict[str, object] = {"attempt": record.attempt}
        if any(isinstance(one, events.SessionDegraded) for one in told):
            clauses.append("requests go on with the token in hand")
        if opening:
            self._write(logging.WARNING, outage, record, clauses, **fields)
            return
        ahead = fields["retry_in"] = self._ahead(record.retry_at)
        if lost is not None:
            clauses[0] = f"no token is left to send: {clauses[0]}"
            clauses.append(_hit(record.error, mends=ahead is not None))
        then = "no further attempt by itself"
        clauses.append(then if ahead is None else f"the next attempt is in {span(ahead)}")
        if lost is None:
            self._write(logging.WARNING, outage, record, clauses, **fields)
        else:
            clauses.append(_remedy(record.error))
            self._write(logging.ERROR, outage, lost, clauses, **fields)

    def _lost(self, record: events.SessionLost, waited: int) -> None:
        """Write down a loss that comes by itself, when the token in hand ends."""
        outage = self._during(waited)
        error = record.error
        if isinstance(error, SessionExpiredError) and isinstance(error.__cause__, CloudAuthError):
            error = error.__cause__  # what a request's own error is from
        clauses = [f"no token is left to send: {_line(error)}", _hit(error), _remedy(error)]
        self._write(logging.ERROR, outage, record, clauses)

    def _during(self, waited: int) -> Outage:
        if self._outage is None:
            self._outage = Outage(self._timeline.now(), waited)
        return self._outage

    def _write(
        self,
        level: int,
        outage: Outage,
        record: events.RenewalFailed | events.SessionLost,
        clauses: list[str],
        **fields: object,
    ) -> None:
        now = self._timeline.now()
        news = level == logging.ERROR and not outage.lost
        outage.lost |= news
        if news or now - outage.told_at >= _PAUSE:
            outage.told_at = now
        else:
            level = logging.DEBUG
        self._record(
            level,
            record,
            "%s",
            "; ".join(clauses),
            error_type=type(record.error).__name__,
            outage_seconds=round(now - outage.began_at, 3),
            **fields,
        )

    def _succeeded(
        self,
        record: events.LoggedIn | events.TokenRenewed | events.TokenAdopted,
        waited: int,
    ) -> None:
        login = self._by_login or isinstance(record, events.LoggedIn)
        how = "logged in" if login else "renewed"
        if isinstance(record, events.TokenAdopted):
            how = "took a newer token from the store"
        self._had_token, self._by_login = True, False
        outage, self._outage = self._outage, None
        if outage is not None:
            lasted, count = self._timeline.now() - outage.began_at, waited - outage.waited_before
            requests = "1 request" if count == 1 else f"{count:,} requests"
            self._record(
                logging.WARNING,
                record,
                f"{how} after %s; %s waited",
                span(lasted),
                requests,
                outage_seconds=round(lasted, 3),
                requests_waited=count,
            )
            return
        left = self._ahead(record.session_expiration_time)
        self._record(logging.DEBUG, record, f"{how}; the token ends %s", _in(left))

    # -- the rest -------------------------------------------------------------------------

    def _other(self, record: events.Event) -> None:
        match record:
            case events.RequestReplayed():
                message = "%s %s is sent again with another token"
                self._record(logging.DEBUG, record, message, record.method, record.url)
            case events.StoreFailed():
                message = "the token store cannot be used, and the session goes on alone: %s"
                name = type(record.error).__name__
                line = _line(record.error)
                self._record(logging.WARNING, record, message, line, error_type=name)
            case events.KeyExpiring():
                message = "the API key ends %s, and nothing renews it: make another one"
                left = _in(self._ahead(record.session_expiration_time))
                self._record(logging.WARNING, record, message, left)
            case events.LoggedOut():
                self._outage = None
                self._record(logging.DEBUG, record, "logged out")
            case events.SessionClosed():
                self._outage = None
                self._record(logging.DEBUG, record, "the session is closed")
            case _:
                pass  # it went into the record of what it follows from

    def _record(
        self, level: int, record: events.Event, message: str, *values: object, **fields: object
    ) -> None:
        told: dict[str, Any] = {"event": type(record).__name__, **fields}
        log(level, message, *values, host=self._host, **told)

    def _ahead(self, at: datetime | None) -> float | None:
        return None if at is None else max(0.0, at.timestamp() - self._clock.time())


def _in(ahead: float | None) -> str:
    return "at an unknown time" if ahead is None else f"in {span(ahead)}"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _hit(error: CloudAuthError, *, mends: bool = True) -> str:
    """Say what becomes of requests, which wait for what may pass."""
    waits = mends and error.retryable
    return "requests wait for it, then fail" if waits else "requests fail"


def _remedy(error: CloudAuthError) -> str:
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        return "to try other credentials at once, call login(credentials)"
    if error.retryable:
        return "see whether the host is up and can be reached from here"
    return "mend what is named here; login() then tries at once"
