"""Programs under test, each in a process of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aiocloudauth.testing import CloudServer

EXAMPLES = Path(__file__).parents[2] / "examples"

#: Seconds that a process gets to come up, and to end.
PATIENCE = 60.0


def environment(server: CloudServer, **more: str) -> dict[str, str]:
    """Return the environment in which an example finds `server`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EC_")}
    return kept | {"EC_HOST": server.url, "EC_USER": "admin", "EC_PASS": "secret"} | more


# Not asyncio's own subprocesses: their transports may outlive the loop of a test.
@contextmanager
def running(
    *command: str, env: dict[str, str] | None = None, cwd: Path = EXAMPLES
) -> Iterator[subprocess.Popen[str]]:
    """Run a command; at the end nothing is left of it."""
    with subprocess.Popen(
        command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; return the exit status and what was written."""
    out, err = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    return process.returncode, out, err


async def until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until something of another process shows."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def answering(
    client: aiohttp.ClientSession, path: str, process: subprocess.Popen[str]
) -> None:
    """Wait until a server in another process answers."""

    async def answers() -> bool:
        if process.poll() is not None:
            raise AssertionError(process.communicate())
        try:
            async with client.get(path):
                return True
        except aiohttp.ClientConnectionError:
            return False

    await until(answers)
