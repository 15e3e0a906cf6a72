"""What a store has to do: three methods on one key."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attrs import field, frozen

__all__ = ["Entry", "TokenStore"]


@frozen
class Entry:
    """What a store holds under one key.

    Attributes:
        value: The bytes as they were written; sealed, so the store learns nothing from them.
        version: Another one after every swap, also of equal values.
    """

    value: bytes = field(repr=False)
    version: str


@runtime_checkable
class TokenStore(Protocol):
    """An engine with compare-and-set on one key.

    Whatever it raises, a session goes on without it; `StoreError` says best what to do. It is
    used in one event loop, by any number of sessions at once, and belongs to who made it: a
    session does not close it. `aiocloudauth.testing.store_contract` tests one.

    A store may have an attribute `queue`, an asynchronous context manager: a session enters
    it around each operation, and what it waits there is not counted as time of the operation.
    """

    async def load(self, key: str) -> Entry | None:
        """Return what is held under `key`, or `None`."""

    async def swap(self, key: str, value: bytes, *, expected: str | None, ttl: float) -> str | None:
        """Write `value` if what is held has the version `expected`.

        Args:
            key: Printable ASCII.
            value: At most some tens of kilobytes.
            expected: The version that was loaded; `None`: only if nothing is held.
            ttl: Seconds after which the store may forget the value.

        Returns:
            The new version, or `None`: somebody else was first, and nothing was written.
        """

    async def close(self) -> None:
        """Let go of what the store opened itself. A second call does nothing."""
