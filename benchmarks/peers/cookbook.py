"""What people write by hand: a middleware that logs in again on a 401, under a lock.

The idea is that of aiohttp's middleware cookbook; it is written anew, since the published
samples hang: one waits for its own lock, one when the refresh route itself answers 401.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.peers.peer import Login, OverAiohttp

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse


class Relogin:
    """Stamps the token, and on a 401 gets another and sends once more."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._lock = asyncio.Lock()
        self.token = ""

    async def renew(self, used: str) -> None:
        """Log in, unless somebody else has done so since `used` was sent."""
        async with self._lock:
            if self.token == used:
                self.token, _ = await self._login()

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send, and once more if that was refused."""
        used = self.token
        request.headers["Authorization"] = f"Bearer {used}"
        response = await handler(request)
        if response.status != 401:
            return response
        response.release()
        await self.renew(used)
        request.headers["Authorization"] = f"Bearer {self.token}"
        return await handler(request)


class Client(OverAiohttp):
    """aiohttp with that middleware."""

    async def open(self) -> None:
        """Log in."""
        self.login = Login(self.origin)
        self.relogin = Relogin(self.login)
        await self.relogin.renew("")
        self.session = aiohttp.ClientSession(
            connector=self.connector(), middlewares=(self.relogin,)
        )

    def current(self) -> Callable[[], object]:
        """Return what the middleware does for the header."""
        relogin = self.relogin
        return lambda: f"Bearer {relogin.token}"

    async def renew(self) -> bool:
        """Renew now."""
        await self.relogin.renew(self.relogin.token)
        return True

    async def close(self) -> None:
        """Close both sessions."""
        await self.login.close()
        await super().close()
