"""aiocloudauth on a session of the user's own: `BearerMiddleware` and `BearerRequest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from aiocloudauth import BearerMiddleware, BearerRequest, Password, TokenRefresher
from benchmarks.peers.peer import OverAiohttp

if TYPE_CHECKING:
    from collections.abc import Callable


class Client(OverAiohttp):
    """An aiohttp session with our middleware."""

    ours = True
    refresher: TokenRefresher

    async def open(self) -> None:
        """Log in."""
        self.refresher = await TokenRefresher(self.origin, Password("admin", "secret"))
        self.session = aiohttp.ClientSession(
            connector=self.connector(),
            middlewares=(BearerMiddleware(self.refresher),),
            request_class=BearerRequest,
        )

    def current(self) -> Callable[[], object]:
        """Return what `BearerRequest.send` asks for."""
        refresher = self.refresher
        return lambda: refresher.current

    async def renew(self) -> bool:
        """Renew now."""
        await self.refresher.refresh()
        return True

    async def close(self) -> None:
        """Close both."""
        await self.session.close()
        await self.refresher.close()
