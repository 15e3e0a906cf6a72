"""The store of several hosts: one key in Redis or Valkey."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiocloudauth.errors import ConfigurationError, StoreError
from aiocloudauth.stores.protocol import Entry

try:
    from redis.exceptions import RedisError, ResponseError
except ImportError as error:
    raise ConfigurationError("RedisTokenStore needs redis: install aiocloudauth[redis]") from error

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["RedisTokenStore"]

_T = TypeVar("_T")

#: Operations at once. The pool of redis-py fails at once where it has no connection left.
_AT_ONCE: Final = 16
#: The most that is read of a value, characters.
_LONGEST: Final = 1024 * 1024
#: Characters of a version, in front of every value.
_VERSION: Final = 16

# A value that is too short to have a version counts as none, here as in `load`.
_SWAP: Final = f"""
local held = redis.call('GET', KEYS[1])
local version = ''
if held and #held >= {_VERSION} then version = string.sub(held, 1, {_VERSION}) end
if version ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class RedisTokenStore:
    """Shares one login among hosts, through Redis or Valkey. Needs the extra ``redis``.

    A record is one key, so a Cluster does as well; a swap is one script.

    Args:
        client: A ``redis.asyncio`` client of any kind (Redis, Cluster, Sentinel's master),
            which stays the caller's.
        prefix: In front of the record's key.
    """

    def __init__(self, client: Any, *, prefix: str = "aiocloudauth:") -> None:  # noqa: ANN401 - redis-py has no common type
        """Keep the client; nothing is sent before the first use.

        Raises:
            ConfigurationError: `client` is none of redis-py's asyncio clients.
        """
        if not asyncio.iscoroutinefunction(getattr(client, "execute_command", None)):
            kind = type(client).__name__
            msg = f"RedisTokenStore takes a client of redis.asyncio, not {kind}"
            raise ConfigurationError(msg)
        self._client = client
        self._prefix = prefix
        self._turns = asyncio.Semaphore(_AT_ONCE)
        #: Sessions wait here before the time of an operation counts.
        self.queue = asyncio.Semaphore(_AT_ONCE)

    async def load(self, key: str) -> Entry | None:
        """Return what is held under `key`, or `None`.

        Raises:
            StoreError: There was no answer, or an error.
        """
        held = await self._answer(self._client.get(self._prefix + key))
        if isinstance(held, str):
            held = held.encode()
        if held is None or len(held) < _VERSION:
            return None
        version = held[:_VERSION].decode("latin-1")
        try:
            value = base64.b64decode(held[_VERSION:_LONGEST], validate=True)
        except (binascii.Error, ValueError):
            value = b""  # nobody's record; its version is there for a swap that repairs it
        return Entry(value, version)

    async def swap(self, key: str, value: bytes, *, expected: str | None, ttl: float) -> str | None:
        """Write `value` if the version is `expected`; see `TokenStore.swap`.

        Raises:
            StoreError: There was no answer, or an error. The value may have been written.
        """
        version = secrets.token_hex(_VERSION // 2)
        # As text, for a client that decodes its answers.
        text = version + base64.b64encode(value).decode()
        limit = max(1, round(ttl * 1000))
        name = self._prefix + key
        before = (expected or "").encode("latin-1")
        asked = self._client.eval(_SWAP, 1, name, before, text, limit)
        return version if await self._answer(asked) == 1 else None

    async def close(self) -> None:
        """Do nothing: the client is the caller's."""

    async def _answer(self, asked: Awaitable[_T]) -> _T:
        try:
            async with self._turns:
                return await asked
        except ResponseError as error:
            # The first word is the error's code; the rest is the server's own text.
            code = (str(error).split(" ", 1) or [""])[0]
            hint = ": delete the key, which something else uses" if code == "WRONGTYPE" else ""
            raise StoreError(f"Redis refused the command ({code}){hint}") from None
        except (RedisError, OSError, ValueError) as error:
            raise StoreError(f"no answer from Redis: {type(error).__name__}") from error
