"""What an answer of 400 or more becomes: its class, its parts, its bounds, and no secret."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import unittest
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import pytest

from aiocloudauth import (
    ApiError,
    ApiKey,
    AuthenticationClusterError,
    BadRequestError,
    CloudSession,
    ConflictError,
    ElevatedPermissionsRequiredError,
    ErrorDetail,
    GatewayError,
    NoAuthenticationClusterError,
    NotFoundError,
    Password,
    PermissionDeniedError,
    PreconditionFailedError,
    RateLimitedError,
    RenewalPolicy,
    ServerError,
    VersionConflictError,
)
from aiocloudauth.testing import (
    Body,
    CloudServer,
    Effect,
    Fault,
    Html,
    ManualClock,
    Raw,
    Status,
    TooManyRequests,
    Trickle,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

QUICK = RenewalPolicy(min_interval=0.01, max_body=20_000)


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), policy=QUICK, **options)


def envelope(*codes: str, message: str = "No.", **more: Any) -> str:
    """Write the body of an error with these codes."""
    return json.dumps({"errors": [{"code": code, "message": message, **more} for code in codes]})


async def test_an_error_carries_all_that_the_answer_says() -> None:
    """Status, entries, codes, method, URL without its query, headers, and when to come back."""
    headers = {
        "Retry-After": "7",
        "X-Request-Id": "r1",
        "Set-Cookie": "a=b",
        "Location": "/elsewhere?secret=1",
        "Link": "</x?secret=1>; rel=next",
        "x-cloud-error-codes": "clusters.other",
    }
    document = {
        "errors": [
            {"code": "clusters.not_ready", "message": "Wait.", "fields": ["plan", "size"]},
            {"code": "clusters.again", "message": "Or not."},
        ]
    }
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Body(json.dumps(document), 503, headers=headers))
        with pytest.raises(ServerError) as caught:
            await cloud.patch("/x?secret=1#part", json={})
    error = caught.value
    assert (error.status, error.method, error.url) == (503, "PATCH", f"{server.url}/api/v1/x")
    assert error.errors == (
        ErrorDetail("clusters.not_ready", "Wait.", ("plan", "size")),
        ErrorDetail("clusters.again", "Or not."),
    )
    assert error.codes == ("clusters.not_ready", "clusters.again")
    assert error.headers["x-request-ID"] == "r1"
    assert not {"set-cookie", "location", "link"} & {name.lower() for name in error.headers}
    assert error.retry_after == 7.0
    assert str(error) == (
        f"PATCH {error.url} answered 503 (clusters.not_ready: Wait.; clusters.again: Or not.)"
    )
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is ServerError
        assert (twin.args, vars(twin)) == (error.args, vars(error))


@pytest.mark.parametrize(
    ("effect", "kind", "codes"),
    [
        (Status(400, "a.b"), BadRequestError, ("a.b",)),
        (Status(400, "clusters.cluster_name_already_exists"), ConflictError, None),
        (Status(403, "root.permission_denied"), PermissionDeniedError, None),
        (Status(404, "deployments.deployment_not_found"), NotFoundError, None),
        (Status(404, "comments.no_user_id"), PermissionDeniedError, None),
        (Status(409, "a.version_conflict"), VersionConflictError, None),
        (Status(412, "a.b"), PreconditionFailedError, ("a.b",)),
        (TooManyRequests(3.0), RateLimitedError, None),
        (Status(449, "root.unauthorized.rbac.elevated_permissions_required"),
         ElevatedPermissionsRequiredError, None),
        (Status(449, "deployments.metadata_internal_error"), ServerError, None),
        (Status(418), ApiError, ()),
        (Status(500, "a.b"), ServerError, ("a.b",)),
        (Status(501, "authc.no_authentication_cluster"), NoAuthenticationClusterError, None),
        (Status(502, "authc.authentication_cluster_error"), AuthenticationClusterError, None),
        # Of another call than those of the authentication.
        (Status(502), ServerError, ()),
        (Status(503), ServerError, ()),
        (Html(502), GatewayError, ()),
        (Body("gone", 504, "text/plain"), GatewayError, ()),
        (Body("", 503), GatewayError, ()),
        (Body("{", 500), GatewayError, ()),
        (Body("[]", 500), GatewayError, ()),
        (Body(b"\xff\x00", 500), GatewayError, ()),
        (Body("", 500, headers={"x-cloud-error-codes": "a.b, c.d"}), ServerError, ("a.b", "c.d")),
    ],
    ids=str,
)  # fmt: skip
async def test_the_class_says_what_to_do(
    effect: Effect, kind: type[ApiError], codes: tuple[str, ...] | None
) -> None:
    """By exact code, then its family, then status; a proxy's page is not the API's word."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", effect)
        with pytest.raises(ApiError) as caught:
            await cloud.get("/x")
        assert type(caught.value) is kind
        if codes is not None:
            assert caught.value.codes == codes
        if kind is RateLimitedError:
            assert caught.value.retry_after == 3.0
        assert server.generation == 1


def ways(cloud: CloudSession) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    """List every method that sends, with the HTTP method that it is for."""

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
        ("OPTIONS", lambda: cloud.options("/x")),
        ("POST", lambda: cloud.post("/x", json={})),
        ("PUT", lambda: cloud.put("/x", data=b"x")),
        ("PATCH", lambda: cloud.patch("/x", data=b"x")),
        ("DELETE", lambda: cloud.delete("/x")),
        ("TRACE", lambda: cloud.request("TRACE", "/x")),
    ]


async def test_every_method_raises_for_400_and_more_and_gives_the_connection_back() -> None:
    """Awaited, entered, as a task: the same error, and the pool loses nothing by it."""
    async with (
        CloudServer() as server,
        session(server, connector=aiohttp.TCPConnector(limit=1), timeout=5) as cloud,
    ):
        for method, call in ways(cloud):
            server.fail_next("/x", status=400, code="a.b")
            with pytest.raises(BadRequestError) as caught:
                await call()
            assert caught.value.method == method
            assert caught.value.codes == ("a.b",)
            async with cloud.request(method, "/y") as response:
                assert response.status == 200
        # One for the renewals, and one for all of these.
        assert server.stats.connections == 2


async def test_an_error_body_that_is_not_there_yet_is_waited_for() -> None:
    """However the call is driven, by an `await`, a block, or a task."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock=clock) as cloud:
        document = json.dumps({"errors": [{"code": "a.b", "message": "Late."}]})
        server.script(Fault("/x", (Trickle(1.0, 10), Body(document, 409))))

        async def awaited() -> None:
            await cloud.get("/x")

        async def entered() -> None:
            async with cloud.get("/x"):
                pass

        for driven in (awaited(), entered(), asyncio.create_task(cloud.get("/x"))):
            with pytest.raises(ConflictError, match="Late") as caught:
                await clock.drive(driven)
            assert caught.value.codes == ("a.b",)


async def test_raise_for_status_false_gives_the_answer_itself() -> None:
    """On the call it beats the session's; the body is the caller's to read."""
    async with CloudServer() as server, session(server) as cloud:
        for method in ("get", "head", "post"):
            server.fail_next("/x", status=404, code="a.b")
            async with getattr(cloud, method)("/x", raise_for_status=False) as response:
                assert response.status == 404
                document = await response.json() if method != "head" else None
                assert document is None or document["errors"][0]["code"] == "a.b"


async def test_a_refusal_raised_inside_async_with_can_still_be_read() -> None:
    """The connection is given back early only where no ``async with`` does it."""
    async with CloudServer() as server, session(server, raise_for_status=False) as cloud:
        server.fail_next("/x", Status(409, "a.b"))
        async with cloud.get("/x") as response:
            with pytest.raises(aiohttp.ClientResponseError):
                response.raise_for_status()
            assert (await response.json())["errors"][0]["code"] == "a.b"


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
            async with cloud.get("/x") as response:
                assert type(response) is Own
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


async def test_raise_for_status_may_be_the_callers_function() -> None:
    """Aiohttp's third way: a coroutine function that is handed the answer."""
    seen: list[int] = []

    async def look(response: aiohttp.ClientResponse) -> None:
        seen.append(response.status)

    async with CloudServer() as server:
        async with session(server) as cloud:
            server.fail_next("/x", status=404, times=2)
            assert (await cloud.get("/x", raise_for_status=look)).status == 404
            with pytest.raises(NotFoundError):
                await cloud.get("/x")
        async with session(server, raise_for_status=look) as cloud:
            server.fail_next("/x", status=404, times=3)
            assert (await cloud.get("/x")).status == 404
            assert (await cloud.get("/x", raise_for_status=None)).status == 404
            with pytest.raises(NotFoundError):
                await cloud.get("/x", raise_for_status=True)
    assert seen == [404, 404, 404]


async def test_raise_for_status_of_the_session_is_the_default_of_its_calls() -> None:
    """`False` turns it off for all calls that say nothing else; `None` is as if not given."""
    async with CloudServer() as server:
        async with session(server, raise_for_status=False) as cloud:
            server.fail_next("/x", status=404, times=2)
            async with cloud.get("/x") as response:
                assert response.status == 404
            with pytest.raises(NotFoundError):
                await cloud.get("/x", raise_for_status=True)
        for option in (True, None):
            async with session(server, raise_for_status=option) as cloud:
                server.fail_next("/x", status=404)
                with pytest.raises(NotFoundError):
                    await cloud.get("/x")


async def test_an_error_body_that_never_ends_is_read_up_to_a_bound() -> None:
    """At most `max_body` bytes, then the connection is given up; the status stands."""
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 Oh\r\nx-cloud-error-codes: a.b\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65_536)
                sent += 65_536
                await writer.drain()
        except ConnectionError:
            writer.close()

    listener = await asyncio.start_server(endless, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener, CloudSession(url, ApiKey("k"), policy=QUICK, timeout=5) as cloud:
        with pytest.raises(ServerError) as caught:
            await cloud.get("/x")
        assert caught.value.codes == ("a.b",)
        assert sent < 32 * 1024 * 1024


@pytest.mark.parametrize("beyond", [0, 1])
async def test_an_error_body_counts_up_to_the_bound(beyond: int) -> None:
    """`max_body` bytes are read; one that is longer is as good as none."""
    said = envelope("a.b").ljust(20_000 + beyond)
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Body(said, 409, headers={"x-cloud-error-codes": "c.d"}))
        with pytest.raises(ConflictError) as caught:
            await cloud.get("/x")
        assert caught.value.codes == (("c.d",) if beyond else ("a.b",))


async def test_an_error_body_cut_short_leaves_the_status_and_the_header() -> None:
    """What could not be read is not made up, and not a reason to hide the rest."""
    async with CloudServer() as server, session(server) as cloud:
        head = b"HTTP/1.1 409 Oh\r\nx-cloud-error-codes: a.b\r\n"
        cut = envelope("c.d").encode()[:-4]
        for raw in (
            head + b"Content-Length: 500\r\n\r\n" + cut,
            head + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        ):
            server.fail_next("/x", Raw(raw))
            with pytest.raises(ConflictError) as caught:
                await cloud.get("/x")
            assert caught.value.codes == ("a.b",)
            assert caught.value.errors == ()


@pytest.mark.parametrize("cancelled", [True, False])
async def test_an_error_body_that_is_not_waited_for_loses_no_connection(
    cancelled: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """A caller's timeout or cancellation in the middle of it closes the connection."""
    async with CloudServer() as server:
        listener = await asyncio.start_server(_half, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        pool = aiohttp.TCPConnector(limit=1)
        async with listener, CloudSession(url, ApiKey("k"), connector=pool) as cloud:
            for _ in range(3):
                task = asyncio.create_task(cloud.get("/x", timeout=0.1 if not cancelled else 5))
                if cancelled:
                    await asyncio.sleep(0.05)
                    task.cancel()
                with pytest.raises((TimeoutError, asyncio.CancelledError)):
                    await task
        assert server.stats.connections == 0


async def _half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 50\r\n\r\nhalf")
    await reader.read()
    writer.close()


async def test_what_is_no_http_stays_aiohttps_error_and_shows_no_token() -> None:
    """`request_info` prints its headers; the token is taken off them once it is written."""
    async with CloudServer() as server, session(server) as cloud:
        assert cloud.token is not None
        secret = cloud.token.token.reveal()
        for raw in (b"xyz\r\n\r\n", b"HTTP/1.1 99999 Oh\r\n\r\n"):
            server.fail_next("/x", Raw(raw))
            with pytest.raises(aiohttp.ClientResponseError) as caught:
                await cloud.get("/x")
            assert "Authorization" not in caught.value.request_info.headers
            assert secret not in f"{caught.value!r} {caught.value.request_info!r}"
        server.fail_next("/x", Body("no", 200, "text/plain"))
        response = await cloud.get("/x")
        with pytest.raises(aiohttp.ContentTypeError) as wrong:
            await response.json()
        assert secret not in f"{wrong.value!r} {wrong.value.request_info!r}"
