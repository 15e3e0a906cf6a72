"""The client's side of a simulated year: workers that request all along, and their tally."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Final

import aiohttp
from attrs import define, field

from aiocloudauth import CloudAuthError
from tests.verify.simulated_year.witness import FOREIGN

if TYPE_CHECKING:
    from aiocloudauth import CloudSession
    from aiocloudauth.testing import ManualClock
    from tests.verify.simulated_year.ledger import Ledger
    from tests.verify.simulated_year.plan import Plan

WORKERS: Final = 8

#: Mean seconds between two requests of a worker: usually, and around the script's events.
USUALLY: Final = 2700.0
DENSELY: Final = 30.0

#: Failures that are described in full.
_SHOWN: Final = 5


@define(eq=False)
class Tally:
    """What became of the requests."""

    answered: int = 0
    dense: int = 0
    longest_wait: float = 0.0
    excused: Counter[str] = field(factory=Counter)
    #: Failed though a valid token could exist.
    unexcused: Counter[str] = field(factory=Counter)
    examples: list[str] = field(factory=list)

    @property
    def requests(self) -> int:
        """All of them."""
        return self.answered + self.excused.total() + self.unexcused.total()

    def failed(self, error: Exception, began: float, ended: float, *, excused: bool) -> None:
        """Count a failure."""
        name = type(error).__name__
        if excused:
            self.excused[name] += 1
            return
        self.unexcused[name] += 1
        if len(self.examples) < _SHOWN:
            day, second = divmod(began, 86_400.0)
            text = f"day {day:.0f} + {second:.3f} s, after {ended - began:.3f} s: {name}: {error}"
            self.examples.append(text)


async def work(
    number: int,
    seed: int,
    cloud: CloudSession,
    clock: ManualClock,
    plan: Plan,
    ledger: Ledger,
    tally: Tally,
) -> None:
    """Request until the plan's end; every worker has random numbers of its own."""
    rng = random.Random(f"worker {number} {seed}")
    now = clock.remote.monotonic  # true time, as the script and the ledger have it
    while (began := now()) < plan.end:
        dense = plan.is_dense(began)
        awake = clock.monotonic()
        tally.dense += dense
        try:
            await _request(cloud, rng)
        except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
            tally.failed(error, began, now(), excused=ledger.excuses(began))
        else:
            tally.answered += 1
            tally.longest_wait = max(tally.longest_wait, clock.monotonic() - awake)
        at = now()
        pause = rng.expovariate(1.0 / (DENSELY if dense else USUALLY))
        if not dense and at + pause > (near := plan.next_dense(at)):
            pause = near - at + rng.uniform(0.0, DENSELY)
        await clock.sleep(pause)


async def _request(cloud: CloudSession, rng: random.Random) -> None:
    kind = rng.random()
    if kind < 0.05:  # in flight for a while, perhaps over the swap of a token
        pending = cloud.get(f"/deployments?delay={rng.uniform(0.5, 5.0):.3f}")
    elif kind < 0.15:
        pending = cloud.post("/deployments/_search", json={"size": 10})
    elif kind < 0.20:  # Elasticsearch's own 401, which is the answer
        fields = {"X-Management-Request": "true"}
        async with cloud.get(FOREIGN, headers=fields, raise_for_status=False) as response:
            await response.read()
            if response.status != 401:
                response.raise_for_status()
        return
    else:
        pending = cloud.get("/deployments")
    async with pending as response:
        await response.read()
