"""azure-core: a pipeline of its bearer-token policy and its transport over aiohttp.

Its margin of 300 s is replaced through `AccessTokenInfo.refresh_on`, which is there for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import aiohttp
from azure.core.credentials import AccessTokenInfo
from azure.core.pipeline import AsyncPipeline
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest

from benchmarks.peers.peer import Login, Peer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Credential:
    """The credential, which this library asks to be written by its user."""

    def __init__(self, login: Login, life: float) -> None:
        self._login = login
        self._life = life

    async def get_token_info(self, *_: str, options: object = None) -> AccessTokenInfo:
        """Log in."""
        token, ends_at = await self._login()
        return AccessTokenInfo(token, int(ends_at), refresh_on=int(ends_at - self._life / 4))

    async def close(self) -> None:
        """Close the session."""
        await self._login.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Client(Peer):
    """That pipeline."""

    async def open(self) -> None:
        """Log in with a first request."""
        self.credential = Credential(Login(self.origin), self.life)
        self.policy: Any = AsyncBearerTokenCredentialPolicy(self.credential, "ece")
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.limit),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        self.pipeline: Any = AsyncPipeline(
            transport=AioHttpTransport(session=session), policies=[self.policy]
        )
        await self.pipeline.__aenter__()
        await self.get()

    async def _send(self, url: str) -> int:
        answer = await self.pipeline.run(HttpRequest("GET", url), enforce_https=False)
        return int(answer.http_response.status_code)

    async def get(self) -> int:
        """Send the request."""
        return await self._send(self.url)

    async def slow(self, after: float) -> int:
        """Send a slow request."""
        return await self._send(f"{self.origin}/api/v1/slow/{after}")

    def current(self) -> Callable[[], Awaitable[object]]:
        """Return the step of the policy that stamps a request."""
        from azure.core.pipeline import PipelineContext, PipelineRequest

        request: Any = PipelineRequest(HttpRequest("GET", self.url), PipelineContext(None))
        request.context["enforce_https"] = False
        policy = self.policy

        async def current() -> None:
            await policy.on_request(request)

        return current

    async def close(self) -> None:
        """Close everything."""
        await self.pipeline.__aexit__()
        await self.credential.close()
