"""How tokens and sessions live and die."""

from __future__ import annotations

import base64
import json
from typing import Literal

import aiohttp
import pytest

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import (
    Body,
    CloudServer,
    ManualClock,
    Trickle,
)
from tests.calls import ADMIN, LOGIN, LOGOUT, REFRESH, basic, bearer, log_in, refresh, status


async def test_expires_at_is_told_for_a_token_only() -> None:
    """`GET /users/auth`: expires_at applies to token based authentication."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, token_lifetime=90) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        token = await log_in(http)
        async with http.get("/api/v1/users/auth", headers=token) as answer:
            assert await answer.json() == {
                "has_elevated_permissions": False,
                "refresh_token_url": "/api/v1/users/auth/_refresh",
                "expires_at": "2026-01-01T00:01:30.000Z",
            }
        async with http.get("/api/v1/users/auth", headers=basic("admin", "secret")) as answer:
            assert "expires_at" not in await answer.json()


async def test_a_token_dies_at_the_instant_it_was_said_to() -> None:
    """Not a moment earlier, not a moment later."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, token_lifetime=60) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        token = await log_in(http)
        await clock.advance(59.999)
        assert await status(http, token) == 200
        await clock.advance(0.001)
        assert await status(http, token) == 401
        async with http.post(REFRESH, headers=token) as answer:
            assert answer.status == 401


@pytest.mark.parametrize("revoked", [False, True])
async def test_the_old_token_lives_on_after_a_refresh_or_not(*, revoked: bool) -> None:
    """Which one real ECE does is not known: be right in both worlds."""
    async with (
        CloudServer(revoke_on_refresh=revoked) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        old = await log_in(http)
        new = await refresh(http, old)
        assert await status(http, new) == 200
        assert await status(http, old) == (401 if revoked else 200)
        assert (server.stats.logins, server.stats.refreshes, server.generation) == (1, 1, 2)


async def test_logout_ends_the_session_with_all_its_tokens() -> None:
    """And answers 200 whether or not there was one: no 401 is declared."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        first = await log_in(http)
        second, other = await refresh(http, first), await log_in(http)
        for headers in (second, second, {}):
            async with http.post(LOGOUT, headers=headers) as answer:
                assert (answer.status, await answer.json()) == (200, {})
        assert [await status(http, token) for token in (first, second, other)] == [401, 401, 200]
        assert server.stats.logouts == 1


async def test_revocation_is_told_by_how_many_tokens_it_killed() -> None:
    """`revoke_all` and `revoke` at once, with tokens that are dead already left out."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        tokens = [await log_in(http) for _ in range(3)]
        assert server.revoke(tokens[0]["Authorization"].removeprefix("Bearer "))
        assert not server.revoke(tokens[0]["Authorization"].removeprefix("Bearer "))
        assert not server.revoke("unknown")
        assert [await status(http, token) for token in tokens] == [401, 200, 200]
        assert server.revoke_all() == 2
        assert [await status(http, token) for token in tokens] == [401, 401, 401]
        assert server.revoke_all() == 0


@pytest.mark.parametrize("code", ["root.unauthenticated", None])
async def test_a_dead_token_is_refused_with_the_code_that_was_chosen(code: str | None) -> None:
    """Seen on ECE: root.unauthorized, root.unauthenticated, or no code at all."""
    async with (
        CloudServer(refused_code=code) as server,
        aiohttp.ClientSession(server.url) as http,
        http.get("/api/v1/x", headers=bearer("dead")) as answer,
    ):
        assert answer.status == 401
        assert answer.headers.get("x-cloud-error-codes") == code
        if code is None:
            assert (await answer.json())["ok"] is False


@pytest.mark.parametrize("tokens", ["jwt", "opaque"])
async def test_tokens_have_the_shape_that_was_chosen(tokens: Literal["jwt", "opaque"]) -> None:
    """A JWT's exp is a hint at the expiry; an opaque token holds none."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, tokens=tokens, token_lifetime=60) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        token = (await log_in(http))["Authorization"].removeprefix("Bearer ")
        if tokens == "jwt":
            claims = token.split(".")[1]
            decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            assert decoded == {
                "sub": "admin",
                "iat": 1_767_225_600,
                "exp": 1_767_225_660,
                "jti": "1",
            }
        else:
            assert "." not in token


async def test_tokens_may_be_fixed() -> None:
    """A function makes them; also one that always gives the same."""
    async with (
        CloudServer(tokens=lambda generation: f"t{generation}") as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        assert await refresh(http, await log_in(http)) == bearer("t2")
    async with (
        CloudServer(tokens=lambda generation: "same", revoke_on_refresh=True) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        token = await refresh(http, await log_in(http))
        assert await status(http, token) == 200
        assert server.log[-1].generation == 2


async def test_a_token_function_that_gives_no_token_is_a_500_with_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The mistake is the test's; it shows in the server's log."""
    async with (
        CloudServer(tokens=lambda generation: "") as server,
        aiohttp.ClientSession(server.url) as http,
        http.post(LOGIN, json=ADMIN) as answer,
    ):
        assert answer.status == 500
    assert "non-empty" in caplog.text


async def test_dead_tokens_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays flat over a year of renewals; live tokens are never forgotten."""
    from aiocloudauth.testing import sessions

    monkeypatch.setattr(sessions, "_REMEMBERED", 3)
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, token_lifetime=60) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        alive = [await log_in(http) for _ in range(5)]
        assert [await status(http, token) for token in alive] == [200] * 5
        await clock.advance(60)
        await log_in(http)
        known = []
        for token in alive:
            assert await status(http, token) == 401
            known.append(server.log[-1].generation)
        assert known == [None, None, None, 4, 5]


@pytest.mark.parametrize("at_max_session", ["refuse", "stop"])
async def test_a_session_has_an_end_that_no_refresh_passes(
    at_max_session: Literal["refuse", "stop"],
) -> None:
    """spring-projects/spring-vault#176: the session cap is reached, only a login helps."""
    clock = ManualClock()
    async with (
        CloudServer(
            clock=clock, token_lifetime=60, max_session=100, at_max_session=at_max_session
        ) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        token = await log_in(http)
        await clock.advance(50)
        async with http.post(REFRESH, headers=token) as answer:
            document = await answer.json()
        ends = {"refuse": "2026-01-01T00:01:50.000Z", "stop": "2026-01-01T00:01:40.000Z"}
        assert document["session_expiration_time"] == ends[at_max_session]
        await clock.advance(50)
        async with http.post(REFRESH, headers=bearer(document["token"])) as answer:
            assert answer.status == 401
        assert await status(http, await log_in(http)) == 200


async def test_the_server_is_another_machine_than_the_client() -> None:
    """The client's wall clock is stepped, its monotonic clock suspended; the server's are not."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, token_lifetime=60) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        token = await log_in(http)
        clock.step(86_400)
        assert await status(http, token) == 200
        clock.step(-2 * 86_400)
        assert await status(http, token) == 200
        clock.suspend(60)
        assert await status(http, token) == 401


async def test_the_servers_clock_may_be_off() -> None:
    """Date, expiry and JWT are all told by the server's own clock."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, clock_skew=-900, token_lifetime=60) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        async with http.post(LOGIN, json=ADMIN) as answer:
            document = await answer.json()
            assert answer.headers["Date"] == "Wed, 31 Dec 2025 23:45:00 GMT"
            assert document["session_expiration_time"] == "2025-12-31T23:46:00.000Z"
        await clock.advance(59)
        assert await status(http, bearer(document["token"])) == 200
        assert server.clock_skew == -900
        server.clock_skew = 0
        assert await status(http, bearer(document["token"])) == 401
        with pytest.raises(ConfigurationError, match="clock_skew"):
            server.clock_skew = float("nan")


async def test_the_date_header_can_be_left_out() -> None:
    """Not every server, and not every proxy, sends one."""
    async with (
        CloudServer(send_date=False) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        server.fail_next("/slow", Trickle(0), Body(b"x"))
        for path in ("/api/v1/users/auth/methods", "/elsewhere", "/api/v1/slow"):
            async with http.get(path) as answer:
                assert "Date" not in answer.headers


async def test_a_token_may_outlive_what_a_date_can_say() -> None:
    """The year 9999 is the last one; asked for more, the server stays at its end."""
    async with (
        CloudServer(token_lifetime=1e12) as server,
        aiohttp.ClientSession(server.url) as http,
        http.post(LOGIN, json=ADMIN) as answer,
    ):
        assert (await answer.json())["session_expiration_time"] == "9999-12-31T23:59:59.999Z"
    async with (
        CloudServer(clock_skew=-1e12) as server,
        aiohttp.ClientSession(server.url) as http,
        http.post(LOGIN, json=ADMIN) as answer,
    ):
        assert (await answer.json())["session_expiration_time"] == "0001-01-01T00:00:00.000Z"


async def test_how_tokens_live_can_be_changed_while_the_server_runs() -> None:
    """`policy` counts from the next token on, and refuses what cannot be."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, aiohttp.ClientSession(server.url) as http:
        server.policy.token_lifetime = 2
        token = await log_in(http)
        await clock.advance(2)
        assert await status(http, token) == 401
        with pytest.raises(ConfigurationError, match="token_lifetime"):
            server.policy.token_lifetime = 0
