"""A pre-fork service whose workers share one session: aiohttp under gunicorn.

    gunicorn prefork:application --workers 4 --worker-class aiohttp.GunicornWebWorker

EC_HOST, EC_USER and EC_PASS say where the ECE is, FLEET_STORE which folder the workers share.
The one line that shares is marked. Sessions are made in each worker, after the fork.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aiohttp import web

from aiocloudauth import CloudSession
from aiocloudauth.stores import FileTokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CLOUD = web.AppKey("cloud", CloudSession)


async def session(application: web.Application) -> AsyncIterator[None]:
    """Hold the session for as long as the worker lives."""
    cloud = CloudSession.from_environment(
        store=FileTokenStore(os.environ["FLEET_STORE"]),  # this line shares
    )
    async with cloud:
        application[CLOUD] = cloud
        yield


async def deployments(request: web.Request) -> web.Response:
    """Pass on the ECE's answer, and say which worker did."""
    async with request.app[CLOUD].get("/deployments") as response:
        answer = await response.json()
    return web.json_response({"worker": os.getpid(), "answer": answer})


async def application() -> web.Application:
    """Make the application; gunicorn calls this in each worker."""
    made = web.Application()
    made.cleanup_ctx.append(session)
    made.router.add_get("/deployments", deployments)
    return made
