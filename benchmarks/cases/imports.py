"""Import time: the CPU time of fresh interpreters that import one thing."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.samples import figure, ratio

if TYPE_CHECKING:
    from benchmarks.setting import Setting

_PROGRAMS = {
    "nothing": "",
    "import aiohttp": "import aiohttp",
    "import aiocloudauth": "import aiocloudauth",
    "from aiocloudauth import CloudSession, Password": (
        "from aiocloudauth import CloudSession, Password"
    ),
}


def cpu_seconds(program: str) -> float:
    """Run a program in a fresh interpreter and return the CPU time it took."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{program!r} failed")
    return usage.ru_utime + usage.ru_stime


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure in milliseconds, less the bare interpreter, against ``import aiohttp``."""
    rounds, order = setting.pick(9, 3), random.Random(0)
    samples: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    for program in _PROGRAMS.values():
        cpu_seconds(program)
    for _ in range(rounds):
        for name in order.sample(list(_PROGRAMS), len(_PROGRAMS)):
            spent = await asyncio.to_thread(cpu_seconds, _PROGRAMS[name])
            samples[name].append(spent * 1e3)
    bare = samples.pop("nothing")
    net = {
        name: [a - b for a, b in zip(values, bare, strict=True)] for name, values in samples.items()
    }
    return {
        name: {"ms": figure(values), "ratio": ratio(values, net["import aiohttp"])}
        for name, values in net.items()
    }
