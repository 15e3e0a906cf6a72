"""The middleware, and the request class, in an aiohttp session of one's own."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth import (
    BearerMiddleware,
    BearerRequest,
    BodyNotReplayableError,
    ConfigurationError,
    Password,
    RenewalPolicy,
    SessionClosedError,
    TokenRefresher,
)
from aiocloudauth.testing import Body, CloudServer, ManualClock, Trickle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

QUICK = RenewalPolicy(min_interval=0.01)

USERS = {"admin": "secret", "bob": "builder", "carol": "singer"}

#: aiohttp 3.14 wants credentials as a header.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*BasicAuth is deprecated:DeprecationWarning",
    "ignore:The '(proxy_)?auth' parameter is deprecated:DeprecationWarning",
)


def basic(user: str, password: str) -> str:
    """Write credentials as a header field's value."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


BOB = basic("bob", "builder")


async def user_of(pending: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> str:
    """Tell whom the server took the sender of a request for."""
    async with pending as response:
        return str((await response.json())["user"])


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a netrc entry for the server's host, as `trust_env` finds it."""
    entry = tmp_path / "netrc"
    entry.write_text("machine 127.0.0.1 login carol password singer\n")
    entry.chmod(0o600)
    monkeypatch.setenv("NETRC", str(entry))


def own(refresher: TokenRefresher, *, bound: bool, **options: Any) -> aiohttp.ClientSession:
    """Make an aiohttp session as a user does, with or without the request class."""
    if bound:
        options["request_class"] = BearerRequest
    return aiohttp.ClientSession(middlewares=(BearerMiddleware(refresher),), **options)


def refresher_for(server: CloudServer, **options: Any) -> TokenRefresher:
    """Make a refresher with the server's administrator."""
    return TokenRefresher(server.url, Password("admin", "secret"), policy=QUICK, **options)


both = pytest.mark.parametrize("bound", [True, False])


@both
async def test_the_middleware_serves_any_session(
    bound: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """With `BearerRequest` the token is bound at the write, without it in the middleware."""
    async with (
        CloudServer(USERS) as server,
        refresher_for(server) as refresher,
        own(refresher, bound=bound, base_url=server.url) as http,
    ):
        assert await user_of(http.get("/api/v1/x")) == "admin"
        server.revoke_all()
        assert await user_of(http.post("/api/v1/x", json={"a": 1})) == "admin"
        assert server.log[-1].body == b'{"a": 1}'
        server.revoke_all()
        assert await user_of(http.post("/api/v1/x", data=b"x", expect100=True)) == "admin"
        async with http.ws_connect("/api/v1/ws") as websocket:
            await websocket.send_str("hello")
            assert await websocket.receive_str() == "hello"
        assert await user_of(http.get("/api/v1/x", headers={"authorization": BOB})) == "bob"
        server.fail_next("/x", status=403)
        async with http.get("/api/v1/x") as response:
            assert response.status == 403
            assert "Authorization" not in response.request_info.headers
        server.fail_next("/x", status=401, code="user.not_found")
        async with http.get("/api/v1/x") as response:
            assert response.status == 401
        assert server.generation == 3


@both
async def test_the_middleware_refuses_to_cut_a_body(
    bound: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """The replay's gate is the same in any session."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece"

    async with (
        CloudServer() as server,
        refresher_for(server) as refresher,
        own(refresher, bound=bound, base_url=server.url) as http,
    ):
        server.revoke_all()
        with pytest.raises(BodyNotReplayableError):
            await http.post("/api/v1/x", data=pieces())
        assert len(server.log.to("/x")) == 1


@both
async def test_the_middleware_of_a_refresher_that_is_not_open_says_so(
    bound: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """Before `open` and after `close` there is no token to send."""
    async with CloudServer() as server:
        refresher = refresher_for(server)
        async with own(refresher, bound=bound, base_url=server.url) as http:
            with pytest.raises(SessionClosedError, match="not open"):
                await http.get("/api/v1/x")
            async with refresher:
                assert await user_of(http.get("/api/v1/x")) == "admin"
            with pytest.raises(SessionClosedError, match="closed"):
                await http.get("/api/v1/x")


@both
@pytest.mark.usefixtures("netrc")
async def test_the_middleware_takes_the_place_of_a_netrc_entry(
    bound: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """And not that of credentials of one's own, `Basic` though they be."""
    async with (
        CloudServer(USERS) as server,
        refresher_for(server, trust_env=True) as refresher,
        own(refresher, bound=bound, base_url=server.url, trust_env=True) as http,
    ):
        assert await user_of(http.get("/api/v1/x")) == "admin"
        server.revoke_all()
        assert await user_of(http.get("/api/v1/x")) == "admin"
        auth = aiohttp.BasicAuth("bob", "builder")
        assert await user_of(http.get("/api/v1/x", auth=auth)) == "bob"


@both
async def test_a_cancelled_request_leaves_no_token_on_the_request(
    bound: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """The stamp is taken off however the sending ends."""
    kept: list[aiohttp.ClientRequest] = []

    async def keep(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        kept.append(request)
        return await handler(request)

    clock = ManualClock()
    async with (
        CloudServer(clock=clock) as server,
        refresher_for(server, clock=clock) as refresher,
        aiohttp.ClientSession(
            middlewares=(keep, BearerMiddleware(refresher)),
            request_class=BearerRequest if bound else aiohttp.ClientRequest,
            base_url=server.url,
        ) as http,
    ):
        task = asyncio.create_task(http.get("/api/v1/x?delay=5").__aenter__())
        await clock.settle()
        assert "Authorization" in kept[0].headers
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert "Authorization" not in kept[0].headers


async def test_a_request_queued_in_a_session_of_ones_own_learns_of_the_refreshers_close() -> None:
    """Whoever closes first, the request ends in a typed error."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        refresher = await refresher_for(server, clock=clock)
        connector = aiohttp.TCPConnector(limit=1)
        http = own(refresher, bound=False, base_url=server.url, connector=connector)
        first = asyncio.create_task(http.get("/api/v1/x?delay=5").__aenter__())
        await clock.settle()
        second = asyncio.create_task(http.get("/api/v1/x").__aenter__())
        await clock.settle()
        await clock.drive(refresher.close())
        await http.close()
        with pytest.raises(SessionClosedError):
            await second
        with pytest.raises((aiohttp.ClientConnectionError, SessionClosedError)):
            await first  # aiohttp tries once more by itself


async def test_a_plain_session_binds_in_the_middleware_and_replays_what_was_refused() -> None:
    """Without `BearerRequest` queued requests carry the old token, and recover from it."""
    clock = ManualClock()
    connector = aiohttp.TCPConnector(limit=1)
    async with (
        CloudServer(clock=clock, revoke_on_refresh=True) as server,
        refresher_for(server, clock=clock) as refresher,
        own(refresher, bound=False, base_url=server.url, connector=connector) as http,
    ):
        slow = asyncio.create_task(http.get("/api/v1/slow?delay=2").__aenter__())
        await clock.settle()
        queued = [asyncio.create_task(user_of(http.get("/api/v1/x"))) for _ in range(5)]
        await clock.settle()
        await clock.drive(refresher.refresh())
        await clock.advance(2.0)
        assert (await slow).status == 200
        assert await asyncio.gather(*queued) == ["admin"] * 5
        assert server.generation == 2
        assert server.stats.unauthorized == 5


async def test_a_refusal_in_another_loop_is_a_clear_error_and_keeps_no_connection() -> None:
    """A good token is a value, and can be sent from anywhere; a renewal belongs to one loop."""
    async with CloudServer() as server, refresher_for(server) as refresher:

        async def elsewhere() -> None:
            connector = aiohttp.TCPConnector(limit=1)
            timeout = aiohttp.ClientTimeout(total=5)
            async with own(
                refresher, bound=True, base_url=server.url, connector=connector, timeout=timeout
            ) as http:
                assert await user_of(http.get("/api/v1/x")) == "admin"
                for _ in range(2):
                    with pytest.raises(ConfigurationError, match="event loop"):
                        await http.get("/api/v1/y")

        # So much that the connection is not free again by itself.
        headers = {"x-cloud-error-codes": "root.unauthorized"}
        server.fail_next("/y", Body("x" * 3_000_000, 401, headers=headers), times=2)
        await asyncio.to_thread(asyncio.run, elsewhere())
        assert server.generation == 1


async def test_an_answer_that_another_middleware_has_closed_can_be_replayed() -> None:
    """Inside ours there may be others, in a session of one's own; they may let go of an answer."""

    async def closing(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        if response.status == 401:
            response.close()
        return response

    async with (
        CloudServer() as server,
        refresher_for(server) as refresher,
        aiohttp.ClientSession(
            server.url,
            middlewares=(BearerMiddleware(refresher), closing),
            request_class=BearerRequest,
        ) as http,
    ):
        server.revoke_all()
        # So much that the refusal comes in the middle of it.
        body = io.BytesIO(bytes(8_000_000))
        assert await user_of(http.post("/api/v1/x", data=body)) == "admin"
        assert server.log[-1].body_size == 8_000_000


async def test_an_answer_from_another_middleware_is_not_about_the_token() -> None:
    """Nothing was sent with it, so there is nothing to renew."""
    async with (
        CloudServer() as server,
        CloudServer() as other,
        refresher_for(server) as refresher,
        aiohttp.ClientSession(other.url) as elsewhere,
    ):

        async def answering(*_: object) -> aiohttp.ClientResponse:
            return await elsewhere.get("/api/v1/x")

        async with (
            aiohttp.ClientSession(
                server.url,
                middlewares=(BearerMiddleware(refresher), answering),
                request_class=BearerRequest,
            ) as http,
            http.get("/api/v1/x") as response,
        ):
            assert response.status == 401
        assert server.generation == 1
        assert len(other.log) == 1


@both
async def test_an_answer_is_handed_over_before_its_body_is_there(
    bound: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """Only a refusal is looked into: a stream, or an endless answer, is the caller's."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock) as server,
        refresher_for(server, clock=clock) as refresher,
        own(refresher, bound=bound, base_url=server.url) as http,
    ):
        for status in (200, 404):
            server.fail_next("/x", Trickle(5.0), Body("abc", status))
            async with http.get("/api/v1/x") as response:
                assert response.status == status
                reading = asyncio.create_task(response.read())
                await clock.settle()
                assert not reading.done()
                await clock.advance(15.0)
                assert await reading == b"abc"


async def test_a_close_of_ones_own_session_stays_what_it_is() -> None:
    """Aiohttp cancels those who wait for a connection; only ours is told from that."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, refresher_for(server, clock=clock) as refresher:
        connector = aiohttp.TCPConnector(limit=1)
        http = own(refresher, bound=True, base_url=server.url, connector=connector)
        first = asyncio.create_task(http.post("/api/v1/x?delay=5").__aenter__())
        await clock.settle()
        second = asyncio.create_task(http.get("/api/v1/x").__aenter__())
        await clock.settle()
        await http.close()
        with pytest.raises(asyncio.CancelledError):
            await second
        with pytest.raises(aiohttp.ClientConnectionError):
            await first


class Looped(aiohttp.ClientError):
    """An error that is in the chain of its own causes."""


async def test_an_error_that_is_its_own_cause_is_passed_on() -> None:
    """A trace callback runs inside the middleware, and may raise what it likes."""

    async def fail(*_: object) -> None:
        first, second = Looped("first"), Looped("second")
        first.__cause__, second.__context__ = second, first
        raise first

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(fail)
    async with CloudServer() as server, refresher_for(server) as refresher:
        for bound in (True, False):
            async with own(
                refresher, bound=bound, base_url=server.url, trace_configs=[trace]
            ) as http:
                with pytest.raises(Looped, match="first"):
                    await http.get("/api/v1/x")
