"""10,000 requests waiting for a connection: memory each, by tracemalloc."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.peers import OURS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.peer import Peer
    from benchmarks.setting import Setting

_QUEUED = 10_000
#: Of another client, which need not be known to the byte.
_OTHERS = 2_000

Seen = TypeVar("Seen")


async def queue(
    client: type[Peer], setting: Setting, number: int, look: Callable[[], Seen]
) -> Seen:
    """Queue `number` requests behind a slow one, in a pool of one, and look at what they hold."""
    setting.control.reset()
    async with client(setting.control, limit=1) as peer:
        await peer.get()
        slow = asyncio.create_task(peer.slow(60.0))
        await asyncio.sleep(0.1)
        gc.collect()
        tracemalloc.start()
        tasks = [asyncio.create_task(peer.get()) for _ in range(number)]
        for _ in range(50):
            await asyncio.sleep(0)
        gc.collect()
        seen = look()
        tracemalloc.stop()
        for task in (*tasks, slow):
            task.cancel()
        await asyncio.gather(*tasks, slow, return_exceptions=True)
    return seen


def held() -> int:
    """Return how many bytes are held."""
    return tracemalloc.get_traced_memory()[0]


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure every peer once: bytes are counted, and do not vary. 100 first fill the caches."""
    found: dict[str, Any] = {}
    clients = setting.clients()
    for name, client in clients.items():
        await queue(client, setting, 100, held)
        number = setting.pick(_QUEUED, _OTHERS) if name in OURS else _OTHERS
        found[name] = {"bytes": await queue(client, setting, number, held) / number}
    for figures in found.values():
        figures["ratio"] = figures["bytes"] / found["raw"]["bytes"]
    return found
