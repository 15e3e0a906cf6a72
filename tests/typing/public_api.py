"""Uses of the public API as users type them: mypy checks this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, assert_type

import aiohttp
from yarl import URL

from aiocloudauth import (
    ApiError,
    ApiKey,
    Basic,
    Bearer,
    BearerMiddleware,
    BearerRequest,
    CloudAuthError,
    CloudSession,
    ErrorDetail,
    Event,
    Password,
    RenewalFailed,
    RenewalPolicy,
    SessionState,
    SessionToken,
    TokenRefresher,
    TokenRenewed,
)

if TYPE_CHECKING:
    import ssl


async def secret() -> str:
    """Ask a vault."""
    return "s3cret"


def on_event(event: Event) -> None:
    """Take each record by its type."""
    assert_type(event.at, datetime)
    if isinstance(event, TokenRenewed):
        assert_type(event.generation, int)
        assert_type(event.took, float)
        assert_type(event.session_expiration_time, datetime | None)
    if isinstance(event, RenewalFailed):
        assert_type(event.error, CloudAuthError)
        assert_type(event.retry_at, datetime | None)


def credentials() -> list[Password | Bearer | ApiKey | Basic]:
    """A value is a string or an async callable."""
    return [
        Password("admin", "s3cret"),
        Password("admin", secret),
        Bearer("token"),
        Bearer(secret, session_expiration_time=datetime.now(UTC)),
        ApiKey("key"),
        ApiKey(secret),
        Basic("admin", secret),
    ]


def policies() -> list[RenewalPolicy]:
    """Durations are seconds or `timedelta`."""
    return [
        RenewalPolicy(),
        RenewalPolicy(margin=60, margin_fraction=0.1, jitter=0.0),
        RenewalPolicy(margin=timedelta(minutes=1), max_body=4096),
    ]


async def sessions(context: ssl.SSLContext) -> None:
    """Every keyword, and what a session gives."""
    cloud = await CloudSession("https://ece.example.com:12443", Password("admin", "s3cret"))
    assert_type(cloud, CloudSession)
    await cloud.close()
    async with CloudSession(
        URL("https://ece.example.com:12443"),
        ApiKey("key"),
        policy=RenewalPolicy(),
        on_event=on_event,
        ssl=context,
        timeout=timedelta(seconds=30),
        allow_http=False,
        logout_on_close=True,
        auth_connector=None,
        headers={"X-Mine": "1"},
    ) as cloud:
        assert_type(cloud, CloudSession)
        assert_type(cloud.session_expiration_time, datetime | None)
        assert_type(cloud.token, SessionToken | None)
        assert_type(cloud.state, SessionState)
        assert_type(cloud.last_error, CloudAuthError | None)
        assert_type(cloud.retry_at, datetime | None)
        assert_type(await cloud.open(wait=False), CloudSession)
        assert_type(cloud.http, aiohttp.ClientSession)
        unsubscribe = cloud.subscribe(on_event)
        assert_type(unsubscribe, Callable[[], None])
        unsubscribe()
        await cloud.refresh()
        await cloud.login()
        await cloud.login(Password("admin", "new"))
        await cloud.logout()
    assert_type(CloudSession.from_environment(ssl="ca.pem", timeout=30), CloudSession)


async def requests(cloud: CloudSession) -> None:
    """Awaitable and `async with`, as aiohttp's own."""
    async with cloud.get("/deployments", params={"q": "x"}) as response:
        assert_type(response, aiohttp.ClientResponse)
    assert_type(await cloud.post("/deployments", json={}), aiohttp.ClientResponse)
    assert_type(await cloud.request("GET", URL("/x")), aiohttp.ClientResponse)
    async with cloud.ws_connect("/ws") as websocket:
        await websocket.send_str("x")
    try:
        await cloud.delete("/deployments/x")
    except ApiError as error:
        assert_type(error.status, int)
        assert_type(error.errors, tuple[ErrorDetail, ...])
        assert_type(error.codes, tuple[str, ...])
        assert_type(error.headers, Mapping[str, str])
        assert_type(error.retry_after, float | None)
        assert_type(error.retryable, bool)


async def parts() -> None:
    """The parts fit an aiohttp session of one's own."""
    async with (
        TokenRefresher("https://ece.example.com", Password("a", "b"), ssl=False) as refresher,
        aiohttp.ClientSession(
            middlewares=(BearerMiddleware(refresher),), request_class=BearerRequest
        ),
    ):
        assert_type(refresher, TokenRefresher)
        assert_type(refresher.current, SessionToken | None)
        token = await refresher.usable()
        assert_type(token, SessionToken)
        assert_type(token.token.reveal(), str)
        assert_type(refresher.reject(token), bool)


def mistakes() -> None:
    """What a type checker is to complain about: an ignore that is not needed is an error."""
    Password("admin")  # type: ignore[call-arg]  # no password
    Password("admin", 1)  # type: ignore[arg-type]  # it is no string
    CloudSession("https://ece.example.com")  # type: ignore[call-arg]  # no credentials
    CloudSession("https://ece.example.com", "s3cret")  # type: ignore[arg-type]  # not credentials
    RenewalPolicy(60)  # type: ignore[call-arg]  # keywords only
    CloudSession("https://h", ApiKey("k"), timout=3)  # type: ignore[call-arg]  # misspelt
    CloudSession("https://h", ApiKey("k"), headers=3)  # type: ignore[arg-type]  # no fields


def mistakes_in_calls(cloud: CloudSession) -> None:
    """Keywords are aiohttp's own, by name and type."""
    cloud.get("/x", timout=3)  # type: ignore[call-arg]  # misspelt
    cloud.post("/x", jsn={})  # type: ignore[call-arg]  # misspelt
    cloud.get("/x", timeout="3")  # type: ignore[arg-type]  # seconds are a number
    cloud.ws_connect("/x", heartbeat="3")  # type: ignore[arg-type]  # as above
    from aiocloudauth import CloudSesion  # type: ignore[attr-defined]  # noqa: F401 - misspelt
