"""The examples' own tests, run as their author would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    "suite", ["test_provision.py", "test_rotate_api_keys.py", "test_service.py"]
)
def test_the_examples_own_suite_passes_with_the_fixtures_of_the_plugin(suite: str) -> None:
    """Three tests each, with `cloud_server` from the installed plugin."""
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            "/dev/null",
            "--rootdir",
            str(EXAMPLES),
            str(EXAMPLES / suite),
        ],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout
