"""A port that is listened on, from opening to closing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from attrs import define, field

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing.certificate import Certificate
from aiocloudauth.testing.service import Connections

if TYPE_CHECKING:
    import ssl

    from aiocloudauth.testing.service import Service

__all__ = ["Listener"]

#: Real seconds that connections get to end once they were told to.
_PATIENCE: Final = 0.5


@define(eq=False)
class Listener:
    """An open port in front of a service."""

    #: Scheme, host and port.
    origin: str
    connections: Connections
    certificate: Certificate | None
    _port: asyncio.Server = field(repr=False)

    @classmethod
    async def open(
        cls, service: Service, host: str, port: int, *, tls: bool | ssl.SSLContext
    ) -> Listener:
        """Listen on a port; 0 takes a free one. Raises `ConfigurationError` if it cannot."""
        certificate = None
        if tls is True:
            # Making keys takes a tenth of a second: not in the event loop.
            certificate = await asyncio.to_thread(Certificate, host, "localhost")
        context = certificate.server_context if certificate else tls or None
        connections = Connections(service)
        loop = asyncio.get_running_loop()
        try:
            listening = await loop.create_server(connections, host, port, ssl=context, backlog=1024)
        except OSError as error:
            if certificate:
                certificate.discard()
            reason = error.strerror or str(error)
            raise ConfigurationError(f"cannot listen on {host}:{port}: {reason}") from error
        port = listening.sockets[0].getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        origin = f"{'https' if context else 'http'}://{name}:{port}"
        return cls(origin, connections, certificate, listening)

    async def close(self) -> None:
        """Stop listening, and drop every connection."""
        self._port.close()
        try:
            # Also what was never to be answered ends here: with its connection.
            for connection in self.connections.connections:
                if connection.transport is not None:
                    connection.transport.abort()
            await self.connections.shutdown(_PATIENCE)
            with suppress(TimeoutError):
                # From Python 3.12 on this waits for connections, also for those that never
                # got beyond the TLS handshake.
                async with asyncio.timeout(_PATIENCE):  # noqa: TID251 - the kernel's time
                    await self._port.wait_closed()
        finally:
            if self.certificate:
                self.certificate.discard()
