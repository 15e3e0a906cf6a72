"""`python -m aiocloudauth.testing`: the server by itself, for curl and for other languages."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing.notation import read_faults
from aiocloudauth.testing.server import CloudServer
from aiocloudauth.testing.versions import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PORT", "main", "options", "server_of", "users_of"]

#: Where the server listens unless told otherwise: where an ECE has http.
PORT: Final = 12400


def _user(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not colon or not name or not password:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME:PASSWORD")
    return name, password


def options(parser: argparse.ArgumentParser) -> None:
    """Add what says how the server behaves."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="the address to listen on (%(default)s)")
    add("--port", type=int, default=PORT, help=f"0 takes a free one ({PORT})")
    add(
        "--user",
        action="append",
        type=_user,
        metavar="NAME:PASSWORD",
        help="an administrator; may be repeated (admin:secret)",
    )
    add(
        "--token-lifetime",
        type=float,
        default=1200.0,
        metavar="SECONDS",
        help="how long a token is valid (%(default)s)",
    )
    add("--version", choices=list(VERSIONS), default="3.8", help="the ECE played (%(default)s)")
    add("--revoke-on-refresh", action="store_true", help="_refresh makes the old token invalid")
    add("--max-session", type=float, metavar="SECONDS", help="how long _refresh works at most")
    add("--clock-skew", type=float, default=0.0, metavar="SECONDS", help="the clock is ahead")
    add("--no-date", action="store_true", help="answers have no Date")
    add("--tokens", choices=["jwt", "opaque"], default="jwt", help="their shape (%(default)s)")
    add(
        "--idle-timeout",
        type=float,
        metavar="SECONDS",
        help="a connection without a request for so long gets a 408 and is closed",
    )
    add("--faults", type=Path, metavar="FILE", help="a JSON list of faults")
    add("--tls", action="store_true", help="a throw-away certificate; prints its CA's path")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aiocloudauth.testing",
        description="An ECE authentication server for tests. Its URL is the first line printed; "
        "SIGINT or SIGTERM ends it.",
    )
    options(parser)
    return parser


def users_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the passwords by user; the first user is who settings are for."""
    return dict(arguments.user or [("admin", "secret")])


def server_of(arguments: argparse.Namespace, **more: Any) -> CloudServer:
    """Make the server that the arguments describe; `more` goes to `CloudServer` as it is.

    Raises `ConfigurationError` if the file of faults cannot be read.
    """
    try:
        faults = read_faults(arguments.faults.read_bytes()) if arguments.faults else ()
    except OSError as error:
        raise ConfigurationError(f"{arguments.faults} cannot be read: {error.strerror}") from None
    return CloudServer(
        users_of(arguments),
        host=arguments.host,
        port=arguments.port,
        token_lifetime=arguments.token_lifetime,
        version=arguments.version,
        revoke_on_refresh=arguments.revoke_on_refresh,
        max_session=arguments.max_session,
        clock_skew=arguments.clock_skew,
        send_date=not arguments.no_date,
        tokens=arguments.tokens,
        idle_timeout=arguments.idle_timeout,
        tls=arguments.tls,
        faults=faults,
        **more,
    )


async def _serve(arguments: argparse.Namespace) -> None:
    server = server_of(arguments)
    told_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Where loops take no signal handlers (Windows), SIGINT is a KeyboardInterrupt.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, told_to_end.set)
    async with server:
        print(server.url, flush=True)
        if arguments.tls:
            print(f"CA: {server.ca_file}", flush=True)
        await told_to_end.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until it is told to end; return the exit status."""
    arguments = _parser().parse_args(argv)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            asyncio.run(_serve(arguments))
        except KeyboardInterrupt:
            pass
        except (ConfigurationError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
    return 0


if __name__ == "__main__":  # pragma: no cover - run in a process of its own
    sys.exit(main())
