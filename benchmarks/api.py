"""``cloud.api``: its first use, and a call against the same request by hand."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from aiocloudauth import CloudSession, Password
from benchmarks.rows import TIMES, Row, figure, ratio
from benchmarks.startup import with_bytecode

if TYPE_CHECKING:
    from benchmarks.steering import Server

_CALLS = 100

_FIRST_USE = """
import sys, time
from aiocloudauth import ApiKey, CloudSession
cloud = CloudSession("https://ece.example.com", ApiKey("key"))
assert not [name for name in sys.modules if name.startswith("aiocloudauth.api")]
began = time.process_time()
cloud.api.get_deployment
print((time.process_time() - began) * 1e3)
"""


def first_use(*, quick: bool) -> list[Row]:
    """Take the CPU time from a session to an operation, in fresh interpreters with bytecode."""
    with with_bytecode() as environment:

        def run() -> float:
            command = [sys.executable, "-c", _FIRST_USE]
            return float(subprocess.check_output(command, env=environment))

        run()  # compiles
        taken = figure(run() for _ in range(5 if quick else 21))
    text = f"{taken.text(1)} ms"
    return [Row("first use of `cloud.api`, CPU", "≤ 10 ms", text, taken.median <= 10)]


async def by_hand(cloud: CloudSession) -> Any:  # noqa: ANN401 - JSON
    """Ask for a deployment as one does without the table."""
    params = {"show_plans": "true", "show_plan_logs": "true"}
    async with cloud.get("/deployments/d", params=params) as response:
        return await response.json()


async def by_name(cloud: CloudSession) -> Any:  # noqa: ANN401 - JSON
    """Ask for it by the operation."""
    return await cloud.api.get_deployment("d", show_plans=True, show_plan_logs=True)


async def calls(server: Server, *, quick: bool) -> list[Row]:
    """Compare the CPU time of calls, one after the other, on an answer of 20 kB."""
    order, rivals = random.Random(0), (by_hand, by_name)
    spent: dict[object, list[float]] = {ask: [] for ask in rivals}
    server.reset()
    async with CloudSession(server.origin, Password("admin", "secret")) as cloud:
        assert await by_hand(cloud) == await by_name(cloud)
        for _ in range(11 if quick else 41):
            for ask in order.sample(rivals, len(rivals)):
                gc.collect()
                began = time.process_time()
                for _ in range(_CALLS):
                    await ask(cloud)
                spent[ask].append(time.process_time() - began)
    share = ratio(spent[by_name], spent[by_hand])
    case = "`cloud.api.get_deployment(…)`, 20 kB, CPU"
    promise = f"≤ 1.10 {TIMES} `cloud.get(…)` and `json()`"
    return [Row(case, promise, share.text(), share.median <= 1.1)]
