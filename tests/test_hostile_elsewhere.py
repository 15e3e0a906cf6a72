"""A server that points elsewhere: what is there learns no token, no password and no cookie.

Two servers; all that the second one is sent, to the byte, is searched.
"""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from aiocloudauth import (
    ApiKey,
    CloudAuthError,
    CloudSession,
    InvalidResponseError,
    Password,
    RenewalPolicy,
    SessionState,
)
from tests.rogue import LOGIN, LOGOUT, REFRESH, WHO, Rogue, http, refusal, token_body

if TYPE_CHECKING:
    from collections.abc import Callable

PASSWORD, KEY, COOKIE = "PlantedPassword", "PlantedKey", "PlantedCookie"
QUICK = RenewalPolicy(
    min_interval=0.01, backoff=0.01, backoff_max=0.02, attempt_timeout=0.5, renewal_timeout=0.1
)

#: How a server may write another place, by what that place is called.
WAYS: dict[str, Callable[[str, str], str]] = {
    "another port": lambda own, other: f"{other}/api/v1/x",
    "another port without a scheme": lambda own, other: f"//{URL(other).authority}/api/v1/x",
    "another name": lambda own, other: f"http://localhost:{URL(other).port}/api/v1/x",
    "our name as a user": lambda own, other: f"http://{URL(own).host}@{URL(other).authority}/x",
    "user info": lambda own, other: f"http://admin:other@{URL(other).authority}/x",
    "our name as a path": lambda own, other: f"{other}/{own}/x",
    "our name before a hash": lambda own, other: f"{other}/#{own}",
    "backslashes": lambda own, other: f"\\\\{URL(other).authority}\\x",
    "a tab in the scheme": lambda own, other: f"ht\ttp://{URL(other).authority}/x",
    "white space before": lambda own, other: f"  {other}/x",
    "upper case": lambda own, other: f"HTTP://{URL(other).authority}/x".upper(),
    "a dot after the name": lambda own, other: f"http://localhost.:{URL(other).port}/x",
    "another scheme": lambda own, other: f"https://{URL(other).authority}/x",
    "a WebSocket": lambda own, other: f"ws://{URL(other).authority}/x",
}

#: Where it may be written.
STATUSES = [301, 302, 303, 307, 308]


def session(server: Rogue, **options: Any) -> CloudSession:
    """Make a session whose client keeps cookies of numeric hosts, too."""
    jar = aiohttp.CookieJar(unsafe=True)
    credentials = Password("admin", PASSWORD)
    return CloudSession(server.url, credentials, policy=QUICK, cookie_jar=jar, **options)


def own_words(url: str) -> str:
    """Return the `Authorization` that aiohttp makes of a URL's user info."""
    user, password = URL(url).user or "", URL(url).password or ""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.mark.parametrize("end", [LOGIN, REFRESH, WHO, LOGOUT])
@pytest.mark.parametrize("status", [*STATUSES, 300, 305])
async def test_no_call_with_credentials_follows_a_redirect(status: int, end: str) -> None:
    """The password, the token and the session's cookie stay: the other place is not even asked."""
    async with Rogue() as other:
        good = json.dumps({"token": "token-0"}).encode()
        login = http(good, f"Set-Cookie: ec-sso-session-id={COOKIE}")
        away = http(token_body("evil"), f"Location: {other.url}/api/v1/x", status=status)
        async with Rogue({LOGIN: login, end: away}, expiry=end != WHO) as server:
            cloud = session(server)
            if end == LOGIN:
                with pytest.raises(InvalidResponseError, match="redirect"):
                    await cloud.open()
            else:
                await cloud.open()
            if end == REFRESH:
                with pytest.raises(InvalidResponseError, match="redirect"):
                    await cloud.refresh()
            assert cloud.token is None or cloud.token.token.reveal() != "evil"
            await cloud.close()
        assert other.connections == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirected_request_takes_nothing_of_ours_along(status: int, way: str) -> None:
    """LESSONS: token follows a redirect to another host. Whatever the place is called."""
    async with Rogue() as other, Rogue() as server:
        cookie = f"Set-Cookie: ec-sso-session-id={COOKIE}; Path=/; Domain=localhost"
        login = http(token_body("token-0"), cookie)
        target = WAYS[way](server.url, other.url)
        server.misdeeds = {LOGIN: login, "/x": http(b"", f"Location: {target}", status=status)}
        async with session(server) as cloud:
            with suppress(CloudAuthError, aiohttp.ClientError, TimeoutError):
                await cloud.post("/x", data=b"body", timeout=0.3, max_redirects=3)
            assert server.to("/x")[0].headers["Authorization"] == "Bearer token-0"
        ours = ("token-", PASSWORD, COOKIE, f"admin:{PASSWORD}")
        assert not any(request.carries(secret) for request in other.received for secret in ours)
        # What the user info of a `Location` asks for is sent: the server's own words, not ours.
        sent = {request.headers.get("Authorization") for request in other.received}
        assert sent <= {None, own_words(target)}


async def test_a_chain_of_redirects_shows_the_token_to_its_origin_alone() -> None:
    """Out, around over plain http and user info, and back: five hops, two of them ours."""
    async with Rogue() as other, Rogue() as server:
        port = URL(other.url).port
        other.misdeeds = {
            "/1": http(b"", f"Location: http://localhost:{port}/2", status=307),
            "/2": http(b"", f"Location: http://eve:x@127.0.0.1:{port}/3", status=307),
            "/3": http(b"", f"Location: {server.url}/api/v1/back", status=307),
        }
        server.misdeeds = {"/x": http(b"", f"Location: {other.url}/1", status=307)}
        async with session(server) as cloud, cloud.get("/x") as response:
            assert response.status == 200
            assert len(response.history) == 4
        assert [request.target for request in other.received] == ["/1", "/2", "/3"]
        assert not any(request.carries("token-") for request in other.received)
        own = {request.target: request.headers["Authorization"] for request in server.received[1:3]}
        assert own == {"/api/v1/x": "Bearer token-1", "/api/v1/back": "Bearer token-1"}


async def test_a_loop_of_redirects_ends() -> None:
    """There is a most that aiohttp follows; the session serves on."""
    async with Rogue(keep=True) as server:
        server.misdeeds = {"/x": http(b"", "Location: /api/v1/x", status=302)}
        async with session(server) as cloud:
            with pytest.raises(aiohttp.TooManyRedirects):
                await cloud.get("/x")
            async with cloud.get("/y") as response:
                assert response.status == 200


async def test_an_api_key_stays_with_its_origin() -> None:
    """A key does not end by itself, so it matters the more."""
    async with Rogue() as other, Rogue() as server:
        server.misdeeds = {"/x": http(b"", f"Location: {other.url}/x", status=307)}
        cloud = CloudSession(server.url, ApiKey(KEY), policy=QUICK)
        async with cloud, cloud.get("/x") as response:
            assert response.status == 200
        assert len(other.received) == 1
        assert "Authorization" not in other.received[0].headers
        assert not other.received[0].carries(KEY)
        assert server.received[0].headers["Authorization"] == f"ApiKey {KEY}"


@pytest.mark.parametrize("where", ["another origin", "ours"])
async def test_refresh_token_url_is_never_asked(where: str) -> None:
    """`GET /users/auth` names a URL to refresh with; a renewal goes where it always goes."""
    async with Rogue() as other, Rogue(expiry=False) as server:
        url = {"another origin": other.url, "ours": server.url}[where]
        who = {"refresh_token_url": f"{url}/steal", "expires_at": "2099-01-01T00:00:00Z"}
        server.misdeeds = {WHO: http(json.dumps(who).encode())}
        async with session(server) as cloud:
            assert cloud.session_expiration_time is not None
            for _ in range(3):
                await cloud.refresh()
            assert cloud.state is SessionState.ACTIVE
        assert other.connections == 0
        assert server.to("/steal") == []
        assert {request.target for request in server.to(REFRESH)} == {f"/api/v1/{REFRESH}"}


@pytest.mark.parametrize(
    "field",
    [
        "Refresh: 0; url={other}/x",
        "Link: <{other}/x>; rel=preload",
        "Alt-Svc: h2c='{authority}'; ma=86400",
        "Content-Location: {other}/x",
        "Location: {other}/x",
        "WWW-Authenticate: Bearer realm={other}/x",
        "Host: {authority}",
        "Set-Cookie: a=b; Domain={authority}",
        "Proxy-Authenticate: Basic realm=x",
    ],
)
@pytest.mark.parametrize("status", [200, 401, 503])
async def test_no_other_field_of_an_answer_leads_away(field: str, status: int) -> None:
    """Whatever it names, the next request and the next renewal go to the same place."""
    async with Rogue() as other, Rogue() as server:
        line = field.format(other=other.url, authority=URL(other.url).authority)
        answer = http(refusal("a.b") if status != 200 else token_body(), line, status=status)
        async with session(server) as cloud:
            server.misdeeds = {"/x": answer, REFRESH: answer}
            for call in (cloud.refresh, lambda: cloud.get("/x")):
                with suppress(CloudAuthError):
                    await call()
            async with cloud.get("/y") as response:
                assert response.status == 200
        assert other.connections == 0


@pytest.mark.parametrize(
    "path", ["http:evil/x", "https:/evil/x", "\\\\evil\\x", "@evil/x", "?://evil"]
)
async def test_a_path_that_looks_like_a_place_is_a_path(path: str) -> None:
    """A path that came from somebody else leads nowhere but below the API root."""
    async with Rogue() as server, session(server) as cloud:
        async with cloud.get(path) as response:
            assert response.url.origin() == URL(server.url).origin()
        assert server.received[-1].target.startswith("/api/v1/")
        assert server.received[-1].headers["Authorization"] == "Bearer token-1"
