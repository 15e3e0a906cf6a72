"""What subscribers are told, in order and with aware times."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from aiocloudauth import (
    AuthenticationClusterError,
    ConfigurationError,
    RenewalPolicy,
    SessionExpiredError,
    events,
)
from aiocloudauth.testing import ClusterError, Late
from tests.rig import rig

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return an instant of the test's clock."""
    return START + timedelta(seconds=seconds)


async def test_a_life_is_told_from_login_to_close() -> None:
    """Every record, with its times: login, renewal, failure, degradation, recovery, logout."""
    policy = RenewalPolicy(jitter=0.0)
    async with rig(policy=policy) as run:
        run.server.fail_next("_refresh", ClusterError())
        await run.clock.advance(950)
        run.server.revoke_all()
        run.refresher.reject(await run.refresher.usable())
        await run.clock.settle()
        await run.drive(run.refresher.logout())
        await run.drive(run.refresher.close())
    failed = run.seen[1]
    assert isinstance(failed, events.RenewalFailed)
    assert isinstance(failed.error, AuthenticationClusterError)
    assert failed.retry_at is not None
    retried = failed.retry_at
    later = retried + timedelta(seconds=1200)
    assert at(901) <= retried <= at(902)
    renewed = run.seen[3]
    assert isinstance(renewed, events.TokenRenewed)
    assert abs(renewed.at - retried) < timedelta(milliseconds=1)
    expiry = renewed.session_expiration_time
    assert expiry is not None
    assert abs(expiry - later) < timedelta(milliseconds=2)
    assert run.seen == [
        events.LoggedIn(at=at(0), session_expiration_time=at(1200)),
        events.RenewalFailed(at=at(900), error=failed.error, attempt=1, retry_at=retried),
        events.SessionDegraded(at=at(900)),
        events.TokenRenewed(at=renewed.at, generation=2, session_expiration_time=expiry, took=0.0),
        events.LoggedIn(at=at(950), session_expiration_time=at(2150)),
        events.TokenRenewed(at=at(950), generation=3, session_expiration_time=at(2150), took=0.0),
        events.LoggedOut(at=at(950)),
        events.SessionClosed(at=at(950)),
    ]
    assert all(record.at.tzinfo is UTC for record in run.seen)


async def test_a_loss_is_told_with_what_requests_are_answered_with() -> None:
    """A background failure is never silent."""
    policy = RenewalPolicy(jitter=0.0)
    async with rig(server={"token_lifetime": 60.0}, policy=policy) as run:
        run.server.fail_next("*", ClusterError(), times=20)
        await run.clock.advance(100)
        (lost,) = run.told(events.SessionLost)
        assert isinstance(lost, events.SessionLost)
        assert isinstance(lost.error, SessionExpiredError)
        assert isinstance(lost.error.__cause__, AuthenticationClusterError)
        attempts = [
            record.attempt for record in run.seen if isinstance(record, events.RenewalFailed)
        ]
        assert attempts == list(range(1, len(attempts) + 1))
        run.server.clear_faults()


async def test_a_subscriber_that_raises_is_logged_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the renewal nor the other subscribers."""

    def broken(record: events.Event) -> None:
        raise RuntimeError("not today")

    async with rig(on_event=broken) as run:
        await run.clock.advance(3600)
        assert len(run.told(events.TokenRenewed)) >= 3
        raised = [record for record in caplog.records if record.exc_info]
        assert len(raised) == len(run.seen)
        assert raised[0].message == "a subscriber raised on LoggedIn"


async def test_a_subscriber_that_raises_a_cancellation_cancels_nobody() -> None:
    """As `task.result()` of a cancelled task does: nobody cancelled the one who was calling."""

    def cancelled(record: events.Event) -> None:
        raise asyncio.CancelledError

    async with rig(on_event=cancelled) as run:
        await run.drive(run.refresher.logout())
        await run.clock.advance(60)
        await run.drive(run.refresher.login())
        await run.clock.advance(3600)
        assert len(run.told(events.TokenRenewed)) >= 3


class Stop(BaseException):
    """What ends a program, as KeyboardInterrupt does."""


async def test_what_ends_the_program_leaves_the_session_in_order() -> None:
    """It is not swallowed, and nothing that was decided is lost on its way."""
    async with rig() as run:

        def stop(record: events.Event) -> None:
            raise Stop

        unsubscribe = run.refresher.subscribe(stop)
        with pytest.raises(Stop):
            await run.refresher.logout()
        unsubscribe()
        assert run.refresher.current is None
        await run.clock.advance(60)
        await run.drive(run.refresher.login())
        assert run.refresher.current is not None


async def test_a_log_handler_that_raises_stops_nothing() -> None:
    """A full disk is not the session's problem."""

    class Full(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("no space left on device")

    handler = Full()
    logging.getLogger("aiocloudauth").addHandler(handler)
    try:
        async with rig(policy=RenewalPolicy(jitter=0.0)) as run:
            run.server.fail_next("_refresh", ClusterError(), times=2)
            await run.clock.advance(1000)
            assert run.told(events.TokenRenewed)
    finally:
        logging.getLogger("aiocloudauth").removeHandler(handler)


async def test_a_record_of_a_request_reaches_the_subscribers_as_well() -> None:
    """`emit` is how the middleware tells of a replay."""
    async with rig() as run:
        run.refresher.emit(events.RequestReplayed, method="GET", url="http://host/api/v1/x")
        assert run.seen[-1] == events.RequestReplayed(
            at=at(0), method="GET", url="http://host/api/v1/x"
        )


async def test_nothing_that_was_decided_is_lost_to_a_subscriber_in_the_background() -> None:
    """News come last: whoever waits for the renewal, and the timer, have been seen to."""
    async with rig() as run:

        def stop(record: events.Event) -> None:
            raise Stop

        await run.clock.advance(60)
        run.server.fail_next("_login", Late(1.0), ClusterError())
        run.refresher.reject(await run.refresher.usable())
        asked = await run.start(run.refresher.refresh())
        (flight,) = (task for task in asyncio.all_tasks() if "renewal" in task.get_name())
        unsubscribe = run.refresher.subscribe(stop)
        await run.clock.advance(1.0)
        unsubscribe()
        assert isinstance(flight.exception(), Stop)
        assert isinstance(asked.exception(), AuthenticationClusterError)
        await run.clock.advance(60)
        assert run.told(events.TokenRenewed)


async def test_a_subscriber_may_reject_the_token_it_is_told_of() -> None:
    """An input that comes up while one is carried out waits its turn."""
    async with rig() as run:
        seen: list[bool] = []

        def suspicious(record: events.Event) -> None:
            token = run.refresher.current
            if isinstance(record, events.TokenRenewed) and token is not None:
                run.refresher.reject(token)
                seen.append(run.refresher.current is token)  # not yet

        stop = run.refresher.subscribe(suspicious)
        await run.clock.advance(60)
        await run.drive(run.refresher.refresh())
        assert (seen, run.refresher.current) == ([True], None)
        await run.clock.advance(3.5)
        assert run.server.stats.login_attempts == 4
        stop()
        assert await run.generation() == 6


async def test_unsubscribing_takes_one_subscription_back() -> None:
    """The same function may have several; a second call does nothing."""
    async with rig() as run:
        seen: list[events.Event] = []
        first = run.refresher.subscribe(seen.append)
        run.refresher.subscribe(seen.append)
        await run.clock.advance(60)
        await run.drive(run.refresher.refresh())
        assert len(seen) == 2
        first()
        first()
        await run.clock.advance(60)
        await run.drive(run.refresher.refresh())
        assert len(seen) == 3


@pytest.mark.parametrize("callback", ["print", None, 3])
async def test_a_subscriber_has_to_be_callable(callback: object) -> None:
    """Said at once, not at the first event."""
    async with rig(opened=False) as run:
        with pytest.raises(ConfigurationError, match="plain function"):
            run.refresher.subscribe(callback)  # type: ignore[arg-type]  # that is the mistake


async def test_a_coroutine_function_is_no_subscriber() -> None:
    """Nobody would await it."""

    async def never(record: events.Event) -> None:
        raise AssertionError

    async with rig(opened=False) as run:
        with pytest.raises(ConfigurationError, match="not awaited"):
            run.refresher.subscribe(never)


async def test_the_log_says_what_matters_at_the_level_it_matters(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Warnings for failures, an error for the loss, the rest for who debugs; never a secret."""
    caplog.set_level(logging.DEBUG, logger="aiocloudauth")
    async with rig(policy=RenewalPolicy(jitter=0.0)) as run:
        token = run.refresher.current
        assert token is not None
        run.server.fail_next("_refresh", ClusterError())
        await run.clock.advance(900)
        run.server.users.put("admin", "changed")
        run.server.revoke_all()
        run.refresher.reject(token)
        await run.clock.advance(1)
    levels = {record.levelno: record.getMessage() for record in caplog.records}
    assert levels[logging.WARNING].startswith("renewal attempt 2 failed (next: none): POST")
    assert levels[logging.ERROR].startswith("no usable token is left")
    assert levels[logging.DEBUG].startswith("SessionClosed")
    assert token.token.reveal() not in caplog.text
    assert "secret" not in caplog.text
