"""The same with FastAPI's lifespan, under uvicorn.

    uvicorn lifespan:application --workers 4

EC_HOST, EC_USER and EC_PASS say where the ECE is, FLEET_STORE which folder the workers share.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request

from aiocloudauth import CloudSession
from aiocloudauth.stores import FileTokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    """Hold the session for as long as the worker lives."""
    cloud = CloudSession.from_environment(
        store=FileTokenStore(os.environ["FLEET_STORE"]),  # this line shares
    )
    async with cloud:
        application.state.cloud = cloud
        yield


application = FastAPI(lifespan=lifespan)


@application.get("/deployments")
async def deployments(request: Request) -> dict[str, Any]:
    """Pass on the ECE's answer, and say which worker did."""
    async with request.app.state.cloud.get("/deployments") as response:
        answer = await response.json()
    return {"worker": os.getpid(), "answer": answer}
