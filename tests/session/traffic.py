"""Callers of a session on virtual time, and the tally of what became of their requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
from attrs import define, field

from aiocloudauth import CloudAuthError, CloudSession, Password
from aiocloudauth.testing import CloudServer, ManualClock, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from aiocloudauth import Credentials, Event
    from aiocloudauth.testing import Fault

T = TypeVar("T")

ADMIN = Password("admin", "secret")
#: A refusal in the API's own words.
REFUSED = Status(401, "root.unauthorized")


@define(eq=False)
class Tally:
    """What became of requests."""

    #: Answers by status, and errors by the name of their class.
    ends: Counter[int | str] = field(factory=Counter)
    #: Seconds that the slowest one took.
    longest: float = 0.0

    @property
    def good(self) -> int:
        """How many were answered with 200."""
        return self.ends[200]

    @property
    def failed(self) -> int:
        """How many were not."""
        return self.ends.total() - self.good


@define(eq=False)
class Traffic:
    """A session, its server and the clock of both, and what the session told."""

    clock: ManualClock
    server: CloudServer
    cloud: CloudSession
    seen: list[Event]

    @property
    def attempts(self) -> int:
        """How many logins and refreshes the server has seen."""
        return self.server.stats.login_attempts + self.server.stats.refresh_attempts

    @property
    def questions(self) -> int:
        """How often the server was asked whether a token is good."""
        return len(self.server.log.to("/users/auth"))

    @asynccontextmanager
    async def beside(self, credentials: Credentials = ADMIN) -> AsyncIterator[Traffic]:
        """Open a second session with the same server, on the same clock."""
        seen: list[Event] = []
        cloud = CloudSession(
            self.server.url,
            credentials,
            clock=self.clock,
            on_event=seen.append,
            connector=self.server.connector(),
            auth_connector=self.server.connector(),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        try:
            await self.drive(cloud.open())
            yield Traffic(self.clock, self.server, cloud, seen)
        finally:
            await self.drive(cloud.close())

    async def drive(self, awaitable: Awaitable[T]) -> T:
        """Let time pass until `awaitable` is done, and return its result."""
        return await self.clock.drive(awaitable)

    async def request(self, tally: Tally, path: str, **options: Any) -> None:
        """Send one request and note what comes of it."""
        began = self.clock.monotonic()
        try:
            async with self.cloud.get(path, raise_for_status=False, **options) as response:
                await response.read()
                tally.ends[response.status] += 1
        except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
            tally.ends[type(error).__name__] += 1
        tally.longest = max(tally.longest, self.clock.monotonic() - began)

    async def caller(
        self, tally: Tally, seconds: float, *, every: float = 0.5, path: str = "/deployments"
    ) -> None:
        """Send a request every so often, each once the one before has ended."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            await self.request(tally, path)
            await self.clock.sleep(every)

    async def callers(self, count: int, seconds: float, **options: Any) -> Tally:
        """Let so many call side by side."""
        tally = Tally()
        await self.drive(
            asyncio.gather(*(self.caller(tally, seconds, **options) for _ in range(count)))
        )
        return tally


@asynccontextmanager
async def traffic(
    *faults: Fault,
    credentials: Credentials = ADMIN,
    opened: bool = True,
    server: dict[str, Any] | None = None,
    seed: int = 0,
    pool: int = 100,
    **options: Any,
) -> AsyncIterator[Traffic]:
    """Start a server and a session on one clock, and open the session."""
    clock = ManualClock(seed=seed, sockets=False)
    async with CloudServer(clock=clock, faults=faults, **(server or {})) as ece:
        seen: list[Event] = []
        cloud = CloudSession(
            ece.url,
            credentials,
            clock=clock,
            on_event=seen.append,
            connector=ece.connector(limit=pool),
            auth_connector=ece.connector(),
            timeout=aiohttp.ClientTimeout(total=None),
            **options,
        )
        made = Traffic(clock, ece, cloud, seen)
        try:
            if opened:
                await clock.drive(cloud.open())
            yield made
        finally:
            await clock.drive(cloud.close())
