"""Sends one request to an ECE, logged in, and prints the answer as it comes.

An answer of 400 or more is an error. `-d @FILE` sends a file, `-d @-` standard input.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aiocloudauth._cli.options import connection, media_type, method, path

if TYPE_CHECKING:
    import argparse

    from aiocloudauth._cli.settings import Settings

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("method", metavar="METHOD", type=method, help="GET, POST, ...")
    parser.add_argument("path", metavar="PATH", type=path, help="below the API root: /deployments")
    parser.add_argument("-d", "--data", metavar="DATA", help="the body; @FILE, @- for stdin")
    parser.add_argument(
        "--content-type",
        type=media_type,
        default="application/json",
        metavar="TYPE",
        help="(%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="tell of an error as JSON")
    connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send the request and print the answer."""
    from aiocloudauth._cli.settings import read_settings

    body = _body(arguments.data)
    asyncio.run(_send(arguments, read_settings(arguments), body))
    return 0


def _body(data: str | None) -> bytes | None:
    from aiocloudauth.errors import ConfigurationError

    if data is None or not data.startswith("@"):
        return None if data is None else os.fsencode(data)
    try:
        return sys.stdin.buffer.read() if data == "@-" else Path(data[1:]).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{data[1:]} cannot be read: {error.strerror}") from None


async def _send(arguments: argparse.Namespace, settings: Settings, body: bytes | None) -> None:
    from aiocloudauth._cli.connecting import connected

    headers = {} if body is None else {"Content-Type": arguments.content_type}
    async with (
        connected(settings) as cloud,
        cloud.request(arguments.method, arguments.path, data=body, headers=headers) as response,
    ):
        out, last = sys.stdout.buffer, b""
        async for chunk in response.content.iter_any():
            out.write(chunk)
            last = chunk
        if sys.stdout.isatty() and not last.endswith(b"\n"):
            out.write(b"\n")
        out.flush()
