"""The example service's own tests, run as its author would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_services_own_suite_passes_with_the_fixtures_of_the_plugin() -> None:
    """Three tests of a service, with `cloud_server` from the installed plugin."""
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
            str(EXAMPLES / "test_service.py"),
        ],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout
