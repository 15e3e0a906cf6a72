"""gcloud-aio-auth: its `BaseToken`, with a header on every request, as its clients do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import aiohttp
from gcloud.aio.auth.token import BaseToken, TokenResponse

from benchmarks.peers.peer import Login, OverAiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class EceToken(BaseToken):
    """The token of the API, which this library asks to be written by its user."""

    def __init__(self, login: Login, session: aiohttp.ClientSession) -> None:
        super().__init__(
            session=session,  # type: ignore[arg-type]  # it names its own kind of session
            background_refresh_after=0.75,
            force_refresh_after=0.95,
        )
        self._login = login

    async def refresh(self, *, timeout: int) -> TokenResponse:  # noqa: ASYNC109 - its name
        """Log in."""
        token, ends_at = await self._login()
        return TokenResponse(value=token, expires_in=max(1, round(ends_at - time.time())))


class Client(OverAiohttp):
    """aiohttp with that token."""

    async def open(self) -> None:
        """Log in."""
        self.session = aiohttp.ClientSession(connector=self.connector())
        self.login = Login(self.origin)
        self.token = EceToken(self.login, self.session)
        await self.token.get()

    async def get(self) -> int:
        """Send the request."""
        headers = {"Authorization": f"Bearer {await self.token.get()}"}
        async with self.session.get(self.url, headers=headers) as response:
            await response.read()
            return response.status

    async def slow(self, after: float) -> int:
        """Send a slow request."""
        headers = {"Authorization": f"Bearer {await self.token.get()}"}
        url = f"{self.origin}/api/v1/slow/{after}"
        async with self.session.get(url, headers=headers) as response:
            await response.read()
            return response.status

    def current(self) -> Callable[[], Awaitable[object]]:
        """Return what its clients await for every request."""
        return self.token.get

    async def renew(self) -> bool:
        """Renew now."""
        await self.token.acquire_access_token()
        return True

    async def close(self) -> None:
        """Close both sessions."""
        await self.login.close()
        await super().close()
