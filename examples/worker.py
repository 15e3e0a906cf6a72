"""A background worker: looks at every deployment, again and again, until SIGTERM.

On SIGTERM it finishes what it has in hand, leaves the rest, logs out and ends with status 0.
EC_HOST with EC_USER and EC_PASS (or EC_API_KEY) say where the ECE is, EC_CA_FILE what it is
trusted by.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress
from typing import Final

import aiohttp

from aiocloudauth import CloudAuthError, CloudSession

WORKERS: Final = 2
#: Seconds from one round to the next.
ROUND: Final = 30.0

logger = logging.getLogger("worker")


async def look(cloud: CloudSession, name: str) -> None:
    """Look at one deployment."""
    try:
        async with cloud.get(f"/deployments/{name}") as response:
            found = await response.json()
    except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
        logger.warning("%s: %s", name, error)  # the next round tries again
    else:
        print(f"looked at {name}: healthy={found.get('healthy')}", flush=True)


async def names(cloud: CloudSession) -> list[str]:
    """Return the deployments' names; none if they cannot be had now."""
    try:
        async with cloud.get("/deployments") as response:
            listed = await response.json()
    except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
        logger.warning("no list of deployments: %s", error)
        return []
    return [deployment["id"] for deployment in listed.get("deployments", ())]


async def feed(cloud: CloudSession, queue: asyncio.Queue[str | None], stop: asyncio.Event) -> None:
    """Fill the queue round by round; in the end empty it and send the workers home."""
    while not stop.is_set():
        if queue.empty():
            for name in await names(cloud):
                queue.put_nowait(name)
        with suppress(TimeoutError):
            async with asyncio.timeout(ROUND):
                await stop.wait()
    while not queue.empty():
        queue.get_nowait()
    for _ in range(WORKERS):
        queue.put_nowait(None)


async def work(cloud: CloudSession, queue: asyncio.Queue[str | None]) -> None:
    """Take one deployment after the other."""
    while (name := await queue.get()) is not None:
        await look(cloud, name)


async def main() -> None:
    """Work until told to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    ssl = os.environ.get("EC_CA_FILE") or True
    cloud = CloudSession.from_environment(ssl=ssl, timeout=30)
    async with cloud, asyncio.TaskGroup() as group:
        group.create_task(feed(cloud, queue, stop))
        for _ in range(WORKERS):
            group.create_task(work(cloud, queue))
    print("drained", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
