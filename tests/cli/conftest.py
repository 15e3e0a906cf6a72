"""What holds for every test of the command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Nothing of this machine's own ECE, and the user that a `CloudServer` knows."""
    for name in os.environ:
        if name.startswith("EC_") or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EC_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("EC_USER", "admin")
    monkeypatch.setenv("EC_PASS", "secret")
    return monkeypatch
