"""A port that is listened on, from opening to closing, and the certificate it shows."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define, field

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing.service import Connections

if TYPE_CHECKING:
    from aiocloudauth.testing.service import Service

__all__ = ["Certificate", "Listener"]

#: Real seconds that connections get to end once they were told to.
_PATIENCE: Final = 0.5


class Certificate:
    """A certificate for some hosts, signed by an authority of its own.

    `ca_file` is the authority as a PEM file, for as long as `discard` was not called.
    """

    def __init__(self, *hosts: str) -> None:
        try:
            import trustme
        except ModuleNotFoundError as error:
            message = "TLS needs trustme: pip install 'aiocloudauth[testing]'"
            raise ConfigurationError(message) from error
        authority = trustme.CA()
        self._directory = tempfile.TemporaryDirectory(prefix="aiocloudauth-")
        self.ca_file = str(Path(self._directory.name) / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        self.server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*hosts).configure_cert(self.server_context)

    def discard(self) -> None:
        """Remove the file. A second call does nothing."""
        self._directory.cleanup()


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
