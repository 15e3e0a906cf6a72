"""The command line: what a person at a terminal, a pipe or a script sees of it."""

from __future__ import annotations

import asyncio
import importlib
import io
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aiocloudauth
from aiocloudauth import (
    CloudSession,
    GatewayError,
    LoggedIn,
    LoggedOut,
    Password,
    RenewalFailed,
    SessionLost,
    TransportError,
)
from aiocloudauth._cli.main import main
from aiocloudauth._cli.monitor import Monitor
from aiocloudauth.testing import CloudServer, Fault, Late, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# Not -X dev: on a busy machine asyncio's debug mode reports slow callbacks.
COMMAND = [sys.executable, "-W", "error", "-m", "aiocloudauth"]


class Terminal(io.StringIO):
    """A terminal that keeps what it was sent."""

    def isatty(self) -> bool:
        return True


@contextmanager
def serving(**options: Any) -> Iterator[CloudServer]:
    """Run a server in a thread, since `main` wants this one for its own loop."""
    server = CloudServer(**options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Press Ctrl-C in this process after so long."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing of this machine's own ECE, and the user that a `CloudServer` knows."""
    for name in ("EC_HOST", "EC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EC_USER", "admin")
    monkeypatch.setenv("EC_PASS", "secret")
    return monkeypatch


def numbers(summary: str, pattern: str) -> list[int]:
    """Return the numbers in the one place of `summary` that `pattern` describes."""
    (found,) = re.findall(pattern, summary)
    return [
        int(number.replace(",", "")) for number in ([found] if isinstance(found, str) else found)
    ]


# -- demo ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demonstration() -> str:
    """What a demonstration prints that is long enough for all its turns."""
    with redirect_stdout(io.StringIO()) as out:
        assert main(["demo", "--seconds", "7", "--token-lifetime", "2"]) == 0
    return out.getvalue()


def test_the_demo_fails_no_request_over_renewals_a_revocation_and_a_502(
    demonstration: str,
) -> None:
    """The promise of the package, in seven seconds on real sockets."""
    requests, failed = numbers(demonstration, r"([\d,]+) requests, (\d+) failed;")
    assert requests > 100
    assert failed == 0
    renewals, put_off = numbers(demonstration, r"(\d+) renewals, (\d+) of them put off by a 502")
    assert renewals >= 4
    assert put_off == 1
    refused, replays = numbers(demonstration, r"wire: (\d+); sent again with a new token: (\d+); ")
    assert 1 <= refused == replays <= 16
    assert "seen by callers: none" in demonstration
    for line in (
        r"0\.\d s  logged in, expiry \d\.\d s",
        r"\d s  token 2 after \d+ ms, expiry \d\.\d s",
        r"\d s  renewal failed: 502 authc.authentication_cluster_error; next in \d+ ms",
        r"\d s  requests go on with the token in hand",
        r"3\.\d s  the server revoked every token",
    ):
        assert re.search(line, demonstration), line


def test_the_readme_shows_the_demo_as_it_prints(demonstration: str) -> None:
    """Every line there is one that a demonstration prints, but for the numbers."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(
        r"<!-- demo: printed by make demo -->\n```\n(.*?)```\n<!-- end -->", readme, re.DOTALL
    )

    def shapes(text: str) -> set[str]:
        return {re.sub(r"\d[\d,.]*", "#", line).strip() for line in text.splitlines()}

    assert shapes(shown) <= shapes(demonstration)
    assert " 0 failed;" in shown


def test_away_from_a_terminal_the_demo_writes_a_plain_line_a_second(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What lands in a file or a CI log can be read there."""
    main(["demo", "--seconds", "2.5", "--workers", "1"])
    told = capsys.readouterr().out
    assert "\r" not in told
    assert "\x1b" not in told
    lines = re.findall(
        r"^ +\d\.\d s  [\d,]+ req  [\d,]+/s  0 failed  expiry \d\.\d s  \d renewals?  active$",
        told,
        re.MULTILINE,
    )
    assert len(lines) == 2


def test_on_a_terminal_one_line_is_kept_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture goes back to the margin, clears what stood there, and fits into the row."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["demo", "--seconds", "1.2", "--token-lifetime", "60", "--workers", "1"]) == 0
    told = terminal.getvalue()
    pictures = [text.split("\n")[-1] for text in told.split("\r\x1b[K") if " req  " in text]
    assert 5 <= len(pictures) <= 12
    assert all(len(picture) == 59 for picture in pictures)
    assert told.endswith("seen by callers: none\n")


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor's shell window shows escape sequences as litter."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    main(["demo", "--seconds", "1.2", "--workers", "1"])
    assert "\x1b" not in terminal.getvalue()


def test_the_demo_exits_1_if_a_request_failed_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A demonstration that could not fail would show nothing."""
    broken = partial(CloudServer, faults=[Fault("/deployments", Status(500, "x.broken"), times=1)])
    monkeypatch.setattr("aiocloudauth._cli.demo.CloudServer", broken)
    assert main(["demo", "--seconds", "0.3", "--workers", "1"]) == 1
    told = capsys.readouterr().out
    assert "1 failed" in told
    assert told.endswith("failed: 1 x 500 x.broken\n")


def test_a_401_that_reaches_a_caller_is_counted_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """“Seen by callers: none” is counted, not printed by habit."""
    refusing = Fault("/deployments", Status(401, "root.unauthorized"), times=2)
    monkeypatch.setattr(
        "aiocloudauth._cli.demo.CloudServer", partial(CloudServer, faults=[refusing])
    )
    assert main(["demo", "--seconds", "1.5", "--workers", "1"]) == 1
    assert "seen by callers: 1\n" in capsys.readouterr().out


def test_ctrl_c_ends_the_demo_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    """An interrupt is a way to end it, not an error."""
    with interrupted_after(0.7):
        assert main(["demo", "--workers", "2"]) == 0
    told = capsys.readouterr()
    assert "interrupted" in told.out
    assert "seen by callers: none" in told.out
    assert told.err == ""


def test_ctrl_c_leaves_no_trace_in_the_process_either() -> None:
    """In a process of its own with warnings as errors: no traceback, no unclosed socket."""
    with subprocess.Popen(
        [*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert "interrupted" in out


def test_the_demo_ends_quietly_when_nobody_reads_on() -> None:
    """`aiocloudauth demo | head -2` shows two lines and no traceback."""
    with subprocess.Popen(
        [*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=20) == 1
        assert process.stderr.read() == ""


def test_a_broken_pipe_ends_the_run_long_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads on, so there is nothing to demonstrate."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        began = time.monotonic()
        assert main(["demo", "--workers", "1"]) == 1
        assert time.monotonic() - began < 15


# -- watch --------------------------------------------------------------------------------


def test_watch_shows_the_session_of_the_environment(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """EC_HOST, EC_USER and EC_PASS are all that it needs."""
    with serving(token_lifetime=6.0) as server:
        environment.setenv("EC_HOST", server.url)
        assert main(["watch", "--path", "/x/y", "--interval", "0.1", "--seconds", "1.2"]) == 0
        assert len(server.log.to("/api/v1/x/y", method="GET")) in range(5, 14)
        assert server.stats.logouts == 1
    told = capsys.readouterr()
    assert re.search(r"1\.0 s  \d+ req  \d+/s  0 failed  expiry [45]\.\d s  0 ren.*  act", told.out)
    assert re.search(
        r"\n1\.[23] s: \d+ requests?, 0 failed, 0 renewals; the slowest took", told.out
    )
    assert told.err == ""


def test_watch_goes_on_over_a_failure_tells_it_and_exits_1(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever watches wants to see how it goes on."""
    with serving(faults=[Fault("/deployments", Status(500, "x.broken"), times=2)]) as server:
        environment.setenv("EC_HOST", server.url)
        assert main(["watch", "--interval", "0.1", "--seconds", "0.8"]) == 1
    told = capsys.readouterr().out
    requests, failed = numbers(told, r"(\d+) requests, (\d+) failed,")
    assert requests > failed == 2
    assert "failed: 2 x 500 x.broken" in told


def test_watch_takes_an_api_key_and_knows_that_it_does_not_expire(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key wins over a password, and there is nothing to renew."""

    async def new_key(url: str) -> str:
        async with (
            CloudSession(url, Password("admin", "secret")) as cloud,
            cloud.post("/users/auth/keys", json={"description": "watch"}) as response,
        ):
            return str((await response.json())["key"])

    with serving() as server:
        environment.setenv("EC_HOST", server.url)
        environment.setenv("EC_API_KEY", asyncio.run(new_key(server.url)))
        assert main(["watch", "--seconds", "1.1"]) == 0
        assert server.stats.login_attempts == 1
    assert "failed  no expiry  0 renewals  active" in capsys.readouterr().out


def test_watch_trusts_the_authority_of_a_ca_file(environment: pytest.MonkeyPatch) -> None:
    """An ECE has a certificate of its own making unless somebody changed that."""
    with serving(tls=True) as server:
        environment.setenv("EC_HOST", server.url)
        assert main(["watch", "--ca-file", server.ca_file, "--seconds", "0.2"]) == 0
        assert server.stats.requests == 1


def test_watch_trusts_anybody_only_when_told_to(environment: pytest.MonkeyPatch) -> None:
    """Nothing but --insecure turns the check of the certificate off."""
    with serving(tls=True) as server:
        environment.setenv("EC_HOST", server.url)
        assert main(["watch", "--insecure", "--seconds", "0.2"]) == 0
        assert server.stats.requests == 1


def test_ctrl_c_ends_watch_logged_out(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C is how `watch` is meant to end."""
    with serving() as server:
        environment.setenv("EC_HOST", server.url)
        with interrupted_after(0.7):
            assert main(["watch"]) == 0
        assert server.stats.logouts == 1
    assert "interrupted" in capsys.readouterr().out


def test_refused_credentials_end_watch_with_one_line(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One login, no traceback, and the password nowhere."""
    environment.setenv("EC_PASS", "Tr0ub4dor")
    with serving() as server:
        environment.setenv("EC_HOST", server.url)
        assert main(["watch"]) == 1
        assert server.stats.login_attempts == 1
    told = capsys.readouterr()
    assert re.fullmatch(r"aiocloudauth: error: POST http://\S+ answered 401 \(.+\)\n", told.err)
    assert "renewal failed: 401 root.unauthenticated; no further attempt" in told.out
    assert "Tr0ub4dor" not in told.out + told.err


@pytest.mark.parametrize("path", ["/users/auth/_login", "/deployments"])
def test_watch_ends_on_time_whatever_does_not_answer(
    path: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its seconds count from the start: they bound a login, and a request."""
    with serving(faults=[Fault(path, Late(30.0))]) as server:
        environment.setenv("EC_HOST", server.url)
        login = path.endswith("_login")
        assert main(["watch", "--seconds", "0.3"]) == int(login)
    told = "aiocloudauth: error: no session within 0.3 s\n" if login else ""
    assert capsys.readouterr().err == told


# -- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "give a command: demo or watch"),
        (["dance"], "invalid choice: 'dance'"),
        (["demo", "--seconds", "0"], "--seconds: '0' is no number of seconds, more than 0"),
        (["demo", "--seconds", "-3"], "--seconds: '-3' is no"),
        (["demo", "--seconds", "nan"], "--seconds: 'nan' is no"),
        (["demo", "--seconds", "inf"], "at most 86400"),
        (["demo", "--seconds", "soon"], "--seconds: 'soon' is no"),
        (["demo", "--token-lifetime", "0.5"], "'0.5' is no number of seconds, 1 or more"),
        (["demo", "--workers", "0"], "--workers: '0' is no whole number from 1 to 1000"),
        (["demo", "--workers", "-1"], "--workers: '-1' is no"),
        (["demo", "--workers", "2.5"], "--workers: '2.5' is no"),
        (["demo", "--workers", "100000"], "from 1 to 1000"),
        (["demo", "--colour"], "unrecognized arguments: --colour"),
        (["watch", "--interval", "0"], "--interval: '0' is no"),
        (["watch", "--path", "/../x"], "--path: '/../x': the path climbs above the API root"),
        (["watch", "--path", "//evil.example"], "--path: '//evil.example'"),
        (["watch", "--path", "https://evil.example/"], "does not start with /"),
        (["watch", "--ca-file", "x", "--insecure"], "not allowed with argument --ca-file"),
    ],
    ids=" ".join,
)
def test_bad_arguments_are_answered_with_one_line_and_status_2(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says which argument, and what would do."""
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert told in err
    assert err.startswith("aiocloudauth")
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("variables", "argv", "told"),
    [
        ({}, [], "EC_HOST is not set"),
        ({"EC_HOST": ""}, [], "EC_HOST is not set"),
        ({"EC_HOST": "https://ece", "EC_PASS": ""}, [], "EC_API_KEY nor both of EC_USER"),
        ({"EC_HOST": "ece.example.com"}, [], "https://"),
        ({"EC_HOST": "http://ece.example.com"}, [], "clear text"),
        ({"EC_HOST": "https://ece"}, ["--ca-file", "/nowhere.pem"], "'/nowhere.pem' cannot be"),
    ],
    ids=["no host", "empty host", "no password", "no scheme", "clear text", "no CA file"],
)
def test_an_environment_that_cannot_work_is_answered_with_one_line_and_status_2(
    variables: dict[str, str],
    argv: list[str],
    told: str,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing was sent, and the line says what is missing."""
    for name, value in variables.items():
        environment.setenv(name, value)
    assert main(["watch", *argv]) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert (out, err.count("\n")) == ("", 1)


# -- the rest -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], ["demo"], ["watch"]])
def test_help_fits_into_80_columns_and_names_every_option(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help is how options are found."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80
    names = {
        (): {"demo", "watch", "--version"},
        ("demo",): {"--seconds", "--token-lifetime", "--workers"},
        ("watch",): {"--path", "--interval", "--seconds", "--ca-file", "--insecure", "EC_API_KEY"},
    }
    assert {name for name in names[tuple(command)] if name not in told} == set()


def test_python_m_runs_the_command_line_and_an_import_does_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m aiocloudauth --version` is `aiocloudauth --version`."""
    monkeypatch.setattr(sys, "argv", ["aiocloudauth", "--version"])
    # Imported first: coverage takes its first sight of a file for all of them.
    imported = importlib.import_module("aiocloudauth.__main__")
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(imported.__file__), run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"aiocloudauth {aiocloudauth.__version__}\n"


def test_the_monitor_tells_of_what_the_session_tells() -> None:
    """Each in one line, without a second one for an error's cause."""
    out = io.StringIO()
    monitor = Monitor(out)
    at = datetime.now(UTC)
    monitor.tell(LoggedIn(at=at, session_expiration_time=None))
    refused = TransportError("connection refused")
    monitor.tell(RenewalFailed(at=at, error=refused, attempt=3, retry_at=None))
    monitor.tell(RenewalFailed(at=at, error=refused, attempt=1, retry_at=at))
    monitor.tell(SessionLost(at=at, error=GatewayError("", status=503)))
    monitor.tell(SessionLost(at=at, error=TransportError()))
    monitor.tell(LoggedOut(at=at))
    monitor.finish()
    assert [line[10:] for line in out.getvalue().splitlines()] == [
        "logged in, no expiry",
        "renewal failed: TransportError: connection refused; no further attempt",
        "renewal failed: TransportError: connection refused; next in 0 ms",
        "no usable token is left: 503 GatewayError",
        "no usable token is left: TransportError",
        "",
    ]


def test_a_servers_words_do_not_steer_the_terminal() -> None:
    """An error code is the server's, and a terminal obeys escape sequences."""
    out = io.StringIO()
    monitor = Monitor(out)
    error = GatewayError("", status=502, codes=("\x1b[2J\x07oops\r\n",))
    monitor.tell(SessionLost(at=datetime.now(UTC), error=error))
    monitor.missed(error)
    monitor.finish()
    assert out.getvalue().count("502 ?[2J?oops??") == 2


async def test_a_session_without_a_token_is_shown_as_such() -> None:
    """Before the login there is nothing to expire."""
    monitor = Monitor(io.StringIO())
    cloud = CloudSession("https://ece.example.com", Password("a", "b"))
    monitor.sample()
    assert monitor.line(cloud).endswith("0 failed  no token  0 renewals  new")


async def test_a_closed_session_is_shown_no_more() -> None:
    """The last picture is of the session as it worked."""
    terminal = Terminal()
    cloud = CloudSession("https://ece.example.com", Password("a", "b"))
    await cloud.close()
    async with Monitor(terminal).shown(cloud):
        await asyncio.sleep(0.25)
    assert " req " not in terminal.getvalue()
