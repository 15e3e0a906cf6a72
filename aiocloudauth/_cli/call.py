"""Calls an operation of the API by its name, checks its arguments, and prints the answer.

`aiocloudauth call get-deployment deployment_id=abc show_plans=true`. A value that is JSON is
taken as JSON, any other as a string; NAME=@FILE reads a JSON file, NAME=@- standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aiocloudauth._cli.options import connection

if TYPE_CHECKING:
    import argparse

    from aiocloudauth._cli.settings import Settings

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("operation", metavar="OPERATION", help="such as get-deployment")
    parser.add_argument("values", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", action="store_true", help="tell of an error as JSON")
    connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Call the operation and print what it gives."""
    from aiocloudauth._cli.settings import read_settings

    values = dict(_value(text) for text in arguments.values)
    answer = asyncio.run(_call(arguments.operation, values, read_settings(arguments)))
    if not isinstance(answer, bytes):
        # As UTF-8 whatever the terminal writes; half of a surrogate pair has an escape in JSON.
        text = f"{json.dumps(answer, indent=2, ensure_ascii=False)}\n"
        answer = text.encode(errors="backslashreplace")
    sys.stdout.buffer.write(answer)
    return 0


def _value(text: str) -> tuple[str, object]:
    from aiocloudauth.errors import ConfigurationError

    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ConfigurationError(f"{text!r} is not NAME=VALUE")
    if value.startswith("@"):
        try:
            value = sys.stdin.read() if value == "@-" else Path(value[1:]).read_text("utf-8")
            return name, json.loads(value)
        except OSError as error:
            raise ConfigurationError(f"{value[1:]} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise ConfigurationError(f"what {name} is read from is not JSON: {error}") from None
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


async def _call(name: str, values: dict[str, object], settings: Settings) -> object:
    from aiocloudauth._cli.connecting import connected, session_of
    from aiocloudauth.errors import ConfigurationError

    try:
        # Before anything is sent: it knows the operation, and what its arguments have to be.
        session_of(settings).api.operation(name)(**values).close()
    except AttributeError as error:
        raise ConfigurationError(str(error)) from None
    async with connected(settings) as cloud:
        return await cloud.api.operation(name)(**values)
