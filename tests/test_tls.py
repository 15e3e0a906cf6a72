"""`ssl=`: for requests and renewals alike, also beside a caller's connector."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import trustme
from yarl import URL

from aiocloudauth import (
    CloudSession,
    ConfigurationError,
    Password,
    RenewalPolicy,
    TokenRefresher,
    TransportError,
)
from aiocloudauth._http.options import tls
from aiocloudauth.testing import CloudServer

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = RenewalPolicy(min_interval=0.01, renewal_timeout=0.3)


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), **({"policy": QUICK} | options))


async def certificate_of(server: CloudServer) -> bytes:
    """Fetch the server's certificate, DER."""
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    port = URL(server.url).port
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=unchecked)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    assert isinstance(certificate, bytes)
    return certificate


async def works(server: CloudServer, **options: Any) -> None:
    """Log in, request, be refused and renew, and echo a WebSocket: every kind of connection."""
    async with session(server, **options) as cloud:
        async with cloud.get("/x") as response:
            assert response.status == 200
        server.revoke_all()
        async with cloud.post("/x", data=b"whole") as response:
            assert response.status == 200
        await cloud.refresh()
        async with cloud.ws_connect("/ws") as websocket:
            await websocket.send_str("hello")
            assert await websocket.receive_str() == "hello"


def connectors() -> list[Callable[[], dict[str, Any]]]:
    """Make the options of a session with its own connector, and with one of the caller's."""
    return [dict, lambda: {"connector": aiohttp.TCPConnector()}]


with_and_without = pytest.mark.parametrize(
    "connector", connectors(), ids=["own connector", "the caller's connector"]
)


@with_and_without
async def test_a_ca_file_or_a_context_makes_the_server_trusted(
    connector: Callable[[], dict[str, Any]],
) -> None:
    """A path as `str` or `Path`, or a context that was made elsewhere."""
    async with CloudServer(tls=True) as server:
        context = ssl.create_default_context(cafile=server.ca_file)
        for option in (server.ca_file, Path(server.ca_file), context):
            await works(server, ssl=option, **connector())


@with_and_without
async def test_a_fingerprint_names_the_one_certificate(
    connector: Callable[[], dict[str, Any]],
) -> None:
    """The right one works for every connection, another one for none."""
    async with CloudServer(tls=True) as server:
        digest = hashlib.sha256(await certificate_of(server)).digest()
        await works(server, ssl=aiohttp.Fingerprint(digest), **connector())
        wrong = aiohttp.Fingerprint(bytes(32))
        with pytest.raises(TransportError):
            await session(server, ssl=wrong, **connector()).open()
        assert server.stats.login_attempts == 2


@with_and_without
async def test_false_checks_nothing(connector: Callable[[], dict[str, Any]]) -> None:
    """For whoever says so in as many letters."""
    async with CloudServer(tls=True) as server:
        await works(server, ssl=False, **connector())


@pytest.mark.parametrize("options", [{}, {"ssl": True}], ids=["default", "True"])
async def test_by_default_a_self_signed_certificate_is_refused_before_anything_is_sent(
    options: dict[str, Any],
) -> None:
    """The password does not reach a server that cannot prove who it is."""
    async with CloudServer(tls=True) as server:
        with pytest.raises(TransportError, match=r"[Cc]ertificate") as caught:
            await session(server, **options).open()
        assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorCertificateError)
        assert len(server.log) == 0


async def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    """A trusted authority is not enough: the name has to be the server's."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("ece.example.com").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with CloudServer(tls=context) as server:
        with pytest.raises(TransportError):
            await session(server, ssl=tmp_path / "ca.pem").open()
        assert len(server.log) == 0


async def test_ssl_of_a_call_beats_the_sessions() -> None:
    """It is aiohttp's own keyword, and the narrower word."""
    async with CloudServer(tls=True) as server, session(server, ssl=server.ca_file) as cloud:
        with pytest.raises(aiohttp.ServerFingerprintMismatch):
            await cloud.get("/x", ssl=aiohttp.Fingerprint(bytes(32)))
        with pytest.raises(aiohttp.ServerFingerprintMismatch):
            await cloud.ws_connect("/ws", ssl=aiohttp.Fingerprint(bytes(32)))
        async with cloud.get("/x", ssl=False) as response:
            assert response.status == 200


async def test_transport_errors_of_the_callers_own_calls_stay_aiohttps() -> None:
    """Only a renewal's are ours: the caller's are what they would be without this package."""
    async with CloudServer() as server, session(server) as cloud:
        await server.close()
        with pytest.raises(aiohttp.ClientConnectorError):
            await cloud.get("/x")


async def test_the_refresher_takes_the_same_option() -> None:
    """The headless part, too."""
    async with CloudServer(tls=True) as server:
        credentials = Password("admin", "secret")
        async with TokenRefresher(server.url, credentials, ssl=server.ca_file) as refresher:
            assert refresher.current is not None


@pytest.mark.parametrize("option", [None, 1, 1.0, b"ca.pem", object(), {}], ids=repr)
def test_what_is_no_ssl_option_is_a_clear_error(option: Any) -> None:  # noqa: ANN401 - no option
    """At construction, and with what it should have been."""
    with pytest.raises(ConfigurationError, match="ssl must be True, False"):
        CloudSession("https://ece.example.com", Password("a", "b"), ssl=option)
    with pytest.raises(ConfigurationError, match="ssl must be True, False"):
        TokenRefresher("https://ece.example.com", Password("a", "b"), ssl=option)


def test_a_ca_file_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    """Missing, a directory, no certificate in it, a path that cannot be."""
    empty, text = tmp_path / "empty.pem", tmp_path / "text.pem"
    empty.write_text("")
    text.write_text("no certificate\n")
    for path in (tmp_path / "missing.pem", tmp_path, empty, text, "a\0b", ""):
        with pytest.raises(ConfigurationError, match="CA file") as caught:
            CloudSession("https://ece.example.com", Password("a", "b"), ssl=path)
        assert caught.value.__cause__ is not None or path == ""


def test_what_aiohttp_knows_is_handed_on_as_it_is() -> None:
    """A context may be shared, so it is not copied."""
    context = ssl.create_default_context()
    fingerprint = aiohttp.Fingerprint(bytes(32))
    for option in (True, False, context, fingerprint):
        assert tls(option) is option
