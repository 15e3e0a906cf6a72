"""aiocloudauth: a `CloudSession`, with its default policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocloudauth import CloudSession, Password
from benchmarks.peers.peer import OverAiohttp

if TYPE_CHECKING:
    from collections.abc import Callable


class Client(OverAiohttp):
    """A session as users make it."""

    ours = True
    cloud: CloudSession

    async def open(self) -> None:
        """Log in."""
        self.cloud = await CloudSession(
            self.origin, Password("admin", "secret"), connector=self.connector()
        )

    async def get(self) -> int:
        """Send the request."""
        async with self.cloud.get("/deployments") as response:
            await response.read()
            return response.status

    async def slow(self, after: float) -> int:
        """Send a slow request."""
        async with self.cloud.get(f"/slow/{after}") as response:
            await response.read()
            return response.status

    def current(self) -> Callable[[], object]:
        """Return what `BearerRequest.send` asks for."""
        cloud = self.cloud
        return lambda: cloud.token

    async def renew(self) -> bool:
        """Renew now."""
        await self.cloud.refresh()
        return True

    async def close(self) -> None:
        """Log out."""
        await self.cloud.close()
