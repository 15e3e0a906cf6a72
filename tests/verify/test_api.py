"""`cloud.api` costs nothing before its use, and `cloud.plans` waits for a hundred at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from aiocloudauth.testing import Plan, Step
from tests.api.ece import ece


def test_importing_the_package_reads_nothing_of_it() -> None:
    """Nor does a session, until its `api` is used; then the types stay unread all the same."""
    program = """
import sys
def read(): return sorted(name for name in sys.modules if name.startswith("aiocloudauth.api"))
import aiocloudauth
from aiocloudauth import ApiKey, CloudSession
cloud = CloudSession("https://ece.example.com", ApiKey("key"))
assert read() == [], read()
cloud.api.get_deployment
assert "aiocloudauth.api.client" in read()
assert "aiocloudauth.api.types" not in read(), read()
"""
    subprocess.run([sys.executable, "-c", program], check=True)


async def test_a_hundred_deployments_are_waited_for_at_an_easy_pace() -> None:
    """Each is asked for once a second at most, and nothing runs in between."""
    async with ece() as it:
        it.server.deployments.default = Plan([Step("a", 20)])
        deployments = [await it.create() for _ in range(100)]
        began, since = it.clock.monotonic(), len(it.server.log)

        async def all_of_them() -> None:
            async with asyncio.TaskGroup() as group:
                for deployment in deployments:
                    group.create_task(it.plans.wait(deployment, timeout=600))

        await it.drive(all_of_them())
        took = it.clock.monotonic() - began
        assert 19 < took < 23
        asked = len(it.server.log) - since
        assert 10 * 100 <= asked <= took * 100
