"""What callers notice of renewals: nothing, or a typed error; and what the server notices."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aiocloudauth import (
    RenewalPolicy,
    RenewalTimeoutError,
    SessionClosedError,
    SessionExpiredError,
    SessionState,
    TokenRefresher,
    events,
)
from aiocloudauth.testing import (
    Fault,
    Late,
    Reset,
    Silence,
)
from tests.manual_refresher import ADMIN, manual_refresher

# -- one flight ---------------------------------------------------------------------------


async def test_a_storm_of_callers_or_of_renewals_asked_for_shares_one_attempt() -> None:
    """Many refreshes at once (authlib/authlib#266, Azure/azure-sdk-for-net#13610): one flight."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        await run.drive(asyncio.gather(*(run.refresher.refresh() for _ in range(100))))
        assert run.server.stats.refresh_attempts == 1
        token = await run.refresher.usable()
        await run.revoke()
        for _ in range(100):
            run.refresher.reject(token)
        tokens = await run.drive(asyncio.gather(*(run.refresher.usable() for _ in range(100))))
        assert {token.generation for token in tokens} == {3}
        assert run.server.stats.login_attempts == 2


async def test_stale_rejections_do_not_discard_the_newer_token() -> None:
    """Stale 401s each discard the new token (Azure/azure-sdk-for-cpp#6151): it is named."""
    async with manual_refresher() as run:
        old = await run.refresher.usable()
        await run.clock.advance(60)
        await run.drive(run.refresher.refresh())
        assert all(run.refresher.reject(old) for _ in range(100))
        assert (await run.refresher.usable()).generation == 2
        assert run.attempts == 2


async def test_a_callers_timeout_does_not_abort_the_renewal_of_the_others() -> None:
    """A caller's timeout aborts the shared renewal (googleapis/google-cloud-go#10919): not here."""
    async with manual_refresher() as run:
        run.server.fail_next("_login", Late(5.0))
        await run.revoke()

        async def impatient() -> None:
            async with run.clock.timeout(1.0):
                await run.refresher.usable()

        hurried = await run.start(impatient())
        patient = await run.start(run.refresher.usable())
        await run.clock.advance(2.0)
        assert isinstance(hurried.exception(), TimeoutError)
        assert (await run.drive(patient)).generation == 2
        assert run.server.stats.login_attempts == 2


# -- two windows --------------------------------------------------------------------------


async def test_an_idle_client_is_renewed_for_a_day_by_refresh_alone_and_starts_no_thread() -> None:
    """Idle client not renewed (aws/aws-sdk-java-v2#3160); threads surprise at every fork."""
    threads = threading.active_count()
    async with manual_refresher(server={"revoke_on_refresh": True}) as run:
        await run.clock.advance(86_400)
        stats = run.server.stats
        assert (stats.login_attempts, stats.refreshes) == (1, stats.refresh_attempts)
        assert 86_400 / 900 <= stats.refreshes <= 86_400 / 840
        assert run.state() is SessionState.ACTIVE
        assert run.told(events.RenewalFailed) == []
        assert threading.active_count() == threads


@pytest.mark.parametrize("life", [1.0, 60.0])
async def test_no_expired_token_is_handed_out_through_a_flapping_outage(life: float) -> None:
    """Expired value handed out (aws/aws-sdk-java-v2#3314): the hard window keeps it back."""
    outage = Fault("/users/auth/*", Reset(), down=0.9 * life, up=1.3 * life)
    policy = RenewalPolicy(min_interval=life / 20)
    async with manual_refresher(server={"token_lifetime": life}, policy=policy) as run:
        run.server.script(outage)
        served = 0
        for _ in range(200):
            await run.clock.advance(life / 20)
            served += run.alive()
        assert served > 100
        assert run.told(events.SessionLost)


@pytest.mark.parametrize("bound", [30.0, 2.0])
async def test_a_wait_for_a_token_is_bounded_and_ends_in_a_typed_error(bound: float) -> None:
    """A shared completion never settles; requests hang (Azure/azure-sdk-for-net#44817): bounded."""
    async with manual_refresher(policy=RenewalPolicy(renewal_timeout=bound)) as run:
        run.server.fail_next("_login", Silence(), times=9)
        await run.revoke()
        began = run.clock.monotonic()
        with pytest.raises(SessionExpiredError) as caught:
            await run.drive(run.refresher.usable())
        assert run.clock.monotonic() - began == pytest.approx(bound)
        # The attempt's own error; where none has ended yet, the wait's.
        assert isinstance(caught.value.__cause__, RenewalTimeoutError)
        run.server.clear_faults()


async def test_a_fleet_does_not_renew_in_step() -> None:
    """Fleet renews in step (Azure/azure-sdk-for-python#43720): jitter spreads it."""
    async with manual_refresher() as run:
        renewed: list[float] = []

        def note(record: events.Event) -> None:
            if isinstance(record, events.TokenRenewed):
                renewed.append(run.clock.monotonic())

        fleet = [
            TokenRefresher(
                run.server.url,
                ADMIN,
                clock=run.clock,
                on_event=note,
                auth_connector=run.server.connector(),
            )
            for _ in range(20)
        ]
        await run.drive(asyncio.gather(*(one.open() for one in fleet)))
        await run.clock.advance(901)
        assert len(set(renewed)) == len(renewed) == 20
        assert max(renewed) - min(renewed) > 30  # of the 60 s that the jitter allows
        await run.drive(asyncio.gather(*(one.close() for one in fleet)))


# -- open, close --------------------------------------------------------------------------


async def test_open_stays_through_failed_attempts_for_renewal_timeout() -> None:
    """One network error ends renewal for good (spring-projects/spring-vault#646): never here."""
    async with manual_refresher(opened=False, policy=RenewalPolicy(renewal_timeout=2.0)) as run:
        run.server.fail_next("_login", Silence())
        with pytest.raises(RenewalTimeoutError, match=r"^127\.0\.0\.1:\d+: no token within 2 s"):
            await run.drive(run.refresher.open())  # though no attempt has ended
        assert run.clock.monotonic() == pytest.approx(2.0)
        run.server.clear_faults()
        run.server.fail_next("_login", Reset())
        assert await run.drive(run.refresher.open()) is run.refresher
        assert run.server.stats.login_attempts == 3


async def test_an_open_that_is_cancelled_leaves_nothing_and_the_next_in_the_queue_takes_over() -> (
    None
):
    """Cancelled over and over, too; the token that it did not wait for is nobody's."""
    async with manual_refresher(opened=False) as run:
        run.server.fail_next("_login", Late(5.0), times=2)
        first = await run.start(run.refresher.open())
        for _ in range(3):
            first.cancel()
            await asyncio.sleep(0)
        await run.clock.settle()
        assert (first.cancelled(), run.state()) == (True, SessionState.NEW)
        await run.clock.advance(10)
        assert run.refresher.current is None
        second = await run.start(run.refresher.open())
        third = await run.start(run.refresher.open())
        second.cancel()
        assert await run.drive(third) is run.refresher
        assert run.server.stats.login_attempts == 3


async def test_close_ends_an_open_under_way_and_waits_for_a_close_under_way() -> None:
    """Whoever opens gets `SessionClosedError`, also the one in the queue."""
    async with manual_refresher(opened=False) as run:
        run.server.fail_next("_login", Silence())
        opening = [await run.start(run.refresher.open()) for _ in range(2)]
        await run.drive(run.refresher.close())
        await run.clock.settle()
        assert all(isinstance(one.exception(), SessionClosedError) for one in opening)
    async with manual_refresher() as run:
        run.server.fail_next("_logout", Late(1.0))
        closing = [await run.start(run.refresher.close()) for _ in range(2)]
        assert not closing[1].done()
        await run.drive(asyncio.gather(*closing))
        assert run.server.stats.logouts == len(run.told(events.SessionClosed)) == 1


async def test_a_close_that_is_cancelled_is_a_close() -> None:
    """The connection is closed whatever happens to whoever waits."""
    async with manual_refresher() as run:
        run.server.fail_next("_logout", Silence())
        closing = await run.start(run.refresher.close())
        closing.cancel()
        await run.clock.settle()
        assert (closing.cancelled(), run.state()) == (True, SessionState.CLOSED)
        assert len(run.told(events.SessionClosed)) == 1
