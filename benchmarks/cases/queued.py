"""10,000 requests waiting for a connection: memory each, by tracemalloc."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer
    from benchmarks.setting import Setting

_QUEUED = 10_000


async def bytes_each(client: type[Peer], setting: Setting, number: int) -> float:
    """Queue `number` requests behind a slow one, in a pool of one."""
    setting.control.reset()
    async with client(setting.control, limit=1) as peer:
        await peer.get()
        slow = asyncio.create_task(peer.slow(60.0))
        await asyncio.sleep(0.1)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tasks = [asyncio.create_task(peer.get()) for _ in range(number)]
        for _ in range(50):
            await asyncio.sleep(0)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        for task in (*tasks, slow):
            task.cancel()
        await asyncio.gather(*tasks, slow, return_exceptions=True)
    return held / number


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure every peer once: bytes are counted, and do not vary. 100 first fill the caches."""
    found: dict[str, Any] = {}
    clients = setting.clients()
    for name, client in clients.items():
        await bytes_each(client, setting, 100)
        number = setting.pick(_QUEUED, _QUEUED // 5)
        found[name] = {"bytes": await bytes_each(client, setting, number)}
    for figures in found.values():
        figures["ratio"] = figures["bytes"] / found["raw"]["bytes"]
    return found
