"""What the package reads inside of a call, nobody else can end: it has an end of its own."""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
import pytest

from aiocloudauth import (
    ApiError,
    CloudSession,
    ConfigurationError,
    GatewayError,
    Password,
    RenewalPolicy,
    SessionClosedError,
    UnauthorizedError,
)
from aiocloudauth.testing import CloudServer, ManualClock
from tests.rogue import Rogue, after, http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ADMIN = Password("admin", "secret")
ENDLESS = aiohttp.ClientTimeout(total=None)
QUICK = RenewalPolicy(min_interval=0.001)

#: A body of which no more than the beginning comes, and what its status is.
STALLED: dict[int, type[ApiError]] = {502: GatewayError, 401: UnauthorizedError}


def stalled(status: int) -> Rogue:
    """Make a server whose error bodies never end."""
    return Rogue({"/x": after(http(b"<html>", length=999, status=status))})


@pytest.mark.parametrize("status", STALLED)
async def test_a_body_that_never_ends_withholds_its_status_for_attempt_timeout(status: int) -> None:
    """Though the caller set no time at all; a 401 is taken for one that names no code."""
    clock = ManualClock()
    async with stalled(status) as server:
        cloud = CloudSession(server.url, ADMIN, clock=clock, timeout=ENDLESS)
        await clock.drive(cloud.open())
        before = clock.monotonic()
        with pytest.raises(STALLED[status]):
            await clock.drive(cloud.get("/x"))
        # A 401 is read twice, and between that is a login.
        assert clock.monotonic() - before <= 2 * RenewalPolicy().attempt_timeout + 1.0
        await clock.drive(cloud.close())


@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize("status", STALLED)
async def test_close_ends_a_reading_that_is_under_way(status: int, *, raises: bool) -> None:
    """With a typed error; where the caller asked for the answer itself, that one is theirs."""
    async with stalled(status) as server:
        cloud = await CloudSession(server.url, ADMIN, timeout=ENDLESS)
        call = asyncio.ensure_future(cloud.get("/x", raise_for_status=raises))
        while not cloud._refresher.readings._under_way and not call.done():  # noqa: ASYNC110 - it sets no event
            await asyncio.sleep(0)
        async with asyncio.timeout(3):
            await cloud.close()
            (outcome,) = await asyncio.gather(call, return_exceptions=True)
        if status == 401:
            assert isinstance(outcome, SessionClosedError)
        elif raises:
            assert isinstance(outcome, GatewayError)
        else:
            assert isinstance(outcome, aiohttp.ClientResponse)
            outcome.close()


async def test_an_answer_that_comes_while_the_session_closes_is_not_read() -> None:
    """`_logout` takes its time; the answer of a request of before comes meanwhile."""
    async with stalled(502) as server:
        cloud = await CloudSession(server.url, ADMIN, timeout=ENDLESS)
        cloud._refresher.readings.close()
        async with asyncio.timeout(3):
            with pytest.raises(GatewayError):
                await cloud.get("/x")
        await cloud.close()


#: How a request is begun whose session is closed before its first step.
BEGUN: dict[str, Callable[[CloudSession], Any]] = {
    "await": lambda cloud: awaited(cloud.get("/x")),
    "async with": lambda cloud: entered(cloud.get("/x")),
    "task": lambda cloud: tasked(cloud.get("/x")),
    "websocket": lambda cloud: awaited(cloud.ws_connect("/x")),
}


async def awaited(pending: Any) -> None:  # noqa: ANN401 - of either kind
    """Await it."""
    await pending


async def entered(pending: Any) -> None:  # noqa: ANN401 - as above
    """Enter it."""
    async with pending:
        pass


async def tasked(pending: Any) -> None:  # noqa: ANN401 - as above
    """Make it a task."""
    await asyncio.create_task(pending)


@pytest.mark.parametrize("how", BEGUN)
async def test_a_request_that_was_made_before_close_and_begun_after_it(how: str) -> None:
    """Aiohttp has no type for it: `except (CloudAuthError, ClientError)` would miss it."""
    async with CloudServer() as server:
        cloud = await CloudSession(server.url, ADMIN)
        begun = BEGUN[how](cloud)
        await cloud.close()
        with pytest.raises(SessionClosedError, match="before the request began"):
            await begun


async def test_an_error_of_another_kind_in_a_request_is_passed_on() -> None:
    """A `RuntimeError` of a caller's own middleware, for one."""

    async def bad(*_: object) -> aiohttp.ClientResponse:
        raise RuntimeError("of my own")

    async with CloudServer() as server, CloudSession(server.url, ADMIN, middlewares=[bad]) as cloud:
        with pytest.raises(RuntimeError, match="of my own"):
            await cloud.get("/x")


async def loader(queue: asyncio.Queue[asyncio.Future[bytes]]) -> None:
    """Tell those who ask, one after the other, of an error, and go on."""
    while True:
        asked = await queue.get()
        try:
            raise LookupError("not there")  # noqa: TRY301 - what is to be caught here
        except LookupError as error:
            asked.set_exception(error)


async def test_a_failing_request_ends_no_task_that_its_body_waited_for() -> None:
    """To clear the frames of an error would end a coroutine of the caller's that goes on."""
    queue: asyncio.Queue[asyncio.Future[bytes]] = asyncio.Queue()

    async def asked() -> bytes:
        future = asyncio.get_running_loop().create_future()
        queue.put_nowait(future)
        answer: bytes = await future
        return answer

    async def body() -> AsyncIterator[bytes]:
        yield b"head"
        yield await asked()

    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        loading = asyncio.create_task(loader(queue))
        with pytest.raises(aiohttp.ClientError) as caught:
            await cloud.post("/x", data=body())
        assert isinstance(caught.value.__cause__, LookupError)
        async with asyncio.timeout(3):
            with pytest.raises(LookupError):
                await asked()
        assert not loading.done()
        loading.cancel()


#: Requests that the token is not for, which wait in the same pool.
PASSED_ON: dict[str, Callable[[CloudSession, str], Any]] = {
    "a token of one's own": lambda cloud, _: cloud.get("/x", headers={"Authorization": "Bearer a"}),
    "another origin": lambda cloud, other: cloud.get(f"{other}/x"),
}


@pytest.mark.parametrize("kind", PASSED_ON)
async def test_a_request_that_the_token_is_not_for_keeps_nobody_waiting(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled in the turn in which the pool wakes it, it hands its turn on."""
    async with CloudServer() as server, CloudServer() as other:
        connector = aiohttp.TCPConnector(limit=1)
        async with CloudSession(server.url, ADMIN, connector=connector) as cloud:
            release, cancelled = connector._release_waiter, []

            def wake_and_cancel() -> None:
                release()
                cancelled.append(not passed_on.done() and passed_on.cancel())

            first = asyncio.ensure_future(cloud.get("/x?delay=0.01"))
            await asyncio.sleep(0)
            passed_on = asyncio.ensure_future(PASSED_ON[kind](cloud, other.url))
            await asyncio.sleep(0)
            last = asyncio.ensure_future(cloud.get("/x"))
            await asyncio.sleep(0)
            with monkeypatch.context() as patch:
                patch.setattr(connector, "_release_waiter", wake_and_cancel)
                await (await first).read()
                async with asyncio.timeout(3):
                    await last
            outcomes = await asyncio.gather(passed_on, return_exceptions=True)
        assert cancelled[0]
        assert isinstance(outcomes[0], asyncio.CancelledError)


@pytest.mark.parametrize("kind", PASSED_ON)
async def test_close_tells_those_in_the_queue_that_the_token_is_not_for(kind: str) -> None:
    """Aiohttp's pool cancels them; in a `TaskGroup` they would be gone without a word."""
    async with CloudServer() as server, CloudServer() as other:
        cloud = CloudSession(server.url, ADMIN, connector=aiohttp.TCPConnector(limit=1))
        async with cloud:
            first = await cloud.get("/x")  # not read: it keeps the connection
            first.close()
            slow = asyncio.ensure_future(cloud.get("/x?delay=30"))
            queued = asyncio.ensure_future(PASSED_ON[kind](cloud, other.url))
            for _ in range(5):
                await asyncio.sleep(0)
        outcomes = await asyncio.gather(slow, queued, return_exceptions=True)
        assert isinstance(outcomes[1], SessionClosedError)


def errors() -> int:
    """Count those that live."""
    return sum(isinstance(thing, ApiError) for thing in gc.get_objects())


@pytest.mark.parametrize("call", ["get", "refused websocket", "login"])
async def test_an_error_holds_no_frame_that_holds_it(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the caller's variables would live until the collector comes by."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN, policy=QUICK) as cloud:
        calls: dict[str, Callable[[], Any]] = {
            "get": lambda: cloud.get("/missing"),
            "refused websocket": lambda: cloud.ws_connect("/missing"),
            "login": lambda: cloud.login(Password("admin", "wrong")),
        }
        server.reply("/missing", {"errors": []}, status=404)

        # pytest keeps the records, and they the errors.
        monkeypatch.setattr(logging.getLogger("aiocloudauth"), "disabled", True)
        gc.collect()
        before = errors()
        gc.disable()
        try:
            with suppress(ApiError):
                await calls[call]()
            await cloud.login()  # the last failure of one is kept as `last_error`
            left = errors()
        finally:
            gc.enable()
        assert left == before


class MineError(RuntimeError):
    """An error of the caller's."""


async def raise_mine(*_: object) -> NoReturn:
    """Fail, as a middleware."""
    raise MineError


@pytest.mark.parametrize("way", ["await", "async with", "task", "websocket"])
async def test_an_error_of_the_caller_s_passes_and_leaves_nothing(way: str) -> None:
    """Nor does it live on in a frame of ours."""
    async with (
        CloudServer() as server,
        CloudSession(server.url, ADMIN, policy=QUICK, middlewares=[raise_mine]) as cloud,
    ):

        async def ask() -> None:
            pending = cloud.ws_connect("/ws") if way == "websocket" else cloud.get("/x")
            if way == "await":
                await pending
            elif way == "task":
                await asyncio.create_task(pending)
            else:
                async with pending:
                    pass

        gc.collect()
        gc.disable()
        try:
            with suppress(MineError):
                await ask()
            await asyncio.sleep(0)  # the loop holds a task until its next turn
            left = sum(isinstance(thing, MineError) for thing in gc.get_objects())
        finally:
            gc.enable()
        assert not left


def test_one_connector_cannot_be_both() -> None:
    """With a pool of one a renewal would wait for the request that waits for it."""
    connector = object()
    with pytest.raises(ConfigurationError, match="must be another"):
        CloudSession(
            "https://ece.example.com",
            ADMIN,
            connector=connector,
            auth_connector=connector,  # type: ignore[arg-type]  # only its identity matters
        )
