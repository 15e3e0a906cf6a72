"""What every token store has to do, one claim after the other."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol, TypeAlias

from attrs import field, frozen

__all__ = ["Claim", "store_contract"]


class _Entry(Protocol):
    @property
    def value(self) -> bytes: ...
    @property
    def version(self) -> str: ...


class _Store(Protocol):
    async def load(self, key: str) -> _Entry | None: ...
    async def swap(
        self, key: str, value: bytes, *, expected: str | None, ttl: float
    ) -> str | None: ...
    async def close(self) -> None: ...


_Make: TypeAlias = Callable[[], _Store]
_TTL: Final = 60.0


def _key() -> str:
    return f"contract-{secrets.token_hex(16)}"


async def _write(store: _Store, key: str, value: bytes, expected: str | None = None) -> str:
    version = await store.swap(key, value, expected=expected, ttl=_TTL)
    assert version is not None, "a swap with the right expectation was refused"
    return version


async def _read(store: _Store, key: str) -> _Entry:
    entry = await store.load(key)
    assert entry is not None, "what was written is not there"
    return entry


async def an_unknown_key_holds_nothing(make: _Make) -> None:
    """`load` returns `None`, and a swap that expects a version is refused."""
    store, key = make(), _key()
    assert await store.load(key) is None
    assert await store.swap(key, b"x", expected="0123456789abcdef", ttl=_TTL) is None
    assert await store.load(key) is None
    await store.close()


async def what_is_written_is_read(make: _Make) -> None:
    """Every byte, none at all, and many; with the version that the swap returned."""
    store = make()
    for value in (bytes(range(256)), b"", secrets.token_bytes(65_536)):
        key = _key()
        version = await _write(store, key, value)
        entry = await _read(store, key)
        assert (entry.value, entry.version) == (value, version)
    await store.close()


async def a_version_is_never_used_twice(make: _Make) -> None:
    """Also where the value is the same."""
    store, key = make(), _key()
    versions = [await _write(store, key, b"same")]
    for _ in range(5):
        versions.append(await _write(store, key, b"same", versions[-1]))
    assert len(set(versions)) == len(versions)
    await store.close()


async def a_stale_expectation_writes_nothing(make: _Make) -> None:
    """Neither an older version nor the expectation that nothing is held."""
    store, key = make(), _key()
    first = await _write(store, key, b"first")
    second = await _write(store, key, b"second", first)
    for expected in (first, None):
        assert await store.swap(key, b"late", expected=expected, ttl=_TTL) is None
    entry = await _read(store, key)
    assert (entry.value, entry.version) == (b"second", second)
    await store.close()


async def keys_are_apart(make: _Make) -> None:
    """However much they look alike."""
    store, key = make(), _key()
    keys = [key, key + ":a", key + "/a", key + "-a", key.upper()]
    for name in keys:
        await _write(store, name, name.encode())
    assert [(await _read(store, name)).value for name in keys] == [name.encode() for name in keys]
    await store.close()


async def another_client_sees_what_is_written(make: _Make) -> None:
    """And swaps it, and is seen."""
    one, other, key = make(), make(), _key()
    version = await _write(one, key, b"one")
    assert (await _read(other, key)).version == version
    await _write(other, key, b"other", version)
    assert (await _read(one, key)).value == b"other"
    assert await one.swap(key, b"late", expected=version, ttl=_TTL) is None
    await one.close()
    await other.close()


async def of_many_at_once_one_is_first(make: _Make) -> None:
    """On an empty key, and on one that is held."""
    stores, key = (make(), make()), _key()
    expected: str | None = None
    for _ in range(3):
        swaps = [stores[n % 2].swap(key, b"%d" % n, expected=expected, ttl=_TTL) for n in range(16)]
        won = [n for n, version in enumerate(await asyncio.gather(*swaps)) if version is not None]
        assert len(won) == 1, f"{len(won)} of 16 were first"
        entry = await _read(stores[0], key)
        assert entry.value == b"%d" % won[0]
        expected = entry.version
    for store in stores:
        await store.close()


async def no_change_is_lost(make: _Make) -> None:
    """Eight who count up together count to eight times what each counts."""
    stores, key, each = (make(), make()), _key(), 5
    await _write(stores[0], key, b"0")

    async def count(store: _Store) -> None:
        done = 0
        while done < each:
            entry = await _read(store, key)
            value = b"%d" % (int(entry.value) + 1)
            won = await store.swap(key, value, expected=entry.version, ttl=_TTL)
            done += won is not None

    await asyncio.gather(*(count(stores[n % 2]) for n in range(8)))
    assert (await _read(stores[0], key)).value == b"%d" % (8 * each)
    for store in stores:
        await store.close()


async def a_cancelled_swap_is_done_or_not(make: _Make) -> None:
    """Whole in either case, and the store is of use afterwards."""
    store, key = make(), _key()
    version = await _write(store, key, b"before")
    task = asyncio.ensure_future(store.swap(key, b"after", expected=version, ttl=_TTL))
    await asyncio.sleep(0)  # noqa: TID251 - gives way, waits for nothing
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    won = None
    while won is None:  # it may still be at it
        entry = await _read(store, key)
        assert entry.value in {b"before", b"after"}
        won = await store.swap(key, b"next", expected=entry.version, ttl=_TTL)
    assert (await _read(store, key)).value == b"next"
    await store.close()


async def any_ttl_is_taken(make: _Make) -> None:
    """Parts of a second, and years."""
    store = make()
    for ttl in (0.0001, 0.5, 1e8):
        assert await store.swap(_key(), b"x", expected=None, ttl=ttl) is not None
    await store.close()


async def closing_twice_does_nothing(make: _Make) -> None:
    """A second `close` does not raise."""
    store = make()
    await store.close()
    await store.close()


_CLAIMS: Final = (
    an_unknown_key_holds_nothing,
    what_is_written_is_read,
    a_version_is_never_used_twice,
    a_stale_expectation_writes_nothing,
    keys_are_apart,
    another_client_sees_what_is_written,
    of_many_at_once_one_is_first,
    no_change_is_lost,
    a_cancelled_swap_is_done_or_not,
    any_ttl_is_taken,
    closing_twice_does_nothing,
)


@frozen
class Claim:
    """One claim about a store; `check` raises `AssertionError` where it does not hold."""

    name: str
    check: Callable[[], Awaitable[None]] = field(repr=False)

    def __str__(self) -> str:
        return self.name


def store_contract(make: _Make) -> tuple[Claim, ...]:
    """Return every claim about the stores that `make` makes.

    ::

        @pytest.mark.parametrize("claim", store_contract(lambda: MyStore("db://…")), ids=str)
        async def test_my_store(claim):
            await claim.check()

    Args:
        make: Returns a store, each time of the same engine; called in the running loop. The
            keys are random, and what is left under them may be forgotten after a minute.
    """
    return tuple(Claim(claim.__name__, partial(claim, make)) for claim in _CLAIMS)
