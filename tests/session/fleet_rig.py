"""Several members of one fleet, a server and a clock that a test drives by hand."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from aiocloudauth import Password, TokenRefresher
from aiocloudauth.clock import Clock
from aiocloudauth.stores import Entry, MemoryTokenStore
from aiocloudauth.testing import CloudServer, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from aiocloudauth import events
    from aiocloudauth.clock import TimerHandle
    from aiocloudauth.credentials import Credentials
    from aiocloudauth.stores import TokenStore

T = TypeVar("T")

ADMIN = Password("admin", "secret")


class Skewed(Clock):
    """The clock of a machine whose wall clock is off by some minutes."""

    def __init__(self, true: ManualClock, skew: float, seed: str) -> None:
        """Run with `true`, `skew` seconds ahead; draws are this machine's own."""
        self._true = true
        self._skew = skew
        self.random = random.Random(seed).random
        self.monotonic = true.monotonic

    def time(self) -> float:
        """Return what its wall clock shows."""
        return self._true.time() + self._skew

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        """Wait on the true clock."""
        return self._true.call_later(delay, callback)


class FaultyStore(MemoryTokenStore):
    """A memory store that can be broken, slowed down and read."""

    def __init__(self, clock: ManualClock) -> None:
        """Start whole."""
        super().__init__(clock=clock)
        self._clock = clock
        #: Raised by every operation.
        self.error: BaseException | None = None
        #: What every operation takes, seconds.
        self.delay = 0.0
        #: What the next swap takes beyond that, after it has written, seconds.
        self.stall = 0.0
        #: So many swaps find that somebody else was quicker.
        self.lost = 0
        #: When it was loaded, seconds.
        self.loads: list[float] = []

    async def load(self, key: str) -> Entry | None:
        """Load, or fail."""
        self.loads.append(self._clock.monotonic())
        await self._fault()
        return await super().load(key)

    async def swap(self, key: str, value: bytes, *, expected: str | None, ttl: float) -> str | None:
        """Swap, or fail."""
        await self._fault()
        if self.lost > 0:
            self.lost -= 1
            return None
        version = await super().swap(key, value, expected=expected, ttl=ttl)
        if self.stall:
            stall, self.stall = self.stall, 0.0
            await self._clock.sleep(stall)
        return version

    async def _fault(self) -> None:
        if self.delay:
            await self._clock.sleep(self.delay)
        if self.error is not None:
            raise self.error

    def wipe(self) -> None:
        """Forget everything."""
        self._held.clear()

    def spoil(self, value: bytes) -> None:
        """Write `value` over every record."""
        self._held = {
            key: (Entry(value, entry.version), until) for key, (entry, until) in self._held.items()
        }

    @property
    def values(self) -> list[bytes]:
        """What is held."""
        return [entry.value for entry, _ in self._held.values()]


@define(eq=False)
class Fleet:
    """All that a test of a fleet needs."""

    clock: ManualClock
    server: CloudServer
    store: Any
    options: Mapping[str, Any]
    members: list[TokenRefresher] = field(factory=list)
    #: What each member's subscriber was told.
    seen: list[list[events.Event]] = field(factory=list)

    def member(
        self, credentials: Credentials = ADMIN, *, clock: Clock | None = None, **options: Any
    ) -> TokenRefresher:
        """Make another member; it is not opened."""
        told: list[events.Event] = []
        chosen = {"store": self.store, **self.options, **options}
        made = TokenRefresher(
            self.server.url, credentials, clock=clock or self.clock, on_event=told.append, **chosen
        )
        self.members.append(made)
        self.seen.append(told)
        return made

    async def open(self, *members: TokenRefresher) -> None:
        """Open these members at once."""
        await self.drive(asyncio.gather(*(member.open() for member in members)))

    async def drive(self, awaitable: Awaitable[T], *, limit: float = 3600.0) -> T:
        """Let time pass until `awaitable` is done, and return its result."""
        return await self.clock.drive(awaitable, limit=limit)

    def told(self, kind: type[events.Event], *, by: int | None = None) -> list[events.Event]:
        """Return the records of one kind, of all members or of one."""
        seen = self.seen if by is None else [self.seen[by]]
        return [record for told in seen for record in told if isinstance(record, kind)]

    def tokens(self) -> list[str | None]:
        """Return the token that each member would send."""
        held = [member.current for member in self.members]
        return [None if token is None else token.token.reveal() for token in held]


@asynccontextmanager
async def fleet(
    size: int = 2,
    *,
    opened: bool = True,
    store: TokenStore | None = None,
    server: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Fleet]:
    """Start a server and a fleet on one clock; at the end nothing may be left of them."""
    clock = ManualClock()
    users = {"admin": "secret", "other": "0ther"}
    async with CloudServer(**{"users": users, **(server or {})}, clock=clock) as cloud:
        made = Fleet(clock, cloud, FaultyStore(clock) if store is None else store, options)
        before = asyncio.all_tasks()
        try:
            members = [made.member() for _ in range(size)]
            if opened:
                await made.open(*members)
            yield made
        finally:
            for member in made.members:
                await made.drive(member.close())
        left = [task for task in asyncio.all_tasks() - before if "aiocloudauth" in task.get_name()]
        assert left == []
        assert clock.next_due is None
