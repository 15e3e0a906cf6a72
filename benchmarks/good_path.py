"""A request that needs no renewal: instructions, bytecodes, and requests a second.

``python -m benchmarks.good_path CLIENT ORIGIN TOKEN NUMBER`` sends that many requests, and is what
valgrind counts.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from itertools import product
from typing import TYPE_CHECKING

from benchmarks.clients import FIRST, NOTHING, OURS, RAW
from benchmarks.rows import TIMES, Row, ratio

if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from benchmarks.clients import Client, Get
    from benchmarks.steering import Server

#: The difference of two runs is the requests' alone.
_FEW, _MANY = 100, 400
_COLLECTED = re.compile(r"I +refs: +([\d,]+)")
_AT_A_TIME = 64


class _Given:
    """The server as a counted program sees it."""

    def __init__(self, origin: str, token: str) -> None:
        self.origin = origin
        self.fixed = lambda: token


async def send(client: Client, server: Any, number: int) -> None:  # noqa: ANN401 - or `_Given`
    """Send so many requests, one after the other."""
    async with client(server) as get:
        gc.disable()
        for _ in range(number):
            assert await get() == 200


def counted(name: str, number: int, origin: str, token: str) -> int:
    """Return how many machine instructions a program executes that sends `number` requests."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
    command.append(f"--cachegrind-out-file={os.devnull}")
    if shutil.which("setarch"):  # dictionaries of objects follow their addresses
        command[:0] = ["setarch", "-R"]
    command += [sys.executable, "-m", "benchmarks.good_path", name, origin, token, str(number)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = _COLLECTED.search(ended.stderr)
    if ended.returncode or not found:
        raise RuntimeError(f"valgrind, or what it runs, failed:\n{ended.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


def instructions(server: Server) -> list[Row]:
    """Count machine instructions, which hardly vary, in a process for each client."""
    case, promise = "a good request, machine instructions", f"≤ 1.01 {TIMES} {NOTHING}"
    if not shutil.which("valgrind"):
        return [Row(case, promise, "not measured: no valgrind")]
    server.reset()
    runs = list(product(FIRST, (_FEW, _MANY)))
    token = server.fixed()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        counts = threads.map(lambda run: counted(run[0], run[1], server.origin, token), runs)
        told = dict(zip(runs, counts, strict=True))
    each = {name: (told[name, _MANY] - told[name, _FEW]) / (_MANY - _FEW) for name in FIRST}
    share = each[OURS] / each[NOTHING]
    text = (
        f"{share:.4f} ({each[OURS]:,.0f}; {NOTHING} {each[NOTHING]:,.0f}, {RAW} {each[RAW]:,.0f})"
    )
    return [Row(case, promise, text, share <= 1.01)]


async def bytecodes(server: Server) -> list[Row]:
    """Count instructions of Python: the least of some requests, without what the loop has to do."""
    least = {}
    for name, client in FIRST.items():
        server.reset()
        async with client(server) as get:
            await get()
            least[name] = min([await _executed(get) for _ in range(20)])
    text = (
        f"{least[OURS] / least[NOTHING]:.3f} ({least[OURS]:,}; "
        f"{NOTHING} {least[NOTHING]:,}, {RAW} {least[RAW]:,})"
    )
    return [Row("a good request, bytecodes", f"{TIMES} {NOTHING}", text)]


async def _executed(get: Get) -> int:
    number = 0

    def called(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - it gives itself
        nonlocal number
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        number += event == "opcode"
        return called

    sys.settrace(called)
    await get()
    sys.settrace(None)
    return number


async def rates(
    server: Server, clients: dict[str, Client], *, rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Return requests a second, 64 at a time, of every client in each round, in random order."""
    found: dict[str, list[float]] = {name: [] for name in clients}
    order = random.Random(0)
    server.reset()
    async with AsyncExitStack() as stack:
        gets = {
            name: await stack.enter_async_context(client(server))
            for name, client in clients.items()
        }
        for get in gets.values():
            await rate(get, seconds)
        for _ in range(rounds):
            for name in order.sample(list(gets), len(gets)):
                found[name].append(await rate(gets[name], seconds))
    return found


async def rate(get: Get, seconds: float) -> float:
    """Return requests a second."""
    gc.collect()
    began = time.perf_counter()

    async def work() -> int:
        number = 0
        while time.perf_counter() < began + seconds:
            assert await get() == 200
            number += 1
        return number

    done = await asyncio.gather(*(work() for _ in range(_AT_A_TIME)))
    return sum(done) / (time.perf_counter() - began)


async def throughput(server: Server, *, quick: bool) -> list[Row]:
    """Compare requests a second by the clock, in one process."""
    found = await rates(server, FIRST, rounds=7 if quick else 41, seconds=0.15)
    text = (
        f"{ratio(found[OURS], found[NOTHING]).text(3)}; over {RAW} "
        f"{ratio(found[OURS], found[RAW]).text(3)}, "
        f"the {NOTHING} {ratio(found[NOTHING], found[RAW]).text(3)}"
    )
    return [Row("good requests a second, 64 at a time", f"{TIMES} {NOTHING}", text)]


if __name__ == "__main__":
    _, chosen, at, held, many = sys.argv
    asyncio.run(send(FIRST[chosen], _Given(at, held), int(many)))
