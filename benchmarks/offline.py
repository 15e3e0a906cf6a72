"""Sends requests that no network sees: ``python -m benchmarks.offline PEER NUMBER``.

For counting instructions: with a socket, the number of turns of the event loop would vary.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from aiocloudauth import Bearer, BearerMiddleware, BearerRequest, CloudSession, TokenRefresher
from benchmarks.peers.nothing import nothing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from aiohttp.client_proto import ResponseHandler

_ORIGIN = "http://127.0.0.1:12400"
_URL = f"{_ORIGIN}/api/v1/deployments"
_TOKEN = "t" * 256
_BODY = b'{"deployments": []}' * 20
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 02 Mar 2026 14:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class Echo(asyncio.Transport):
    """Answers whatever is written, at the loop's next turn."""

    def __init__(self, protocol: ResponseHandler) -> None:
        super().__init__()
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._closing = False

    def write(self, data: Any) -> None:  # noqa: ANN401 - bytes of any kind
        """Answer."""
        self._loop.call_soon(self._protocol.data_received, _ANSWER)

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Answer."""
        self.write(b"")

    def is_closing(self) -> bool:
        """Return whether `close` was called."""
        return self._closing

    def close(self) -> None:
        """Close."""
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    abort = close


class Offline(aiohttp.TCPConnector):
    """Makes connections to nowhere."""

    async def _create_connection(self, *_: object) -> ResponseHandler:
        protocol: ResponseHandler = self._factory()
        protocol.connection_made(Echo(protocol))
        return protocol


@asynccontextmanager
async def client(name: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Open the client of this name, and give what sends one request through it."""
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    target: str = _URL
    async with (
        CloudSession(
            _ORIGIN,
            Bearer(_TOKEN),
            logout_on_close=False,
            connector=Offline(),
            auth_connector=Offline(),
        ) as cloud,
        TokenRefresher(_ORIGIN, Bearer(_TOKEN), logout_on_close=False) as refresher,
    ):
        session: Any
        if name == "aiocloudauth":
            session, target = cloud, "/deployments"
        elif name == "aiocloudauth, own session":
            session = aiohttp.ClientSession(
                connector=Offline(),
                middlewares=(BearerMiddleware(refresher),),
                request_class=BearerRequest,
            )
        else:
            middlewares = (nothing,) if name == "do-nothing middleware" else ()
            session = aiohttp.ClientSession(
                connector=Offline(), headers=headers, middlewares=middlewares
            )

        async def get() -> None:
            async with session.get(target) as response:
                await response.read()

        async with session:
            yield get


async def send(name: str, number: int) -> None:
    """Send `number` requests, one after the other."""
    async with client(name) as get:
        gc.disable()
        for _ in range(number):
            await get()


if __name__ == "__main__":
    asyncio.run(send(sys.argv[1], int(sys.argv[2])))
