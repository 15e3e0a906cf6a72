"""Logs in to an ECE and requests one path again and again, until Ctrl-C.

The exit status is 1 if any request failed.
"""

from __future__ import annotations

import asyncio
import math
import sys
from typing import TYPE_CHECKING

from aiocloudauth._cli.options import connection, path, seconds

if TYPE_CHECKING:
    import argparse

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add = parser.add_argument
    add("--path", type=path, default="/deployments", help="below the API root (%(default)s)")
    add("--interval", type=seconds, default=1.0, help="seconds between requests (%(default)g)")
    add("--seconds", type=seconds, help="end after so long")
    connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Watch a session; return the exit status."""
    from aiocloudauth._cli.connecting import connected
    from aiocloudauth._cli.monitor import Monitor, counted, keep_requesting
    from aiocloudauth._cli.settings import read_settings
    from aiocloudauth.errors import RenewalTimeoutError

    settings = read_settings(arguments)
    monitor = Monitor(sys.stdout)
    limit = math.inf if arguments.seconds is None else arguments.seconds

    async def look() -> None:
        monitor.until = monitor.clock.monotonic() + limit
        opened = False
        try:
            # What is in hand when the time is up is not waited for.
            async with (
                monitor.clock.timeout(limit) as scope,
                connected(settings, on_event=monitor.tell) as cloud,
            ):
                opened = True
                async with monitor.shown(cloud):
                    await keep_requesting(cloud, arguments.path, monitor, pause=arguments.interval)
        except TimeoutError:
            if not scope.expired():
                raise
            if not opened:
                message = f"{settings.url}: no session within {limit:g} s"
                raise RenewalTimeoutError(message) from None

    try:
        asyncio.run(look())
    except KeyboardInterrupt:
        monitor.note("interrupted")
    requests, renewals = counted(monitor.requests, "request"), counted(monitor.renewals, "renewal")
    monitor.finish(
        f"{monitor.elapsed:.1f} s: {requests}, {monitor.failed} failed, {renewals}; "
        f"the slowest took {monitor.slowest * 1000:.0f} ms"
    )
    return 1 if monitor.failed else 0
