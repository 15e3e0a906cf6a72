"""The simulated year: kept by the session, and able to say when it is not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from aiocloudauth import RenewalPolicy, SessionExpiredError
from aiocloudauth._core import lifecycle, schedule
from aiocloudauth._core.lifecycle import Machine
from aiocloudauth._core.states import FOREVER
from aiocloudauth._runtime.timer import Timer
from aiocloudauth._runtime.token_source import TokenSource
from tests.verify.lengths import FULL
from tests.verify.simulated_year import run as year
from tests.verify.simulated_year.ledger import Ledger
from tests.verify.simulated_year.plan import TOKEN_LIFETIME, Interval, Plan, PlanError, Rotation

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth import SessionToken
ROOT = Path(__file__).parents[2]

#: Every kind of event happens in so many days, one after the other.
SHORT = 1.3


def lived(*arguments: str) -> list[str]:
    """Return what the program prints, run in a process of its own that no coverage slows down."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith("COVERAGE_")}
    command = [sys.executable, "-m", "tests.verify.simulated_year.run", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_no_request_fails_while_a_valid_token_could_exist(seed: str) -> None:
    """No re-login after an outage; a suspend; a session cap; a rotated secret.

    Two weeks, which have every kind of event; ``make verify FULL=1`` lives through a year.
    """
    said = "\n".join(lived("--seed", seed, "--days", "365" if FULL else "14"))
    assert re.search(r"failures +0 outside", said)
    assert re.search(r"renewals +(\d\d|[1-9]),\d{3}\n", said)
    assert said.endswith("The promise was kept.")


def test_the_windows_are_few_and_requests_do_fail_in_them() -> None:
    """What excuses a failure is no blanket: it covers little more than the long outages."""
    reports = [year.run(seed, SHORT) for seed in range(1, 5)]
    assert [report.seed for report in reports if not report.good] == []
    assert sum(report.tally.excused.total() for report in reports) > 20
    windows = [window for report in reports for window in report.ledger.windows]
    assert len(windows) < sum(len(report.ledger.barred) for report in reports)
    assert sum(window.end - window.start for window in windows) < 0.02 * 4 * SHORT * 86_400


def test_a_seed_gives_the_same_report_wherever_it_runs() -> None:
    """In this process and in another one, which hashes and places objects otherwise."""
    assert lived("--seed", "3", "--days", str(SHORT)) == year.run(3, SHORT).lines()


# -- broken clients -----------------------------------------------------------------------


async def never_waits(self: TokenSource, **_: float) -> SessionToken:
    """Stand in for `usable`: no token is renewed because a caller needs it."""
    token = self.current
    if token is None:
        raise SessionExpiredError("none")
    return token


def no_renewal(patch: pytest.MonkeyPatch) -> None:
    """Nothing happens in the background: the token runs out, and somebody has to wait."""
    patch.setattr(Timer, "set", lambda self, at: None)


def no_waiting(patch: pytest.MonkeyPatch) -> None:
    """Who finds no token is sent away, also when one could be had."""
    patch.setattr(TokenSource, "usable", never_waits)


def too_late(patch: pytest.MonkeyPatch) -> None:
    """Renewal begins a second before the token may no longer be sent."""
    plan = schedule.plan

    def late(life: float, policy: RenewalPolicy, draw: float) -> tuple[float, float]:
        renew_after, hard_after = plan(life, policy, draw)
        return max(renew_after, hard_after - 1.0), hard_after

    patch.setattr(schedule, "plan", late)


def gives_up(patch: pytest.MonkeyPatch) -> None:
    """One network error ends renewal for good."""
    patch.setattr(Machine, "retry_at", lambda *_, **__: FOREVER)


def hot_loop(patch: pytest.MonkeyPatch) -> None:
    """The floor between attempts is gone."""
    patch.setattr(Machine, "earliest", lambda self, record, at: at)
    patch.setattr(lifecycle, "backoff", lambda *_, **__: 0.4)


def not_asked_again(patch: pytest.MonkeyPatch) -> None:
    """The rotated password is never picked up."""
    patch.setattr(year._Vault, "password", lambda self: _first_password())


async def _first_password() -> str:
    return "secret-1"


@pytest.mark.parametrize(
    "breakage", [no_renewal, no_waiting, too_late, gives_up, hot_loop, not_asked_again]
)
def test_a_broken_client_is_found_out(
    breakage: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The check can fail: each of these makes it report, and the program exit with 1."""
    breakage(monkeypatch)
    assert year.main(["--days", str(SHORT)]) == 1
    printed = capsys.readouterr().out
    assert printed.endswith("THE PROMISE WAS BROKEN.\n")
    if breakage is not hot_loop:
        assert "FAILED 1 " in printed


# -- the ledger ---------------------------------------------------------------------------

OUTAGE = Interval(10_000.0, 12_000.0)


def ledger(*, issued: float, life: float = TOKEN_LIFETIME) -> Ledger:
    """Return a ledger with an outage, and one token delivered before."""
    script = evolve(Plan.draw(1, SHORT), outages=(OUTAGE,), rotations=())
    book = Ledger(RenewalPolicy(), script)
    book.delivered(issued, life)
    return book


def test_a_failure_is_excused_only_once_the_last_token_is_used_up() -> None:
    """From 10 s before its end, and the second that `Date` is inexact by, to the outage's."""
    book = ledger(issued=9_500.0)
    window = book.window(OUTAGE)
    assert window == Interval(9_500.0 + 1_200.0 - 11.0, 12_000.0)
    assert [book.excuses(at) for at in (9_999.0, 10_000.0, 10_688.9)] == [False] * 3
    assert [book.excuses(at) for at in (10_689.0, 11_999.9)] == [True] * 2
    assert not book.excuses(12_000.0)


def test_a_token_that_outlives_the_outage_leaves_no_excuse() -> None:
    """There was one all the time."""
    assert ledger(issued=9_999.0, life=3_600.0).window(OUTAGE) is None


def test_a_renewal_that_was_due_long_before_leaves_no_excuse() -> None:
    """900 s after the issue it is; one attempt may fail, 12 s later there was another."""
    assert ledger(issued=10_000.0 - 900.0 - 13.0).window(OUTAGE) is None
    assert ledger(issued=10_000.0 - 900.0 - 11.0).window(OUTAGE) is not None


def test_what_comes_during_the_outage_or_before_any_token_counts_for_nothing() -> None:
    """Nobody can be given a token then; and who never had one was not logged in before."""
    book = ledger(issued=9_500.0)
    book.delivered(10_600.0, TOKEN_LIFETIME)
    assert book.excuses(11_000.0)
    assert Ledger(RenewalPolicy(), book.plan).window(OUTAGE) is None


def test_a_rotation_that_ends_all_sessions_bars_until_the_vault_knows() -> None:
    """And a second longer, the floor between two attempts."""
    rotation = Rotation(5_000.0, "new", 60.0, ends_sessions=True)
    book = ledger(issued=4_500.0)
    book = Ledger(book.policy, evolve(book.plan, rotations=(rotation,)))
    book.delivered(4_500.0, TOKEN_LIFETIME)
    assert not book.excuses(5_000.0)
    book.revoked(5_000.0)
    assert book.excuses(5_000.0)
    assert book.excuses(5_060.9)
    assert not book.excuses(5_061.0)


def test_attempts_are_told_apart_and_measured() -> None:
    """A login right after a refused `_refresh` belongs to it; a step forward hides a gap."""
    book = ledger(issued=0.0)
    book.attempted(1_000.0, login=False)
    book.refused_refresh()
    book.attempted(1_000.0, login=True)
    assert (book.attempts, book.closest) == (1, float("inf"))
    book.attempted(1_003.0, login=True)
    assert (book.attempts, book.closest) == (2, 3.0)
    book.stepped_forward()
    book.attempted(1_003.5, login=True)
    assert book.closest == 3.0
    book.attempted(1_004.0, login=True)
    assert book.closest == 0.5


# -- the plan -----------------------------------------------------------------------------


def test_a_year_holds_what_it_says() -> None:
    """Outages of 1 to 15 min, others longer than a token's life, suspends, steps, rotations."""
    plan = Plan.draw(5, 365)
    lengths = sorted(outage.end - outage.start for outage in plan.outages)
    assert len(lengths) == 16
    assert 60.0 <= lengths[0] <= lengths[11] <= 900.0
    assert lengths[12] > TOKEN_LIFETIME
    assert (len(plan.suspends), len(plan.steps), len(plan.rotations)) == (30, 6, 2)
    assert any(step.by > 0 for step in Plan.draw(6, 365).steps)
    assert Plan.draw(5, 365) == plan != Plan.draw(6, 365)


@pytest.mark.parametrize("days", [SHORT, 30, 365])
def test_events_spoil_one_another_only_where_they_are_meant_to(days: float) -> None:
    """Apart by minutes, but for suspends and steps back that begin in an outage."""
    for seed in range(50):
        plan = Plan.draw(seed, days)
        for suspend in plan.suspends:
            inside = [outage for outage in plan.outages if suspend.start in outage]
            apart = partial(_apart, suspend)
            assert inside or all(map(apart, plan.outages))
        for step in plan.steps:
            inside = [outage for outage in plan.outages if step.at in outage]
            assert not inside or step.by < 0
        assert all(outage.start >= 0 and outage.end <= plan.end for outage in plan.outages)
        for first, second in zip(plan.outages, plan.outages[1:], strict=False):
            assert _apart(first, second)


def _apart(one: Interval, other: Interval) -> bool:
    return one.end + 120.0 <= other.start or other.end + 120.0 <= one.start


def test_too_few_days_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason."""
    with pytest.raises(PlanError, match="3 hours each"):
        Plan.draw(1, 1.0)
    with pytest.raises(SystemExit):
        year.main(["--days", "1"])
    assert "3 hours each" in capsys.readouterr().err
