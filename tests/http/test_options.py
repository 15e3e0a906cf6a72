"""What a session is given: TLS, header fields, connectors, and the netrc file."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from aiocloudauth import CloudSession, ConfigurationError, Password, TLSError, TokenRefresher
from aiocloudauth._http.options import discard, netrc_authorization, shared_headers, tls
from aiocloudauth.testing import CloudServer
from tests.http.clients import basic, session

HOST = "https://ece.example.com:12443"
ADMIN = Password("admin", "secret")


# -- TLS -----------------------------------------------------------------------------------


def test_every_kind_of_tls_option_is_taken(tmp_path: Path) -> None:
    """Those of aiohttp as they are, a CA file as a context that checks names and certificates."""
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    context = ssl.create_default_context()
    for kind in (True, False, context, aiohttp.Fingerprint(b"0" * 32)):
        assert tls(kind) is kind
    for path in (authority, str(authority)):
        made = tls(path)
        assert isinstance(made, ssl.SSLContext)
        assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert len(made.get_ca_certs()) == 1


@pytest.mark.parametrize("option", [None, 1, b"ca.pem", ["ca.pem"]])
def test_another_kind_of_tls_option_is_refused(option: Any) -> None:  # noqa: ANN401 - that it is none is the claim
    """Nothing is silently taken for "do not check"."""
    with pytest.raises(ConfigurationError, match=type(option).__name__):
        tls(option)


def test_a_ca_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """Missing, empty, no certificate, or no path at all."""
    (tmp_path / "empty.pem").touch()
    (tmp_path / "words.pem").write_text("no certificate")
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem", tmp_path / "words.pem", ""):
        with pytest.raises(ConfigurationError, match="CA file"):
            tls(path)


@pytest.mark.parametrize("connector", [False, True], ids=["own connector", "a caller's"])
async def test_ssl_holds_for_requests_renewals_and_websockets_alike(*, connector: bool) -> None:
    """Also beside a caller's connector, whose own context says nothing about renewals."""
    async with CloudServer(tls=True) as server:
        for option in (server.ca_file, Path(server.ca_file), False):
            options: dict[str, Any] = {"ssl": option}
            if connector:
                options["connector"] = aiohttp.TCPConnector()
            async with session(server, **options) as cloud:
                server.revoke_all()
                async with cloud.post("/x", data=b"whole") as response:
                    assert response.status == 200
                async with cloud.ws_connect("/ws") as websocket:
                    await websocket.send_str("hello")
                    assert await websocket.receive_str() == "hello"
        attempts = server.stats.login_attempts
        context = ssl.create_default_context(cafile=server.ca_file)
        cloud = session(server, connector=aiohttp.TCPConnector(ssl=context))
        with pytest.raises(TLSError, match=r"ssl= .*auth_connector="):
            await cloud.open()
        await cloud.close()
        assert server.stats.login_attempts == attempts


async def test_ssl_of_one_call_is_that_calls_alone() -> None:
    """A call may say otherwise; the next one, and the renewals, do not hear of it."""
    untrusted = ssl.create_default_context()
    async with CloudServer(tls=True) as server, session(server, ssl=server.ca_file) as cloud:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await cloud.get("/x", ssl=untrusted)
        async with cloud.get("/x") as response:
            assert response.status == 200


# -- header fields and limits --------------------------------------------------------------


def test_what_the_authentication_calls_take_over_of_a_sessions_fields() -> None:
    """Not what is for its API calls alone: credentials, cookies, and what tells of a body."""
    fields = [
        ("X-Key", "k"),
        ("authorization", "Basic x"),
        ("COOKIE", "a=b"),
        ("Content-Type", "text/plain"),
        ("content-encoding", "gzip"),
        ("Transfer-Encoding", "chunked"),
        ("Expect", "100-continue"),
        ("X-Key", "l"),
    ]
    assert list(shared_headers(fields).items()) == [("X-Key", "k"), ("X-Key", "l")]
    assert list(shared_headers(None)) == []


@pytest.mark.parametrize(
    "headers",
    [7, "X", [("X",)], {"X": 1}, {"X": "a\r\nY: b"}, {"X\n": "a"}, {"X": "\ud800"}],
    ids=["a number", "text", "a single", "no text", "two lines", "a name of two lines", "half"],
)
def test_header_fields_that_cannot_be_written_are_refused(headers: Any) -> None:  # noqa: ANN401 - not all are of the type asked for
    """At construction, and not by each renewal."""
    with pytest.raises(ConfigurationError, match="header"):
        TokenRefresher(HOST, ADMIN, headers=headers)


def test_a_limit_that_aiohttp_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """`max_headers` came late."""

    def older(_: object, *, max_field_size: int = 8190) -> None:
        pytest.fail("nothing is made")  # pragma: no cover - as it says

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", older)
    TokenRefresher(HOST, ADMIN, max_field_size=9_000)
    with pytest.raises(ConfigurationError, match="max_headers"):
        TokenRefresher(HOST, ADMIN, max_headers=9)


def test_options_are_known_through_the_wrappers_of_tracers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentry and others replace the constructor; one that takes anything says nothing."""
    real = aiohttp.ClientSession.__init__

    @functools.wraps(real)
    def wrapped(self: aiohttp.ClientSession, *args: Any, **options: Any) -> None:
        real(self, *args, **options)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", wrapped)
    CloudSession(HOST, ADMIN, trust_env=True)
    with pytest.raises(ConfigurationError, match="no option 'timeouts'"):
        CloudSession(HOST, ADMIN, timeouts=3)  # type: ignore[call-arg]  # the mistake itself

    def anything(self: aiohttp.ClientSession, *args: Any, **options: Any) -> None:
        real(self, *args, **options)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", anything)
    CloudSession(HOST, ADMIN, timeouts=3)  # type: ignore[call-arg]  # aiohttp will say it


# -- connectors ----------------------------------------------------------------------------


class Tunnel(aiohttp.TCPConnector):
    """A connector as those of SOCKS proxies are."""


@pytest.mark.parametrize("kind", [Tunnel, aiohttp.UnixConnector])
async def test_a_connector_of_another_class_wants_one_for_the_credentials_too(
    kind: type[aiohttp.BaseConnector],
) -> None:
    """Else the password would go past the tunnel in silence."""
    paths = ("/nowhere",) if kind is aiohttp.UnixConnector else ()
    connector, other = kind(*paths), kind(*paths)
    with pytest.raises(ConfigurationError, match=f"{kind.__name__}.*auth_connector="):
        CloudSession(HOST, ADMIN, connector=connector)
    with pytest.raises(ConfigurationError, match="another than connector"):
        CloudSession(HOST, ADMIN, connector=connector, auth_connector=connector)
    CloudSession(HOST, ADMIN, connector=connector, auth_connector=other)
    for one in (connector, other):
        await one.close()


async def test_a_session_that_nobody_used_leaves_nothing_but_the_callers_connector() -> None:
    """It is closed with the connector that it made itself."""
    made = aiohttp.ClientSession()
    connector = made.connector
    assert connector is not None
    await discard(made, None)
    assert connector.closed
    async with aiohttp.TCPConnector() as given:
        await discard(aiohttp.ClientSession(connector=given), given)
        assert not given.closed


# -- netrc ---------------------------------------------------------------------------------


async def test_the_netrc_entry_of_a_host_is_read_as_aiohttp_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From `NETRC`, else the home's, whatever its permissions; a bad one counts as none."""
    bob = basic("bob", "builder")
    text = "machine here login bob password builder\nmachine there account bob password builder\n"
    text += "machine abroad login bob password \u20ac\u00e4\n"
    (tmp_path / ".netrc").write_text(text)
    (tmp_path / ".netrc").chmod(0o644)
    (tmp_path / "odd").write_text("machine")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    assert await netrc_authorization("here") == bob
    assert await netrc_authorization("there") == bob
    assert await netrc_authorization("abroad") == "Basic Ym9iOj/k"  # latin-1: ?ä
    assert await netrc_authorization("nowhere") is None
    for name in ("odd", "missing"):
        monkeypatch.setenv("NETRC", str(tmp_path / name))
        assert await netrc_authorization("here") is None
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert await netrc_authorization("here") == bob
