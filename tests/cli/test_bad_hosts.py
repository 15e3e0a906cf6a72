"""What cannot work is answered with one line: the host, the cause, what to do; and a status."""

from __future__ import annotations

import json
import socket

import pytest

from aiocloudauth._cli.main import main
from aiocloudauth.testing import Body, Effect, Html, Silence, Status
from tests.cli.running import serving


def failed(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    """Run a command that fails; return its status and its one line."""
    status = main(argv)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("aiocloudauth: error: ")
    assert err.count("\n") == 1
    assert "secret" not in err
    return status, err.strip()


def test_a_name_that_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 8, with the name."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    status, line = failed(capsys, "token", "--host", "https://ece.example.com:12443")
    assert status == 8
    assert "ece.example.com" in line
    assert "cannot be resolved" in line
    assert "host and port right?" in line


def test_a_port_where_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 8 at once: one attempt, and no second."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        status, line = failed(capsys, "token", "--host", f"http://127.0.0.1:{port}")
    assert status == 8
    assert f"no connection to 127.0.0.1:{port}: Connection refused; " in line
    assert "host and port right?" in line


def test_http_on_an_https_port_and_the_reverse(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 8, with the URL to write instead."""
    with serving(tls=True) as server:
        plain = server.url.replace("https", "http")
        status, line = failed(capsys, "token", "--host", plain)
        assert status == 8
        assert f"write {server.url}; aiocloudauth doctor says more" in line
    with serving() as server:
        status, line = failed(capsys, "token", "--host", server.url.replace("http", "https"))
        assert status == 8
        assert "Write http:// into the URL" in line
        assert "--ca-file" not in line


def test_a_certificate_that_is_not_trusted(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 8; with its authority it is fine."""
    with serving(tls=True) as server:
        status, line = failed(capsys, "token", "--host", server.url)
        assert status == 8
        assert "is not trusted" in line
        assert "--ca-file" in line
        assert main(["token", "--host", server.url, "--ca-file", server.ca_file]) == 0
        capsys.readouterr()
        assert main(["token", "--host", server.url, "--insecure"]) == 0


@pytest.mark.parametrize(
    ("effect", "expected", "told"),
    [
        (Status(401, "root.unauthenticated"), 4, "check user and password"),
        (Status(403, "root.unauthorized.rbac"), 5, "a role"),
        (Html(200), 9, "a page of HTML or XML: does the URL lead to the API's root?"),
        (Html(502), 9, "does the URL lead to ECE?"),
        (Body('{"hello": "world"}'), 9, "scheme, port and path"),
        (Status(501, "authc.no_authentication_cluster"), 9, "has to set one up"),
        (Silence(), 124, "no answer within 1 s"),
    ],
    ids=["password", "locked", "html", "gateway", "not an ECE", "no cluster", "silent"],
)
def test_answers_that_are_none(
    effect: Effect, expected: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One login, and one line."""
    patience = "1" if isinstance(effect, Silence) else "60"
    with serving() as server:
        server.fail_next("_login", effect)
        status, line = failed(capsys, "token", "--host", server.url, "--timeout", patience)
        assert server.stats.login_attempts == 1
    assert status == expected
    assert server.url.removeprefix("http://") in line
    assert told in line


def test_a_path_that_is_none_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 6, with the API root that was made of the URL."""
    with serving() as server:
        status, line = failed(capsys, "token", "--host", f"{server.url}/console")
    assert status == 6
    assert f"{server.url}/console/" in line


def test_where_json_was_asked_for_an_error_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With what a program wants to know of it."""
    with serving() as server:
        server.fail_next("_login", Status(401, "root.unauthenticated"))
        assert main(["status", "--json", "--host", server.url]) == 4
    told = json.loads(capsys.readouterr().err)
    assert told["error"] == "UnauthenticatedError"
    assert told["exit_code"] == 4
    assert told["codes"] == ["root.unauthenticated"]
    assert told["retryable"] is False


def test_debug_shows_where_an_error_is_from_and_no_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A traceback and the log, before the line."""
    with serving() as server:
        server.fail_next("_login", Status(401, "root.unauthenticated"))
        assert main(["token", "--debug", "--host", server.url]) == 4
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "login failed: POST http://" in err
    assert "secret" not in err


def test_a_command_gives_up_after_four_seconds_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """That leaves a second for the start of the program."""
    with pytest.raises(SystemExit):
        main(["token", "--help"])
    assert "until it gives up (4)" in " ".join(capsys.readouterr().out.split())
