"""Many requests at the moments where a token changes: one renewal, and no failure."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth import (
    CloudSession,
    Password,
    RenewalPolicy,
    RequestReplayed,
    SessionClosedError,
    SessionExpiredError,
    SessionState,
    TokenRenewed,
)
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Silence, Status

if TYPE_CHECKING:
    from aiocloudauth import Event

QUICK = RenewalPolicy(min_interval=0.01)

#: So many start together.
HERD = 5_000

#: aiohttp's pool, if nothing else is said.
POOL = 100


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), **({"policy": QUICK} | options))


def state_of(cloud: CloudSession) -> SessionState:
    """Ask again how the session stands."""
    return cloud.state


async def statuses(cloud: CloudSession, count: int) -> Counter[int]:
    """Start so many requests together and count what they end with."""

    async def one() -> int:
        async with cloud.get("/x") as response:
            await response.read()
            return response.status

    return Counter(await asyncio.gather(*(one() for _ in range(count))))


@pytest.mark.parametrize("revoked", [True, False])
async def test_5000_requests_just_after_expiry_cost_one_renewal(
    revoked: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """LESSONS: many refreshes at once (storm); laptop suspend: timer late by hours."""
    clock = ManualClock()
    policy = RenewalPolicy(min_interval=1e-3)
    async with (
        CloudServer(token_lifetime=600.0, clock=clock, log_size=2 * HERD) as server,
        session(server, clock=clock, policy=policy) as cloud,
    ):
        # The machine sleeps over the expiry: no timer has gone off, the token is dead.
        clock.suspend(601.0)
        if revoked:
            server.revoke_all()
        assert cloud.token is None
        assert state_of(cloud) is SessionState.EXPIRED
        assert await statuses(cloud, HERD) == {200: HERD}
        assert server.stats.login_attempts + server.stats.refresh_attempts == 2
        assert server.stats.unauthorized == 0
        assert len(server.log.to("/x")) == HERD
        assert state_of(cloud) is SessionState.ACTIVE


async def test_5000_requests_after_a_silent_revocation_cost_one_renewal_and_a_pool_of_401s() -> (
    None
):
    """Requests not yet written wait for the renewal instead of collecting their own 401."""
    async with CloudServer(log_size=2 * HERD) as server, session(server) as cloud:
        server.revoke_all()
        assert await statuses(cloud, HERD) == {200: HERD}
        assert 1 <= server.stats.unauthorized <= POOL
        assert server.stats.login_attempts + server.stats.refresh_attempts == 2
        answered = Counter((a.status, a.generation) for a in server.log.to("/x"))
        assert answered == {(401, 1): server.stats.unauthorized, (200, 2): HERD}


async def test_a_token_renewed_while_requests_queue_for_a_connection_is_the_one_that_is_sent() -> (
    None
):
    """LESSONS: token expired while queued for a connection."""
    clock = ManualClock()
    connector = aiohttp.TCPConnector(limit=1)
    async with (
        CloudServer(revoke_on_refresh=True, clock=clock) as server,
        session(server, clock=clock, connector=connector) as cloud,
    ):
        slow = asyncio.create_task(cloud.get("/slow?delay=2").__aenter__())
        await clock.settle()
        queued = asyncio.create_task(statuses(cloud, 50))
        await clock.settle()
        assert len(server.log.to("/slow")) == 1
        assert len(server.log.to("/x")) == 0
        # The renewal has a connection of its own, and does not queue behind the slow one.
        await clock.drive(cloud.refresh())
        assert server.generation == 2
        await clock.advance(2.0)
        assert await queued == {200: 50}
        # Written before the swap with the token of then; it was good when it was looked at.
        assert (await slow).status == 200
        assert {a.generation for a in server.log.to("/x")} == {2}
        assert server.stats.unauthorized == 0


async def test_after_a_silent_revocation_a_pool_of_one_sees_one_401() -> None:
    """The first learns it; the others, bound when they are written, have the new token."""
    async with (
        CloudServer() as server,
        session(server, connector=aiohttp.TCPConnector(limit=1)) as cloud,
    ):
        server.revoke_all()
        assert await statuses(cloud, 50) == {200: 50}
        assert server.stats.unauthorized == 1


async def hang_up(server: CloudServer, connection: int) -> None:
    """Let the server close a connection, as one does that was idle for too long."""
    handlers: dict[Any, int] = server._service.connections
    (handler,) = (h for h, number in handlers.items() if number == connection)
    handler.transport.close()
    await asyncio.sleep(0.02)  # for both ends to notice
    assert handler not in handlers


@pytest.mark.parametrize("closed", [False, True])
async def test_a_request_not_yet_written_waits_for_the_renewal_of_a_dead_token(
    closed: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """Also if the server closes the idle connection meanwhile, for POST too: it is no replay."""
    clock = ManualClock()
    events: list[Event] = []
    async with (
        CloudServer(clock=clock) as server,
        session(server, clock=clock, on_event=events.append) as cloud,
    ):
        async with cloud.get("/warm") as response:
            assert response.status == 200
        idle = server.log[-1].connection
        clock.suspend(3_600.0)
        server.script(Fault("_login", Late(5.0), times=1))
        waiting = asyncio.create_task(cloud.post("/x", data=b"whole").__aenter__())
        await clock.settle()
        assert server.stats.login_attempts == 2
        assert server.log.to("/x") == []
        if closed:
            await hang_up(server, idle)
        await clock.advance(5.0)
        assert (await waiting).status == 200
        (written,) = server.log.to("/x")
        assert (written.body, written.generation) == (b"whole", 2)
        assert (written.connection == idle) is not closed
    assert not [event for event in events if isinstance(event, RequestReplayed)]


def unused(server: CloudServer) -> int:
    """Give the number of the one connection on which nothing was written so far."""
    (number,) = set(server._service.connections.values()) - {a.connection for a in server.log}
    return number


async def test_a_request_that_loses_its_connection_twice_while_it_waits_is_written_once() -> None:
    """However often the server closes the connection, nothing has been written yet."""
    clock = ManualClock()

    def die_again(event: Event) -> None:
        if isinstance(event, TokenRenewed) and event.generation == 2:
            clock.suspend(3_600.0)

    async with (
        CloudServer(clock=clock) as server,
        session(server, clock=clock, on_event=die_again) as cloud,
    ):
        clock.suspend(3_600.0)
        server.script(Fault("_login", Late(5.0), times=2))
        waiting = asyncio.create_task(cloud.post("/x", data=b"whole").__aenter__())
        await clock.settle()
        for _ in range(2):
            await hang_up(server, unused(server))
            await clock.advance(5.0)
        assert (await waiting).status == 200
        (written,) = server.log.to("/x")
        assert (written.body, written.generation) == (b"whole", 3)


async def test_the_wait_counts_against_the_callers_total() -> None:
    """A caller's own bound holds, and touches neither the renewal nor the others."""
    async with CloudServer() as server, session(server) as cloud:
        server.revoke_all()
        server.script(Fault("_login", Late(0.5), times=1))
        patient = asyncio.create_task(cloud.get("/x").__aenter__())
        impatient = cloud.get("/y", timeout=aiohttp.ClientTimeout(total=0.2))
        with pytest.raises(TimeoutError):
            await impatient
        assert (await patient).status == 200
        assert server.stats.login_attempts == 2
        assert len(server.log.to("/y")) <= 1


async def test_cancelling_some_of_those_who_wait_touches_no_other() -> None:
    """LESSONS: cancelling one waiter fails all, for ever."""
    clock = ManualClock()
    connector = aiohttp.TCPConnector(limit=5)
    async with (
        CloudServer(clock=clock) as server,
        session(server, clock=clock, connector=connector) as cloud,
    ):
        clock.suspend(3_600.0)
        server.script(Fault("_login", Late(5.0), times=1))
        # Five of them wait in the middle of being sent, the others for a connection.
        waiting = [asyncio.create_task(cloud.get("/x").__aenter__()) for _ in range(20)]
        await clock.settle()
        for task in waiting[::2]:
            task.cancel()
        await clock.advance(5.0)
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends[::2])
        assert [getattr(end, "status", end) for end in ends[1::2]] == [200] * 10
        assert server.stats.login_attempts == 2
        assert len(server.log.to("/x")) == 10
        # No connection was lost: all five can be had again.
        assert await statuses(cloud, 20) == {200: 20}


async def test_waiting_is_bounded_and_ends_in_the_typed_error() -> None:
    """LESSONS: a shared completion never settles; requests hang."""
    clock = ManualClock()
    policy = RenewalPolicy(min_interval=0.01, attempt_timeout=2.0, renewal_timeout=7.0)
    async with (
        CloudServer(clock=clock) as server,
        session(server, clock=clock, policy=policy) as cloud,
    ):
        server.revoke_all()
        server.script(Fault("_login", Silence()))
        waiting = [asyncio.create_task(cloud.get("/x").__aenter__()) for _ in range(3)]
        began = clock.monotonic()
        with pytest.raises(SessionExpiredError) as caught:
            await clock.drive(waiting[0])
        assert 6.0 < clock.monotonic() - began <= 8.0
        assert caught.value.__cause__ is not None
        for end in await asyncio.gather(*waiting[1:], return_exceptions=True):
            assert isinstance(end, SessionExpiredError)
        await clock.drive(cloud.close())


async def test_requests_queued_or_waiting_at_the_close_get_a_typed_error() -> None:
    """Neither a bare cancellation, which a task group would swallow, nor a hang."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = session(server, clock=clock, connector=aiohttp.TCPConnector(limit=1))
        await cloud.open()
        in_flight = asyncio.create_task(cloud.get("/x?delay=5").__aenter__())
        await clock.settle()
        queued = [asyncio.create_task(cloud.get("/x").__aenter__()) for _ in range(3)]
        await clock.settle()
        await clock.drive(cloud.close())
        with pytest.raises(aiohttp.ClientConnectionError):
            await in_flight
        for end in await asyncio.gather(*queued, return_exceptions=True):
            assert isinstance(end, SessionClosedError)

        cloud = session(server, clock=clock)
        await cloud.open()
        server.revoke_all()
        server.script(Fault("_login", Silence(), times=1))
        waiting = [asyncio.create_task(cloud.get("/x").__aenter__()) for _ in range(3)]
        await clock.advance(0.01)
        assert server.stats.login_attempts == 3
        await clock.drive(cloud.close())
        for end in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(end, SessionClosedError)


async def test_a_replay_queued_at_the_close_gets_the_typed_error_too() -> None:
    """It waits for a connection a second time, behind a request that took the only one."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = session(server, clock=clock, connector=aiohttp.TCPConnector(limit=1))
        await cloud.open()
        server.revoke_all()
        server.script(Fault("_login", Late(5.0), times=1))
        refused = asyncio.create_task(cloud.post("/x", data=b"x").__aenter__())
        await clock.advance(0.1)
        assert server.stats.unauthorized == 1
        # In the meantime another request has the connection, and waits in the middle of it.
        second = asyncio.create_task(cloud.get("/y?delay=60").__aenter__())
        await clock.settle()
        await clock.advance(5.0)
        assert len(server.log.to("/y")) == 1
        await clock.drive(cloud.close())
        with pytest.raises(SessionClosedError, match="waited for a connection"):
            await refused
        with pytest.raises((aiohttp.ClientConnectionError, SessionClosedError)):
            await second
        assert len(server.log.to("/x")) == 1


async def test_a_caller_who_cancels_while_queued_is_cancelled() -> None:
    """A real cancellation is not mistaken for the end of the session, also when both happen."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = session(server, clock=clock, connector=aiohttp.TCPConnector(limit=1))
        await cloud.open()
        in_flight = asyncio.create_task(cloud.post("/x?delay=5").__aenter__())
        await clock.settle()
        queued = [asyncio.create_task(cloud.get("/x").__aenter__()) for _ in range(2)]
        await clock.settle()
        queued[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued[0]
        server.script(Fault("_logout", Silence()))
        closing = asyncio.create_task(cloud.close())
        await clock.settle()
        queued[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued[1]
        await clock.drive(closing)
        with pytest.raises(aiohttp.ClientConnectionError):
            await in_flight


async def test_a_failing_renewal_fails_no_request_while_the_token_is_good() -> None:
    """LESSONS: errors while the token is still good; soft and hard window."""
    clock = ManualClock()
    async with (
        CloudServer(token_lifetime=600.0, clock=clock) as server,
        session(server, clock=clock) as cloud,
    ):
        server.script(Fault("_refresh", Status(502), until=560.0))
        for _ in range(55):
            await clock.advance(10.0)
            async with cloud.get("/x") as response:
                assert response.status == 200
        assert state_of(cloud) is SessionState.DEGRADED
        assert cloud.last_error is not None
        await clock.advance(60.0)
        assert await statuses(cloud, 10) == {200: 10}
        assert state_of(cloud) is SessionState.ACTIVE
        assert cloud.last_error is None
        assert server.stats.unauthorized == 0
