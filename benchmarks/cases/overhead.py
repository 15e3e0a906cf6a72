"""Steady state, us against the limit and the do-nothing middleware: CPU a request."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.chunks import alternate

if TYPE_CHECKING:
    from benchmarks.setting import Setting


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure, with many short chunks, at a concurrency of 1 and of 64."""
    setting.control.reset()
    found: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        gets = {
            name: (await stack.enter_async_context(client(setting.control))).get
            for name, client in setting.clients().items()
        }
        for concurrency in (1, 64):
            of_raw, of_nothing = await alternate(
                gets,
                concurrency=concurrency,
                rounds=setting.pick(51, 9),
                chunk=0.04,
                to=("raw", "do-nothing middleware"),
            )
            found[str(concurrency)] = of_raw
            for name, figures in of_nothing.items():
                of_raw[name]["cpu_ratio_to_nothing"] = figures["cpu_ratio"]
    return found
