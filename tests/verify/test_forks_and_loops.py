"""Used where it does not belong, a session says so at once, or works; it never hangs.

Each case is a program of its own (`misplaced_sessions`), which ends itself when it hangs.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

from aiocloudauth.testing import CloudServer, Fault, Silence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocloudauth.testing.log import Stats

PROGRAM = Path(__file__).with_name("misplaced_sessions.py")

#: What every way to use a session says where it does not belong, and where it is closed.
WAYS = ("get", "open", "refresh", "login", "logout", "ws")
ELSEWHERE = " | ".join(f"{way} ConfigurationError: the session was opened in" for way in WAYS)
CLOSED = " | ".join(f"{way} SessionClosedError: the session is closed" for way in WAYS)
CLOSE_ELSEWHERE = "close ConfigurationError: the session was opened in"

#: Seconds, of which the machine may take most to start an interpreter.
PATIENCE = 120.0

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    """Name the event loop that a case runs on."""
    name: str = request.param
    if name == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed")
    return name


@frozen
class Report:
    """What a case printed, and what the server saw of it."""

    said: list[str]
    complaints: str
    stats: Stats


async def case(name: str, loop: str, silent: Mapping[str, int] | None = None) -> Report:
    """Run a case against a server on which some calls, after the first few, go unanswered."""
    faults = [
        Fault(path, (Silence(),), skip=skip, optional=True) for path, skip in (silent or {}).items()
    ]
    async with CloudServer(faults=faults) as server:
        missing = {"errors": [{"code": "deployments.deployment_not_found", "message": "no"}]}
        server.reply("/missing", missing, status=404)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "always", str(PROGRAM), name, server.url, loop),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            said, complaints = await process.communicate()
        assert process.returncode == 0, complaints.decode()
        return Report(said.decode().splitlines(), complaints.decode(), server.stats)


# -- forks and processes -------------------------------------------------------------------


@forks
async def test_a_fork_within_the_loop_leaves_the_session_to_the_parent() -> None:
    """The child is told; the parent's session is not logged out by it."""
    report = await case("fork_in_the_loop", "asyncio")
    assert report.said == [f"child: {ELSEWHERE}", f"child: {CLOSE_ELSEWHERE}", "parent: ok"]
    assert (report.stats.logins, report.stats.logouts) == (1, 1)
    assert report.complaints == ""


@forks
async def test_a_forked_child_opens_a_session_of_its_own(loop: str) -> None:
    """The inherited one tells it to; the parent goes on with that."""
    report = await case("fork_between_runs", loop)
    expected = [ELSEWHERE, CLOSE_ELSEWHERE, "own ok"]
    assert report.said == [*(f"child: {line}" for line in expected), "parent: ok"]
    assert (report.stats.logins, report.stats.logouts) == (2, 2)
    assert report.complaints == ""


@forks
async def test_a_session_that_was_not_opened_yet_is_inherited_whole() -> None:
    """A pre-forking server makes it in its configuration, and each worker opens it."""
    report = await case("fork_before_open", "asyncio")
    assert report.said == ["child: ok", "parent: ok"]
    assert (report.stats.logins, report.stats.logouts) == (2, 2)
    assert report.complaints == ""


@forks
async def test_a_process_made_by_fork_is_told() -> None:
    """`multiprocessing` hands the object on."""
    report = await case("multiprocessing_fork", "asyncio")
    assert report.said == [f"child: {ELSEWHERE}", "parent: ok"]


async def test_a_process_made_by_spawn_is_handed_neither_session_nor_secret() -> None:
    """Before it starts, and in words that say why."""
    report = await case("multiprocessing_spawn", "asyncio")
    assert report.said == [
        "parent: a CloudSession cannot be pickled or copied: it holds connections and secrets",
        "parent: a secret cannot be pickled or copied into another process",
    ]


async def test_an_error_comes_back_from_another_process_whole() -> None:
    """A pool's worker fails, and whoever waits for it sees the API's code."""
    report = await case("errors_of_a_spawned_child", "asyncio")
    assert report.said == ["parent: NotFoundError ('deployments.deployment_not_found',)"]


# -- loops and threads ---------------------------------------------------------------------


async def test_a_second_run_is_told_and_can_close(loop: str) -> None:
    """`asyncio.run` twice: a notebook's kernel, a test-suite, a script grown over years."""
    report = await case("run_twice", loop)
    assert report.said == [
        "first: ok",
        f"second: {ELSEWHERE}",
        "second: state active",
        "third: ok",
        "third: state closed, closed again: ok",
        f"fourth: {CLOSED}",
    ]


async def test_a_loop_in_another_thread_is_told() -> None:
    """And disturbs nothing where the session belongs."""
    report = await case("loop_in_a_thread", "asyncio")
    assert report.said == [f"thread: {ELSEWHERE}", f"thread: {CLOSE_ELSEWHERE}", "main: ok"]
    assert report.complaints == ""


async def test_a_thread_asks_the_loop() -> None:
    """`run_coroutine_threadsafe` works."""
    report = await case("sync_in_a_thread", "asyncio")
    assert report.said == ["asked: 200"]
    assert report.complaints == ""


async def test_ten_threads_ask_the_loop_at_once() -> None:
    """A hundred calls, ten renewals among them, and no failure."""
    report = await case("many_threads", "asyncio")
    assert report.said == ["statuses: ['200', 'None']"]
    assert (report.stats.logins, report.stats.unauthorized) == (1, 0)


async def test_a_failing_open_ties_the_session_to_no_loop() -> None:
    """Two at once, twice, each time in a new loop: no lock remembers the first."""
    report = await case("failed_open_and_another_loop", "asyncio")
    failed = "open: ['TransportError', 'TransportError']"
    assert report.said == [failed, failed, "close: ok"]


async def test_a_close_that_ended_with_its_loop_can_be_called_again() -> None:
    """The lock that it held is nobody's any more."""
    report = await case("loop_closed_in_the_middle_of_close", "asyncio", {"_logout": 0})
    assert report.said == ["closing: under way", "again: ok", "state: closed"]


async def test_an_open_that_ended_with_its_loop_can_be_closed() -> None:
    """And says that it was begun elsewhere, when it is tried again."""
    report = await case("loop_closed_in_the_middle_of_open", "asyncio", {"_login": 0})
    assert report.said == [
        "opening: under way",
        "open: ConfigurationError: the session was opened in",
        "close: ok",
        "state: closed",
    ]


async def test_callers_whose_loop_ended_hold_up_nobody() -> None:
    """Nobody can wake them; `close` does not try."""
    report = await case("loop_closed_with_callers_waiting", "asyncio", {"_refresh": 0})
    assert report.said == [
        "waiting: [False, False, False]",
        "get: ConfigurationError: the session was opened in",
        "close: ok",
    ]


async def test_a_forgotten_session_lets_the_interpreter_end() -> None:
    """Python complains of what was not closed; it does not wait for it."""
    report = await case("loop_closed_and_forgotten", "asyncio")
    assert report.said == ["state: active"]
    assert "Unclosed client session" in report.complaints


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
async def test_eager_tasks_make_no_difference() -> None:
    """A renewal may be over before the call that started it has returned."""
    report = await case("eager_tasks", "asyncio")
    assert report.said == ["get: ok", "login: ok"]
    assert report.complaints == ""


# -- interrupts ----------------------------------------------------------------------------


async def test_an_interrupt_closes_an_open_session(loop: str) -> None:
    """Ctrl-C in a worker: logged out, nothing pending."""
    report = await case("interrupt_while_open", loop)
    assert report.said == ["worker: active", "main: KeyboardInterrupt"]
    assert (report.stats.logins, report.stats.logouts) == (1, 1)
    assert report.complaints == ""


async def test_an_interrupt_ends_an_open_that_waits() -> None:
    """Before the first answer there is nothing to log out."""
    report = await case("interrupt_while_opening", "asyncio", {"_login": 0})
    assert report.said == ["tasks: []", "main: KeyboardInterrupt"]
    assert report.complaints == ""


async def test_an_interrupt_ends_a_close_that_waits() -> None:
    """Whoever presses Ctrl-C does not wait for `_logout`."""
    report = await case("interrupt_while_closing", "asyncio", {"_logout": 0})
    assert report.said == ["worker: active", "main: KeyboardInterrupt"]
    assert report.complaints == ""


async def test_an_interrupt_out_of_a_credentials_callable_ends_the_program() -> None:
    """It goes on to `asyncio.run`; those who waited for that login learn of it."""
    report = await case("interrupt_out_of_a_callable", "asyncio")
    told = {"login: CancelledError: ", "login: CloudAuthError: a renewal failed: KeyboardInterrupt"}
    assert report.said[0] in told
    assert report.said[1:] == ["main: KeyboardInterrupt"]


async def test_an_exit_out_of_a_subscriber_ends_the_program() -> None:
    """It is not taken for a failure of the renewal."""
    report = await case("exit_out_of_a_subscriber", "asyncio")
    assert report.said == ["main: left"]
    assert report.stats.refreshes == 1
