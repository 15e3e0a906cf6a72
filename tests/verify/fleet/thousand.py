"""A large fleet on virtual time: skewed clocks, partitions, a lost store, a rolling restart."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from aiocloudauth import TokenRefresher
from aiocloudauth.testing import CloudServer, ManualClock
from tests.session.fleet_rig import ADMIN, FaultyStore, Skewed

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth.stores import Entry

#: Of a token, seconds.
LIFE: Final = 1200.0


class Watched(FaultyStore):
    """A store that knows when it was read."""

    def __init__(self, clock: ManualClock) -> None:
        """Start whole."""
        super().__init__(clock)
        self._at = clock.monotonic
        #: When each read came, seconds.
        self.reads: list[float] = []

    async def load(self, key: str) -> Entry | None:
        """Load, and note when."""
        self.reads.append(self._at())
        return await super().load(key)

    def burst(self) -> int:
        """Return the most reads within 100 ms."""
        most = first = 0
        for number, at in enumerate(self.reads):
            while self.reads[first] <= at - 0.1:
                first += 1
            most = max(most, number - first + 1)
        return most


class Link:
    """One member's way to the store, which may be cut."""

    def __init__(self, store: Watched) -> None:
        """Start whole."""
        self._store = store
        self.cut = False

    async def load(self, key: str) -> Entry | None:
        """Load, if there is a way."""
        self._check()
        return await self._store.load(key)

    async def swap(self, key: str, value: bytes, *, expected: str | None, ttl: float) -> str | None:
        """Swap, if there is a way."""
        self._check()
        return await self._store.swap(key, value, expected=expected, ttl=ttl)

    async def close(self) -> None:
        """Do nothing."""

    def _check(self) -> None:
        if self.cut:
            raise ConnectionError("partitioned")


@define(eq=False)
class Course:
    """What a course came to.

    Attributes:
        name: Size, skew and seed.
        skew: The most that a clock is off, seconds.
        logins: Those of the opening, and those of the rolling restart.
        calls: Logins and renewals in each phase but these.
        most: What each phase may come to: 1.1 times the calls of the one member whose clock is
            furthest ahead, plus what the phase itself costs.
        without: Members that had no token when a minute was over, all in all.
        bursts: The most reads of the store within 100 ms, at the opening and later.
        took: Real seconds.
    """

    name: str
    skew: float
    logins: list[int] = field(factory=list)
    calls: dict[str, int] = field(factory=dict)
    most: dict[str, float] = field(factory=dict)
    without: int = 0
    bursts: list[int] = field(factory=list)
    took: float = 0.0

    @property
    def met(self) -> bool:
        """Return whether every target is met."""
        within = all(self.calls[phase] <= most for phase, most in self.most.items())
        # Who opens with a clock far ahead takes a good token for an expired one, and logs in.
        wrong = 1 if self.skew else 0
        logins = self.logins[0] <= 1 + wrong and self.logins[1] <= wrong
        return within and self.without == 0 and logins

    def __str__(self) -> str:
        phases = ", ".join(
            f"{phase} {calls} (at most {self.most[phase]:.1f})"
            for phase, calls in self.calls.items()
        )
        return (
            f"{self.name}: {self.logins[0]} logins at the opening, {self.logins[1]} in a rolling "
            f"restart; calls: {phases}; {self.without} without a token; at most {self.bursts[0]} "
            f"reads in 100 ms at the opening, {self.bursts[1]} later; {self.took:.0f} s"
        )


def pace(skew: float) -> float:
    """Return the most renewals a second of one process whose clock is so far ahead.

    It cannot know whether its clock or the server's ``Date`` is wrong, and takes the shorter of
    the two lives; a renewal is due a quarter before the end, and up to a fifth of that earlier.
    """
    return 1.0 / ((LIFE - skew) * 0.7)


async def course(size: int, seed: int, *, skew: float) -> Course:
    """Run a fleet of `size`, whose clocks are off by up to `skew` seconds, through a course."""
    began, draw, clock = (
        time.monotonic(),
        random.Random(seed),
        ManualClock(seed=seed, sockets=False),
    )
    result = Course(f"{size} members, clocks ±{skew:g} s, seed {seed}", skew)
    store = Watched(clock)
    links = [Link(store) for _ in range(size)]
    async with CloudServer({"admin": "secret"}, token_lifetime=LIFE, clock=clock) as server:

        def member(number: int) -> TokenRefresher:
            off = draw.uniform(-skew, skew)
            own = Skewed(clock, off, f"{seed} {number}")
            return TokenRefresher(
                server.url, ADMIN, store=links[number], clock=own, auth_connector=server.connector()
            )

        async def at_once(
            some: list[TokenRefresher], what: Callable[[TokenRefresher], Any]
        ) -> None:
            await clock.drive(asyncio.gather(*(what(one) for one in some)))

        async def phase(name: str, lives: int, extra: float = 0.0) -> None:
            before = server.stats.login_attempts + server.stats.refresh_attempts
            for _ in range(4 * lives):
                await clock.advance(LIFE / 4)
                result.without += sum(one.current is None for one in members)
            calls = server.stats.login_attempts + server.stats.refresh_attempts - before
            result.calls[name] = calls
            result.most[name] = 1.1 * lives * LIFE * pace(skew) + 1 + bool(skew) + extra

        members = [member(number) for number in range(size)]
        await at_once(members, TokenRefresher.open)
        result.logins.append(server.stats.login_attempts)
        result.bursts.append(store.burst())
        store.reads.clear()
        await phase("steady", 2)

        for number in draw.sample(range(size), 5):
            links[number].cut = True
        await phase("five partitioned", 1, 5 * (LIFE * pace(skew) + 1))
        for link in links:
            link.cut = False
        await clock.advance(LIFE)
        store.wipe()
        await phase("the store lost", 1, 1)

        before = server.stats.login_attempts
        for begin in range(0, size, size // 10):
            old = members[begin : begin + size // 10]
            new = [member(number) for number in range(begin, begin + len(old))]
            await at_once(old, TokenRefresher.close)
            members[begin : begin + len(old)] = new
            await at_once(new, TokenRefresher.open)
            await clock.advance(10.0)
        result.logins.append(server.stats.login_attempts - before)
        result.bursts.append(store.burst())
        await phase("restarted", 2)
        await at_once(members, TokenRefresher.close)
    result.took = time.monotonic() - began
    return result
