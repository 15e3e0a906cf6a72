"""`aiocloudauth`: see a session hold, against an embedded server or against your own ECE."""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from aiocloudauth.errors import CloudAuthError, ConfigurationError, RenewalTimeoutError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocloudauth.session import CloudSession

__all__ = ["main"]

#: The longest run and the longest pause, seconds: a day.
_LONGEST: Final = 86_400.0
#: The shortest life of a token, seconds: below, the work of a renewal itself takes its share.
_SHORTEST_LIFE: Final = 1.0
#: The most workers: each is a connection, and a hundred share the session's pool.
_MOST_WORKERS: Final = 1000


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (--help tells more)\n")


def _seconds(text: str, *, least: float = 0.0) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value <= _LONGEST and value >= least):
        bound = f"{least:g} or more" if least else "more than 0"
        message = f"{text!r} is no number of seconds, {bound} and at most {_LONGEST:g}"
        raise argparse.ArgumentTypeError(message)
    return value


def _life(text: str) -> float:
    return _seconds(text, least=_SHORTEST_LIFE)


def _workers(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= _MOST_WORKERS:
        message = f"{text!r} is no whole number from 1 to {_MOST_WORKERS}"
        raise argparse.ArgumentTypeError(message)
    return value


def _path(text: str) -> str:
    from aiocloudauth._wire.endpoint import Endpoint

    try:
        Endpoint("https://localhost").resolve(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
    if not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r} does not start with /")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="aiocloudauth", description=__doc__)
    parser.add_argument("--version", action="store_true", help="print the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    demo = commands.add_parser(
        "demo",
        help="a session under load against an embedded server",
        description="Keeps requesting from an embedded server whose tokens are short-lived, "
        "which revokes every token once midway and refuses one renewal with 502. The exit "
        "status is 1 if any request failed.",
    )
    add = demo.add_argument
    add("--seconds", type=_seconds, default=30.0, help="how long (%(default)g)")
    add("--token-lifetime", type=_life, default=6.0, help="seconds a token lives (%(default)g)")
    add("--workers", type=_workers, default=16, help="requests at a time (%(default)s)")
    add("--processes", type=_workers, help="a fleet of so many, which shares one session")
    add("--store", choices=["file", "redis"], help="what a fleet shares it through (file)")

    watch = commands.add_parser(
        "watch",
        help="the same view of a session with your own ECE",
        description="Logs in to the ECE at EC_HOST with EC_API_KEY, or with EC_USER and EC_PASS, "
        "and requests one path again and again, until Ctrl-C. The exit status is 1 if any "
        "request failed.",
    )
    add = watch.add_argument
    add("--path", type=_path, default="/deployments", help="below the API root (%(default)s)")
    add("--interval", type=_seconds, default=1.0, help="seconds between requests (%(default)g)")
    add("--seconds", type=_seconds, help="end after so long")
    tls = watch.add_mutually_exclusive_group()
    tls.add_argument("--ca-file", help="a PEM file with the authority of the ECE's certificate")
    tls.add_argument(
        "--insecure", action="store_true", help="take any certificate, and so any impostor's"
    )
    return parser


def watch(arguments: argparse.Namespace) -> int:
    """Watch a session with the ECE that the environment names; return the exit status."""
    from aiocloudauth._cli.monitor import Monitor, counted, keep_requesting
    from aiocloudauth.session import CloudSession

    monitor = Monitor(sys.stdout)
    ssl = False if arguments.insecure else arguments.ca_file or True

    async def look(cloud: CloudSession) -> None:
        seconds = math.inf if arguments.seconds is None else arguments.seconds
        monitor.until = monitor.clock.monotonic() + seconds
        async with monitor.shown(cloud):
            try:
                async with monitor.clock.timeout(seconds):
                    await cloud.open()
            except TimeoutError:
                raise RenewalTimeoutError(f"no session within {seconds:g} s") from None
            left = monitor.until - monitor.clock.monotonic()
            # What is in hand when the time is up is not waited for.
            async with cloud:
                with suppress(TimeoutError):
                    async with monitor.clock.timeout(left):
                        await keep_requesting(
                            cloud, arguments.path, monitor, pause=arguments.interval
                        )

    cloud = CloudSession.from_environment(ssl=ssl, on_event=monitor.tell)
    try:
        asyncio.run(look(cloud))
    except KeyboardInterrupt:
        monitor.note("interrupted")
    requests, renewals = counted(monitor.requests, "request"), counted(monitor.renewals, "renewal")
    monitor.finish(
        f"{monitor.elapsed:.1f} s: {requests}, {monitor.failed} failed, {renewals}; "
        f"the slowest took {monitor.slowest * 1000:.0f} ms"
    )
    return 1 if monitor.failed else 0


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "watch":
        return watch(arguments)
    if arguments.processes or arguments.store:
        from aiocloudauth._cli.fleet import fleet_demo

        return fleet_demo(
            seconds=arguments.seconds,
            token_lifetime=arguments.token_lifetime,
            workers=arguments.workers,
            processes=arguments.processes or 2,
            store=arguments.store or "file",
        )
    from aiocloudauth._cli.demo import demo

    return demo(
        seconds=arguments.seconds,
        token_lifetime=arguments.token_lifetime,
        workers=arguments.workers,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status.

    0: no request failed. 1: one did, or there was no session. 2: the arguments or the
    environment cannot work. Arguments that cannot be parsed end in `SystemExit`.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.version:
        from aiocloudauth import __version__

        print(f"aiocloudauth {__version__}")
        return 0
    if arguments.command is None:
        parser.error("give a command: demo or watch")
    # The view tells of every event; Python's handler of last resort would write across it.
    silence, logger = logging.NullHandler(), logging.getLogger("aiocloudauth")
    logger.addHandler(silence)
    try:
        return _run(arguments)
    except CloudAuthError as error:
        print(f"aiocloudauth: error: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigurationError) else 1
    except BrokenPipeError:
        # Whoever read has gone. What is still buffered goes nowhere, and not into a traceback.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return 1
    finally:
        logger.removeHandler(silence)
