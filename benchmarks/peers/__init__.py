"""The clients that are compared, each a module, behind one interface."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer

#: Every peer by its name, in the order of the tables, with the module it lives in.
PEERS = {
    "raw": "raw",
    "raw again": "raw",
    "do-nothing middleware": "nothing",
    "aiocloudauth": "cloud",
    "aiocloudauth, own session": "middleware",
    "cookbook 401 middleware": "cookbook",
    "gcloud-aio-auth": "gcloud",
    "azure-core": "azure",
    "aiobotocore": "botocore",
    "authlib on httpx": "authlib_httpx",
    "httpx Auth": "httpx_auth",
}

#: What is compared in the first place: the limit, the floor of any middleware, and us.
OURS = ("raw", "raw again", "do-nothing middleware", "aiocloudauth", "aiocloudauth, own session")
OTHERS = tuple(name for name in PEERS if name not in OURS)


def load(name: str) -> type[Peer]:
    """Return the class of a peer.

    Raises:
        ImportError: The library it is about is not installed.
    """
    client: type[Peer] = import_module(f"benchmarks.peers.{PEERS[name]}").Client
    return client


def installed(names: tuple[str, ...]) -> dict[str, type[Peer]]:
    """Return those of the peers whose library is installed."""
    found = {}
    for name in names:
        try:
            found[name] = load(name)
        except ImportError:
            continue
    return found
