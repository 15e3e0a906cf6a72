"""The token store that a command shares a session through."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiocloudauth._wire.endpoint import Endpoint
from aiocloudauth.clock import Clock
from aiocloudauth.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from aiocloudauth._cli.settings import Settings
    from aiocloudauth.stores import Entry, TokenStore
    from aiocloudauth.stores.sealing import Seal

__all__ = ["CommandStore", "opened_store"]

#: The key under which `CommandStore.try_out` writes.
_TRIAL: Final = "aiocloudauth-trial"


class CommandStore:
    """A store, and the record that a command's credentials have in it."""

    def __init__(self, store: TokenStore, name: str, seal: Seal, patience: float) -> None:
        """Wait for `store`, which people know as `name`, for `patience` seconds at most."""
        self.store = store
        self.name = name
        self.seal = seal
        self._patience = patience

    async def load(self) -> Entry | None:
        """Return the record, sealed, if there is one.

        Raises:
            StoreError: The store cannot be used.
        """
        async with self._named_in_errors():
            return await self.store.load(self.seal.key)

    async def try_out(self) -> None:
        """Load the record, and write something beside it that is forgotten after a second.

        Raises:
            StoreError: The store cannot be used.
        """
        await self.load()
        async with self._named_in_errors():
            held = await self.store.load(_TRIAL)
            version = None if held is None else held.version
            await self.store.swap(_TRIAL, b"", expected=version, ttl=1.0)

    @asynccontextmanager
    async def _named_in_errors(self) -> AsyncIterator[None]:
        try:
            async with Clock().timeout(self._patience):
                yield
        except (StoreError, TimeoutError) as error:
            why = str(error) or f"no answer within {self._patience:g} s"
            raise StoreError(f"the store {self.name} cannot be used: {why}").because(
                error
            ) from None


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[CommandStore | None]:
    """Have the store of the settings, if they name one, for the length of a block.

    Raises:
        ConfigurationError: They cannot be meant; nothing has been asked of the store.
    """
    if settings.store is None:
        yield None
        return
    from aiocloudauth.stores.sealing import seal_of

    root = str(Endpoint(settings.url, allow_http=settings.allow_http).root)
    seal = await seal_of(root, settings.credentials)
    async with AsyncExitStack() as stack:
        store, name = _made(settings.store, stack)
        yield CommandStore(store, name, seal, settings.timeout)


def _made(text: str, stack: AsyncExitStack) -> tuple[TokenStore, str]:
    if text.startswith("file:"):
        from aiocloudauth.stores import FileTokenStore

        return FileTokenStore(text.removeprefix("file:")), text
    from aiocloudauth.stores import RedisTokenStore  # says what to install

    client = _redis(text)
    stack.push_async_callback(client.aclose)
    given = client.connection_pool.connection_kwargs
    host, port = given.get("host", "localhost"), given.get("port", 6379)
    return RedisTokenStore(client), f"redis at {given.get('path') or f'{host}:{port}'}"


def _redis(url: str) -> Redis:
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    try:
        # By itself redis-py tries again for longer than a command waits.
        return Redis.from_url(url, retry=Retry(NoBackoff(), 0))
    except ValueError:
        # The error may quote the URL, and the URL a password.
        raise ConfigurationError("the store's URL is no redis://HOST:PORT/DB") from None
