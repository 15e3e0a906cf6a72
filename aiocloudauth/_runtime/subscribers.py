"""Who is told of what happens: subscribers and the log."""

from __future__ import annotations

import functools
import inspect
import logging
from asyncio import CancelledError
from collections.abc import Coroutine
from contextlib import contextmanager
from contextvars import Context
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiocloudauth._runtime.log_records import LogRecords
from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiocloudauth import events
    from aiocloudauth._core.states import Emit
    from aiocloudauth._runtime.waiters import Waiters
    from aiocloudauth.clock import Clock, Timeline
    from aiocloudauth.token import SessionToken

__all__ = ["Subscribers"]


class Subscribers:
    """Hands every record to the subscribers and to the log; one that raises stops nothing.

    They run in an empty context, and not in that of the caller who set the event off.
    """

    __slots__ = ("_callbacks", "_clock", "_opening", "_timeline", "log_records", "waiters")

    def __init__(self, clock: Clock, timeline: Timeline, *, host: str) -> None:
        """Start with none; every record of the log names `host`."""
        #: What the log says.
        self.log_records = LogRecords(host, clock, timeline)
        #: Callers who wait for a token, whom the log counts.
        self.waiters: Waiters[SessionToken] | None = None
        self._opening = False
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
                    self.log_records.log(logging.ERROR, _NOT_AWAITED, callback)

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

    def settle(self) -> None:
        """Write the log's record of what was told: all that follows from one input is one."""
        Context().run(self.log_records.write, self.waiters, opening=self._opening)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """While the block runs nothing is announced to follow a failure: it may give up."""
        self._opening = True
        try:
            yield
        except BaseException:
            self.log_records.given_up()
            raise
        finally:
            self._opening = False

    def _hand_out(self, record: events.Event) -> None:
        self.log_records.tell(record)
        for callback in self._callbacks:
            try:
                callback(record)
            except (Exception, CancelledError) as error:
                name = type(record).__name__
                message = "a subscriber raised on %s"
                self.log_records.log(logging.ERROR, message, name, exc_info=error)


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
