"""How tokens and sessions live and die, on each version of ECE."""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

import pytest

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import CloudServer, ClusterError, Fault, ManualClock, NoCluster, User
from tests.kit.client import ADMIN, LOGIN, REFRESH, basic, running

INFO = "GET /users/auth"
PERMITTED = basic("admin", "secret")


async def test_a_token_dies_at_the_instant_it_was_said_to() -> None:
    """Not a moment earlier, not a moment later; `expires_at` is told for a token only."""
    clock = ManualClock()
    async with running(clock=clock, token_lifetime=60) as client:
        token = await client.login()
        assert (await client.ask(INFO, token)).json == {
            "has_elevated_permissions": False,
            "refresh_token_url": "/api/v1/users/auth/_refresh",
            "expires_at": "2026-01-01T00:01:00.000Z",
        }
        assert "expires_at" not in (await client.ask(INFO, PERMITTED)).json
        await clock.advance(59.999)
        assert await client.status("GET /x", token) == 200
        await clock.advance(0.001)
        assert await client.status("GET /x", token) == 401
        assert await client.status(REFRESH, token) == 401


@pytest.mark.parametrize("revoked", [False, True])
async def test_the_old_token_lives_on_after_a_refresh_or_not(*, revoked: bool) -> None:
    """Which one real ECE does is not known: be right in both worlds."""
    async with running(revoke_on_refresh=revoked) as client:
        old = await client.login()
        new = await client.refresh(old)
        assert await client.status("GET /x", new) == 200
        assert await client.status("GET /x", old) == (401 if revoked else 200)
        stats = client.server.stats
        assert (stats.logins, stats.refreshes, client.server.generation) == (1, 1, 2)


async def test_logout_ends_the_session_with_all_its_tokens() -> None:
    """And answers 200 whether or not there was one: no 401 is declared."""
    async with running() as client:
        first = await client.login()
        second, other = await client.refresh(first), await client.login()
        for token in (second, second, None):
            seen = await client.ask("POST /users/auth/_logout", token)
            assert (seen.status, seen.json) == (200, {})
        held = [await client.status("GET /x", token) for token in (first, second, other)]
        assert held == [401, 401, 200]
        assert client.server.stats.logouts == 1


async def test_revocation_is_told_by_how_many_tokens_it_killed() -> None:
    """Tokens that are dead already left out."""
    async with running() as client:
        tokens = [await client.login() for _ in range(3)]
        one = tokens[0].removeprefix("Bearer ")
        assert [client.server.revoke(token) for token in (one, one, "unknown")] == [
            True,
            False,
            False,
        ]
        assert [await client.status("GET /x", token) for token in tokens] == [401, 200, 200]
        assert (client.server.revoke_all(), client.server.revoke_all()) == (2, 0)
        assert [await client.status("GET /x", token) for token in tokens] == [401] * 3


@pytest.mark.parametrize("code", ["root.unauthenticated", None])
async def test_a_dead_token_is_refused_with_the_code_that_was_chosen(code: str | None) -> None:
    """Seen on ECE: root.unauthorized, root.unauthenticated, or no code at all."""
    async with running(refused_code=code) as client:
        seen = await client.ask("GET /x", "Bearer dead")
        assert (seen.status, seen.code, "ok" in seen.json) == (401, code, code is None)


async def test_tokens_have_the_shape_that_was_chosen() -> None:
    """A JWT's exp is a hint at the expiry; an opaque token holds none; a function may make them."""
    clock = ManualClock()
    async with running(clock=clock, token_lifetime=60) as client:
        claims = (await client.login()).split(".")[1]
        decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        now = 1_767_225_600
        assert decoded == {"sub": "admin", "iat": now, "exp": now + 60, "jti": "1"}
    async with running(tokens="opaque") as client:
        assert "." not in await client.login()
    async with running(tokens=lambda generation: "same", revoke_on_refresh=True) as client:
        token = await client.refresh(await client.login())
        assert (token, await client.status("GET /x", token)) == ("Bearer same", 200)
        assert client.server.log[-1].generation == 2


async def test_a_token_function_that_gives_no_token_is_a_500_with_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The mistake is the test's; it shows in the server's log."""
    async with running(tokens=lambda generation: "") as client:
        assert (await client.ask(LOGIN, json=ADMIN)).status == 500
    assert "non-empty" in caplog.text


async def test_dead_tokens_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays flat over a year of renewals; live tokens are never forgotten."""
    monkeypatch.setattr("aiocloudauth.testing.sessions._REMEMBERED", 3)
    clock = ManualClock()
    async with running(clock=clock, token_lifetime=60) as client:
        tokens = [await client.login() for _ in range(5)]
        assert [await client.status("GET /x", token) for token in tokens] == [200] * 5
        await clock.advance(60)
        await client.login()
        assert [await client.status("GET /x", token) for token in tokens] == [401] * 5
        known = [arrival.generation for arrival in list(client.server.log)[-5:]]
        assert known == [None, None, None, 4, 5]


@pytest.mark.parametrize(("at_max_session", "ends"), [("refuse", "01:50"), ("stop", "01:40")])
async def test_a_session_has_an_end_that_no_refresh_passes(
    at_max_session: Literal["refuse", "stop"], ends: str
) -> None:
    """Then only a login helps."""
    clock = ManualClock()
    async with running(
        clock=clock, token_lifetime=60, max_session=100, at_max_session=at_max_session
    ) as client:
        token = await client.login()
        await clock.advance(50)
        document = (await client.ask(REFRESH, token)).json
        assert document["session_expiration_time"] == f"2026-01-01T00:{ends}.000Z"
        await clock.advance(50)
        assert await client.status(REFRESH, f"Bearer {document['token']}") == 401
        assert await client.status("GET /x", await client.login()) == 200


async def test_the_server_is_another_machine_than_the_client() -> None:
    """The client's wall clock is stepped, its monotonic clock suspended; the server's are not."""
    clock = ManualClock()
    async with running(clock=clock, token_lifetime=60) as client:
        token = await client.login()
        for step in (86_400, -2 * 86_400):
            clock.step(step)
            assert await client.status("GET /x", token) == 200
        clock.suspend(60)
        assert await client.status("GET /x", token) == 401


async def test_the_servers_clock_may_be_off() -> None:
    """Date and expiry are told by the server's own clock."""
    clock = ManualClock()
    async with running(clock=clock, clock_skew=-900, token_lifetime=60) as client:
        seen = await client.ask(LOGIN, json=ADMIN)
        assert seen.headers["Date"] == "Wed, 31 Dec 2025 23:45:00 GMT"
        assert seen.json["session_expiration_time"] == "2025-12-31T23:46:00.000Z"
        assert client.server.clock_skew == -900
        client.server.clock_skew = 0
        assert await client.status("GET /x", f"Bearer {seen.json['token']}") == 401
        with pytest.raises(ConfigurationError, match="clock_skew"):
            client.server.clock_skew = float("nan")


@pytest.mark.parametrize(
    ("options", "expiry"),
    [
        ({"token_lifetime": 1e12}, "9999-12-31T23:59:59.999Z"),
        ({"clock_skew": -1e12}, "0001-01-01T00:00:00.000Z"),
    ],
    ids=["late", "early"],
)
async def test_a_token_may_outlive_what_a_date_can_say(
    options: dict[str, Any], expiry: str
) -> None:
    """Asked for more, the server stays at the end."""
    async with running(CloudServer(**options)) as client:
        assert (await client.ask(LOGIN, json=ADMIN)).json["session_expiration_time"] == expiry


async def test_how_tokens_live_can_be_changed_while_the_server_runs() -> None:
    """`policy` counts from the next token on, and refuses what cannot be."""
    clock = ManualClock()
    async with running(clock=clock) as client:
        client.server.policy.token_lifetime = 2
        token = await client.login()
        await clock.advance(2)
        assert await client.status("GET /x", token) == 401
        with pytest.raises(ConfigurationError, match="token_lifetime"):
            client.server.policy.token_lifetime = 0


# -- what older versions do otherwise ---------------------------------------------------------

INFO_FIELDS = {
    "3.8": {"has_elevated_permissions", "refresh_token_url", "expires_at"},
    "3.6": {"has_elevated_permissions", "refresh_token_url", "expires_at"},
    "2.1": {"has_elevated_permissions", "has_totp_device", "totp_device_source"},
}


@pytest.mark.parametrize("version", ["3.8", "3.6", "2.1"])
async def test_the_answers_are_those_of_the_version(version: str) -> None:
    """Expiry since 3.7, codes header since 2.4, `_logout` since 2.6, `expires_at` since 2.7."""
    async with running(version=version) as client:
        document = (await client.ask(LOGIN, json=ADMIN)).json
        token = f"Bearer {document['token']}"
        assert ("session_expiration_time" in document) is (version == "3.8")
        assert set((await client.ask(REFRESH, token)).json) == set(document)
        assert set((await client.ask(INFO, token)).json) == INFO_FIELDS[version]
        methods = (await client.ask("GET /users/auth/methods")).json
        assert ("sso_methods" in methods) is (version != "2.1")
        client.server.script(Fault("/a", ClusterError()), Fault("/b", NoCluster()))
        down, none = await client.ask("GET /a"), await client.ask("GET /b")
        assert down.status == (503 if version == "2.1" else 502)
        assert (none.json["errors"][0]["code"], none.code) == (
            "authc.no_authentication_cluster",
            None if version == "2.1" else "authc.no_authentication_cluster",
        )
        assert ("errors" in down.json) is (version != "2.1")
        logout = await client.status("POST /users/auth/_logout")
        assert logout == (401 if version == "2.1" else 200)


async def test_up_to_3_6_a_session_has_a_cookie_that_logs_out() -> None:
    """`_logout` once wanted `ec-sso-session-id`; on 3.8 there is none."""
    async with running() as client:
        assert "Set-Cookie" not in (await client.ask(LOGIN, json=ADMIN)).headers
    async with running(version="3.6") as client:
        seen = await client.ask(LOGIN, json=ADMIN)
        cookie = seen.headers["Set-Cookie"].partition(";")[0]
        name = cookie.partition("=")[0]
        assert name == "ec-sso-session-id"
        for sent, logouts in (("", 0), (f"{name}=other", 0), (cookie, 1), (cookie, 1)):
            client.http.cookie_jar.clear()
            answer = await client.ask("POST /users/auth/_logout", headers={"Cookie": sent})
            assert (answer.status, client.server.stats.logouts) == (200, logouts)
        assert await client.status(INFO, f"Bearer {seen.json['token']}") == 401


@pytest.mark.parametrize(("version", "refused"), [("3.8", 200), ("3.6", 449), ("2.1", 449)])
async def test_up_to_3_6_writing_below_some_paths_takes_elevated_permissions(
    version: str, refused: int
) -> None:
    """449 `root.unauthorized.rbac.elevated_permissions_required`: elevate, do not retry."""
    users = {"admin": "secret", "root": User("secret", elevated=True)}
    async with running(users=users, version=version, elevated_paths=["/a", "/b"]) as client:
        for request, status in (
            ("GET /a/x", 200),
            ("POST /a", refused),
            ("PUT /b/x", refused),
            ("POST /ax", 200),
        ):
            seen = await client.ask(request, PERMITTED)
            assert seen.status == status
            if status == 449:
                code = "root.unauthorized.rbac.elevated_permissions_required"
                assert seen.json["errors"][0]["code"] == code
        assert await client.status("POST /a", basic("root", "secret")) == 200


async def test_before_3_7_keys_do_not_end_and_before_3_8_they_have_no_roles() -> None:
    """Both are refused as the unknown input they are, and never answered."""
    async with running(version="3.6") as client:
        extras: list[dict[str, object]] = [{"expiration": "1d"}, {"role_assignments": {}}, {}]
        seen = [
            await client.ask("POST /users/auth/keys", PERMITTED, json={"description": "x"} | extra)
            for extra in extras
        ]
        assert [answer.status for answer in seen] == [400, 400, 201]
        assert set(seen[2].json) == {"id", "user_id", "description", "creation_date", "key"}
