"""The tests of `rotate_api_keys`, on a clock on which months pass in a moment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import rotate_api_keys as program

if TYPE_CHECKING:
    from pathlib import Path

    from aiocloudauth.testing import CloudServer, ManualClock

pytestmark = pytest.mark.asyncio

DAY = 86_400.0


@pytest.fixture(autouse=True)
def _first_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EC_USER", "admin")
    monkeypatch.setenv("EC_PASS", "secret")


async def test_a_key_is_replaced_before_it_ends_and_never_missing(
    cloud_server: CloudServer, manual_clock: ManualClock, tmp_path: Path
) -> None:
    """A hundred days, a run a day: the key in the file always works, and there is one at a time."""
    file = tmp_path / "key.json"
    async with cloud_server as server:
        keys = []
        for _ in range(100):
            await manual_clock.drive(program.rotate(server.url, file, clock=manual_clock))
            keys.append(json.loads(file.read_text(encoding="utf-8"))["id"])
            await manual_clock.advance(DAY)
        assert len(set(keys)) == 5
        assert server.stats.logins == 1
        assert server.stats.unauthorized == 0
        deleted = [arrival for arrival in server.log if arrival.method == "DELETE"]
        assert len(deleted) == 4


async def test_the_file_is_nobody_elses(
    cloud_server: CloudServer, manual_clock: ManualClock, tmp_path: Path
) -> None:
    """From the moment it is there."""
    file = tmp_path / "key.json"
    async with cloud_server as server:
        await manual_clock.drive(program.rotate(server.url, file, clock=manual_clock))
    assert file.stat().st_mode & 0o777 == 0o600


async def test_an_old_key_that_is_gone_already_is_not_missed(
    cloud_server: CloudServer, manual_clock: ManualClock, tmp_path: Path
) -> None:
    """Somebody tidied up; the file names it still."""
    file = tmp_path / "key.json"
    async with cloud_server as server:
        await manual_clock.drive(program.rotate(server.url, file, clock=manual_clock))
        kept = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(kept | {"id": "gone"}), encoding="utf-8")
        await manual_clock.advance(25 * DAY)
        assert await manual_clock.drive(program.rotate(server.url, file, clock=manual_clock))
