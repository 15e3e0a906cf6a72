"""The command line on real sockets and in real time: at a terminal, in a pipe, interrupted."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import sys
import threading
from contextlib import contextmanager, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import (
    CloudSession,
    Password,
)
from aiocloudauth._cli.main import main
from aiocloudauth.testing import CloudServer, Fault, Late, Status
from tests.cli.conftest import environment
from tests.cli.running import serving
from tests.verify.programs import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["environment"]  # for pytest, which looks for fixtures here

COMMAND = [sys.executable, "-W", "error", "-m", "aiocloudauth"]


class Terminal(io.StringIO):
    """A terminal that keeps what it was sent."""

    def isatty(self) -> bool:
        return True


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Press Ctrl-C in this process after so long."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


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
    assert 1 <= replays <= 16
    assert refused == replays + 1  # the question whether the token is good
    assert "seen by callers: none" in demonstration
    for line in (
        r"\d\.\d s  logged in, expiry \d\.\d s",
        r"\d s  token 2 by a renewal in \d+ ms, expiry \d\.\d s",
        r"\d s  renewal failed: 502 authc.authentication_cluster_error; next in [\d.]+ m?s",
        r"\d s  requests go on with the token in hand",
        r"\d s  the server revoked every token",
    ):
        assert re.search(line, demonstration), line


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
    assert lines


def test_on_a_terminal_one_line_is_kept_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture goes back to the margin, clears what stood there, and fits into the row."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["demo", "--seconds", "1.2", "--token-lifetime", "60", "--workers", "1"]) == 0
    told = terminal.getvalue()
    pictures = [text.split("\n")[-1] for text in told.split("\r\x1b[K") if " req  " in text]
    assert pictures
    assert all(len(picture) < 60 for picture in pictures)
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
    assert re.search(r"seen by callers: \d+\n", capsys.readouterr().out)


def test_ctrl_c_ends_the_demo_with_its_summary() -> None:
    """An interrupt is a way to end it, not an error: no traceback, no unclosed socket."""
    with running(*COMMAND, "demo") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "interrupted" in out
    assert "seen by callers: none" in out


def test_the_demo_ends_quietly_when_nobody_reads_on() -> None:
    """`aiocloudauth demo | head -2` shows two lines and no traceback, long before its time."""
    with running(*COMMAND, "demo", "--seconds", "80000") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=120) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize("engine", ["file", "redis"])
def test_the_demo_of_a_fleet_shows_one_login(
    engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It starts its own engine, and processes."""
    how = ["--processes=2", f"--store={engine}", "--seconds=1", "--workers=2"]
    assert main(["demo", *how]) == 0
    told = capsys.readouterr().out
    assert "1 login, " in told
    assert ", 0 failed" in told


def test_the_demo_of_a_fleet_exits_1_if_a_request_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As that of one process does."""
    broken = partial(CloudServer, faults=[Fault("/deployments", Status(500, "x.broken"), times=1)])
    monkeypatch.setattr("aiocloudauth._cli.fleet.CloudServer", broken)
    assert main(["demo", "--processes=1", "--seconds=0.1", "--workers=1"]) == 1
    assert ", 1 failed" in capsys.readouterr().out


# -- watch --------------------------------------------------------------------------------


def test_watch_shows_the_session_of_the_environment(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """EC_HOST, EC_USER and EC_PASS are all that it needs."""
    with serving(token_lifetime=6.0) as server:
        environment.setenv("EC_HOST", server.url)
        assert main(["watch", "--path", "/x/y", "--interval", "0.1", "--seconds", "1.5"]) == 0
        assert server.log.to("/api/v1/x/y", method="GET")
        assert server.stats.logouts == 1
    told = capsys.readouterr()
    assert re.search(
        r"\n[\d.]+ s: \d+ requests?, 0 failed, \d+ renewals?; the slowest took", told.out
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
        assert main(["watch"]) == 4
        assert server.stats.login_attempts == 1
    told = capsys.readouterr()
    assert re.fullmatch(r"aiocloudauth: error: POST http://\S+ answered 401 \(.+\); .+\n", told.err)
    assert "Tr0ub4dor" not in told.out + told.err


@pytest.mark.parametrize("path", ["/users/auth/_login", "/deployments"])
def test_watch_ends_on_time_whatever_does_not_answer(
    path: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its seconds count from the start: they bound a login, and a request."""
    with serving(faults=[Fault(path, Late(30.0))]) as server:
        environment.setenv("EC_HOST", server.url)
        login = path.endswith("_login")
        assert main(["watch", "--seconds", "0.3" if login else "3"]) == (124 if login else 0)
    err = capsys.readouterr().err
    assert ("no session within 0.3 s; " in err) is login
    assert err.count("\n") == int(login)


# -- serve --------------------------------------------------------------------------------


def test_serve_prints_exports_until_it_is_told_to_end(tmp_path: Path) -> None:
    """Ready to be copied; faults come from a file; what the faults missed is told."""
    faults = tmp_path / "faults.json"
    faults.write_text('[{"path": "_login", "effects": ["html"]}]')
    options = ("--port", "0", "--user", "ann:it's", "--tls", "--faults", str(faults))
    with running(*COMMAND, "serve", *options) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert lines[0].startswith("export EC_HOST=https://127.0.0.1:")
    assert lines[1:3] == ["export EC_USER=ann\n", "export EC_PASS='it'\"'\"'s'\n"]
    assert lines[3].startswith("export EC_CA_FILE=/")
    assert err.startswith("warning: ")
