"""The store of one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocloudauth.clock import Clock
from aiocloudauth.stores.protocol import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MemoryTokenStore"]


class MemoryTokenStore:
    """Shares one login among the sessions of one process. Needs the extra ``file``, for sealing.

    Args:
        clock: Where the time is read.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        """Start empty."""
        self._now: Callable[[], float] = (clock or Clock()).monotonic
        self._held: dict[str, tuple[Entry, float]] = {}
        self._swaps = 0

    async def load(self, key: str) -> Entry | None:
        """Return what is held under `key`, or `None`."""
        entry, until = self._held.get(key, (None, 0.0))
        return entry if self._now() < until else None

    async def swap(self, key: str, value: bytes, *, expected: str | None, ttl: float) -> str | None:
        """Write `value` if the version is `expected`; see `TokenStore.swap`."""
        held = await self.load(key)
        if (None if held is None else held.version) != expected:
            return None
        self._swaps += 1
        version, now = str(self._swaps), self._now()
        self._held = {name: pair for name, pair in self._held.items() if now < pair[1]}
        self._held[key] = Entry(value, version), now + ttl
        return version

    async def close(self) -> None:
        """Do nothing: what is held goes with this object."""
