"""The client of a soak: one session, 200 workers, samples of what the process holds.

``python -m tests.verify.soak.client`` reads its task from the command line and prints its result as
one line of JSON; `__main__` runs it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import aiohttp
from attrs import define, field

from aiocloudauth import CloudAuthError, CloudSession, Password, RenewalPolicy
from tests.verify.soak.holding import Holding, grown, kinds, take

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

WORKERS: Final = 200

#: Seconds a worker rests between two requests, at least and at most.
REST: Final = (0.05, 0.25)

#: Fitting tokens of two seconds.
POLICY: Final = RenewalPolicy(min_interval=0.1, backoff=0.2, backoff_max=0.5, attempt_timeout=1.0)

#: The share of the time that passes before the first sample, and samples after it.
WARM_UP: Final = 0.3
SAMPLES: Final = 6


@define(eq=False)
class Load:
    """The workers of one session."""

    cloud: CloudSession
    answered: int = 0
    failed: Counter[str] = field(factory=Counter)
    examples: list[str] = field(factory=list)
    slowest: float = 0.0
    _go: asyncio.Event = field(factory=asyncio.Event, init=False)
    _busy: int = field(default=0, init=False)
    _idle: asyncio.Event = field(factory=asyncio.Event, init=False)
    _ended: bool = field(default=False, init=False)

    async def work(self, number: int) -> None:
        """Request, rest, and stand still whenever a sample is taken."""
        rng = random.Random(number)
        while True:
            await self._go.wait()
            if self._ended:
                return
            self._busy += 1
            await self._one(rng)
            self._busy -= 1
            if not self._busy:
                self._idle.set()
            await asyncio.sleep(rng.uniform(*REST))

    async def _one(self, rng: random.Random) -> None:
        began = time.perf_counter()
        try:
            kind = rng.random()
            if kind < 0.1:
                pending = self.cloud.post("/deployments/_search", json={"size": 10})
            elif kind < 0.2:
                pending = self.cloud.get(f"/deployments?delay={rng.uniform(0.0, 0.2):.3f}")
            else:
                pending = self.cloud.get("/deployments")
            async with pending as response:
                await response.read()
        except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
            self.failed[type(error).__name__] += 1
            if len(self.examples) < 5:
                self.examples.append(f"{type(error).__name__}: {error}")
        else:
            self.answered += 1
            self.slowest = max(self.slowest, time.perf_counter() - began)

    async def stop(self) -> None:
        """Let every request under way end, and nothing new begin."""
        self._go.clear()
        self._idle.clear()
        if self._busy:
            await self._idle.wait()
        # Workers that rested wait for the start now.
        await asyncio.sleep(REST[1] + 0.05)

    def go(self) -> None:
        """Start, or go on."""
        self._go.set()

    def end(self) -> None:
        """Let the workers end."""
        self._ended = True
        self._go.set()


async def fill_pool(cloud: CloudSession) -> None:
    """Open every connection that the pool may hold, so that later ones are no growth."""

    async def one() -> None:
        async with cloud.get("/deployments?delay=0.5") as response:
            await response.read()

    await asyncio.gather(*(one() for _ in range(WORKERS)))


async def soak(url: str, ca: str, seconds: float) -> dict[str, Any]:
    """Work for so long; return what came of it."""
    renewals: Counter[str] = Counter()
    async with CloudSession(
        url,
        Password("admin", "secret"),
        policy=POLICY,
        ssl=ca,
        on_event=lambda event: renewals.update((type(event).__name__,)),
    ) as cloud:
        began = time.perf_counter()
        await fill_pool(cloud)
        load = Load(cloud)
        workers = [asyncio.create_task(load.work(number)) for number in range(WORKERS)]
        load.go()
        samples: list[Holding] = []
        seen: list[Counter[str]] = []
        for number in range(SAMPLES):
            due = seconds * (WARM_UP + (1.0 - WARM_UP) * number / (SAMPLES - 1))
            await asyncio.sleep(began + due - time.perf_counter())
            await load.stop()
            samples.append(take())
            if number in {0, SAMPLES - 1}:
                seen.append(kinds())
            load.go()
        load.end()
        await asyncio.gather(*workers)
        took = time.perf_counter() - began
    await asyncio.sleep(0.1)
    return {
        "answered": load.answered,
        "failed": dict(load.failed),
        "examples": load.examples,
        "slowest": load.slowest,
        "took": took,
        "events": dict(renewals),
        "grown": grown(samples),
        "kinds": dict((seen[1] - seen[0]).most_common(8)),
        "left": len(asyncio.all_tasks()) - 1,
    }


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop


def main(argv: Sequence[str] | None = None) -> int:
    """Run the load that the command line describes."""
    parser = argparse.ArgumentParser(prog="python -m tests.verify.soak.client")
    parser.add_argument("url")
    parser.add_argument("ca")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args(argv)
    logging.getLogger("aiocloudauth").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=_loop_factory(arguments.loop)) as runner:
        result = runner.run(soak(arguments.url, arguments.ca, arguments.seconds))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
