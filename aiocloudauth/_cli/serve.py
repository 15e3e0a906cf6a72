"""Runs the server of the test kit, which plays an ECE, until Ctrl-C.

Standard output is the settings to copy, as `export` lines; the requests that it answers are
noted on standard error. With `-- COMMAND ...` it runs that command with these settings, on a
free port unless `--port` names one, ends when it does, and its exit status is the command's.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
import warnings
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from aiocloudauth.testing.__main__ import PORT, options, server_of, users_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from aiocloudauth.testing import Arrival, CloudServer

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    options(parser)
    parser.set_defaults(port=None)
    parser.add_argument(
        "--stats", action="store_true", help="counters as JSON over HTTP, at EC_STATS"
    )
    parser.add_argument("--quiet", action="store_true", help="no access log")
    parser.add_argument("argv", nargs="*", metavar="COMMAND", help="after --: what to run")


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to end, or until the command has ended."""
    if arguments.port is None:
        arguments.port = 0 if arguments.argv else PORT
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        status = asyncio.run(_serve(arguments))
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
    return status


async def _serve(arguments: argparse.Namespace) -> int:
    server = server_of(arguments, on_answer=None if arguments.quiet else _note)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(server)
        user, password = next(iter(users_of(arguments).items()))
        settings = {"EC_HOST": server.url, "EC_USER": user, "EC_PASS": password}
        if arguments.tls:
            settings["EC_CA_FILE"] = server.ca_file
        if arguments.stats:
            settings["EC_STATS"] = await _counters(stack, server, arguments.host)
        if arguments.argv:
            return await _command(arguments.argv, settings)
        exports = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
        told_to_end = asyncio.Event()
        # First: who reads the settings may end this at once.
        _on_signals(told_to_end.set, told_to_end.set)
        print("\n".join(exports), flush=True)
        await told_to_end.wait()
    return 0


def _on_signals(interrupt: Callable[[], object], terminate: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    # Where loops take no signal handlers (Windows), Ctrl-C is a KeyboardInterrupt.
    with suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, interrupt)
        loop.add_signal_handler(signal.SIGTERM, terminate)


async def _command(argv: list[str], settings: dict[str, str]) -> int:
    from aiocloudauth.errors import ConfigurationError

    # What this terminal has for another ECE is not for this one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EC_")}
    try:
        process = await asyncio.create_subprocess_exec(*argv, env={**inherited, **settings})
    except OSError as error:
        raise ConfigurationError(f"{argv[0]} cannot be run: {error.strerror}") from None
    # A terminal's Ctrl-C reaches the command by itself.
    _on_signals(lambda: None, process.terminate)
    status = await process.wait()
    return status if status >= 0 else 128 - status


def _note(arrival: Arrival) -> None:
    status = "---" if arrival.status is None else arrival.status
    user = arrival.user or "-"
    fault = f"  fault: {arrival.fault}" if arrival.fault else ""
    at = f"{arrival.at:%H:%M:%S}"
    target = f"{arrival.path}?{arrival.query}" if arrival.query else arrival.path
    shown = "".join(letter if letter.isprintable() else "?" for letter in target)
    print(f"{at} {status} {arrival.method} {shown} {user}{fault}", file=sys.stderr, flush=True)


async def _counters(stack: AsyncExitStack, server: CloudServer, host: str) -> str:
    """Answer every request to a port of its own with the counters."""
    from aiohttp import web
    from attrs import asdict

    async def counters(_: web.BaseRequest) -> web.Response:
        told = {**asdict(server.stats), "open_connections": server.open_connections}
        return web.Response(text=json.dumps(told), content_type="application/json")

    runner = web.ServerRunner(web.Server(counters, access_log=None))
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{runner.addresses[0][1]}/"
