"""`login(credentials)`: other credentials take over if they work, and lose nothing if not."""

from __future__ import annotations

import asyncio

import pytest

from aiocloudauth import (
    ApiKey,
    CloudAuthError,
    ConfigurationError,
    Password,
    RenewalPolicy,
    ServerError,
    SessionClosedError,
    SessionExpiredError,
    SessionState,
    TokenRefresher,
    UnauthenticatedError,
)
from aiocloudauth.testing import (
    Change,
    CloudServer,
    Late,
    PastExpiry,
    Reset,
    Status,
)
from tests.manual_refresher import OTHER, manual_refresher

# -- logins on trial ----------------------------------------------------------------------


async def test_other_credentials_take_over_when_they_work() -> None:
    """`login(credentials)`: and every later login is theirs."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        await run.drive(run.refresher.login(OTHER))
        assert await run.generation() == 2
        await run.clock.advance(60)
        run.server.revoke_all()
        run.refresher.reject(await run.refresher.usable())
        assert await run.generation() == 3
        assert [arrival.user for arrival in run.server.log.to("_login")] == [
            "admin",
            "other",
            "other",
        ]


@pytest.mark.parametrize("way", ["refused", "dead", "broken", "callable"])
async def test_other_credentials_that_fail_lose_nothing(way: str) -> None:
    """Token, credentials and plan stay as they were."""

    async def nobody() -> str:
        raise LookupError

    async with manual_refresher() as run:
        await run.clock.advance(60)
        held = run.refresher.current
        credentials = {
            "refused": Password("other", "wrong"),
            "callable": Password("other", nobody),
        }.get(way, OTHER)
        if way == "dead":
            run.server.fail_next("_login", PastExpiry())
        if way == "broken":
            run.server.fail_next("_login", Change({"token": None}))
        with pytest.raises(CloudAuthError):
            await run.drive(run.refresher.login(credentials))
        assert run.refresher.current is held
        assert (run.state(), run.refresher.last_error) == (SessionState.ACTIVE, None)
        await run.clock.advance(60)
        run.server.revoke_all()
        run.refresher.reject(await run.refresher.usable())
        assert await run.generation() == 2
        assert run.server.log.to("_login")[-1].user == "admin"


async def test_a_trial_waits_for_the_flight_under_way_and_for_min_interval() -> None:
    """One flight at a time, and never two attempts within a second."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(0.5))
        asked = await run.start(run.refresher.refresh())
        trial = await run.start(run.refresher.login(OTHER))
        assert run.server.stats.login_attempts == 1
        await run.drive(asyncio.gather(asked, trial))
        assert run.clock.monotonic() == pytest.approx(61.0)
        assert await run.generation() == 3
        assert run.server.log.to("_login")[-1].user == "other"


async def test_logins_that_wait_for_their_turn_are_one_and_a_trial_is_another() -> None:
    """Who calls `login()` meanwhile shares it; other credentials are not tried by it."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(0.5))
        calls = [run.refresher.refresh(), *(run.refresher.login() for _ in range(3))]
        waiting = [await run.start(call) for call in (*calls, run.refresher.login(OTHER))]
        await run.drive(asyncio.gather(*waiting))
        logged_in = [arrival.user for arrival in run.server.log.to("_login")]
        assert logged_in == ["admin", "admin", "other"]


async def test_a_trial_that_waits_for_a_failing_flight_is_not_failed_by_it() -> None:
    """That was somebody else's."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(0.5), Status(503))
        asked = await run.start(run.refresher.refresh())
        await run.drive(run.refresher.login(OTHER))
        assert isinstance(asked.exception(), ServerError)


async def test_a_trial_whose_caller_is_cancelled_comes_to_its_end() -> None:
    """Cancelling any caller cancels only that caller."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Late(5.0))
        trial = await run.start(run.refresher.login(OTHER))
        trial.cancel()
        await run.clock.advance(10)
        assert await run.generation() == 2
        await run.drive(run.refresher.login(OTHER))
        assert await run.generation() == 3


async def test_an_attempt_right_after_a_trial_that_failed_is_made_with_ones_own() -> None:
    """The next attempt may be due at the very instant at which the trial fails."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Reset())
        run.server.fail_next("_login", Late(5.0))
        run.server.revoke_all()
        run.refresher.reject(await run.refresher.usable())
        waiting = await run.start(run.refresher.usable())
        with pytest.raises(UnauthenticatedError):
            await run.drive(run.refresher.login(Password("other", "wrong")))
        failed_at = run.clock.monotonic()
        assert (await run.drive(waiting)).generation == 2
        assert run.clock.monotonic() == failed_at


async def test_every_logout_drops_the_trials_that_wait_for_their_turn() -> None:
    """Each finds that out when its turn comes, and has sent nothing."""
    async with manual_refresher() as run:
        for _ in range(3):
            trial = await run.start(run.refresher.login(OTHER))
            await run.drive(run.refresher.logout())
            await run.clock.settle()
            error = trial.exception()
            assert isinstance(error, SessionExpiredError)
            assert "logged out" in str(error)
            await run.drive(run.refresher.login())
        assert [arrival.user for arrival in run.server.log.to("_login")] == ["admin"] * 4


async def test_close_settles_a_trial_that_waits_for_its_turn() -> None:
    """`close` settles every waiter, whatever it waits for."""
    async with manual_refresher(policy=RenewalPolicy(min_interval=60.0)) as run:
        trial = await run.start(run.refresher.login(OTHER))
        await run.drive(run.refresher.close())
        await run.clock.settle()
        assert isinstance(trial.exception(), SessionClosedError)


async def test_what_is_no_credentials_is_refused_before_anything_is_sent() -> None:
    """A mistake of the caller costs nothing."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        with pytest.raises(ConfigurationError, match="not str"):
            await run.refresher.login("admin:secret")  # type: ignore[arg-type]  # that is the mistake
        assert run.server.stats.login_attempts == 1


async def test_the_hosted_service_takes_no_password_at_a_later_login_either() -> None:
    """It takes keys alone, as at construction; nothing is sent."""
    async with CloudServer() as server:
        url = "https://region.elastic-cloud.com"
        connector = server.connector()
        async with TokenRefresher(url, ApiKey("k3y"), auth_connector=connector) as refresher:
            with pytest.raises(ConfigurationError, match="no login with a password"):
                await refresher.login(OTHER)
            assert refresher.current is not None
