"""What any middleware costs: one that does nothing, on raw aiohttp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from benchmarks.peers.peer import OverAiohttp

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse


async def nothing(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Hand the request on."""
    return await handler(request)


class Client(OverAiohttp):
    """aiohttp with a fixed header and a middleware."""

    renews = False

    async def open(self) -> None:
        """Ask the harness for the token."""
        self.session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self.control.fixed()}"},
            connector=self.connector(),
            middlewares=(nothing,),
        )
