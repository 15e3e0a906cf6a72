"""An API key's end: learnt from answers, and told of a day before."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from attrs import define, field

from aiocloudauth import ApiKey, BearerMiddleware, CloudSession, Password, TokenRefresher, events
from aiocloudauth.testing import Body, CloudServer, Fault, ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocloudauth.api import types

DAY = 86_400.0


@define(eq=False)
class Scene:
    """A server, and a session with a key of two days; what it told."""

    clock: ManualClock
    server: CloudServer
    cloud: CloudSession
    ends: datetime
    seen: list[events.Event] = field(factory=list)

    async def ask(self) -> None:
        """Send a request."""
        await self.clock.drive(self.cloud.get("/deployments"))

    def told(self) -> list[datetime]:
        """Return when the keys end that were told of."""
        return [
            one.session_expiration_time for one in self.seen if isinstance(one, events.KeyExpiring)
        ]


async def make_key(
    server: CloudServer, expiration: str | None, clock: ManualClock | None = None
) -> str:
    """Make an API key."""

    async def make() -> str:
        async with CloudSession(server.url, Password("admin", "secret"), clock=clock) as cloud:
            body: types.CreateApiKeyRequest = {"description": "d", "expiration": expiration}
            return str((await cloud.api.create_api_key(body=body))["key"])

    return await (clock.drive(make()) if clock else make())


@asynccontextmanager
async def scene(expiration: str | None = "2d", **server: Any) -> AsyncIterator[Scene]:
    """Start a server, make a key, and open a session with it; at the end no timer is left."""
    clock = ManualClock()
    async with CloudServer(clock=clock, **server) as cloud_server:
        ends = datetime.fromtimestamp(clock.time(), UTC) + timedelta(days=2)
        key = await make_key(cloud_server, expiration, clock)
        cloud = CloudSession(cloud_server.url, ApiKey(key), clock=clock)
        made = Scene(clock, cloud_server, cloud, ends)
        cloud.subscribe(made.seen.append)
        await clock.drive(cloud.open())
        try:
            yield made
        finally:
            await clock.drive(cloud.close())
        assert clock.next_due is None


async def test_an_answer_says_when_the_key_ends() -> None:
    """Nothing is known before the first one."""
    async with scene() as it:
        assert it.cloud.session_expiration_time is None
        await it.ask()
        assert it.cloud.session_expiration_time == it.ends
        assert it.cloud.token is not None
        assert it.cloud.token.session_expiration_time == it.ends


async def test_a_key_is_told_of_once_a_day_before_it_ends() -> None:
    """Whether or not anybody asks anything meanwhile."""
    async with scene() as it:
        await it.ask()
        await it.clock.advance(DAY - 1)
        assert it.told() == []
        await it.clock.advance(1)
        assert it.told() == [it.ends]
        for _ in range(2):
            await it.ask()
            await it.clock.advance(DAY / 3)
        assert it.told() == [it.ends]


async def test_a_key_with_less_than_a_day_left_is_told_of_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And a suspended machine notices when it wakes."""
    async with scene() as it:
        await it.clock.advance(1.5 * DAY)
        await it.ask()
        await it.clock.advance(0)
        assert it.told() == [it.ends]
    assert [one.levelname for one in caplog.records if "API key" in one.getMessage()] == ["WARNING"]
    async with scene() as it:
        await it.ask()
        it.clock.suspend(0.5 * DAY)
        await it.clock.advance(60)
        assert it.told() == []
        it.clock.suspend(0.6 * DAY)
        await it.clock.advance(60)
        assert it.told() == [it.ends]


async def test_another_key_has_an_end_of_its_own() -> None:
    """The one before is not told of any more."""
    async with scene() as it:
        await it.ask()
        key = await make_key(it.server, "5d", it.clock)
        await it.clock.drive(it.cloud.login(ApiKey(key)))
        assert it.cloud.session_expiration_time is None
        await it.clock.advance(1.5 * DAY)
        assert it.told() == []
        await it.ask()
        ends = it.cloud.session_expiration_time
        assert ends is not None
        assert timedelta(days=2.9) < ends - it.ends < timedelta(days=3.1)
        await it.clock.advance(3 * DAY)
        assert it.told() == [ends]


@pytest.mark.parametrize("said", ["", "soon", "2026-01-01"])
async def test_what_is_no_instant_is_overlooked(said: str) -> None:
    """The answer is good all the same."""
    strange = Fault("/deployments", Body("{}", headers={"X-Elastic-Api-Key-Expiration": said}))
    async with scene(None, faults=[strange]) as it:
        await it.ask()
        assert it.cloud.session_expiration_time is None
        assert it.told() == []


async def test_only_a_key_ends_so() -> None:
    """A bearer token's life is the answer's to its login, whatever a proxy adds."""
    header = {"X-Elastic-Api-Key-Expiration": "2026-01-01T00:00:01Z"}
    clock = ManualClock()
    faults = [Fault("/deployments", Body("{}", headers=header))]
    async with CloudServer(clock=clock, faults=faults) as server:
        cloud = CloudSession(server.url, Password("admin", "secret"), clock=clock)
        await clock.drive(cloud.open())
        ends = cloud.session_expiration_time
        await clock.drive(cloud.get("/deployments"))
        assert cloud.session_expiration_time == ends
        await clock.drive(cloud.close())


async def test_a_client_of_ones_own_learns_it_too() -> None:
    """With the middleware alone."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        key = await make_key(server, "2d", clock)
        refresher = TokenRefresher(server.url, ApiKey(key), clock=clock)
        await clock.drive(refresher.open())
        async with aiohttp.ClientSession(middlewares=[BearerMiddleware(refresher)]) as http:
            await clock.drive(http.get(f"{server.url}/api/v1/deployments"))
        assert refresher.current is not None
        assert refresher.current.session_expiration_time is not None
        await clock.drive(refresher.close())
    assert clock.next_due is None


async def test_a_late_answer_to_the_key_before_changes_nothing() -> None:
    """The key in hand has no end that is known."""
    async with scene() as it:
        late = asyncio.ensure_future(it.cloud.get("/deployments?delay=60"))
        await it.clock.advance(1)
        key = await make_key(it.server, None, it.clock)
        await it.clock.drive(it.cloud.login(ApiKey(key)))
        await it.clock.drive(late)
        assert it.cloud.session_expiration_time is None


async def test_after_a_logout_no_key_is_told_of() -> None:
    """Nobody uses it any more, and no timer is left."""
    async with scene() as it:
        await it.ask()
        await it.clock.drive(it.cloud.logout())
        assert it.clock.next_due is None


async def test_an_answer_in_another_event_loop_changes_nothing() -> None:
    """A timer there would belong to a loop that soon ends."""
    async with CloudServer() as server:
        key = await make_key(server, "2d")
        async with TokenRefresher(server.url, ApiKey(key)) as refresher:

            async def elsewhere() -> int:
                async with (
                    aiohttp.ClientSession(**refresher.client_options()) as http,
                    http.get(f"{server.url}/api/v1/deployments") as response,
                ):
                    return response.status

            assert await asyncio.to_thread(asyncio.run, elsewhere()) == 200
            assert refresher.current is not None
            assert refresher.current.session_expiration_time is None
