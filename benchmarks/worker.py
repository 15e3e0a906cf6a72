"""A client in a process of its own, which sends when it is told: ``python -m benchmarks.worker``.

The interpreter fits its bytecode to the types that it meets. Clients that take turns in one
process undo this for each other, and the one whose classes are in the minority pays for it:
up to 4 % of a request, which is more than most differences here. A user's process has one client.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from benchmarks import machine
from benchmarks.chunks import requests
from benchmarks.control import Control
from benchmarks.peers import load

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer
    from benchmarks.setting import Setting

#: So many requests fit the interpreter, the pool and the kernel to a client.
_WARM_UP = 1_000


class Stretch(NamedTuple):
    """What a client did when it was told.

    Attributes:
        cpu: The time of its process, seconds.
        wall: The time that went by, seconds.
        taken: When each request began, on the wall clock, and how long it took, seconds; only
            of `Worker.keep_busy`.
        failed: Those that were not answered with 200.
    """

    cpu: float
    wall: float
    taken: list[tuple[float, float]]
    failed: int


class Worker:
    """The harness's hand on such a process, which runs from `__init__` to the context's end.

    It shares this process's core, so two must not be told something at once.
    """

    def __init__(self, name: str, setting: Setting, *, life: float = 3600.0) -> None:
        arguments = ["-m", "benchmarks.worker", name, "--port", str(setting.port)]
        arguments += ["--loop", setting.loop, "--life", str(life)]
        self._name = name
        self._process = machine.python(*arguments, core=None)

    def __enter__(self) -> Self:
        self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def send(self, number: int, concurrency: int) -> Stretch:
        """Have it send `number` requests, `concurrency` at a time."""
        return self._told("send", number, concurrency)

    def keep_busy(self, seconds: float, concurrency: int) -> Stretch:
        """Have it send requests for so long, `concurrency` at a time, whatever comes back."""
        return self._told("keep_busy", seconds, concurrency)

    def _told(self, *order: object) -> Stretch:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return Stretch(*self._answer())

    def _answer(self) -> list[Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self._name!r} ended")
        answer: list[Any] = json.loads(line)
        return answer


async def busy(peer: Peer, until: float, concurrency: int) -> tuple[list[tuple[float, float]], int]:
    """Send requests until then; return when each began and how long it took, and the failures."""
    taken: list[tuple[float, float]] = []
    failed = 0

    async def work() -> None:
        nonlocal failed
        while (began := time.time()) < until:
            try:
                status = await peer.get()
            except Exception:  # noqa: BLE001 - each library has its own, and each counts
                status = 0
                await asyncio.sleep(0)  # a failure at once must not starve the loop
            taken.append((began, time.time() - began))
            failed += status != 200

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return taken, failed


async def obey(given: argparse.Namespace) -> None:
    """Do what comes in, a line each, until there is no more; the loop runs on in between."""
    async with load(given.name)(Control(given.port), life=given.life) as peer:
        await requests(peer.get, _WARM_UP // 2, 1)
        await requests(peer.get, _WARM_UP // 2, 64)
        gc.collect()
        gc.freeze()
        print(json.dumps([]), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            verb, amount, concurrency = json.loads(line)
            taken: list[tuple[float, float]] = []
            failed = 0
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            if verb == "send":
                await requests(peer.get, amount, concurrency)
            else:
                taken, failed = await busy(peer, time.time() + amount, concurrency)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            print(json.dumps(Stretch(cpu, wall, taken, failed)), flush=True)


def main() -> None:
    """Open the client and obey."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker")
    parser.add_argument("name")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), required=True)
    parser.add_argument("--life", type=float, required=True)
    given = parser.parse_args()
    if given.loop == "uvloop":
        import uvloop

        uvloop.run(obey(given))
    else:
        asyncio.run(obey(given))


if __name__ == "__main__":
    main()
