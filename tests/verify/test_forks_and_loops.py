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


async def test_a_process_made_by_spawn_is_handed_neither_session_nor_secret() -> None:
    """Before it starts, and in words that say why."""
    report = await case("multiprocessing_spawn", "asyncio")
    assert report.said == [
        "parent: a CloudSession cannot be pickled or copied: it holds connections and secrets",
        "parent: a secret cannot be pickled or copied into another process",
    ]


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


async def test_ten_threads_ask_the_loop_at_once() -> None:
    """A hundred calls, ten renewals among them, and no failure."""
    report = await case("many_threads", "asyncio")
    assert report.said == ["statuses: ['200', 'None']"]
    assert (report.stats.logins, report.stats.unauthorized) == (1, 0)


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


async def test_an_interrupt_ends_a_close_that_waits() -> None:
    """Whoever presses Ctrl-C does not wait for `_logout`."""
    report = await case("interrupt_while_closing", "asyncio", {"_logout": 0})
    assert report.said == ["worker: active", "main: KeyboardInterrupt"]
    assert report.complaints == ""
