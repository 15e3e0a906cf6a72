"""One case in a process of its own: ``python -m benchmarks.client`` prints what it found."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import time
from importlib import import_module
from typing import Any

from benchmarks.machine import allow_many_files
from benchmarks.setting import Setting


def main() -> None:
    """Measure a case and print the result as JSON, on the last line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client")
    parser.add_argument("case")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--peers", default="")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    allow_many_files()
    logging.disable(logging.CRITICAL)  # what the peers say of the failures is counted instead
    peers = tuple(name for name in given.peers.split(";") if name)
    setting = Setting(given.port, given.loop, given.quick, peers)
    measure = import_module(f"benchmarks.cases.{given.case}").measure
    started = time.perf_counter()
    found: Any
    if given.loop == "uvloop":
        import uvloop

        found = uvloop.run(measure(setting))
    else:
        found = asyncio.run(measure(setting))
    print(json.dumps({"seconds": round(time.perf_counter() - started, 1), "found": found}))


if __name__ == "__main__":
    main()
