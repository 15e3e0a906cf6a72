"""The middleware and the request class: in any session, at the write, and whose credentials."""

from __future__ import annotations

import asyncio
import io
import pickle
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import http_writer
from multidict import CIMultiDict, CIMultiDictProxy

from aiocloudauth import (
    ApiError,
    BearerMiddleware,
    BearerRequest,
    BodyNotReplayableError,
    CloudSession,
    ConfigurationError,
    Password,
    RenewalPolicy,
    SessionClosedError,
)
from aiocloudauth.errors import chain
from aiocloudauth.testing import Body, CloudServer, ManualClock, Redirect, Trickle
from tests.http.clients import BOB, QUICK, USERS, basic, own, refresher_for, session, user_of
from tests.http.raw_server import RawServer, Request, http, token_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

#: aiohttp 3.14 wants credentials as a header.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*BasicAuth is deprecated:DeprecationWarning",
    "ignore:The '(proxy_)?auth' parameter is deprecated:DeprecationWarning",
)

both = pytest.mark.parametrize("bound", [True, False], ids=["at write", "in the middleware"])


# -- in a session of one's own -------------------------------------------------------------


@both
@pytest.mark.parametrize("environment", [False, True], ids=["", "netrc"])
async def test_the_middleware_serves_any_session(
    *, bound: bool, environment: bool, request: pytest.FixtureRequest
) -> None:
    """It takes the place of a netrc entry, and not that of credentials of one's own."""
    if environment:
        request.getfixturevalue("netrc")
    async with (
        CloudServer(USERS) as server,
        refresher_for(server, trust_env=environment) as refresher,
        own(refresher, bound=bound, base_url=server.url, trust_env=environment) as client,
    ):
        assert await user_of(client.get("/api/v1/x")) == "admin"
        server.revoke_all()
        assert await user_of(client.post("/api/v1/x", json={"a": 1})) == "admin"
        assert server.log[-1].body == b'{"a": 1}'
        async with client.ws_connect("/api/v1/ws") as websocket:
            await websocket.send_str("hello")
            assert await websocket.receive_str() == "hello"
        assert (
            await user_of(client.get("/api/v1/x", auth=aiohttp.BasicAuth("bob", "builder")))
            == "bob"
        )
        if not environment:  # aiohttp itself refuses both
            assert await user_of(client.get("/api/v1/x", headers={"authorization": BOB})) == "bob"
        server.fail_next("/x", status=403)
        async with client.get("/api/v1/x") as response:
            assert response.status == 403
            assert "Authorization" not in response.request_info.headers
        assert server.generation == 2


@both
async def test_the_middleware_refuses_to_cut_a_body(*, bound: bool) -> None:
    """The replay's gate is the same in any session."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece"

    async with (
        CloudServer() as server,
        refresher_for(server) as refresher,
        own(refresher, bound=bound, base_url=server.url) as client,
    ):
        server.revoke_all()
        with pytest.raises(BodyNotReplayableError):
            await client.post("/api/v1/x", data=pieces())
        assert len(server.log.to("/x")) == 1


@both
async def test_the_middleware_of_a_refresher_that_is_not_open_says_so(*, bound: bool) -> None:
    """Before `open` and after `close` there is no token to send."""
    async with CloudServer() as server:
        refresher = refresher_for(server)
        async with own(refresher, bound=bound, base_url=server.url) as client:
            with pytest.raises(SessionClosedError, match="not open"):
                await client.get("/api/v1/x")
            async with refresher:
                assert await user_of(client.get("/api/v1/x")) == "admin"
            with pytest.raises(SessionClosedError, match="closed"):
                await client.get("/api/v1/x")


@both
async def test_a_request_carries_the_token_while_it_is_sent_and_not_after(*, bound: bool) -> None:
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
        ) as client,
    ):
        task = asyncio.create_task(client.get("/api/v1/x?delay=5").__aenter__())
        await clock.settle()
        assert "Authorization" in kept[0].headers
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert "Authorization" not in kept[0].headers


@pytest.mark.parametrize("bound", [True, False], ids=["at write", "in the middleware"])
async def test_a_token_bound_at_write_is_as_new_as_can_be(*, bound: bool) -> None:
    """Who queues for a connection meanwhile sends the new one; without `BearerRequest`, twice."""
    clock = ManualClock()
    pool = aiohttp.TCPConnector(limit=1)
    async with (
        CloudServer(clock=clock, revoke_on_refresh=True) as server,
        refresher_for(server, clock=clock) as refresher,
        own(refresher, bound=bound, base_url=server.url, connector=pool) as client,
    ):
        slow = asyncio.create_task(client.get("/api/v1/slow?delay=2").__aenter__())
        await clock.settle()
        queued = [asyncio.create_task(user_of(client.get("/api/v1/x"))) for _ in range(5)]
        await clock.settle()
        await clock.drive(refresher.refresh())
        await clock.advance(2.0)
        assert (await slow).status == 200
        assert await asyncio.gather(*queued) == ["admin"] * 5
        assert server.stats.unauthorized == (0 if bound else 5)


async def test_a_refusal_in_another_loop_is_a_clear_error_and_keeps_no_connection() -> None:
    """A good token is a value, and can be sent from anywhere; a renewal belongs to one loop."""
    async with CloudServer() as server, refresher_for(server) as refresher:

        async def elsewhere() -> None:
            pool = aiohttp.TCPConnector(limit=1)
            timeout = aiohttp.ClientTimeout(total=5)
            async with own(
                refresher, base_url=server.url, connector=pool, timeout=timeout
            ) as client:
                assert await user_of(client.get("/api/v1/x")) == "admin"
                for _ in range(2):
                    with pytest.raises(ConfigurationError, match="event loop"):
                        await client.get("/api/v1/y")

        # So much that the connection is not free again by itself.
        headers = {"x-cloud-error-codes": "root.unauthorized"}
        server.fail_next("/y", Body("x" * 3_000_000, 401, headers=headers), times=2)
        await asyncio.to_thread(asyncio.run, elsewhere())


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
        ) as client,
    ):
        server.revoke_all()
        body = io.BytesIO(bytes(8_000_000))  # so much that the refusal comes in the middle
        assert await user_of(client.post("/api/v1/x", data=body)) == "admin"
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
            ) as client,
            client.get("/api/v1/x") as response,
        ):
            assert response.status == 401
        assert len(other.log) == 1


@both
async def test_an_answer_is_handed_over_before_its_body_is_there(*, bound: bool) -> None:
    """Only a refusal is looked into: a stream, or an endless answer, is the caller's."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock) as server,
        refresher_for(server, clock=clock) as refresher,
        own(refresher, bound=bound, base_url=server.url) as client,
    ):
        server.fail_next("/x", Trickle(5.0), Body("abc", 404))
        async with client.get("/api/v1/x") as response:
            reading = asyncio.create_task(response.read())
            await clock.settle()
            assert not reading.done()
            await clock.advance(15.0)
            assert await reading == b"abc"


async def test_a_close_of_ones_own_session_stays_what_it_is() -> None:
    """Aiohttp cancels those who wait for a connection; only ours is told from that."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, refresher_for(server, clock=clock) as refresher:
        client = own(refresher, base_url=server.url, connector=aiohttp.TCPConnector(limit=1))
        first = asyncio.create_task(client.post("/api/v1/x?delay=5").__aenter__())
        await clock.settle()
        second = asyncio.create_task(client.get("/api/v1/x").__aenter__())
        await clock.settle()
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await second
        with pytest.raises(aiohttp.ClientConnectionError):
            await first


@both
async def test_a_request_cut_off_while_it_is_written_shows_no_token(*, bound: bool) -> None:
    """Aiohttp's frames hold what they were writing, with the header in it."""
    pool = aiohttp.TCPConnector()

    async def cut(*_: object) -> None:
        for protocol in pool._acquired:
            assert protocol.transport is not None
            protocol.transport.abort()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(cut)
    async with (
        CloudServer() as server,
        refresher_for(server) as refresher,
        own(
            refresher, bound=bound, base_url=server.url, connector=pool, trace_configs=[trace]
        ) as client,
    ):
        with pytest.raises(aiohttp.ClientError) as caught:
            await client.get("/api/v1/x")
        assert refresher.current is not None
        token = refresher.current.token.reveal()
    said = ""
    for link in chain(caught.value):
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if frame.f_code.co_filename != __file__:
                said += repr(frame.f_locals)
    assert said
    assert token not in said


@both
@pytest.mark.parametrize("name", ["X-Name", "X-\ud800"])
async def test_a_field_that_is_no_text_has_the_token_in_no_error(
    monkeypatch: pytest.MonkeyPatch, name: str, *, bound: bool
) -> None:
    """Without its C extension aiohttp encodes the head as a whole, and Python's error quotes it."""
    monkeypatch.setattr(http_writer, "_serialize_headers", http_writer._py_serialize_headers)
    async with (
        CloudServer() as server,
        refresher_for(server) as refresher,
        own(refresher, bound=bound, base_url=server.url) as client,
    ):
        with pytest.raises(UnicodeEncodeError) as caught:
            await client.get("/api/v1/x", headers={name: "half of \ud800"})
        assert refresher.current is not None
        token = refresher.current.token.reveal()
        assert (await client.get("/api/v1/x")).status == 200
    error = caught.value
    said = f"{error!r} {error} {error.object!r} {pickle.dumps(error)!r}"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename != __file__:
            said += repr(frame.f_locals)
    assert token not in said


class LoopedError(aiohttp.ClientError):
    """An error that is in the chain of its own causes."""


@both
async def test_an_error_that_is_its_own_cause_is_passed_on(*, bound: bool) -> None:
    """A trace callback runs inside the middleware, and may raise what it likes."""

    async def fail(*_: object) -> None:
        first, second = LoopedError("first"), LoopedError("second")
        first.__cause__, second.__context__ = second, first
        raise first

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(fail)
    async with (
        CloudServer() as server,
        refresher_for(server) as refresher,
        own(refresher, bound=bound, base_url=server.url, trace_configs=[trace]) as client,
    ):
        with pytest.raises(LoopedError, match="first"):
            await client.get("/api/v1/x")


# -- waiting on a connection ---------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [b"", http(status=408), http(b"", "Connection: close", status=408)],
    ids=["closes", "408", "408 and close"],
)
@pytest.mark.parametrize("closes", [True, False], ids=["and closes", "and stays"])
async def test_what_comes_on_a_connection_while_a_request_waits_there_is_no_answer_to_it(
    said: bytes, *, closes: bool
) -> None:
    """Nothing was written: the request goes to another connection, once, a POST too."""
    clock = ManualClock()
    idle: list[asyncio.StreamWriter] = []

    async def reply(_: Request, writer: asyncio.StreamWriter) -> None:
        idle.append(writer)
        writer.write(http(b"{}"))

    async with RawServer({"/x": reply}, keep=True) as server:
        server.replies["_login"] = http(token_body(session_expiration_time=None, token="a"))
        policy = RenewalPolicy(assumed_lifetime=60.0)
        async with CloudSession(
            server.url, Password("a", "b"), clock=clock, policy=policy
        ) as cloud:
            async with cloud.get("/x") as response:
                assert response.status == 200
            server.replies["_refresh"] = b"x\r\n\r\n"
            server.replies["_login"] = b"x\r\n\r\n"
            await clock.advance(61.0)
            assert cloud.token is None
            waiting = asyncio.create_task(cloud.post("/x", data=b"once").__aenter__())
            await clock.settle()
            idle[0].write(said)
            if closes:
                idle[0].close()
            await clock.settle()
            del server.replies["_login"]
            response = await clock.drive(waiting)
            assert response.status == 200
        assert [request.body for request in server.to("/x")] == [b"", b"once"]
        assert (idle[0] is idle[1]) is (not said and not closes)


# -- whose credentials ---------------------------------------------------------------------

CARRIED: dict[str, Callable[[], Any]] = {
    "a mapping": lambda: {"authorization": BOB},
    "pairs": lambda: [("AUTHORIZATION", BOB)],
    "an iterator": lambda: iter([("Authorization", BOB)]),
    "a proxy": lambda: CIMultiDictProxy(CIMultiDict({"Authorization": BOB})),
}


@pytest.mark.parametrize("kind", CARRIED)
@pytest.mark.parametrize("environment", [False, True], ids=["", "netrc"])
async def test_a_callers_own_authorization_wins_and_is_never_renewed(
    kind: str, *, environment: bool, request: pytest.FixtureRequest
) -> None:
    """In any spelling, with or without a netrc entry, and in `auth=`."""
    if environment:
        request.getfixturevalue("netrc")
    async with CloudServer(USERS) as server, session(server, trust_env=environment) as cloud:
        assert await user_of(cloud.get("/x", headers=CARRIED[kind]())) == "bob"
        for name in ("bob", "carol"):  # who is in netrc, too
            auth = aiohttp.BasicAuth(name, USERS[name])
            assert await user_of(cloud.get("/x", auth=auth)) == name
        assert await user_of(cloud.get("/x", headers={"X": "1"})) == "admin"
        wrong = {"Authorization": basic("bob", "wrong")}
        with pytest.raises(ApiError):
            await cloud.get("/x", headers=wrong)
        assert len(server.log.to("users/auth")) == 0
        assert server.generation == 1


@pytest.mark.usefixtures("netrc")
async def test_a_callers_own_authorization_wins_for_a_websocket_too() -> None:
    """For one: the next one carries the token again, and so does what opening it asks for."""

    async def asking(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if request.url.path.endswith("/ws") and not request.url.query:
            assert await user_of(cloud.get("/x")) == "admin"
            async with cloud.http.ws_connect(request.url.with_query(of="another")):
                pass
        return await handler(request)

    async with (
        CloudServer(USERS) as server,
        session(server, trust_env=True, middlewares=[asking]) as cloud,
    ):
        for headers in (iter([("authorization", BOB)]), {"Authorization": BOB}, None):
            with warnings.catch_warnings(action="error"):
                async with cloud.ws_connect("/ws", headers=headers):
                    pass
        sent = [arrival.headers["Authorization"] for arrival in server.log.to("/ws")]
        assert [one == BOB for one in sent] == [False, True, False, True, False, False]
        assert not [one for one in server.log if "X-Own-Authorization" in one.headers]


@pytest.mark.usefixtures("netrc")
async def test_a_callers_own_authorization_does_not_follow_to_another_origin() -> None:
    """As with aiohttp; a netrc entry of that place is used there instead."""
    async with CloudServer(USERS) as server, session(server, trust_env=True) as cloud:
        elsewhere = server.url.replace("127.0.0.1", "localhost")
        server.fail_next("/x", Redirect(f"{elsewhere}/api/v1/y"))
        assert await user_of(cloud.get("/x", headers={"Authorization": BOB})) == "carol"
        assert server.log.to("/x")[0].headers["Authorization"] == BOB


def noting(name: str, seen: list[str]) -> aiohttp.ClientMiddlewareType:
    """Make a middleware that writes down what passes it."""

    async def middleware(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        token = "Authorization" in request.headers
        seen.append(f"{name} in{' with token' if token else ''}")
        response = await handler(request)
        seen.append(f"{name} out {response.status}")
        return response

    return middleware


async def test_the_callers_middlewares_run_outside_ours_and_cannot_disarm_it() -> None:
    """They see one request and one answer, no token, and none of the renewals."""
    seen: list[str] = []
    async with CloudServer() as server:
        async with session(server, middlewares=[noting("a", seen), noting("b", seen)]) as cloud:
            server.revoke_all()
            assert await user_of(cloud.get("/x")) == "admin"
            assert seen == ["a in", "b in", "b out 200", "a out 200"]
            seen.clear()
            assert await user_of(cloud.get("/x", middlewares=[noting("call", seen)])) == "admin"
            assert seen == ["call in", "call out 200"]
            assert await user_of(cloud.get("/x", middlewares=())) == "admin"
            assert seen == ["call in", "call out 200"]
        assert len(server.log.to("/x")) == 4
        seen.clear()
        async with session(server, middlewares=[noting("a", seen)]) as cloud:
            server.revoke_all()
            assert await user_of(cloud.get("/x", timeout=5)) == "admin"
            assert seen == ["a in", "a out 200"]


async def test_a_middleware_that_brings_its_own_authorization_wins() -> None:
    """It runs outside ours, so that its header is there when ours looks."""

    async def as_bob(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers["authorization"] = BOB
        return await handler(request)

    async with CloudServer(USERS) as server, session(server, middlewares=[as_bob]) as cloud:
        assert await user_of(cloud.get("/x")) == "bob"
        assert await user_of(cloud.get("/x", middlewares=())) == "admin"


async def test_a_subclass_of_the_request_class_can_be_used() -> None:
    """What it adds stays, and the token is bound by its base."""

    class Marked(BearerRequest):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.headers["X-Marked"] = "yes"

    async with CloudServer() as server, session(server, request_class=Marked) as cloud:
        assert await user_of(cloud.get("/x")) == "admin"
        assert server.log[-1].headers["X-Marked"] == "yes"


async def test_trace_configs_are_the_callers_and_see_none_of_the_renewals() -> None:
    """One start and one end for a request, and as many writes as there were."""
    seen: list[str] = []
    trace = aiohttp.TraceConfig()

    def note(name: str) -> Callable[..., Any]:
        async def told(*_: object) -> None:
            seen.append(name)

        return told

    trace.on_request_start.append(note("start"))
    trace.on_request_headers_sent.append(note("sent"))
    trace.on_request_end.append(note("end"))
    async with CloudServer() as server, session(server, trace_configs=[trace]) as cloud:
        server.revoke_all()
        assert await user_of(cloud.get("/x")) == "admin"
        await cloud.refresh()
        assert seen == ["start", "sent", "sent", "end"]


async def test_a_sessions_header_fields_and_limits_reach_the_login() -> None:
    """A gateway wants its key from every call; cookies and what tells of bodies stay out."""
    fields = {"X-Gateway-Key": "k", "Cookie": "a=b", "Content-Type": "text/plain"}
    long = http(token_body("t"), "X-Long: " + "x" * 20_000)
    async with RawServer({"_login": long}) as server:
        async with CloudSession(
            server.url, Password("a", "b"), policy=QUICK, headers=fields, max_field_size=30_000
        ) as cloud:
            await cloud.refresh()
        for request in server.received:
            assert request.headers["X-Gateway-Key"] == "k"
            assert "Cookie" not in request.headers
            assert request.headers.get("Content-Type", "application/json") == "application/json"
