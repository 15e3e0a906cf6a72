"""What `cloud.api` costs: python -m benchmarks.api.

Modules and CPU time of an import, the first use, a call against the same request by hand, the
installed size, and what a type checker needs for a program that calls every operation.
"""

from __future__ import annotations

import asyncio
import json
import marshal
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, TypeAlias

from aiohttp import web

from aiocloudauth import ApiKey, CloudSession

Answer: TypeAlias = Any

ROOT: Final = Path(__file__).parents[1]
API: Final = ROOT / "aiocloudauth" / "api"

STARTS: Final = 15
ROUNDS: Final = 60
#: Calls of one round.
CALLS: Final = 100
#: The difference of two runs under valgrind is the calls' alone.
FEW: Final = 20
MANY: Final = 220
#: Bytes of an answer, about.
SIZE: Final = 20_000

_FIRST_USE = """
import time
from aiocloudauth import ApiKey, CloudSession
cloud = CloudSession("https://ece.example.com", ApiKey("key"))
cloud.state
began = time.process_time()
cloud.api.get_deployment
print((time.process_time() - began) * 1e3)
"""

_MODULES = """
import sys
import aiocloudauth
from aiocloudauth import CloudSession
print(sum(name.startswith("aiocloudauth.api") for name in sys.modules))
"""


def printed(program: str) -> float:
    """Run a program in a fresh interpreter, with bytecode, and return the number it prints."""
    ended = subprocess.run(
        [sys.executable, "-c", program], env=_environment(), capture_output=True, check=True
    )
    return float(ended.stdout)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "api-bytecode")}


def answer() -> bytes:
    """Return the JSON of a deployment of about `SIZE` bytes."""
    instance = {"instance_name": "instance-0000000000", "healthy": True, "memory": {"limit": 4096}}
    number = SIZE // len(json.dumps(instance))
    return json.dumps({"id": "d", "instances": [instance] * number}).encode()


async def serve() -> None:
    """Answer everything with one JSON document, until the input ends."""
    body = answer()

    async def reply(_: web.BaseRequest) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    runner = web.ServerRunner(web.Server(reply))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def by_hand(cloud: CloudSession) -> Answer:
    """Ask for a deployment as one does without the table."""
    params = {"show_plans": "true", "show_plan_logs": "true"}
    async with cloud.get("/deployments/d", params=params) as response:
        return await response.json()


async def by_name(cloud: CloudSession) -> Answer:
    """Ask for a deployment by the operation."""
    return await cloud.api.get_deployment("d", show_plans=True, show_plan_logs=True)


async def calls(port: str) -> list[float]:
    """Return the CPU time of a call over that of a request by hand, round by round."""
    order = random.Random(0)
    async with CloudSession(f"http://127.0.0.1:{port}", ApiKey("key")) as cloud:
        assert await by_hand(cloud) == await by_name(cloud)
        ratios = []
        for _ in range(ROUNDS):
            spent = {}
            for ask in order.sample([by_hand, by_name], 2):
                began = time.process_time()
                for _ in range(CALLS):
                    await ask(cloud)
                spent[ask] = time.process_time() - began
            ratios.append(spent[by_name] / spent[by_hand])
        return ratios


def instructions(port: str, ask: str) -> float:
    """Return the instructions of one call, counted by valgrind: exact where clocks are noisy."""
    counted = []
    for number in (1, FEW, MANY):  # the first writes bytecode, perhaps
        tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
        tool.append(f"--cachegrind-out-file={os.devnull}")
        program = [sys.executable, "-m", "benchmarks.api", "ask", port, ask, str(number)]
        ended = subprocess.run(
            [*tool, *program], env=_environment(), capture_output=True, text=True, check=True
        )
        found = re.search(r"I +refs: +([\d,]+)", ended.stderr)
        assert found
        counted.append(int(found[1].replace(",", "")))
    return (counted[2] - counted[1]) / (MANY - FEW)


async def asks(port: str, ask: str, number: str) -> None:
    """Send a number of requests of one kind."""
    async with CloudSession(f"http://127.0.0.1:{port}", ApiKey("key")) as cloud:
        for _ in range(int(number)):
            await {"by_hand": by_hand, "by_name": by_name}[ask](cloud)


def installed() -> int:
    """Return the bytes of ``api/`` with its bytecode."""
    files = [path for path in API.iterdir() if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    for path in files:
        if path.suffix == ".py":
            size += len(marshal.dumps(compile(path.read_bytes(), str(path), "exec")))
    return size


def checked() -> float:
    """Return the CPU seconds that mypy takes for all operations, with nothing kept from before."""
    program = ROOT / "tests" / "typing" / "api_every_operation.py"
    with tempfile.TemporaryDirectory() as cache:
        began = os.times()
        mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, str(program)]
        subprocess.run(mypy, check=True, capture_output=True, cwd=ROOT)
        ended = os.times()
    spent = ended.children_user - began.children_user
    return spent + ended.children_system - began.children_system


def row(name: str, promise: str, measured: str) -> None:
    """Print a line of the table."""
    print(f"| {name} | {promise} | {measured} |")


def main() -> None:
    """Print the table."""
    first = [printed(_FIRST_USE) for _ in range(STARTS)][1:]
    server = [sys.executable, "-m", "benchmarks.api", "serve"]
    with subprocess.Popen(
        server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout
        assert process.stdin
        port = process.stdout.readline().strip()
        ratios = asyncio.run(calls(port))
        counted = {}
        if shutil.which("valgrind"):
            counted = {ask: instructions(port, ask) for ask in ("by_hand", "by_name")}
        process.stdin.close()
    row("what", "target", "measured")
    row("---", "---", "---")
    row("modules of `api` after the imports", "0", f"{printed(_MODULES):.0f}")
    row(
        "first use of `cloud.api`, CPU",
        "10 ms",
        f"{statistics.median(first):.1f} ms ({min(first):.1f}-{max(first):.1f})",
    )
    low, _, high = statistics.quantiles(ratios, n=4)
    row(
        "a call over `get(params=...)` and `json()`, CPU, 20 kB",
        "1.10",
        f"{statistics.median(ratios):.3f} (quartiles {low:.3f}-{high:.3f})",
    )
    if counted:
        ratio = counted["by_name"] / counted["by_hand"]
        row("the same in instructions, the kernel's aside", "1.10", f"{ratio:.3f}")
    row("installed size of `api/`", "1 MB", f"{installed() / 1e3:.0f} kB")
    row("mypy --strict, all operations, nothing cached, CPU", "15 s", f"{checked():.1f} s")


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    elif sys.argv[1:2] == ["ask"]:
        asyncio.run(asks(*sys.argv[2:]))
    else:
        main()
