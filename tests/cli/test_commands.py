"""The commands over real sockets: what they print, and what they send."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import CloudSession
from aiocloudauth._cli.main import main
from aiocloudauth.testing import Body, Silence, Status
from aiocloudauth.testing.__main__ import PORT
from tests.cli.running import serving

if TYPE_CHECKING:
    from pathlib import Path


# -- token --------------------------------------------------------------------------------


def test_a_token_is_printed_and_stays_good(capsys: pytest.CaptureFixture[str]) -> None:
    """As it is, as JSON with its end, and for curl; one login each, and no logout."""
    with serving() as server:
        printed = {}
        for kind in ("raw", "json", "curl", "header-file"):
            assert main(["token", "--format", kind, "--host", server.url]) == 0
            printed[kind] = capsys.readouterr().out
        assert (server.stats.logins, server.stats.logouts) == (4, 0)
        told = json.loads(printed["json"])
        assert isinstance(told["expires_at"], int)
        assert told["session_expiration_time"].endswith("Z")
        assert told["authorization"] == f"Bearer {told['token']}"
        assert told["host"] == server.url
        raw = printed["raw"]
        assert raw.count("\n") == 1
        assert printed["curl"].startswith('header = "Authorization: Bearer ')
        assert printed["header-file"].startswith("Authorization: Bearer ")
        assert server.revoke(raw.strip())  # which says that it still was good


def test_curl_is_told_the_authority_too(capsys: pytest.CaptureFixture[str]) -> None:
    """`curl -K -` needs nothing else."""
    with serving(tls=True) as server:
        argv = ["token", "--format", "curl", "--host", server.url, "--ca-file", server.ca_file]
        assert main(argv) == 0
        assert f'cacert = "{server.ca_file}"' in capsys.readouterr().out


def test_a_token_that_ends_too_soon_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A job of an hour is not begun with a token of a minute."""
    with serving(token_lifetime=60.0) as server:
        assert main(["token", "--min-ttl", "30s", "--host", server.url]) == 0
        capsys.readouterr()
        assert main(["token", "--min-ttl", "5m", "--host", server.url]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "which is less than --min-ttl" in err
    assert server.stats.refreshes == 0


def test_a_token_that_may_not_be_sent_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended before it could be."""
    monkeypatch.setattr(CloudSession, "token", None)
    with serving() as server:
        assert main(["token", "--host", server.url]) == 4
    assert "gave no token that may be sent" in capsys.readouterr().err


# -- request ------------------------------------------------------------------------------


def test_a_request_prints_the_answer_as_it_came(
    capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    """With a body from the command line or a file; the session is logged out behind it."""
    (tmp_path / "body").write_bytes(b'{"a": 1}')
    with serving() as server:
        server.fail_next("/x", Body("\u20ac\0"))
        assert main(["request", "GET", "/x", "--host", server.url]) == 0
        assert capsysbinary.readouterr().out == "\u20ac\0".encode()
        for data in (f"@{tmp_path}/body", '{"a": 1}'):
            assert main(["request", "post", "/x", "-d", data, "--host", server.url]) == 0
            arrival = server.log.to("/x", method="POST")[-1]
            assert arrival.body == b'{"a": 1}'
            assert arrival.headers["Content-Type"] == "application/json"
        assert server.stats.logouts == 3


def test_on_a_terminal_an_answer_ends_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prompt begins a line of its own."""

    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    with serving() as server, Terminal(io.BytesIO()) as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        for body in ("{}", "{}\n"):
            server.fail_next("/x", Body(body))
            assert main(["request", "GET", "/x", "--host", server.url]) == 0
        assert isinstance(terminal.buffer, io.BytesIO)
        assert terminal.buffer.getvalue() == b"{}\n{}\n"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Status(404, "deployments.deployment_not_found_error"), 6),
        (Status(400, "deployments.bad"), 7),
        (Silence(), 124),
    ],
    ids=["not found", "bad", "silent"],
)
def test_a_request_that_fails(
    fault: Status | Silence, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, with the URL; also where aiohttp raised."""
    with serving() as server:
        server.fail_next("/x", fault)
        argv = ["request", "GET", "/x", "--host", server.url, "--timeout", "0.3"]
        assert main(argv) == status
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)


def test_a_watch_whose_login_gets_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """One attempt, and the error says how long it was waited for."""
    with serving() as server:
        server.fail_next("_login", Silence())
        assert main(["watch", "--host", server.url, "--timeout", "0.3"]) == 124
    err = capsys.readouterr().err
    assert "_login" in err
    assert "within 0.3 s" in err
    assert err.count("\n") == 1


def test_a_body_is_sent_as_the_bytes_that_were_typed() -> None:
    """Also those that are no UTF-8, as a shell hands them on."""
    with serving() as server:
        argv = ["request", "PUT", "/x", "-d", os.fsdecode(b"\xc3\xbc \xff")]
        assert main([*argv, "--host", server.url]) == 0
        assert server.log.to("/x")[-1].body == b"\xc3\xbc \xff"


def test_a_body_that_cannot_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing is sent."""
    with serving() as server:
        argv = ["request", "PUT", "/x", "-d", f"@{tmp_path}/none", "--host", server.url]
        assert main(argv) == 3
        assert server.stats.login_attempts == 0
    assert "cannot be read: No such file" in capsys.readouterr().err


# -- call ---------------------------------------------------------------------------------


def test_a_call_takes_values_as_json_and_prints_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Elastic's name or Python's; a body from a file."""
    (tmp_path / "body.json").write_text('{"size": 3}')
    with serving() as server:
        assert main(["call", "search-deployments", "--host", server.url]) == 0
        assert json.loads(capsys.readouterr().out)["deployments"] == []
        argv = ["call", "search_deployments", f"body=@{tmp_path}/body.json"]
        assert main([*argv, "--host", server.url]) == 0
        assert json.loads(server.log.to("/deployments/_search")[-1].body) == {"size": 3}


def test_a_call_that_gives_bytes_prints_them_as_they_are(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A bundle of diagnostics is a zip file."""
    with serving() as server:
        bundle = Body(b"PK\0\xff", content_type="application/zip")
        server.fail_next("/deployments", bundle)
        assert main(["call", "list-deployments", "--host", server.url]) == 0
    assert capsysbinary.readouterr().out == b"PK\0\xff"


def test_an_answer_is_printed_whatever_the_terminal_can_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As UTF-8, which JSON is written in; half of a surrogate pair stays escaped."""
    answer = {"name": "\u00fc \ud800"}
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with serving() as server:
        server.fail_next("/deployments", Body(json.dumps(answer).encode()))
        monkeypatch.setattr(sys, "stdout", out)
        assert main(["call", "list-deployments", "--host", server.url]) == 0
    written = out.buffer.getvalue()
    assert "\u00fc".encode() in written
    assert json.loads(written) == answer


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["get-deploymnt", "deployment_id=abc"], "did you mean get_deployment"),
        (["get-deployment", "x=1"], "has no argument 'x'"),
        (["get-deployment", "deployment_id=1"], "deployment_id"),
        (["get-deployment", "deployment_id"], "'deployment_id' is not NAME=VALUE"),
        (["get-deployment", "deployment_id=@/nowhere"], "/nowhere cannot be read"),
        (["search-deployments", "body=@/dev/null"], "what body is read from is not JSON"),
        (["login"], "call cloud.login()"),
    ],
    ids=" ".join,
)
def test_a_call_that_cannot_work_sends_nothing(
    values: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what is wrong, and what is near."""
    with serving() as server:
        assert main(["call", *values, "--host", server.url]) == 3
        assert server.stats.login_attempts == 0
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told in err


# -- status -------------------------------------------------------------------------------


def test_status_tells_who_and_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for programs."""
    with serving(token_lifetime=1200.0) as server:
        assert main(["status", "--json", "--host", server.url]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["host"], told["user"], told["state"]) == (server.url, "admin", "active")
        assert 1190 <= told["seconds_left"] <= 1200
        assert main(["status", "--host", server.url]) == 0
        assert "session  active, ends in 20 min, at 2" in capsys.readouterr().out


# -- serve --------------------------------------------------------------------------------


def test_serve_runs_a_command_with_its_settings_and_ends_with_its_status(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One terminal: server, settings, program; and what was asked stands in the access log."""
    program = (
        "import json, os, sys, urllib.request as u; "
        "print(os.environ['EC_USER'], 'EC_API_KEY' in os.environ); "
        "e = os.environ; "
        "b = json.dumps({'username': e['EC_USER'], 'password': e['EC_PASS']}).encode(); "
        "h = {'Content-Type': 'application/json'}; "
        "u.urlopen(u.Request(e['EC_HOST'] + '/api/v1/users/auth/_login', b, h)).read(); "
        "print(json.load(u.urlopen(e['EC_STATS']))['logins']); sys.exit(7)"
    )
    argv = ["serve", "--port", "0", "--stats", "--user", "ann:pw", "--", sys.executable]
    os.environ["EC_API_KEY"] = "another's"
    try:
        assert main([*argv, "-c", program]) == 7
    finally:
        del os.environ["EC_API_KEY"]
    out, err = capfd.readouterr()
    assert out == "ann False\n1\n"
    assert " 200 POST /api/v1/users/auth/_login ann" in err


def test_around_a_command_it_serves_on_a_free_port(capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody has to know it, and two terminals may do so at once."""
    with socket.socket() as taken:
        with suppress(OSError):  # or somebody else has it
            taken.bind(("127.0.0.1", PORT))
            taken.listen()
        argv = ["serve", "--quiet", "--", sys.executable, "-c"]
        assert main([*argv, "import os; print(os.environ['EC_HOST'])"]) == 0
        assert main(["serve"]) == 3
    out, err = capfd.readouterr()
    assert out.startswith("http://127.0.0.1:")
    assert f":{PORT}" not in out
    assert f"cannot listen on 127.0.0.1:{PORT}" in err


def test_a_command_around_which_it_serves_ends_as_signals_end_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As a shell tells it: 128 and the signal's number; its authority is in the environment."""
    program = "import os, signal; open(os.environ['EC_CA_FILE']); os.kill(os.getpid(), 15)"
    argv = ["serve", "--port", "0", "--tls", "--quiet", "--", sys.executable, "-c", program]
    assert main(argv) == 143
    assert capfd.readouterr() == ("", "")


def test_serve_says_what_it_cannot_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A command, or a file of faults, that is not there; a port that is taken."""
    assert main(["serve", "--port", "0", "--", "no-such-command"]) == 3
    assert "no-such-command cannot be run" in capsys.readouterr().err
    assert main(["serve", "--faults", str(tmp_path / "none.json")]) == 3
    assert "none.json cannot be read" in capsys.readouterr().err
    with serving() as server:
        assert main(["serve", "--port", server.url.rpartition(":")[2]]) == 3
    assert "cannot listen on 127.0.0.1:" in capsys.readouterr().err


# -- the way out --------------------------------------------------------------------------


def test_a_closed_pipe_is_silence_and_success(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`aiocloudauth request ... | head -1` is no failure."""
    for argv in (["request", "GET", "/x"], ["token"], ["doctor"]):
        reading, writing = os.pipe()
        os.close(reading)
        with serving() as server, os.fdopen(writing, "w") as out, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            assert main([*argv, "--host", server.url]) == 0
    assert capfd.readouterr() == ("", "")


def test_output_that_is_closed_from_the_start_is_silence_and_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As by `>&-`, where Python has no stream at all."""
    with serving() as server, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        assert main(["token", "--host", server.url]) == 0
        sys.stdout.close()
        patch.setattr(sys, "stdout", None)
        patch.setattr(sys, "stderr", None)
        assert main(["token", "--host", "ftp://x"]) == 3
        sys.stdout.close()
        sys.stderr.close()


def test_input_that_is_closed_from_the_start_is_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As by `<&-`: no password can be asked for then."""
    monkeypatch.delenv("EC_PASS", raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", None)
        assert main(["token", "--host", "https://ece.example.com", "--user", "admin"]) == 3
        sys.stdin.close()
    assert "--password-file" in capsys.readouterr().err


def test_an_interrupt_ends_a_command_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As shells expect."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aiocloudauth._cli.settings.read_settings", interrupted)
    assert main(["token"]) == 130
    assert capsys.readouterr().err == "aiocloudauth: interrupted\n"
