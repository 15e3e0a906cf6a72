"""Renewal under load: 64 workers, tokens of 2 s, a renewal of 200 ms; the old one dies or not."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any

from benchmarks.samples import figure, percentile, ratio

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer
    from benchmarks.setting import Setting
    from benchmarks.targets import Found

_WORKERS = 64
_LIFE = 2.0
_RENEWAL = 0.2
_SLOW = 0.1


class Load:
    """What a client under load measured."""

    def __init__(self) -> None:
        #: When each request began, on the wall clock, and how long it took, seconds.
        self.requests: list[tuple[float, float]] = []
        self.failed = 0
        self.rates: list[float] = []
        self.cpu: list[float] = []

    async def run(self, peer: Peer, seconds: float) -> None:
        """Keep the workers requesting."""
        before, cpu, start = len(self.requests), time.process_time(), time.time()
        until = start + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._work(peer, until))
        sent = len(self.requests) - before
        self.rates.append(sent / (time.time() - start))
        self.cpu.append((time.process_time() - cpu) / sent)

    async def _work(self, peer: Peer, until: float) -> None:
        while (began := time.time()) < until:
            try:
                status = await peer.get()
            except Exception:  # noqa: BLE001 - each library has its own, and each counts
                status = 0
                await asyncio.sleep(0)  # a failure at once must not starve the loop
            self.requests.append((began, time.time() - began))
            self.failed += status != 200

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
            "rate": figure(self.rates),
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


def _between(values: list[float]) -> list[float]:
    return [(before + after) / 2 for before, after in itertools.pairwise(values)]


async def pairs(
    client: type[Peer], raw: Peer, setting: Setting, *, revoke: bool
) -> tuple[Found, Found]:
    """Alternate raw with the client, in stretches too short for the machine to change its speed.

    About every other one of the client's has a renewal in it. What it is compared with is raw
    just before and just after.
    """
    limit, load = Load(), Load()
    setting.control.set(lifetime=_LIFE, revoke=revoke, delay=0.0)
    async with client(setting.control, life=_LIFE) as peer:
        setting.control.set(delay=_RENEWAL)
        setting.control.zero()
        await limit.run(raw, 0.25)
        for _ in range(setting.pick(16, 4)):
            await load.run(peer, 0.7)
            await limit.run(raw, 0.25)
        told = setting.control.stats()
    found = load.figures(told["renewals"])
    found["refused"] = told["refused"]
    found["rate_ratio"] = ratio(load.rates, _between(limit.rates))
    found["cpu_ratio"] = ratio(load.cpu, _between(limit.cpu))
    return found, limit.figures([])


async def alone(client: type[Peer], setting: Setting, *, revoke: bool) -> Found:
    """Run one of the others by itself."""
    load = Load()
    setting.control.set(lifetime=_LIFE, revoke=revoke, delay=0.0)
    async with client(setting.control, life=_LIFE) as peer:
        setting.control.set(delay=_RENEWAL)
        setting.control.zero()
        await load.run(peer, 2.5)
        told = setting.control.stats()
    found = load.figures(told["renewals"])
    found["refused"] = told["refused"]
    return found


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure with the old token revoked by the new one, and kept."""
    clients = setting.clients()
    raw = clients.pop("raw")
    ours = clients.pop("aiocloudauth")
    found: dict[str, Any] = {}
    setting.control.reset()
    async with raw(setting.control) as limit:
        for mode, revoke in (("revoked", True), ("kept", False)):
            here: dict[str, Any] = {}
            here["aiocloudauth"], here["raw"] = await pairs(ours, limit, setting, revoke=revoke)
            for name, client in clients.items():
                if revoke and setting.loop == "asyncio":
                    here[name] = await alone(client, setting, revoke=revoke)
            found[mode] = here
    return found
