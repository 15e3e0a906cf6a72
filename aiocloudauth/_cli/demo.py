"""Keeps requesting from an embedded server that turns on its clients.

Its tokens live for seconds, it revokes every token once midway, and it refuses one renewal with
502. The exit status is 1 if any request failed.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from aiocloudauth._cli import options
from aiocloudauth._cli.monitor import Monitor, counted, keep_requesting
from aiocloudauth.credentials import Password
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.session import CloudSession
from aiocloudauth.testing import CloudServer, ClusterError, Fault

if TYPE_CHECKING:
    import argparse

    from aiocloudauth.testing import Stats

__all__ = ["arguments", "demo", "run"]

#: Seconds a request may take at the end of the demonstration before it counts as failed.
_PATIENCE: Final = 60.0


#: The shortest life of a token, seconds: below, the work of a renewal itself takes its share.
_SHORTEST_LIFE: Final = 1.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    life = partial(options.seconds, least=_SHORTEST_LIFE)
    add = parser.add_argument
    add("--seconds", type=options.seconds, default=30.0, help="how long (%(default)g)")
    add("--token-lifetime", type=life, default=6.0, help="seconds a token lives (%(default)g)")
    add("--workers", type=options.workers, default=16, help="requests at a time (%(default)s)")
    add("--processes", type=options.workers, help="a fleet of so many, which shares one session")
    store = options.one_of("file", "redis")
    add("--store", type=store, help="what a fleet shares it through: file or redis (file)")


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration as the arguments say."""
    if arguments.processes or arguments.store:
        from aiocloudauth._cli.fleet import fleet_demo

        return fleet_demo(
            seconds=arguments.seconds,
            token_lifetime=arguments.token_lifetime,
            workers=arguments.workers,
            processes=arguments.processes or 2,
            store=arguments.store or "file",
        )
    return demo(
        seconds=arguments.seconds,
        token_lifetime=arguments.token_lifetime,
        workers=arguments.workers,
    )


def demo(*, seconds: float, token_lifetime: float, workers: int) -> int:
    """Run the demonstration and return the exit status: 1 if any request failed.

    Args:
        seconds: How long to keep requesting.
        token_lifetime: How long the server's tokens live, in seconds.
        workers: How many requests there are at a time.
    """
    monitor = Monitor(sys.stdout)
    server = CloudServer({"admin": "secret"}, token_lifetime=token_lifetime)
    # The second renewal is refused once. Optional: a short run does not come to it.
    server.script(Fault("_refresh", ClusterError(), times=1, skip=1, optional=True))
    try:
        asyncio.run(_scene(server, monitor, seconds, token_lifetime, workers))
    except KeyboardInterrupt:
        monitor.note("interrupted")
    monitor.finish(*_summary(monitor, server.stats))
    return 1 if monitor.failed else 0


def paced_for(token_lifetime: float) -> RenewalPolicy:
    """Return the default policy with its pace made fit for tokens of a few seconds.

    A real token lives for minutes, and leaves minutes for a second attempt. The pauses are
    cut so that one fits into the last quarter of a short life, too.
    """
    return RenewalPolicy(
        min_interval=min(1.0, token_lifetime / 12), backoff=min(1.0, token_lifetime / 24)
    )


async def _scene(
    server: CloudServer, monitor: Monitor, seconds: float, token_lifetime: float, workers: int
) -> None:
    async with server:
        cloud = CloudSession(
            server.url,
            Password("admin", "secret"),
            policy=paced_for(token_lifetime),
            on_event=monitor.tell,
            timeout=_PATIENCE,
        )
        monitor.note(
            f"{counted(workers, 'worker')}, tokens of {token_lifetime:g} s, at {server.url}"
        )

        def revoke() -> None:
            server.revoke_all()
            monitor.note("the server revoked every token")

        async with monitor.shown(cloud), cloud:
            monitor.until = monitor.clock.monotonic() + seconds
            timer = monitor.clock.call_later(seconds / 2, revoke)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(workers):
                        group.create_task(keep_requesting(cloud, "/deployments", monitor))
            finally:
                timer.cancel()


def _summary(monitor: Monitor, stats: Stats) -> tuple[str, ...]:
    counts = (
        f"{monitor.elapsed:.1f} s: {counted(monitor.requests, 'request')}, {monitor.failed} failed"
    )
    refused = f"401 on the wire: {stats.unauthorized}"
    replays = f"sent again with a new token: {monitor.replays}"
    return (
        f"{counts}; the slowest took {monitor.slowest * 1000:.0f} ms",
        f"{counted(monitor.renewals, 'renewal')}, {stats.faults} of them put off by a 502",
        f"{refused}; {replays}; seen by callers: {monitor.unauthorized or 'none'}",
    )
