"""A web service with one session for its whole life: `GET /deployments`, `GET /health`.

EC_HOST with EC_USER and EC_PASS (or EC_API_KEY) say where the ECE is, EC_CA_FILE what it is
trusted by, PORT where to listen. SIGTERM ends it: requests under way are finished first.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import web

from aiocloudauth import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    CloudAuthError,
    CloudSession,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    SessionState,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

CLOUD: Final = web.AppKey("cloud", CloudSession)

#: States in which requests can be served. In the others `retry_at` tells whether that will pass.
GOOD: Final = frozenset({SessionState.ACTIVE, SessionState.RENEWING, SessionState.DEGRADED})

#: What the ECE's answer to us means for whoever asked us; the first that fits.
STATUSES: Final[tuple[tuple[type[ApiError], int], ...]] = (
    (NotFoundError, 404),
    (ConflictError, 409),
    (BadRequestError, 400),
    (PermissionDeniedError, 403),
    (RateLimitedError, 503),
    (AuthenticationError, 503),  # our credentials are at fault, not the caller's
    (ServerError, 502),
)


def refusal(error: Exception) -> web.Response:
    """Return the answer for a call to the ECE that failed."""
    if isinstance(error, ApiError):
        status = next((status for kind, status in STATUSES if isinstance(error, kind)), 502)
        headers = {"Retry-After": f"{error.retry_after:.0f}"} if error.retry_after else {}
        body = {"error": type(error).__name__, "codes": error.codes}
        return web.json_response(body, status=status, headers=headers)
    # No session, or no answer. Both pass.
    status = 503 if isinstance(error, CloudAuthError) else 502
    return web.json_response({"error": type(error).__name__}, status=status)


@web.middleware
async def translated(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer what the ECE refuses."""
    try:
        return await handler(request)
    except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
        return refusal(error)


async def session(app: web.Application) -> AsyncIterator[None]:
    """Log in before the first request, log out after the last."""
    ssl = os.environ.get("EC_CA_FILE") or True
    async with CloudSession.from_environment(ssl=ssl, timeout=30) as cloud:
        app[CLOUD] = cloud
        yield


async def deployments(request: web.Request) -> web.Response:
    """Return the deployments."""
    async with request.app[CLOUD].get("/deployments") as response:
        return web.json_response(await response.json())


async def deployment(request: web.Request) -> web.Response:
    """Return one deployment."""
    name = request.match_info["id"]
    async with request.app[CLOUD].get(f"/deployments/{name}") as response:
        return web.json_response(await response.json())


async def health(request: web.Request) -> web.Response:
    """Say how the session stands: 503 while no token may be sent, and when it is tried again."""
    cloud = request.app[CLOUD]
    told = {"expires": cloud.session_expiration_time, "retry_at": cloud.retry_at}
    body = {name: at and at.isoformat() for name, at in told.items()}
    return web.json_response(
        {"session": cloud.state.value, **body}, status=200 if cloud.state in GOOD else 503
    )


def application() -> web.Application:
    """Put the service together."""
    app = web.Application(middlewares=[translated])
    app.cleanup_ctx.append(session)
    app.router.add_get("/deployments", deployments)
    app.router.add_get(r"/deployments/{id:[\w-]+}", deployment)
    app.router.add_get("/health", health)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
