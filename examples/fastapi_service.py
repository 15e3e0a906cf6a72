"""A FastAPI service with one session for its whole life: `GET /deployments`, `GET /health`.

    uvicorn fastapi_service:app

EC_HOST with EC_USER and EC_PASS (or EC_API_KEY) say where the ECE is. The service also comes up
while the ECE is down, and is ready once there is a token.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from aiocloudauth import ApiError, AuthenticationError, CloudAuthError, CloudSession, SessionState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: States in which requests can be served.
GOOD = frozenset({SessionState.ACTIVE, SessionState.RENEWING, SessionState.DEGRADED})


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the session in the loop that serves, and log out at the end."""
    app.state.cloud = cloud = CloudSession.from_environment(timeout=30)
    await cloud.open(wait=False)
    try:
        yield
    finally:
        await cloud.close()


app = FastAPI(lifespan=lifespan)


def retry_after(cloud: CloudSession) -> dict[str, str]:
    """Return the field that says when the session is tried next, if that is known."""
    if cloud.retry_at is None:
        return {}
    seconds = (cloud.retry_at - datetime.now(UTC)).total_seconds()
    return {"Retry-After": f"{max(1.0, seconds):.0f}"}


@app.exception_handler(CloudAuthError)
async def no_session(request: Request, error: CloudAuthError) -> JSONResponse:
    """No token, or credentials that are refused: 503, for it is not the caller's fault."""
    body = {"error": type(error).__name__}
    return JSONResponse(body, 503, headers=retry_after(request.app.state.cloud))


@app.exception_handler(ApiError)
async def refused(request: Request, error: ApiError) -> JSONResponse:
    """The ECE refused: 404 and 403 are the caller's affair, anything else is a bad gateway."""
    if isinstance(error, AuthenticationError):
        return await no_session(request, error)
    status = error.status if error.status in {403, 404} else 502
    return JSONResponse({"error": type(error).__name__, "codes": list(error.codes)}, status)


@app.exception_handler(aiohttp.ClientError)
@app.exception_handler(TimeoutError)
async def no_answer(_: Request, error: Exception) -> JSONResponse:
    """The ECE did not answer."""
    return JSONResponse({"error": type(error).__name__}, 502)


@app.get("/deployments")
async def deployments(request: Request) -> Any:  # noqa: ANN401 - JSON as the ECE gives it
    """Return the deployments."""
    async with request.app.state.cloud.get("/deployments") as response:
        return await response.json()


@app.get("/health")
async def health(request: Request) -> JSONResponse:
    """Say how the session stands: 503 while there is no usable token."""
    cloud: CloudSession = request.app.state.cloud
    good = cloud.state in GOOD
    return JSONResponse(
        {"session": cloud.state.value, "retry_at": cloud.retry_at and cloud.retry_at.isoformat()},
        200 if good else 503,
        headers={} if good else retry_after(cloud),
    )
