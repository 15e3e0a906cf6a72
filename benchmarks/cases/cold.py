"""The first request: of a session in a running process, and of a fresh interpreter."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from typing import TYPE_CHECKING, Any

import aiohttp

from aiocloudauth import CloudSession, Password
from benchmarks.peers.peer import PATH
from benchmarks.samples import figure, ratio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.setting import Setting

#: What a person writes who needs the token once.
_RAW = """
import asyncio, sys
import aiohttp

async def main(origin):
    async with aiohttp.ClientSession() as session:
        body = {"username": "admin", "password": "secret"}
        async with session.post(f"{origin}/api/v1/users/auth/_login", json=body) as response:
            headers = {"Authorization": f"Bearer {(await response.json())['token']}"}
        async with session.get(f"{origin}/api/v1/deployments", headers=headers) as response:
            await response.read()
            assert response.status == 200

asyncio.run(main(sys.argv[1]))
"""

_OURS = """
import asyncio, sys
from aiocloudauth import CloudSession, Password

async def main(origin):
    credentials = Password("admin", "secret")
    async with CloudSession(origin, credentials, logout_on_close=False) as cloud:
        async with cloud.get("/deployments") as response:
            await response.read()
            assert response.status == 200

asyncio.run(main(sys.argv[1]))
"""


async def raw(origin: str) -> float:
    """Log in and request by hand; return the time to the answer, seconds."""
    started = time.perf_counter()
    async with aiohttp.ClientSession() as session:
        body = {"username": "admin", "password": "secret"}
        async with session.post(f"{origin}/api/v1/users/auth/_login", json=body) as response:
            headers = {"Authorization": f"Bearer {(await response.json())['token']}"}
        async with session.get(origin + PATH, headers=headers) as response:
            await response.read()
            return time.perf_counter() - started


async def raw_apart(origin: str) -> float:
    """As `raw`, with the login on a session of its own, as a renewal needs it."""
    started = time.perf_counter()
    async with aiohttp.ClientSession() as login, aiohttp.ClientSession() as session:
        body = {"username": "admin", "password": "secret"}
        async with login.post(f"{origin}/api/v1/users/auth/_login", json=body) as response:
            headers = {"Authorization": f"Bearer {(await response.json())['token']}"}
        async with session.get(origin + PATH, headers=headers) as response:
            await response.read()
            return time.perf_counter() - started


async def ours(origin: str) -> float:
    """Open a session and request; return the time to the answer, seconds."""
    started = time.perf_counter()
    credentials = Password("admin", "secret")
    async with (
        CloudSession(origin, credentials, logout_on_close=False) as cloud,
        cloud.get("/deployments") as response,
    ):
        await response.read()
        return time.perf_counter() - started


STARTS: dict[str, Callable[[str], Awaitable[float]]] = {
    "raw": raw,
    "raw, login apart": raw_apart,
    "aiocloudauth": ours,
}


async def sessions(setting: Setting, rounds: int, delay: float) -> dict[str, Any]:
    """Compare in this process, with everything imported."""
    order = random.Random(0)
    samples: dict[str, list[float]] = {name: [] for name in STARTS}
    setting.control.reset(delay=delay)
    for start in STARTS.values():
        await start(setting.control.origin)
    for _ in range(rounds):
        for name in order.sample(list(STARTS), len(STARTS)):
            samples[name].append(await STARTS[name](setting.control.origin) * 1e3)
    return _against_raw(samples)


async def interpreters(setting: Setting, rounds: int, delay: float) -> dict[str, Any]:
    """Compare whole programs, from the start of the interpreter to its end."""
    order = random.Random(1)
    programs = {"raw": _RAW, "aiocloudauth": _OURS}
    samples: dict[str, list[float]] = {name: [] for name in programs}
    setting.control.reset(delay=delay)
    for number in range(rounds + 1):
        for name in order.sample(list(programs), len(programs)):
            took = await asyncio.to_thread(_run, programs[name], setting.control.origin)
            if number:
                samples[name].append(took * 1e3)
    return _against_raw(samples)


def _run(program: str, origin: str) -> float:
    started = time.perf_counter()
    arguments = [sys.executable, "-c", program, origin]
    _, status = os.waitpid(os.posix_spawn(sys.executable, arguments, os.environ), 0)
    if status:
        raise RuntimeError("a program failed")
    return time.perf_counter() - started


def _against_raw(samples: dict[str, list[float]]) -> dict[str, Any]:
    return {
        name: {"ms": figure(values), "ratio": ratio(values, samples["raw"])}
        for name, values in samples.items()
    }


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure with a login that takes no time, and with one that takes 200 ms."""
    return {
        "session": await sessions(setting, setting.pick(101, 31), 0.0),
        "session, login of 200 ms": await sessions(setting, setting.pick(11, 3), 0.2),
        "interpreter": await interpreters(setting, setting.pick(9, 3), 0.0),
    }
