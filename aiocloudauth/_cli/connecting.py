"""A session for one command: one attempt at a login, and then it gives up."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from attrs import evolve

from aiocloudauth._cli.exits import line
from aiocloudauth._cli.storing import opened_store
from aiocloudauth.events import StoreFailed
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.session import CloudSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from aiocloudauth._cli.settings import Settings
    from aiocloudauth.events import Event

__all__ = ["connected", "instants", "session_of"]


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


def _warn(record: Event) -> None:
    if isinstance(record, StoreFailed):
        print(f"aiocloudauth: warning: {line(record.error)}", file=sys.stderr)


@asynccontextmanager
async def connected(
    settings: Settings, *, on_event: Callable[[Event], object] = _warn, **options: Any
) -> AsyncIterator[CloudSession]:
    """Have a session for the length of a block, with a token from the store or a single attempt.

    A store that fails later on is a warning.

    Raises:
        StoreError: The store cannot be used; nothing was sent to the ECE.
        CloudAuthError: The attempt's own error.
    """
    async with opened_store(settings) as shared:
        if shared is not None:
            await shared.load()
            options["store"] = shared.store
        cloud = session_of(settings, on_event=on_event, **options)
        await cloud.open(wait=False)
        try:
            await cloud.refresh()  # joins the attempt that `open` began
            yield cloud
        finally:
            await cloud.close()


def instants(end: datetime | None) -> dict[str, Any]:
    """Return the end of a token in the two ways that commands print it as JSON."""
    return {
        "expires_at": None if end is None else int(end.timestamp()),
        "session_expiration_time": None if end is None else end.isoformat().replace("+00:00", "Z"),
    }
