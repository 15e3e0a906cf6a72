"""A tap on the wire: a port that notes what is sent to it, and passes it on to a server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from yarl import URL

from tests.test_origin import _pump

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def tap(server: str, heard: list[bytes]) -> AsyncIterator[str]:
    """Listen in front of the server at that URL; give the same URL with the port to use."""
    url = URL(server)
    pumps: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = await reader.read(65_536)
        heard.append(begun)
        there, onward = await asyncio.open_connection(url.host, url.port)
        onward.write(begun)
        pumps.add(asyncio.create_task(_pump(reader, onward)))
        pumps.add(asyncio.create_task(_pump(there, writer)))

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield str(url.with_port(listener.sockets[0].getsockname()[1]).origin())
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close at the loop's next turn
