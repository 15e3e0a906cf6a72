"""Calls that the tests of the server have in common, with nothing of the client in them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define

if TYPE_CHECKING:
    import aiohttp

    from aiocloudauth.testing import CloudServer

#: The operations of the tag Authentication: ECE 3.8 API description.
CONTRACT = json.loads((Path(__file__).parent / "wire" / "data_auth_contract.json").read_text())
OPERATIONS = {operation["id"]: operation for operation in CONTRACT["operations"]}

LOGIN = "/api/v1/users/auth/_login"
REFRESH = "/api/v1/users/auth/_refresh"
LOGOUT = "/api/v1/users/auth/_logout"
ADMIN = {"username": "admin", "password": "secret"}


def bearer(token: str) -> dict[str, str]:
    """Make the header of a token."""
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    """Make the header of a name and a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def log_in(http: aiohttp.ClientSession) -> dict[str, str]:
    """Log in; return the header of the token."""
    async with http.post(LOGIN, json=ADMIN) as answer:
        assert answer.status == 200
        return bearer((await answer.json())["token"])


async def refresh(http: aiohttp.ClientSession, token: dict[str, str]) -> dict[str, str]:
    """Renew a token; return the header of the new one."""
    async with http.post(REFRESH, headers=token) as answer:
        assert answer.status == 200
        return bearer((await answer.json())["token"])


async def status(http: aiohttp.ClientSession, token: dict[str, str], path: str = "/x") -> int:
    """Ask for a path below the API root; return the status."""
    async with http.get(f"/api/v1{path}", headers=token) as answer:
        return answer.status


@define
class Caller:
    """A client that is signed in, with nothing of this package in it."""

    server: CloudServer
    http: aiohttp.ClientSession
    token: str

    async def call(
        self,
        operation: str,
        *,
        json: object = None,
        data: object = None,
        params: dict[str, str] | None = None,
        authorization: str | None = None,
        **parts: str,
    ) -> aiohttp.ClientResponse:
        facts = OPERATIONS[operation]
        return await self.http.request(
            facts["method"],
            "/api/v1" + facts["path"].format(**parts),
            json=json,
            data=data,
            params=params,
            allow_redirects=False,
            headers={"Authorization": authorization or f"Bearer {self.token}"},
        )

    async def key(self) -> dict[str, Any]:
        answer = await self.call("create-api-key", json={"description": "made by a test"})
        made: dict[str, Any] = await answer.json()
        return made


async def signed_in(server: CloudServer, http: aiohttp.ClientSession) -> Caller:
    """Log in, and be ready to call operations."""
    credentials = {"username": "admin", "password": "secret"}
    async with http.post("/api/v1/users/auth/_login", json=credentials) as answer:
        return Caller(server, http, (await answer.json())["token"])
