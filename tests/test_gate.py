"""A crowd of requests begins by turns, behind the renewal that it needs; nobody else waits."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from aiocloudauth import CloudSession, Password, RenewalPolicy, SessionClosedError
from aiocloudauth.exchange import AuthExchange, _Call
from aiocloudauth.gate import _A_TURN, _CROWD, _LEAD, Gate
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.connector import Connection

    from aiocloudauth.pending import PendingResponse

ADMIN = Password("admin", "secret")
QUICK = RenewalPolicy(min_interval=0.001)


async def turn() -> None:
    """Let the loop turn once."""
    await asyncio.sleep(0)


def fill(gate: Gate) -> None:
    """Let as many begin as may begin in this turn."""
    while gate._begun < _CROWD:
        assert gate.enter() is None


class Line:
    """Those who came to a gate after it was full, in the order in which they came."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.turns: list[asyncio.Future[None]] = []

    def come(self, number: int) -> None:
        """So many come."""
        for _ in range(number):
            waiting = self.gate.enter()
            assert waiting is not None
            self.turns.append(waiting)

    @property
    def begun(self) -> list[bool]:
        """Whether each may begin."""
        return [waiting.done() for waiting in self.turns]


def behind_a_crowd(gate: Gate, number: int) -> Line:
    """Let so many come to a gate that is full."""
    fill(gate)
    line = Line(gate)
    line.come(number)
    return line


# -- the gate -----------------------------------------------------------------------------


async def test_nobody_waits_below_a_crowd() -> None:
    """However often that many come, one turn after the other."""
    gate = Gate(ManualClock())
    for _ in range(20):
        assert [gate.enter() for _ in range(_CROWD)] == [None] * _CROWD
        await turn()


async def test_one_after_the_other_never_waits() -> None:
    """Those of earlier turns are not counted for ever."""
    gate = Gate(ManualClock())
    for _ in range(3 * _CROWD):
        assert gate.enter() is None
        await turn()


async def test_a_crowd_begins_by_turns_in_the_order_in_which_it_came() -> None:
    """Who comes later waits behind those who wait already."""
    gate = Gate(ManualClock())
    line = behind_a_crowd(gate, _A_TURN + 1)
    await turn()
    assert line.begun == [True] * _A_TURN + [False]
    line.come(1)
    await turn()
    assert all(line.begun)
    await turn()
    assert gate.enter() is None


async def test_who_left_the_line_takes_no_turn_from_the_others() -> None:
    """However many callers are cancelled while they wait, the one behind them begins."""
    gate = Gate(ManualClock())
    line = behind_a_crowd(gate, 2 * _A_TURN + 1)
    for waiting in line.turns[:-1]:
        waiting.cancel()
    await turn()
    assert line.turns[-1].done()
    assert not line.turns[-1].cancelled()


async def test_the_last_of_a_crowd_count_in_the_turn_in_which_they_begin() -> None:
    """Nobody who comes in it takes it beyond its measure."""
    gate = Gate(ManualClock())
    behind_a_crowd(gate, _A_TURN)
    await turn()
    assert [gate.enter() for _ in range(_CROWD - _A_TURN)] == [None] * (_CROWD - _A_TURN)
    assert gate.enter() is not None


async def test_a_held_crowd_begins_once_the_renewal_is_sent() -> None:
    """And its timer is taken back."""
    clock = ManualClock()
    gate = Gate(clock)
    gate.hold()
    line = behind_a_crowd(gate, 2)
    for _ in range(5):
        await turn()
    assert not any(line.begun)
    gate.release()
    await turn()
    assert all(line.begun)
    assert clock.next_due is None


async def test_a_renewal_that_is_not_sent_holds_a_crowd_for_100_ms() -> None:
    """A connection that takes its time must not cost a caller's whole timeout."""
    clock = ManualClock()
    gate = Gate(clock)
    gate.hold()
    line = behind_a_crowd(gate, 1)
    await clock.advance(_LEAD - 0.001)
    assert not any(line.begun)
    await clock.advance(0.001)
    assert all(line.begun)


async def test_a_hold_with_nobody_waiting_sets_no_timer() -> None:
    """Most renewals meet no crowd."""
    clock = ManualClock()
    gate = Gate(clock)
    gate.hold()
    assert [gate.enter() for _ in range(_CROWD)] == [None] * _CROWD
    await turn()
    gate.release()
    await turn()
    assert clock.next_due is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["hold", "release", "turn"])
        | st.integers(1, 900)
        | st.tuples(st.just("leave"), st.integers(0, 10_000))
    )
)
def test_everybody_begins_in_order_and_no_turn_is_overfull(steps: list[Any]) -> None:
    """Whatever comes when: at most a crowd and a turn begin at once, and nobody is lost."""

    async def run() -> None:
        clock = ManualClock()
        gate = Gate(clock)
        waiting: list[asyncio.Future[None]] = []
        at_once = 0

        def begun() -> int:
            return sum(each.done() and not each.cancelled() for each in waiting)

        for step in [*steps, "release", *["turn"] * 60]:
            before = begun()
            match step:
                case "hold":
                    gate.hold()
                case "release":
                    gate.release()
                case "turn":
                    await turn()
                    at_once = begun() - before
                    assert at_once <= _A_TURN
                case ("leave", int(number)) if waiting:
                    waiting[number % len(waiting)].cancel()
                case int(number):
                    came = [gate.enter() for _ in range(number)]
                    at_once += came.count(None)
                    assert at_once <= _CROWD
                    waiting += [each for each in came if each is not None]
            done = [each.done() for each in waiting if not each.cancelled()]
            assert done == sorted(done, reverse=True)
        assert all(each.done() for each in waiting)
        assert gate.enter() is None

    asyncio.run(run())


# -- the session's requests ---------------------------------------------------------------


def in_a_crowd(cloud: CloudSession) -> PendingResponse:
    """Make a request that has to wait for its turn."""
    fill(cloud._refresher.gate)
    pending = cloud.get("/x")
    assert pending._turn is not None
    return pending


async def got(cloud: CloudSession) -> int:
    """Send a request like any other."""
    async with cloud.get("/x") as response:
        return response.status


async def awaited(cloud: CloudSession) -> int:
    """Await a request."""
    return (await in_a_crowd(cloud)).status


async def entered(cloud: CloudSession) -> int:
    """Use ``async with``."""
    async with in_a_crowd(cloud) as response:
        return response.status


async def driven(cloud: CloudSession) -> int:
    """Make a task of a request."""
    return (await asyncio.create_task(in_a_crowd(cloud))).status


WAYS = pytest.mark.parametrize("ask", [awaited, entered, driven])


@WAYS
async def test_a_request_in_a_crowd_is_answered(
    ask: Callable[[CloudSession], Awaitable[int]],
) -> None:
    """By each of the ways in which a request may be awaited."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        server.reply("/x", {})
        assert await ask(cloud) == 200
        assert await ask(cloud) == 200


@WAYS
async def test_a_request_that_is_cancelled_in_a_crowd_never_begins(
    ask: Callable[[CloudSession], Awaitable[int]],
) -> None:
    """It warns of nothing either, and the one behind it is answered."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        server.reply("/x", {})
        await turn()  # the login's task ends, which lets a crowd go
        cloud._refresher.gate.hold()
        first, second = (asyncio.ensure_future(ask(cloud)) for _ in range(2))
        for _ in range(3):
            await turn()
        first.cancel()
        await turn()
        cloud._refresher.gate.release()
        assert await second == 200
        assert first.cancelled()
        assert len(server.log.to("/x")) == 1


@WAYS
async def test_close_while_a_request_waits_for_its_turn_ends_it_typed(
    ask: Callable[[CloudSession], Awaitable[int]],
) -> None:
    """It begins, and finds the session closed."""
    clock = ManualClock()
    async with CloudServer() as server:
        cloud = await CloudSession(server.url, ADMIN, clock=clock)
        await turn()  # the login's task ends, which lets a crowd go
        cloud._refresher.gate.hold()
        call = asyncio.ensure_future(ask(cloud))
        for _ in range(3):
            await turn()
        await cloud.close()
        await clock.advance(_LEAD)
        with pytest.raises(SessionClosedError):
            await call


async def test_a_request_that_is_dropped_in_a_crowd_leaves_nothing() -> None:
    """`close` on it, before and after it began to wait, as a task that is given up does."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        server.reply("/x", {})
        for drive in (False, True):
            pending = in_a_crowd(cloud)
            if drive:
                pending.send(None)
            pending.close()
        assert await awaited(cloud) == 200
        assert len(server.log.to("/x")) == 1


@pytest.mark.parametrize("entering", [False, True])
async def test_a_cancelled_wait_for_a_turn_is_not_repeated(*, entering: bool) -> None:
    """As any coroutine: a stray cancellation would end a task that nobody cancelled."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        await turn()  # the login's task ends, which lets a crowd go
        pending = in_a_crowd(cloud)

        async def ask() -> None:
            await (pending.__aenter__() if entering else pending)

        cloud._refresher.gate.hold()
        call = asyncio.ensure_future(ask())
        await turn()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await ask()


@pytest.mark.parametrize("ends", ["expired", "revoked"])
async def test_a_renewal_overtakes_the_crowd_that_needs_it(ends: str) -> None:
    """It reaches the server before all of them are built, and none of them fails."""
    begun = 0
    begun_before: list[int] = []

    async def began(*_: object) -> None:
        nonlocal begun
        begun += 1
        if not begun_before and server.stats.login_attempts > 1:
            begun_before.append(begun)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(began)
    clock = ManualClock()
    async with CloudServer() as server:
        server.reply("/x", {})
        cloud = CloudSession(server.url, ADMIN, clock=clock, trace_configs=[trace])
        async with cloud:
            await clock.advance(1.0)
            server.revoke_all()
            if ends == "expired":
                clock.suspend(100_000.0)
                assert cloud.token is None
            answers = await asyncio.gather(*(got(cloud) for _ in range(6_000)))
            assert answers == [200] * 6_000
            assert server.stats.login_attempts == 2
    assert begun_before
    assert begun_before[0] < 6_000


class Stuck(aiohttp.TCPConnector):
    """A connector that gives no connection once it is stuck."""

    stuck = False

    async def connect(self, *args: Any, **options: Any) -> Connection:
        """Connect, or wait for ever."""
        if self.stuck:
            await asyncio.Event().wait()
        return await super().connect(*args, **options)


@pytest.mark.parametrize("good", [True, False])
async def test_only_a_crowd_without_a_token_waits_for_a_renewal_to_be_sent(*, good: bool) -> None:
    """Callers notice nothing of a renewal while the token lives."""
    clock = ManualClock()
    way = Stuck()
    async with CloudServer() as server:
        server.reply("/x", {})
        cloud = CloudSession(server.url, ADMIN, clock=clock, auth_connector=way, policy=QUICK)
        await cloud.open()
        await clock.advance(1.0)
        way.stuck = True
        if not good:
            server.revoke_all()
        needs: Awaitable[object] = cloud.refresh() if good else awaited(cloud)
        renewal = asyncio.ensure_future(needs)
        if not good:
            async with asyncio.timeout(5):
                while cloud.token is not None:
                    await turn()
        await turn()
        call = asyncio.ensure_future(entered(cloud))
        if good:
            assert await call == 200
        else:
            await clock.settle()
            assert len(cloud._refresher.gate._waiting) == 1
            await clock.advance(_LEAD)
            assert not cloud._refresher.gate._waiting
        assert not renewal.done()
        way.stuck = False
        await cloud.close()
        await asyncio.gather(call, renewal, return_exceptions=True)


async def test_a_crowd_goes_on_once_the_renewal_is_sent_and_not_answered() -> None:
    """Its requests are built while the server works on it."""
    clock = ManualClock()
    async with CloudServer() as server:
        anew = aiohttp.TCPConnector(force_close=True)
        cloud = await CloudSession(server.url, ADMIN, clock=clock, auth_connector=anew)
        await clock.advance(1.0)
        server.script(Fault("/users/auth/_login", Late(30.0)))
        server.revoke_all()
        first = asyncio.ensure_future(got(cloud))
        async with asyncio.timeout(2):
            while cloud.token is not None:
                await turn()
            call = asyncio.ensure_future(entered(cloud))
            await turn()
            assert len(cloud._refresher.gate._waiting) == 1
            while cloud._refresher.gate._waiting:
                await turn()
        assert not first.done()
        await cloud.close()
        await asyncio.gather(first, call, return_exceptions=True)


async def test_a_login_after_a_refused_renewal_holds_a_crowd_until_it_is_sent() -> None:
    """The end of the renewal before it does not let the crowd go."""
    clock = ManualClock()
    way = Stuck()
    async with CloudServer() as server:
        cloud = CloudSession(server.url, ADMIN, clock=clock, auth_connector=way)
        await cloud.open()
        await clock.advance(1.0)
        runner = cloud._refresher._runner
        server.script(Fault("/users/auth/_refresh", [Late(0.2), Status(401, "root.unauthorized")]))
        renewal = asyncio.ensure_future(cloud.refresh())
        async with asyncio.timeout(5):
            while not server.log.to("/users/auth/_refresh"):
                await turn()
            way.stuck = True
            server.revoke_all()
            assert cloud.token is not None
            cloud._refresher.reject(cloud.token)
            first = runner._flight
            while runner._flight is first:
                await turn()
        for _ in range(3):
            await turn()
        assert cloud._refresher.gate._held
        way.stuck = False
        await cloud.close()
        await asyncio.gather(renewal, return_exceptions=True)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
async def test_a_crowd_is_not_held_for_a_renewal_that_was_sent_before_its_task_began() -> None:
    """Eager tasks run their first steps at once, and a connection may be at hand."""
    asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory", None))
    clock = ManualClock()
    async with CloudServer() as server:
        cloud = await CloudSession(server.url, ADMIN, clock=clock)
        await clock.advance(1.0)
        server.script(Fault("/users/auth/_login", Late(30.0)))
        server.revoke_all()
        assert cloud.token is not None
        cloud._refresher.reject(cloud.token)
        async with asyncio.timeout(5):
            while cloud._refresher.gate._held:
                await turn()
        await cloud.close()


@pytest.mark.parametrize("body", [None, b"{}"])
async def test_a_call_is_sent_once_its_last_part_is(body: bytes | None) -> None:
    """A header is written with the body, if there is one, and that comes later."""
    sent: list[str] = []
    exchange = AuthExchange.__new__(AuthExchange)
    exchange._on_sent = lambda: sent.append(part)
    payload = None if body is None else aiohttp.BytesPayload(body)
    context = SimpleNamespace(trace_request_ctx=_Call("POST", "x", {}, (), payload))
    part = "header"
    await exchange._sent(None, context, object())
    part = "body"
    if body is not None:
        params = aiohttp.TraceRequestChunkSentParams("POST", URL("http://x/"), body)
        await exchange._sent(None, context, params)
    assert sent == ["header" if body is None else "body"]
