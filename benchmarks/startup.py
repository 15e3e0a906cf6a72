"""Start-up: the CPU time of fresh interpreters that import one thing."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.rows import TIMES, Row, figure, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NOTHING, _AIOHTTP = "pass", "import aiohttp"
_SESSION, _PACKAGE = "from aiocloudauth import CloudSession", "import aiocloudauth"


@contextmanager
def with_bytecode() -> Iterator[Mapping[str, str]]:
    """Make an environment in which a second interpreter finds what the first has compiled."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as place:
        yield kept | {"PYTHONPYCACHEPREFIX": place}


def cpu_ms(program: str, environment: Mapping[str, str]) -> float:
    """Run a program in a fresh interpreter and return the CPU time it took, in milliseconds."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", program], environment)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{program!r} failed")
    return (usage.ru_utime + usage.ru_stime) * 1e3


def imports(*, quick: bool) -> list[Row]:
    """Compare with aiohttp, each less an interpreter that imports nothing."""
    programs, order = [_NOTHING, _AIOHTTP, _SESSION, _PACKAGE], random.Random(0)
    taken: dict[str, list[float]] = {program: [] for program in programs}
    with with_bytecode() as environment:
        for program in programs:
            cpu_ms(program, environment)  # compiles
        for _ in range(5 if quick else 21):
            for program in order.sample(programs, len(programs)):
                taken[program].append(cpu_ms(program, environment))
    bare = taken.pop(_NOTHING)
    net = {name: [a - b for a, b in zip(of, bare, strict=True)] for name, of in taken.items()}
    share = ratio(net[_SESSION], net[_AIOHTTP])
    text = (
        f"{share.text()}; {figure(net[_SESSION]).text(0)} ms; "
        f"`{_PACKAGE}` {ratio(net[_PACKAGE], net[_AIOHTTP]).text()}"
    )
    return [Row(f"`{_SESSION}`, CPU", f"≤ 1.20 {TIMES} `{_AIOHTTP}`", text, share.median <= 1.2)]
