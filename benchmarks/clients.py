"""The clients that are compared first: raw aiohttp, a middleware that does nothing, this package.

A client is an async context manager that gives a function: it sends a GET to a path, reads the
body and returns the status.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import aiohttp

from aiocloudauth import CloudSession, Password

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.steering import Server

#: What every client asks for, unless told otherwise, below the API root.
PATH = "/deployments"
ROOT = "/api/v1"
HOUR = 3600.0
RAW, NOTHING, OURS = "raw aiohttp", "do-nothing middleware", "aiocloudauth"

Get: TypeAlias = Callable[..., Coroutine[Any, Any, int]]


class Client(Protocol):
    """Opens a client with its token in hand, for a pool of so many connections.

    `life` is that of the tokens, seconds, for clients whose margins are fixed otherwise: they
    begin to renew when a quarter of it is left, and wait below a twentieth.
    """

    def __call__(
        self, server: Server, *, limit: int = 100, life: float = HOUR
    ) -> AbstractAsyncContextManager[Get]:
        """Open it."""


def sends(session: aiohttp.ClientSession | CloudSession, base: str) -> Get:
    """Return what sends through a session to paths below `base`."""
    usual = base + PATH

    async def get(path: str = "") -> int:
        async with session.get(base + path if path else usual) as response:
            await response.read()
            return response.status

    return get


@asynccontextmanager
async def raw(server: Server, *, limit: int = 100, **_: float) -> AsyncIterator[Get]:
    """Use aiohttp with a fixed header: the limit, which no renewing client can undercut."""
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {server.fixed()}"},
        connector=aiohttp.TCPConnector(limit=limit),
    ) as session:
        yield sends(session, server.origin + ROOT)


async def _nothing(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    return await handler(request)


@asynccontextmanager
async def nothing(server: Server, *, limit: int = 100, **_: float) -> AsyncIterator[Get]:
    """Use the same with a middleware that hands every request on: what any middleware costs."""
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {server.fixed()}"},
        connector=aiohttp.TCPConnector(limit=limit),
        middlewares=(_nothing,),
    ) as session:
        yield sends(session, server.origin + ROOT)


@asynccontextmanager
async def ours(server: Server, *, limit: int = 100, **_: float) -> AsyncIterator[Get]:
    """Use a `CloudSession` as users make it."""
    async with CloudSession(
        server.origin, Password("admin", "secret"), connector=aiohttp.TCPConnector(limit=limit)
    ) as cloud:
        yield sends(cloud, "")


FIRST: dict[str, Client] = {RAW: raw, NOTHING: nothing, OURS: ours}
