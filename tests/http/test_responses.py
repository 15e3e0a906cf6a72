"""Answers to a caller's own calls: a typed error by status, bounded reads, and what stays raw."""

from __future__ import annotations

import asyncio
import copy
import gzip
import json
import pickle
import unittest
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import pytest

from aiocloudauth import (
    ApiError,
    ApiKey,
    BadRequestError,
    CloudSession,
    ErrorDetail,
    GatewayError,
    NotFoundError,
    Password,
    RateLimitedError,
    RenewalPolicy,
    ServerError,
    UnauthorizedError,
)
from aiocloudauth.testing import Body, CloudServer, ManualClock, Raw
from tests.http.clients import session, token_of
from tests.http.raw_server import (
    RawServer,
    Request,
    after,
    chunked,
    http,
    refusal,
    resets,
    silence,
    token_body,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


POLICY = RenewalPolicy(min_interval=0.01, max_body=20_000)
GOOD = token_body()


# -- typed errors --------------------------------------------------------------------------


async def test_an_error_holds_all_that_the_answer_says_and_nothing_secret() -> None:
    """Method, URL, status, entries, headers; it pickles, copies, and its message is one line."""
    document = {
        "errors": [
            {"code": "clusters.not_ready", "message": "Wait.", "fields": ["plan", "size"]},
            {"code": "clusters.again", "message": "Or\nnot."},
        ]
    }
    fields = {"X-Request-Id": "r1", "Retry-After": "7", "Set-Cookie": "a=b", "Link": "<x>"}
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Body(json.dumps(document), 503, headers=fields))
        with pytest.raises(ServerError) as caught:
            await cloud.patch("/x?token=secret#f", json={})
    error = caught.value
    assert (error.status, error.method, error.url) == (503, "PATCH", f"{server.url}/api/v1/x")
    assert error.errors == (
        ErrorDetail("clusters.not_ready", "Wait.", ("plan", "size")),
        ErrorDetail("clusters.again", "Or not."),
    )
    assert error.headers["x-request-ID"] == "r1"
    assert not {"set-cookie", "location", "link"} & {name.lower() for name in error.headers}
    assert error.retry_after == 7.0
    assert "\n" not in str(error)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is ServerError
        assert (twin.args, vars(twin)) == (error.args, vars(error))


def ways(cloud: CloudSession) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    """List every method that sends, and every way to drive one."""

    async def entered() -> None:
        async with cloud.get("/x"):
            pytest.fail("it raises before the block")  # pragma: no cover - as it says

    return [
        ("GET", lambda: cloud.get("/x")),
        ("GET", entered),
        ("GET", lambda: asyncio.create_task(cloud.get("/x"))),
        ("GET", lambda: asyncio.wait_for(cloud.get("/x"), 5)),
        ("GET", lambda: cloud.get("/x", raise_for_status=True)),
        ("GET", lambda: cloud.get("/x", raise_for_status=None)),
        ("HEAD", lambda: cloud.head("/x")),
        ("POST", lambda: cloud.post("/x", json={})),
    ]


async def test_every_way_raises_for_400_and_more_and_gives_the_connection_back() -> None:
    """Awaited, entered, as a task: the same error, and the pool loses nothing by it."""
    pool = aiohttp.TCPConnector(limit=1)
    async with CloudServer() as server, session(server, connector=pool, timeout=5) as cloud:
        for method, call in ways(cloud):
            server.fail_next("/x", status=400, code="a.b")
            with pytest.raises(BadRequestError) as caught:
                await call()
            assert (caught.value.method, caught.value.codes) == (method, ("a.b",))
        assert len({arrival.connection for arrival in server.log.to("/x")}) == 1


async def test_raise_for_status_is_the_calls_else_the_sessions() -> None:
    """`False` gives the answer itself, to be read; a coroutine function is handed it."""
    seen: list[int] = []

    async def look(response: aiohttp.ClientResponse) -> None:
        seen.append(response.status)

    async with CloudServer() as server:
        for option, raises in ((True, True), (None, True), (False, False), (look, False)):
            async with session(server, raise_for_status=option) as cloud:
                for own, own_raises in (
                    (None, raises),
                    (True, True),
                    (False, False),
                    (look, False),
                ):
                    server.fail_next("/x", status=404, code="a.b")
                    if own_raises:
                        with pytest.raises(NotFoundError):
                            await cloud.get("/x", raise_for_status=own)
                        continue
                    async with cloud.get("/x", raise_for_status=own) as response:
                        assert (await response.json())["errors"][0]["code"] == "a.b"
                        with pytest.raises(aiohttp.ClientResponseError):
                            response.raise_for_status()
    assert seen == [404] * 5


# -- what a request method returns ---------------------------------------------------------


async def test_a_response_class_of_the_callers_own_is_entered_and_left() -> None:
    """Once each, and what its end returns does not end the error in the block."""
    seen: list[object] = []

    class Own(aiohttp.ClientResponse):
        async def __aenter__(self) -> Self:
            seen.append("entered")
            await super().__aenter__()
            return self

        async def __aexit__(self, *raised: object) -> Any:  # noqa: ANN401 - as mocks have it
            seen.append(raised[0])
            await super().__aexit__(None, None, None)
            return self

    async with CloudServer() as server, session(server, response_class=Own) as cloud:

        async def use() -> None:
            async with cloud.get("/x"):
                raise LookupError

        with pytest.raises(LookupError):
            await use()
    assert seen == ["entered", LookupError]


def test_unittest_enters_and_leaves_a_response() -> None:
    """``enterAsyncContext`` leaves only by what it takes for a coroutine function."""
    left: list[bool] = []

    class Case(unittest.IsolatedAsyncioTestCase):
        async def test_it(self) -> None:
            server = await self.enterAsyncContext(CloudServer())
            server.fail_next("/x", Body(b"." * 2**20, 200))
            cloud = await self.enterAsyncContext(session(server))
            self.addCleanup(lambda: left.append(response.closed))
            response = await self.enterAsyncContext(cloud.get("/x"))

    outcome = Case("test_it").run()
    assert outcome is not None
    assert (outcome.errors, outcome.failures, left) == ([], [], [True])


async def test_a_call_that_nobody_awaits_can_be_closed() -> None:
    """As any coroutine, without a warning; and one may be thrown into."""
    async with CloudServer() as server, session(server) as cloud:
        cloud.get("/x").close()
        pending = cloud.get("/x")
        with pytest.raises(LookupError):
            pending.throw(LookupError())
        assert server.log.to("/x") == []


# -- bounded reads -------------------------------------------------------------------------


async def test_an_error_body_that_never_ends_is_read_up_to_a_bound() -> None:
    """At most `max_body` bytes, then the connection is given up; the status stands."""
    sent = 0

    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 500 Oh\r\nx-cloud-error-codes: a.b\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    async with RawServer({"/x": endless}) as server:
        async with CloudSession(server.url, ApiKey("k"), policy=POLICY, timeout=5) as cloud:
            with pytest.raises(ServerError) as caught:
                await cloud.get("/x")
        assert caught.value.codes == ("a.b",)
        assert sent < 32 * 1024 * 1024


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (http(refusal("a.b").ljust(20_000), "x-cloud-error-codes: c.d", status=409), ("a.b",)),
        (http(refusal("a.b").ljust(20_001), "x-cloud-error-codes: c.d", status=409), ("c.d",)),
        (http(refusal("a.b"), "x-cloud-error-codes: c.d", status=409, length=999), ("c.d",)),
        (http(b"abc", "x-cloud-error-codes: c.d", "Content-Encoding: gzip", status=409), ("c.d",)),
        (chunked(b"{", status=409), ()),
    ],
    ids=["whole", "too long", "cut short", "no gzip", "cut short in a chunk"],
)
async def test_an_error_body_counts_if_it_is_whole_and_within_the_bound(
    body: bytes, codes: tuple[str, ...]
) -> None:
    """What could not be read is not made up, and no reason to hide the rest."""
    async with (
        RawServer({"/x": body}) as server,
        CloudSession(server.url, ApiKey("k"), policy=POLICY) as cloud,
    ):
        with pytest.raises(ApiError) as caught:
            await cloud.get("/x")
    assert (caught.value.status, caught.value.codes) == (409, codes)


@pytest.mark.parametrize("cancelled", [True, False], ids=["cancelled", "timed out"])
async def test_an_error_body_that_is_not_waited_for_loses_no_connection(*, cancelled: bool) -> None:
    """A caller's timeout or cancellation in the middle of it closes the connection."""
    begun = asyncio.Event()

    async def half(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"half", status=500, length=50))
        await writer.drain()
        begun.set()
        await silence()

    pool = aiohttp.TCPConnector(limit=1)
    async with (
        RawServer({"/x": half}) as server,
        CloudSession(server.url, ApiKey("k"), connector=pool) as cloud,
    ):
        for _ in range(3):
            begun.clear()
            task = asyncio.create_task(cloud.get("/x", timeout=5 if cancelled else 0.1))
            if cancelled:
                await begun.wait()
                task.cancel()
            with pytest.raises((TimeoutError, asyncio.CancelledError)):
                await task


# -- what stays aiohttp's own --------------------------------------------------------------

#: What aiohttp makes of an answer to a call of the API; `None` is no error.
RAW: dict[str, tuple[Any, type[Exception] | tuple[type[Exception], ...] | None]] = {
    "nothing": (b"", aiohttp.ServerDisconnectedError),
    "garbage": (b"\x00\xff garbage \r\n\r\n", aiohttp.ClientResponseError),
    "a length too long": (http(GOOD, length=999), aiohttp.ClientPayloadError),
    "gzip": (http(gzip.compress(GOOD), "Content-Encoding: gzip"), None),
    "gzip that is none": (http(GOOD, "Content-Encoding: gzip"), aiohttp.ClientPayloadError),
    "reset": (resets(b""), aiohttp.ClientError),
    "reset in the body": (resets(http(GOOD, length=999)), aiohttp.ClientError),
    "silence": (silence, TimeoutError),
    "silence in the body": (after(http(GOOD, length=999)), TimeoutError),
    "502 of a proxy": (http(b"<html>", status=502), GatewayError),
    "a Retry-After of 300 years": (
        http(b"", "Retry-After: 9999999999", status=429), RateLimitedError),
    "a 401 cut short": (http(b"{", status=401, length=99), UnauthorizedError),
}  # fmt: skip  # rows are read faster


@pytest.mark.parametrize("name", RAW)
async def test_a_bad_answer_to_a_call_is_an_error_by_status_or_aiohttps_own(name: str) -> None:
    """It shows no token, and the session serves the next request."""
    reply, expected = RAW[name]
    clock = ManualClock()
    async with RawServer({"/x": reply}) as server:
        cloud = CloudSession(server.url, Password("admin", "secret"), clock=clock)
        await clock.drive(cloud.open())

        async def call() -> None:
            async with cloud.get("/x", timeout=0.1 if "silence" in name else 5) as response:
                await response.read()

        if expected is None:
            await call()
        else:
            with pytest.raises(expected) as caught:
                await clock.drive(call())
            error = caught.value
            assert "token-" not in f"{error} {vars(error)} {getattr(error, 'request_info', '')!r}"
        async with cloud.get("/y", timeout=5) as response:
            assert response.status == 200
        await clock.drive(cloud.close())


async def test_what_is_no_json_stays_aiohttps_error_and_shows_no_token() -> None:
    """`request_info` prints its headers; the token is taken off them once it is written."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Body("no", 200, "text/plain"))
        response = await cloud.get("/x")
        with pytest.raises(aiohttp.ContentTypeError) as wrong:
            await response.json()
        assert token_of(cloud) not in f"{wrong.value!r} {wrong.value.request_info!r}"
        server.fail_next("/x", Raw(b"xyz\r\n\r\n"))
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            await cloud.get("/x")
        assert "Authorization" not in caught.value.request_info.headers


@pytest.mark.parametrize("status", [502, 401])
async def test_an_error_body_that_does_not_come_is_waited_for_for_a_bounded_time(
    status: int,
) -> None:
    """`attempt_timeout`; then the status says what it says."""
    clock = ManualClock()
    async with RawServer({"/x": after(http(b"{", status=status, length=9))}) as server:
        cloud = CloudSession(server.url, ApiKey("k"), clock=clock)
        await clock.drive(cloud.open())
        began = clock.monotonic()
        with pytest.raises(GatewayError if status == 502 else UnauthorizedError):
            await clock.drive(cloud.get("/x"))
        assert clock.monotonic() - began >= RenewalPolicy().attempt_timeout
        await clock.drive(cloud.close())
