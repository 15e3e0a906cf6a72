"""What refused tokens and outages cost, on virtual time: ``make refusals``.

Prints a line a case. The exit status is 1 if one is not within its bound.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from random import Random
from typing import Final

from attrs import frozen

from aiocloudauth._core.states import Opened
from aiocloudauth.testing import Fault
from tests.core.lifecycle_driver import TRANSIENT, lifecycle
from tests.session.test_recovery import recovery
from tests.session.traffic import REFUSED, Tally, traffic

#: Connections of a client, as aiohttp has them.
POOL: Final = 100
#: Requests that meet a revocation at once.
CROWD: Final = 5_000


@frozen
class Line:
    """What was measured of one case."""

    case: str
    bound: str
    measured: str
    kept: bool

    def __str__(self) -> str:
        """Write it."""
        return (
            f"{self.case:<48} {self.bound:<43} {self.measured}{'' if self.kept else '  NOT KEPT'}"
        )


async def lag(seconds: float, callers: int) -> Line:
    """Every token is refused for so long after its issue; 55 requests of each caller."""
    late = Fault("**", REFUSED, credential="bearer", younger=seconds)
    async with traffic(late) as run:
        tally = await run.callers(callers, 61.0, every=1.1)
        logins = run.server.stats.logins
    lost = 2 * callers if seconds > 1.0 else 0
    return Line(
        f"a token good {seconds:g} s after its issue, {callers} callers",
        f"{lost} lost at most, 2 logins",
        f"{tally.good} of {tally.ends.total()}, {logins} logins",
        tally.failed <= lost and logins <= 2,
    )


async def bad_node(one_in: int, share: float) -> Line:
    """One node of several refuses one request in so many, at random: four callers, 610 s."""
    bad = Fault("**", REFUSED, credential="bearer", probability=1 / one_in)
    async with traffic(bad, seed=one_in) as run:
        tally = await run.callers(4, 610.0, every=1.0)
        attempts, questions = run.attempts, run.questions
    total = tally.ends.total()
    return Line(
        f"a node that refuses 1 request in {one_in}",
        f"{share:.1%} answered",
        f"{tally.good:,} of {total:,} ({tally.good / total:.1%}), {attempts} attempts, "
        f"{questions} questions, longest wait {tally.longest:.1f} s",
        tally.good >= share * total,
    )


async def revocations(age: float) -> list[Line]:
    """Three in a row, each after a renewal that worked, met by a crowd at once."""
    lines: list[Line] = []
    async with traffic(pool=POOL, server={"log_size": 10 * CROWD}) as run:
        for number in range(1, 4):
            await run.clock.advance(60.0)
            await run.drive(run.cloud.refresh())
            stats, asked = run.server.stats, run.questions
            logins, refused = stats.logins, stats.unauthorized
            await run.clock.advance(age)
            run.server.revoke_all()
            tally = Tally()
            requests = (run.request(tally, "/deployments") for _ in range(CROWD))
            await run.drive(asyncio.gather(*requests))
            stats, questions = run.server.stats, run.questions - asked
            refused = stats.unauthorized - refused - questions
            logins = stats.logins - logins
            measured = f"{tally.failed} failed, {refused}, {questions}, {logins}"
            kept = (tally.failed, logins) == (0, 1) and refused <= POOL and questions <= 2
            case = f"revocation {number}, token {age:g} s old, {CROWD:,} requests"
            bound = f"0 failed, {POOL} 401s, 2 questions, 1 login"
            lines.append(Line(case, bound, measured, kept))
    return lines


def recoveries(outage: float) -> Line:
    """A token is had again after an outage, over 100 seeds."""
    waits = []
    for seed in range(100):
        chance = Random(f"{outage} {seed}")
        run = lifecycle()
        run.feed(Opened)
        waits.append(recovery(run, outage, chance, TRANSIENT[0]))
    mean, most = statistics.mean(waits), max(waits)
    return Line(
        f"a token after an outage of {outage:g} s, 100 seeds",
        "mean 5 s, most 11 s",
        f"mean {mean:.1f} s, most {most:.1f} s",
        mean <= 5.0 and most <= 11.0,
    )


async def lines() -> list[Line]:
    """Measure all."""
    shares = {100: 0.995, 20: 0.98, 3: 0.85}
    return [
        *[await lag(seconds, callers) for seconds in (0.05, 0.1, 0.5, 2.0) for callers in (1, 10)],
        *[await bad_node(one_in, share) for one_in, share in shares.items()],
        *[line for age in (0.0, 0.5, 3.0) for line in await revocations(age)],
        *[recoveries(outage) for outage in (20.0, 60.0, 300.0)],
    ]


def main() -> int:
    """Print the lines; return the exit status."""
    found = asyncio.run(lines())
    print("\n".join(map(str, found)))
    return 0 if all(line.kept for line in found) else 1


if __name__ == "__main__":
    sys.exit(main())
