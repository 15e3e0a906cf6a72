"""authlib's OAuth 2.0 client on httpx, which asks the server's OAuth route for its tokens.

Its margin of 60 s is replaced through ``leeway``.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import httpx

with warnings.catch_warnings():
    import authlib.deprecate  # type: ignore[import-untyped]  # noqa: F401 - sets a filter first

    warnings.simplefilter("ignore")  # it would rather be used with another client than httpx
    from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]  # it has none
        AsyncOAuth2Client,
    )

from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Client(Peer):
    """That client."""

    async def open(self) -> None:
        """Get a token."""
        self.client: Any = AsyncOAuth2Client(
            client_id="admin",
            client_secret="secret",
            token_endpoint=f"{self.origin}/token",
            leeway=self.life * 0.05,
            limits=httpx.Limits(max_connections=self.limit),
            timeout=None,
            trust_env=False,
        )
        await self.client.fetch_token(grant_type="client_credentials")

    async def get(self) -> int:
        """Send the request."""
        answer = await self.client.get(self.url)
        return int(answer.status_code)

    async def slow(self, after: float) -> int:
        """Send a slow request."""
        answer = await self.client.get(f"{self.origin}/api/v1/slow/{after}")
        return int(answer.status_code)

    def current(self) -> Callable[[], Awaitable[object]]:
        """Return the step that every request takes first."""
        client = self.client

        async def current() -> None:
            await client.ensure_active_token(client.token)

        return current

    async def renew(self) -> bool:
        """Renew now."""
        old = self.client.token["refresh_token"]
        await self.client.refresh_token(f"{self.origin}/token", refresh_token=old)
        return True

    async def close(self) -> None:
        """Close the client."""
        await self.client.aclose()
