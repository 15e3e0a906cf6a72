"""A year of faults on virtual time: ``make simulate [ARGS='--seed 1 --days 365']``.

One session, eight workers, a server that fails by a script drawn from the seed. The same
seed prints the same report. The exit status is 1 if a request failed although a valid token
could exist, or if two attempts at a token were closer than the policy allows.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import random
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import aiohttp
from attrs import frozen

from aiocloudauth import CloudSession, Password, RenewalPolicy
from aiocloudauth.testing import CloudServer, ManualClock
from tests.verify.simulated_year.ledger import Ledger
from tests.verify.simulated_year.plan import (
    SESSION_CAP,
    TOKEN_LIFETIME,
    Plan,
    PlanError,
    Rotation,
)
from tests.verify.simulated_year.witness import Witness
from tests.verify.simulated_year.workers import WORKERS, Tally, work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: The defaults, but for the longest pause between attempts. A caller waits for 30 s; with
#: pauses of up to 60 s one who comes right after an outage may have to give up before the
#: next attempt. So short that two attempts fit, of which the first one is met by silence,
#: nobody is lost from the instant an outage ends: twice 1 + 8, and 10, are below 30.
POLICY: Final = RenewalPolicy(backoff_max=8.0)

#: Rounding of instants on a scale of a year, seconds.
_ROUNDING: Final = 1e-6


@frozen
class Report:
    """What a run came to."""

    seed: int
    plan: Plan
    ledger: Ledger
    tally: Tally
    refreshes: int
    logins: int
    failed: int
    unauthorized: int

    @property
    def good(self) -> bool:
        """Whether the promise was kept."""
        closest = self.ledger.closest >= self.ledger.policy.min_interval - _ROUNDING
        return not self.tally.unexcused and closest and self.tally.answered > 0

    def lines(self) -> list[str]:
        """Write it down for people."""
        plan, ledger, tally = self.plan, self.ledger, self.tally
        long = len(plan.long_outages)
        lost = sum(window.end - window.start for window in ledger.windows)
        kinds = ", ".join(f"{name} {n:,}" for name, n in sorted(tally.excused.items()))
        rows = {
            "time": f"{plan.days:g} days, seed {self.seed}",
            "server": f"tokens of {span(TOKEN_LIFETIME)}, sessions of {span(SESSION_CAP)} at most",
            "script": f"{len(plan.outages)} outages, {len(plan.outages) - long} of 1 to 15 min "
            f"and {long} longer than a token's life; {len(plan.suspends)} suspends; "
            f"{len(plan.steps)} clock steps; {len(plan.rotations)} password rotations",
            "requests": f"{tally.requests:,} of {WORKERS} workers, "
            f"{tally.requests / plan.days:,.0f} a day, {tally.dense:,} around those events",
            "sent again": f"{self.unauthorized:,} after a 401",
            "failures": f"{tally.unexcused.total():,} outside the windows in which no valid "
            "token could exist",
            "  in them": f"{tally.excused.total():,} ({kinds or 'none'}) in "
            f"{len(ledger.windows)} windows, {span(lost)} in all",
            "renewals": f"{self.refreshes:,}",
            "logins": f"{self.logins:,}",
            "attempts": f"{ledger.attempts:,}, of which {self.failed:,} "
            f"({self.failed / max(1, ledger.attempts):.1%}) were failed outside of outages",
            "longest wait": f"{tally.longest_wait:.3f} s of a request that was answered",
            "closest two attempts": f"{ledger.closest:.3f} s; "
            f"the policy allows {ledger.policy.min_interval:g} s",
        }
        rows |= {f"FAILED {number}": text for number, text in enumerate(tally.examples, 1)}
        return [f"{name:<20}  {text}" for name, text in rows.items()] + [
            "The promise was kept." if self.good else "THE PROMISE WAS BROKEN."
        ]


def span(seconds: float) -> str:
    """Write a duration in hours, minutes and seconds, as far as there are any."""
    hours, rest = divmod(seconds, 3600.0)
    minutes, rest = divmod(rest, 60.0)
    parts = (f"{hours:.0f} h", f"{minutes:.0f} min", f"{rest:.1f} s")
    return " ".join(part for part in parts if not part.startswith(("0 ", "0.0 "))) or "0 s"


class _Vault:
    """Where the client's password comes from: it follows the rotations, each a little late."""

    def __init__(self, plan: Plan, clock: ManualClock) -> None:
        self._plan = plan
        self._clock = clock

    async def password(self) -> str:
        now = self._clock.remote.monotonic()
        known = [r.password for r in self._plan.rotations if r.at + r.lag <= now]
        return known[-1] if known else "secret-1"


async def simulate(seed: int, days: float) -> Report:
    """Live through the plan of `seed`."""
    clock = ManualClock(seed=seed, sockets=False)
    plan = Plan.draw(seed, days)
    ledger, tally = Ledger(POLICY, plan), Tally()
    witness = Witness(plan, ledger, random.Random(f"witness {seed}"), clock)
    server = CloudServer(
        {"admin": "secret-1"},
        token_lifetime=TOKEN_LIFETIME,
        max_session=SESSION_CAP,
        at_max_session="stop",
        clock=clock,
        clock_skew=random.Random(f"skew {seed}").choice([0.0, 900.0, -900.0]),
        faults=witness.faults(),
        log_size=0,
    )
    async with server:
        cloud = CloudSession(
            server.url,
            Password("admin", _Vault(plan, clock).password),
            policy=POLICY,
            clock=clock,
            connector=server.connector(),
            auth_connector=server.connector(),
            # Real time, which a virtual wait of 30 s takes none of.
            timeout=aiohttp.ClientTimeout(total=None),
        )
        await clock.drive(cloud.open())
        workers = [
            asyncio.create_task(work(number, seed, cloud, clock, plan, ledger, tally))
            for number in range(WORKERS)
        ]
        await _live(plan, server, clock, ledger)
        await clock.drive(asyncio.gather(*workers))
        await clock.drive(cloud.close())
    return Report(
        seed,
        plan,
        ledger,
        tally,
        server.stats.refreshes,
        server.stats.logins,
        witness.failed,
        server.stats.unauthorized,
    )


async def _live(plan: Plan, server: CloudServer, clock: ManualClock, ledger: Ledger) -> None:
    """Let time pass to each event of the script, and have it happen."""

    def step(by: float) -> None:
        clock.step(by)
        if by > 0.0:
            ledger.stepped_forward()

    def rotate(rotation: Rotation) -> None:
        server.users.put("admin", rotation.password)
        if rotation.ends_sessions:
            server.revoke_all()
            ledger.revoked(clock.remote.monotonic())

    def refuse() -> None:
        server.policy.at_max_session = "refuse"

    events: list[tuple[float, Callable[[], None]]] = [
        *((one.start, partial(clock.suspend, one.end - one.start)) for one in plan.suspends),
        *((one.at, partial(step, one.by)) for one in plan.steps),
        *((one.at, partial(rotate, one)) for one in plan.rotations),
        *((one.end, partial(ledger.passed, one)) for one in ledger.barred),
        # Up to here the last token of a session ends with it; from here on it outlives it.
        (plan.end / 2.0, refuse),
    ]
    for at, happen in sorted(events, key=lambda event: event[0]):
        await clock.advance(max(0.0, at - clock.remote.monotonic()))
        happen()
    await clock.advance(max(0.0, plan.end - clock.remote.monotonic()))


def run(seed: int, days: float) -> Report:
    """Live through the plan of `seed`, on an event loop of its own."""
    return asyncio.run(simulate(seed, days))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.verify.simulated_year.run", description=__doc__
    )
    parser.add_argument("--seed", type=int, default=1, help="of everything (%(default)s)")
    parser.add_argument("--days", type=float, default=365.0, help="(%(default)s)")
    arguments = parser.parse_args(argv)
    # Some thousand renewals fail by design, and each is reported as a warning.
    logging.getLogger("aiocloudauth").setLevel(logging.CRITICAL)
    # What is made here is short-lived; the oldest generation is not worth a look so often.
    gc.set_threshold(50_000, 20, 100)
    began = time.perf_counter()
    try:
        report = run(arguments.seed, arguments.days)
    except PlanError as error:
        parser.error(str(error))
    print("\n".join(report.lines()))
    # Apart, since it is the one thing that differs from run to run.
    print(f"took {time.perf_counter() - began:.1f} s", file=sys.stderr)
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
