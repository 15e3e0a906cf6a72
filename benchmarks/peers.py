"""Other clients that hold a token, fitted to short ones by options of their own.

Each is made when its library is installed (`benchmarks/requirements.txt`). Those that leave the
login to their user get it by hand, on a session of its own. What follows a 401 is their affair:
most do nothing.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from benchmarks.clients import HOUR, PATH, ROOT, sends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.clients import Client, Get
    from benchmarks.steering import Server


class Login:
    """``_login`` by hand."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self._url = f"{origin}/api/v1/users/auth/_login"
        self._session = session

    async def __call__(self) -> tuple[str, float]:
        """Return a token, and when it ends, in seconds since the epoch."""
        body = {"username": "admin", "password": "secret"}
        async with self._session.post(self._url, json=body) as response:
            response.raise_for_status()
            told = await response.json()
        return told["token"], datetime.fromisoformat(told["session_expiration_time"]).timestamp()


class Relogin:
    """A middleware that stamps the token, and on a 401 gets another and sends once more."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._lock = asyncio.Lock()
        self._token = ""

    async def renew(self, used: str) -> None:
        """Log in, unless somebody else has done so since `used` was sent."""
        async with self._lock:
            if self._token == used:
                self._token, _ = await self._login()

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send, and once more if that was refused."""
        used = self._token
        request.headers["Authorization"] = f"Bearer {used}"
        response = await handler(request)
        if response.status != 401:
            return response
        response.release()
        await self.renew(used)
        request.headers["Authorization"] = f"Bearer {self._token}"
        return await handler(request)


@asynccontextmanager
async def by_hand(server: Server, *, limit: int = 100, **_: float) -> AsyncIterator[Get]:
    """Use what people write: a middleware that logs in again on a 401, under a lock."""
    async with aiohttp.ClientSession() as apart:
        relogin = Relogin(Login(apart, server.origin))
        await relogin.renew("")
        connector = aiohttp.TCPConnector(limit=limit)
        async with aiohttp.ClientSession(connector=connector, middlewares=(relogin,)) as session:
            yield sends(session, server.origin + ROOT)


@asynccontextmanager
async def gcloud(server: Server, *, limit: int = 100, **_: float) -> AsyncIterator[Get]:
    """Use gcloud-aio-auth: its `BaseToken`, with a header on every request, as its clients do."""
    from gcloud.aio.auth.token import BaseToken, TokenResponse

    class EceToken(BaseToken):
        async def refresh(self, *, timeout: int) -> Any:  # noqa: ANN401, ASYNC109 - its signature
            token, ends_at = await login()
            return TokenResponse(value=token, expires_in=max(1, round(ends_at - time.time())))

    connector = aiohttp.TCPConnector(limit=limit)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        aiohttp.ClientSession() as own,
    ):
        login = Login(own, server.origin)
        token: Any = EceToken(
            session=session,  # type: ignore[arg-type]  # it names its own kind of session
            background_refresh_after=0.75,
            force_refresh_after=0.95,
        )
        await token.get()

        async def get(path: str = PATH) -> int:
            headers = {"Authorization": f"Bearer {await token.get()}"}
            async with session.get(server.origin + ROOT + path, headers=headers) as response:
                await response.read()
                return response.status

        yield get


@asynccontextmanager
async def botocore(server: Server, *, limit: int = 100, life: float = HOUR) -> AsyncIterator[Get]:
    """Use the refreshable credentials of aiobotocore, whose token goes into a header."""
    from aiobotocore import credentials  # type: ignore[import-untyped]  # it has none

    async def metadata() -> dict[str, str]:
        token, ends_at = await login()
        return {
            "access_key": "admin",
            "secret_key": "secret",
            "token": token,
            "expiry_time": datetime.fromtimestamp(ends_at, UTC).isoformat(),
        }

    connector = aiohttp.TCPConnector(limit=limit)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        aiohttp.ClientSession() as own,
    ):
        login = Login(own, server.origin)
        held: Any = credentials.AioRefreshableCredentials.create_from_metadata(
            await metadata(),
            refresh_using=metadata,
            method="ece",
            advisory_timeout=life * 0.25,
            mandatory_timeout=life * 0.05,
        )

        async def get(path: str = PATH) -> int:
            frozen = await held.get_frozen_credentials()
            headers = {"Authorization": f"Bearer {frozen.token}"}
            async with session.get(server.origin + ROOT + path, headers=headers) as response:
                await response.read()
                return response.status

        yield get


@asynccontextmanager
async def azure(server: Server, *, limit: int = 100, life: float = HOUR) -> AsyncIterator[Get]:
    """Use azure-core: a pipeline of its bearer-token policy and its transport over aiohttp."""
    from azure.core.credentials import AccessTokenInfo
    from azure.core.pipeline import AsyncPipeline
    from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy
    from azure.core.pipeline.transport import AioHttpTransport
    from azure.core.rest import HttpRequest

    class Credential:
        async def get_token_info(self, *_: str, options: object = None) -> AccessTokenInfo:
            token, ends_at = await login()
            return AccessTokenInfo(token, int(ends_at), refresh_on=int(ends_at - life / 4))

        async def close(self) -> None:
            pass

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
    policy: Any = AsyncBearerTokenCredentialPolicy(Credential(), "ece")
    async with aiohttp.ClientSession() as own:
        login = Login(own, server.origin)
        pipeline: Any = AsyncPipeline(AioHttpTransport(session=session), policies=[policy])
        async with pipeline:

            async def get(path: str = PATH) -> int:
                request = HttpRequest("GET", server.origin + ROOT + path)
                answer = await pipeline.run(request, enforce_https=False)
                return int(answer.http_response.status_code)

            await get()
            yield get


@asynccontextmanager
async def authlib(server: Server, *, limit: int = 100, life: float = HOUR) -> AsyncIterator[Get]:
    """Use authlib's OAuth 2.0 client on httpx, with the server's OAuth route."""
    import httpx

    with warnings.catch_warnings():
        import authlib.deprecate  # type: ignore[import-untyped]  # noqa: F401 - sets a filter first

        warnings.simplefilter("ignore")  # it would rather be used with another client than httpx
        from authlib.integrations import httpx_client  # type: ignore[import-untyped]  # it has none

    client: Any = httpx_client.AsyncOAuth2Client(
        client_id="admin",
        client_secret="secret",
        token_endpoint=f"{server.origin}/token",
        grant_type="client_credentials",
        leeway=life * 0.05,
        limits=httpx.Limits(max_connections=limit),
        timeout=None,
        trust_env=False,
    )
    async with client:
        await client.fetch_token(grant_type="client_credentials")

        async def get(path: str = PATH) -> int:
            answer = await client.get(server.origin + ROOT + path)
            return int(answer.status_code)

        yield get


_ALL: dict[str, tuple[str, Client]] = {
    "middleware by hand": ("aiohttp", by_hand),
    "gcloud-aio-auth": ("gcloud", gcloud),
    "azure-core": ("azure", azure),
    "aiobotocore": ("aiobotocore", botocore),
    "authlib on httpx": ("authlib", authlib),
}


def installed() -> dict[str, Client]:
    """Return those whose library is there."""
    return {name: client for name, (module, client) in _ALL.items() if find_spec(module)}
