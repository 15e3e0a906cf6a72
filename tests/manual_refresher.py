"""A refresher, its server and the clock of both, which a test drives by hand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from aiocloudauth import Password, TokenRefresher
from aiocloudauth.testing import CloudServer, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    from aiocloudauth import Credentials, Event, SessionState

T = TypeVar("T")

ADMIN = Password("admin", "secret")
OTHER = Password("other", "0ther")


@define(eq=False)
class ManualRefresher:
    """All that a test of the refresher needs."""

    clock: ManualClock
    server: CloudServer
    refresher: TokenRefresher
    #: What the subscriber was told.
    seen: list[Event] = field(factory=list)

    async def drive(self, awaitable: Awaitable[T], *, limit: float = 3600.0) -> T:
        """Let time pass until `awaitable` is done, and return its result."""
        return await self.clock.drive(awaitable, limit=limit)

    async def start(self, awaitable: Awaitable[T]) -> asyncio.Future[T]:
        """Let `awaitable` run as far as it gets at this instant."""
        task = asyncio.ensure_future(awaitable)
        await self.clock.settle()
        return task

    async def generation(self) -> int:
        """Return which token a caller gets, however long that takes."""
        return (await self.drive(self.refresher.usable())).generation

    async def revoke(self) -> None:
        """Let the server forget all tokens, and the refresher learn it, a minute later."""
        await self.clock.advance(60)
        self.server.revoke_all()
        self.refresher.reject(await self.refresher.usable())

    def state(self) -> SessionState:
        """Return how the session stands: a call, so that a checker asks anew."""
        return self.refresher.state

    def alive(self) -> bool:
        """Return whether a token is handed out, and check that the server takes it."""
        token = self.refresher.current
        if token is None:
            return False
        assert token.session_expiration_time is not None
        now = self.clock.remote.time() + self.server.clock_skew
        assert now < token.session_expiration_time.timestamp()
        return True

    def told(self, kind: type[Event]) -> list[Event]:
        """Return the records of one kind."""
        return [record for record in self.seen if isinstance(record, kind)]

    @property
    def attempts(self) -> int:
        """How many logins and refreshes the server has seen."""
        return self.server.stats.login_attempts + self.server.stats.refresh_attempts


@asynccontextmanager
async def manual_refresher(
    credentials: Credentials = ADMIN,
    *,
    opened: bool = True,
    server: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[ManualRefresher]:
    """Start a server and a refresher on one clock; at the end nothing may be left of them."""
    clock = ManualClock(sockets=False)
    users = {"admin": "secret", "other": "0ther"}
    async with CloudServer(**{"users": users, **(server or {})}, clock=clock) as cloud:
        options.setdefault("auth_connector", cloud.connector())
        refresher = TokenRefresher(cloud.url, credentials, clock=clock, **options)
        made = ManualRefresher(clock, cloud, refresher)
        refresher.subscribe(made.seen.append)
        before = asyncio.all_tasks()
        try:
            if opened:
                await made.drive(refresher.open())
            yield made
        finally:
            await made.drive(refresher.close())
        left = [task for task in asyncio.all_tasks() - before if "aiocloudauth" in task.get_name()]
        assert left == []
        assert clock.next_due is None
