"""Every store keeps the contract that `aiocloudauth.testing` ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis.asyncio

from aiocloudauth.stores import FileTokenStore, MemoryTokenStore, RedisTokenStore
from aiocloudauth.testing import store_contract
from tests.valkey import valkey_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aiocloudauth.testing.contract import Claim


def claims() -> list[str]:
    """Return the names of the claims."""
    return [str(claim) for claim in store_contract(MemoryTokenStore)]


def named(name: str, contract: tuple[Claim, ...]) -> Claim:
    """Return one claim of a contract."""
    return next(claim for claim in contract if claim.name == name)


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    """Return the URL of a real Valkey."""
    with valkey_server() as server:
        yield server.connection_url


@pytest.mark.parametrize("name", claims())
async def test_memory(name: str) -> None:
    """Two makers share nothing, so there is one store."""
    store = MemoryTokenStore()
    await named(name, store_contract(lambda: store)).check()


@pytest.mark.parametrize("name", claims())
async def test_file(name: str, tmp_path: Path) -> None:
    """On a real file system."""
    await named(name, store_contract(lambda: FileTokenStore(tmp_path / "store"))).check()


@pytest.mark.parametrize("decoded", [False, True], ids=["bytes", "decoded"])
@pytest.mark.parametrize("name", claims())
async def test_redis(name: str, valkey: str, decoded: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """Against a real Valkey, whether or not the client decodes its answers."""
    async with redis.asyncio.Redis.from_url(valkey, decode_responses=decoded) as client:
        await named(name, store_contract(lambda: RedisTokenStore(client))).check()


class Forgetful(MemoryTokenStore):
    """Writes whatever is expected."""

    async def swap(self, key: str, value: bytes, *, expected: str | None, ttl: float) -> str | None:
        """Forget to compare."""
        held = await self.load(key)
        del expected
        before = None if held is None else held.version
        return await super().swap(key, value, expected=before, ttl=ttl)


async def test_a_store_that_does_not_compare_is_found() -> None:
    """The contract can fail."""
    store = Forgetful()
    with pytest.raises(AssertionError):
        await named("a_stale_expectation_writes_nothing", store_contract(lambda: store)).check()
