"""A throw-away certificate for a server that speaks TLS."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from aiocloudauth.errors import ConfigurationError

__all__ = ["Certificate"]


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
