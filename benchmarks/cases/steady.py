"""Steady state, every peer side by side: requests a second and CPU a request."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.chunks import alternate

if TYPE_CHECKING:
    from benchmarks.setting import Setting


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure at a concurrency of 1, 64 and 512; the pool is aiohttp's own of 100."""
    setting.control.reset()
    found: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        gets = {
            name: (await stack.enter_async_context(client(setting.control))).get
            for name, client in setting.clients().items()
            if setting.loop == "asyncio" or "httpx" not in name
        }
        for concurrency in (1, 64, 512):
            found[str(concurrency)] = await alternate(
                gets, concurrency=concurrency, rounds=setting.pick(9, 3), chunk=0.03
            )
    return found
