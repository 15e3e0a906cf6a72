"""Who is told of what happens: subscribers and the log."""

from __future__ import annotations

import inspect
import logging
from asyncio import CancelledError
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiocloudauth import events
from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth.clock import Clock, Timeline
    from aiocloudauth.situations import Emit

__all__ = ["Subscribers", "log"]

logger = logging.getLogger("aiocloudauth")


class Subscribers:
    """Hands every record to the subscribers and to the log; one that raises stops nothing."""

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
        if not callable(callback) or inspect.iscoroutinefunction(callback):
            raise ConfigurationError(
                "a subscriber must be a plain function: it is called, not awaited"
            )

        def subscription(record: events.Event) -> object:
            return callback(record)

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
        _report(record)
        for callback in self._callbacks:
            try:
                callback(record)
            except (Exception, CancelledError) as error:  # noqa: BLE001 - a subscriber stops nothing
                name = type(record).__name__
                log(logging.ERROR, "a subscriber raised on %s", name, exc_info=error)


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
        case events.SessionLost():
            log(logging.ERROR, "no usable token is left: %s", record.error)
        case events.KeyExpiring():
            ends = record.session_expiration_time.isoformat()
            log(logging.WARNING, "the API key ends at %s: make another one", ends)
        case _:
            log(logging.DEBUG, "%s", record)
