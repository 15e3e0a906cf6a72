"""The interface of a peer, and what most of them share: an aiohttp session and a login."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.control import Control

#: What every peer asks for.
PATH = "/api/v1/deployments"


class Peer(ABC):
    """A client that holds a token.

    Args:
        control: The server.
        limit: The size of its pool of connections.
        life: How long a token lives, seconds, for peers whose margins are fixed otherwise:
            they begin to renew when a quarter of it is left, and wait below a twentieth.
    """

    #: Whether it can renew at all.
    renews: ClassVar[bool] = True
    #: Whether it is the package under test.
    ours: ClassVar[bool] = False

    def __init__(self, control: Control, *, limit: int = 100, life: float = 3600.0) -> None:
        self.control = control
        self.origin = control.origin
        self.url = control.origin + PATH
        self.limit = limit
        self.life = life

    @abstractmethod
    async def open(self) -> None:
        """Get ready to send: with a token in hand."""

    @abstractmethod
    async def get(self) -> int:
        """Send the request, read the answer's body, return its status."""

    @abstractmethod
    async def slow(self, after: float) -> int:
        """As `get`, of a resource that takes `after` seconds."""

    @abstractmethod
    async def close(self) -> None:
        """Close everything."""

    def current(self) -> Callable[[], object] | Callable[[], Awaitable[object]] | None:
        """Return what a request calls to have the token."""
        return None

    async def renew(self) -> bool:
        """Renew the token by the means the peer offers; return whether it offers one."""
        return False

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class OverAiohttp(Peer):
    """A peer that sends through a plain aiohttp session."""

    session: aiohttp.ClientSession

    def connector(self) -> aiohttp.TCPConnector:
        """Return a pool of the size asked for."""
        return aiohttp.TCPConnector(limit=self.limit)

    async def get(self) -> int:
        """Send the request."""
        async with self.session.get(self.url) as response:
            await response.read()
            return response.status

    async def slow(self, after: float) -> int:
        """Send a slow request."""
        async with self.session.get(f"{self.origin}/api/v1/slow/{after}") as response:
            await response.read()
            return response.status

    async def close(self) -> None:
        """Close the session."""
        await self.session.close()


class Login:
    """``_login`` by hand, on a session of its own, for the peers that leave it to the user."""

    def __init__(self, origin: str) -> None:
        self._url = f"{origin}/api/v1/users/auth/_login"
        self._session = aiohttp.ClientSession()

    async def __call__(self) -> tuple[str, float]:
        """Return a token, and when it ends, in seconds since the epoch."""
        body = {"username": "admin", "password": "secret"}
        async with self._session.post(self._url, json=body) as response:
            response.raise_for_status()
            told = await response.json()
        ends = datetime.fromisoformat(told["session_expiration_time"])
        return told["token"], ends.timestamp()

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()
