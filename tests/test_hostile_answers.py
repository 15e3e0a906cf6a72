"""Every bad answer at every endpoint: a typed error in bounded time, and nothing held is lost."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from attrs import frozen

from aiocloudauth import (
    AuthenticationClusterError,
    AuthenticationError,
    CloudAuthError,
    CloudSession,
    GatewayError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    Password,
    PermissionDeniedError,
    RateLimitedError,
    RenewalPolicy,
    RenewalTimeoutError,
    ServerError,
    SessionState,
    TransportError,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth.testing import ManualClock
from tests.rogue import (
    LOGIN,
    LOGOUT,
    REFRESH,
    WHO,
    Misdeed,
    Request,
    Rogue,
    after,
    http,
    refusal,
    reset,
    silence,
    token_body,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PASSWORD = "PlantedPassword"
GOOD = token_body()
CHUNKED = b"HTTP/1.1 %d OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HTML = b"<html><h1>Bad Gateway</h1></html>"
POLICY = RenewalPolicy()

#: Requests that the caller's own bound ends, in real seconds.
BRIEF = 0.1


def chunk(body: bytes) -> bytes:
    """Write one chunk."""
    return b"%x\r\n%s\r\n" % (len(body), body)


def resets(begun: bytes) -> Misdeed:
    """Begin an answer and reset the connection."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        reset(writer)

    return answer


@frozen
class Fault:
    """A misdeed, and what it is to an authentication call and to a call of the API.

    `None` is no error: the answer is odd, and says what it should.
    """

    does: Misdeed
    auth: type[CloudAuthError] | tuple[type[CloudAuthError], ...] | None = InvalidResponseError
    api: type[Exception] | tuple[type[Exception], ...] | None = aiohttp.ClientResponseError


def odd(does: Misdeed) -> Fault:
    """Make a fault that HTTP or the API allows."""
    return Fault(does, None, None)


def meant(does: Misdeed) -> Fault:
    """Make a fault that is a proper answer, but none to an authentication call."""
    return Fault(does, InvalidResponseError, None)


FAULTS: dict[str, Fault] = {
    # -- not HTTP, or not quite
    "nothing": Fault(b"", TransportError, aiohttp.ServerDisconnectedError),
    "garbage": Fault(b"\x00\xff garbage \r\n\r\n"),
    "HTTP/0.9": Fault(GOOD),
    "HTTP/1.0 without a length": odd(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD),
    "HTTP/1.0 that claims to be kept": odd(http(GOOD, "Connection: keep-alive", version="1.0")),
    "HTTP/2 preface": Fault(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/3.7": Fault(http(GOOD, version="3.7")),
    "SSH": Fault(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a TLS alert": Fault(b"\x15\x03\x03\x00\x02\x02\x28"),
    "a status of two digits": Fault(http(GOOD, status=99)),
    "a status of four digits": Fault(http(GOOD, status=1000)),
    "a negative status": Fault(http(GOOD, status=-1)),
    "a status of 0": Fault(b"HTTP/1.1 000 No\r\nContent-Length: 2\r\n\r\n{}", api=None),
    "a status of 999": Fault(http(status=999), api=GatewayError),
    # -- answers before the answer
    "100 first": odd(b"HTTP/1.1 100 Continue\r\n\r\n" + http(GOOD)),
    "103 first": odd(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + http(GOOD)),
    "a hundred times 100 first": odd(b"HTTP/1.1 100 Continue\r\n\r\n" * 100 + http(GOOD)),
    "101": meant(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + GOOD),
    "only 100": Fault(after(b"HTTP/1.1 100 Continue\r\n\r\n"), RenewalTimeoutError, TimeoutError),
    # -- framing that two readers could read in two ways
    "a length and chunks": Fault(
        http(chunk(GOOD) + chunk(b""), "Transfer-Encoding: chunked", length=5)
    ),
    "two lengths": Fault(http(GOOD, "Content-Length: 3")),
    "one length twice": Fault(http(GOOD, f"Content-Length: {len(GOOD)}")),
    "a list of lengths": Fault(http(GOOD, length=f"{len(GOOD)}, {len(GOOD)}")),
    "a length with a sign": Fault(http(GOOD, length=f"+{len(GOOD)}")),
    "a negative length": Fault(http(GOOD, length=-1)),
    "a length in hex": Fault(http(GOOD, length="0x10")),
    "a length beyond 64 bits": Fault(http(GOOD, length=10**30)),
    "a length too short": Fault(http(GOOD, length=10), api=(aiohttp.ClientError, ValueError)),
    "a length too long": Fault(http(GOOD, length=len(GOOD) + 5), api=aiohttp.ClientPayloadError),
    "white space before the colon": Fault(http(GOOD, "X-A : b")),
    "a folded line": odd(http(GOOD, "X-A: b\r\n c")),
    "a line without a colon": Fault(http(GOOD, "XA")),
    "a field without a name": Fault(http(GOOD, ": b")),
    "NUL in a field": Fault(http(GOOD, "X-A: b\0c")),
    "CR in a field": Fault(http(GOOD, "X-A: b\rc")),
    "a name that is not ASCII": Fault(http(GOOD, "X-\xe9: b")),
    "a value that is not ASCII": odd(http(GOOD, "X-A: \xe9\xff")),
    "chunks named otherwise": meant(CHUNKED.replace(b"chunked", b"xchunked") % 200 + chunk(GOOD)),
    "chunks within gzip": meant(CHUNKED.replace(b"chunked", b"chunked, gzip") % 200 + chunk(GOOD)),
    "a negative chunk": Fault(CHUNKED % 200 + b"-5\r\nabcde\r\n0\r\n\r\n"),
    "a chunk in C's hex": Fault(CHUNKED % 200 + b"0x5\r\nabcde\r\n0\r\n\r\n"),
    "a chunk beyond 64 bits": Fault(CHUNKED % 200 + b"f" * 40 + b"\r\n"),
    "a chunk longer than it says": Fault(CHUNKED % 200 + b"5\r\nabcdefgh\r\n0\r\n\r\n"),
    "chunks without an end": Fault(CHUNKED % 200 + chunk(GOOD), api=aiohttp.ClientPayloadError),
    "two answers at once": odd(http(GOOD) + http(token_body("another"))),
    # -- sizes
    "a header of 1 MB": Fault(http(GOOD, "X-A: " + "b" * 1_000_000)),
    "1 MB of headers": Fault(http(GOOD, *(f"X-{n}: {'b' * 90}" for n in range(10_000)))),
    "1 MB of cookies": Fault(http(GOOD, *(f"Set-Cookie: c{n}={'b' * 90}" for n in range(9_999)))),
    "a reason of 1 MB": Fault(http(GOOD, reason="b" * 1_000_000)),
    "1 MB of JSON": meant(http(b'{"a": "' + b"b" * 1_100_000 + b'"}')),
    "nested without end": meant(http(b"[" * 900_000)),
    "a number of 1 MB": meant(http(b'{"token": ' + b"9" * 900_000 + b"}")),
    "a field nested without end": meant(http(b'{"token":' * 100_000)),
    # -- codings
    "gzip": meant(http(gzip.compress(GOOD), "Content-Encoding: gzip")),
    "gzip that is none": Fault(
        http(GOOD, "Content-Encoding: gzip"), api=aiohttp.ClientPayloadError
    ),
    "an unknown coding": meant(http(GOOD, "Content-Encoding: odd")),
    "gzip that is none, at 502": Fault(
        http(GOOD, "Content-Encoding: gzip", status=502), GatewayError, GatewayError
    ),
    # -- breaking off
    "reset": Fault(resets(b""), TransportError, (aiohttp.ClientOSError, aiohttp.ClientError)),
    "reset in the status line": Fault(
        resets(b"HTTP/1.1 20"), (TransportError, InvalidResponseError), aiohttp.ClientError
    ),
    "reset in the body": Fault(
        resets(http(GOOD, length=999)), (TransportError, InvalidResponseError), aiohttp.ClientError
    ),
    "end in the status line": Fault(
        b"HTTP/1.1 20", (TransportError, InvalidResponseError), aiohttp.ClientError
    ),
    "end in a header": Fault(
        b"HTTP/1.1 200 OK\r\nContent-Le",
        (TransportError, InvalidResponseError),
        aiohttp.ClientError,
    ),
    # -- silence
    "silence": Fault(silence, RenewalTimeoutError, TimeoutError),
    "silence in a header": Fault(after(b"HTTP/1.1 200 OK\r\nX"), RenewalTimeoutError, TimeoutError),
    "silence in the body": Fault(after(http(GOOD, length=999)), RenewalTimeoutError, TimeoutError),
    "silence in a chunk": Fault(after(CHUNKED % 200 + b"f"), RenewalTimeoutError, TimeoutError),
    "silence in an error": Fault(
        after(http(HTML, length=999, status=502)), RenewalTimeoutError, GatewayError
    ),
    # -- dates
    "a date of 5,000 digits": odd(http(GOOD, "Date: " + "9" * 5_000)),
    "a date out of range": odd(http(GOOD, "Date: Mon, 99 Foo 99999 99:99:99 +9999")),
    "a date with a huge zone": odd(http(GOOD, "Date: Mon, 01 Jan 0001 00:00:00 +9999")),
    "Retry-After of 5,000 digits": Fault(
        http(b"", "Retry-After: " + "9" * 5_000, status=503), GatewayError, GatewayError
    ),
    "Retry-After of 300 years": Fault(
        http(b"", "Retry-After: 9999999999", status=429), RateLimitedError, RateLimitedError
    ),
    # -- the API's own
    "404 of a proxy": Fault(http(HTML, status=404), CloudAuthError, CloudAuthError),
    "200 of a proxy": meant(http(HTML, "Content-Type: text/html")),
    "204": meant(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "205": meant(http(status=205)),
    "206": odd(http(GOOD, "Content-Range: bytes 0-1/2", status=206)),
    "304": meant(http(status=304)),
    "errors at 200": Fault(
        http(refusal("controller_route.controller_not_ready")), ServerError, None
    ),
    "an old route": Fault(
        http(b'{"ok": false, "message": "no"}', status=500), ServerError, ServerError
    ),
    "403": Fault(
        http(refusal("root.unauthorized.rbac"), status=403),
        PermissionDeniedError,
        PermissionDeniedError,
    ),
    "501": Fault(
        http(refusal("authc.no_authentication_cluster"), status=501),
        NoAuthenticationClusterError,
        NoAuthenticationClusterError,
    ),
    "502": Fault(
        http(refusal("authc.authentication_cluster_error"), status=502),
        AuthenticationClusterError,
        AuthenticationClusterError,
    ),
    "503 of ECE 2.1": Fault(
        http(b'{"message": "down"}', status=503), AuthenticationClusterError, ServerError
    ),
    "502 of a proxy": Fault(http(HTML, status=502), GatewayError, GatewayError),
    "a proxy that is closed": Fault(
        http(b"", "Connection: close", status=503), GatewayError, GatewayError
    ),
    "401 with a code": Fault(
        http(refusal("root.unauthorized"), status=401), UnauthorizedError, UnauthorizedError
    ),
    "401 without one": Fault(http(b"", status=401), UnauthenticatedError, UnauthorizedError),
    "401 of gzip": Fault(
        http(b"\x1f\x8b", "Content-Encoding: gzip", status=401),
        UnauthenticatedError,
        UnauthorizedError,
    ),
    "401 cut short": Fault(
        http(b"{", status=401, length=99), InvalidResponseError, UnauthorizedError
    ),
    # -- tokens
    "a token of null": meant(http(token_body(None))),
    "a token that is a number": meant(http(token_body(7))),
    "an empty token": meant(http(token_body(""))),
    "a token with CR and LF": meant(http(token_body("a\r\nX-Evil: 1"))),
    "a token with a line feed at its end": meant(http(token_body("a\n"))),
    "a token with a space": meant(http(token_body("a b"))),
    "a token with NUL": meant(http(token_body("a\0"))),
    "a token that is not ASCII": meant(http(token_body("töken"))),
    "a token with half a surrogate": meant(http(b'{"token": "\\ud800"}')),
    "a token with a look-alike": meant(http(token_body("tоken"))),  # noqa: RUF001 - Cyrillic it is
    "a token of 70,000 characters": meant(http(token_body("a" * 70_000))),
    "an expiry of the past": meant(
        http(token_body(session_expiration_time="1999-01-01T00:00:00Z"))
    ),
    "an expiry of the year 9999": odd(
        http(token_body(session_expiration_time="9999-12-31T23:59:59.999999Z"))
    ),
    "an expiry before Christ": meant(http(token_body(session_expiration_time="-001-01-01T00:00Z"))),
    "an expiry out of range": meant(
        http(token_body(session_expiration_time="0001-01-01T00:00:00+23:59"))
    ),
    "an expiry without a zone": meant(
        http(token_body(session_expiration_time="2099-01-01T00:00:00"))
    ),
    "an expiry that is a number": meant(http(token_body(session_expiration_time=4_070_908_800))),
    "an expiry that is not a number": meant(
        http(b'{"token": "a", "session_expiration_time": NaN}')
    ),
}

#: What only concerns who reads a token; `GET /users/auth` and `_logout` take no notice.
TOKENS = {name for name in FAULTS if "token" in name or "expiry" in name}
#: What `_refresh` can be refused with, so that a login follows.
REFUSED = {"401 with a code", "401 without one", "401 of gzip"}
OTHERS = [name for name in FAULTS if name not in TOKENS]


@pytest.fixture
def clock() -> ManualClock:
    """Make a clock on which the bounds of the default policy cost no time."""
    return ManualClock()


@asynccontextmanager
async def session(server: Rogue, clock: ManualClock) -> AsyncIterator[CloudSession]:
    """Make a session, and close it in whatever state it is; check that it leaves no task."""
    cloud = CloudSession(server.url, Password("admin", PASSWORD), clock=clock)
    try:
        yield cloud
    finally:
        await clock.drive(cloud.close())
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert [name for name in names if name.startswith("aiocloudauth")] == []


async def works(cloud: CloudSession) -> None:
    """Check that a request is answered."""
    async with cloud.get("/y", timeout=5) as response:
        assert response.status == 200


@pytest.mark.parametrize("name", FAULTS)
async def test_login(name: str, clock: ManualClock) -> None:
    """`open` goes on trying for `renewal_timeout` at most, and raises what the last answer was."""
    fault = FAULTS[name]
    async with Rogue({LOGIN: fault.does}) as server, session(server, clock) as cloud:
        if fault.auth is None:
            await clock.drive(cloud.open())
            await works(cloud)
            return
        began = clock.monotonic()
        with pytest.raises(fault.auth) as caught:
            await clock.drive(cloud.open())
        assert clock.monotonic() - began <= POLICY.renewal_timeout
        assert PASSWORD not in f"{caught.value} {vars(caught.value)}"
        assert (cloud.state, cloud.token) == (SessionState.NEW, None)
        # Accounts get locked: a refused password is not sent again.
        refused = isinstance(caught.value, AuthenticationError | PermissionDeniedError)
        again = not (refused or isinstance(caught.value, NoAuthenticationClusterError))
        assert (len(server.to(LOGIN)) > 1) is (again and "300 years" not in name)
        if not refused:
            server.misdeeds.clear()
            await clock.drive(cloud.open())
            await works(cloud)


@pytest.mark.parametrize("name", FAULTS)
async def test_refresh(name: str, clock: ManualClock) -> None:
    """A failing renewal fails no request while the token is good, and the next one works."""
    fault = FAULTS[name]
    async with Rogue({REFRESH: fault.does}) as server, session(server, clock) as cloud:
        await clock.drive(cloud.open())
        held = cloud.token
        if fault.auth is None or name in REFUSED:
            await clock.drive(cloud.refresh())
            assert cloud.token != held
            # A refused `_refresh` is followed by a login in the same renewal.
            assert len(server.to(LOGIN)) == 1 + (name in REFUSED)
        else:
            began = clock.monotonic()
            with pytest.raises(fault.auth) as caught:
                await clock.drive(cloud.refresh())
            assert clock.monotonic() - began <= POLICY.attempt_timeout + POLICY.min_interval
            assert "token-1" not in f"{caught.value} {vars(caught.value)}"
            assert (cloud.state, cloud.token) == (SessionState.DEGRADED, held)
            assert type(cloud.last_error) is type(caught.value)
            await works(cloud)
            server.misdeeds.clear()
            await clock.drive(cloud.refresh())
        assert (cloud.state, cloud.last_error) == (SessionState.ACTIVE, None)
        await works(cloud)
        assert cloud.token is not None
        assert server.received[-1].headers["Authorization"] == cloud.token.authorization.reveal()


@pytest.mark.parametrize("name", OTHERS)
async def test_users_auth(name: str, clock: ManualClock) -> None:
    """That the expiry cannot be asked for is no failure: one is assumed."""
    async with (
        Rogue({WHO: FAULTS[name].does}, expiry=False) as server,
        session(server, clock) as cloud,
    ):
        began = clock.monotonic()
        await clock.drive(cloud.open())
        assert clock.monotonic() - began <= POLICY.attempt_timeout
        assert (cloud.session_expiration_time, cloud.last_error) == (None, None)
        # aiohttp itself repeats a GET that lost its connection.
        assert len(server.to(WHO)) in {1, 2}
        await works(cloud)


@pytest.mark.parametrize("name", OTHERS)
async def test_logout(name: str, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    """The token is forgotten whatever the server answers; `close` waits for 2 s at most."""
    fault = FAULTS[name]
    async with Rogue({LOGOUT: fault.does}) as server, session(server, clock) as cloud:
        await clock.drive(cloud.open())
        await clock.drive(cloud.logout())
        assert cloud.token is None
        await clock.drive(cloud.login())
        await works(cloud)
        caplog.clear()
        began = clock.monotonic()
        await clock.drive(cloud.close())
        assert clock.monotonic() - began <= 2.0
        assert cloud.state is SessionState.CLOSED
        assert len(server.to(LOGOUT)) == 2
        assert any("_logout failed" in said for said in caplog.messages) is bool(fault.auth)


@pytest.mark.parametrize("name", OTHERS)
async def test_a_call_of_the_api(name: str, clock: ManualClock) -> None:
    """An `ApiError`, or aiohttp's own error; the session serves the next request."""
    fault = FAULTS[name]
    async with Rogue({"/x": fault.does}) as server, session(server, clock) as cloud:
        await clock.drive(cloud.open())

        async def call() -> None:
            async with cloud.get("/x", timeout=BRIEF) as response:
                await response.read()

        if fault.api is None:
            await call()
        else:
            with pytest.raises(fault.api) as caught:
                # A 401 is followed by a login, which waits for `min_interval`.
                await clock.drive(call())
            assert "token-" not in f"{caught.value} {vars(caught.value)}"
        await works(cloud)
        assert len(server.to(LOGIN)) == 1 + name.startswith("401")
        assert len(server.to(REFRESH)) == 0
