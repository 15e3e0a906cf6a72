"""The examples that change things, each run as its user would run it, on a real port."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from aiocloudauth.testing import CloudServer, Plan, Step
from tests.verify.programs import ended, environment, running

if TYPE_CHECKING:
    from pathlib import Path


async def run(example: str, server: CloudServer, **more: str) -> tuple[int, str, str]:
    """Run an example with warnings as errors; return the exit status and what was written."""
    command = (sys.executable, "-W", "error", example)
    with running(*command, env=environment(server, **more)) as process:
        return await ended(process)


async def test_a_deployment_is_provisioned() -> None:
    """From its creation to its deletion."""
    async with CloudServer() as server:
        server.deployments.default = Plan(at_once=True)
        code, out, err = await run("provision.py", server)
        assert (code, err) == (0, "")
        assert out.splitlines()[-1].endswith(": deleted")
        assert "kibana: plan-completed success" in out
        assert len(server.deployments) == 0


async def test_a_plan_that_fails_is_said_in_a_line() -> None:
    """With an exit status of its own."""
    async with CloudServer() as server:
        failing = Step("grow", status="error", message="No room.")
        server.deployments.script(Plan(at_once=True), Plan([failing], at_once=True))
        code, _, err = await run("provision.py", server)
        assert (code, err) == (10, "kibana failed at grow: No room.\n")


async def test_a_key_is_made_and_kept(tmp_path: Path) -> None:
    """The second run finds that it is good for long."""
    more = {"EC_KEY_FILE": str(tmp_path / "key.json")}
    async with CloudServer() as server:
        code, out, err = await run("rotate_api_keys.py", server, **more)
        assert (code, err) == (0, "")
        assert out.endswith("rotated\n")
        key = json.loads((tmp_path / "key.json").read_text(encoding="utf-8"))["key"]
        assert key not in out
        assert await run("rotate_api_keys.py", server, **more) == (0, "nothing to do\n", "")
