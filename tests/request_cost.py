"""Counts what a good request executes: ``python tests/request_cost.py`` prints it as JSON.

Bytecode instructions, not time: the count is the same on a busy machine as on an idle one. Run
by `test_budget.py` in a process of its own, since coverage and debuggers use the same hooks;
``--write`` renews this Python's line of ``request_budget.json``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

import aiocloudauth
from aiocloudauth import (
    ApiKey,
    BearerMiddleware,
    BearerRequest,
    CloudSession,
    TokenRefresher,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import CodeType, FrameType

    from _typeshed import TraceFunction

BUDGET = Path(__file__).with_name("request_budget.json")

_OURS = str(Path(aiocloudauth.__file__).parent)
_THEIRS = str(Path(aiohttp.__file__).parent)

#: The least of so many requests counts, so that whatever else the loop has to do does not.
_REQUESTS = 20

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Counter:
    """Counts the instructions that this package and aiohttp execute."""

    def __init__(self) -> None:
        self.ours = 0
        self.both = 0

    def count(self, file: str) -> bool:
        """Count one instruction of `file`; return whether its instructions count at all."""
        if file.startswith(_OURS):
            self.ours += 1
        elif not file.startswith(_THEIRS):
            return False
        self.both += 1
        return True

    def __enter__(self) -> None:
        if sys.version_info >= (3, 12):
            monitoring = sys.monitoring
            monitoring.use_tool_id(monitoring.PROFILER_ID, "request cost")
            monitoring.register_callback(
                monitoring.PROFILER_ID, monitoring.events.INSTRUCTION, self._executed
            )
            monitoring.set_events(monitoring.PROFILER_ID, monitoring.events.INSTRUCTION)
        else:
            sys.settrace(self._called)

    def __exit__(self, *_: object) -> None:
        if sys.version_info >= (3, 12):
            sys.monitoring.set_events(sys.monitoring.PROFILER_ID, 0)
            sys.monitoring.free_tool_id(sys.monitoring.PROFILER_ID)
        else:
            sys.settrace(None)

    if sys.version_info >= (3, 12):

        def _executed(self, code: CodeType, _: int) -> object:
            return None if self.count(code.co_filename) else sys.monitoring.DISABLE

    def _called(self, frame: FrameType, event: str, _: object) -> TraceFunction | None:
        file = frame.f_code.co_filename
        if not file.startswith((_OURS, _THEIRS)):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._traced

    def _traced(self, frame: FrameType, event: str, _: object) -> TraceFunction:
        if event == "opcode":
            self.count(frame.f_code.co_filename)
        return self._traced


class Answering(asyncio.Protocol):
    """A server that gives every request the same answer, in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(_ANSWER * data.count(b"\r\n\r\n"))


async def least(get: Callable[[], Awaitable[object]]) -> Counter:
    """Return the counts of the request that executed least, after one that fills the caches."""
    await get()
    found = []
    for _ in range(_REQUESTS):
        counter = Counter()
        with counter:
            await get()
        found.append(counter)
    return min(found, key=lambda counter: counter.both)


async def measure() -> dict[str, int]:
    """Count a request of ours, and what it executes beyond one of raw aiohttp's."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    url = f"{origin}/api/v1/deployments"
    key = ApiKey("a-key")
    async with (
        aiohttp.ClientSession(headers={"Authorization": "ApiKey a-key"}) as plain,
        CloudSession(origin, key) as cloud,
        TokenRefresher(origin, key) as refresher,
        aiohttp.ClientSession(
            middlewares=(BearerMiddleware(refresher),), request_class=BearerRequest
        ) as own,
    ):

        async def raw_get() -> None:
            async with plain.get(url) as response:
                await response.read()

        async def cloud_get() -> None:
            async with cloud.get("/deployments") as response:
                await response.read()

        async def own_get() -> None:
            async with own.get(url) as response:
                await response.read()

        async def current() -> None:
            assert refresher.current

        raw, ours, bound = [await least(get) for get in (raw_get, cloud_get, own_get)]
        found = {
            "CloudSession.get": ours.ours,
            "CloudSession.get, over raw aiohttp": ours.both - raw.both,
            "BearerMiddleware": bound.ours,
            "BearerMiddleware, over raw aiohttp": bound.both - raw.both,
            "TokenRefresher.current": (await least(current)).ours,
        }
    server.close()
    return found


def interpreter() -> str:
    """Name what the counts depend on, besides the code."""
    return f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"


def main() -> None:
    """Print what a request executes now, or store it as the budget."""
    found = {"aiohttp": aiohttp.__version__, "instructions": asyncio.run(measure())}
    if "--write" in sys.argv:
        stored = json.loads(BUDGET.read_text(encoding="utf-8")) if BUDGET.exists() else {}
        stored[interpreter()] = found
        BUDGET.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
