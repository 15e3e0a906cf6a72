"""Where it goes, for what misses a target or may: instructions, bytes and CPU time by place."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import re
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import offline
from benchmarks.cases import cold, queued
from benchmarks.machine import environment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from benchmarks.peers.peer import Peer
    from benchmarks.setting import Setting

#: What is found: for each place, how much of it each client takes there.
Places = dict[str, dict[str, float]]

_SENT = 20
_STARTED = 101
_QUEUED = 5_000
_IMPORTED = 7

_IMPORTS = {
    "import aiohttp": "import aiohttp",
    "CloudSession": "from aiocloudauth import CloudSession, Password",
}
_IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| +(\w+)")
#: What attrs compiles has no file.
_GENERATED = re.compile(r"<attrs generated .*? (\w+)[.>]")
_LIBRARY = str(Path(asyncio.__file__).parents[1])
_PROJECT = str(Path(__file__).parents[2])


def package(file: str) -> str:
    """Return the package that a file belongs to, or the standard library's module."""
    generated = _GENERATED.match(file)
    if generated:
        return generated[1]
    parts = Path(file).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    if file.startswith(_LIBRARY):
        return Path(file).relative_to(_LIBRARY).parts[0].removesuffix(".py")
    if file.startswith(_PROJECT):
        return Path(file).relative_to(_PROJECT).parts[0]
    return "the rest"


class Executed:
    """Counts the instructions of Python that each function executes."""

    def __init__(self) -> None:
        self.by_function: Counter[str] = Counter()

    def called(self, frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - it gives itself
        """Follow a function that is called."""
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self.traced

    def traced(self, frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - it gives itself
        """Count an instruction."""
        if event == "opcode":
            code = frame.f_code
            self.by_function[f"{package(code.co_filename)}: {code.co_qualname}"] += 1
        return self.traced


async def instructions(name: str) -> Counter[str]:
    """Return what one request of a client executes, function by function."""
    executed = Executed()
    async with offline.client(name) as get:
        await get()
        sys.settrace(executed.called)
        for _ in range(_SENT):
            await get()
        sys.settrace(None)
    return Counter({at: round(number / _SENT) for at, number in executed.by_function.items()})


async def waiting(client: type[Peer], setting: Setting) -> Counter[str]:
    """Return the bytes of a request that waits for a connection, by the file that makes them."""
    await queued.queue(client, setting, 100, queued.held)
    snapshot = await queued.queue(client, setting, _QUEUED, tracemalloc.take_snapshot)
    held: Counter[str] = Counter()
    for found in snapshot.statistics("filename"):
        file = found.traceback[0].filename
        held[f"{package(file)}: {Path(file).name}"] += round(found.size / _QUEUED)
    return held


async def whole_life(name: str, origin: str) -> Counter[str]:
    """Return the CPU time of a session that sends one request, package by package, µs.

    What a function in C takes is its caller's.
    """
    profile = cProfile.Profile(time.process_time)
    await cold.STARTS[name](origin)
    for _ in range(_STARTED):
        profile.enable()
        await cold.STARTS[name](origin)
        profile.disable()
    spent: Counter[str] = Counter()
    functions: dict[Any, Any] = vars(pstats.Stats(profile))["stats"]
    for (file, _, _), (_, _, own, _, callers) in functions.items():
        if file == "~":
            for (caller, _, _), (_, _, part, _) in callers.items():
                spent[package(caller)] += part
        else:
            spent[package(file)] += own
    return Counter({at: seconds / _STARTED * 1e6 for at, seconds in spent.items()})


def imported(program: str) -> Counter[str]:
    """Return how long a fresh interpreter imports each package, ms: the least of some runs."""
    least: Counter[str] = Counter()
    for _ in range(_IMPORTED):
        told = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", program],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        spent: Counter[str] = Counter()
        for microseconds, name in _IMPORT.findall(told):
            spent[name] += int(microseconds) / 1e3
        least = least & spent if least else spent
    return least


def places(found: dict[str, Counter[str]], least: float, same: Iterable[str] = ()) -> Places:
    """Turn what each client takes around, greatest first; what is below `least` is one line."""
    greatest = Counter[str]()
    for spent in found.values():
        greatest |= spent
    alike = {at for at in greatest if len({found[name][at] for name in same}) == 1}
    shown = [at for at, amount in greatest.most_common() if amount >= least and at not in alike]
    table: Places = {at: {name: spent[at] for name, spent in found.items()} for at in shown}
    table["all else"] = {
        name: sum(amount for at, amount in spent.items() if at not in table)
        for name, spent in found.items()
    }
    table["together"] = {name: spent.total() for name, spent in found.items()}
    return table


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure each kind."""
    setting.control.reset()
    clients = setting.clients()
    executed = {name: await instructions(name) for name in clients}
    held = {name: await waiting(clients[name], setting) for name in clients}
    setting.control.reset()
    starts = {name: await whole_life(name, setting.control.origin) for name in cold.STARTS}
    imports = {name: imported(program) for name, program in _IMPORTS.items()}
    return {
        "request": places(executed, 1, same=("do-nothing middleware", "aiocloudauth")),
        "queued": places(held, 100),
        "session": places(starts, 30),
        "import": places(imports, 5),
    }
