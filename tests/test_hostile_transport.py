"""Below HTTP: names that do not resolve, connections that are never made, TLS that never is."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from aiocloudauth import (
    CloudAuthError,
    CloudSession,
    Event,
    Password,
    RenewalFailed,
    RenewalPolicy,
    RenewalTimeoutError,
    SessionState,
    TransportError,
)
from aiocloudauth.testing import ManualClock
from tests.rogue import (
    LOGIN,
    LOGOUT,
    Misdeed,
    Request,
    Rogue,
    http,
    refusal,
    silence,
    token_body,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocloudauth import Credentials

PASSWORD = "PlantedPassword"
PLANTED = Password("admin", PASSWORD)
POLICY = RenewalPolicy()
QUICK = RenewalPolicy(
    min_interval=0.01, backoff=0.01, backoff_max=0.02, attempt_timeout=0.5, renewal_timeout=0.5
)

AUTHORITY = trustme.CA()


def server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Make a context that shows a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def client_side() -> ssl.SSLContext:
    """Make a context that trusts the authority."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


async def refused_open(url: str, clock: ManualClock, **options: Any) -> CloudAuthError:
    """Open a session in vain, in bounded time, and return the error."""
    cloud = CloudSession(url, Password("admin", PASSWORD), clock=clock, **options)
    began = clock.monotonic()
    with pytest.raises(CloudAuthError) as caught:
        await clock.drive(cloud.open())
    assert clock.monotonic() - began <= POLICY.renewal_timeout
    assert cloud.state is SessionState.NEW
    await clock.drive(cloud.close())
    return caught.value


# -- before there is a connection ----------------------------------------------------------


class Resolver(AbstractResolver):
    """A resolver for which every name is this machine, until it has a bad day."""

    def __init__(self, day: str = "good") -> None:
        """Answer well, not at all, or with a failure."""
        self.day = day

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Find the name."""
        if self.day == "out":
            raise OSError(socket.EAI_NONAME, "Name or service not known")
        if self.day == "silent":
            await asyncio.get_running_loop().create_future()
        found = {"hostname": host, "host": "127.0.0.1", "port": port}
        result = ResolveResult(family=socket.AF_INET, proto=0, flags=0, **found)  # type: ignore[typeddict-item]  # mypy takes all of `found` for `object`
        return [result]

    async def close(self) -> None:
        """Nothing was opened."""

    def connector(self) -> aiohttp.TCPConnector:
        """Make a connector that asks this resolver for every connection."""
        return aiohttp.TCPConnector(resolver=self, use_dns_cache=False, force_close=True)


@pytest.mark.parametrize(
    ("day", "expected"), [("out", TransportError), ("silent", RenewalTimeoutError)]
)
async def test_a_name_that_does_not_resolve(day: str, expected: type[CloudAuthError]) -> None:
    """A failure of DNS is no answer; a resolver that says nothing costs an attempt its time."""
    error = await refused_open(
        "https://ece.example.com:12443", ManualClock(), auth_connector=Resolver(day).connector()
    )
    assert type(error) is expected
    assert error.retryable


@pytest.mark.parametrize("day", ["out", "silent"])
async def test_a_name_that_resolves_no_more_loses_no_token(day: str) -> None:
    """LESSONS: one network error ends renewal for good. Here it is tried again."""
    resolver, clock = Resolver(), ManualClock()
    async with Rogue() as server:
        url = server.url.replace("127.0.0.1", "ece.example.com")
        cloud = CloudSession(
            url,
            Password("admin", PASSWORD),
            clock=clock,
            allow_http=True,
            connector=resolver.connector(),
            auth_connector=resolver.connector(),
        )
        await clock.drive(cloud.open())
        resolver.day = day
        with pytest.raises((TransportError, RenewalTimeoutError)):
            await clock.drive(cloud.refresh())
        with pytest.raises((aiohttp.ClientConnectorDNSError, TimeoutError)):
            await cloud.get("/y", timeout=0.1)
        assert (cloud.state, server.issued) == (SessionState.DEGRADED, 1)
        resolver.day = "good"
        async with cloud.get("/y") as response:
            assert response.status == 200
        await clock.advance(POLICY.backoff_max)
        assert (cloud.state, server.issued) == (SessionState.ACTIVE, 2)
        await clock.drive(cloud.close())


async def test_a_connection_that_is_never_accepted() -> None:
    """The queue of connections is full: the kernel answers nothing."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.settimeout(0)
            with suppress(BlockingIOError):
                one.connect(full.getsockname())
        error = await refused_open(f"http://127.0.0.1:{full.getsockname()[1]}", ManualClock())
        for one in waiting:
            one.close()
    assert type(error) is RenewalTimeoutError


async def test_a_server_that_accepts_and_closes_at_once() -> None:
    """A balancer with nothing behind it."""

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        error = await refused_open(f"http://127.0.0.1:{port}", ManualClock())
    assert type(error) is TransportError


# -- TLS -----------------------------------------------------------------------------------


@asynccontextmanager
async def greeting(hello: bytes, received: bytearray) -> AsyncIterator[str]:
    """Listen, greet each connection with these bytes, and note what it says."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            received.extend(await reader.read(65_536))
            writer.write(hello)
            while more := await reader.read(65_536):
                received.extend(more)
        writer.close()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with listener:
        yield f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("hello", "expected"),
    [
        pytest.param(b"", RenewalTimeoutError, id="silence"),
        pytest.param(b"\x16\x03\x03\x00\x7a\x02\x00", RenewalTimeoutError, id="half a ServerHello"),
        pytest.param(b"\x15\x03\x03\x00\x02\x02\x28", TransportError, id="an alert"),
        pytest.param(http(token_body()), TransportError, id="plain HTTP"),
        pytest.param(b"\x16" * 999, TransportError, id="garbage"),
    ],
)
async def test_a_handshake_that_comes_to_nothing(
    hello: bytes, expected: type[CloudAuthError]
) -> None:
    """Bounded as any attempt; the password is not sent before TLS stands."""
    received = bytearray()
    async with greeting(hello, received) as url:
        error = await refused_open(url, ManualClock(), ssl=client_side())
    assert type(error) is expected
    assert received.startswith(b"\x16\x03")  # a ClientHello
    assert PASSWORD.encode() not in received
    assert b"users/auth" not in received


EXPIRED = datetime.now(UTC) - timedelta(days=1)
CERTIFICATES: dict[str, trustme.LeafCert] = {
    "unknown authority": trustme.CA().issue_cert("127.0.0.1"),
    "another host": AUTHORITY.issue_cert("ece.example.com"),
    "expired": AUTHORITY.issue_cert("127.0.0.1", not_after=EXPIRED),
    "a common name alone": AUTHORITY.issue_cert("localhost", common_name="127.0.0.1"),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
async def test_a_certificate_that_proves_nothing_is_shown_no_password(kind: str) -> None:
    """Neither by the login nor by a request; the error names what is wrong with it."""
    async with Rogue(tls=server_side(CERTIFICATES[kind])) as server:
        error = await refused_open(server.url, ManualClock(), ssl=client_side())
        assert type(error) is TransportError
        assert "certificate" in str(error).lower()
        assert server.received == []


async def test_a_certificate_that_changes_to_a_bad_one_gets_no_token() -> None:
    """A machine in the middle that comes later sees neither token nor password."""
    good = AUTHORITY.issue_cert("127.0.0.1")
    async with Rogue(tls=server_side(good)) as server:
        clock = ManualClock()
        cloud = CloudSession(
            server.url,
            Password("admin", PASSWORD),
            clock=clock,
            ssl=client_side(),
            connector=aiohttp.TCPConnector(force_close=True),
            auth_connector=aiohttp.TCPConnector(force_close=True),
        )
        await clock.drive(cloud.open())
        async with cloud.get("/y") as response:
            assert response.status == 200
        before = len(server.received)
        server._server.close()
        port = int(server.url.rsplit(":", 1)[1])
        async with await asyncio.start_server(
            server._serve, "127.0.0.1", port, ssl=server_side(CERTIFICATES["unknown authority"])
        ):
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await cloud.get("/y")
            with pytest.raises(TransportError):
                await clock.drive(cloud.refresh())
            assert cloud.token is not None
            await clock.drive(cloud.close())
        assert len(server.received) == before


async def test_close_leaves_no_connection_to_a_peer_that_never_ends_tls() -> None:
    """A peer that takes no notice of `close_notify` holds nothing open here."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        connection, _ = listener.accept()
        connection.settimeout(5)
        context = server_side(AUTHORITY.issue_cert("127.0.0.1"))
        with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True) as tls:
            said = b""
            for answer in (http(token_body()), http(b"{}")):
                while b"\r\n\r\n" not in said or said.endswith(b"\r\n\r\n{"):
                    said += tls.recv(65_536)
                if b"_login" in said and not said.endswith(b"}"):
                    tls.recv(65_536)
                tls.sendall(answer)
                said = b""
            raw = socket.socket(fileno=tls.detach())  # from here on TLS goes unanswered
        with raw, suppress(OSError):
            raw.settimeout(3)
            while raw.recv(65_536):
                pass
            ended.set()

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    cloud = CloudSession(url, Password("admin", PASSWORD), ssl=client_side())
    await cloud.open()
    await cloud.close()
    assert await asyncio.to_thread(ended.wait, 2)
    await asyncio.to_thread(thread.join)
    listener.close()


def session(server: Rogue, credentials: Credentials = PLANTED, **options: Any) -> CloudSession:
    """Make a session in a hurry."""
    return CloudSession(server.url, credentials, policy=QUICK, **options)


# -- answers out of step -------------------------------------------------------------------


def once(answer: bytes, *, then: Misdeed | None = None) -> Misdeed:
    """Answer the first request like this, then go on as told; all others are answered well."""
    answered = False

    async def does(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        if answered:
            writer.write(http(b"{}"))
            return
        answered = True
        writer.write(answer)
        await writer.drain()
        if callable(then):
            await then(request, writer)

    return does


@pytest.mark.parametrize("then", [None, silence], ids=["closes", "stays"])
async def test_a_refusal_before_the_body_was_sent_is_followed_by_the_whole_body(
    then: Misdeed | None,
) -> None:
    """The server reads none of 20 MB, whether or not it keeps the connection."""
    size = 20_000_000
    refused = once(http(refusal("root.unauthorized"), status=401), then=then)
    async with Rogue({"/x": refused}, early=("/x",)) as server, session(server) as cloud:
        # From the login on the body is read, too.
        cloud.subscribe(lambda _: setattr(server, "early", ()))
        async with asyncio.timeout(5), cloud.post("/x", data=BytesIO(bytes(size))) as response:
            assert response.status == 200
        assert [len(request.body) for request in server.to("/x")] == [0, size]
        assert len(server.to(LOGIN)) == 2
        await cloud.get("/y")


@pytest.mark.parametrize("status", [200, 500])
async def test_any_other_answer_before_the_body_was_sent_is_the_answer(status: int) -> None:
    """Nothing is sent again, and the next request finds a connection that is in step."""
    does = once(http(refusal("a.b"), status=status), then=silence)
    async with Rogue({"/x": does}, early=("/x",)) as server, session(server) as cloud:
        body = BytesIO(bytes(20_000_000))
        async with (
            asyncio.timeout(5),
            cloud.post("/x", data=body, raise_for_status=False) as response,
        ):
            assert response.status == status
        assert len(server.to("/x")) == 1
        async with cloud.get("/y") as response:
            assert response.status == 200


async def test_a_login_answered_before_its_body_was_read_is_a_login() -> None:
    """The answer counts, not the order."""
    credentials = Password("admin", "p" * 300_000)
    async with Rogue(early=(LOGIN,)) as server, session(server, credentials) as cloud:
        await cloud.get("/y")


class ByteByByte(Rogue):
    """Sends each answer one byte at a time."""

    def _good(self, request: Request) -> bytes:
        self.misdeeds.setdefault("", self._dribble)
        return super()._good(request)

    async def _dribble(self, request: Request, writer: asyncio.StreamWriter) -> None:
        for byte in super()._good(request):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)


async def test_answers_that_arrive_byte_by_byte_are_answers() -> None:
    """TCP keeps no boundaries."""
    async with ByteByByte() as server, session(server) as cloud:
        await cloud.refresh()
        async with cloud.get("/y") as response:
            assert await response.json() == {}


class Forgetful(Rogue):
    """Closes every connection after one answer, and never says that it will."""

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await super()._answered(reader, writer)
        return False


async def test_a_server_that_closes_each_connection_unannounced_is_got_along_with() -> None:
    """LESSONS: one network error ends renewal for good. None is even seen."""
    failures: list[object] = []

    def note(record: Event) -> None:
        if isinstance(record, RenewalFailed):
            failures.append(record)

    async with Forgetful() as server:
        async with session(server, on_event=note) as cloud:
            for _ in range(20):
                await cloud.refresh()
                async with cloud.get("/y") as response:
                    assert response.status == 200
        assert failures == []
        assert server.issued == 21
        assert len(server.to(LOGOUT)) == 1
