"""A soak on real sockets: ``make soak [ARGS='--seconds 600']``.

200 workers over TLS, tokens of two seconds, a server that fails by a random script, on asyncio
and on uvloop. The exit status is 1 if a request failed, or if the client's process grew.

No failure is excused: the server is never out of order for as long as a request waits.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).parents[3]
LOOPS: Final = ("asyncio", "uvloop")

#: What a run may take beyond its time, seconds: starting, ending, a loaded machine.
PATIENCE: Final = 60.0

#: How much more may be held at the end than after the warm-up. Bytes for `rss`. The connections
#: for renewals, up to four, come and go with a timer and a future each, and one renewal may be
#: under way. 200 workers make some thousand requests and some dozen renewals: a leak of one
#: object for each request, or of one future or timer for each renewal, is far above this.
LIMITS: Final = {
    "rss": 2 * 1024 * 1024,
    "tasks": 1,
    "descriptors": 4,
    "timers": 4,
    "futures": 4,
    "objects": 1000,
}


@contextmanager
def server() -> Iterator[tuple[str, str]]:
    """Run the server in a process of its own; give its URL and its CA's file."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.verify.soak.server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        # Leaving the block closes its standard input, which ends it.
        yield told["url"], told["ca"]


def load(loop: str, seconds: float) -> dict[str, Any] | str:
    """Run the client against a server of its own; return its result, or what went wrong."""
    with server() as (url, ca):
        command = [sys.executable, "-m", "tests.verify.soak.client", url, ca]
        command += ["--loop", loop, "--seconds", str(seconds)]
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds + PATIENCE,
            )
        except subprocess.TimeoutExpired:
            return f"hangs: not done {PATIENCE:g} s after its time"
    if done.returncode != 0 or done.stderr:
        return f"exit status {done.returncode}: {done.stderr.strip()[-2000:]}"
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def violations(result: dict[str, Any]) -> list[str]:
    """Return what is not as promised."""
    grown, failed = result["grown"], sum(result["failed"].values())
    found = [
        f"{name} grew by {grown[name]:,}, {limit:,} is allowed"
        for name, limit in LIMITS.items()
        if grown[name] > limit
    ]
    if found:
        found.append(f"more of: {result['kinds']}")
    if failed:
        found.append(f"{failed} requests failed: {result['failed']}")
        found += result["examples"]
    if result["left"]:
        found.append(f"{result['left']} tasks were left after close")
    if not result["answered"]:
        found.append("no request was answered")
    return found


def described(result: dict[str, Any]) -> str:
    """Write a result down for people."""
    grown, events = result["grown"], result["events"]
    more = ", ".join(f"{name} {grown[name]:+,}" for name in LIMITS if name != "rss")
    return (
        f"{result['answered']:,} requests in {result['took']:.1f} s, "
        f"{sum(result['failed'].values())} failed, "
        f"{events.get('TokenRenewed', 0)} renewals, "
        f"{events.get('RenewalFailed', 0)} failed attempts, "
        f"{events.get('RequestReplayed', 0)} sent again, "
        f"slowest {result['slowest']:.2f} s\n"
        f"{'':14}after warm-up: RSS {grown['rss'] / 1024:+,.0f} KiB, {more}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run on both loops; return the exit status."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each (%(default)s)")
    parser.add_argument("--loop", nargs="*", default=list(LOOPS), help="(%(default)s)")
    arguments = parser.parse_args(argv)
    broken = False
    for loop in arguments.loop:
        result = load(loop, arguments.seconds)
        found = [result] if isinstance(result, str) else violations(result)
        text = "" if isinstance(result, str) else described(result)
        print(f"{loop:<13} {text}", flush=True)
        for violation in found:
            print(f"VIOLATION     {violation}", flush=True)
        broken = broken or bool(found)
    print("The promise was broken." if broken else "The promise was kept.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
