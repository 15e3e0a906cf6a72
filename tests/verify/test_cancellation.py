"""Cancelled at any of its waits, nothing hangs, nothing is left over, and the token is kept."""

from __future__ import annotations

import asyncio
import gc
import itertools
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import TCPConnector

from aiocloudauth import (
    ApiError,
    CloudSession,
    Event,
    Password,
    RenewalPolicy,
    RenewalTimeoutError,
    SessionClosed,
    SessionState,
)
from aiocloudauth._runtime.runner import Runner
from aiocloudauth.testing import CloudServer, Fault, Html, Trickle
from tests.verify.cutting import MOMENTS, Cut, Moment, cut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

USERS = {"admin": "secret", "bob": "builder"}
QUICK = RenewalPolicy(
    min_interval=0.001, backoff=0.01, backoff_max=0.02, attempt_timeout=1.0, renewal_timeout=1.0
)


async def get(cloud: CloudSession) -> None:
    """Read an answer."""
    async with cloud.get("/x") as response:
        await response.read()


async def post(cloud: CloudSession) -> None:
    """Send a body."""
    async with cloud.post("/x", data=b"body") as response:
        await response.read()


async def fail(cloud: CloudSession) -> None:
    """Read an error."""
    with suppress(ApiError):
        await cloud.get("/fails")


async def fail_slowly(cloud: CloudSession) -> None:
    """Read an error whose body is long in coming."""
    with suppress(ApiError):
        await cloud.get("/fails/slowly")


async def be_refused_slowly(cloud: CloudSession) -> None:
    """Send a request whose refusal names no code in its header, and comes in pieces."""
    with suppress(ApiError):
        await cloud.get("/refuses/slowly")


async def talk(cloud: CloudSession) -> None:
    """Use a WebSocket."""
    async with cloud.ws_connect("/ws") as websocket:
        await websocket.send_str("a")
        await websocket.receive()


async def whole(cloud: CloudSession) -> None:
    """Open, use and close."""
    async with cloud:
        await get(cloud)


#: What is cut, and whether the token was revoked before.
CALLS: dict[str, tuple[Callable[[CloudSession], Coroutine[Any, Any, Any]], bool]] = {
    "get": (get, False),
    "get that waits for a renewal": (get, True),
    "post that is replayed": (post, True),
    "error": (fail, False),
    "error in pieces": (fail_slowly, False),
    "refusal in pieces": (be_refused_slowly, False),
    "websocket": (talk, False),
    "refresh": (lambda cloud: cloud.refresh(), False),
    "refresh of a revoked token": (lambda cloud: cloud.refresh(), True),
    "login": (lambda cloud: cloud.login(), False),
    "login with others": (lambda cloud: cloud.login(Password("bob", "builder")), False),
    "logout": (lambda cloud: cloud.logout(), False),
}


#: The open files of this process.
FILES = Path("/proc/self/fd")
COUNTED = FILES.exists()


def left_over() -> list[str]:
    """Name the tasks of the package that are still there."""
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith("aiocloudauth")]


def sockets() -> int:
    """Count the sockets of this process."""
    found = 0
    for link in FILES.iterdir():
        with suppress(OSError):
            found += str(link.readlink()).startswith("socket:")
    return found


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """Check that no task, no socket and no complaint of the loop outlives a test."""
    loop, complaints = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    before = sockets() if COUNTED else 0
    yield
    gc.collect()  # what was forgotten complains when it is collected
    await asyncio.sleep(0.02)
    assert complaints == []
    assert left_over() == []
    assert not COUNTED or sockets() <= before


async def open_session(
    server: CloudServer, *, revoked: bool = False, limit: int = 100
) -> CloudSession:
    """Open a session, whose token the server takes or not, on so many connections."""
    in_pieces = Trickle(interval=0.001, piece=20)
    server.script(
        Fault("/fails/slowly", (in_pieces, Html()), optional=True),
        Fault("/refuses/slowly", (in_pieces, Html(401)), times=1, optional=True),
    )
    cloud = await CloudSession(
        server.url,
        Password("admin", "secret"),
        policy=QUICK,
        connector=TCPConnector(limit=limit),
    )
    await asyncio.sleep(QUICK.min_interval)
    if revoked:
        server.revoke_all()
    server.reply("/fails", {"errors": [{"code": "a.b", "message": "no"}]}, status=500)
    return cloud


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", CALLS)
async def test_a_call_cut_at_any_wait_harms_nothing_but_itself(name: str, moment: Moment) -> None:
    """LESSONS: cancelling one waiter fails all, for ever. Here the session goes on."""
    call, revoked = CALLS[name]
    for at in itertools.count(1):
        async with CloudServer(USERS) as server:
            # With one connection one that is not given back is missed at once.
            cloud = await open_session(server, revoked=revoked, limit=1)
            task, reached = await cut(call(cloud), at, moment)
            assert task.cancelled() or task.exception() is None
            if name == "logout":
                assert cloud.token is None
                await cloud.login()
            async with asyncio.timeout(3):
                await get(cloud)
                assert cloud.state in {SessionState.ACTIVE, SessionState.RENEWING}
                # One login for the revoked token, whoever asked for it and left.
                assert server.stats.logins <= 2
                await cloud.close()
            assert server.stats.logouts >= 1
        if not reached:
            break
    assert at > 1


@pytest.mark.parametrize("moment", MOMENTS)
async def test_an_open_cut_at_any_wait_can_be_tried_again(moment: Moment) -> None:
    """And leaves nothing open meanwhile."""
    for at in itertools.count(1):
        async with CloudServer(USERS) as server:
            cloud = CloudSession(server.url, Password("admin", "secret"), policy=QUICK)
            task, reached = await cut(cloud.open(), at, moment)
            if task.cancelled():
                assert (cloud.state, cloud.token) == (SessionState.NEW, None)
                assert left_over() == []
            async with asyncio.timeout(3):
                await cloud.open()
                await get(cloud)
                await cloud.close()
        if not reached:
            break
    assert at > 1


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_close_cut_at_any_wait_closes(moment: Moment) -> None:
    """Its second call ends what the first did not; a close that was cut short lets go, too."""
    for at in itertools.count(1):
        async with CloudServer(USERS) as server:
            cloud = await open_session(server)
            told: list[Event] = []
            cloud.subscribe(told.append)
            await get(cloud)
            _, reached = await cut(cloud.close(), at, moment)
            assert cloud.state is SessionState.CLOSED
            async with asyncio.timeout(3):
                await cloud.close()
            assert [type(event) for event in told].count(SessionClosed) == 1
        if not reached:
            break
    assert at > 1


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_whole_session_cut_at_any_wait_leaves_nothing(moment: Moment) -> None:
    """`async with` in a task that is cancelled: what most services do at their end."""
    for at in itertools.count(1):
        async with CloudServer(USERS) as server:
            cloud = CloudSession(server.url, Password("admin", "secret"), policy=QUICK)
            _, reached = await cut(whole(cloud), at, moment)
            assert left_over() == []
            await cloud.close()
        if not reached:
            break
    assert at > 5


#: A request of a full pool, cancelled in the very turn in which aiohttp's pool wakes it, keeps
#: what it was woken with from the next in the queue, until another answer ends. Plain aiohttp
#: does the same, so requests are cut late where nobody queues.
BESIDE = [
    (name, moment, limit)
    for name in ("get", "get that waits for a renewal", "refresh", "login")
    for moment in MOMENTS
    for limit in (1, 100)
    if not (name.startswith("get") and moment == "late" and limit == 1)
]


@pytest.mark.parametrize(("name", "moment", "limit"), BESIDE)
async def test_those_who_wait_beside_a_cut_caller_are_served(
    name: str, moment: Moment, limit: int
) -> None:
    """Invariant: cancelling any caller cancels only that caller; one renewal serves the rest."""
    call, revoked = CALLS[name]
    for at in itertools.count(1):
        async with CloudServer(USERS) as server:
            cloud = await open_session(server, revoked=revoked, limit=limit)
            others = [asyncio.create_task(call(cloud)) for _ in range(3)]
            cutting = asyncio.create_task(cut(call(cloud), at, moment))
            await asyncio.sleep(0)  # so that some stand before it in the queue, and some behind
            others += [asyncio.create_task(call(cloud)) for _ in range(2)]
            _, reached = await cutting
            async with asyncio.timeout(3):
                await asyncio.gather(*others)
                await cloud.close()
            assert server.stats.login_attempts + server.stats.refresh_attempts <= 3
        if not reached:
            break
    assert at > 1


#: What is under way when a stranger cancels the renewal.
RENEWALS: dict[str, Callable[[CloudSession], Awaitable[Any]]] = {
    "refresh": lambda cloud: cloud.refresh(),
    "login": lambda cloud: cloud.login(),
    "login with others": lambda cloud: cloud.login(Password("bob", "builder")),
}


@pytest.mark.parametrize("moment", ["early", "late"])
@pytest.mark.parametrize("name", RENEWALS)
async def test_a_renewal_that_a_stranger_cancels_is_a_failed_one(name: str, moment: Moment) -> None:
    """`for task in asyncio.all_tasks(): task.cancel()`: those who wait are told, and it goes on."""
    for at in itertools.count(1):
        cuts: list[Cut] = []

        def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever becomes a task
            if getattr(coroutine, "__qualname__", "") != Runner._fly.__qualname__:
                return asyncio.Task(coroutine, loop=loop, **options)
            cutting = Cut(coroutine, at if not cuts else -9, moment)  # noqa: B023 - used in this round
            task = cutting.task = asyncio.Task(cutting, loop=loop, **options)
            cuts.append(cutting)  # noqa: B023 - as above
            return task

        async with CloudServer(USERS) as server:
            cloud = await open_session(server)
            held = cloud.token
            asyncio.get_running_loop().set_task_factory(factory)
            try:
                async with asyncio.timeout(3):
                    with suppress(RenewalTimeoutError):
                        await RENEWALS[name](cloud)
            finally:
                asyncio.get_running_loop().set_task_factory(None)
            assert cloud.token is not None
            assert cloud.token == held or cloud.token.generation == 2
            async with asyncio.timeout(3):
                await cloud.refresh()
                await get(cloud)
                await cloud.close()
        if cuts[0].waits < at:
            break
    assert at > 1
