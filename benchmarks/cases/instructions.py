"""Steady state in machine instructions, counted by valgrind: exact where clocks are noisy."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.machine import environment

if TYPE_CHECKING:
    from benchmarks.setting import Setting

#: The difference of two runs is the requests' alone.
_FEW, _MANY = 100, 400

_COLLECTED = re.compile(r"I +refs: +([\d,]+)")


def counted(name: str, number: int) -> int:
    """Return how many instructions a program executes that sends `number` requests.

    Raises:
        RuntimeError: valgrind, or the program, failed.
    """
    # Cachegrind, which counts no calls, takes half of callgrind's time.
    tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
    tool.append(f"--cachegrind-out-file={os.devnull}")
    # Dictionaries of objects follow their addresses.
    still = ["setarch", "-R"] if shutil.which("setarch") else []
    program = [sys.executable, "-m", "benchmarks.offline", name, str(number)]
    ended = subprocess.run(
        [*still, *tool, *program], env=environment(), capture_output=True, text=True, check=False
    )
    found = _COLLECTED.search(ended.stderr)
    if ended.returncode or not found:
        raise RuntimeError(f"valgrind, or what it runs, failed:\n{ended.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


async def measure(setting: Setting) -> dict[str, Any]:
    """Count a request of each peer, less everything else the program does."""
    if not shutil.which("valgrind"):
        return {}
    free = asyncio.Semaphore(os.cpu_count() or 1)

    async def count(name: str, number: int) -> int:
        async with free:
            return await asyncio.to_thread(counted, name, number)

    runs = [(name, number) for name in setting.peers for number in (_FEW, _MANY)]
    counts = dict(zip(runs, await asyncio.gather(*(count(*run) for run in runs)), strict=True))
    found: dict[str, Any] = {}
    for name in setting.peers:
        more = counts[name, _MANY] - counts[name, _FEW]
        found[name] = {"instructions": more / (_MANY - _FEW)}
    for figures in found.values():
        for to in ("raw", "do-nothing middleware"):
            figures[f"to {to}"] = figures["instructions"] / found[to]["instructions"]
    return found
