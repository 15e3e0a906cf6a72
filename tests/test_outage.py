"""Nobody waits longer for a token than `renewal_timeout`, whoever has the connections meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth import CloudSession, Password, RenewalPolicy, SessionExpiredError
from aiocloudauth.outage import Outage
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Silence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.client_proto import ResponseHandler

POLICY = RenewalPolicy(min_interval=0.01, backoff_max=1.0, attempt_timeout=2.0, renewal_timeout=7.0)


class Counted(aiohttp.TCPConnector):
    """A connector that counts its connections."""

    connects = 0

    async def _create_connection(self, *args: Any) -> ResponseHandler:
        """Connect, and count."""
        self.connects += 1
        return await super()._create_connection(*args)


class Watch:
    """A session with one connection for its requests, and when each of them ended."""

    def __init__(
        self, server: CloudServer, clock: ManualClock, cloud: CloudSession, pool: Counted
    ) -> None:
        self.server = server
        self.clock = clock
        self.cloud = cloud
        self.pool = pool
        self.ended: list[tuple[str, float]] = []
        self._began = clock.monotonic()
        self._asked: list[asyncio.Task[None]] = []

    async def ask(self, number: int = 1, path: str = "/x") -> None:
        """So many requests begin."""
        self._asked += [asyncio.create_task(self._ask(path)) for _ in range(number)]
        await self.clock.settle()

    async def _ask(self, path: str) -> None:
        try:
            async with self.cloud.get(path):
                how = "answered"
        except SessionExpiredError:
            how = "denied"
        self.ended.append((how, round(self.clock.monotonic() - self._began)))

    def lose(self) -> None:
        """The token is lost, and the authentication is silent."""
        self.server.script(Fault("_login", Silence()), Fault("_refresh", Silence()))
        token = self.cloud.token
        assert token is not None
        self.cloud._refresher.reject(token)


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    """Watch a session with a pool of one."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        pool = Counted(limit=1)
        admin = Password("admin", "secret")
        cloud = CloudSession(server.url, admin, policy=POLICY, clock=clock, connector=pool)
        await clock.drive(cloud.open())
        await clock.advance(1.0)
        try:
            yield Watch(server, clock, cloud, pool)
        finally:
            server.clear_faults()
            await clock.drive(cloud.close())


async def test_those_who_wait_for_its_connection_wait_no_longer_than_the_one(watch: Watch) -> None:
    """Not for their own time after it, one after the other."""
    watch.lose()
    await watch.ask(5)
    await watch.clock.advance(20.0)
    assert watch.ended == [("denied", 7)] * 5


async def test_those_who_queued_before_the_token_was_lost_count_from_then(watch: Watch) -> None:
    """They could not know; the connection comes when it comes."""
    await watch.ask(1, "/x?delay=5")
    await watch.ask(5)
    await watch.clock.advance(1.0)
    watch.lose()
    await watch.clock.advance(30.0)
    assert watch.ended == [("answered", 5)] + [("denied", 8)] * 5


async def test_one_that_begins_in_an_outage_has_all_of_its_time(watch: Watch) -> None:
    """Long after others were denied, too; and the next token ends it."""
    watch.lose()
    await watch.ask()
    await watch.clock.advance(5.0)
    await watch.ask()
    await watch.clock.advance(10.0)
    assert watch.ended == [("denied", 7), ("denied", 12)]
    await watch.ask()
    await watch.clock.advance(1.0)
    watch.server.clear_faults()
    await watch.clock.advance(30.0)
    assert [how for how, _ in watch.ended] == ["denied", "denied", "answered"]


async def test_those_who_are_denied_leave_the_connection_to_the_next(watch: Watch) -> None:
    """Nothing was written to it; to connect once for each would take longer than they have."""
    await watch.ask()
    watch.lose()
    await watch.ask(50)
    await watch.clock.advance(20.0)
    assert [how for how, _ in watch.ended] == ["answered"] + ["denied"] * 50
    assert watch.pool.connects == 1


@pytest.mark.parametrize("ends", ["logged out", "refused"])
async def test_a_login_begins_anew_after_nobody_could_wait(watch: Watch, ends: str) -> None:
    """A request that queued meanwhile is not denied for the time before it."""
    await watch.ask(1, "/x?delay=20")
    await watch.ask()
    if ends == "logged out":
        await watch.clock.drive(watch.cloud.logout())
    else:
        watch.server.fail_next("_refresh", status=401, code="root.unauthorized")
        watch.server.fail_next("_login", status=401, code="root.unauthenticated")
        token = watch.cloud.token
        assert token is not None
        watch.cloud._refresher.reject(token)
    await watch.clock.advance(19.0)
    assert watch.cloud.token is None
    watch.server.fail_next("_login", Late(1.5))
    login = asyncio.create_task(watch.cloud.login(Password("admin", "secret")))
    await watch.clock.advance(10.0)
    await login
    assert watch.ended == [("answered", 20), ("answered", 20)]


async def test_an_outage_counts_from_its_begin_until_its_end() -> None:
    """For one that began before it, too; a second begin does not begin it anew."""
    clock = ManualClock()
    outage = Outage(clock)
    early = outage.now()
    assert outage.waited(early) == 0.0
    await clock.advance(1.0)
    outage.begin()
    await clock.advance(2.0)
    outage.begin()
    late = outage.now()
    await clock.advance(4.0)
    assert outage.waited(early) == pytest.approx(6.0)
    assert outage.waited(late) == pytest.approx(4.0)
    outage.end()
    assert outage.since is None
    assert outage.waited(early) == 0.0
