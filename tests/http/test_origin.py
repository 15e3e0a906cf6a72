"""The token goes to the configured origin only; whatever leads elsewhere leads without it."""

from __future__ import annotations

import asyncio
import base64
import json
import traceback
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from attrs import evolve
from yarl import URL

from aiocloudauth import (
    ApiError,
    ApiKey,
    CloudAuthError,
    CloudSession,
    ConfigurationError,
    NotFoundError,
    Password,
    PermissionDeniedError,
    RenewalPolicy,
    TLSError,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth.errors import chain
from aiocloudauth.testing import CloudServer, Redirect
from tests.http.clients import session, token_of
from tests.http.raw_server import LOGIN, LOGOUT, REFRESH, WHO, RawServer, http, refusal, token_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PASSWORD, COOKIE = "PlantedPassword", "PlantedCookie"
QUICK = RenewalPolicy(min_interval=0.01)


def raw_session(server: RawServer, **options: Any) -> CloudSession:
    """Make a session whose client keeps cookies of numeric hosts, too."""
    jar = aiohttp.CookieJar(unsafe=True)
    credentials = Password("admin", PASSWORD)
    return CloudSession(server.url, credentials, **{"policy": QUICK, "cookie_jar": jar, **options})


# -- redirects -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_within_the_origin_keeps_the_token(status: int) -> None:
    """It is the same server, however it is written; a refusal there is replayed there."""
    async with CloudServer() as server, session(server) as cloud:
        for target in ("/api/v1/y?a=1", f"{server.url.upper()}/api/v1/y"):
            server.fail_next("/x", Redirect(target, status))
            async with cloud.get("/x") as response:
                assert (response.status, response.url.path) == (200, "/api/v1/y")
        server.fail_next("/x", Redirect("/api/v1/y", status))
        server.fail_next("/y", status=401, code="root.unauthorized")
        async with cloud.post("/x", data=b"whole") as response:
            assert response.status == 200
        assert server.log.to("/y")[-1].body == (b"whole" if status in {307, 308} else b"")


#: How a server may write another place, by what that place is called.
WAYS: dict[str, Callable[[str, str], str]] = {
    "another port": lambda own, other: f"{other}/api/v1/x",
    "another port without a scheme": lambda own, other: f"//{URL(other).authority}/api/v1/x",
    "another name": lambda own, other: f"http://localhost:{URL(other).port}/api/v1/x",
    "our name as a user": lambda own, other: f"http://{URL(own).host}@{URL(other).authority}/x",
    "user info": lambda own, other: f"http://admin:other@{URL(other).authority}/x",
    "our name as a path": lambda own, other: f"{other}/{own}/x",
    "backslashes": lambda own, other: f"\\\\{URL(other).authority}\\x",
    "a tab in the scheme": lambda own, other: f"ht\ttp://{URL(other).authority}/x",
    "white space before": lambda own, other: f"  {other}/x",
    "upper case": lambda own, other: f"HTTP://{URL(other).authority}/x".upper(),
    "a dot after the name": lambda own, other: f"http://localhost.:{URL(other).port}/x",
    "another scheme": lambda own, other: f"https://{URL(other).authority}/x",
    "a WebSocket": lambda own, other: f"ws://{URL(other).authority}/x",
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_redirected_request_takes_nothing_of_ours_along(way: str) -> None:
    """LESSONS: token follows a redirect to another host. Whatever the place is called."""
    async with RawServer() as other, RawServer() as server:
        cookie = f"Set-Cookie: ec-sso-session-id={COOKIE}; Path=/; Domain=localhost"
        target = WAYS[way](server.url, other.url)
        server.replies = {
            LOGIN: http(token_body("token-0"), cookie),
            "/x": http(b"", f"Location: {target}", status=307),
        }
        async with raw_session(server) as cloud:
            with suppress(CloudAuthError, aiohttp.ClientError, TimeoutError):
                await cloud.post("/x", data=b"body", timeout=0.2, max_redirects=3)
            assert server.to("/x")[0].headers["Authorization"] == "Bearer token-0"
        ours = ("token-", PASSWORD, COOKIE)
        assert not any(request.carries(secret) for request in other.received for secret in ours)


async def test_the_error_of_another_place_says_that_it_is_one() -> None:
    """LESSONS: header silently gone after a redirect, puzzling 401. It renews nothing."""
    async with CloudServer() as server, CloudServer() as other, session(server) as cloud:
        server.fail_next("/x", Redirect(f"{other.url}/api/v1/x", 307))
        with pytest.raises(UnauthenticatedError, match="another origin") as caught:
            await cloud.post("/x", data=b"whole")
        assert caught.value.url == f"{other.url}/api/v1/x"
        for url in (f"{other.url}/api/v1/x", URL(other.url) / "api/v1/x"):
            with pytest.raises(UnauthenticatedError, match="another origin"):
                await cloud.get(url)
            with pytest.raises(UnauthenticatedError):
                await cloud.get(url, middlewares=())
        other.fail_next("/x", status=401, code="root.unauthorized")
        with pytest.raises(UnauthorizedError):
            await cloud.get(f"{other.url}/api/v1/x")
        with pytest.raises(ApiError, match="another origin"):
            await cloud.ws_connect(URL(other.url).with_scheme("ws") / "api/v1/ws")
        assert other.log.carrying(token_of(cloud)) == []
        assert len(server.log.to("users/auth")) == 0


async def test_https_is_another_origin_than_http() -> None:
    """In both directions."""
    async with CloudServer() as plain, CloudServer(tls=True) as secure:
        async with session(plain) as cloud:
            plain.fail_next("/y", Redirect(f"{secure.url}/api/v1/x"))
            with pytest.raises(UnauthenticatedError, match="another origin"):
                await cloud.get("/y", ssl=False)
            assert secure.log.carrying(token_of(cloud)) == []
        async with session(secure, ssl=secure.ca_file) as cloud:
            secure.fail_next("/y", Redirect(f"{plain.url}/api/v1/x"))
            with pytest.raises(UnauthenticatedError, match="another origin"):
                await cloud.get("/y")
            assert plain.log.carrying(token_of(cloud)) == []


async def test_a_chain_of_redirects_shows_the_token_to_its_origin_alone() -> None:
    """Out, around over another name and user info, and back: four hops, two of them ours."""
    async with RawServer() as other, RawServer() as server:
        port = URL(other.url).port
        other.replies = {
            "/1": http(b"", f"Location: http://localhost:{port}/2", status=307),
            "/2": http(b"", f"Location: http://eve:x@127.0.0.1:{port}/3", status=307),
            "/3": http(b"", f"Location: {server.url}/api/v1/back", status=307),
        }
        server.replies = {"/x": http(b"", f"Location: {other.url}/1", status=307)}
        async with raw_session(server) as cloud, cloud.get("/x") as response:
            assert (response.status, len(response.history)) == (200, 4)
        assert [request.target for request in other.received] == ["/1", "/2", "/3"]
        assert not any(request.carries("token-") for request in other.received)
        own = {request.target: request.headers["Authorization"] for request in server.received[1:3]}
        assert own == {"/api/v1/x": "Bearer token-1", "/api/v1/back": "Bearer token-1"}


async def test_a_loop_of_redirects_ends() -> None:
    """There is a most that aiohttp follows; the session serves on."""
    loop = http(b"", "Location: /api/v1/x", status=302)
    async with RawServer({"/x": loop}, keep=True) as server, raw_session(server) as cloud:
        with pytest.raises(aiohttp.TooManyRedirects):
            await cloud.get("/x")
        async with cloud.get("/y") as response:
            assert response.status == 200


async def test_an_api_key_stays_with_its_origin() -> None:
    """A key does not end by itself, so it matters the more."""
    async with RawServer() as other, RawServer() as server:
        server.replies = {"/x": http(b"", f"Location: {other.url}/x", status=307)}
        async with CloudSession(server.url, ApiKey("PlantedKey"), policy=QUICK) as cloud:
            await cloud.get("/x")
        assert not other.received[0].carries("PlantedKey")
        assert server.received[0].headers["Authorization"] == "ApiKey PlantedKey"


@pytest.mark.parametrize("end", [LOGIN, REFRESH, WHO, LOGOUT])
async def test_no_call_with_credentials_follows_a_redirect(end: str) -> None:
    """The password, the token and the session's cookie stay: the other place is not even asked."""
    async with RawServer() as other:
        opaque = json.dumps({"token": "token-0"}).encode()
        away = http(token_body("evil"), f"Location: {other.url}/api/v1/x", status=307)
        login = http(opaque, f"Set-Cookie: ec-sso-session-id={COOKIE}")
        async with RawServer({LOGIN: login} | {end: away}) as server:
            # A redirected login is tried again for as long as this.
            cloud = raw_session(server, policy=evolve(QUICK, renewal_timeout=0.5))
            for call in (cloud.open, cloud.refresh):
                with suppress(CloudAuthError):
                    await call()
            assert cloud.token is None or token_of(cloud) != "evil"
            await cloud.close()
            assert server.to(end)
        assert other.connections == 0


FIELDS = [
    "Refresh: 0; url={other}/x",
    "Link: <{other}/x>; rel=preload",
    "Alt-Svc: h2c='{authority}'; ma=86400",
    "Content-Location: {other}/x",
    "Location: {other}/x",
    "Host: {authority}",
    "Set-Cookie: a=b; Domain={authority}",
]


@pytest.mark.parametrize("status", [200, 503])
async def test_no_other_field_of_an_answer_leads_away(status: int) -> None:
    """Nor `refresh_token_url`: requests and renewals go to the same place as before."""
    async with RawServer() as other, RawServer() as server:
        authority = URL(other.url).authority
        lines = [field.format(other=other.url, authority=authority) for field in FIELDS]
        steal = f"{other.url}/steal"
        body = token_body(refresh_token_url=steal) if status == 200 else refusal("a.b")
        async with raw_session(server) as cloud:
            server.replies = {"": http(body, *lines, status=status)}
            for call in (cloud.refresh, lambda: cloud.get("/x"), lambda: cloud.get("/y")):
                with suppress(CloudAuthError):
                    await call()
        assert other.connections == 0
        assert {request.target for request in server.to("_refresh")} == {f"/api/v1/{REFRESH}"}


# -- paths and URLs ------------------------------------------------------------------------


async def test_an_absolute_url_of_the_own_origin_carries_the_token_in_any_spelling() -> None:
    """The origin is scheme, host and effective port, not the text before the path."""
    async with CloudServer() as server, session(server) as cloud:
        port = URL(server.url).port
        for url in (
            f"{server.url}/api/v1/x",
            f"HTTP://127.0.0.1:{port}/api/v1/x",
            URL(f"http://127.0.0.1:{port}/elsewhere/../api/v1/x"),
        ):
            async with cloud.get(url) as response:
                assert response.status == 200
        with pytest.raises(NotFoundError):
            await cloud.get(f"{server.url}/outside")
        # Outside the API root, and the same origin still.
        assert server.log[-1].headers["Authorization"].startswith("Bearer ")


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "/../../x", "\t/evil.example/x", None, b"/x", ["/x"]]
)
async def test_a_path_that_leaves_the_root_or_is_none_is_refused_before_anything_is_sent(
    path: Any,  # noqa: ANN401 - not all are of the type asked for
) -> None:
    """By requests and WebSockets alike."""
    async with CloudServer() as server, session(server) as cloud:
        for call in (cloud.get, cloud.ws_connect):
            with pytest.raises(ConfigurationError, match="path"):
                call(path)
        assert len(server.log) == 1


@pytest.mark.parametrize(
    "path", ["http:evil/x", "https:/evil/x", "\\\\evil\\x", "@evil/x", "?://evil"]
)
async def test_a_path_that_looks_like_a_place_is_a_path(path: str) -> None:
    """A path that came from somebody else leads nowhere but below the API root."""
    async with RawServer() as server, raw_session(server) as cloud:
        async with cloud.get(path) as response:
            assert response.url.origin() == URL(server.url).origin()
        assert server.received[-1].target.startswith("/api/v1/")
        assert server.received[-1].headers["Authorization"] == "Bearer token-1"


# -- WebSockets ----------------------------------------------------------------------------


async def test_a_websocket_carries_the_token_and_echoes() -> None:
    """`ws` counts as `http`; awaited, entered, and as a task."""
    async with CloudServer() as server, session(server) as cloud:
        async with cloud.ws_connect("/ws") as websocket:
            await websocket.send_str("hello")
            assert await websocket.receive_str() == "hello"
        assert websocket.closed
        for call in (
            cloud.ws_connect(URL(server.url).with_scheme("ws") / "api/v1/ws"),
            asyncio.create_task(cloud.ws_connect("/ws")),
        ):
            await (await call).close()
        assert [a.generation for a in server.log.to("/ws")] == [1, 1, 1]


async def test_a_refused_handshake_is_an_api_error_and_a_401_is_replayed() -> None:
    """The codes are in the header; the body of a handshake is not read."""
    async with CloudServer() as server, session(server) as cloud:
        server.revoke_all()
        async with cloud.ws_connect("/ws"):
            assert server.log[-1].generation == 2
        server.fail_next("/ws", status=403, code="root.unauthorized.rbac")
        with pytest.raises(PermissionDeniedError) as caught:
            await cloud.ws_connect("/ws?secret=1")
        assert caught.value.codes == ("root.unauthorized.rbac",)
        assert caught.value.url == f"{server.url}/api/v1/ws"
        # What is no handshake and no error stays aiohttp's.
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await cloud.ws_connect("/x")


# -- proxies -------------------------------------------------------------------------------


@asynccontextmanager
async def proxy(heads: list[bytes]) -> AsyncIterator[str]:
    """Run a proxy that notes the head of every request it is sent; give its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65_536):
                writer.write(piece)
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heads.append(head)
        method, target, _ = head.split(b" ", 2)
        url = URL(target.decode() if method != b"CONNECT" else f"//{target.decode()}")
        assert url.host is not None
        there, onward = await asyncio.open_connection(url.host, url.port)
        if method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            line = head.replace(target, url.raw_path_qs.encode(), 1)
            onward.write(line.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        tasks.add(asyncio.create_task(pump(reader, onward)))
        tasks.add(asyncio.create_task(pump(there, writer)))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_tunnelling_proxy_sees_no_token_and_carries_the_renewals_too() -> None:
    """Invariant: not to proxies' headers. Proxy and TLS settings hold for both."""
    heads: list[bytes] = []
    async with (
        CloudServer(tls=True) as server,
        proxy(heads) as through,
        session(server, ssl=server.ca_file, proxy=through) as cloud,
    ):
        assert len(heads) == 1
        server.revoke_all()
        async with cloud.post("/x", data=b"whole") as response:
            assert response.status == 200
        secret = token_of(cloud).encode()
    assert len(heads) >= 2
    for head in heads:
        assert head.startswith(b"CONNECT 127.0.0.1:")
        assert secret not in head
        assert b"authorization" not in head.lower()


def told(error: BaseException) -> str:
    """Say all that a reporter with local variables would say of an error."""
    said = "".join(traceback.format_exception(error))
    for link in chain(error):
        said += f"{link!r} {link.args} {vars(link)}"
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if frame.f_code.co_filename != __file__:
                said += repr(frame.f_locals)
    return said


@pytest.mark.filterwarnings(
    "ignore:.*BasicAuth is deprecated:DeprecationWarning",
    "ignore:The 'proxy_auth' parameter is deprecated:DeprecationWarning",
)
@pytest.mark.parametrize("apart", [False, True], ids=["in the URL", "as proxy_auth"])
async def test_no_error_shows_the_password_of_a_proxy(*, apart: bool) -> None:
    """Of one that refuses the tunnel, and of a certificate behind it: aiohttp's own show it."""
    pair = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    async with (
        CloudServer(tls=True) as server,
        proxy([]) as tunnel,
        RawServer({"": http(status=407)}) as refusing,
    ):
        for url in (tunnel, refusing.url):
            through: dict[str, Any] = {"proxy": url.replace("//", f"//me:{PASSWORD}@")}
            if apart:
                through = {"proxy": url, "proxy_auth": aiohttp.BasicAuth("me", PASSWORD)}
            said = ""
            if url == tunnel:  # the certificate ends it at once, and no retry mends that
                with pytest.raises(TLSError) as refused:
                    await session(server, **through)
                said = told(refused.value)
            # An API key needs no login, and these are the first to go through the proxy.
            async with CloudSession(server.url, ApiKey("key"), **through) as cloud:
                elsewhere = server.url.replace("127.0.0.1", "localhost")
                for call in (cloud.get("/x"), cloud.ws_connect("/x"), cloud.get(elsewhere)):
                    with pytest.raises(aiohttp.ClientError) as caught:
                        await call
                    said += told(caught.value)
            assert PASSWORD not in said
            assert pair not in said
