"""Logs in, asks the ECE who that is, and tells how long the session lasts; logs out again."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiocloudauth._cli.options import connection

if TYPE_CHECKING:
    import argparse

    from aiocloudauth._cli.settings import Settings

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--json", action="store_true", help="as JSON, errors too")
    connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print how the session stands."""
    from aiocloudauth._cli.settings import read_settings

    told = asyncio.run(_status(read_settings(arguments)))
    if arguments.json:
        print(json.dumps(told))
        return 0
    from aiocloudauth._runtime.journal import span

    left = told["seconds_left"]
    ends = "" if left is None else f", ends in {span(left)}, at {told['session_expiration_time']}"
    print(f"host     {told['host']}")
    print(f"user     {told['user'] or 'of an API key'}")
    print(f"session  {told['state']}{ends}")
    return 0


async def _status(settings: Settings) -> dict[str, Any]:
    from aiocloudauth._cli.connecting import connected
    from aiocloudauth.clock import Clock

    async with connected(settings) as cloud:
        async with cloud.get("/users/auth"):
            pass  # the API takes the token
        end = cloud.session_expiration_time
        return {
            "host": settings.url,
            "user": settings.user,
            "credentials": type(settings.credentials).__name__,
            "state": cloud.state.value,
            "expires_at": None if end is None else int(end.timestamp()),
            "session_expiration_time": (
                None if end is None else end.isoformat().replace("+00:00", "Z")
            ),
            "seconds_left": None if end is None else round(end.timestamp() - Clock().time()),
        }
