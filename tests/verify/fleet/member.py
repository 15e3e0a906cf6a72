"""One process of a fleet: ``python -m tests.verify.fleet.member URL STORE``.

Opens its sessions, says ``ready``, keeps requesting until its standard input ends, and then
prints what it counted as one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack

from aiocloudauth import CloudAuthError, CloudSession, Password, events
from aiocloudauth.stores import FileTokenStore, RedisTokenStore, TokenStore


async def store_at(name: str, stack: AsyncExitStack) -> TokenStore | None:
    """Return the store of this name: a URL of Redis, the path of a folder, or ``none``."""
    if name == "none":
        return None
    if "://" not in name:
        return FileTokenStore(name)
    import redis.asyncio

    # Retries are the session's affair: an operation that fails is followed by going alone.
    client = redis.asyncio.Redis.from_url(name)
    return RedisTokenStore(await stack.enter_async_context(client))


async def run(options: argparse.Namespace) -> dict[str, object]:
    """Open, request until told to end, and return what was counted."""
    counts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    done = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), done.set)
    async with AsyncExitStack() as stack:
        store = await store_at(options.store, stack)

        def tell(record: events.Event) -> None:
            counts[type(record).__name__] += 1

        sessions = [
            CloudSession(
                options.url,
                Password("admin", options.password),
                store=store,
                on_event=tell,
                headers={"X-Process": options.name},
            )
            for _ in range(options.members)
        ]
        if store is not None:
            from aiocloudauth.stores.sealing import seal_of

            # The key derivation is counted apart.
            root = str(sessions[0]._source.endpoint.root)
            await seal_of(root, Password("admin", options.password))
        began = time.monotonic()
        opened = await asyncio.gather(*(s.open() for s in sessions), return_exceptions=True)
        took = time.monotonic() - began
        for end in opened:
            if isinstance(end, BaseException):
                errors[type(end).__name__] += 1
        print("ready", flush=True)

        async def work(session: CloudSession) -> None:
            while not done.is_set():
                try:
                    async with session.get("/deployments") as response:
                        await response.read()
                    counts["requests"] += 1
                except CloudAuthError as error:
                    errors[type(error).__name__] += 1
                await asyncio.sleep(options.pause)

        good = [s for s, end in zip(sessions, opened, strict=True) if end is s]
        work_of = [work(s) for s in good for _ in range(options.workers)]
        await asyncio.gather(done.wait(), *work_of)
        await asyncio.gather(*(session.close() for session in sessions))
    return {**counts, "errors": dict(errors), "opened": took}


def main() -> None:
    """Read the arguments and print the counts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("store")
    parser.add_argument("--name", default="")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.5)
    logging.getLogger("aiocloudauth").addHandler(logging.NullHandler())
    print(json.dumps(asyncio.run(run(parser.parse_args()))), flush=True)


if __name__ == "__main__":
    main()
