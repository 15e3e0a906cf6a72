"""Sessions with a server of the test's own, and who the server took the sender for."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import aiohttp

from aiocloudauth import (
    BearerMiddleware,
    BearerRequest,
    CloudSession,
    Password,
    RenewalPolicy,
    TokenRefresher,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from aiocloudauth.testing import CloudServer

QUICK = RenewalPolicy(min_interval=0.01)
USERS = {"admin": "secret", "bob": "builder", "carol": "singer"}


def basic(user: str, password: str) -> str:
    """Write credentials as a header field's value."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


BOB = basic("bob", "builder")


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), **({"policy": QUICK} | options))


def refresher_for(server: CloudServer, **options: Any) -> TokenRefresher:
    """Make a refresher with the server's administrator."""
    return TokenRefresher(server.url, Password("admin", "secret"), policy=QUICK, **options)


def own(refresher: TokenRefresher, *, bound: bool = True, **options: Any) -> aiohttp.ClientSession:
    """Make an aiohttp session as a user does, with or without the request class."""
    if bound:
        options["request_class"] = BearerRequest
    return aiohttp.ClientSession(middlewares=(BearerMiddleware(refresher),), **options)


async def user_of(pending: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> str:
    """Tell whom the server took the sender of a request for."""
    async with pending as response:
        return str((await response.json())["user"])


def token_of(cloud: CloudSession) -> str:
    """Give the text of the token in hand."""
    assert cloud.token is not None
    return cloud.token.token.reveal()
