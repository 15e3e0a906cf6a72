"""Alternating chunks in one process: what a request costs, by the process's CPU clock."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.samples import figure, ratio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from benchmarks.samples import Figure

#: A peer that in its trial needs this many times as long as raw takes part in one round of nine.
_SLOW, _SELDOM = 4.0, 9


async def requests(get: Callable[[], Awaitable[int]], number: int, concurrency: int) -> None:
    """Send `number` requests, `concurrency` at a time.

    Raises:
        RuntimeError: One was not answered with 200.
    """
    left = iter(range(number))

    async def work() -> None:
        for _ in left:
            status = await get()
            if status != 200:
                raise RuntimeError(f"status {status} in the steady state")

    if concurrency == 1:
        await work()
        return
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


@dataclass
class Lane:
    """One client, and what was measured of it, by round; nothing where it sat out."""

    get: Callable[[], Awaitable[int]]
    number: int = 0
    every: int = 1
    cpu: list[float | None] = field(default_factory=list)
    wall: list[float | None] = field(default_factory=list)


async def alternate(
    gets: Mapping[str, Callable[[], Awaitable[int]]],
    *,
    concurrency: int,
    rounds: int,
    chunk: float,
) -> dict[str, dict[str, Figure]]:
    """Measure every client in each round, in random order.

    Args:
        gets: What sends one request, by client.
        concurrency: Requests at a time.
        rounds: How often.
        chunk: About how long one client is measured in a round, seconds.

    Returns:
        By client: CPU microseconds a request, requests a second, and the ratios of both to
        raw's, round by round.
    """
    lanes = {name: Lane(get) for name, get in gets.items()}
    order = random.Random(concurrency)
    for lane in lanes.values():
        await requests(lane.get, max(20, concurrency), concurrency)
    costs = {}
    for name, lane in lanes.items():
        trial = max(50, concurrency)
        started = time.perf_counter()
        await requests(lane.get, trial, concurrency)
        costs[name] = (time.perf_counter() - started) / trial
    for name, lane in lanes.items():
        lane.number = max(int(chunk / costs[name]), concurrency, 20)
        lane.every = 1 if costs[name] < _SLOW * costs["raw"] else _SELDOM
    gc.collect()
    gc.freeze()
    for number in range(rounds):
        names = list(lanes)
        order.shuffle(names)
        for name in names:
            lane = lanes[name]
            if number % lane.every:
                lane.cpu.append(None)
                lane.wall.append(None)
                continue
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            await requests(lane.get, lane.number, concurrency)
            lane.cpu.append((time.process_time() - cpu) / lane.number * 1e6)
            lane.wall.append((time.perf_counter() - wall) / lane.number * 1e6)
    gc.unfreeze()
    return {name: _figures(lane, lanes["raw"]) for name, lane in lanes.items()}


def _figures(lane: Lane, to: Lane) -> dict[str, Figure]:
    return {
        "cpu_us": figure(value for value in lane.cpu if value is not None),
        "cpu_ratio": ratio(lane.cpu, to.cpu),
        "rate": figure(1e6 / value for value in lane.wall if value is not None),
        "rate_ratio": ratio(to.wall, lane.wall),
    }
