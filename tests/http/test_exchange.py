"""The calls of the authentication API: what is written, and what comes of any answer."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta, timezone
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from aiocloudauth.clock import Clock
from aiocloudauth.credentials import ApiKey, Basic, Bearer, Credentials, Password
from aiocloudauth.errors import (
    ApiError,
    AuthenticationClusterError,
    BadRequestError,
    CloudAuthError,
    ConfigurationError,
    GatewayError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    TransportError,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth.testing import CloudServer, ManualClock
from aiocloudauth.token import Secret, SessionToken
from tests.http.exchanges import CALLS, HELD, MAX_BODY, PASSWORD, PLANTED, error_of, exchange_with
from tests.http.raw_server import (
    EXPIRY,
    LOGIN,
    LOGOUT,
    REFRESH,
    WHO,
    RawServer,
    Request,
    after,
    chunked,
    http,
    in_turn,
    refusal,
    resets,
    token_body,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

GOOD = token_body(f"{PLANTED}-new")
HTML = b"<html><h1>Who are you?</h1></html>"


# -- what is written -----------------------------------------------------------------------


async def test_a_login_sends_user_and_password_as_json_and_nothing_else() -> None:
    """No `Authorization`, no cookie, and never `login_state`, which answers with a redirect."""
    password = 'p "ä\t\\ 密'
    async with RawServer() as server, exchange_with(server.url) as exchange:
        await exchange.login(Password("jörg", password))
    (seen,) = server.received
    assert (seen.method, seen.target) == ("POST", "/api/v1/users/auth/_login")
    assert json.loads(seen.body) == {"username": "jörg", "password": password}
    assert seen.headers["Content-Type"] == "application/json"
    assert not {"Authorization", "Cookie", "Proxy-Authorization"} & set(seen.headers)


async def test_what_a_callable_gives_is_sent_as_well() -> None:
    """Credentials come resolved; their values are then secrets of their own."""

    async def value() -> str:
        return "asked"

    async with RawServer() as server, exchange_with(server.url) as exchange:
        await exchange.login(await Password(value, value).resolve())
        await exchange.login(await Basic(value, value).resolve())
    assert json.loads(server.received[0].body) == {"username": "asked", "password": "asked"}
    pair = base64.b64encode(b"asked:asked").decode()
    assert server.received[1].headers["Authorization"] == f"Basic {pair}"


@pytest.mark.parametrize(
    ("call", "method", "end", "scheme"),
    [
        ("_refresh", "POST", REFRESH, "Bearer"),
        ("_refresh with Basic", "POST", REFRESH, "Basic"),
        ("users/auth", "GET", WHO, "Bearer"),
        ("_logout", "POST", LOGOUT, "Bearer"),
    ],
)
async def test_every_other_call_sends_its_authorization_and_no_body(
    call: str, method: str, end: str, scheme: str
) -> None:
    """No type of a body that is not there, no cookie; JSON, uncompressed, past any cache."""
    async with RawServer() as server, exchange_with(f"{server.url}/proxied/ece") as exchange:
        await CALLS[call](exchange)
    (seen,) = server.received
    assert (seen.method, seen.target) == (method, f"/proxied/ece/{end}")
    (authorization,) = seen.headers.getall("Authorization")
    assert authorization.startswith(f"{scheme} ")
    assert (seen.body, seen.headers.get("Content-Length", "0")) == (b"", "0")
    assert not {"Transfer-Encoding", "Content-Type", "Cookie"} & set(seen.headers)
    fields = ("Accept", "Accept-Encoding", "Cache-Control")
    assert [seen.headers[name] for name in fields] == ["application/json", "identity", "no-cache"]


async def test_users_auth_is_asked_with_the_scheme_of_the_token() -> None:
    """A key is asked about as a key."""
    key = SessionToken(Secret("k"), None, 1, scheme="ApiKey")
    async with RawServer() as server, exchange_with(server.url) as exchange:
        await exchange.ask(key)
    assert server.received[0].headers["Authorization"] == "ApiKey k"


@pytest.mark.parametrize(
    ("credentials", "scheme", "static"),
    [
        (Bearer("t0ken", datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))),
         "Bearer", False),
        (ApiKey("t0ken"), "ApiKey", True),
    ],
    ids=["Bearer", "ApiKey"],
)  # fmt: skip  # rows are read faster
async def test_what_is_held_already_needs_no_request(
    credentials: Credentials, scheme: str, static: object
) -> None:
    """A token got elsewhere is taken as it is, its instant in UTC; a key is static."""
    clock = ManualClock()
    async with RawServer() as server, exchange_with(server.url, clock=clock) as exchange:
        grant = await exchange.login(credentials)
        with pytest.raises(ConfigurationError, match="Credentials"):
            await exchange.login(Credentials())
    assert server.received == []
    assert (grant.scheme, grant.secret, grant.static) == (scheme, Secret("t0ken"), static)
    assert (grant.received_wall, grant.server_wall) == (clock.time(), None)
    assert grant.expires_at == (None if static else datetime(2030, 1, 1, tzinfo=UTC))


async def test_the_session_cookie_is_sent_to_logout_and_nowhere_else() -> None:
    """ECE up to 3.6 wants back the one that a successful `_login` set."""
    cookies = (
        http(GOOD, "Set-Cookie: ec-sso-session-id="),
        http(b"no json", "Set-Cookie: ec-sso-session-id=x"),
        http(refusal("a.b"), "Set-Cookie: ec-sso-session-id=x", status=401),
        http(GOOD, 'Set-Cookie: ec-sso-session-id="a=b; c"; Path=/', "Set-Cookie: tracking=1"),
    )
    async with (
        RawServer({LOGIN: in_turn(*cookies)}, keep=True) as server,
        # By a name: aiohttp's own jar of cookies would drop those of an address.
        exchange_with(server.url.replace("127.0.0.1", "localhost")) as exchange,
    ):
        for _ in range(3):
            await error_of(exchange.login(PASSWORD))
        await exchange.logout(HELD)
        await exchange.login(PASSWORD)
        for call in CALLS.values():
            await call(exchange)
    sent = [seen.headers.getall("Cookie", []) for seen in server.received]
    assert sent == [[]] * 9 + [['ec-sso-session-id="a=b; c"']]


# -- a promised answer ---------------------------------------------------------------------


class SteppedClock(Clock):
    """Two clocks that stand still until they are set."""

    def __init__(self) -> None:
        self.wall = 1_000_000.0
        self.ticks = 50.0
        self.time = lambda: self.wall
        self.monotonic = lambda: self.ticks


@pytest.mark.parametrize("call", ["_login", "users/auth"])
@pytest.mark.parametrize(
    ("stepped", "sent_wall", "received_wall", "received_at"),
    [
        (0.0, 1_000_000.0, 1_000_000.25, 1_000_000.25),
        # stepped forward or suspended meanwhile: the bounds of the server's clock widen
        (900.0, 1_000_000.0, 1_000_900.25, 1_000_900.25),
        # stepped back: the sending is told on the clock that the receipt is read from
        (-900.0, 999_100.0, 999_100.25, 1_000_000.25),
    ],
)
async def test_an_answer_knows_when_it_was_asked_for_and_received(
    call: str, stepped: float, sent_wall: float, received_wall: float, received_at: float
) -> None:
    """LESSONS: "skewed client clock": the round trip bounds what `Date` says of the server's."""
    clock = SteppedClock()

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        clock.ticks += 0.25
        clock.wall += 0.25 + stepped
        body = token_body("t", expires_at=EXPIRY)
        writer.write(http(body, "Date: Tue, 01 Jan 2030 00:00:00 GMT"))

    async with (
        RawServer({"": answer}) as server,
        exchange_with(server.url, clock=clock) as exchange,
    ):
        told: Any = await CALLS[call](exchange)
    assert told.expires_at == datetime(2099, 1, 1, tzinfo=UTC)
    assert told.server_wall == datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    times = (told.sent_wall, told.received_wall, told.received_at)
    assert times == pytest.approx((sent_wall, received_wall, received_at), rel=0, abs=1e-5)


async def test_a_grant_holds_the_token_of_the_answer_and_a_real_server_takes_it() -> None:
    """Login, refresh, question and logout with a server that keeps sessions; then neither works."""
    async with (
        CloudServer({"admin": f"{PLANTED}-password"}, revoke_on_refresh=True) as server,
        exchange_with(server.url) as exchange,
    ):
        first = await exchange.login(PASSWORD)
        renewed = await exchange.refresh(SessionToken(first.secret, None, 1))
        assert (renewed.scheme, renewed.static) == ("Bearer", False)
        assert renewed.source == f"POST {server.url}/api/v1/users/auth/_refresh"  # for messages
        assert renewed.secret != first.secret
        held = SessionToken(renewed.secret, None, 2)
        asked = await exchange.ask(held)
        assert asked.expires_at is not None
        assert renewed.expires_at is not None
        assert abs((asked.expires_at - renewed.expires_at).total_seconds()) < 1
        await exchange.logout(held)
        for call in (exchange.refresh(held), exchange.ask(held)):
            assert type(await error_of(call)) is UnauthorizedError
        wrong = await error_of(exchange.login(Password("admin", "wrong")))
        assert type(wrong) is UnauthenticatedError


@pytest.mark.parametrize("date", [(), ("Date: soon",), ("Date: ",)], ids=["no", "odd", "empty"])
async def test_without_a_usable_date_nothing_is_known_of_the_servers_clock(
    date: tuple[str, ...],
) -> None:
    """And the token is taken all the same."""
    async with (
        RawServer({REFRESH: http(GOOD, *date)}) as server,
        exchange_with(server.url) as exchange,
    ):
        assert (await exchange.refresh(HELD)).server_wall is None


@pytest.mark.parametrize(
    "body",
    [
        GOOD.ljust(MAX_BODY),
        token_body("t", errors=[]),
        token_body("t", errors=None, message="welcome"),
    ],
    ids=["as long as allowed", "no errors", "null errors"],
)
async def test_what_else_is_in_a_good_answer_makes_it_no_worse(body: bytes) -> None:
    """Only a non-empty list of errors is one, and the bound is inclusive."""
    answer = http(body, "Content-Encoding: Identity")
    async with RawServer({LOGIN: answer}) as server, exchange_with(server.url) as exchange:
        await exchange.login(PASSWORD)


CODINGS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("coding", CODINGS)
async def test_an_unasked_compression_is_undone_within_the_bound(coding: str) -> None:
    """Of an error too; a bomb is cut off, and what is no such coding is no answer."""
    compress, field = CODINGS[coding], f"Content-Encoding: {coding}"
    refused = http(compress(refusal("root.unauthenticated")), field, status=401)
    good, bomb = compress(GOOD), compress(GOOD.ljust(20_000_000))
    answers = (
        refused,
        http(bomb, field),
        http(good[:-4], field),
        http(GOOD, field),
        http(bomb, field, status=500),
        http(compress(GOOD.ljust(MAX_BODY)), field),
    )
    async with (
        RawServer({LOGIN: in_turn(*answers)}, keep=True) as server,
        exchange_with(server.url) as exchange,
    ):
        errors = [await error_of(exchange.login(PASSWORD)) for _ in answers]
    assert [type(error) for error in errors] == [
        UnauthenticatedError,
        InvalidResponseError,
        InvalidResponseError,
        InvalidResponseError,
        GatewayError,
        type(None),
    ]
    assert isinstance(errors[1], InvalidResponseError)
    assert errors[1].problems == ("too long @ $",)


@pytest.mark.parametrize(
    "answer",
    [http(), http(status=202), b"HTTP/1.1 204 No Content\r\n\r\n", http(b" \r\n")],
    ids=["200", "202", "204", "blank"],
)
async def test_logout_needs_no_body_and_the_other_calls_do(answer: bytes) -> None:
    """There is nothing to read in it."""
    async with RawServer({"": answer}, keep=True) as server, exchange_with(server.url) as exchange:
        errors = {name: await error_of(call(exchange)) for name, call in CALLS.items()}
    assert errors.pop("_logout") is None
    assert {type(error) for error in errors.values()} == {InvalidResponseError}


@pytest.mark.parametrize("status", [201, 202, 203, 206])
async def test_only_a_200_says_that_a_token_is_good(status: int) -> None:
    """A cache, or a proxy that transforms, may answer with another."""
    answer = http(token_body("t"), status=status)
    async with RawServer({"": answer}, keep=True) as server, exchange_with(server.url) as exchange:
        assert type(await error_of(exchange.ask(HELD))) is InvalidResponseError
        await exchange.refresh(HELD)


# -- bad answers ---------------------------------------------------------------------------

BAD: dict[str, tuple[Any, type[CloudAuthError], str]] = {
    "cut short": (http(GOOD[:-5], length=len(GOOD)), InvalidResponseError, "malformed or cut"),
    "cut short in a chunk": (chunked(GOOD), InvalidResponseError, "malformed or cut short"),
    "a length that is no number": (
        http(GOOD, "Content-Length: many"), InvalidResponseError, "malformed or cut short"),
    "garbage": (b"garbage\r\n\r\n", InvalidResponseError, "malformed or cut short"),
    "a header of 1 MB": (
        http(GOOD, "X-Long: " + "x" * 1_000_000), InvalidResponseError, "malformed or cut short"),
    "HTML": (http(HTML, "Content-Type: text/html"), InvalidResponseError, "a page, not JSON"),
    "truncated JSON": (http(GOOD[:-5]), InvalidResponseError, "not JSON"),
    "nested beyond reason": (http(b"[" * 60_000), InvalidResponseError, "not JSON"),
    "no object": (http(b"[" + GOOD + b"]"), InvalidResponseError, "expected an object"),
    "longer than allowed": (http(GOOD.ljust(MAX_BODY + 1)), InvalidResponseError, "too long"),
    "an unknown coding": (
        http(GOOD, "Content-Encoding: odd"), InvalidResponseError, "unknown coding"),
    "a redirect": (http(GOOD, "Location: /x", status=307), InvalidResponseError, "redirect"),
    "300": (http(GOOD, status=300), InvalidResponseError, "redirect"),
    "600": (http(GOOD, status=600), InvalidResponseError, "status"),
    "999": (http(GOOD, status=999), InvalidResponseError, "status"),
    "another protocol": (
        b"HTTP/1.1 101 Switching\r\nUpgrade: odd\r\nConnection: upgrade\r\n\r\n",
        InvalidResponseError, "status"),
    "reset in the body": (
        resets(http(GOOD, length=999)), InvalidResponseError, "malformed or cut short"),
    "reset": (resets(b""), TransportError, ""),
    "no reply": (b"", TransportError, ""),
    "errors at 200": (
        http(refusal("controller_route.controller_not_ready")), ServerError, ""),
    "a code at 200": (
        http(refusal("authc.no_authentication_cluster")), NoAuthenticationClusterError, ""),
    "400": (http(refusal("a.b"), status=400), BadRequestError, ""),
    "403": (http(refusal("root.unauthorized.rbac"), status=403), PermissionDeniedError, ""),
    "403 of a proxy": (http(HTML, status=403), GatewayError, ""),
    "429": (http(b"", "Retry-After: 7", status=429), RateLimitedError, ""),
    "502 by its header": (
        http(b"", "X-Cloud-Error-Codes: authc.authentication_cluster_error", status=502),
        AuthenticationClusterError, ""),
    "503 of an old ECE": (
        http(b'{"ok": false, "message": "down"}', status=503), AuthenticationClusterError, ""),
    "502 of a proxy": (http(HTML, status=502), GatewayError, ""),
    "599": (http(status=599), GatewayError, ""),
    "an error cut short": (
        http(HTML, status=502, length=1_000), InvalidResponseError, "malformed or cut short"),
    "an error of an odd coding": (
        http(HTML, "Content-Encoding: odd", status=502), GatewayError, ""),
    "a long error": (http(b" " * MAX_BODY + HTML, status=500), GatewayError, ""),
}  # fmt: skip  # rows are read faster


@pytest.mark.parametrize("bad", BAD)
async def test_any_bad_answer_is_a_typed_error_of_one_request(bad: str) -> None:
    """At every call: nothing is followed, retried or guessed; the error names call and URL."""
    answer, expected, problem = BAD[bad]
    for name, call in CALLS.items():
        async with RawServer({"": answer}) as server, exchange_with(server.url) as exchange:
            error = await error_of(call(exchange))
        assert type(error) is expected, name
        # aiohttp itself asks once more where a GET found its connection closed.
        assert len(server.received) <= 1 + (name == "users/auth" and expected is TransportError)
        seen = server.received[0]
        assert str(error).startswith(f"{seen.method} {server.url}{seen.target}")
        if isinstance(error, InvalidResponseError):
            assert [problem in said for said in error.problems] == [True]
        if isinstance(error, ApiError):
            assert (error.method, error.url) == (seen.method, server.url + seen.target)


@pytest.mark.parametrize("status", [200, 500])
async def test_an_endless_answer_is_cut_off(status: int) -> None:
    """No more than `max_body` is read, and the connection is closed on the server."""
    sent = 0

    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(chunked(b" ", status=status))
        while not writer.is_closing():
            writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
            sent += 4096
            await writer.drain()

    async with RawServer({LOGIN: endless}) as server, exchange_with(server.url) as exchange:
        error = await error_of(exchange.login(PASSWORD))
        assert type(error) is (InvalidResponseError if status == 200 else GatewayError)
    assert sent < 50_000_000  # what the kernel's buffers hold


@pytest.mark.parametrize(
    ("call", "code", "expected"),
    [
        ("_login", "root.unauthenticated", UnauthenticatedError),
        ("_login", None, GatewayError),
        ("_refresh with Basic", "root.unauthenticated", UnauthenticatedError),
        ("_refresh", "root.unauthorized", UnauthorizedError),
        ("_refresh", "root.unauthenticated", UnauthorizedError),
        ("_refresh", None, GatewayError),
        ("users/auth", "root.unauthenticated", UnauthorizedError),
        ("_logout", "root.unauthorized", UnauthorizedError),
    ],
)
async def test_a_401_of_the_apis_own_blames_what_was_sent(
    call: str, code: str | None, expected: type[CloudAuthError]
) -> None:
    """The credentials where credentials were sent, the token where a token was."""
    answer = http(b"" if code is None else refusal(code), status=401)
    async with RawServer({"": answer}) as server, exchange_with(server.url) as exchange:
        assert type(await error_of(CALLS[call](exchange))) is expected


@pytest.mark.parametrize("password", ["root", "unauthenticated", "o", "No."])
async def test_no_password_changes_what_a_refusal_means(password: str) -> None:
    """Taking it out of the answer comes after reading the answer."""
    answer = http(refusal("root.unauthenticated"), status=401)
    async with RawServer({LOGIN: answer}) as server, exchange_with(server.url) as exchange:
        error = await error_of(exchange.login(Password("admin", password)))
    assert isinstance(error, UnauthenticatedError)
    assert error.codes == ("root.unauthenticated",)


async def test_a_date_to_come_back_at_counts_from_ones_own_clock_where_the_answer_has_none() -> (
    None
):
    """A proxy's 503, say."""
    clock = ManualClock()
    date = formatdate(int(clock.time()) + 30, usegmt=True)
    answers = {LOGIN: http(b"", f"Retry-After: {date}", status=503)}
    async with RawServer(answers) as server, exchange_with(server.url, clock=clock) as exchange:
        error = await error_of(exchange.login(PASSWORD))
    assert isinstance(error, ServerError)
    assert error.retry_after == int(clock.time()) + 30 - clock.time()


async def test_an_error_carries_the_headers_that_are_nobodys_secret() -> None:
    """Request ids and pacing are kept; cookies, targets and whatever quotes a secret are not."""
    fields = (
        "X-Request-Id: 7",
        "Retry-After: 9",
        f"Set-Cookie: ec-sso-session-id={PLANTED}",
        f"Location: https://h/#{PLANTED}",
        f"Refresh: 0; url=https://h/{PLANTED}",
        f"X-Echo: {PLANTED}-password",
    )
    answer = http(refusal("a.b"), *fields, status=400)
    async with RawServer({LOGIN: answer}) as server, exchange_with(server.url) as exchange:
        error = await error_of(exchange.login(PASSWORD))
    assert isinstance(error, BadRequestError)
    assert {name.lower() for name in error.headers} == {
        "content-length",
        "x-request-id",
        "retry-after",
    }
    assert error.retry_after == 9.0


# -- the wrong place -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 405, 410])
async def test_what_is_no_api_is_told_at_once_with_the_url_to_check(status: int) -> None:
    """A wrong path, or nginx that got http on its port for https: no retry mends that."""
    answer = http(HTML, "Content-Type: text/html", status=status)
    async with RawServer({LOGIN: answer}) as server, exchange_with(server.url) as exchange:
        error = await error_of(exchange.login(PASSWORD))
    assert isinstance(error, ApiError)
    assert isinstance(error, NotFoundError) is (status == 404)
    assert not error.retryable
    assert f"Is the URL right: https or http, port, path? The API root is {server.url}/" in str(
        error
    )


async def test_a_400_of_the_apis_own_is_not_blamed_on_the_url() -> None:
    """It says by itself what it does not like."""
    answer = http(refusal("a.b"), status=400)
    async with RawServer({LOGIN: answer}) as server, exchange_with(server.url) as exchange:
        error = await error_of(exchange.login(PASSWORD))
    assert isinstance(error, BadRequestError)
    assert "URL" not in str(error)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("text/html; charset=utf-8", "text/html"),
        (f"text/{PLANTED}-password", None),
        ("", None),
    ],
    ids=["html", "a quotation", "none"],
)
async def test_a_page_with_200_is_not_tried_again_and_its_type_is_told(
    kind: str, told: str | None
) -> None:
    """The login page of a proxy, or another application: the URL leads elsewhere."""
    fields = (f"Content-Type: {kind}",) if kind else ()
    answer = http(HTML, *fields)
    async with RawServer({LOGIN: answer}) as server, exchange_with(server.url) as exchange:
        error = await error_of(exchange.login(PASSWORD))
    assert isinstance(error, InvalidResponseError)
    assert not error.retryable
    assert told is None or told in str(error)
    assert PLANTED not in str(error)


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n"], ids=["nothing", "a line"])
async def test_a_server_that_stalls_is_left_to_the_callers_time(begun: bytes) -> None:
    """The exchange sets no limit of its own."""
    async with RawServer({LOGIN: after(begun)}) as server, exchange_with(server.url) as exchange:
        with pytest.raises(TimeoutError):
            async with exchange._clock.timeout(0.02):
                await exchange.login(PASSWORD)
