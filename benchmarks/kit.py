"""The test kit's own figures: python -m benchmarks.kit (`make bench-kit`)."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
from typing import Any, Final

import aiohttp

from aiocloudauth import CloudSession, Password
from aiocloudauth.testing import CloudServer, ManualClock

STARTS: Final = 201
LIFETIMES: Final = 10_000
#: Seconds that a token of those lives.
LIFE: Final = 60.0
WORKERS: Final = 64
ROUNDS: Final = 5
#: Seconds of one round.
ROUND: Final = 1.5


async def starts() -> list[float]:
    """Return how long starting and stopping took, in milliseconds."""
    took = []
    for _ in range(STARTS):
        began = time.perf_counter()
        async with CloudServer():
            pass
        took.append((time.perf_counter() - began) * 1_000.0)
    return took


async def lifetimes(*, in_memory: bool) -> tuple[float, int]:
    """Return the seconds and the renewals of a session on virtual time."""
    clock = ManualClock(sockets=not in_memory)
    async with CloudServer(token_lifetime=LIFE, clock=clock, revoke_on_refresh=True) as server:
        connectors: dict[str, Any] = {}
        if in_memory:
            connectors = {"connector": server.connector(), "auth_connector": server.connector()}
        admin = Password("admin", "secret")
        async with CloudSession(server.url, admin, clock=clock, **connectors):
            began = time.perf_counter()
            await clock.advance(LIFE * LIFETIMES)
            return time.perf_counter() - began, server.stats.refreshes


async def guarded(url: str) -> list[float]:
    """Return the guarded requests a second, of each round."""
    login = {"username": "admin", "password": "secret"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=WORKERS)) as client:
        async with client.post(f"{url}/api/v1/users/auth/_login", json=login) as response:
            token = (await response.json())["token"]
        headers = {"Authorization": f"Bearer {token}"}

        async def work(end: float) -> int:
            count = 0
            while time.perf_counter() < end:
                async with client.get(f"{url}/api/v1/deployments", headers=headers) as response:
                    await response.read()
                    assert response.status == 200
                count += 1
            return count

        rates = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            counts = await asyncio.gather(*(work(began + ROUND) for _ in range(WORKERS)))
            rates.append(sum(counts) / (time.perf_counter() - began))
        return rates


def against_a_process_of_its_own() -> list[float]:
    """Start the stand-alone server, load it, and end it."""
    command = [sys.executable, "-m", "aiocloudauth.testing", "--port", "0"]
    command += ["--user", "admin:secret"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            return asyncio.run(guarded(process.stdout.readline().strip()))
        finally:
            process.send_signal(signal.SIGTERM)


def spread(values: list[float], form: str) -> str:
    """Write the median, with the least and the most."""
    texts = (format(value, form) for value in (statistics.median(values), min(values), max(values)))
    return "{} (from {} to {})".format(*texts)


def main() -> None:
    """Measure and print."""
    load = os.getloadavg()[0]
    print(
        f"load before: {load:.1f}; Python {sys.version.split()[0]}, aiohttp {aiohttp.__version__}"
    )
    print(f"start and stop, ms, {STARTS} times: {spread(asyncio.run(starts()), '.2f')}")
    rates = spread(against_a_process_of_its_own(), ",.0f")
    print(f"guarded requests a second, one process, {WORKERS} connections: {rates}")
    for where, in_memory in (("over sockets", False), ("in memory", True)):
        took, renewals = asyncio.run(lifetimes(in_memory=in_memory))
        print(f"{LIFETIMES:,} lifetimes {where}: {took:.1f} s, {renewals:,} renewals")


if __name__ == "__main__":
    main()
