"""A good request executes no more than its budget, counted in bytecode instructions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).parent
PROGRAM = BESIDE / "request_cost.py"

#: By what share a budget may be exceeded: room for a repair, none for a new habit.
SLACK = 0.05


@pytest.fixture(scope="module")
def budget() -> dict[str, Any]:
    """Read what is stored for this Python."""
    stored = json.loads((BESIDE / "request_budget.json").read_text(encoding="utf-8"))
    version = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"
    if version not in stored:
        pytest.skip(f"no budget is stored for {version}: python {PROGRAM.name} --write stores one")
    found: dict[str, Any] = stored[version]
    return found


@pytest.fixture(scope="module")
def counted() -> dict[str, Any]:
    """Count in a process of its own: coverage and debuggers use the same hooks."""
    result = subprocess.run(
        [sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=50, check=False
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    "what",
    [
        "CloudSession.get",
        "CloudSession.get, over raw aiohttp",
        "BearerMiddleware",
        "BearerMiddleware, over raw aiohttp",
        "TokenRefresher.current",
    ],
)
def test_a_good_request_stays_within_its_budget(
    what: str, budget: dict[str, Any], counted: dict[str, Any]
) -> None:
    """Instructions do not depend on the machine's load, so that this cannot flake."""
    if "over raw" in what and counted["aiohttp"] != budget["aiohttp"]:
        pytest.skip(f"stored with aiohttp {budget['aiohttp']}, not {counted['aiohttp']}")
    allowed = budget["instructions"][what]
    spent = counted["instructions"][what]
    assert spent > 0 or "over raw" in what
    assert spent <= allowed + SLACK * abs(allowed), (
        f"{what}: {spent} instructions, {allowed} budgeted"
    )


def test_the_count_does_not_vary(counted: dict[str, Any]) -> None:
    """A second process counts the same: the budget's slack is for code, not for noise."""
    again = subprocess.run(
        [sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=50, check=True
    )
    assert json.loads(again.stdout) == counted
