"""Who is told of what happens: subscribers and the log."""

from __future__ import annotations

import functools
import inspect
import logging
from asyncio import CancelledError
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import Context
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiocloudauth import events
from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth._core.states import Emit
    from aiocloudauth.clock import Clock, Timeline

__all__ = ["Subscribers", "log"]

logger = logging.getLogger("aiocloudauth")


class Subscribers:
    """Hands every record to the subscribers and to the log; one that raises stops nothing.

    They run in an empty context, and not in that of the caller who set the event off.
    """

    __slots__ = ("_callbacks", "_clock", "_timeline")

    def __init__(self, clock: Clock, timeline: Timeline) -> None:
        """Start with none."""
        self._clock = clock
        self._timeline = timeline
        self._callbacks: tuple[Callable[[events.Event], object], ...] = ()

    def add(self, callback: Callable[[events.Event], object]) -> Callable[[], None]:
        """Add `callback` and return a function that takes it out again.

        Raises:
            ConfigurationError: It is no plain function.
        """
        if not callable(callback) or _is_async(callback):
            raise ConfigurationError(
                "a subscriber must be a plain function: it is called, not awaited"
            )
        awaited = False

        def subscription(record: events.Event) -> None:
            nonlocal awaited
            answer = callback(record)
            if isinstance(answer, Coroutine):
                answer.close()
                if not awaited:
                    awaited = True
                    log(logging.ERROR, _NOT_AWAITED, callback)

        def unsubscribe() -> None:
            self._callbacks = tuple(c for c in self._callbacks if c is not subscription)

        self._callbacks = (*self._callbacks, subscription)
        return unsubscribe

    def tell(self, effect: Emit) -> None:
        """Make the record of `effect`, with times as datetimes, and hand it out."""
        wall, details = self._clock.time(), dict(effect.details)
        retry_at = details.get("retry_at")
        if retry_at is not None:
            ahead = retry_at - self._timeline.now()
            details["retry_at"] = datetime.fromtimestamp(wall + ahead, UTC)
        record = effect.kind(at=datetime.fromtimestamp(wall, UTC), **details)
        Context().run(self._hand_out, record)

    def _hand_out(self, record: events.Event) -> None:
        _report(record)
        for callback in self._callbacks:
            try:
                callback(record)
            except (Exception, CancelledError) as error:  # noqa: BLE001 - a subscriber stops nothing
                name = type(record).__name__
                log(logging.ERROR, "a subscriber raised on %s", name, exc_info=error)


_NOT_AWAITED = (
    "the subscriber %r returns a coroutine, which is closed: subscribe a plain function that "
    "starts a task"
)


def _is_async(callback: object) -> bool:
    """Return whether calling it would only make something to be awaited or iterated."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    called = getattr(type(callback), "__call__", None)  # noqa: B004 - how it is called is the question
    return any(
        check(one)
        for one in (callback, called)
        for check in (
            inspect.iscoroutinefunction,
            inspect.isasyncgenfunction,
            inspect.isgeneratorfunction,
        )
    )


def log(level: int, message: str, *values: object, exc_info: BaseException | None = None) -> None:
    """Log, and let a handler's own failure stop nothing."""
    with suppress(Exception):
        logger.log(level, message, *values, exc_info=exc_info)


def _report(record: events.Event) -> None:
    match record:
        case events.RenewalFailed():
            then = record.retry_at.isoformat() if record.retry_at else "none"
            message = "renewal attempt %d failed (next: %s): %s"
            log(logging.WARNING, message, record.attempt, then, record.error)
        case events.StoreFailed():
            log(logging.WARNING, "the session goes on alone: %s", record.error)
        case events.SessionLost():
            log(logging.ERROR, "no usable token is left: %s", record.error)
        case events.KeyExpiring():
            ends = record.session_expiration_time.isoformat()
            log(logging.WARNING, "the API key ends at %s: make another one", ends)
        case _:
            log(logging.DEBUG, "%s", record)
