"""``python -m benchmarks``: measure, print a table, and with ``--write`` put it on its page."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import re
import resource
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import api, beside, command_line, good_path, herd, startup, under_renewal, waiting
from benchmarks.rows import Row, promises
from benchmarks.steering import Server

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
#: The case of every client side by side, a table of its own.
_BESIDE = "clients"
_MARKED = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- end -->)", re.DOTALL)
_PACKAGES = ("aiocloudauth", "aiohttp", "attrs", "cattrs", "multidict", "yarl", "uvloop")
_PEERS = ("aiobotocore", "authlib", "azure-core", "gcloud-aio-auth", "httpx")


def cases(server: Server, *, quick: bool) -> dict[str, Callable[[], list[Row]]]:
    """Return what can be measured, by name; each runs in an event loop of its own."""
    found: dict[str, Callable[[], list[Row]]] = {
        "bytecodes": lambda: asyncio.run(good_path.bytecodes(server)),
        "throughput": lambda: asyncio.run(good_path.throughput(server, quick=quick)),
        "herds": lambda: asyncio.run(herd.herds(server, quick=quick)),
        "under-renewal": lambda: asyncio.run(under_renewal.loads(server, quick=quick)),
        "queued": lambda: asyncio.run(waiting.queued(server, quick=quick)),
        "outage": lambda: asyncio.run(waiting.outage(server, quick=quick)),
        "closing": lambda: asyncio.run(waiting.closing(server, quick=quick)),
        "startup": lambda: startup.imports(quick=quick),
        "command-line": lambda: command_line.commands(quick=quick),
        "api": lambda: api.first_use(quick=quick) + asyncio.run(api.calls(server, quick=quick)),
    }
    # A minute or two under valgrind.
    return found if quick else {"instructions": lambda: good_path.instructions(server), **found}


def allow_many_files() -> None:
    """Raise the limit on open files as far as this user may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def setting() -> str:
    """Return what it was measured with."""
    versions = [f"Python {platform.python_version()}"]
    for name in (*_PACKAGES, *_PEERS):
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"no {name}")
    system = f"{platform.system()} {platform.machine()}"
    now = datetime.now(UTC).isoformat(timespec="minutes")
    return f"{now}, {os.cpu_count()} cores, {system}. {', '.join(versions)}.\n"


def main() -> None:
    """Measure and print; write the page if that is wanted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="below a minute: few rounds")
    parser.add_argument("--write", action="store_true", help=f"put it into {_PAGE.name}")
    parser.add_argument("cases", nargs="*", help="only these")
    given = parser.parse_args()
    if given.write and (given.quick or given.cases):
        parser.error("the page holds a full run: --write alone")
    allow_many_files()
    logging.disable(logging.CRITICAL)  # failures are counted instead
    began, rows, sides = time.perf_counter(), [], ""
    with Server() as server:
        known = cases(server, quick=given.quick)
        chosen = given.cases or [*known, *([] if given.quick else [_BESIDE])]
        if unknown := set(chosen) - {*known, _BESIDE}:
            parser.error(
                f"no case {', '.join(sorted(unknown))} among {', '.join(known)}, {_BESIDE}"
            )
        for name in chosen:
            started = time.perf_counter()
            if name == _BESIDE:
                sides = "\n" + asyncio.run(beside.clients(server))
            else:
                rows += known[name]()
            print(f"{name}: {time.perf_counter() - started:.1f} s", file=sys.stderr)
    told = f"{promises(rows)}\n{setting()}{sides}"
    print(f"{told}\nmeasured in {time.perf_counter() - began:.0f} s")
    if given.write:
        page = _PAGE.read_text(encoding="utf-8")
        _PAGE.write_text(_MARKED.sub(lambda _: f"\n{told}\n", page, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
