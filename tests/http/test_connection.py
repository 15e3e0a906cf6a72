"""The connection of its own: first contact, header fields, proxies, old connections, secrets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import socket
import ssl
import traceback
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import trustme

from aiocloudauth._http.connection import Stamp
from aiocloudauth.errors import (
    CloudAuthError,
    ConfigurationError,
    InvalidResponseError,
    RenewalTimeoutError,
    TLSError,
    TransportError,
)
from aiocloudauth.testing import CloudServer, ManualClock, mocked_cloud
from aiocloudauth.token import Secret, SessionToken
from tests.http.exchanges import (
    CALLS,
    HELD,
    PAIR,
    PASSWORD,
    PLANTED,
    error_of,
    exchange_with,
)
from tests.http.raw_server import (
    LOGIN,
    LOGOUT,
    REFRESH,
    RawServer,
    Request,
    after,
    chunked,
    http,
    reset,
    silence,
    token_body,
)

GOOD = token_body(f"{PLANTED}-new")

#: aiohttp 3.14 wants a proxy's credentials in its URL.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*BasicAuth is deprecated:DeprecationWarning",
    "ignore:The 'proxy_auth' parameter is deprecated:DeprecationWarning",
)


# -- certificates --------------------------------------------------------------------------

AUTHORITY = trustme.CA()
YESTERDAY, TOMORROW = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
CERTIFICATES: dict[str, tuple[trustme.LeafCert, str]] = {
    "unknown authority": (trustme.CA().issue_cert("127.0.0.1"), 'ssl="ca.pem" or EC_CA_FILE'),
    "expired": (AUTHORITY.issue_cert("127.0.0.1", not_after=YESTERDAY), "needs a new one"),
    "not valid yet": (
        AUTHORITY.issue_cert("127.0.0.1", not_before=TOMORROW), "clock right"),
    "another name": (AUTHORITY.issue_cert("ece.example.com"), "URL's host right"),
}  # fmt: skip  # rows are read faster


def server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Make a server's context with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def client_side() -> ssl.SSLContext:
    """Make a client's context that trusts the authority here."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


@pytest.mark.parametrize(
    ("kind", "host"),
    [*((kind, "127.0.0.1") for kind in CERTIFICATES), ("another name", "localhost")],
)
async def test_a_certificate_that_proves_nothing_is_shown_no_password(kind: str, host: str) -> None:
    """No retry mends that; the error says what is wrong with it and what to do."""
    certificate, remedy = CERTIFICATES[kind]
    async with RawServer(tls=server_side(certificate)) as server:
        url = server.url.replace("127.0.0.1", host)
        async with exchange_with(url, ssl=client_side()) as exchange:
            error = await error_of(exchange.login(PASSWORD))
        assert server.received == []
    assert type(error) is TLSError
    assert not error.retryable
    said = str(error)
    assert said.startswith(f"POST {url}/api/v1/users/auth/_login: the certificate of {host}:")
    assert remedy in said
    assert isinstance(error.__cause__, aiohttp.ClientConnectorCertificateError)
    reason = error.__cause__.certificate_error
    assert isinstance(reason, ssl.SSLCertVerificationError)
    assert reason.verify_message in said
    assert 'ssl="ca.pem" or EC_CA_FILE' in said
    assert "auth_connector=" in error.__notes__[0]
    assert "\n" not in said


async def test_a_connector_of_the_callers_own_is_not_told_of_itself() -> None:
    """Who brought one for these calls knows that it is the one to look at."""
    async with RawServer(tls=server_side(CERTIFICATES["unknown authority"][0])) as server:
        connector = aiohttp.TCPConnector(ssl=client_side())
        async with exchange_with(server.url, connector=connector) as exchange:
            error = await error_of(exchange.login(PASSWORD))
    assert type(error) is TLSError
    assert "auth_connector" not in str(error)


async def test_the_right_certificate_is_known_by_its_authority_or_its_fingerprint() -> None:
    """Another fingerprint is refused before anything is sent."""
    certificate = AUTHORITY.issue_cert("127.0.0.1")
    pem = certificate.cert_chain_pems[0].bytes().decode()
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()
    async with RawServer(tls=server_side(certificate)) as server:
        for option in (client_side(), aiohttp.Fingerprint(digest), False):
            async with exchange_with(server.url, ssl=option) as exchange:
                await exchange.login(PASSWORD)
        wrong = aiohttp.Fingerprint(bytes(32))
        async with exchange_with(server.url, ssl=wrong) as exchange:
            error = await error_of(exchange.login(PASSWORD))
        assert len(server.received) == 3
    assert type(error) is TLSError
    assert "fingerprint" in str(error)


# -- http and https confused ---------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("real", ["raw", "whole"])
async def test_the_scheme_of_the_other_port_is_told_at_once(scheme: str, real: str) -> None:
    """12400 for 12443 and the reverse, where the port only hangs up or does not speak HTTP."""
    tls = server_side(AUTHORITY.issue_cert("127.0.0.1")) if scheme == "http" else None
    async with (
        RawServer(tls=tls) as raw,
        CloudServer(tls=scheme == "http") as whole,
    ):
        url = (raw if real == "raw" else whole).url
        other = url.replace("https:" if tls else "http:", f"{scheme}:")
        async with exchange_with(other, headers=None) as exchange:
            error = await error_of(exchange.login(PASSWORD))
        assert not any(request.carries(PLANTED) for request in raw.received)
    assert type(error) is TLSError
    assert not error.retryable
    assert str(error).startswith(f"POST {other}/api/v1/users/auth/_login: ")
    assert ("http://" if scheme == "https" else "https://") in str(error)


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize(
    ("ends", "said"),
    [(b"", "this port speaks http"), (b"\x15\x03\x01\x00\x02\x02\x46", "PROTOCOL_VERSION")],
    ids=["closes", "alert"],
)
async def test_a_port_that_only_speaks_tls_is_asked_with_nothing_of_ours(
    ends: bytes, said: str
) -> None:
    """The question in the other scheme carries no credentials and no field of a session."""
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(65_536))
        if seen[-1].startswith(b"HEAD"):
            writer.write(http())
        else:
            writer.write(ends)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        url, fields = f"https://127.0.0.1:{port}", {"X-Gateway-Key": f"{PLANTED}-key"}
        async with exchange_with(url, headers=fields, trust_env=True) as exchange:
            error = await error_of(exchange.login(PASSWORD))
    assert type(error) is TLSError
    assert said in str(error)  # by OpenSSL's name for it, where it has one
    assert PLANTED.encode() not in b"".join(seen)
    assert b"Authorization" not in b"".join(seen)


async def test_a_server_that_hangs_up_is_asked_once_and_then_tried_again() -> None:
    """It may be one that starts up: without proof of the other scheme it is no answer."""
    hello: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello.append(await reader.read(1))
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with exchange_with(url) as exchange:
            for _ in range(3):
                error = await error_of(exchange.login(PASSWORD))
                assert type(error) is TransportError
                assert error.retryable
    assert hello == [b"P", b"\x16", b"P", b"P"]


async def test_a_port_that_answered_once_is_never_asked_in_the_other_scheme() -> None:
    """Then it speaks what it was taken to speak, and has hung up for another reason."""
    async with (
        RawServer({REFRESH: b""}) as server,
        exchange_with(server.url) as exchange,
    ):
        await exchange.login(PASSWORD)
        assert type(await error_of(exchange.refresh(HELD))) is TransportError
        assert server.connections == 2  # the kept one, and one made anew


async def test_a_port_that_says_nothing_in_the_other_scheme_costs_a_second() -> None:
    """Of virtual time, once."""
    clock = ManualClock()

    async with (
        RawServer({"": b""}, mute=True) as server,
        exchange_with(server.url, clock=clock) as exchange,
    ):
        for took in (1.0, 0.0):
            began = clock.monotonic()
            error = await clock.drive(error_of(exchange.login(PASSWORD)))
            assert type(error) is TransportError
            assert clock.monotonic() - began == took


# -- no answer -----------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS)
async def test_a_refused_connection_is_told_with_host_and_call(call: str) -> None:
    """Nothing listens there: it may start to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with exchange_with(url) as exchange:
            error = await error_of(CALLS[call](exchange))
    assert type(error) is TransportError
    assert f" {url}/api/v1/users/auth" in str(error)
    assert error.retryable


async def test_a_name_that_does_not_resolve_is_told_with_what_resolves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connector's own resolver serves the API calls alone."""

    async def fail(*_: object, **__: object) -> None:
        raise OSError(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(aiohttp.DefaultResolver, "resolve", fail)
    async with exchange_with("https://ece.invalid") as exchange:
        error = await error_of(exchange.login(PASSWORD))
    assert type(error) is TransportError
    assert "the name ece.invalid cannot be resolved: Name or service not known" in str(error)
    assert "\n" not in str(error)
    assert "auth_connector=" in error.__notes__[0]


@pytest.mark.parametrize(
    "begun",
    [b"", b"HTTP/1.1 200 OK\r\n", http(GOOD[:9], length=len(GOOD))],
    ids=["nothing", "a line", "a part"],
)
async def test_silence_is_bounded_by_the_callers_timeout(begun: bytes) -> None:
    """Besides the bounds of the policy, which are kept outside."""
    timeout = aiohttp.ClientTimeout(total=0.02)
    async with (
        RawServer({LOGIN: after(begun)}) as server,
        exchange_with(server.url, timeout=timeout) as exchange,
    ):
        error = await error_of(exchange.login(PASSWORD))
    assert type(error) is RenewalTimeoutError
    assert str(error).startswith(f"POST {server.url}/api/v1/users/auth/_login: ")
    assert PLANTED not in shown(error)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (aiohttp.ClientOSError(104, "reset"), TransportError),
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
            error = await error_of(exchange.login(PASSWORD))
    assert type(error) is expected
    assert error.__cause__ is failure
    assert type(failure).__name__ in str(error)  # what to look up


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (aiohttp.ServerDisconnectedError(f"<Set-Cookie: {PLANTED}>"), TransportError),
        (aiohttp.ClientPayloadError(f"not enough: {PLANTED}"), InvalidResponseError),
    ],
    ids=["disconnected", "cut short"],
)
async def test_what_aiohttp_quotes_of_an_answer_is_not_passed_on(
    failure: Exception, expected: type[CloudAuthError]
) -> None:
    """Its errors about an answer that broke off hold what had arrived: named, never chained."""
    with mocked_cloud() as mocked:
        mocked.post("/users/auth/_login", exception=failure)
        async with exchange_with(mocked.url) as exchange:
            error = await error_of(exchange.login(PASSWORD))
    assert type(error) is expected
    assert PLANTED not in shown(error)


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_while_stopped_is_a_transport_error(call: str) -> None:
    """Before `start` and after `stop`; both may happen again."""
    async with RawServer() as server:
        async with exchange_with(server.url) as exchange:
            await exchange.stop()
            await exchange.stop()
            assert type(await error_of(CALLS[call](exchange))) is TransportError
            exchange.start()
            await CALLS[call](exchange)
        assert len(server.received) == 1


# -- old connections -----------------------------------------------------------------------


def hangs_up(once_left: int, ends: bytes | None = b"") -> Any:  # noqa: ANN401 - a server's reply
    """Answer so many requests, and hang up on the next of the same connection."""
    served: dict[asyncio.StreamWriter, int] = {}

    async def reply(request: Request, writer: asyncio.StreamWriter) -> None:
        served[writer] = served.get(writer, 0) + 1
        if served[writer] <= once_left:
            writer.write(http(token_body(f"t{sum(served.values())}")))
        elif ends is None:
            reset(writer)
        else:
            writer.write(ends)
            await writer.drain()
            writer.close()

    return reply


@pytest.mark.parametrize("ends", [b"", None], ids=["closed", "reset"])
async def test_a_kept_connection_that_had_died_is_replaced_within_the_call(
    ends: bytes | None,
) -> None:
    """As it is after a suspend: nobody was told of its end before something was written to it."""
    async with (
        RawServer({"": hangs_up(1, ends)}, keep=True) as server,
        exchange_with(server.url) as exchange,
    ):
        await exchange.login(PASSWORD)
        grant = await exchange.refresh(HELD)
        assert grant.secret == Secret("t3")
        assert [request.target.rpartition("/")[2] for request in server.received] == [
            "_login",
            "_refresh",
            "_refresh",
        ]
        assert server.connections == 2


async def test_a_fresh_connection_that_ends_is_the_answer() -> None:
    """Whether the request was read is unknown: an attempt sends no second one."""
    async with RawServer({"": hangs_up(0)}) as server, exchange_with(server.url) as exchange:
        assert type(await error_of(exchange.login(PASSWORD))) is TransportError
        assert len(server.received) == 1


@pytest.mark.parametrize(
    "ends", [b"HTTP/1.1 200 OK\r\nDate: x\r\n", b"x\r\n\r\n"], ids=["begun", "odd"]
)
async def test_an_answer_that_had_begun_is_not_asked_for_again(ends: bytes) -> None:
    """The server had read the request, whatever its connection's age."""
    async with (
        RawServer({"": hangs_up(1, ends)}, keep=True) as server,
        exchange_with(server.url) as exchange,
    ):
        await exchange.login(PASSWORD)
        assert await error_of(exchange.refresh(HELD)) is not None
        assert len(server.received) == 2


# -- connections ---------------------------------------------------------------------------


async def test_one_connection_serves_one_call_after_another() -> None:
    """Whatever is answered: a login and a renewal need no second handshake."""
    async with CloudServer({"admin": f"{PLANTED}-password"}) as server:
        async with exchange_with(server.url) as exchange:
            grant = await exchange.login(PASSWORD)
            assert await error_of(exchange.refresh(HELD)) is not None
            await exchange.refresh(SessionToken(grant.secret, None, 1))
        assert server.stats.connections == 1


async def test_many_calls_at_a_time_share_four_connections_and_wait_for_no_slow_one() -> None:
    """A herd of calls is no herd of handshakes; a logout that hangs holds up no login."""
    async with RawServer({LOGOUT: silence}) as server, exchange_with(server.url) as exchange:
        slow = asyncio.create_task(exchange.logout(HELD))
        await asyncio.gather(*(exchange.login(PASSWORD) for _ in range(20)))
        assert len(server.to(LOGIN)) == 20
        assert server.connections <= 4
        assert not slow.done()
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow


async def test_a_cancelled_call_closes_its_connection() -> None:
    """The server does not keep working for nobody."""
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def stall(_: Request, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        try:
            while not writer.is_closing():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0)
        finally:
            gone.set()

    async with RawServer({LOGIN: stall}) as server, exchange_with(server.url) as exchange:
        task = asyncio.create_task(exchange.login(PASSWORD))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(gone.wait(), 5)


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


# -- header fields, limits, proxies, netrc -------------------------------------------------


async def test_a_sessions_fields_go_with_every_call_and_ours_are_not_theirs_to_change() -> None:
    """A gateway's key, a User-Agent."""
    fields = {"X-Gateway-Key": "k", "User-Agent": "me/1", "accept-encoding": "gzip", "Accept": "*"}
    async with RawServer() as server, exchange_with(server.url, headers=fields) as exchange:
        for call in CALLS.values():
            await call(exchange)
    assert len(server.received) == len(CALLS)
    for seen in server.received:
        assert (seen.headers["X-Gateway-Key"], seen.headers["User-Agent"]) == ("k", "me/1")
        assert seen.headers.getall("Accept-Encoding") == ["identity"]
        assert seen.headers.getall("Accept") == ["application/json"]


async def test_the_limits_on_header_fields_can_be_widened() -> None:
    """For a gateway that adds a long one."""
    answer = http(GOOD, "X-Long: " + "x" * 20_000)
    async with RawServer({LOGIN: answer}, keep=True) as server:
        async with exchange_with(server.url) as exchange:
            assert type(await error_of(exchange.login(PASSWORD))) is InvalidResponseError
        async with exchange_with(server.url, limits={"max_field_size": 30_000}) as exchange:
            await exchange.login(PASSWORD)


@pytest.mark.usefixtures("netrc")
async def test_a_netrc_entry_is_never_used_nor_clashes_with_the_token() -> None:
    """With `trust_env` aiohttp otherwise raises `ValueError`, or sends Basic instead."""
    async with (
        RawServer() as server,
        exchange_with(server.url, trust_env=True) as exchange,
    ):
        for call in CALLS.values():
            await call(exchange)
    sent = [seen.headers.getall("Authorization", []) for seen in server.received]
    bearer = [f"Bearer {PLANTED}-held"]
    assert sent == [[], bearer, [f"Basic {PAIR}"], bearer, bearer]


async def test_a_proxy_given_is_used_with_its_own_credentials() -> None:
    """They are the proxy's, not the API's."""
    async with RawServer() as proxy:
        named = proxy.url.replace("//", "//user:password@")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            auth = aiohttp.BasicAuth("user", "password")
        for options in ({"proxy": proxy.url, "proxy_auth": auth}, {"proxy": named}):
            async with exchange_with("http://ece.localhost:12400", **options) as exchange:
                await exchange.login(PASSWORD)
    assert len(proxy.received) == 2
    for seen in proxy.received:
        pair = base64.b64encode(b"user:password").decode()
        assert seen.headers["Proxy-Authorization"] == f"Basic {pair}"
        assert "Authorization" not in seen.headers


async def test_the_question_in_the_other_scheme_goes_through_the_proxy_too() -> None:
    """Nothing else may be reachable."""
    async with RawServer({"": b""}) as proxy:
        async with exchange_with("http://ece.localhost:12400", proxy=proxy.url) as exchange:
            await error_of(exchange.login(PASSWORD))
        assert {seen.method for seen in proxy.received} == {"POST", "CONNECT"}


@pytest.mark.parametrize("call", CALLS)
async def test_a_proxy_that_refuses_to_connect_sees_no_token_and_is_told_by_its_status(
    call: str,
) -> None:
    """It says whether the proxy wants credentials, forbids the host or cannot reach it."""
    async with RawServer({":12443": http(status=407)}) as proxy:
        named = proxy.url.replace("//", f"//user:{PLANTED}-of-the-proxy@")
        async with exchange_with("https://ece.example.com:12443", proxy=named) as exchange:
            error = await error_of(CALLS[call](exchange))
    assert type(error) is TransportError
    assert "proxy" in str(error)
    assert "407" in str(error)
    assert PLANTED not in shown(error)
    (seen,) = proxy.received
    assert (seen.method, seen.target) == ("CONNECT", "ece.example.com:12443")
    assert "Authorization" not in seen.headers
    seen.headers.pop("Proxy-Authorization")
    assert PLANTED not in f"{seen.headers} {seen.body!r}"


@pytest.mark.parametrize(
    "proxy", [f"http://user:{PLANTED}/x@127.0.0.1:8080", "127.0.0.1:8080", 8080]
)
async def test_a_proxy_that_is_no_url_is_refused_at_construction(proxy: Any) -> None:  # noqa: ANN401 - not all are of the type asked for
    """Otherwise every renewal would fail, and print the URL with its password."""
    with pytest.raises(ConfigurationError, match=r"proxy|URL") as caught:
        async with exchange_with("https://ece.example.com", proxy=proxy):
            pass
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


# -- secrets -------------------------------------------------------------------------------


def shown(error: BaseException | None) -> str:
    """Say everything that a log, a reporter or a debugger would say of an error."""
    if error is None:
        return ""
    said = [*traceback.format_exception(error), repr(error), str(vars(error)), str(error.args)]
    link: BaseException | None = error
    # Not the test's own frame, which knows the secrets.
    frames = [*traceback.walk_tb(error.__traceback__ and error.__traceback__.tb_next)]
    while link is not None:
        if link is not error:
            frames += traceback.walk_tb(link.__traceback__)
        said += [repr(link), str(link), str(link.args), str(getattr(link, "request_info", ""))]
        link = link.__cause__ or link.__context__
    for frame, _ in frames:
        said += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
    return "\n".join(said)


async def quoting(received: Request, writer: asyncio.StreamWriter) -> None:
    """Answer with all that was sent, in every place there is."""
    sent = [*received.headers.values(), received.body.decode()]
    sent += [
        base64.b64decode(pair.split()[1]).decode() for pair in sent if pair.startswith("Basic")
    ]
    entry = {"code": "a.b", "message": " ".join(sent), "fields": sent}
    body = json.dumps({"errors": [entry], "message": " ".join(sent)}).encode()
    echoes = [f"X-Echo-{n}: {value}" for n, value in enumerate(sent)]
    writer.write(http(body, *echoes, f"Set-Cookie: {PLANTED}={PLANTED}", status=400))


COOKIE = f"Set-Cookie: ec-sso-session-id={PLANTED}"

SPILLING: dict[str, Any] = {
    "cut short": http(GOOD, length=len(GOOD) + 1),
    "a chunk of no size": chunked(GOOD) + b"zz\r\n",
    "truncated JSON": http(GOOD + b","),
    "longer than allowed": http(GOOD.ljust(70_000)),
    "a token of two lines": http(json.dumps({"token": f"{PLANTED}\n", "expires_at": 1}).encode()),
    "a cookie beside a bad body": http(b"{", COOKIE),
    "a redirect": http(GOOD, f"Location: https://h/#{PLANTED}", status=302),
    "no reply": b"",
    "garbage": f"{PLANTED}\r\n\r\n".encode(),
    "headers cut short": f"HTTP/1.1 200 OK\r\n{COOKIE}\r\n".encode(),
    "a header without a name": http(GOOD, f": {PLANTED}"),
    "compressed": http(GOOD, f"Set-Cookie: x={PLANTED}", "Content-Encoding: gzip"),
    "what was sent": quoting,
}


@pytest.mark.parametrize("spilling", SPILLING)
async def test_no_secret_shows_in_an_error_or_a_log(
    spilling: str, caplog: pytest.LogCaptureFixture
) -> None:
    """LESSONS: "password or token in debug logs": nor in the local variables of any frame."""
    caplog.set_level(logging.DEBUG)
    said = ""
    for name in ("_login", "_refresh with Basic", "users/auth"):
        async with (
            RawServer({"": SPILLING[spilling]}) as server,
            exchange_with(server.url) as exchange,
        ):
            error = await error_of(CALLS[name](exchange))
        assert error is not None or name == "users/auth"  # which needs no token in it
        said += shown(error)
    said += caplog.text
    assert PLANTED not in said
    assert PAIR not in said


async def test_no_secret_shows_in_a_cancellation() -> None:
    """A policy's bound cancels the call: what it then shows is what a reporter sees."""
    stalls = after(http(GOOD, COOKIE, length=len(GOOD) + 1))
    async with RawServer({LOGIN: stalls}) as server, exchange_with(server.url) as exchange:
        with pytest.raises(TimeoutError) as caught:
            async with exchange._clock.timeout(0.02):
                await exchange.login(PASSWORD)
    assert PLANTED not in shown(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_proxys_password_shows_in_a_connection_that_it_refuses(scheme: str) -> None:
    """It stands in the proxy's URL, which many a frame of aiohttp holds."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        proxy = f"http://user:{PLANTED}@127.0.0.1:{bound.getsockname()[1]}"
        async with exchange_with(f"{scheme}://ece.localhost", proxy=proxy) as exchange:
            error = await error_of(exchange.login(PASSWORD))
    assert type(error) is TransportError
    assert error.__cause__ is not None
    assert PLANTED not in shown(error)


async def test_a_stamped_header_is_taken_off_once_it_is_written() -> None:
    """What aiohttp keeps of a request, and prints with its errors, is without the token."""
    stamp = Stamp({"Authorization": HELD.authorization, "Cookie": Secret(f"a={PLANTED}")})
    async with (
        RawServer() as server,
        aiohttp.ClientSession() as client,
        client.get(server.url, middlewares=(stamp,)) as response,
    ):
        assert PLANTED not in f"{response.request_info} {response.request_info.headers}"
    (seen,) = server.received
    assert seen.headers["Authorization"] == f"Bearer {PLANTED}-held"
    assert seen.headers["Cookie"] == f"a={PLANTED}"


async def test_the_exchange_shows_no_secret_and_forgets_old_ones() -> None:
    """An answer may quote those of the last few calls; a year's would be a leak."""

    async def count(received: Request, writer: asyncio.StreamWriter) -> None:
        if b"last" in received.head:
            return await quoting(received, writer)
        writer.write(http(token_body(f"{PLANTED}-{len(server.received)}"), COOKIE))
        return None

    async with (
        RawServer({"": count}, keep=True) as server,
        exchange_with(server.url) as exchange,
    ):
        grant = await exchange.login(PASSWORD)
        for _ in range(40):
            grant = await exchange.refresh(SessionToken(grant.secret, None, 1))
        assert PLANTED not in f"{grant!r} {grant} {exchange!r} {vars(exchange)}"
        assert len(exchange._known) == 16
        last = SessionToken(Secret("last"), None, 2)
        error = await error_of(exchange.refresh(last))
    assert "Bearer ***" in str(error)
