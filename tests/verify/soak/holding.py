"""What a process holds: memory, tasks, descriptors, timers, objects."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from attrs import asdict, frozen

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@frozen
class Holding:
    """A sample; `rss` in bytes."""

    rss: int
    tasks: int
    descriptors: int
    timers: int
    objects: int
    futures: int


def _trim() -> None:
    """Give what the allocator keeps for later back to the kernel: it is nobody's."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def take() -> Holding:
    """Sample this process; to be called when nothing is going on."""
    gc.collect()
    _trim()
    loop = asyncio.get_running_loop()
    # uvloop shows no timers; there those that were left behind count as objects.
    scheduled = getattr(loop, "_scheduled", ())
    objects = gc.get_objects()
    return Holding(
        rss=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
        tasks=len(asyncio.all_tasks()),
        descriptors=sum(1 for _ in Path("/proc/self/fd").iterdir()),
        timers=sum(not handle.cancelled() for handle in scheduled),
        objects=len(objects),
        futures=sum(isinstance(one, asyncio.Future) for one in objects),
    )


def kinds() -> Counter[str]:
    """Count the objects of each type."""
    return Counter(type(one).__qualname__ for one in gc.get_objects())


def grown(samples: list[Holding]) -> dict[str, int]:
    """Return by how much each quantity grew from the first samples to the last ones.

    The least of three each, since some hold what only happened to be under way.
    """
    first, last = samples[:3], samples[-3:]
    names = asdict(samples[0])
    return {
        name: min(getattr(one, name) for one in last) - min(getattr(one, name) for one in first)
        for name in names
    }
