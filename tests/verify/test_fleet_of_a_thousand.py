"""A thousand members on virtual time: skewed clocks, partitions, a lost store, restarts."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import TokenRefresher
from aiocloudauth.clock import Clock
from aiocloudauth.testing import CloudServer, ManualClock
from tests.session.fleet_rig import ADMIN, FaultyStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth.clock import TimerHandle
    from aiocloudauth.stores import Entry

LIFE = 1200.0
HOUR = 3600.0


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


class Link:
    """One member's way to the store, which may be cut."""

    def __init__(self, store: FaultyStore) -> None:
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


@pytest.mark.parametrize(
    ("size", "skew", "share"),
    [(1000, 0.0, 1.1), (200, 600.0, 3.0)],
    ids=["a thousand", "wrong clocks"],
)
async def test_a_fleet_renews_as_one_does(size: int, skew: float, share: float) -> None:
    """Renewals are 1.1 times those of one; after a partition, a loss and a restart too.

    Where wall clocks differ by up to 20 minutes there are more, and nobody is without a token: who
    adopts knows the offset of the publisher's clock, and its own only once it has called.
    """
    seed = 1
    draw = random.Random(seed)
    clock = ManualClock(seed=seed, sockets=False)
    async with CloudServer({"admin": "secret"}, token_lifetime=LIFE, clock=clock) as server:
        store = FaultyStore(clock)
        links = [Link(store) for _ in range(size)]

        def member(number: int) -> TokenRefresher:
            off = draw.uniform(-skew, skew)
            return TokenRefresher(
                server.url,
                ADMIN,
                store=links[number],
                clock=Skewed(clock, off, f"{seed} {number}"),
                auth_connector=server.connector(),
            )

        async def open_all(some: list[TokenRefresher]) -> None:
            await clock.drive(asyncio.gather(*(one.open() for one in some)))

        def calls() -> int:
            return server.stats.login_attempts + server.stats.refresh_attempts

        members = [member(number) for number in range(size)]
        await open_all(members)
        assert server.stats.login_attempts == 1, f"seed {seed}"

        async def an_hour() -> int:
            before = calls()
            for _ in range(12):
                await clock.advance(HOUR / 12)
                held = sum(one.current is not None for one in members)
                assert held == size, f"seed {seed}: {size - held} without a token"
            return calls() - before

        one = HOUR / (LIFE * 0.75)  # at most: a renewal is due after 840 to 900 s
        assert await an_hour() <= share * one + 1, f"seed {seed}"

        for number in draw.sample(range(size), 5):
            links[number].cut = True
        assert await an_hour() <= share * one + 1 + 5 * (one + 2), f"seed {seed}: partitioned"
        for link in links:
            link.cut = False
        await clock.advance(LIFE)

        store.wipe()
        assert await an_hour() <= share * one + 3, f"seed {seed}: the store was lost"

        before = server.stats.login_attempts
        for begin in range(0, size, 100):
            old = members[begin : begin + 100]
            await clock.drive(asyncio.gather(*(one.close() for one in old)))
            members[begin : begin + 100] = [member(number) for number in range(begin, begin + 100)]
            await open_all(members[begin : begin + 100])
            await clock.advance(10.0)
        assert server.stats.login_attempts == before, f"seed {seed}: logins in a rolling restart"
        await clock.drive(asyncio.gather(*(one.close() for one in members)))
