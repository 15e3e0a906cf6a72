"""The calls of the authentication API: what is written, and what comes of any answer."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import logging
import socket
import ssl
import struct
import traceback
import warnings
import zlib
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import attrs
import pytest
import trustme
from multidict import CIMultiDict
from rich.console import Console
from rich.traceback import Traceback

from aiocloudauth._core.states import Grant
from aiocloudauth._http.exchange import AuthExchange, _Stamp
from aiocloudauth._http.options import tls
from aiocloudauth._wire.endpoint import Endpoint
from aiocloudauth.clock import Clock, Timeline
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
    PermissionDeniedError,
    RateLimitedError,
    RenewalTimeoutError,
    ServerError,
    TransportError,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth.testing import CloudServer, mocked_cloud
from aiocloudauth.token import Secret, SessionToken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

#: In everything that must show nowhere.
PLANTED = "pl4nted"
PASSWORD = Password("admin", f"{PLANTED}-password")
BASIC = Basic("admin", f"{PLANTED}-password")
PAIR = base64.b64encode(f"admin:{PLANTED}-password".encode()).decode()
HELD = SessionToken(Secret(f"{PLANTED}-held"), None, 1)
EXPIRY = "2030-01-01T00:00:00Z"
GOOD = json.dumps({"token": f"{PLANTED}-new", "session_expiration_time": EXPIRY}).encode()
MAX_BODY = 64 * 1024


def given_grant(scheme: str = "Bearer") -> Grant:
    """Make a grant of the held token."""
    return Grant(secret=HELD.token, scheme=scheme, expires_at=None, received_at=0.0)


#: Every call there is.
CALLS: dict[str, Callable[[AuthExchange], Awaitable[object]]] = {
    "_login": lambda exchange: exchange.login(PASSWORD),
    "_refresh": lambda exchange: exchange.refresh(HELD),
    "_refresh with Basic": lambda exchange: exchange.login(BASIC),
    "users/auth": lambda exchange: exchange.ask(HELD),
    "_logout": lambda exchange: exchange.logout(HELD),
}


@asynccontextmanager
async def exchange_with(
    url: str, *, clock: Clock | None = None, max_body: int = MAX_BODY, **options: Any
) -> AsyncIterator[AuthExchange]:
    """Start an exchange and close it."""
    clock = clock or Clock()
    exchange = AuthExchange(
        Endpoint(url), clock=clock, timeline=Timeline(clock), max_body=max_body, **options
    )
    exchange.start()
    try:
        yield exchange
    finally:
        await exchange.close()


@attrs.frozen
class Received:
    """A request as it arrived."""

    method: str
    target: str
    headers: CIMultiDict[str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


class RawServer:
    """Answers each request with bytes, or by a coroutine that is handed the writer.

    A connection is closed after an answer that says so, or that is no whole message.
    """

    def __init__(
        self,
        answer: bytes | Callable[[Received, asyncio.StreamWriter], Awaitable[None]],
        *,
        keep: bool = False,
    ) -> None:
        self.received: list[Received] = []
        self.url = ""
        self._answer = answer
        self._keep = keep
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = (line.split(": ", 1) for line in lines if line)
            headers = CIMultiDict((name, value) for name, value in pairs)
            body = await reader.readexactly(int(headers.get("Content-Length", "0")))
            method, target, _ = first.split(" ")
            received = Received(method, target, headers, body)
            self.received.append(received)
            if isinstance(self._answer, bytes):
                writer.write(self._answer)
            else:
                await self._answer(received, writer)
            await writer.drain()
            if not self._keep:
                return


def http(body: bytes = b"", *headers: str, status: int = 200, length: int | None = None) -> bytes:
    """Write an answer; with `length` one that promises so many bytes."""
    fields = [f"Content-Length: {len(body) if length is None else length}", *headers]
    head = "\r\n".join([f"HTTP/1.1 {status} Whatever", *fields, "", ""])
    return head.encode() + body


def chunked(*chunks: bytes) -> bytes:
    """Write an answer whose end is not among these chunks."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def refusal(code: str, message: str = "No.") -> bytes:
    """Write an error body as the API does."""
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


# -- what is written -----------------------------------------------------------------------


async def test_a_login_sends_user_and_password_and_nothing_else() -> None:
    """No `Authorization`, no cookie, and never `login_state`, which answers with a redirect."""
    async with RawServer(http(GOOD)) as server, exchange_with(server.url) as exchange:
        await exchange.login(PASSWORD)
    (seen,) = server.received
    assert (seen.method, seen.target) == ("POST", "/api/v1/users/auth/_login")
    assert json.loads(seen.body) == {"username": "admin", "password": f"{PLANTED}-password"}
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["Accept"] == "application/json"
    assert seen.headers["Accept-Encoding"] == "identity"
    assert not {"Authorization", "Cookie", "Proxy-Authorization"} & set(seen.headers)


async def test_a_login_sends_any_text_as_json() -> None:
    """Quotes, line breaks and other alphabets arrive as they are."""
    password = 'p "ä\r\n\\ 密'
    async with RawServer(http(GOOD), keep=True) as server, exchange_with(server.url) as exchange:
        await exchange.login(Password("jörg", password))
        await exchange.login(await Password(text("asked"), text(password)).resolve())
    assert [json.loads(seen.body) for seen in server.received] == [
        {"username": "jörg", "password": password},
        {"username": "asked", "password": password},
    ]


def text(value: str) -> Callable[[], Any]:
    """Make an async callable that gives `value`."""

    async def ask() -> str:
        return value

    return ask


async def test_a_refresh_sends_the_token_and_no_body() -> None:
    """Bearer, the current token, no body: as the makers' own client does."""
    async with RawServer(http(GOOD)) as server, exchange_with(server.url) as exchange:
        await exchange.refresh(HELD)
    (seen,) = server.received
    assert (seen.method, seen.target) == ("POST", "/api/v1/users/auth/_refresh")
    assert seen.headers.getall("Authorization") == [f"Bearer {PLANTED}-held"]
    assert seen.body == b""
    assert seen.headers.get("Content-Length", "0") == "0"
    assert not {"Transfer-Encoding", "Content-Type", "Cookie"} & set(seen.headers)


async def test_basic_credentials_go_to_refresh_as_on_the_api_page() -> None:
    """Its curl example has `--user "username:password"`; RFC 7617 says how that is written."""
    async with RawServer(http(GOOD), keep=True) as server, exchange_with(server.url) as exchange:
        await exchange.login(Basic("jörg", "a:b"))
        await exchange.login(await Basic(text("admin"), text("secret")).resolve())
    first, second = server.received
    assert (first.method, first.target) == ("POST", "/api/v1/users/auth/_refresh")
    assert first.body == b""
    pairs = [seen.headers["Authorization"].partition(" ") for seen in (first, second)]
    assert [scheme for scheme, _, _ in pairs] == ["Basic", "Basic"]
    assert [base64.b64decode(pair).decode() for _, _, pair in pairs] == ["jörg:a:b", "admin:secret"]


@pytest.mark.parametrize("scheme", ["Bearer", "ApiKey"])
async def test_users_auth_is_asked_with_the_scheme_of_the_token(scheme: str) -> None:
    """`GET`, below the root, and the expiry is what is read of it."""
    body = b'{"expires_at": "2030-01-01T00:00:00Z", "refresh_token_url": "https://evil.example"}'
    async with RawServer(http(body)) as server, exchange_with(server.url) as exchange:
        expires_at = await exchange.expires_at(given_grant(scheme))
    assert expires_at == datetime(2030, 1, 1, tzinfo=UTC)
    (seen,) = server.received
    assert (seen.method, seen.target) == ("GET", "/api/v1/users/auth")
    assert seen.headers["Authorization"] == f"{scheme} {PLANTED}-held"


async def test_a_logout_sends_the_token_and_no_body() -> None:
    """Since ECE 3.7 it wants no cookie."""
    async with RawServer(http(b"{}")) as server, exchange_with(server.url) as exchange:
        await exchange.logout(HELD)
    (seen,) = server.received
    assert (seen.method, seen.target) == ("POST", "/api/v1/users/auth/_logout")
    assert seen.headers["Authorization"] == f"Bearer {PLANTED}-held"
    assert seen.body == b""
    assert "Cookie" not in seen.headers


async def test_every_call_is_below_the_root_of_a_reverse_proxy() -> None:
    """The path of the URL is the API root as it stands."""
    async with (
        RawServer(http(b"{}")) as server,
        exchange_with(f"{server.url}/proxied/ece") as exchange,
    ):
        await exchange.logout(HELD)
    assert server.received[0].target == "/proxied/ece/users/auth/_logout"


@pytest.mark.parametrize(
    ("credentials", "scheme", "secret", "static"),
    [
        (Bearer("t0ken", datetime(2030, 1, 1, tzinfo=UTC)), "Bearer", "t0ken", False),
        (ApiKey("k3y"), "ApiKey", "k3y", True),
    ],
    ids=["Bearer", "ApiKey"],
)
async def test_what_is_held_already_needs_no_request(
    credentials: Credentials, scheme: str, secret: str, *, static: bool
) -> None:
    """A token got elsewhere is taken as it is; a key is static."""
    async with RawServer(b"") as server, exchange_with(server.url) as exchange:
        grant = await exchange.login(credentials)
    assert server.received == []
    assert (grant.scheme, grant.secret, grant.static) == (scheme, Secret(secret), static)
    assert grant.server_wall is None
    assert grant.expires_at == (None if static else datetime(2030, 1, 1, tzinfo=UTC))


async def test_a_token_got_elsewhere_keeps_its_instant_in_utc() -> None:
    """`session_expiration_time` is aware UTC, whatever zone it was given in."""
    there = datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    async with exchange_with("https://ece.example.com") as exchange:
        expires_at = (await exchange.login(Bearer("t0ken", there))).expires_at
    assert expires_at == there
    assert expires_at is not None
    assert expires_at.utcoffset() == timedelta(0)


async def test_credentials_of_an_unknown_kind_are_refused() -> None:
    """A subclass of one's own has to be one of the kinds."""
    async with exchange_with("https://ece.example.com") as exchange:
        with pytest.raises(ConfigurationError, match="Credentials"):
            await exchange.login(Credentials())


# -- a promised answer ---------------------------------------------------------------------


class SteppedClock(Clock):
    """Two clocks that stand still until they are set."""

    def __init__(self) -> None:
        self.wall = 1_000_000.0
        self.ticks = 50.0
        self.time = lambda: self.wall
        self.monotonic = lambda: self.ticks


@pytest.mark.parametrize(
    ("passed", "stepped", "sent_wall", "received_wall", "received_at"),
    [
        (0.25, 0.0, 1_000_000.0, 1_000_000.25, 1_000_000.25),
        # stepped forward or suspended meanwhile: the bounds of the server's clock widen
        (0.25, 900.0, 1_000_000.0, 1_000_900.25, 1_000_900.25),
        # stepped back: the sending is told on the clock that the receipt is read from
        (0.25, -900.0, 999_100.0, 999_100.25, 1_000_000.25),
    ],
)
async def test_a_grant_knows_when_it_was_asked_for_and_received(
    passed: float, stepped: float, sent_wall: float, received_wall: float, received_at: float
) -> None:
    """LESSONS: "skewed client clock": the round trip bounds what `Date` says of the server's."""
    clock = SteppedClock()

    async def answer(_: Received, writer: asyncio.StreamWriter) -> None:
        clock.ticks += passed
        clock.wall += passed + stepped
        writer.write(http(GOOD, "Date: Tue, 01 Jan 2030 00:00:00 GMT"))

    async with RawServer(answer) as server, exchange_with(server.url, clock=clock) as exchange:
        grant = await exchange.login(PASSWORD)
    assert grant.secret == Secret(f"{PLANTED}-new")
    assert grant.scheme == "Bearer"
    assert not grant.static
    assert grant.expires_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert grant.server_wall == datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    times = (grant.sent_wall, grant.received_wall, grant.received_at)
    assert times == pytest.approx((sent_wall, received_wall, received_at), rel=0, abs=1e-5)


@pytest.mark.parametrize("headers", [(), ("Date: soon",), ("Date: ",)])
async def test_without_a_usable_date_nothing_is_known_of_the_servers_clock(
    headers: tuple[str, ...],
) -> None:
    """And the token is taken all the same."""
    async with RawServer(http(GOOD, *headers)) as server, exchange_with(server.url) as exchange:
        assert (await exchange.refresh(HELD)).server_wall is None


async def test_an_answer_of_exactly_max_body_is_read_and_one_byte_more_is_not() -> None:
    """The bound is inclusive."""
    padded = GOOD + b" " * (MAX_BODY - len(GOOD))
    async with RawServer(http(padded)) as server, exchange_with(server.url) as exchange:
        await exchange.login(PASSWORD)
    async with RawServer(http(padded + b" ")) as server, exchange_with(server.url) as exchange:
        with pytest.raises(InvalidResponseError, match=str(MAX_BODY)) as caught:
            await exchange.login(PASSWORD)
    assert caught.value.problems == ("too long @ $",)


@pytest.mark.parametrize("extra", [{"errors": []}, {"errors": None}, {"message": "welcome"}])
async def test_an_empty_list_of_errors_is_no_error(extra: dict[str, object]) -> None:
    """Only a non-empty one is."""
    body = json.dumps({**json.loads(GOOD), **extra}).encode()
    async with RawServer(http(body)) as server, exchange_with(server.url) as exchange:
        assert (await exchange.login(PASSWORD)).secret == Secret(f"{PLANTED}-new")


async def test_an_answer_in_pieces_is_put_together() -> None:
    """Chunks, trickled, with the bound on their sum."""

    async def trickle(_: Received, writer: asyncio.StreamWriter) -> None:
        for byte in chunked(GOOD[:10], GOOD[10:]) + b"0\r\n\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with RawServer(trickle) as server, exchange_with(server.url) as exchange:
        assert (await exchange.login(PASSWORD)).secret == Secret(f"{PLANTED}-new")


# -- cookies -------------------------------------------------------------------------------


def by_path(answers: dict[str, bytes]) -> Callable[..., Awaitable[None]]:
    """Answer by the last segment of the path."""

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[received.target.rpartition("/")[2]])

    return answer


def named(url: str) -> str:
    """Name the host: aiohttp's own jar of cookies would drop those of an IP address."""
    return url.replace("127.0.0.1", "localhost")


async def test_the_session_cookie_is_sent_to_logout_and_nowhere_else() -> None:
    """ECE up to 3.6 wants back the one that `_login` set."""
    answers = {
        "_login": http(
            GOOD,
            'Set-Cookie: ec-sso-session-id="a=b; c"; Path=/; HttpOnly',
            "Set-Cookie: tracking=1",
        ),
        "_refresh": http(GOOD),
        "auth": http(b"{}"),
        "_logout": http(b"{}"),
    }
    async with (
        RawServer(by_path(answers), keep=True) as server,
        exchange_with(named(server.url)) as exchange,
    ):
        await exchange.login(PASSWORD)
        await exchange.refresh(HELD)
        await exchange.ask(HELD)
        await exchange.login(PASSWORD)
        await exchange.logout(HELD)
    cookies = [seen.headers.getall("Cookie", []) for seen in server.received]
    assert cookies == [[], [], [], [], ['ec-sso-session-id="a=b; c"']]


@pytest.mark.parametrize(
    "answer",
    [
        http(b"no json", "Set-Cookie: ec-sso-session-id=x"),
        http(refusal("root.unauthenticated"), "Set-Cookie: ec-sso-session-id=x", status=401),
        http(GOOD, "Set-Cookie: ec-sso-session-id="),
        http(GOOD, "Set-Cookie: tracking=1"),
        http(GOOD),
    ],
)
async def test_no_other_cookie_is_sent_at_all(answer: bytes) -> None:
    """Neither that of a failed login, nor an emptied one, nor anybody else's."""
    answers = {"_login": answer, "_logout": http(b"{}")}
    async with (
        RawServer(by_path(answers), keep=True) as server,
        exchange_with(named(server.url)) as exchange,
    ):
        with suppress(CloudAuthError):
            await exchange.login(PASSWORD)
        await exchange.logout(HELD)
    assert "Cookie" not in server.received[-1].headers


async def test_an_old_ece_ends_the_session_by_its_cookie() -> None:
    """The server of that version counts a logout only with it."""
    async with CloudServer({"admin": f"{PLANTED}-password"}, version="3.6") as server:
        async with exchange_with(server.url) as exchange:
            grant = await exchange.login(PASSWORD)
            await exchange.logout(SessionToken(grant.secret, None, 1))
        assert server.stats.logouts == 1


# -- settings of the environment -----------------------------------------------------------


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this machine a netrc entry for the loopback address, and no proxy."""
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login intruder password from-netrc\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("netrc")
async def test_a_netrc_entry_is_never_used_nor_clashes_with_the_token() -> None:
    """With `trust_env` aiohttp otherwise raises `ValueError`, or sends Basic instead."""
    answers = {"_login": http(GOOD), "_refresh": http(GOOD), "_logout": http(b"{}")}
    async with (
        RawServer(by_path({**answers, "auth": http(b"{}")}), keep=True) as server,
        exchange_with(server.url, trust_env=True) as exchange,
    ):
        for call in CALLS.values():
            await call(exchange)
    sent = [seen.headers.getall("Authorization", []) for seen in server.received]
    bearer = [f"Bearer {PLANTED}-held"]
    assert sent == [[], bearer, [f"Basic {PAIR}"], bearer, bearer]


@pytest.mark.usefixtures("netrc")
async def test_a_proxy_of_the_environment_is_used_if_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A renewal takes the same way out as the caller's traffic."""
    async with RawServer(http(GOOD)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        url = "http://ece.localhost:12400"
        async with exchange_with(url, trust_env=True) as exchange:
            await exchange.login(PASSWORD)
    assert proxy.received[0].target == f"{url}/api/v1/users/auth/_login"


@pytest.mark.usefixtures("netrc")
async def test_the_environment_is_left_alone_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with aiohttp."""
    async with RawServer(http(GOOD)) as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        async with exchange_with(server.url) as exchange:
            await exchange.login(PASSWORD)
    assert len(server.received) == 1


async def test_a_proxy_given_is_used_with_its_own_credentials() -> None:
    """They are the proxy's, not the API's."""
    async with RawServer(http(GOOD), keep=True) as proxy:
        url = "http://ece.localhost:12400"
        named = proxy.url.replace("//", "//user:password@")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp 3.14 and later
            auth = aiohttp.BasicAuth("user", "password")
            for options in ({"proxy": proxy.url, "proxy_auth": auth}, {"proxy": named}):
                async with exchange_with(url, **options) as exchange:
                    await exchange.login(PASSWORD)
    for seen in proxy.received:
        assert seen.target == f"{url}/api/v1/users/auth/_login"
        pair = base64.b64encode(b"user:password").decode()
        assert seen.headers["Proxy-Authorization"] == f"Basic {pair}"
        assert "Authorization" not in seen.headers


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_proxy_that_refuses_to_connect_is_told_with_its_status(status: int) -> None:
    """It says whether the proxy wants credentials, forbids the host or cannot reach it."""
    async with (
        RawServer(http(status=status)) as proxy,
        exchange_with("https://ece.localhost", proxy=proxy.url) as exchange,
    ):
        with pytest.raises(TransportError, match=rf"proxy .*{status}") as caught:
            await exchange.login(PASSWORD)
    assert proxy.received[0].method == "CONNECT"
    assert str(caught.value).startswith("POST /users/auth/_login: ")


@pytest.mark.parametrize(
    "proxy",
    [
        f"http://user:{PLANTED}/x@127.0.0.1:8080",
        f"user:{PLANTED}@127.0.0.1:8080",
        f"//user:{PLANTED}@127.0.0.1:8080",
        "127.0.0.1:8080",
        "http://",
        "",
        8080,
    ],
)
async def test_a_proxy_that_is_no_url_is_refused_at_construction(proxy: Any) -> None:  # noqa: ANN401 - not all are of the type asked for
    """Otherwise every renewal would fail, and print the URL with its password."""
    with pytest.raises(ConfigurationError, match=r"proxy|URL") as caught:
        async with exchange_with("https://ece.example.com", proxy=proxy):
            pass
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("call", CALLS)
async def test_a_proxy_that_tunnels_never_sees_the_token(call: str) -> None:
    """The token goes to the configured origin only, not into a proxy's headers."""
    async with RawServer(http(status=407)) as proxy:
        url = "https://ece.example.com:12443"
        named = proxy.url.replace("//", f"//user:{PLANTED}-of-the-proxy@")
        async with exchange_with(url, proxy=named) as exchange:
            with pytest.raises(TransportError, match="407") as caught:
                await CALLS[call](exchange)
    (seen,) = proxy.received
    assert (seen.method, seen.target) == ("CONNECT", "ece.example.com:12443")
    assert "Authorization" not in seen.headers
    seen.headers.pop("Proxy-Authorization")
    assert PLANTED not in f"{seen.headers} {seen.body!r}"
    assert PLANTED not in shown(caught.value)


# -- TLS -----------------------------------------------------------------------------------


async def test_an_unknown_certificate_is_refused_by_default_and_accepted_with_its_ca() -> None:
    """ECE's own is self-signed; nobody has to turn checks off for it."""
    async with CloudServer({"admin": f"{PLANTED}-password"}, tls=True) as server:
        async with exchange_with(server.url) as exchange:
            with pytest.raises(TransportError, match="certificate"):
                await exchange.login(PASSWORD)
        assert server.stats.logins == 0
        async with exchange_with(server.url, ssl=tls(server.ca_file)) as exchange:
            await exchange.login(PASSWORD)
        assert server.stats.logins == 1


async def test_plain_text_where_tls_was_expected_is_a_transport_error() -> None:
    """Port 12400 taken for 12443."""
    async with (
        CloudServer() as server,
        exchange_with(server.url.replace("http:", "https:")) as exchange,
    ):
        with pytest.raises(TransportError):
            await exchange.login(PASSWORD)


def test_every_kind_of_tls_option_is_taken(tmp_path: Path) -> None:
    """Those of aiohttp as they are, a CA file as a context that checks names and certificates."""
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    context = ssl.create_default_context()
    fingerprint = aiohttp.Fingerprint(b"0" * 32)
    assert [tls(kind) for kind in (True, False, context, fingerprint)] == [
        True,
        False,
        context,
        fingerprint,
    ]
    for path in (authority, str(authority)):
        made = tls(path)
        assert isinstance(made, ssl.SSLContext)
        assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert len(made.get_ca_certs()) == 1


@pytest.mark.parametrize("option", [None, 1, b"ca.pem", ["ca.pem"]])
def test_another_kind_of_tls_option_is_refused(option: object) -> None:
    """Nothing is silently taken for "do not check"."""
    with pytest.raises(ConfigurationError, match=type(option).__name__):
        tls(option)  # type: ignore[arg-type]  # that it is refused is the claim


def test_a_ca_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """Missing, empty, no certificate, or no path at all."""
    (tmp_path / "empty.pem").touch()
    (tmp_path / "words.pem").write_text("no certificate")
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem", tmp_path / "words.pem", ""):
        with pytest.raises(ConfigurationError, match="CA file"):
            tls(path)


# -- its own connections -------------------------------------------------------------------


async def test_a_callers_connector_is_used_and_closed_at_the_end_alone() -> None:
    """Who hands it in may stop and start; `close` is the end."""
    async with CloudServer({"admin": f"{PLANTED}-password"}) as server:
        connector = server.connector()
        async with exchange_with(server.url, connector=connector) as exchange:
            await exchange.login(PASSWORD)
            await exchange.stop()
            assert not connector.closed
            exchange.start()
            await exchange.login(PASSWORD)
        assert connector.closed
        assert server.stats.logins == 2


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_while_stopped_is_a_transport_error(call: str) -> None:
    """Before `start` and after `stop`; both may happen again."""
    async with RawServer(http(GOOD)) as server:
        async with exchange_with(server.url) as exchange:
            await exchange.stop()
            await exchange.stop()
            with pytest.raises(TransportError, match="closed"):
                await CALLS[call](exchange)
        assert server.received == []


async def test_one_connection_serves_one_call_after_another() -> None:
    """Whatever is answered: a login and a renewal need no second handshake."""
    async with CloudServer({"admin": f"{PLANTED}-password"}) as server:
        async with exchange_with(server.url) as exchange:
            grant = await exchange.login(PASSWORD)
            with pytest.raises(UnauthorizedError):
                await exchange.refresh(HELD)
            await exchange.refresh(SessionToken(grant.secret, None, 1))
        assert server.stats.connections == 1


async def test_many_calls_at_a_time_share_four_connections_at_most() -> None:
    """What waits for an answer is a handful of calls; a herd of them is no herd of handshakes."""
    async with CloudServer({"admin": f"{PLANTED}-password"}) as server:
        async with exchange_with(server.url) as exchange:
            await asyncio.gather(*(exchange.login(PASSWORD) for _ in range(20)))
        assert server.stats.logins == 20
        assert server.stats.connections <= 4


async def test_an_idle_connection_is_given_up_before_a_server_would() -> None:
    """A renewal written to one that is being closed would be lost; servers wait 5 s or more."""
    async with exchange_with("http://127.0.0.1:9") as exchange:
        assert exchange._session is not None
        connector = exchange._session.connector
        assert connector is not None
        assert connector._keepalive_timeout is not None
        assert 0 < connector._keepalive_timeout < 5


async def test_the_secrets_of_earlier_calls_are_kept_in_bounds() -> None:
    """An answer may quote those of the last few; a year's would be a leak."""
    tokens = iter(range(100))

    async def answer(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(json.dumps({"token": f"t{next(tokens)}"}).encode()))

    async with RawServer(answer, keep=True) as server, exchange_with(server.url) as exchange:
        grant = await exchange.login(PASSWORD)
        for _ in range(40):
            grant = await exchange.refresh(SessionToken(grant.secret, None, 1))
        known = [secret.reveal() for secret in exchange._known]
    assert {"t40", "t39", "t38"} <= set(known)
    assert len(known) == len(set(known)) == 16


async def test_a_slow_call_does_not_hold_up_another() -> None:
    """A logout that hangs must not keep a login of the next attempt waiting."""
    arrived = asyncio.Event()
    release = asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target.endswith("_logout"):
            arrived.set()
            await release.wait()
        writer.write(http(GOOD))

    async with RawServer(answer) as server, exchange_with(server.url) as exchange:
        slow = asyncio.create_task(exchange.logout(HELD))
        await arrived.wait()
        async with asyncio.timeout(5):
            await exchange.login(PASSWORD)
        assert not slow.done()
        release.set()
        await slow


async def test_a_cancelled_call_closes_its_connection() -> None:
    """The server does not keep working for nobody."""
    ended = asyncio.Event()
    arrived = asyncio.Event()

    async def silence(_: Received, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        try:
            while not writer.transport.is_closing():
                writer.write(b"HTTP/1.1 200 OK\r\n" if not ended.is_set() else b"")
                await asyncio.sleep(0.001)
        finally:
            ended.set()

    async with RawServer(silence) as server, exchange_with(server.url) as exchange:
        task = asyncio.create_task(exchange.login(PASSWORD))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), 2)


# -- hostile answers -----------------------------------------------------------------------

HTML = b"<html><h1>502 Bad Gateway</h1></html>"
BOMB = zlib.compress(b"\0" * 20_000_000, 9)

HOSTILE: dict[str, tuple[bytes, type[CloudAuthError]]] = {
    "cut short": (http(GOOD[:-5], length=len(GOOD)), InvalidResponseError),
    "cut short in a chunk": (chunked(GOOD), InvalidResponseError),
    "a chunk of no size": (chunked() + b"zz\r\n" + GOOD, InvalidResponseError),
    "a length that is no number": (http(GOOD, "Content-Length: many"), InvalidResponseError),
    "an empty body": (http(), InvalidResponseError),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", InvalidResponseError),
    "HTML": (http(HTML, "Content-Type: text/html"), InvalidResponseError),
    "truncated JSON": (http(GOOD[:-5]), InvalidResponseError),
    "no object": (http(b"[" + GOOD + b"]"), InvalidResponseError),
    "not UTF-8": (http(b'{"token": "\xff"}'), InvalidResponseError),
    "nested beyond reason": (http(b"[" * 60_000), InvalidResponseError),
    "longer than allowed": (http(GOOD + b" " * MAX_BODY), InvalidResponseError),
    "gzip": (http(gzip.compress(GOOD), "Content-Encoding: gzip"), InvalidResponseError),
    "a bomb": (http(BOMB, "Content-Encoding: deflate"), InvalidResponseError),
    "an unknown coding": (http(GOOD, "Content-Encoding: odd"), InvalidResponseError),
    **{
        f"redirect {status}": (
            http(GOOD, f"Location: http://evil.example/#{PLANTED}", status=status),
            InvalidResponseError,
        )
        for status in (300, 301, 302, 303, 304, 307, 308)
    },
    "a status of no class": (http(GOOD, status=999), InvalidResponseError),
    "another protocol": (
        b"HTTP/1.1 101 Switching\r\nUpgrade: odd\r\nConnection: upgrade\r\n\r\n",
        InvalidResponseError,
    ),
    "garbage": (b"garbage\r\n\r\n", InvalidResponseError),
    "a header of 1 MB": (http(GOOD, "X-Long: " + "x" * 1_000_000), InvalidResponseError),
    "no reply": (b"", TransportError),
    "errors at 200": (http(refusal("controller_route.controller_not_ready")), ServerError),
    "a code at 200": (
        http(refusal("authc.no_authentication_cluster")),
        NoAuthenticationClusterError,
    ),
    "400": (http(refusal("a.b"), status=400), BadRequestError),
    "403": (http(refusal("root.unauthorized.rbac"), status=403), PermissionDeniedError),
    "403 of a proxy": (http(HTML, status=403), PermissionDeniedError),
    "429": (http(b"", "Retry-After: 7", status=429), RateLimitedError),
    "449": (http(refusal("deployments.metadata_internal_error"), status=449), ServerError),
    "500": (http(refusal("a.b"), status=500), ServerError),
    "501": (
        http(refusal("authc.no_authentication_cluster"), status=501),
        NoAuthenticationClusterError,
    ),
    "502": (
        http(refusal("authc.authentication_cluster_error"), status=502),
        AuthenticationClusterError,
    ),
    "502 by its header": (
        http(b"", "X-Cloud-Error-Codes: authc.authentication_cluster_error", status=502),
        AuthenticationClusterError,
    ),
    "503 of an old ECE": (
        http(b'{"ok": false, "message": "down"}', status=503),
        AuthenticationClusterError,
    ),
    "502 of a proxy": (http(HTML, status=502), GatewayError),
    "503 of a proxy": (http(status=503), GatewayError),
    "504 of a proxy": (http(b"timeout", status=504), GatewayError),
    "an error cut short": (http(HTML, status=502, length=1_000), InvalidResponseError),
    "a compressed error": (
        http(gzip.compress(refusal("a.b")), "Content-Encoding: gzip", status=502),
        GatewayError,
    ),
    "a long error": (http(b" " * MAX_BODY + HTML, status=500), GatewayError),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("hostile", HOSTILE)
async def test_any_bad_answer_is_a_typed_error_of_one_request(hostile: str, call: str) -> None:
    """Nothing is followed, decompressed, retried or guessed, at any of the calls."""
    answer, expected = HOSTILE[hostile]
    async with RawServer(answer) as server, exchange_with(server.url) as exchange:
        with pytest.raises(CloudAuthError) as caught:
            await CALLS[call](exchange)
    assert type(caught.value) is expected
    # aiohttp itself asks once more where a GET found its connection closed.
    assert len(server.received) <= 1 + (call == "users/auth" and hostile == "no reply")
    path = server.received[0].target
    assert str(caught.value).startswith(f"{server.received[0].method} ")
    if isinstance(caught.value, ApiError):
        assert caught.value.url == server.url + path
        assert caught.value.method == server.received[0].method


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, None),
        (299, None),
        (300, InvalidResponseError),
        (399, InvalidResponseError),
        (400, BadRequestError),
        (599, GatewayError),
        (600, InvalidResponseError),
    ],
)
async def test_the_class_of_a_status_ends_where_the_next_begins(
    status: int, expected: type[CloudAuthError] | None
) -> None:
    """At 2xx is an answer, 3xx is not followed, 4xx and 5xx are errors, and 6xx is nothing."""
    answer = http(GOOD if status < 400 else b"", status=status)
    async with RawServer(answer) as server, exchange_with(server.url) as exchange:
        error = await outcome(exchange.login(PASSWORD))
    assert type(error) is (expected or type(None))


@pytest.mark.parametrize(
    ("hostile", "problem"),
    [
        ("redirect 302", "redirect @ $"),
        ("a status of no class", "status @ $"),
        ("longer than allowed", "too long @ $"),
        ("gzip", "compressed @ $"),
        ("cut short", "malformed or cut short @ $"),
        ("garbage", "malformed or cut short @ $"),
    ],
)
async def test_what_is_wrong_with_an_answer_is_one_of_the_problems(
    hostile: str, problem: str
) -> None:
    """Those of the message as a whole are told in the same form as those of its fields."""
    async with RawServer(HOSTILE[hostile][0]) as server, exchange_with(server.url) as exchange:
        error = await outcome(exchange.refresh(HELD))
    assert isinstance(error, InvalidResponseError)
    assert error.problems == (problem,)


@pytest.mark.parametrize("call", ["_login", "_refresh", "_refresh with Basic"])
async def test_an_answer_without_a_token_names_the_call_and_the_field(call: str) -> None:
    """Which of the calls went wrong is what a reader of the log wants to know."""
    answer = http(json.dumps({"session_expiration_time": EXPIRY}).encode())
    async with RawServer(answer) as server, exchange_with(server.url) as exchange:
        error = await outcome(CALLS[call](exchange))
    assert isinstance(error, InvalidResponseError)
    path = server.received[0].target.removeprefix("/api/v1")
    assert str(error).startswith(f"POST {path}: ")
    assert ["$.token" in problem for problem in error.problems] == [True]


@pytest.mark.parametrize("call", CALLS)
async def test_headers_of_1_mb_are_passed_over_or_an_invalid_response(call: str) -> None:
    """How many fields are too many is aiohttp's to say; since 3.14 these are."""
    answer = http(GOOD, *(f"X-{n}: {'x' * 90}" for n in range(10_000)))
    async with RawServer(answer) as server, exchange_with(server.url) as exchange:
        error = await outcome(CALLS[call](exchange))
    assert type(error) in {InvalidResponseError, type(None)}


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("call", CALLS)
async def test_an_endless_answer_is_cut_off(call: str, status: int) -> None:
    """No more than `max_body` is read, and the connection is closed on the server."""
    ended = asyncio.get_running_loop().create_future()

    async def endless(_: Received, writer: asyncio.StreamWriter) -> None:
        sent = 0
        writer.write(f"HTTP/1.1 {status} OK\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        try:
            while True:
                writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
                sent += 4096
                await writer.drain()
        finally:
            ended.set_result(sent)

    async with RawServer(endless) as server, exchange_with(server.url) as exchange:
        with pytest.raises(InvalidResponseError if status == 200 else GatewayError):
            await CALLS[call](exchange)
        assert await asyncio.wait_for(ended, 5) < 50_000_000  # what the kernel's buffers hold


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n", http(GOOD[:9], length=len(GOOD))])
@pytest.mark.parametrize("call", CALLS)
async def test_a_reset_is_an_error_of_transport_or_of_the_answer_it_cut(
    call: str, begun: bytes
) -> None:
    """Before, in, or after the headers."""

    async def reset(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await asyncio.sleep(0.005 if begun else 0)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with RawServer(reset) as server, exchange_with(server.url) as exchange:
        with pytest.raises((TransportError, InvalidResponseError)) as caught:
            await CALLS[call](exchange)
    if not begun.endswith(GOOD[:9]):
        assert type(caught.value) is TransportError


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n", http(GOOD[:9], length=len(GOOD))])
@pytest.mark.parametrize("call", CALLS)
async def test_silence_is_bounded_by_the_callers_timeout(call: str, begun: bytes) -> None:
    """Besides the bounds of the policy, which are kept outside."""

    async def silence(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await asyncio.sleep(10)

    timeout = aiohttp.ClientTimeout(total=0.02)
    async with RawServer(silence) as server, exchange_with(server.url, timeout=timeout) as exchange:
        with pytest.raises(RenewalTimeoutError, match="in time") as caught:
            await CALLS[call](exchange)
    assert isinstance(caught.value.__cause__, TimeoutError)


@pytest.mark.parametrize("call", CALLS)
async def test_a_refused_connection_is_a_transport_error(call: str) -> None:
    """Nothing listens there."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        async with exchange_with(f"http://127.0.0.1:{port}") as exchange:
            with pytest.raises(TransportError, match="no answer"):
                await CALLS[call](exchange)


# -- refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "code", "expected"),
    [
        ("_login", "root.unauthenticated", UnauthenticatedError),
        ("_login", None, UnauthenticatedError),
        ("_refresh with Basic", "root.unauthenticated", UnauthenticatedError),
        ("_refresh with Basic", None, UnauthenticatedError),
        ("_refresh", "root.unauthorized", UnauthorizedError),
        ("_refresh", "root.unauthenticated", UnauthorizedError),
        ("_refresh", None, UnauthorizedError),
        ("users/auth", "root.unauthenticated", UnauthorizedError),
        ("_logout", "root.unauthorized", UnauthorizedError),
    ],
)
async def test_a_401_blames_what_was_sent(
    call: str, code: str | None, expected: type[CloudAuthError]
) -> None:
    """The credentials where credentials were sent, the token where a token was."""
    body = b"" if code is None else refusal(code)
    async with (
        RawServer(http(body, status=401)) as server,
        exchange_with(server.url) as exchange,
    ):
        with pytest.raises(ApiError) as caught:
            await CALLS[call](exchange)
    assert type(caught.value) is expected


async def test_a_real_conversation() -> None:
    """Login, refresh, expiry and logout with a server that keeps sessions; then neither works."""
    async with (
        CloudServer({"admin": f"{PLANTED}-password"}, revoke_on_refresh=True) as server,
        exchange_with(server.url) as exchange,
    ):
        first = await exchange.login(PASSWORD)
        renewed = await exchange.refresh(SessionToken(first.secret, None, 1))
        assert renewed.secret != first.secret
        assert renewed.expires_at is not None
        known = await exchange.expires_at(renewed)
        assert known is not None
        assert abs((known - renewed.expires_at).total_seconds()) < 1
        with pytest.raises(UnauthorizedError):
            await exchange.refresh(SessionToken(first.secret, None, 1))
        await exchange.logout(SessionToken(renewed.secret, None, 2))
        with pytest.raises(UnauthorizedError):
            await exchange.refresh(SessionToken(renewed.secret, None, 2))
        with pytest.raises(UnauthenticatedError):
            await exchange.login(Password("admin", "wrong"))


@pytest.mark.parametrize("password", ["root", "unauthenticated", "authc", "o", "No."])
async def test_no_password_changes_what_a_refusal_means(password: str) -> None:
    """Taking it out of the answer comes after reading the answer."""
    async with (
        RawServer(http(refusal("root.unauthenticated"), status=401)) as server,
        exchange_with(server.url) as exchange,
    ):
        with pytest.raises(UnauthenticatedError) as caught:
            await exchange.login(Password("admin", password))
    assert caught.value.codes == ("root.unauthenticated",)


async def test_an_error_carries_the_headers_that_are_nobodys_secret() -> None:
    """Request ids and pacing are kept; cookies, targets and whatever quotes a secret are not."""
    fields = (
        "X-Request-Id: 7",
        "Retry-After: 9",
        f"Set-Cookie: ec-sso-session-id={PLANTED}",
        f"Location: https://h/#{PLANTED}",
        f"Authorization: Bearer {PLANTED}",
        f"Refresh: 0; url=https://h/{PLANTED}",
        f"X-Echo: {PLANTED}-password",
    )
    async with (
        RawServer(http(refusal("a.b"), *fields, status=400)) as server,
        exchange_with(server.url) as exchange,
    ):
        with pytest.raises(BadRequestError) as caught:
            await exchange.login(PASSWORD)
    kept = {name.lower() for name in caught.value.headers}
    assert kept == {"content-length", "x-request-id", "retry-after"}
    assert caught.value.retry_after == 9.0


# -- secrets -------------------------------------------------------------------------------


def shown(error: BaseException) -> str:
    """Say everything that a log, a reporter or a debugger would say of an error."""
    said = [*traceback.format_exception(error), repr(error), str(vars(error)), str(error.args)]
    link: BaseException | None = error
    while link is not None:
        said += [repr(link), str(link), str(link.args), str(getattr(link, "request_info", ""))]
        link = link.__cause__ or link.__context__
    assert error.__traceback__ is not None
    rendered = Traceback.from_exception(
        type(error),
        error,
        error.__traceback__.tb_next,  # not the test's own frame, which knows the secrets
        width=2_000,  # a secret broken over two lines would not be found
        show_locals=True,
        locals_max_length=10_000,
        locals_max_string=100_000,
    )
    console = Console(file=io.StringIO(), width=2_000)
    console.print(rendered)
    assert isinstance(console.file, io.StringIO)
    return "\n".join([*said, console.file.getvalue()])


async def quoting(received: Received, writer: asyncio.StreamWriter) -> None:
    """Answer with all that was sent, in every place there is."""
    sent = [*received.headers.values(), received.body.decode()]
    sent += [
        base64.b64decode(pair.split()[1]).decode() for pair in sent if pair.startswith("Basic")
    ]
    entry = {"code": "a.b", "message": " ".join(sent), "fields": sent}
    body = json.dumps({"errors": [entry], "message": " ".join(sent)}).encode()
    echoes = [f"X-Echo-{n}: {value}" for n, value in enumerate(sent)]
    writer.write(http(body, *echoes, f"Set-Cookie: {PLANTED}={PLANTED}", status=400))


async def outcome(call: Awaitable[object]) -> CloudAuthError | None:
    """Return the error that a call ends with."""
    try:
        await call
    except CloudAuthError as error:
        return error
    return None


SPILLING: dict[str, Any] = {
    "cut short": http(GOOD, length=len(GOOD) + 1),
    "cut short in a chunk": chunked(GOOD),
    "a chunk of no size": chunked(GOOD) + b"zz\r\n",
    "truncated JSON": http(GOOD + b","),
    "no object": http(b"[" + GOOD + b"]"),
    "longer than allowed": http(GOOD + b" " * MAX_BODY),
    "naive expiry": http(
        json.dumps({"token": PLANTED, "session_expiration_time": f"2030 {PLANTED}"}).encode()
    ),
    "a token of two lines": http(json.dumps({"token": f"{PLANTED}\n", "expires_at": 1}).encode()),
    "a cookie beside a bad body": http(b"{", f"Set-Cookie: ec-sso-session-id={PLANTED}"),
    "a redirect": http(GOOD, f"Location: https://h/#{PLANTED}", status=302),
    "no reply": b"",
    "garbage": f"{PLANTED}\r\n\r\n".encode(),
    "headers cut short": (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: ec-sso-session-id=" + PLANTED.encode() + b"\r\n"
    ),
    "a header that is none": http(GOOD, f"Set-Cookie: ec-sso-session-id={PLANTED}\0"),
    "a header without a name": http(GOOD, f": {PLANTED}"),
    "compressed": http(GOOD, f"Set-Cookie: x={PLANTED}", "Content-Encoding: gzip"),
    "what was sent": quoting,
}


@pytest.mark.parametrize("call", ["_login", "_refresh with Basic", "users/auth"])
@pytest.mark.parametrize("spilling", SPILLING)
async def test_no_secret_shows_in_an_error_or_a_log(
    spilling: str, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    """LESSONS: "password or token in debug logs": nor in the local variables of any frame."""
    caplog.set_level(logging.DEBUG)
    async with RawServer(SPILLING[spilling]) as server, exchange_with(server.url) as exchange:
        error = await outcome(CALLS[call](exchange))
    # `users/auth` needs no more of most; aiohttp before 3.14 minds no NUL in a header.
    assert error is not None or call == "users/auth" or spilling == "a header that is none"
    said = caplog.text + ("" if error is None else shown(error))
    assert PLANTED not in said
    assert PAIR not in said


@pytest.mark.parametrize("call", ["_login", "_refresh with Basic"])
async def test_no_secret_shows_in_a_timeout(call: str) -> None:
    """Also where the token had arrived already, and only the end had not."""

    async def stalls(_: Received, writer: asyncio.StreamWriter) -> None:
        cookie = f"Set-Cookie: ec-sso-session-id={PLANTED}"
        writer.write(http(GOOD, cookie, length=len(GOOD) + 1))
        await asyncio.sleep(10)

    timeout = aiohttp.ClientTimeout(total=0.02)
    async with RawServer(stalls) as server, exchange_with(server.url, timeout=timeout) as exchange:
        with pytest.raises(RenewalTimeoutError) as caught:
            await CALLS[call](exchange)
    assert PLANTED not in shown(caught.value)


@pytest.mark.parametrize("call", ["_login", "_refresh with Basic"])
async def test_no_secret_shows_in_a_cancellation(call: str) -> None:
    """A policy's bound cancels the call: what it then shows is what a reporter sees."""

    async def stalls(_: Received, writer: asyncio.StreamWriter) -> None:
        cookie = f"Set-Cookie: ec-sso-session-id={PLANTED}"
        writer.write(http(GOOD, cookie, length=len(GOOD) + 1))
        await asyncio.sleep(10)

    async with RawServer(stalls) as server, exchange_with(server.url) as exchange:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.02):
                await CALLS[call](exchange)
    assert PLANTED not in shown(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_proxys_password_shows_in_a_connection_that_it_refuses(scheme: str) -> None:
    """It stands in the proxy's URL, which many a frame of aiohttp holds."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        proxy = f"http://user:{PLANTED}@127.0.0.1:{bound.getsockname()[1]}"
        async with exchange_with(f"{scheme}://ece.localhost", proxy=proxy) as exchange:
            error = await outcome(exchange.login(PASSWORD))
    assert type(error) is TransportError
    assert error.__cause__ is not None
    assert PLANTED not in shown(error)


async def test_a_stamped_header_is_taken_off_once_it_is_written() -> None:
    """What aiohttp keeps of a request, and prints with its errors, is without the token."""
    stamp = _Stamp({"Authorization": HELD.authorization, "Cookie": Secret(f"a={PLANTED}")})
    async with (
        RawServer(http(GOOD)) as server,
        aiohttp.ClientSession() as client,
        client.get(server.url, middlewares=(stamp,)) as response,
    ):
        assert PLANTED not in f"{response.request_info} {response.request_info.headers}"
    (seen,) = server.received
    assert seen.headers["Authorization"] == f"Bearer {PLANTED}-held"
    assert seen.headers["Cookie"] == f"a={PLANTED}"


async def test_no_secret_shows_in_the_exchange_itself() -> None:
    """Nor in the grant it gives."""
    answers = {"_login": http(GOOD, f"Set-Cookie: ec-sso-session-id={PLANTED}")}
    async with RawServer(by_path(answers)) as server, exchange_with(server.url) as exchange:
        grant = await exchange.login(PASSWORD)
        assert PLANTED not in f"{grant!r} {grant} {exchange!r} {vars(exchange)}"


# -- without a socket ----------------------------------------------------------------------


async def test_the_calls_of_a_session_without_any_server() -> None:
    """The answers are those of aioresponses: user code can be tested like this as well."""
    with mocked_cloud() as mocked:
        mocked.get(
            "/users/auth",
            payload={
                "has_elevated_permissions": False,
                "refresh_token_url": "/api/v1/users/auth/_refresh",
                "expires_at": EXPIRY,
            },
        )
        async with exchange_with(mocked.url) as exchange:
            grant = await exchange.login(PASSWORD)
            assert grant.secret == Secret("token-1")
            renewed = await exchange.refresh(SessionToken(grant.secret, grant.expires_at, 1))
            assert renewed.secret == Secret("token-2")
            assert await exchange.expires_at(renewed) == datetime(2030, 1, 1, tzinfo=UTC)
            await exchange.logout(SessionToken(renewed.secret, renewed.expires_at, 2))
    assert mocked.tokens == 2
    assert [method for method, _ in mocked.requests] == ["POST", "POST", "GET", "POST"]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "root.unauthenticated", UnauthenticatedError),
        (501, "authc.no_authentication_cluster", NoAuthenticationClusterError),
        (502, "authc.authentication_cluster_error", AuthenticationClusterError),
        (403, "root.unauthorized.rbac", PermissionDeniedError),
        (500, "brand.new", ServerError),
    ],
)
async def test_a_mocked_refusal_is_the_same_typed_error(
    status: int, code: str, expected: type[ApiError]
) -> None:
    """Status, codes, entries and message arrive as from a real server."""
    with mocked_cloud() as mocked:
        path = "/users/auth/_login"
        mocked.fail(path, "POST", status=status, code=code, message="No.", fields=["username"])
        async with exchange_with(mocked.url) as exchange:
            with pytest.raises(ApiError) as caught:
                await exchange.login(PASSWORD)
    error = caught.value
    assert type(error) is expected
    assert (error.status, error.codes) == (status, (code,))
    assert [(e.code, e.message, e.fields) for e in error.errors] == [(code, "No.", ("username",))]
    assert error.headers["x-cloud-error-codes"] == code


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (aiohttp.ClientOSError(104, "reset"), TransportError),
        (ConnectionResetError(), TransportError),
        (OSError("no route"), TransportError),
        (ValueError("a header that cannot be written"), TransportError),
        (aiohttp.InvalidURL("https://h"), TransportError),
        (aiohttp.ServerTimeoutError(), RenewalTimeoutError),
        (TimeoutError(), RenewalTimeoutError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_every_failure_of_aiohttp_is_one_of_ours_with_its_cause(
    failure: Exception, expected: type[CloudAuthError]
) -> None:
    """LESSONS: "background loop dies on an unexpected exception type": it sees only ours."""
    with mocked_cloud() as mocked:
        mocked.post("/users/auth/_login", exception=failure)
        async with exchange_with(mocked.url) as exchange:
            with pytest.raises(CloudAuthError) as caught:
                await exchange.login(PASSWORD)
    assert type(caught.value) is expected
    assert caught.value.__cause__ is failure
    assert "POST /users/auth/_login" in str(caught.value)
    assert type(failure).__name__ in str(caught.value)  # what to look up


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (aiohttp.ServerDisconnectedError(f"<Set-Cookie: {PLANTED}>"), TransportError),
        (aiohttp.ClientPayloadError(f"not enough: {PLANTED}"), InvalidResponseError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_what_aiohttp_quotes_of_an_answer_is_not_passed_on(
    failure: Exception, expected: type[CloudAuthError]
) -> None:
    """Its errors about an answer that broke off hold what had arrived: named, never chained."""
    with mocked_cloud() as mocked:
        mocked.post("/users/auth/_login", exception=failure)
        async with exchange_with(mocked.url) as exchange:
            with pytest.raises(CloudAuthError, match=type(failure).__name__) as caught:
                await exchange.login(PASSWORD)
    assert type(caught.value) is expected
    assert PLANTED not in shown(caught.value)
