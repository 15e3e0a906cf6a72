"""A client of one's own: a `TokenRefresher`, and an aiohttp session with its middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

from aiocloudauth import BearerMiddleware, BearerRequest, TokenRefresher

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp.client import _RequestContextManager

    from aiocloudauth import CloudAuthError, Credentials, SessionState, SessionToken


class OwnClient:
    """What README's «Bring your own session» tells, with the members of a `CloudSession`."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        connector: aiohttp.BaseConnector,
        timeout: aiohttp.ClientTimeout,
        **options: Any,
    ) -> None:
        self._root = f"{url}/api/v1"
        self._connector = connector
        self._timeout = timeout
        self._http: aiohttp.ClientSession | None = None
        self.refresher = TokenRefresher(url, credentials, **options)
        self.refresh = self.refresher.refresh
        self.login = self.refresher.login
        self.logout = self.refresher.logout

    async def open(self) -> None:
        await self.refresher.open()
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=self._connector,
                timeout=self._timeout,
                middlewares=(BearerMiddleware(self.refresher),),
                request_class=BearerRequest,
            )

    async def close(self) -> None:
        await self.refresher.close()
        if self._http is not None:
            await self._http.close()
        else:
            await self._connector.close()

    def request(self, method: str, path: str, **options: Any) -> _RequestContextManager:
        assert self._http is not None
        return self._http.request(method, f"{self._root}{path}", **options)

    @property
    def token(self) -> SessionToken | None:
        return self.refresher.current

    @property
    def session_expiration_time(self) -> datetime | None:
        token = self.refresher.current
        return None if token is None else token.session_expiration_time

    @property
    def state(self) -> SessionState:
        return self.refresher.state

    @property
    def last_error(self) -> CloudAuthError | None:
        return self.refresher.last_error
