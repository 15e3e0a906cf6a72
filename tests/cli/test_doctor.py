"""The doctor: a line a step, ok or what to do, and the status of the first failure."""

from __future__ import annotations

import gc
import json
import socket
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import trustme

from aiocloudauth._cli.main import main
from aiocloudauth.testing import Fault, Html, Silence, Status
from tests.cli.running import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

# Of a port that gives no answer, what has begun to close ends with the command's loop.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(autouse=True)
def half_closed_connections_are_collected() -> Iterator[None]:
    """Here, where nobody minds the warnings."""
    yield
    gc.collect()


def examined(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict[str, Any]]:
    """Run the doctor; return its status and what it found, by check."""
    status = main(["doctor", "--json", "--timeout", "0.5", *argv])
    return status, {one["check"]: one for one in json.loads(capsys.readouterr().out)}


def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """Every step has its line, for people, from the name to the renewal."""
    with serving(tls=True) as server:
        assert main(["doctor", "--host", server.url, "--ca-file", server.ca_file]) == 0
        assert (server.stats.refreshes, server.stats.logouts) == (1, 1)
    lines = capsys.readouterr().out.splitlines()
    checks = [line.split()[1].rstrip(":") for line in lines]
    assert checks == [
        "versions",
        "proxy",
        "name",
        "port",
        "TLS",
        "API",
        "clock",
        "login",
        "renewal",
        "expiry",
    ]
    assert {line.split()[0] for line in lines} == {"ok"}


def test_what_is_odd_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Proxies that are not used, a password that others can read, clocks apart, no check of TLS."""
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    secret = tmp_path / "pass"
    secret.write_text("secret")
    secret.chmod(0o644)
    argv = ["--password-file", str(secret), "--insecure", "--user", "admin"]
    with serving(tls=True, clock_skew=300.0) as server:
        status, found = examined(capsys, "--host", server.url, *argv)
    assert status == 0
    warned = {name for name, one in found.items() if one["result"] == "warning"}
    assert warned == {"proxy", "files", "TLS", "clock"}
    assert "HTTPS_PROXY set" in found["proxy"]["told"]
    assert "chmod 600" in found["files"]["told"]
    assert "this machine's is 5 min behind" in found["clock"]["told"]


def test_a_certificate_that_is_not_trusted_comes_with_its_fingerprint(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """How to fetch it, what to compare, how to trust it; or that the file of trust is none."""
    with serving(tls=sending_all(trustme.CA(), tmp_path)) as server:
        status, found = examined(capsys, "--host", server.url)
        assert status == 8
        told = found["TLS"]["told"]
        assert "SHA-256 fingerprint of the first one is " in told
        assert "openssl s_client -connect 127.0.0.1:" in told
        assert "--ca-file ca.pem" in told
        assert "API" not in found
        # What is sent last is what the advice has one save.
        trusted = ["--host", server.url, "--ca-file", str(tmp_path / "last.pem")]
        assert examined(capsys, *trusted)[1]["TLS"]["result"] == "ok"
        (tmp_path / "ca.pem").write_text("none")
        status, found = examined(
            capsys, "--host", server.url, "--ca-file", str(tmp_path / "ca.pem")
        )
        assert (status, found["TLS"]["result"]) == (8, "FAILED")


def sending_all(authority: trustme.CA, folder: Path, **options: Any) -> ssl.SSLContext:
    """Return a server's side that sends its authority too, which is kept as ``last.pem``."""
    issued = authority.issue_cert("127.0.0.1", **options)
    authority.cert_pem.write_to_path(folder / "last.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "chain.pem")
    authority.cert_pem.write_to_path(folder / "chain.pem", append=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "chain.pem")
    return context


@pytest.mark.parametrize(
    ("years", "host", "told"),
    [
        ((2020, 2021), "127.0.0.1", "has to renew it"),
        ((2020, 2999), "localhost", "is the host right? The certificate is for another name"),
        (None, "127.0.0.1", "for the certificate of its authority, and give --ca-file FILE"),
    ],
    ids=["expired", "another name", "the authority is not sent"],
)
def test_what_is_wrong_with_a_certificate_has_its_own_remedy(
    years: tuple[int, int] | None,
    host: str,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """To fetch and trust it would help none of these."""
    tls: ssl.SSLContext | bool = True
    argv = []
    if years is not None:
        first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in years)
        tls = sending_all(trustme.CA(), tmp_path, not_before=first, not_after=last)
        argv = ["--ca-file", str(tmp_path / "last.pem")]
    with serving(tls=tls) as server:
        url = server.url.replace("127.0.0.1", host)
        status, found = examined(capsys, "--host", url, *argv)
    assert status == 8
    assert told in found["TLS"]["told"]
    assert "openssl" not in found["TLS"]["told"]


def test_a_host_that_drops_packets_and_a_port_that_is_neither(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A firewall; and a port that speaks another language altogether."""
    secret = tmp_path / "pass"
    secret.write_text("secret")
    secret.chmod(0o600)
    argv = ["--user", "admin", "--password-file", str(secret)]
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        status, found = examined(capsys, "--host", url, *argv)
        assert status == 8
        assert found["files"]["result"] == "ok"
        assert found["TLS"]["told"].endswith(" speaks no TLS")

    async def dropped(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("asyncio.open_connection", dropped)
    status, found = examined(capsys, "--host", url)
    assert status == 124
    assert "gives no answer within 0.5 s: a firewall?" in found["port"]["told"]


def test_http_and_https_confused(capsys: pytest.CaptureFixture[str]) -> None:
    """Either way it says what to write."""
    with serving(tls=True) as server:
        status, found = examined(capsys, "--host", server.url.replace("https", "http"))
        assert status == 8
        assert f"write {server.url}" in found["API"]["told"]
    with serving() as server:
        status, found = examined(capsys, "--host", server.url.replace("http", "https"))
        assert status == 8
        assert f"write {server.url}" in found["TLS"]["told"]


def test_neither_name_nor_port(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step that fails is the last."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        status, found = examined(capsys, "--host", f"http://127.0.0.1:{bound.getsockname()[1]}")
    assert status == 8
    assert "takes no connection" in found["port"]["told"]

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    status, found = examined(capsys, "--host", "https://ece.example.com")
    assert status == 8
    assert "ece.example.com cannot be resolved: no such name" in found["name"]["told"]
    assert "port" not in found


@pytest.mark.parametrize(
    ("fault", "check", "expected", "told"),
    [
        (Fault("/users/auth/methods", Html(200)), "API", 1, "is not ECE's API"),
        (Fault("/users/auth/methods", Silence()), "API", 8, "no answer in HTTP"),
        (Fault("_login", Status(401, "root.unauthenticated")), "login", 4, "check user"),
        (Fault("_refresh", Status(502)), "renewal", 9, "try again"),
    ],
    ids=["html", "silent", "login", "renewal"],
)
def test_what_the_api_fails_at(
    fault: Fault, check: str, expected: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The step is named, and what follows from it is left out."""
    with serving(faults=[fault]) as server:
        status, found = examined(capsys, "--host", server.url)
    assert status == expected
    assert (list(found)[-1], found[check]["result"]) == (check, "FAILED")
    assert told in found[check]["told"]


def test_a_port_of_https_that_speaks_no_http(capsys: pytest.CaptureFixture[str]) -> None:
    """The certificate is in order, and then nothing comes."""
    with serving(tls=True, faults=[Fault("/users/auth/methods", Silence())]) as server:
        argv = ["--host", server.url, "--ca-file", server.ca_file, "--timeout", "2"]
        status, found = examined(capsys, *argv)
    assert (status, found["TLS"]["result"]) == (8, "ok")
    assert "is this the port of the API?" in found["API"]["told"]


def test_a_key_is_not_renewed_and_a_server_may_tell_no_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be checked is said to be so."""
    monkeypatch.setenv("EC_API_KEY", "a-key")
    with serving(send_date=False) as server:
        status, found = examined(capsys, "--host", server.url)
    assert status == 0
    assert found["clock"]["result"] == "warning"
    assert found["renewal"]["told"] == "a key is not renewed"
    assert found["expiry"]["told"] == "unknown"
