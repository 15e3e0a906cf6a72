"""The limit: aiohttp with a fixed header, which no renewing client can undercut."""

from __future__ import annotations

import aiohttp

from benchmarks.peers.peer import OverAiohttp


class Client(OverAiohttp):
    """aiohttp with a token that lives for ever."""

    renews = False

    async def open(self) -> None:
        """Ask the harness for the token."""
        headers = {"Authorization": f"Bearer {self.control.fixed()}"}
        self.session = aiohttp.ClientSession(headers=headers, connector=self.connector())
