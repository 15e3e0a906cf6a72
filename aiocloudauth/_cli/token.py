"""Logs in and prints the token, which stays good until it ends: nothing is logged out.

With a store that holds one nothing is asked of the ECE.
Of a key it prints the key. `aiocloudauth token --format curl | curl -K - URL` shows no secret
to `ps`; `--format header-file` is for `curl -H @FILE`.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from typing import TYPE_CHECKING

from aiocloudauth._cli.options import connection, duration, one_of

if TYPE_CHECKING:
    import argparse

    from aiocloudauth._cli.settings import Settings
    from aiocloudauth.token import SessionToken

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "--format",
        type=one_of("raw", "json", "curl", "header-file"),
        default="raw",
        help="raw, json, curl or header-file (%(default)s)",
    )
    parser.add_argument(
        "--min-ttl",
        type=duration,
        default=0.0,
        metavar="DURATION",
        help="fail if the token ends sooner, such as 90s or 5m",
    )
    connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a token."""
    from aiocloudauth._cli.settings import read_settings

    arguments.json = arguments.format == "json"
    print(asyncio.run(_token(arguments, read_settings(arguments))))
    sys.stdout.flush()
    return 0


async def _token(arguments: argparse.Namespace, settings: Settings) -> str:
    from aiocloudauth._cli.connecting import connected, instants
    from aiocloudauth._runtime.log_records import span
    from aiocloudauth.errors import ConfigurationError, SessionExpiredError

    async with connected(settings, logout_on_close=False) as cloud:
        if settings.store is not None and _left(cloud.token) < arguments.min_ttl:
            await cloud.refresh()
        token = cloud.token
    if token is None:
        raise SessionExpiredError(f"{settings.url} gave no token that may be sent")
    if (left := _left(token)) < arguments.min_ttl:
        raise ConfigurationError(
            f"a new token of {settings.url} ends in {span(left)}, which is less than --min-ttl"
        )
    authorization = token.authorization.reveal()
    match arguments.format:
        case "json":
            told = {
                "host": settings.url,
                "token": token.token.reveal(),
                "authorization": authorization,
                **instants(token.session_expiration_time),
            }
            return json.dumps(told)
        case "curl":
            lines = [f'header = "Authorization: {_quoted(authorization)}"']
            if isinstance(settings.ssl, str):
                lines.append(f'cacert = "{_quoted(settings.ssl)}"')
            return "\n".join(lines)
        case "header-file":
            return f"Authorization: {authorization}"
        case _:
            return token.token.reveal()


def _left(token: SessionToken | None) -> float:
    """Return the seconds to the end of a token; infinity if it has none."""
    from aiocloudauth.clock import Clock

    end = None if token is None else token.session_expiration_time
    return math.inf if end is None else max(0.0, end.timestamp() - Clock().time())


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
