"""The store of one host: a folder with a file per record."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from aiocloudauth.clock import Clock
from aiocloudauth.errors import ConfigurationError, StoreError
from aiocloudauth.stores.protocol import Entry

try:
    from filelock import FileLock, Timeout
except ImportError as error:
    raise ConfigurationError("FileTokenStore needs filelock: install aiocloudauth[file]") from error

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileTokenStore"]

_T = TypeVar("_T")

#: The most that is read of a file, bytes: far more than any record has.
_LONGEST: Final = 1024 * 1024
#: Neither through a link, nor waiting for who writes into a pipe.
_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
#: The first word of a file.
_MAGIC: Final = b"aiocloudauth-1"
#: How long a swap waits for that of another process, which takes milliseconds, seconds.
_LOCKED: Final = 1.0
_SUFFIX: Final = ".token"


class FileTokenStore:
    """Shares one login among the processes of one host. Needs the extra ``file``.

    A swap holds an operating system's lock, which ends with its process, writes a new file
    beside the old one and puts it in its place; a reader sees either of them. A file that was
    cut off or is damaged counts as none, and the next swap repairs it. Not for network file
    systems, whose locks and renames promise less.

    Args:
        path: A folder of this user's alone; made with mode 0700 if there is none.
        clock: Where the time is read.
    """

    def __init__(self, path: str | os.PathLike[str], *, clock: Clock | None = None) -> None:
        """Keep the path; nothing is touched before the first use.

        Raises:
            ConfigurationError: `path` is none.
        """
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            msg = f"FileTokenStore takes the path of a folder, not {type(path).__name__}"
            raise ConfigurationError(msg)
        self._folder = Path(path)
        self._now = (clock or Clock()).time

    async def load(self, key: str) -> Entry | None:
        """Return what is held under `key`, or `None`.

        Raises:
            StoreError: The folder or the file cannot be read, or is not this user's alone.
        """
        return await self._in_thread(lambda: self._load(self._file(key)))

    async def swap(self, key: str, value: bytes, *, expected: str | None, ttl: float) -> str | None:
        """Write `value` if the version is `expected`; see `TokenStore.swap`.

        Raises:
            StoreError: It cannot be written; the value before is still there.
        """
        return await self._in_thread(lambda: self._swap(self._file(key), value, expected, ttl))

    async def close(self) -> None:
        """Do nothing: no file stays open."""

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        def checked() -> _T:
            try:
                self._check_folder()
                return work()
            except Timeout:
                msg = f"{self._folder}: another process has held the lock for {_LOCKED:g} s"
                raise StoreError(msg) from None
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise StoreError(f"{error.filename or self._folder}: {why}") from error

        return await asyncio.to_thread(checked)

    def _file(self, key: str) -> Path:
        return self._folder / (hashlib.sha256(key.encode()).hexdigest()[:32] + _SUFFIX)

    def _check_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(self._folder, self._folder.stat(), "0700")

    def _load(self, file: Path) -> Entry | None:
        try:
            handle = os.open(file, _READ)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise StoreError(f"{file}: not a file")
            _check_owner(file, status, "0600")
            with os.fdopen(handle, "rb", closefd=False) as stream:
                content = stream.read(_LONGEST + 1)
        finally:
            os.close(handle)
        head, _, value = content.partition(b"\n")
        try:
            magic, version, until, length = head.split(b" ")
            whole = magic == _MAGIC and len(value) == int(length)
            return Entry(value, version.decode()) if whole and self._now() < float(until) else None
        except ValueError:
            return None

    def _swap(self, file: Path, value: bytes, expected: str | None, ttl: float) -> str | None:
        # One lock for the folder: it may not be removed, so there should not be many.
        lock = FileLock(self._folder / "lock", mode=0o600)
        with lock.acquire(timeout=_LOCKED, poll_interval=0.005):
            held = self._load(file)
            if (None if held is None else held.version) != expected:
                return None
            if expected is None:
                self._sweep()
            version, until = secrets.token_hex(8), self._now() + ttl
            head = f"{version} {until:.3f} {len(value)}\n".encode()
            self._write(file, _MAGIC + b" " + head + value)
            return version

    def _write(self, file: Path, content: bytes) -> None:
        new = file.with_suffix(f".{secrets.token_hex(8)}.new")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(new, flags, 0o600), "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(file)
        except BaseException:
            new.unlink(missing_ok=True)
            raise

    def _sweep(self) -> None:
        """Remove what was forgotten, damaged or left half written by a process that died."""
        for old in self._folder.glob("*.new"):
            old.unlink(missing_ok=True)
        for file in self._folder.glob(f"*{_SUFFIX}"):
            if not file.is_symlink() and self._load(file) is None:
                file.unlink(missing_ok=True)


def _check_owner(path: Path, status: os.stat_result, mode: str) -> None:
    if os.name == "nt":  # pragma: no cover - there an access list says who may read
        return
    if status.st_uid != os.geteuid():
        raise StoreError(
            f"{path} belongs to another user (uid {status.st_uid}): use a folder of "
            "this user's alone"
        )
    if status.st_mode & 0o077:
        found = stat.S_IMODE(status.st_mode)
        raise StoreError(f"{path} has mode {found:04o}, open to others: chmod {mode} it")
