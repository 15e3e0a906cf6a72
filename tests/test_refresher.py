"""What callers notice of renewals, on virtual time and real sockets: nothing, or a typed error."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from aiocloudauth import (
    AuthenticationClusterError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    Password,
    RenewalPolicy,
    RenewalTimeoutError,
    SessionExpiredError,
    SessionState,
    TransportError,
    UnauthenticatedError,
    events,
)
from aiocloudauth.testing import (
    Change,
    ClusterError,
    Effect,
    Fault,
    Html,
    Late,
    NoCluster,
    PastExpiry,
    Redirect,
    Reset,
    Silence,
    TooManyRequests,
    Truncated,
)
from tests.rig import ADMIN, rig

# -- one flight ---------------------------------------------------------------------------


async def test_a_storm_of_callers_shares_one_login() -> None:
    """Many refreshes at once (authlib/authlib#266, Azure/azure-sdk-for-net#13610): one flight."""
    async with rig() as run:
        await run.clock.advance(60)
        token = run.refresher.current
        assert token is not None
        run.server.revoke_all()
        for _ in range(500):
            run.refresher.reject(token)
        tokens = await run.drive(asyncio.gather(*(run.refresher.usable() for _ in range(500))))
        assert {token.generation for token in tokens} == {2}
        assert run.server.stats.login_attempts == 2


async def test_a_storm_of_renewals_asked_for_shares_one_refresh() -> None:
    """`refresh()` joins the renewal under way."""
    async with rig() as run:
        await run.clock.advance(60)
        await run.drive(asyncio.gather(*(run.refresher.refresh() for _ in range(100))))
        assert run.server.stats.refresh_attempts == 1


async def test_stale_rejections_do_not_discard_the_newer_token() -> None:
    """Stale 401s each discard the new token (Azure/azure-sdk-for-cpp#6151): it is named."""
    async with rig() as run:
        old = await run.refresher.usable()
        await run.clock.advance(60)
        await run.drive(run.refresher.refresh())
        for _ in range(100):
            assert run.refresher.reject(old)
        assert (await run.generation(), run.server.stats.login_attempts) == (2, 1)


async def test_a_callers_timeout_does_not_abort_the_renewal_of_the_others() -> None:
    """A caller's timeout aborts the shared renewal (googleapis/google-cloud-go#10919): not here."""
    async with rig() as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Late(5.0))
        run.refresher.reject(await run.refresher.usable())

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


async def test_an_idle_client_is_renewed_for_a_day_by_refresh_alone() -> None:
    """Idle client not renewed (aws/aws-sdk-java-v2#3160): a background task does it."""
    async with rig(server={"revoke_on_refresh": True}) as run:
        await run.clock.advance(86_400)
        stats = run.server.stats
        assert (stats.login_attempts, stats.refreshes) == (1, stats.refresh_attempts)
        assert 86_400 / 900 <= stats.refreshes <= 86_400 / 840
        assert run.state() is SessionState.ACTIVE
        assert run.told(events.RenewalFailed) == []


@pytest.mark.parametrize("life", [1.0, 6.0, 60.0])
async def test_no_expired_token_is_handed_out_through_a_flapping_outage(life: float) -> None:
    """Expired value handed out (aws/aws-sdk-java-v2#3314): the hard window keeps it back."""
    outage = Fault("/users/auth/*", Reset(), down=0.9 * life, up=1.3 * life)
    policy = RenewalPolicy(min_interval=life / 20)
    async with rig(server={"token_lifetime": life}, policy=policy) as run:
        run.server.script(outage)
        served = 0
        for _ in range(400):
            await run.clock.advance(life / 20)
            token = run.refresher.current
            if token is not None:
                assert token.session_expiration_time is not None
                assert run.server_now < token.session_expiration_time.timestamp()
                served += 1
        assert served > 200
        assert run.told(events.SessionLost)


async def test_a_margin_longer_than_the_life_is_no_storm() -> None:
    """Margin longer than the life: a renewal per call (boto/botocore#2189): it scales here."""
    policy = RenewalPolicy(margin=1e6, margin_fraction=1e3)
    async with rig(server={"token_lifetime": 60.0}, policy=policy) as run:
        for _ in range(200):
            await run.generation()
        await run.clock.advance(600)
        assert run.server.stats.refreshes <= 600 / (60 * 0.1) + 1


@pytest.mark.parametrize(
    "effect",
    [
        ClusterError(),
        Reset(),
        Html(),
        Redirect("/elsewhere"),
        TooManyRequests(),
        Truncated(),
        PastExpiry(),
        Change({"token": None}),
    ],
    ids=lambda effect: effect.name,
)
async def test_errors_are_not_seen_while_the_token_is_good(effect: Effect) -> None:
    """Errors while the token is still good (zalando-stups/python-tokens#2): two windows."""
    async with rig(policy=RenewalPolicy(jitter=0.0)) as run:
        run.server.fail_next("_refresh", effect, times=3)
        await run.clock.advance(900.5)
        assert run.state() is SessionState.DEGRADED
        assert run.told(events.RenewalFailed)
        assert await run.refresher.usable() is run.refresher.current
        await run.clock.advance(60)
        assert (run.state(), run.refresher.last_error) == (SessionState.ACTIVE, None)
        assert await run.generation() == 2


async def test_a_silent_server_costs_a_short_token_nothing() -> None:
    """While a token is good an attempt gets half of what is left: one silence is survived."""
    async with rig(server={"token_lifetime": 30.0}) as run:
        run.server.fail_next("_refresh", Silence())
        for _ in range(60):
            await run.clock.advance(1.0)
            assert run.refresher.current is not None
        assert isinstance(run.told(events.RenewalFailed)[0], events.RenewalFailed)


async def test_a_wait_for_a_token_is_bounded_and_ends_in_a_typed_error() -> None:
    """A shared completion never settles; requests hang (Azure/azure-sdk-for-net#44817): bounded."""
    async with rig() as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Silence(), times=9)
        run.refresher.reject(await run.refresher.usable())
        began = run.clock.monotonic()
        with pytest.raises(SessionExpiredError) as caught:
            await run.drive(run.refresher.usable())
        assert run.clock.monotonic() - began == pytest.approx(30.0)
        assert isinstance(caught.value.__cause__, RenewalTimeoutError)
        run.server.clear_faults()


async def test_a_wait_shorter_than_an_attempt_ends_without_a_failure_to_name() -> None:
    """Then the error says just that there is no token."""
    policy = RenewalPolicy(renewal_timeout=2.0)
    async with rig(policy=policy) as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Silence())
        run.refresher.reject(await run.refresher.usable())
        with pytest.raises(SessionExpiredError, match="no token within 2 s"):
            await run.drive(run.refresher.usable())


async def test_callers_stay_through_failed_attempts() -> None:
    """Past the hard limit they wait on, for as long as `renewal_timeout` allows."""
    async with rig() as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Reset(), times=3)
        run.refresher.reject(await run.refresher.usable())
        assert await run.generation() == 2


# -- open ---------------------------------------------------------------------------------


async def test_open_stays_through_failed_attempts() -> None:
    """One network error ends renewal for good (spring-projects/spring-vault#646): never here."""
    async with rig(opened=False) as run:
        run.server.fail_next("_login", Reset(), times=2)
        assert await run.drive(run.refresher.open()) is run.refresher
        assert run.server.stats.login_attempts == 3


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        (ClusterError(), AuthenticationClusterError),
        (Silence(), RenewalTimeoutError),
        (Reset(), TransportError),
        (Change({"session_expiration_time": "2026-01-01T01:00:00"}), InvalidResponseError),
    ],
    ids=lambda value: getattr(value, "name", value.__name__ if isinstance(value, type) else ""),
)
async def test_open_fails_with_the_last_attempts_own_error_and_may_be_tried_again(
    effect: Effect, error: type[Exception]
) -> None:
    """Naive or local expiry (googleapis/google-auth-library-python#1323), or any failure."""
    async with rig(opened=False) as run:
        run.server.fail_next("_login", effect, times=100)
        with pytest.raises(error):
            await run.drive(run.refresher.open())
        assert run.clock.monotonic() == pytest.approx(30.0)
        assert run.state() is SessionState.NEW
        run.server.clear_faults()
        await run.drive(run.refresher.open())
        assert run.state() is SessionState.ACTIVE


async def test_open_that_never_had_an_answer_says_so() -> None:
    """`renewal_timeout` may be the shorter one."""
    async with rig(opened=False, policy=RenewalPolicy(renewal_timeout=2.0)) as run:
        run.server.fail_next("_login", Silence())
        with pytest.raises(RenewalTimeoutError, match="no token within 2 s"):
            await run.drive(run.refresher.open())


async def test_without_an_authentication_cluster_open_fails_at_once() -> None:
    """501: only an administrator can change it."""
    async with rig(opened=False) as run:
        run.server.fail_next("_login", NoCluster())
        with pytest.raises(NoAuthenticationClusterError):
            await run.drive(run.refresher.open())
        assert (run.clock.monotonic(), run.server.stats.login_attempts) == (0.0, 1)


# -- passwords ----------------------------------------------------------------------------


async def test_a_bad_password_is_sent_exactly_once() -> None:
    """Login loop with a bad password locks the account (Voyz/ibeam#32): terminal."""
    async with rig(Password("admin", "wrong"), opened=False) as run:
        for _ in range(3):
            with pytest.raises(UnauthenticatedError):
                await run.drive(run.refresher.open())
            await run.clock.advance(3600)
        assert run.server.stats.login_attempts == 1


async def test_a_password_that_is_refused_later_is_sent_exactly_once() -> None:
    """`login()` after a refusal must not send anything; `login(credentials)` leads on."""
    async with rig() as run:
        run.server.users.put("admin", "changed")
        run.server.revoke_all()
        await run.clock.advance(60)
        run.refresher.reject(await run.refresher.usable())
        for call in (run.refresher.usable, run.refresher.login, run.refresher.refresh) * 2:
            with pytest.raises(UnauthenticatedError):
                await run.drive(call())
            await run.clock.advance(3600)
        assert run.server.stats.login_attempts == 2
        await run.drive(run.refresher.login(Password("admin", "changed")))
        assert (await run.generation(), run.refresher.last_error) == (2, None)


async def test_a_refused_login_while_the_token_is_good_is_never_repeated() -> None:
    """Not by a renewal either, however often `_refresh` works meanwhile."""
    async with rig() as run:
        run.server.users.put("admin", "changed")
        for _ in range(3):
            await run.clock.advance(60)
            with pytest.raises(UnauthenticatedError):
                await run.drive(run.refresher.login())
            await run.drive(run.refresher.refresh())
        assert run.server.stats.login_attempts == 2


# -- a cap on the session -----------------------------------------------------------------


@pytest.mark.parametrize("at_cap", ["refuse", "stop"])
async def test_a_session_cap_is_passed_by_a_login(at_cap: str) -> None:
    """Session cap reached, no re-login (spring-projects/spring-vault#176): planned here."""
    server = {"max_session": 3600.0, "at_max_session": at_cap, "revoke_on_refresh": True}
    async with rig(server=server) as run:
        for _ in range(400):
            await run.clock.advance(60)
            token = run.refresher.current
            assert token is not None
            assert token.session_expiration_time is not None
            assert run.server_now < token.session_expiration_time.timestamp()
        starts = [arrival.at.timestamp() for arrival in run.server.log.to("_login")]
        starts += [arrival.at.timestamp() for arrival in run.server.log.to("_refresh")]
        assert run.server.stats.logins >= 24_000 // 3600
        gaps = [late - early for early, late in pairwise(sorted(starts)) if late != early]
        assert min(gaps) >= 1.0
        assert run.told(events.SessionLost) == []


# -- fleets -------------------------------------------------------------------------------


async def test_a_fleet_does_not_renew_in_step() -> None:
    """Fleet renews in step (Azure/azure-sdk-for-python#43720): jitter spreads it."""
    async with rig() as run:
        url = run.server.url
        fleet = [type(run.refresher)(url, ADMIN, clock=run.clock) for _ in range(40)]
        renewed: list[float] = []
        for one in fleet:
            one.subscribe(
                lambda record: (
                    renewed.append(run.clock.monotonic())
                    if isinstance(record, events.TokenRenewed)
                    else None
                )
            )
            await run.drive(one.open())
        await run.clock.advance(901)
        assert len(renewed) == 40
        assert len(set(renewed)) == 40
        assert max(renewed) - min(renewed) > 45  # of the 60 s that the jitter allows
        for one in fleet:
            await run.drive(one.close())
