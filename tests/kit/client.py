"""A plain HTTP client of the server under test, with nothing of this package's client in it."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from attrs import define, frozen
from multidict import CIMultiDict

from aiocloudauth.testing import CloudServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

LOGIN = "POST /users/auth/_login"
REFRESH = "POST /users/auth/_refresh"
ADMIN = {"username": "admin", "password": "secret"}


def basic(user: str, password: str) -> str:
    """Make the `Authorization` of a name and a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@frozen
class Seen:
    """What a client saw of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        return self.headers.get("x-cloud-error-codes")


@define(eq=False)
class Client:
    """Asks a server for things, one at a time."""

    server: CloudServer
    http: aiohttp.ClientSession

    async def ask(
        self, request: str = "GET /x", authorization: str | None = None, **options: Any
    ) -> Seen:
        """Send a request such as `GET /x`, below the API root; read the answer to its end."""
        method, path = request.split(" ", 1)
        headers = dict(options.pop("headers", {}))
        if authorization is not None:
            headers["Authorization"] = authorization
        async with self.http.request(
            method, f"/api/v1{path}", headers=headers, allow_redirects=False, **options
        ) as answer:
            return Seen(answer.status, CIMultiDict(answer.headers), await answer.read())

    async def status(self, request: str = "GET /x", authorization: str | None = None) -> int:
        """Send a request; return the status."""
        return (await self.ask(request, authorization)).status

    async def login(self) -> str:
        """Log in; return the `Authorization` of the token."""
        return f"Bearer {(await self.ask(LOGIN, json=ADMIN)).json['token']}"

    async def refresh(self, authorization: str) -> str:
        """Renew a token; return the `Authorization` of the new one."""
        return f"Bearer {(await self.ask(REFRESH, authorization)).json['token']}"


@asynccontextmanager
async def running(server: CloudServer | None = None, **options: Any) -> AsyncIterator[Client]:
    """Run a server made with these options; give a client of it, without sockets."""
    server = server or CloudServer(**options)
    async with (
        server,
        aiohttp.ClientSession(server.url, connector=server.connector()) as http,
    ):
        yield Client(server, http)
