"""The token goes to the configured origin only; the others' logs are searched for it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from aiocloudauth import (
    ApiError,
    CloudSession,
    ConfigurationError,
    NotFoundError,
    Password,
    PermissionDeniedError,
    RenewalPolicy,
    TransportError,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth.testing import CloudServer, Redirect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUICK = RenewalPolicy(min_interval=0.01, renewal_timeout=0.3)


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), **({"policy": QUICK} | options))


def token_of(cloud: CloudSession) -> str:
    """Give the text of the token in hand."""
    assert cloud.token is not None
    return cloud.token.token.reveal()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_within_the_origin_keeps_the_token(status: int) -> None:
    """It is the same server; the token is bound again, as new as it may be by then."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Redirect("/api/v1/y?a=1", status))
        async with cloud.get("/x") as response:
            assert response.status == 200
            assert response.url.path == "/api/v1/y"
            assert len(response.history) == 1
        server.fail_next("/x", Redirect(f"{server.url.upper()}/api/v1/y", status))
        async with cloud.get("/x") as response:
            assert response.status == 200
        assert {a.generation for a in server.log.to("/y")} == {1}


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_whose_target_refuses_the_token_is_replayed_there(status: int) -> None:
    """Each hop is a request of its own."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Redirect("/api/v1/y", status))
        server.fail_next("/y", status=401, code="root.unauthorized")
        async with cloud.post("/x", data=b"whole") as response:
            assert response.status == 200
        assert [a.generation for a in server.log.to("/y")] == [1, 2]
        assert server.log.to("/y")[-1].body == (b"whole" if status == 307 else b"")


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_a_redirect_to_another_port_loses_the_token_and_the_error_says_so(
    status: int,
) -> None:
    """LESSONS: token follows a redirect to another host; header silently gone, puzzling 401."""
    async with CloudServer() as server, CloudServer() as other, session(server) as cloud:
        server.fail_next("/x", Redirect(f"{other.url}/api/v1/x", status))
        with pytest.raises(UnauthenticatedError, match="another origin") as caught:
            await cloud.post("/x", data=b"whole")
        assert caught.value.url == f"{other.url}/api/v1/x"
        assert len(other.log) == 1
        assert "Authorization" not in other.log[0].headers
        assert other.log.carrying(token_of(cloud)) == []
        assert server.generation == 1


async def test_a_redirect_to_another_host_or_scheme_loses_the_token() -> None:
    """`localhost` is another origin than 127.0.0.1, and https another one than http."""
    async with CloudServer() as server, CloudServer(tls=True) as secure:
        async with session(server) as cloud:
            elsewhere = URL(server.url).with_host("localhost") / "api/v1/x"
            server.fail_next("/y", Redirect(str(elsewhere)))
            with pytest.raises(UnauthenticatedError, match="another origin"):
                await cloud.get("/y")
            assert "Authorization" not in server.log[-1].headers
            server.fail_next("/y", Redirect(f"{secure.url}/api/v1/x"))
            with pytest.raises(UnauthenticatedError, match="another origin"):
                await cloud.get("/y", ssl=False)
            assert secure.log.carrying(token_of(cloud)) == []
        async with session(secure, ssl=secure.ca_file) as cloud:
            plain = URL(secure.url).with_scheme("http").with_port(URL(server.url).port)
            secure.fail_next("/y", Redirect(str(plain / "api/v1/x")))
            with pytest.raises(UnauthenticatedError, match="another origin"):
                await cloud.get("/y")
            assert server.log.carrying(token_of(cloud)) == []


async def test_a_chain_that_leaves_and_comes_back_shows_the_token_to_its_origin_only() -> None:
    """The other server sees the request in between without it."""
    async with CloudServer() as server, CloudServer() as other, session(server) as cloud:
        server.fail_next("/x", Redirect(f"{other.url}/api/v1/x"))
        other.fail_next("/x", Redirect(f"{server.url}/api/v1/y"))
        async with cloud.get("/x") as response:
            assert response.status == 200
        assert len(other.log) == 1
        assert other.log.carrying(token_of(cloud)) == []


async def test_a_redirect_that_carries_user_info_sends_no_token_with_it() -> None:
    """The server chose those credentials; ours do not mix with them."""
    async with (
        CloudServer({"admin": "secret", "bob": "builder"}) as server,
        CloudServer({"bob": "builder"}) as other,
        session(server) as cloud,
    ):
        url = URL(other.url).with_user("bob").with_password("builder") / "api/v1/x"
        server.fail_next("/x", Redirect(str(url)))
        async with cloud.get("/x") as response:
            assert (await response.json())["user"] == "bob"
        assert other.log.carrying(token_of(cloud)) == []


async def test_an_absolute_url_of_another_origin_is_sent_without_the_token() -> None:
    """Whatever the server there answers renews nothing."""
    async with CloudServer() as server, CloudServer() as other, session(server) as cloud:
        for url in (f"{other.url}/api/v1/x", URL(other.url) / "api/v1/x"):
            with pytest.raises(UnauthenticatedError, match="another origin"):
                await cloud.get(url)
            with pytest.raises(UnauthenticatedError):
                await cloud.get(url, middlewares=())
        other.fail_next("/x", status=401, code="root.unauthorized")
        with pytest.raises(UnauthorizedError):
            await cloud.get(f"{other.url}/api/v1/x")
        assert other.log.carrying(token_of(cloud)) == []
        assert all("Authorization" not in arrival.headers for arrival in other.log)
        assert server.generation == 1


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


@pytest.mark.parametrize("path", ["//evil.example/x", "/../../x", "../../x", "/%2e%2e/../../x"])
async def test_a_path_cannot_leave_the_root(path: str) -> None:
    """A reference to a host, or one that climbs, is refused before anything is sent."""
    async with CloudServer() as server, session(server) as cloud:
        with pytest.raises(ConfigurationError):
            cloud.get(path)
        with pytest.raises(ConfigurationError):
            cloud.ws_connect(path)


@pytest.mark.parametrize("path", [None, 7, b"/x", ["/x"]])
async def test_what_is_no_path_is_a_clear_error(path: Any) -> None:  # noqa: ANN401 - no path
    """Bad input: a typed error, and nothing is sent."""
    async with CloudServer() as server, session(server) as cloud:
        with pytest.raises(ConfigurationError, match="path"):
            cloud.get(path)
        assert len(server.log) == 1


# -- WebSockets ---------------------------------------------------------------------------


async def test_a_websocket_carries_the_token_and_echoes() -> None:
    """`ws` counts as `http`; awaited, entered, and as a task."""
    async with CloudServer() as server, session(server) as cloud:
        async with cloud.ws_connect("/ws") as websocket:
            await websocket.send_str("hello")
            assert await websocket.receive_str() == "hello"
        assert websocket.closed
        websocket = await cloud.ws_connect(URL(server.url).with_scheme("ws") / "api/v1/ws")
        await websocket.close()
        websocket = await asyncio.create_task(cloud.ws_connect("/ws"))
        await websocket.close()
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
        assert (caught.value.status, caught.value.method) == (403, "GET")
        assert caught.value.url == f"{server.url}/api/v1/ws"
        server.fail_next("/ws", status=401, code="root.unauthorized", times=2)
        with pytest.raises(UnauthorizedError):
            async with cloud.ws_connect("/ws"):
                pytest.fail("the handshake was refused")  # pragma: no cover - as it says
        # What is no handshake and no error stays aiohttp's.
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await cloud.ws_connect("/x")


async def test_a_websocket_elsewhere_gets_no_token() -> None:
    """The origin check is the same, and so is the error's word about it."""
    async with CloudServer() as server, CloudServer() as other, session(server) as cloud:
        url = URL(other.url).with_scheme("ws") / "api/v1/ws"
        with pytest.raises(ApiError, match="another origin"):
            await cloud.ws_connect(url)
        server.fail_next("/ws", Redirect(f"{other.url}/api/v1/ws"))
        with pytest.raises(ApiError, match="another origin"):
            await cloud.ws_connect("/ws")
        assert other.log.carrying(token_of(cloud)) == []


# -- proxies ------------------------------------------------------------------------------


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65_536):
            writer.write(piece)
    finally:
        writer.close()


@asynccontextmanager
async def proxy(heads: list[bytes]) -> AsyncIterator[str]:
    """Run a proxy that notes the head of every request it is sent; give its URL."""
    pumps: set[asyncio.Task[None]] = set()

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
        pumps.add(asyncio.create_task(_pump(reader, onward)))
        pumps.add(asyncio.create_task(_pump(there, writer)))

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close at the loop's next turn


async def test_a_tunnelling_proxy_sees_no_token_and_carries_the_renewals_too() -> None:
    """Invariant: not to proxies' headers. Proxy and TLS settings hold for both."""
    heads: list[bytes] = []
    async with (
        CloudServer(tls=True) as server,
        proxy(heads) as through,
        session(server, ssl=server.ca_file, proxy=through) as cloud,
    ):
        assert len(heads) == 1
        async with cloud.get("/x", headers={"X-Mine": "1"}) as response:
            assert response.status == 200
        await cloud.refresh()
        server.revoke_all()
        async with cloud.post("/x", data=b"whole") as response:
            assert response.status == 200
        secret = token_of(cloud).encode()
    assert len(heads) >= 2
    for head in heads:
        assert head.startswith(b"CONNECT 127.0.0.1:")
        assert secret not in head
        assert b"authorization" not in head.lower()


async def test_a_forwarding_proxy_is_used_for_requests_and_renewals() -> None:
    """Plain http to loopback: the proxy is part of the way, for both."""
    heads: list[bytes] = []
    async with CloudServer() as server, proxy(heads) as through:
        async with session(server, proxy=through) as cloud:
            async with cloud.get("/x") as response:
                assert response.status == 200
            await cloud.refresh()
        lines = [head.split(b"\r\n")[0].decode() for head in heads]
        prefix = f"POST {server.url}/api/v1/users/auth/"
        assert [line.startswith(prefix) for line in lines] == [True, False, True, True]


async def test_a_proxy_from_the_environment_is_used_with_trust_env(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For the renewals as for the requests; without `trust_env` it is not looked at."""
    heads: list[bytes] = []
    async with CloudServer() as server, proxy(heads) as through:
        monkeypatch.setenv("http_proxy", through)
        monkeypatch.setenv("no_proxy", "")
        async with session(server) as cloud:
            await cloud.get("/x")
        assert heads == []
        async with session(server, trust_env=True) as cloud:
            await cloud.get("/x")
        assert len(heads) == 3


async def test_a_proxy_that_does_not_answer_is_a_transport_error_from_open() -> None:
    """No answer from the way to the server is no answer from the server."""
    async with CloudServer() as server:
        with pytest.raises(TransportError):
            await session(server, proxy="http://127.0.0.1:1").open()
        assert len(server.log) == 0
