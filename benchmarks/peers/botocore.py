"""aiobotocore: its refreshable credentials, whose token goes into a header of aiohttp's.

Its margins of 15 and 10 minutes are replaced through its own arguments.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from aiobotocore.credentials import AioRefreshableCredentials  # type: ignore[import-untyped]  # it has none

from benchmarks.peers.peer import Login, OverAiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Client(OverAiohttp):
    """aiohttp with the token of those credentials."""

    async def open(self) -> None:
        """Log in."""
        self.session = aiohttp.ClientSession(connector=self.connector())
        self.login = Login(self.origin)
        self.credentials: Any = AioRefreshableCredentials.create_from_metadata(
            await self._metadata(),
            refresh_using=self._metadata,
            method="ece",
            advisory_timeout=self.life * 0.25,
            mandatory_timeout=self.life * 0.05,
        )

    async def _metadata(self) -> dict[str, str]:
        token, ends_at = await self.login()
        return {
            "access_key": "admin",
            "secret_key": "secret",
            "token": token,
            "expiry_time": datetime.fromtimestamp(ends_at, UTC).isoformat(),
        }

    async def _headers(self) -> dict[str, str]:
        frozen = await self.credentials.get_frozen_credentials()
        return {"Authorization": f"Bearer {frozen.token}"}

    async def get(self) -> int:
        """Send the request."""
        async with self.session.get(self.url, headers=await self._headers()) as response:
            await response.read()
            return response.status

    async def slow(self, after: float) -> int:
        """Send a slow request."""
        url = f"{self.origin}/api/v1/slow/{after}"
        async with self.session.get(url, headers=await self._headers()) as response:
            await response.read()
            return response.status

    def current(self) -> Callable[[], Awaitable[object]]:
        """Return what its clients await for every request."""
        current: Callable[[], Awaitable[object]] = self.credentials.get_frozen_credentials
        return current

    async def close(self) -> None:
        """Close both sessions."""
        await self.login.close()
        await super().close()
