"""A session for one command: one attempt at a login, and then it gives up."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from attrs import evolve

from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.session import CloudSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocloudauth._cli.settings import Settings

__all__ = ["connected", "session_of"]


def session_of(settings: Settings, **options: Any) -> CloudSession:
    """Make a session; `settings.timeout` bounds an attempt, and the silence of an answer."""
    patience = settings.timeout
    policy = evolve(options.pop("policy", RenewalPolicy()), attempt_timeout=patience)
    return CloudSession(
        settings.url,
        settings.credentials,
        ssl=settings.ssl,
        allow_http=settings.allow_http,
        policy=policy,
        timeout=aiohttp.ClientTimeout(total=None, connect=patience, sock_read=patience),
        **options,
    )


@asynccontextmanager
async def connected(settings: Settings, **options: Any) -> AsyncIterator[CloudSession]:
    """Have a session for the length of a block, with a token from a single attempt.

    Raises:
        CloudAuthError: The attempt's own error.
    """
    cloud = session_of(settings, **options)
    await cloud.open(wait=False)
    try:
        await cloud.refresh()  # joins the attempt that `open` began
        yield cloud
    finally:
        await cloud.close()
