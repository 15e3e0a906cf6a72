"""Renewal under load: 64 workers, tokens of 2 s, a renewal of 200 ms; the old one dies or not."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.samples import figure, percentile, ratio
from benchmarks.worker import Stretch, Worker, busy

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer
    from benchmarks.setting import Setting
    from benchmarks.targets import Found

_WORKERS = 64
_LIFE = 2.0
_RENEWAL = 0.2
_SLOW = 0.1
#: How long one client is kept busy in a round, seconds: too short for the machine to change its
#: speed much, long enough that to begin and to end do not count.
_STRETCH = 0.03
_US = "aiocloudauth"
#: Who takes turns. Ours twice a round, so that more of its renewals come while it is busy.
_IN_TURNS = ("raw", "raw again", "do-nothing middleware", _US)


class Load:
    """What a client under load measured."""

    def __init__(self) -> None:
        #: When each request began, on the wall clock, and how long it took, seconds.
        self.requests: list[tuple[float, float]] = []
        self.failed = 0
        #: Requests a second, and CPU seconds a request, of each stretch.
        self.rate: list[float] = []
        self.cpu: list[float] = []

    def add(self, stretch: Stretch) -> None:
        """Add what a client did when it was told."""
        number = len(stretch.taken)
        self.requests += stretch.taken
        self.failed += stretch.failed
        self.rate.append(number / stretch.wall)
        self.cpu.append(stretch.cpu / number)

    def figures(self, renewals: list[list[float]]) -> dict[str, Any]:
        """Sum up, apart for what overlapped a renewal, in milliseconds."""
        spans = [(began, ended) for began, ended, _ in renewals]
        inside: list[float] = []
        outside: list[float] = []
        for began, took in self.requests:
            met = any(began < ended and began + took > started for started, ended in spans)
            (inside if met else outside).append(took * 1e3)
        found: dict[str, Any] = {
            "requests": len(self.requests),
            "failed": self.failed,
            "over_100_ms": sum(took > _SLOW for _, took in self.requests),
            "renewals": len(renewals),
            "rate": figure(self.rate),
        }
        for where, taken in (("inside", inside), ("outside", outside)):
            taken.sort()
            if taken:
                found[where] = {
                    "n": len(taken),
                    "p50": percentile(taken, 0.5),
                    "p99": percentile(taken, 0.99),
                    "max": taken[-1],
                }
        return found


def in_turns(names: tuple[str, ...], setting: Setting, *, revoke: bool) -> dict[str, Found]:
    """Measure those that are compared in turns, each in a process of its own, some of each."""
    loads = {name: Load() for name in names}
    turns, order = [*names, _US], random.Random(0)
    renewals: list[list[float]] = []
    refused = 0
    for _ in range(setting.pick(2, 1)):
        setting.control.reset()
        setting.control.set(lifetime=_LIFE, revoke=revoke)
        with ExitStack() as stack:
            started = {name: Worker(name, setting, life=_LIFE) for name in names}
            workers = {name: stack.enter_context(worker) for name, worker in started.items()}
            setting.control.set(delay=_RENEWAL)
            setting.control.zero()
            for _ in range(setting.pick(24, 9)):
                for name in order.sample(turns, len(turns)):
                    loads[name].add(workers[name].keep_busy(_STRETCH, _WORKERS))
            told = setting.control.stats()
        renewals += told["renewals"]
        refused += told["refused"]
    raw, found = loads["raw"], {}
    for name, load in loads.items():
        ours, times = name == _US, turns.count(name)
        found[name] = load.figures(renewals if ours else [])
        found[name]["refused"] = refused if ours else 0
        found[name]["rate_ratio"] = ratio(load.rate, _each(raw.rate, times))
        found[name]["cpu_ratio"] = ratio(load.cpu, _each(raw.cpu, times))
    return found


def _each(values: list[float], times: int) -> list[float]:
    """Return every value that many times: what a round's stretches are compared with."""
    return [value for value in values for _ in range(times)]


async def alone(client: type[Peer], setting: Setting, *, revoke: bool) -> Found:
    """Run one of the others by itself."""
    load = Load()
    setting.control.set(lifetime=_LIFE, revoke=revoke, delay=0.0)
    async with client(setting.control, life=_LIFE) as peer:
        setting.control.set(delay=_RENEWAL)
        setting.control.zero()
        wall, cpu = time.perf_counter(), time.process_time()
        taken, failed = await busy(peer, time.time() + 2.5, _WORKERS)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        load.add(Stretch(cpu, wall, taken, failed))
        told = setting.control.stats()
    found = load.figures(told["renewals"])
    found["refused"] = told["refused"]
    return found


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure with the old token revoked by the new one, and kept."""
    clients = setting.clients()
    others = {name: client for name, client in clients.items() if name not in _IN_TURNS}
    found: dict[str, Any] = {}
    for mode, revoke in (("revoked", True), ("kept", False)):
        found[mode] = in_turns(_IN_TURNS, setting, revoke=revoke)
        for name, client in others.items():
            if revoke and setting.loop == "asyncio":
                found[mode][name] = await alone(client, setting, revoke=revoke)
    return found
