"""httpx with an `httpx.Auth` of one's own, as its documentation shows: log in on a 401."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from benchmarks.peers.peer import Login, Peer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable


class BearerAuth(httpx.Auth):
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

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send, and once more if that was refused."""
        used = self.token
        request.headers["Authorization"] = f"Bearer {used}"
        response = yield request
        if response.status_code == 401:
            await self.renew(used)
            request.headers["Authorization"] = f"Bearer {self.token}"
            yield request


class Client(Peer):
    """httpx with that."""

    async def open(self) -> None:
        """Log in."""
        self.login = Login(self.origin)
        self.auth = BearerAuth(self.login)
        await self.auth.renew("")
        self.client = httpx.AsyncClient(
            auth=self.auth,
            limits=httpx.Limits(max_connections=self.limit),
            timeout=None,
            trust_env=False,
        )

    async def get(self) -> int:
        """Send the request."""
        return (await self.client.get(self.url)).status_code

    async def slow(self, after: float) -> int:
        """Send a slow request."""
        return (await self.client.get(f"{self.origin}/api/v1/slow/{after}")).status_code

    def current(self) -> Callable[[], object]:
        """Return what the flow does for the header."""
        auth = self.auth
        return lambda: f"Bearer {auth.token}"

    async def renew(self) -> bool:
        """Renew now."""
        await self.auth.renew(self.auth.token)
        return True

    async def close(self) -> None:
        """Close both."""
        await self.client.aclose()
        await self.login.close()
