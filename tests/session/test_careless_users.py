"""What unlucky and careless users do: strange callables, unwise numbers, odd clocks, crowds."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from aiocloudauth import (
    CloudAuthError,
    CloudSession,
    Password,
    RenewalPolicy,
    SessionClosedError,
    SessionState,
    TokenRefresher,
)
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiocloudauth import Credentials

DEFAULT = RenewalPolicy()
ADMIN = Password("admin", "secret")


@asynccontextmanager
async def in_memory(
    server: CloudServer, clock: ManualClock, credentials: Credentials = ADMIN, **options: Any
) -> AsyncIterator[CloudSession]:
    """Make a session that needs neither time nor sockets, and close it in a few seconds."""
    cloud = CloudSession(
        server.url,
        credentials,
        clock=clock,
        connector=server.connector(),
        auth_connector=server.connector(),
        **options,
    )
    try:
        yield cloud
    finally:
        await clock.drive(cloud.close(), limit=5.0)
        assert cloud.state is SessionState.CLOSED


async def status(cloud: CloudSession) -> int:
    """Send a request and return its status."""
    async with cloud.get("/x") as response:
        return response.status


# -- credentials from callables -----------------------------------------------------------


REENTRANT: dict[str, Callable[[CloudSession], Awaitable[Any]]] = {
    "get": lambda cloud: cloud.get("/secrets"),
    "refresh": lambda cloud: cloud.refresh(),
    "login": lambda cloud: cloud.login(),
    "login with others": lambda cloud: cloud.login(ADMIN),
    "open": lambda cloud: cloud.open(),
    "logout": lambda cloud: cloud.logout(),
    "close": lambda cloud: cloud.close(),
}


@pytest.mark.parametrize("name", REENTRANT)
async def test_a_callable_that_uses_its_own_session_ends(name: str) -> None:
    """It waits for itself: the attempt's bound ends that, or `close` does."""
    clock, times = ManualClock(sockets=False), 0

    async def password() -> str:
        nonlocal times
        times += 1
        if times in {1, 3}:
            await REENTRANT[name](cloud)
        return "secret"

    async with (
        CloudServer(clock=clock) as server,
        in_memory(server, clock, Password("admin", password)) as cloud,
    ):
        with suppress(CloudAuthError):
            await clock.drive(cloud.open(), limit=3 * DEFAULT.renewal_timeout)
        if name == "close":
            with pytest.raises(SessionClosedError):
                await cloud.get("/x")
            return
        await clock.drive(cloud.open(), limit=3 * DEFAULT.renewal_timeout)
        with suppress(CloudAuthError):
            await clock.drive(cloud.login(), limit=3 * DEFAULT.renewal_timeout)
        if cloud.state is SessionState.LOGGED_OUT:
            await clock.drive(cloud.login())
        assert await clock.drive(status(cloud), limit=120.0) == 200


async def test_a_callable_that_refuses_to_be_cancelled_does_not_hold_up_a_close() -> None:
    """`close` waits for the renewal's task as long as an attempt may take, and says so."""
    asked, released = asyncio.Event(), asyncio.Event()

    async def stubborn() -> str:
        asked.set()
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()
        return "secret"

    policy = RenewalPolicy(attempt_timeout=0.05, renewal_timeout=5.0)
    async with CloudServer() as server:
        refresher = TokenRefresher(server.url, Password("admin", stubborn), policy=policy)
        opening = asyncio.create_task(refresher.open())
        await asked.wait()
        try:
            await asyncio.wait_for(refresher.close(), 5.0)
        finally:
            released.set()  # else a failing test would not end either
        with pytest.raises(SessionClosedError):
            await opening
        strays = [task for task in asyncio.all_tasks() if "attempt" in task.get_name()]
        await asyncio.gather(*strays, return_exceptions=True)


async def test_a_secret_rotated_in_the_middle_of_a_login_is_the_next_one() -> None:
    """The attempt ends with what it began with, and the next asks anew."""
    clock, secret = ManualClock(sockets=False), "secret"

    async def password() -> str:
        return secret

    async with (
        CloudServer(clock=clock) as server,
        in_memory(server, clock, Password("admin", password)) as cloud,
    ):
        await clock.drive(cloud.open())
        server.script(Fault("_login", (Late(3.0),), times=1))
        login = asyncio.ensure_future(cloud.login())
        await clock.advance(2.0)
        secret = "changed"
        server.users.put("admin", "changed")
        await clock.drive(login)
        server.revoke_all()
        assert await clock.drive(status(cloud), limit=120.0) == 200


# -- numbers and clocks -------------------------------------------------------------------

NUMBERS = [field.name for field in attrs.fields(RenewalPolicy) if isinstance(field.default, float)]


@pytest.mark.parametrize("value", [1e-9, 1e9])
async def test_the_least_and_the_most_of_every_number_hang_nothing(value: float) -> None:
    """A session with an unwise policy opens, or says why not, renews, and closes."""
    for names in (*([name] for name in NUMBERS), NUMBERS):
        changed: dict[str, Any] = dict.fromkeys(names, value)
        policy = attrs.evolve(DEFAULT, **changed)
        clock = ManualClock(sockets=False)
        async with (
            CloudServer(clock=clock) as server,
            in_memory(server, clock, policy=policy) as cloud,
        ):
            with suppress(CloudAuthError, TimeoutError):  # a caller who waits an hour, no more
                await clock.drive(cloud.open(), limit=3_600.0)
                server.fail_next("_refresh", status=500)
                with suppress(CloudAuthError, TimeoutError):
                    await clock.drive(cloud.refresh(), limit=3_600.0)
                server.clear_faults()
                server.revoke_all()
                assert await clock.drive(status(cloud), limit=3_600.0) == 200


@pytest.mark.parametrize("start", [0.0, 2.5e11], ids=["1970", "the year 9892"])
async def test_a_machine_without_a_calendar_has_a_session(start: float) -> None:
    """A clock that lost its battery: the server's `Date` is what tokens are judged by."""
    clock = ManualClock(start=start, sockets=False)
    async with CloudServer(clock=clock) as server, in_memory(server, clock) as cloud:
        server.clock_skew = 1_767_225_600.0 - start
        await clock.drive(cloud.open())
        for _ in range(20):
            await clock.advance(600.0)
            assert await status(cloud) == 200
        assert server.stats.unauthorized == 0
        assert server.stats.login_attempts + server.stats.refresh_attempts < 20


async def test_a_clock_that_jumps_about_causes_neither_a_storm_nor_a_dead_token() -> None:
    """LESSONS: skewed client clock: storm or dead tokens. Steps of years, both ways, suspends."""
    clock = ManualClock(sockets=False)
    async with CloudServer(clock=clock) as server, in_memory(server, clock) as cloud:
        await clock.drive(cloud.open())
        for jump in (3e8, -6e8, 1.0, -1.0, 600.0, -600.0, 1e5, 3e8, -1e5, -3e8):
            clock.step(jump)
            assert await clock.drive(status(cloud), limit=120.0) == 200
            await clock.advance(45.0)
            clock.suspend(abs(jump) % 4_000.0)
            assert await clock.drive(status(cloud), limit=120.0) == 200
            await clock.advance(45.0)
        assert server.stats.unauthorized == 0
        assert server.stats.login_attempts + server.stats.refresh_attempts <= 25


# -- crowds -------------------------------------------------------------------------------


async def test_a_crowd_of_everything_at_once_ends() -> None:
    """Hundreds each of open, usable, refresh, login, reject and logout, then close."""
    clock = ManualClock(sockets=False)
    async with CloudServer(clock=clock) as server:
        server.script(Fault("_login", (Status(503),), times=2))
        refresher = TokenRefresher(
            server.url, ADMIN, clock=clock, auth_connector=server.connector()
        )
        opened = asyncio.gather(*(refresher.open() for _ in range(1_000)))
        assert set(await clock.drive(opened)) == {refresher}
        assert server.stats.logins == 1
        token = refresher.current
        assert token is not None

        async def reject() -> None:
            refresher.reject(token)
            await asyncio.sleep(0)
            await refresher.usable()

        callers = [
            asyncio.ensure_future(call)
            for _ in range(200)
            for call in (refresher.usable(), refresher.refresh(), refresher.login(), reject())
        ]
        callers += [asyncio.ensure_future(refresher.login(ADMIN)) for _ in range(5)]
        await clock.advance(20.0)
        callers += [asyncio.ensure_future(refresher.logout()) for _ in range(50)]
        callers += [asyncio.ensure_future(refresher.usable()) for _ in range(50)]
        await clock.drive(refresher.close())
        ends = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), 10)
        errors = [end for end in ends if isinstance(end, BaseException)]
        assert {type(error) for error in errors if not isinstance(error, CloudAuthError)} == set()
        assert server.stats.login_attempts + server.stats.refresh_attempts <= 14
