"""Tests that freeze the time, in one process with ones that do not: no cache keeps the ice."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING

import freezegun
import pytest

from aiocloudauth._wire import schema

if TYPE_CHECKING:
    from types import ModuleType


NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)


def frozen(*, yes: bool) -> AbstractContextManager[object]:
    """Freeze the time, or not."""
    return freezegun.freeze_time("2030-01-01") if yes else nullcontext()


def fresh_schema(name: str) -> ModuleType:
    """Load the module once more, with caches and classes of its own."""
    assert schema.__file__ is not None
    spec = spec_from_file_location(name, schema.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("imported", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_an_answer_is_read_the_same_before_during_and_after(
    *, imported: bool, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the module, its converter and each of its classes are first met frozen or not."""
    name = f"schema_{imported:d}{first:d}"
    monkeypatch.setitem(sys.modules, name, schema)  # taken out again at the end
    with frozen(yes=imported):
        fresh = fresh_schema(name)
    with frozen(yes=first):
        answer = {"token": "t", "session_expiration_time": "2030-01-01T00:00:00Z"}
        assert fresh.parse(answer, fresh.TokenResponse).session_expiration_time == NEW_YEAR
    with frozen(yes=not first):
        info = fresh.parse({"expires_at": "2030-01-01T00:00:00Z"}, fresh.AuthenticationInfo)
        assert info.expires_at == NEW_YEAR
        assert fresh.parse(answer, fresh.TokenResponse).session_expiration_time == NEW_YEAR


SESSIONS = """
import asyncio, sys
from aiocloudauth import CloudSession, Password, RenewalPolicy
from aiocloudauth.testing import CloudServer

async def session(version):
    policy = RenewalPolicy(min_interval=0.01)
    async with CloudServer(version=version) as server:
        async with CloudSession(server.url, Password("admin", "secret"), policy=policy) as cloud:
            await cloud.get("/x")
            assert cloud.session_expiration_time is not None

if sys.argv[1] == "freezegun":
    from freezegun import freeze_time
    ice = freeze_time("2030-01-01", real_asyncio=True)
else:
    import time_machine
    ice = time_machine.travel("2030-01-01T00:00:00Z", tick=False)
with ice:
    asyncio.run(session("3.8"))
for version in ("3.8", "3.6"):  # the expiry from the login, and from GET /users/auth
    asyncio.run(session(version))
with ice:
    asyncio.run(session("3.6"))
"""


@pytest.mark.parametrize("package", ["freezegun", "time_machine"])
def test_sessions_work_while_the_time_is_frozen_and_after(package: str) -> None:
    """In a process of its own, whose very first login is a frozen one."""
    done = subprocess.run(
        [sys.executable, "-c", SESSIONS, package], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
