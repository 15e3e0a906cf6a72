"""Connections that never leave the process: no socket, no port, no kernel.

What one end writes, the protocol at the other end is handed at the event loop's next turn.
That makes a test on a `ManualClock` exact, whatever else the machine is doing.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import BaseConnector, ClientConnectorError
from aiohttp.client_proto import ResponseHandler
from yarl import URL

if TYPE_CHECKING:
    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.tracing import Trace

__all__ = ["MemoryConnector"]

#: Bytes on their way above which a writer is asked to pause, and below which to go on.
_HIGH: Final = 64 * 1024
_LOW: Final = 16 * 1024

#: Real seconds that an idle connection is kept: longer than a test, which may take a year of
#: its own time. (None would say so, but not to every aiohttp.)
_KEPT: Final = 1e6

_PORTS: Final = itertools.count(1)


class _End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("memory", next(_PORTS))})
        self._loop = loop
        self.protocol = protocol
        self.peer = self
        # What the peer has yet to be handed; None says that no more will come.
        self._flying: deque[bytes | None] = deque()
        self._size = 0
        self._scheduled = False
        self.closing = False
        self._lost = False
        self.reading = True
        self._full = False

    def join(self, peer: _End) -> None:
        """Make two ends a connection."""
        self.peer, peer.peer = peer, self

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True
        self.peer.schedule()

    def get_write_buffer_size(self) -> int:
        return self._size

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closing or not data:
            return
        self._flying.append(bytes(data))
        self._size += len(data)
        if self._size > _HIGH and not self._full:
            self._full = True
            self.protocol.pause_writing()
        self.schedule()

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self._flying.append(None)
            self.schedule()
            self._loop.call_soon(self.lose, None)

    def abort(self) -> None:
        """Reset the connection; as over a wire, what was written before still arrives."""
        if not self._lost:
            self.closing = True
            self.schedule()
            self._loop.call_soon(self.lose, None)
            reset = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
            self._loop.call_soon(self.peer.lose, reset)

    def schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        peer = self.peer
        while self._flying and peer.reading and not peer.closing:
            data = self._flying.popleft()
            if data is not None:
                self._size -= len(data)
                peer.protocol.data_received(data)
            elif not peer.protocol.eof_received():
                peer.close()
        if self._full and self._size <= _LOW and not self._lost:
            self._full = False
            self.protocol.resume_writing()

    def lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = self.closing = True
            self.protocol.connection_lost(error)


class Accepting(Protocol):
    """A server that a connection in memory reaches: a `CloudServer`."""

    @property
    def url(self) -> str:
        """Its scheme, host and port."""

    @property
    def running(self) -> bool:
        """Whether it accepts connections."""

    def accept(self) -> asyncio.Protocol:
        """Make its side of a connection."""


class MemoryConnector(BaseConnector):
    """An aiohttp connector whose connections to some servers are made in memory.

    Made by `CloudServer.connector`. Any other address refuses the connection. Nothing is
    encrypted, also where the URL says https.
    """

    def __init__(self, *servers: Accepting, **options: Any) -> None:
        super().__init__(**{"keepalive_timeout": _KEPT} | options)
        self._servers = servers

    # By this name aiohttp's documentation has connectors of one's own override it.
    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - the signature is that of aiohttp
    ) -> ResponseHandler:
        for server in self._servers:
            if server.running and URL(server.url).origin() == req.url.origin():
                loop = asyncio.get_running_loop()
                here, there = ResponseHandler(loop), server.accept()
                near, far = _End(loop, here), _End(loop, there)
                near.join(far)
                there.connection_made(far)
                here.connection_made(near)
                return here
        refused = ConnectionRefusedError(errno.ECONNREFUSED, "no server in memory listens there")
        raise ClientConnectorError(req.connection_key, refused)
