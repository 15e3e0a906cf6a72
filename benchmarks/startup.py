"""Start-up: the CPU time of fresh interpreters that import one thing."""

from __future__ import annotations

import os
import random
import sys

from benchmarks.rows import TIMES, Row, figure, ratio

_NOTHING, _AIOHTTP = "pass", "import aiohttp"
_SESSION, _PACKAGE = "from aiocloudauth import CloudSession", "import aiocloudauth"


def cpu_ms(program: str) -> float:
    """Run a program in a fresh interpreter and return the CPU time it took, in milliseconds."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{program!r} failed")
    return (usage.ru_utime + usage.ru_stime) * 1e3


def imports(*, quick: bool) -> list[Row]:
    """Compare with aiohttp, each less an interpreter that imports nothing."""
    programs, order = [_NOTHING, _AIOHTTP, _SESSION, _PACKAGE], random.Random(0)
    for program in programs:
        cpu_ms(program)  # compiles
    taken: dict[str, list[float]] = {program: [] for program in programs}
    for _ in range(5 if quick else 21):
        for program in order.sample(programs, len(programs)):
            taken[program].append(cpu_ms(program))
    bare = taken.pop(_NOTHING)
    net = {name: [a - b for a, b in zip(of, bare, strict=True)] for name, of in taken.items()}
    share = ratio(net[_SESSION], net[_AIOHTTP])
    text = (
        f"{share.text()}; {figure(net[_SESSION]).text(0)} ms; "
        f"`{_PACKAGE}` {ratio(net[_PACKAGE], net[_AIOHTTP]).text()}"
    )
    return [Row(f"`{_SESSION}`, CPU", f"≤ 1.20 {TIMES} `{_AIOHTTP}`", text, share.median <= 1.2)]
