"""Requests that wait for a token or a connection: one renewal serves them, and it has an end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth import (
    BearerMiddleware,
    CloudSession,
    Password,
    RenewalPolicy,
    RequestReplayed,
    ServerError,
    SessionClosedError,
    SessionExpiredError,
    SessionState,
    TokenRefresher,
    TokenRenewed,
)
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Silence, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocloudauth import Event

ADMIN = Password("admin", "secret")
QUICK = RenewalPolicy(min_interval=0.01)

#: So many start together; aiohttp's pool holds 100.
HERD = 500


@pytest.fixture
def clock() -> ManualClock:
    """Make the clock of server and session."""
    return ManualClock()


@pytest.fixture
async def server(clock: ManualClock) -> AsyncIterator[CloudServer]:
    """Start a server on that clock."""
    async with CloudServer(clock=clock, log_size=5 * HERD) as one:
        yield one


async def opened(server: CloudServer, clock: ManualClock, **options: Any) -> CloudSession:
    """Open a session on that clock."""
    limit = options.pop("limit", 100)
    connector = aiohttp.TCPConnector(limit=limit)
    cloud = CloudSession(
        server.url, ADMIN, clock=clock, connector=connector, **({"policy": QUICK} | options)
    )
    await clock.drive(cloud.open())
    return cloud


async def status(cloud: CloudSession, path: str = "/x", **options: Any) -> int:
    """Send a request and return its status."""
    async with cloud.get(path, **options) as response:
        await response.read()
        return response.status


async def statuses(cloud: CloudSession, count: int) -> Counter[int]:
    """Start so many requests together and count what they end with."""
    return Counter(await asyncio.gather(*(status(cloud) for _ in range(count))))


async def started(clock: ManualClock, *awaitables: Any) -> list[asyncio.Task[Any]]:
    """Start requests, as far as they get at this instant."""
    tasks = [asyncio.ensure_future(one) for one in awaitables]
    await clock.settle()
    return tasks


# -- one renewal for all ------------------------------------------------------------------


@pytest.mark.parametrize("revoked", [True, False], ids=["revoked", "expired"])
async def test_a_herd_just_after_expiry_costs_one_renewal(
    server: CloudServer, clock: ManualClock, *, revoked: bool
) -> None:
    """LESSONS: many refreshes at once (storm); laptop suspend: timer late by hours."""
    cloud = await opened(server, clock)
    # The machine sleeps over the expiry: no timer has gone off, the token is dead.
    clock.suspend(3_601.0)
    if revoked:
        server.revoke_all()
    assert (cloud.token, cloud.state) == (None, SessionState.EXPIRED)
    assert await clock.drive(statuses(cloud, HERD)) == {200: HERD}
    assert server.stats.login_attempts + server.stats.refresh_attempts == 2
    assert (server.stats.unauthorized, len(server.log.to("/x"))) == (0, HERD)
    await cloud.close()


@pytest.mark.parametrize("limit", [100, 1])
async def test_a_herd_after_a_silent_revocation_costs_one_renewal_and_a_pool_of_401s(
    server: CloudServer, clock: ManualClock, limit: int
) -> None:
    """Bound when they are written, the others wait for the renewal, or have the new token."""
    cloud = await opened(server, clock, limit=limit)
    server.revoke_all()
    assert await clock.drive(statuses(cloud, HERD // 2)) == {200: HERD // 2}
    answered = Counter((a.status, a.generation) for a in server.log.to("/x"))
    assert 1 <= answered.pop((401, 1)) <= limit
    assert answered == {(200, 2): HERD // 2}
    assert server.stats.login_attempts + server.stats.refresh_attempts == 2
    await cloud.close()


async def test_a_token_renewed_while_requests_queue_for_a_connection_is_the_one_that_is_sent(
    server: CloudServer, clock: ManualClock
) -> None:
    """LESSONS: token expired while queued; the renewal does not queue behind the slow one."""
    cloud = await opened(server, clock, limit=1)
    slow, *queued = await started(
        clock, status(cloud, "/slow?delay=2"), *(status(cloud) for _ in range(20))
    )
    await clock.drive(cloud.refresh())
    assert (server.generation, len(server.log.to("/x"))) == (2, 0)
    await clock.advance(2.0)
    assert await asyncio.gather(slow, *queued) == [200] * 21
    assert {a.generation for a in server.log.to("/x")} == {2}
    await cloud.close()


async def hang_up(server: CloudServer, clock: ManualClock) -> None:
    """Let the server close the connections of requests that are not written yet."""
    written = {arrival.connection for arrival in server.log}
    before = server.open_connections
    closing = [one for one in server._service.connections.values() if one.number not in written]
    for connection in closing:
        connection.transport.close()
    async with asyncio.timeout(5):
        while server.open_connections > before - len(closing):  # noqa: ASYNC110 - it sets no event
            await asyncio.sleep(0.005)
    await clock.settle()


async def test_a_request_that_waits_for_a_token_may_lose_its_connection_and_is_written_once(
    server: CloudServer, clock: ManualClock
) -> None:
    """However often, and for POST too: nothing has been written yet, so it is no replay."""
    heard: list[Event] = []

    def die_again(event: Event) -> None:
        heard.append(event)
        if isinstance(event, TokenRenewed) and event.generation == 2:
            clock.suspend(3_601.0)

    cloud = await opened(server, clock, on_event=die_again)
    clock.suspend(3_601.0)
    server.script(Fault("_login", Late(5.0), times=2))
    (waiting,) = await started(clock, cloud.post("/x", data=b"whole"))
    assert server.log.to("/x") == []
    for _ in range(2):
        await hang_up(server, clock)
        await clock.advance(5.0)
    assert (await clock.drive(waiting)).status == 200
    (written,) = server.log.to("/x")
    assert (written.body, written.generation) == (b"whole", 3)
    assert not [event for event in heard if isinstance(event, RequestReplayed)]
    await cloud.close()


# -- cancelled, denied --------------------------------------------------------------------


async def test_cancelling_some_of_those_who_wait_touches_no_other(
    server: CloudServer, clock: ManualClock
) -> None:
    """LESSONS: cancelling one waiter fails all, for ever. No connection is lost either."""
    cloud = await opened(server, clock, limit=5)
    clock.suspend(3_601.0)
    server.script(Fault("_login", Late(5.0), times=1))
    # Five of them wait in the middle of being sent, the others for a connection.
    waiting = await started(clock, *(status(cloud) for _ in range(20)))
    for task in waiting[::2]:
        task.cancel()
    await clock.advance(5.0)
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends[::2])
    assert ends[1::2] == [200] * 10
    assert (server.stats.login_attempts, len(server.log.to("/x"))) == (2, 10)
    assert await statuses(cloud, 20) == {200: 20}
    await cloud.close()


@pytest.mark.parametrize("limit", [1, 7])
async def test_in_an_outage_all_are_denied_within_renewal_timeout_whatever_the_pool(
    server: CloudServer, clock: ManualClock, limit: int
) -> None:
    """Counted from when they began or the token went: not one queue after the other."""
    policy = RenewalPolicy(min_interval=0.01, attempt_timeout=2.0, renewal_timeout=7.0)
    cloud = await opened(server, clock, policy=policy, limit=limit)
    server.script(Fault("/users/auth/*", Status(502)))
    clock.suspend(3_601.0)
    connections = server.stats.connections
    began = clock.monotonic()
    early = await started(clock, *(status(cloud) for _ in range(50)))
    await clock.advance(3.0)
    late = await started(clock, *(status(cloud) for _ in range(50)))
    ends = await clock.drive(asyncio.gather(*early, return_exceptions=True))
    assert clock.monotonic() - began == pytest.approx(7.0, abs=0.1)
    ends += await clock.drive(asyncio.gather(*late, return_exceptions=True))
    assert clock.monotonic() - began == pytest.approx(10.0, abs=0.1)
    assert {type(end) for end in ends} == {SessionExpiredError}
    assert all(isinstance(end.__cause__, ServerError) for end in ends)
    # One who is denied leaves the connection to the next.
    assert server.stats.connections - connections <= limit + 1
    server.clear_faults()
    await clock.advance(15.0)
    assert await statuses(cloud, 10) == {200: 10}
    await cloud.close()


@pytest.mark.parametrize(
    ("limits", "ends_after"),
    [
        ({"call": 5}, 4.9),
        ({"call": 0.5}, 0.45),
        ({"session": 5}, 4.9),
        ({"session": 5, "call": aiohttp.ClientTimeout(total=None)}, 7.0),
        ({"session": 100}, 7.0),
    ],
    ids=["the call's", "a short one's", "the session's", "lifted for the call", "longer"],
)
@pytest.mark.parametrize("refused", [True, False], ids=["after a 401", "before it is written"])
async def test_a_callers_shorter_time_ends_with_the_reason(
    server: CloudServer,
    clock: ManualClock,
    limits: dict[str, Any],
    ends_after: float,
    *,
    refused: bool,
) -> None:
    """0.1 s before it, a tenth of it at most: not `TimeoutError('')`, which hides the outage."""
    policy = RenewalPolicy(min_interval=0.01, attempt_timeout=2.0, renewal_timeout=7.0)
    cloud = await opened(server, clock, policy=policy, timeout=limits.get("session"))
    server.script(Fault("_login", Status(502)), Fault("/users/auth", Status(502), optional=True))
    if refused:
        server.revoke_all()
    else:
        clock.suspend(3_601.0)
    began = clock.monotonic()
    own = {"timeout": limits["call"]} if "call" in limits else {}
    with pytest.raises(SessionExpiredError) as caught:
        await clock.drive(cloud.get("/x", **own))
    assert isinstance(caught.value.__cause__, ServerError)
    assert clock.monotonic() - began == pytest.approx(ends_after, abs=0.01)
    await cloud.close()


async def test_without_our_request_class_a_shorter_time_ends_with_the_reason_too(
    server: CloudServer, clock: ManualClock
) -> None:
    """The token is then bound when the middleware runs."""
    policy = RenewalPolicy(min_interval=0.01, renewal_timeout=7.0)
    async with TokenRefresher(server.url, ADMIN, clock=clock, policy=policy) as refresher:
        middlewares = (BearerMiddleware(refresher),)
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(
            server.url, middlewares=middlewares, timeout=timeout
        ) as http:
            server.script(Fault("_login", Status(502)))
            clock.suspend(3_601.0)
            began = clock.monotonic()
            with pytest.raises(SessionExpiredError):
                await clock.drive(http.get("/api/v1/x"))
            assert clock.monotonic() - began == pytest.approx(4.9, abs=0.01)


async def test_a_failing_renewal_fails_no_request_while_the_token_is_good(
    server: CloudServer, clock: ManualClock
) -> None:
    """LESSONS: errors while the token is still good; soft and hard window."""
    cloud = await opened(server, clock)
    server.script(Fault("_refresh", Status(502), until=1_150.0))
    for _ in range(11):
        await clock.advance(100.0)
        assert await status(cloud) == 200
    assert cloud.state is SessionState.DEGRADED
    assert isinstance(cloud.last_error, ServerError)
    await clock.advance(200.0)
    assert await status(cloud) == 200
    assert cloud.last_error is None
    assert server.stats.unauthorized == 0
    await cloud.close()


# -- at the close -------------------------------------------------------------------------


async def test_a_close_ends_all_who_wait_with_its_own_error_and_opens_nothing(
    server: CloudServer, clock: ManualClock
) -> None:
    """In flight, in the queue, for a token, for a replay: `SessionClosedError`, and no hang."""
    cloud = await opened(server, clock, limit=10)
    server.revoke_all()
    server.script(*(Fault(path, Silence(), optional=True) for path in ("_login", "/users/auth")))
    tasks = await started(clock, *(cloud.post("/x", data=b"x") for _ in range(HERD)))
    await clock.advance(0.1)
    connections = server.stats.connections
    await clock.drive(cloud.close(), limit=5.0)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(end) for end in ends} == {SessionClosedError}
    assert server.stats.connections - connections <= 1  # of `_logout`, at most


async def test_a_close_ends_those_in_flight_and_who_cancels_is_cancelled(
    server: CloudServer, clock: ManualClock
) -> None:
    """A real cancellation is not mistaken for the end of the session, also when both happen."""
    cloud = await opened(server, clock, limit=1)
    waiting = [*(cloud.get("/x") for _ in range(3)), cloud.ws_connect("/ws")]
    tasks = await started(clock, cloud.post("/x?delay=5"), *waiting)
    tasks[1].cancel()
    server.script(Fault("_logout", Silence()))
    closing = asyncio.create_task(cloud.close())
    tasks[2].cancel()
    await clock.drive(closing)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [
        SessionClosedError,
        asyncio.CancelledError,
        asyncio.CancelledError,
        SessionClosedError,
        SessionClosedError,
    ]
