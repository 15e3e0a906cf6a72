"""What one attempt sends, for every kind of credentials, and where the end of a token is found."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import (
    ApiKey,
    Basic,
    Bearer,
    CloudAuthError,
    InvalidResponseError,
    NotFoundError,
    Password,
    RenewalPolicy,
    RenewalTimeoutError,
    SessionExpiredError,
    SessionState,
    TransportError,
    UnauthenticatedError,
    UnauthorizedError,
    events,
)
from aiocloudauth.testing import (
    Change,
    ClusterError,
    Fault,
    Late,
    MemoryConnector,
    Reset,
    Silence,
    Status,
)
from tests.manual_refresher import ManualRefresher, manual_refresher

if TYPE_CHECKING:
    from typing import Any

    from aiohttp.client_proto import ResponseHandler

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return an instant of the test's clock."""
    return START + timedelta(seconds=seconds)


def sent(run: ManualRefresher) -> list[str]:
    """Return the calls that arrived, by their last part."""
    return [arrival.path.rsplit("/", 1)[-1] for arrival in run.server.log]


class Vault:
    """Gives out a secret, and counts how often it is asked."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = list(secrets)
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        return self.secrets.pop(0) if len(self.secrets) > 1 else self.secrets[0]


# -- rotated secrets ----------------------------------------------------------------------


async def test_a_callable_is_asked_at_every_login_and_not_for_refreshes() -> None:
    """A rotated password is picked up without anybody's doing."""
    vault = Vault("secret", "rotated")
    async with manual_refresher(Password("admin", vault)) as run:
        await run.clock.advance(3600)
        assert vault.asked == 1
        run.server.users.put("admin", "rotated")
        run.server.revoke_all()
        run.refresher.reject(await run.refresher.usable())
        await run.generation()
        assert vault.asked == 2
        assert run.server.stats.login_attempts == 2


async def test_a_refused_value_of_a_callable_is_not_sent_again_until_it_changes() -> None:
    """Login loop with a bad password locks the account (Voyz/ibeam#32): asked, but not sent."""
    vault = Vault("secret")
    async with manual_refresher(Password("admin", vault)) as run:
        await run.clock.advance(60)
        run.server.users.put("admin", "rotated")
        run.server.revoke_all()
        run.refresher.reject(await run.refresher.usable())
        for _ in range(20):
            with pytest.raises(UnauthenticatedError):
                await run.drive(run.refresher.usable())
            await run.clock.advance(10)
        assert (run.server.stats.login_attempts, vault.asked) == (2, 21)
        vault.secrets = ["rotated"]
        assert await run.generation() == 2


async def test_a_rotated_secret_that_meets_an_outage_is_not_taken_for_a_refused_one() -> None:
    """Callers wait through the 502 as through any other."""
    vault = Vault("secret")
    async with manual_refresher(Password("admin", vault)) as run:
        await run.clock.advance(60)
        run.server.users.put("admin", "rotated")
        run.server.revoke_all()
        run.refresher.reject(await run.refresher.usable())
        await run.clock.advance(60)
        vault.secrets = ["rotated"]
        run.server.fail_next("_login", ClusterError(), times=2)
        assert await run.generation() == 2


# -- a bare token -------------------------------------------------------------------------


async def a_token(run: ManualRefresher) -> str:
    """Return a token that somebody else got."""
    return (await run.refresher.usable()).token.reveal()


async def test_a_bearer_token_is_used_as_it_is_and_prolonged_by_refresh() -> None:
    """It is asked about once, for the server's clock."""
    async with manual_refresher() as owner:
        credentials = Bearer(await a_token(owner), at(1200))
        refresher = type(owner.refresher)(owner.server.url, credentials, clock=owner.clock)
        owner.server.log.clear()
        await owner.drive(refresher.open())
        assert sent(owner) == ["auth"]
        owner.server.log.clear()
        await owner.clock.advance(3600)
        assert refresher.state is SessionState.ACTIVE
        await owner.drive(refresher.close())
        assert set(sent(owner)) == {"_refresh"}  # and no _logout: it is not ours


async def test_the_end_of_a_bearer_token_is_what_was_given_then_its_own_hint() -> None:
    """Only then what the server says, which is asked for its clock all the same."""
    async with manual_refresher() as owner:
        token = await a_token(owner)
        told = Change({"expires_at": "2026-01-01T00:10:00Z"})
        owner.server.script(Fault("/users/auth", told, method="GET"))
        for given, expected in ((at(900), at(900)), (None, at(1200))):
            bearer = Bearer(token, given)
            refresher = type(owner.refresher)(owner.server.url, bearer, clock=owner.clock)
            held = (await owner.drive(refresher.open())).current
            assert held is not None
            assert held.session_expiration_time == expected
            await owner.drive(refresher.close())


async def test_a_bearer_token_that_names_no_end_lives_as_long_as_the_server_says() -> None:
    """It is asked once, and the time that the answer takes is not added to the token's life."""
    policy = RenewalPolicy(margin=60, margin_fraction=0.5, jitter=0.0)
    async with manual_refresher(server={"tokens": "opaque"}) as owner:
        bearer = Bearer(await a_token(owner))
        refresher = type(owner.refresher)(
            owner.server.url, bearer, clock=owner.clock, policy=policy
        )
        owner.server.log.clear()
        owner.server.fail_next("/users/auth", Late(2.0))
        await owner.drive(refresher.open())
        assert sent(owner) == ["auth"]
        held = refresher.current
        assert held is not None
        assert held.session_expiration_time == at(1200)
        assert refresher.retry_at == at(1140)
        await owner.drive(refresher.close())


async def test_a_bearer_token_whose_refresh_is_refused_is_lost_at_once() -> None:
    """`SessionExpiredError`, with the refusal as its cause; nothing is sent any more."""
    async with manual_refresher() as owner:
        credentials = Bearer(await a_token(owner), at(1200))
        refresher = type(owner.refresher)(owner.server.url, credentials, clock=owner.clock)
        await owner.drive(refresher.open())
        await owner.clock.advance(60)
        owner.server.revoke_all()
        for call in (refresher.refresh, refresher.usable, refresher.login, refresher.refresh):
            with pytest.raises(SessionExpiredError) as caught:
                await owner.drive(call())
            assert isinstance(caught.value.__cause__, UnauthorizedError)
        assert owner.server.stats.refresh_attempts == 1
        await owner.drive(refresher.close())


async def test_a_bearer_token_that_is_expired_already_opens_nothing() -> None:
    """There is nothing to replace it with."""
    credentials = Bearer("abc", datetime(2025, 12, 31, tzinfo=timezone(timedelta(hours=-2))))
    async with manual_refresher(credentials, opened=False) as run:
        with pytest.raises(InvalidResponseError, match="the credentials gave a token that is"):
            await run.drive(run.refresher.open())
        assert (sent(run), run.clock.monotonic()) == (["auth"], 0.0)


async def test_a_bearer_token_from_a_callable_is_replaced_by_its_next() -> None:
    """The callable is the login."""
    vault = Vault("first", "second")
    credentials = Bearer(vault)
    async with manual_refresher(credentials, server={"version": "3.8"}) as run:
        await run.clock.advance(10)
        first = await run.refresher.usable()
        run.server.revoke_all()
        run.refresher.reject(first)
        second = await run.drive(run.refresher.usable())
        assert [token.token.reveal() for token in (first, second)] == ["first", "second"]


# -- keys and Basic -----------------------------------------------------------------------


async def test_an_api_key_is_held_without_a_call_and_never_renewed() -> None:
    """Static: no expiry, no timer, no `_logout`; `logout()` forgets it."""
    async with manual_refresher(ApiKey("a2V5")) as run:
        await run.clock.advance(1e6)
        token = await run.refresher.usable()
        assert (token.authorization.reveal(), token.session_expiration_time) == (
            "ApiKey a2V5",
            None,
        )
        assert not run.refresher.reject(token)
        assert run.refresher.current is token
        with pytest.raises(SessionExpiredError, match="no other token"):
            await run.refresher.refresh()
        await run.drive(run.refresher.logout())
        assert run.refresher.current is None
        assert sent(run) == []


async def test_an_api_key_from_a_callable_is_replaced_when_it_is_refused() -> None:
    """The next key, once."""
    async with manual_refresher(ApiKey(Vault("Zmlyc3Q=", "c2Vjb25k"))) as run:
        await run.clock.advance(10)
        first = await run.refresher.usable()
        assert run.refresher.reject(first)
        assert (await run.drive(run.refresher.usable())).token.reveal() == "c2Vjb25k"


async def test_basic_goes_to_refresh_for_every_token() -> None:
    """As the API page's example does, if the server takes it."""
    async with manual_refresher(Basic("admin", "secret"), server={"basic_refresh": True}) as run:
        await run.clock.advance(3600)
        assert run.refresher.current is not None
        assert {arrival.credential for arrival in run.server.log} == {"basic"}
        assert set(sent(run)) == {"_refresh"}
        assert run.told(events.RenewalFailed) == []


@pytest.mark.parametrize(
    ("status", "error", "attempts"),
    [(401, UnauthorizedError, 1), (404, NotFoundError, None)],
)
async def test_basic_that_the_server_does_not_take_is_a_typed_error(
    status: int, error: type[CloudAuthError], attempts: int | None
) -> None:
    """401 is a refusal, and final."""
    async with manual_refresher(Basic("admin", "secret"), opened=False) as run:
        if status != 401:
            run.server.fail_next("_refresh", Status(status), times=100)
        with pytest.raises(error) as caught:
            await run.drive(run.refresher.open())
        assert getattr(caught.value, "status", None) == status
        assert attempts in {None, run.server.stats.refresh_attempts}
        run.server.clear_faults()


# -- the end of a token -------------------------------------------------------------------


def end(run: ManualRefresher) -> datetime | None:
    """Return the end of the token in hand."""
    token = run.refresher.current
    assert token is not None
    return token.session_expiration_time


async def test_an_old_server_hints_at_the_end_in_the_token_itself() -> None:
    """ECE before 3.7 names no end; a JWT's `exp` is a hint, and no call is needed."""
    async with manual_refresher(server={"version": "3.6"}) as run:
        assert end(run) == at(1200)
        assert sent(run) == ["_login"]


async def test_an_old_server_is_asked_for_the_end_of_an_opaque_token() -> None:
    """`GET /users/auth` knows it."""
    async with manual_refresher(server={"version": "3.6", "tokens": "opaque"}) as run:
        assert end(run) == at(1200)
        assert sent(run) == ["_login", "auth"]
        await run.clock.advance(3600)
        assert run.told(events.RenewalFailed) == []


@pytest.mark.parametrize("effect", [Reset(), Status(401), Silence()], ids=lambda e: e.name)
async def test_an_end_that_nobody_names_is_assumed(effect: Reset | Status | Silence) -> None:
    """Also when the call for it fails: `assumed_lifetime`."""
    faults = [Fault("/users/auth", effect)]
    server = {"version": "3.6", "tokens": "opaque", "faults": faults}
    async with manual_refresher(server=server, policy=RenewalPolicy(jitter=0.0)) as run:
        assert end(run) is None
        began = run.clock.monotonic()
        await run.clock.advance(89.0 - began)
        assert run.server.stats.refresh_attempts == 0
        await run.clock.advance(1.5)
        assert run.server.stats.refresh_attempts == 1


async def test_an_end_that_lies_in_the_past_is_not_believed() -> None:
    """Neither the token's own nor the one asked for: the server has just given it."""
    server = {"version": "3.6", "clock_skew": -7200.0, "send_date": False}
    for tokens in ("jwt", "opaque"):
        async with manual_refresher(server={**server, "tokens": tokens}) as run:
            assert end(run) is None


async def test_the_search_for_the_end_does_not_outlive_a_token_in_hand() -> None:
    """A silent `GET /users/auth` gets a quarter of an assumed life."""
    policy = RenewalPolicy(assumed_lifetime=20.0, jitter=0.0)
    faults = [Fault("/users/auth", Silence())]
    server = {"version": "3.6", "tokens": "opaque", "faults": faults, "token_lifetime": 60.0}
    async with manual_refresher(server=server, policy=policy) as run:
        assert run.clock.monotonic() == 5.0
        for _ in range(200):
            await run.clock.advance(0.5)
            assert run.refresher.current is not None


# -- time ---------------------------------------------------------------------------------


async def test_a_silent_server_ends_an_attempt_after_its_time() -> None:
    """`attempt_timeout`, and the error says how long that was."""
    async with manual_refresher(policy=RenewalPolicy(attempt_timeout=2.5)) as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Silence())
        with pytest.raises(RenewalTimeoutError, match=r"^127\S+ _refresh: no answer within 2\.5 s"):
            await run.drive(run.refresher.refresh())
        assert run.clock.monotonic() == 62.5


async def test_a_silent_callable_ends_an_attempt_after_its_time() -> None:
    """A vault has its own time, `renewal_timeout`, and a message of its own."""

    async def never() -> str:
        await asyncio.Event().wait()
        raise AssertionError

    async with manual_refresher(Password("admin", never), opened=False) as run:
        with pytest.raises(RenewalTimeoutError, match="Password has given nothing"):
            await run.drive(run.refresher.open())


async def test_an_error_of_this_package_that_a_callable_raises_is_its_own() -> None:
    """It may come from a session of the vault's; also where it is a `TimeoutError`."""

    async def late() -> str:
        raise RenewalTimeoutError("the vault's own")

    async with manual_refresher(Password("admin", late), opened=False) as run:
        with pytest.raises(RenewalTimeoutError, match="the vault's own"):
            await run.drive(run.refresher.open())


class Slow(MemoryConnector):
    """A connector that gives up by itself, as aiohttp's own time limits do."""

    async def _create_connection(self, *details: Any) -> ResponseHandler:
        raise TimeoutError


async def test_a_time_limit_of_the_clients_own_is_a_timeout_too() -> None:
    """`RenewalTimeoutError`, though the policy's bound was not reached."""
    async with manual_refresher() as outer:
        refresher = type(outer.refresher)(
            outer.server.url,
            Password("admin", "secret"),
            clock=outer.clock,
            auth_connector=Slow(outer.server),
        )
        with pytest.raises(RenewalTimeoutError, match="no answer in time"):
            await outer.drive(refresher.open())
        await outer.drive(refresher.close())


async def test_a_callable_that_fails_is_named_without_its_words() -> None:
    """Its message may hold what it was after."""

    async def leaky() -> str:
        raise LookupError("hunter2")

    async with manual_refresher(Password("admin", leaky), opened=False) as run:
        with pytest.raises(
            TransportError, match=r"Password\.password raised LookupError"
        ) as caught:
            await run.drive(run.refresher.open())
        assert "hunter2" not in str(caught.value)
        assert sent(run) == []
