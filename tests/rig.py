"""A refresher, a server and a clock that a test drives by hand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from aiocloudauth import Password, TokenRefresher
from aiocloudauth.testing import CloudServer, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    from aiocloudauth import SessionState, events
    from aiocloudauth.credentials import Credentials

T = TypeVar("T")

ADMIN = Password("admin", "secret")
OTHER = Password("other", "0ther")


@define(eq=False)
class Rig:
    """All that a test of the refresher needs."""

    clock: ManualClock
    server: CloudServer
    refresher: TokenRefresher
    #: What the subscriber was told.
    seen: list[events.Event] = field(factory=list)

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

    def state(self) -> SessionState:
        """Return how the session stands."""
        return self.refresher.state

    @property
    def server_now(self) -> float:
        """What the server's wall clock shows."""
        return self.clock.remote.time() + self.server.clock_skew

    def told(self, kind: type[events.Event]) -> list[events.Event]:
        """Return the records of one kind."""
        return [record for record in self.seen if isinstance(record, kind)]


@asynccontextmanager
async def rig(
    credentials: Credentials = ADMIN,
    *,
    opened: bool = True,
    clock: ManualClock | None = None,
    server: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Rig]:
    """Start a server and a refresher on one clock; at the end nothing may be left of them."""
    clock = clock or ManualClock()
    users = {"admin": "secret", "other": "0ther"}
    async with CloudServer(**{"users": users, **(server or {})}, clock=clock) as cloud:
        refresher = TokenRefresher(cloud.url, credentials, clock=clock, **options)
        made = Rig(clock, cloud, refresher)
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
