"""What subscribers and the log are told, in which order, and what they cannot stop."""

from __future__ import annotations

import asyncio
import functools
import logging
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aiocloudauth import (
    AuthenticationClusterError,
    ConfigurationError,
    RenewalPolicy,
    SessionExpiredError,
    events,
)
from aiocloudauth.testing import ClusterError, Late
from tests.manual_refresher import ADMIN, manual_refresher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

START = datetime(2026, 1, 1, tzinfo=UTC)
STEADY = RenewalPolicy(jitter=0.0)
MINE: ContextVar[str] = ContextVar("MINE", default="nobody")


def at(seconds: float) -> datetime:
    """Return an instant of the test's clock."""
    return START + timedelta(seconds=seconds)


async def test_a_life_is_told_from_login_to_close() -> None:
    """Every record, with its aware times: login, failure, degradation, recovery, logout."""
    async with manual_refresher(policy=STEADY) as run:
        run.server.fail_next("_refresh", ClusterError())
        await run.clock.advance(950)
        await run.drive(run.refresher.logout())
        await run.drive(run.refresher.close())
    failed, renewed = run.seen[1], run.seen[3]
    assert isinstance(failed, events.RenewalFailed)
    assert isinstance(failed.error, AuthenticationClusterError)
    assert failed.retry_at is not None
    assert at(901) <= failed.retry_at <= at(902)
    assert isinstance(renewed, events.TokenRenewed)
    assert abs(renewed.at - failed.retry_at) < timedelta(milliseconds=1)
    assert run.seen == [
        events.LoggedIn(at=at(0), session_expiration_time=at(1200)),
        events.RenewalFailed(at=at(900), error=failed.error, attempt=1, retry_at=failed.retry_at),
        events.SessionDegraded(at=at(900)),
        events.TokenRenewed(
            at=renewed.at,
            generation=2,
            session_expiration_time=renewed.session_expiration_time,
            took=0.0,
        ),
        events.LoggedOut(at=at(950)),
        events.SessionClosed(at=at(950)),
    ]
    assert all(record.at.tzinfo is UTC for record in run.seen)


async def test_a_loss_is_told_with_what_requests_are_answered_with() -> None:
    """A background failure is never silent."""
    async with manual_refresher(server={"token_lifetime": 60.0}, policy=STEADY) as run:
        run.server.fail_next("*", ClusterError(), times=20)
        await run.clock.advance(100)
        (lost,) = run.told(events.SessionLost)
        assert isinstance(lost, events.SessionLost)
        assert isinstance(lost.error, SessionExpiredError)
        assert isinstance(lost.error.__cause__, AuthenticationClusterError)
        attempts = [one.attempt for one in run.seen if isinstance(one, events.RenewalFailed)]
        assert attempts == list(range(1, len(attempts) + 1))
        run.server.clear_faults()


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), asyncio.CancelledError(), RecursionError(), StopIteration()],
    ids=lambda error: type(error).__name__,
)
async def test_a_subscriber_that_raises_is_logged_and_stops_nothing(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the renewal nor the other subscribers nor the caller during whose call it ran."""

    def broken(record: events.Event) -> None:
        raise error

    async with manual_refresher(on_event=broken) as run:
        await run.drive(run.refresher.logout())
        await run.clock.advance(60)
        await run.drive(run.refresher.login())
        await run.clock.advance(3600)
        assert len(run.told(events.TokenRenewed)) >= 3
        assert len([record for record in caplog.records if record.exc_info]) == len(run.seen)


class StopError(BaseException):
    """What ends a program, as KeyboardInterrupt does."""


def stop(record: events.Event) -> None:
    """End the program."""
    raise StopError


async def test_what_ends_the_program_is_not_swallowed_and_leaves_the_session_in_order() -> None:
    """News come last: whoever waits for the renewal, and the timer, have been seen to."""
    async with manual_refresher() as run:
        unsubscribe = run.refresher.subscribe(stop)
        with pytest.raises(StopError):
            await run.refresher.logout()
        unsubscribe()
        assert run.refresher.current is None
        await run.clock.advance(60)
        await run.drive(run.refresher.login())
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(1.0), ClusterError())
        asked = await run.start(run.refresher.refresh())
        (flight,) = (task for task in asyncio.all_tasks() if "attempt" in task.get_name())
        unsubscribe = run.refresher.subscribe(stop)
        await run.clock.advance(1.0)
        unsubscribe()
        assert isinstance(flight.exception(), StopError)
        assert isinstance(asked.exception(), AuthenticationClusterError)
        await run.clock.advance(60)
        assert run.told(events.TokenRenewed)


async def test_a_log_handler_that_raises_stops_nothing() -> None:
    """A full disk is not the session's problem."""

    class Full(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError(28, "No space left on device")

    handler = Full()
    logging.getLogger("aiocloudauth").addHandler(handler)
    try:
        async with manual_refresher(policy=STEADY) as run:
            run.server.fail_next("_refresh", ClusterError(), times=2)
            await run.clock.advance(1000)
            assert run.told(events.TokenRenewed)
    finally:
        logging.getLogger("aiocloudauth").removeHandler(handler)


async def test_a_subscriber_may_use_the_refresher_it_hears_of() -> None:
    """Reject, subscribe, unsubscribe, start a task, close: each waits its turn."""
    async with manual_refresher() as run:
        refresher, held, heard = run.refresher, list[bool](), list[str]()
        tasks: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()

        def inner(record: events.Event) -> None:
            heard.append(type(record).__name__)
            unsubscribe.pop()()
            tasks.append(loop.create_task(refresher.close()))

        def outer(record: events.Event) -> None:
            token = refresher.current
            if isinstance(record, events.TokenRenewed) and token is not None and not held:
                unsubscribe.append(refresher.subscribe(inner))
                refresher.reject(token)
                held.append(refresher.current is token)  # not yet
                tasks.append(loop.create_task(refresher.refresh()))

        unsubscribe: list[Callable[[], None]] = []
        refresher.subscribe(outer)
        await run.clock.advance(60)
        await run.drive(refresher.refresh())
        await run.clock.advance(60)
        assert held == [True]
        assert len(heard) == 1
        await asyncio.gather(*tasks)
        assert isinstance(run.seen[-1], events.SessionClosed)


async def test_unsubscribing_takes_one_subscription_back() -> None:
    """The same function may have several; a second call does nothing."""
    async with manual_refresher() as run:
        seen: list[events.Event] = []
        first = run.refresher.subscribe(seen.append)
        run.refresher.subscribe(seen.append)
        for heard in (2, 3):
            await run.clock.advance(60)
            await run.drive(run.refresher.refresh())
            assert len(seen) == heard
            first()
            first()


# -- in whose context ---------------------------------------------------------------------


async def test_attempts_timers_and_subscribers_run_in_no_callers_context() -> None:
    """One request's trace with 2,594 spans (ogx-ai/ogx#5168): a context of the refresher's own."""
    seen: set[str] = set()

    async def password() -> str:
        seen.add(f"credentials: {MINE.get()}")
        MINE.set("an attempt's")
        return "secret"

    def on_event(record: events.Event) -> None:
        seen.add(f"{type(record).__name__}: {MINE.get()}")
        MINE.set("a subscriber's")

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.add(f"log: {MINE.get()}")

    handler, logger = Handler(), logging.getLogger("aiocloudauth")
    logger.addHandler(handler)
    MINE.set("a caller's")
    try:
        credentials = type(ADMIN)("admin", password)
        async with manual_refresher(credentials, on_event=on_event, policy=STEADY) as run:
            run.server.fail_next("_refresh", ClusterError())
            await run.clock.advance(3600)
            await run.revoke()
            await run.drive(run.refresher.usable())
            await run.drive(run.refresher.logout())
    finally:
        logger.removeHandler(handler)
    assert {where.split(": ")[1] for where in seen} == {"nobody"}
    assert {"credentials: nobody", "log: nobody", "TokenRenewed: nobody"} <= seen
    assert MINE.get() == "a caller's"


# -- what is no subscriber ----------------------------------------------------------------


async def coroutine_function(*_: object) -> None:
    """Never to be called, as nobody would await it."""
    raise AssertionError


async def async_generator_function(*_: object) -> AsyncIterator[None]:
    """Never to be called, as nobody would iterate."""
    yield


def generator_function(*_: object) -> Iterator[None]:
    """Never to be called, as nobody would iterate."""
    yield


class AsyncCall:
    async def __call__(self, record: events.Event) -> None:
        raise AssertionError

    async def method(self, record: events.Event) -> None:
        raise AssertionError


REFUSED: dict[str, Any] = {
    "a text": "print",
    "nothing": None,
    "a coroutine function": coroutine_function,
    "an async generator function": async_generator_function,
    "a generator function": generator_function,
    "an object with async __call__": AsyncCall(),
    "an async method": AsyncCall().method,
    "a partial of a coroutine function": functools.partial(coroutine_function, 1),
    "a partial of a partial of an object": functools.partial(functools.partial(AsyncCall().method)),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_called_and_left_alone_is_refused(name: str) -> None:
    """Async callbacks never awaited (encode/starlette#886, jd/tenacity#657): said at once."""
    async with manual_refresher(opened=False) as run:
        with pytest.raises(ConfigurationError, match="plain function"):
            run.refresher.subscribe(REFUSED[name])


async def test_a_coroutine_that_a_subscriber_returns_is_closed_and_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where it could not be seen before; a task that it starts is its own affair."""
    started: list[asyncio.Task[None]] = []

    async def told(record: events.Event) -> None:
        assert record in run.seen

    async with manual_refresher(on_event=lambda _: coroutine_function()) as run:
        loop = asyncio.get_running_loop()
        run.refresher.subscribe(lambda record: started.append(loop.create_task(told(record))))
        run.refresher.subscribe(lambda record: loop.create_task(told(record)))
        await run.clock.advance(3600)
        await asyncio.gather(*started)
        (error,) = (one for one in caplog.records if one.levelno == logging.ERROR)
        assert "coroutine" in error.getMessage()
        assert len(started) >= 3


async def test_the_log_says_what_matters_at_the_level_it_matters(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Warnings for failures, an error for the loss, the rest for who debugs; never a secret."""
    caplog.set_level(logging.DEBUG, logger="aiocloudauth")
    async with manual_refresher(server={"token_lifetime": 60.0}, policy=STEADY) as run:
        token = run.refresher.current
        assert token is not None
        run.server.fail_next("*", ClusterError(), times=20)
        await run.clock.advance(100)
        run.server.clear_faults()
    levels = {record.levelno for record in caplog.records}
    assert {logging.DEBUG, logging.WARNING, logging.ERROR} <= levels
    assert token.token.reveal() not in caplog.text
    assert "secret" not in caplog.text
