"""``python -m benchmarks``: run the cases, print the table of targets, write the documents."""

from __future__ import annotations

import argparse
import importlib.util
import json
import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import machine
from benchmarks.control import Server
from benchmarks.peers import OTHERS, OURS, PEERS
from benchmarks.plot import plot
from benchmarks.report import report, table
from benchmarks.targets import Found, targets

_DOCS = Path(__file__).parents[1] / "docs"


class Case(NamedTuple):
    """Which peers take part in a case, in full and quickly, and which loops it runs on.

    A case that is not `timed` counts: those run at the same time.
    """

    peers: tuple[str, ...] = ()
    quick_peers: tuple[str, ...] | None = ()
    loops: tuple[str, ...] = ("asyncio", "uvloop")
    timed: bool = True


_RENEWING = ("raw", "aiocloudauth", *OTHERS)
_ONE_LOOP = ("asyncio",)
_MIDDLEWARES = ("raw", "do-nothing middleware", "aiocloudauth")
# httpx looks through its whole queue for every request, which 10,000 would make minutes.
_OVER_AIOHTTP = tuple(name for name in PEERS if "httpx" not in name and name != "raw again")

CASES = {
    "overhead": Case(OURS, OURS),
    "instructions": Case(_MIDDLEWARES, None, _ONE_LOOP, timed=False),
    "steady": Case(tuple(PEERS), None),
    "token": Case(tuple(PEERS), OURS, _ONE_LOOP),
    "herd": Case(
        ("raw", "do-nothing middleware", *(name for name in _RENEWING[1:] if name != "httpx Auth")),
        _MIDDLEWARES,
    ),
    "load": Case((*OURS[:4], *OTHERS), OURS[:4]),
    "pool": Case(_RENEWING[1:], ("aiocloudauth",), timed=False),
    "queued": Case(_OVER_AIOHTTP, OURS, _ONE_LOOP, timed=False),
    "sessions": Case(loops=_ONE_LOOP),
    "imports": Case(loops=_ONE_LOOP),
    "cold": Case(loops=_ONE_LOOP),
    "profiles": Case(_MIDDLEWARES, None, _ONE_LOOP),
}


def run(case: str, loop: str, port: int, *, quick: bool, core: int | None) -> Found:
    """Run one case on one loop, in a process of its own.

    Raises:
        RuntimeError: The process failed.
    """
    peers = CASES[case].quick_peers if quick else CASES[case].peers
    arguments = ["-m", "benchmarks.client", case, "--port", str(port), "--loop", loop]
    arguments += ["--peers", ";".join(peers or ()), *(["--quick"] if quick else [])]
    process = machine.python(*arguments, core=core)
    printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the case {case!r} failed on {loop}")
    told = json.loads(printed.splitlines()[-1])
    print(f"{case:10} {loop:8} {told['seconds']:6.1f} s", file=sys.stderr, flush=True)
    found: Found = told["found"]
    return found


def measure(cases: list[str], *, quick: bool) -> dict[str, Any]:
    """Run the timed cases one after the other, then the rest at once, each with its own server."""
    cores = machine.cores()
    client, server = cores or (None, None)
    loops = ["asyncio"]
    if not quick and importlib.util.find_spec("uvloop"):
        loops.append("uvloop")
    chosen = [name for name in cases if not quick or CASES[name].quick_peers is not None]

    def on_each_loop(case: str, port: int, core: int | None) -> dict[str, Found]:
        usable = [loop for loop in loops if loop in CASES[case].loops]
        return {loop: run(case, loop, port, quick=quick, core=core) for loop in usable}

    def by_itself(case: str) -> dict[str, Found]:
        with Server(None) as serving:
            return on_each_loop(case, serving.port, None)

    started = time.perf_counter()
    with Server(server) as serving:
        timed = [name for name in chosen if CASES[name].timed]
        results = {name: on_each_loop(name, serving.port, client) for name in timed}
    rest = [name for name in chosen if not CASES[name].timed]
    with ThreadPoolExecutor() as threads:
        results |= zip(rest, threads.map(by_itself, rest), strict=True)
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started),
        "quick": quick,
        "pinned": f"client to core {client}, server to core {server}" if cores else None,
        "machine": machine.description(),
        "versions": machine.versions(),
        "results": results,
    }


def main() -> None:
    """Measure, print the table of targets, and write the documents unless quick."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="below a minute, asyncio alone")
    parser.add_argument("--write", action="store_true", help="renew docs/benchmarks.*")
    parser.add_argument("--render", action="store_true", help="write again what was measured")
    parser.add_argument("--into", help="a directory to write to")
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all of them if none")
    given = parser.parse_args()
    unknown = set(given.cases) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    into = Path(given.into) if given.into else _DOCS
    stored = into / "benchmarks.json"
    if given.render:
        data = json.loads(stored.read_text(encoding="utf-8"))
    else:
        data = measure(given.cases or list(CASES), quick=given.quick)
        data["command"] = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    print(table(targets(data["results"])))
    if data["pinned"] is None:
        print("\nClient and server could not be pinned to a core each: expect more noise.")
    print(f"\nmeasured in {data['seconds']} s")
    if given.write or given.render:
        into.mkdir(exist_ok=True)
        stored.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        (into / "benchmarks.svg").write_text(plot(data), encoding="utf-8")
        (into / "benchmarks.md").write_text(report(data), encoding="utf-8")


if __name__ == "__main__":
    main()
