"""Where a fleet keeps the one record that it shares: any engine with compare-and-set on one key.

`MemoryTokenStore` within one process, `FileTokenStore` on one host, `RedisTokenStore` across
hosts; `TokenStore` is the protocol for another engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiocloudauth.stores.file import FileTokenStore
    from aiocloudauth.stores.memory import MemoryTokenStore
    from aiocloudauth.stores.protocol import Entry, TokenStore
    from aiocloudauth.stores.redis import RedisTokenStore

__all__ = ["Entry", "FileTokenStore", "MemoryTokenStore", "RedisTokenStore", "TokenStore"]

# Loaded when first asked for: each engine's library is an extra of its own.
_HOMES: Final = {
    "Entry": "protocol",
    "FileTokenStore": "file",
    "MemoryTokenStore": "memory",
    "RedisTokenStore": "redis",
    "TokenStore": "protocol",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
