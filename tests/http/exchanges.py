"""An exchange with a server of the test's own, and every call that it makes."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiocloudauth._http.exchange import AuthExchange
from aiocloudauth._wire.endpoint import Endpoint
from aiocloudauth.clock import Clock, Timeline
from aiocloudauth.credentials import Basic, Password
from aiocloudauth.errors import CloudAuthError
from aiocloudauth.token import Secret, SessionToken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

#: In everything that must show nowhere.
PLANTED = "pl4nted"
PASSWORD = Password("admin", f"{PLANTED}-password")
PAIR = base64.b64encode(f"admin:{PLANTED}-password".encode()).decode()
HELD = SessionToken(Secret(f"{PLANTED}-held"), None, 1)
MAX_BODY = 64 * 1024

#: Every call there is.
CALLS: dict[str, Callable[[AuthExchange], Awaitable[object]]] = {
    "_login": lambda exchange: exchange.login(PASSWORD),
    "_refresh": lambda exchange: exchange.refresh(HELD),
    "_refresh with Basic": lambda exchange: exchange.login(Basic("admin", f"{PLANTED}-password")),
    "users/auth": lambda exchange: exchange.ask(HELD),
    "_logout": lambda exchange: exchange.logout(HELD),
}


@asynccontextmanager
async def exchange_with(
    url: str, *, clock: Clock | None = None, max_body: int = MAX_BODY, **options: Any
) -> AsyncIterator[AuthExchange]:
    """Start an exchange and close it."""
    clock = clock or Clock()
    exchange = AuthExchange(
        Endpoint(url), clock=clock, timeline=Timeline(clock), max_body=max_body, **options
    )
    exchange.start()
    try:
        yield exchange
    finally:
        await exchange.close()


async def error_of(call: Awaitable[object]) -> CloudAuthError | None:
    """Return the error that a call ends with, if any."""
    try:
        await call
    except CloudAuthError as error:
        return error
    return None
