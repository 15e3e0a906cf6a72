"""The command line: what its help costs, and for how long a host that is silent holds it up."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import time

from benchmarks.rows import TIMES, Row, figure, ratio
from benchmarks.startup import cpu_ms, with_bytecode

_AIOHTTP = "import aiohttp"
_HELP = """
import os, sys
from aiocloudauth._cli.main import main
sys.stdout = open(os.devnull, "w")
try:
    main(["--help"])
except SystemExit:
    pass
"""


def commands(*, quick: bool) -> list[Row]:
    """Measure both."""
    return [_help(3 if quick else 21), _silence(1 if quick else 5)]


def _help(rounds: int) -> Row:
    programs, order = [_AIOHTTP, _HELP], random.Random(0)
    taken: dict[str, list[float]] = {program: [] for program in programs}
    with with_bytecode() as environment:
        for program in programs:
            cpu_ms(program, environment)  # compiles
        for _ in range(rounds):
            for program in order.sample(programs, len(programs)):
                taken[program].append(cpu_ms(program, environment))
    share = ratio(taken[_HELP], taken[_AIOHTTP])
    text = f"{share.text()}; {figure(taken[_HELP]).text(0)} ms"
    promise = f"≤ 1.15 {TIMES} `python -c '{_AIOHTTP}'`"
    return Row("`aiocloudauth --help`, CPU", promise, text, share.median <= 1.15)


def _silence(rounds: int) -> Row:
    """Ask a host that takes connections and answers nothing."""
    took, kept = [], True
    with with_bytecode() as environment, socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        command = [sys.executable, "-m", "aiocloudauth", "token", "--host"]
        for round_ in range(rounds + 1):
            began = time.perf_counter()
            done = subprocess.run(
                [*command, f"http://127.0.0.1:{port}"],
                env={**environment, "EC_USER": "admin", "EC_PASS": "secret"},
                capture_output=True,
                text=True,
                check=False,
            )
            if round_:  # the first compiles
                took.append(time.perf_counter() - began)
            kept &= done.returncode == 124 and done.stderr.count("\n") == 1
            kept &= f"127.0.0.1:{port}" in done.stderr
    waited = figure(took)
    case = "`aiocloudauth token` at a silent host, until its one line"
    return Row(case, "≤ 5 s", f"{waited.text()} s", kept and waited.most <= 5.0)
