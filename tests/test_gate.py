"""A crowd of requests begins by turns, behind the renewal that it needs; nobody else waits."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from math import inf
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
from aiohttp import ServerDisconnectedError
from aiohttp.helpers import sentinel
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from aiocloudauth import (
    CloudSession,
    ConfigurationError,
    Password,
    RenewalPolicy,
    SessionClosedError,
)
from aiocloudauth.exchange import AuthExchange, _Call
from aiocloudauth.gate import _A_TURN, _CROWD, _LEAD, _NEAR, _SWEEP, Gate
from aiocloudauth.middleware import BearerRequest
from aiocloudauth.pending import in_turn
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

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
        assert not gate.crowded()


def gate_of(pool: int = 0, clock: ManualClock | None = None) -> Gate:
    """Make a gate in the running loop."""
    gate = Gate(clock or ManualClock())
    gate.open(pool)
    return gate


class Line:
    """Those who came to a gate after it was full, in the order in which they came."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.waits: list[asyncio.Task[float]] = []
        self.inside: list[asyncio.Future[float]] = []

    async def wait(self, patience: float) -> float:
        """Wait, and stay inside if it came to that."""
        turn = self.gate.queue(patience)
        left = 0.0
        try:
            left = await turn
        finally:
            if left:
                self.inside.append(turn)
            else:
                self.gate.leave(turn)
        return left

    def answer(self, number: int) -> None:
        """So many of those inside are answered."""
        for _ in range(min(number, len(self.inside))):
            self.gate.leave(self.inside.pop())

    async def come(self, number: int, patience: float = inf) -> None:
        """So many come."""
        fill(self.gate)
        for _ in range(number):
            assert self.gate.crowded()
            self.waits.append(asyncio.create_task(self.wait(patience)))
        before = len(self.gate._waiting)
        async with asyncio.timeout(5):
            while len(self.gate._waiting) < before + number:
                await turn()

    @property
    def begun(self) -> list[bool]:
        """Whether each may begin, or has waited for too long."""
        return [wait.done() for wait in self.waits]

    async def leave(self) -> None:
        """All who have not begun go away."""
        for wait in self.waits:
            wait.cancel()
        await asyncio.gather(*self.waits, return_exceptions=True)


async def behind_a_crowd(gate: Gate, number: int, patience: float = inf) -> Line:
    """Let so many come to a gate that is full, and that holds them."""
    gate.hold()
    fill(gate)
    line = Line(gate)
    await line.come(number, patience)
    return line


async def turns(number: int = 3) -> None:
    """Let the loop turn: once for the gate, and once for those who wait at it."""
    for _ in range(number):
        await turn()


# -- the gate -----------------------------------------------------------------------------


async def test_nobody_waits_below_a_crowd() -> None:
    """However often that many come, one turn after the other."""
    gate = gate_of()
    for _ in range(20):
        assert [gate.crowded() for _ in range(_CROWD)] == [False] * _CROWD
        await turn()


async def test_one_after_the_other_never_waits() -> None:
    """Those of earlier turns are not counted for ever."""
    gate = gate_of()
    for _ in range(3 * _CROWD):
        assert not gate.crowded()
        await turn()


async def test_a_crowd_begins_by_turns_in_the_order_in_which_it_came() -> None:
    """Who comes later waits behind those who wait already."""
    gate = gate_of()
    line = await behind_a_crowd(gate, 2 * _A_TURN + 1)
    gate.release()
    await turns(2)
    assert line.begun == [True] * _A_TURN + [False] * (_A_TURN + 1)
    assert gate.crowded()
    line.waits.append(asyncio.create_task(line.wait(inf)))
    await turn()
    assert line.begun == [True] * 2 * _A_TURN + [False] * 2
    await turns()
    assert all(line.begun)
    assert not gate.crowded()


async def test_who_left_the_line_takes_no_turn_from_the_others() -> None:
    """However many callers are cancelled while they wait, the one behind them begins."""
    gate = gate_of()
    line = await behind_a_crowd(gate, 2 * _A_TURN + 1)
    for waiting in line.waits[:-1]:
        waiting.cancel()
    gate.release()
    await turns()
    assert await line.waits[-1] == inf
    assert gate._inside == 1


async def test_who_left_the_line_is_not_held_by_it() -> None:
    """A server that hangs must not make those gather who gave up."""
    gate = gate_of()
    line = await behind_a_crowd(gate, 3)
    line.waits[1].cancel()
    await turn()
    assert len(gate._waiting) == 2
    await line.leave()
    assert not gate._waiting


async def test_the_last_of_a_crowd_count_in_the_turn_in_which_they_begin() -> None:
    """Nobody who comes in it takes it beyond its measure."""
    gate = gate_of()
    await behind_a_crowd(gate, _A_TURN)
    gate.release()
    await turn()
    assert [gate.crowded() for _ in range(_CROWD - _A_TURN)] == [False] * (_CROWD - _A_TURN)
    assert gate.crowded()


async def test_a_held_crowd_begins_once_the_renewal_is_sent() -> None:
    """And its timer is taken back."""
    clock = ManualClock()
    gate = gate_of(0, clock)
    line = await behind_a_crowd(gate, 2)
    await turns(5)
    assert not any(line.begun)
    assert clock.next_due is not None
    gate.sent()
    await turns()
    assert all(line.begun)
    assert clock.next_due is None


async def test_a_renewal_that_is_not_sent_holds_a_crowd_for_100_ms() -> None:
    """A connection that takes its time must not cost a caller's whole timeout."""
    clock = ManualClock()
    gate = gate_of(0, clock)
    line = await behind_a_crowd(gate, 1)
    await clock.advance(_LEAD - 0.001)
    assert not any(line.begun)
    await clock.advance(0.001)
    assert all(line.begun)
    gate._room = 1
    await line.come(2)
    await turns()
    assert all(line.begun)  # until it is over, there is nothing else to do


async def test_a_hold_with_nobody_waiting_sets_no_timer() -> None:
    """Most renewals meet no crowd."""
    clock = ManualClock()
    gate = gate_of(0, clock)
    gate.hold()
    assert [gate.crowded() for _ in range(_CROWD)] == [False] * _CROWD
    await turn()
    gate.release()
    await turn()
    assert clock.next_due is None


async def test_no_more_of_a_crowd_begin_than_have_a_use_for_it() -> None:
    """Some for each connection; who is answered lets the next one in."""
    gate = gate_of(3)
    line = await behind_a_crowd(gate, 3 * _A_TURN)
    gate.release()
    await turns(9)
    assert sum(line.begun) == 3 * _NEAR
    assert gate.crowded()  # who comes now waits behind them
    line.answer(2)
    await turns(9)
    assert sum(line.begun) == 3 * _NEAR + 2
    await line.leave()


async def test_a_full_gate_lets_nobody_past_who_comes_while_none_waits() -> None:
    """Or else those who come little by little would all be built."""
    gate = gate_of(1)
    line = await behind_a_crowd(gate, _NEAR)
    gate.release()
    await turns(9)
    assert all(line.begun)
    assert gate.crowded()
    await line.come(1)
    await turns(9)
    assert not line.begun[-1]
    line.answer(1)
    assert await line.waits[-1] == inf


async def test_a_gate_that_a_crowd_has_left_is_open_to_anyone() -> None:
    """Also if nobody waited any more when the last of them were let in."""
    gate = gate_of(1)
    line = await behind_a_crowd(gate, _NEAR)
    gate.release()
    await turns()
    assert all(line.begun)
    line.answer(_NEAR)
    await turn()
    assert not gate.crowded()


async def test_an_unlimited_pool_takes_all() -> None:
    """Aiohttp says so by 0."""
    gate = gate_of(0)
    line = await behind_a_crowd(gate, 5 * _A_TURN)
    gate.release()
    await turns(9)
    assert all(line.begun)


async def test_all_begin_while_the_server_works_on_a_renewal() -> None:
    """There is nothing else to do; once it is over, there is."""
    gate = gate_of(1)
    line = await behind_a_crowd(gate, 3 * _A_TURN)
    gate.sent()
    await turns(2)
    inside = gate._inside
    assert inside == 2 * _A_TURN
    gate.release()
    await turns(9)
    assert gate._inside == sum(line.begun) == inside
    await line.leave()


async def test_a_renewal_that_nobody_waits_for_lets_no_more_in() -> None:
    """The token is good while it is renewed: there is enough to do."""
    gate = gate_of(1)
    line = await behind_a_crowd(gate, 2 * _A_TURN)
    gate.release()
    gate.sent()
    await turns(9)
    assert sum(line.begun) == _NEAR
    await line.leave()


async def test_patience_ends_a_wait_and_nobody_else_s() -> None:
    """To the moment, in whatever order they came; the timer is taken back with the last."""
    clock = ManualClock()
    gate = gate_of(0, clock)
    line = await behind_a_crowd(gate, 1, 5.0)
    for patience in (3.0, 9.0, inf, 5.0, 3.0):
        await line.come(1, patience)
    gate._room = gate._inside
    gate.release()
    ended: list[int] = []
    for _ in range(9):
        await clock.advance(1.0)
        ended.append(sum(line.begun))
    assert ended == [0, 0, 2, 2, 4, 4, 4, 4, 5]
    assert [await wait for wait in line.waits if wait.done()] == [0.0] * 5
    assert len(gate._waiting) == 1
    assert clock.next_due is None
    assert gate._inside == 0
    await line.leave()


async def test_the_last_whose_patience_ends_leaves_no_timer() -> None:
    """Nor an error in the callback that ended it."""
    clock = ManualClock()
    gate = gate_of(0, clock)
    line = await behind_a_crowd(gate, 2, 0.05)
    assert gate._sweeper is not None
    await clock.advance(0.04)
    gate._sweep()
    assert not any(line.begun)
    await clock.advance(_SWEEP)
    assert all(line.begun)
    gate._sweep()
    assert gate._sweeper is None


async def test_the_line_is_looked_through_20_times_a_second_at_most() -> None:
    """Whose patience has ended meanwhile leaves with the others."""
    clock = ManualClock()
    gate = gate_of(1, clock)
    gate._room = 0
    waiting = [gate.queue(1.0 + number / 1_000) for number in range(80)]
    await clock.advance(1.0)
    assert [each.done() for each in waiting] == [True] + [False] * 79
    assert clock.next_due == pytest.approx(_SWEEP)
    await clock.advance(_SWEEP)
    assert [each.done() for each in waiting] == [True] * 51 + [False] * 29
    for each in waiting:
        gate.leave(each)
    assert clock.next_due is None


async def test_all_who_wait_begin_once_a_request_goes_past_them() -> None:
    """Or a stream of such would keep them for ever; who comes after the line is gone waits."""
    gate = gate_of(1)
    gate.pass_by()
    line = await behind_a_crowd(gate, 2 * _A_TURN)
    gate.release()
    await turns(9)
    assert sum(line.begun) == _NEAR
    gate.pass_by()
    gate._schedule()
    await turns(9)
    assert all(line.begun)
    await line.come(1)
    await turns(9)
    assert not line.begun[-1]
    await line.leave()


async def test_one_who_was_cancelled_a_moment_ago_ends_nobody_else_s_wait() -> None:
    """It has not left the line yet when the others' patience ends."""
    clock = ManualClock()
    gate = gate_of(1, clock)
    gate._room = 0
    turns = [gate.queue(5.0) for _ in range(3)]
    turns[0].cancel()
    await clock.advance(5.0)
    assert [turn.result() for turn in turns[1:]] == [0.0, 0.0]
    for turn in turns:
        gate.leave(turn)
    assert gate._inside == 0
    assert clock.next_due is None


async def test_a_turn_tells_what_is_left_of_the_patience() -> None:
    """It is what the request may still take."""
    clock = ManualClock()
    gate = gate_of(1, clock)
    line = await behind_a_crowd(gate, _NEAR + 1, 60.0)
    gate.release()
    await clock.advance(7.0)
    assert not line.begun[-1]
    assert await line.waits[0] == 60.0
    line.answer(1)
    assert await line.waits[-1] == pytest.approx(53.0)
    line.answer(1)
    assert clock.next_due is None


async def test_a_turn_that_comes_when_the_patience_has_ended_is_not_taken() -> None:
    """Of a loop that was busy meanwhile, the turn may run before the timer."""
    clock = ManualClock()
    gate = gate_of(1, clock)
    line = await behind_a_crowd(gate, _NEAR + 2, 5.0)
    gate.release()
    await turns(5)
    gate._sweep_by(inf)
    await clock.advance(5.0)
    line.answer(2)
    assert [await wait for wait in line.waits[-3:]] == [5.0, 0.0, 0.0]
    assert gate._inside == len(line.inside) == _NEAR - 2


async def test_who_comes_after_one_that_waits_waits_behind_it() -> None:
    """Also if the calls were made in one turn, and begin to wait in another."""
    gate = gate_of(1)
    fill(gate)
    assert gate.crowded()
    await turn()  # the turn is over
    waits = Line(gate)
    first = asyncio.create_task(waits.wait(inf))
    assert not gate.crowded()
    await turn()
    assert gate.crowded()
    assert await first == inf


async def test_a_gate_whose_loop_is_gone_is_left_in_peace() -> None:
    """By requests that are dropped later."""
    gates: list[tuple[Gate, asyncio.Future[float]]] = []

    async def abandon() -> None:
        gate = gate_of(1)
        first = gate.queue(inf)
        await turn()
        gate._room = 0
        gate.queue(9.0)
        gates.append((gate, first))

    await asyncio.to_thread(asyncio.run, abandon())
    gate, first = gates[0]
    gate.leave(first)
    await turns()
    assert gate._waiting


async def test_who_is_cancelled_when_its_turn_had_come_gives_its_place_back() -> None:
    """Or the gate would be narrower for ever."""
    gate = gate_of()
    line = await behind_a_crowd(gate, 1)
    gate.release()
    await turn()
    assert gate._inside == 1
    line.waits[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await line.waits[0]
    assert gate._inside == 0


async def test_a_lifted_gate_lets_all_go() -> None:
    """There are others now, whom it does not see; a renewal still goes first."""
    gate = gate_of(1)
    line = await behind_a_crowd(gate, 3 * _A_TURN)
    gate.lift()
    await turns(9)
    assert not any(line.begun)
    gate.release()
    await turns(1)
    assert line.begun.count(True) < len(line.begun)
    await turns(9)
    assert all(line.begun)
    gate.lift()
    assert not gate.crowded()


class Story:
    """A gate, those who came to it, and what happens to them."""

    def __init__(self, pool: int) -> None:
        self.gate = gate_of(pool)
        self.most = _NEAR * pool or inf
        self.line = Line(self.gate)
        self.idle = False

    async def turn(self, _: int) -> None:
        await turn()

    async def hold(self, _: int) -> None:
        self.gate.hold()

    async def sent(self, _: int) -> None:
        self.idle |= self.gate._held
        self.gate.sent()

    async def release(self, _: int) -> None:
        self.gate.release()
        self.idle = False

    async def advance(self, number: int) -> None:
        self.idle |= self.gate._held
        await cast("ManualClock", self.gate._clock).advance(number / 300)

    async def cancel(self, number: int) -> None:
        for wait in self.line.waits[number : number + 1]:
            wait.cancel()

    async def answer(self, number: int) -> None:
        self.line.answer(number)

    async def overtake(self, _: int) -> None:
        self.gate.pass_by()

    async def come(self, number: int) -> None:
        came = [self.gate.crowded() for _ in range(number)]
        assert came.count(False) <= _CROWD
        patience = 2.0 if number % 2 else inf
        self.line.waits += [
            asyncio.create_task(self.line.wait(patience)) for crowded in came if crowded
        ]
        await turn()

    async def tell(self, step: str, number: int) -> None:
        """One thing happens."""
        before = self.gate._inside
        lifted = self.gate._passed
        await getattr(self, step)(number)
        if not (self.idle or lifted) and self.gate._inside > before:
            assert self.gate._inside <= self.most
        ended = [wait for wait in self.line.waits if not wait.cancelled()]
        if all(wait.result() for wait in ended if wait.done()):
            begun = [wait.done() for wait in ended]
            assert begun == sorted(begun, reverse=True)

    async def end(self) -> None:
        """All are answered."""
        self.gate.release()
        for _ in range(len(self.line.waits) + 1):  # at least one is let in by each turn
            self.line.answer(10_000)
            await turns()
            if not (self.gate._waiting or self.line.inside):
                break
        assert all(wait.done() for wait in self.line.waits)
        assert not self.gate._waiting
        assert self.gate._inside == 0
        assert self.gate._sweeper is None
        assert cast("ManualClock", self.gate._clock).next_due is None
        assert not self.gate.crowded()


STEPS = [
    "turn",
    "hold",
    "sent",
    "release",
    "advance",
    "cancel",
    "answer",
    "overtake",
    "come",
    "come",
]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 100),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 900)), max_size=30),
)
def test_a_crowd_begins_in_order_and_never_beyond_its_measure(
    pool: int, steps: list[tuple[str, int]]
) -> None:
    """Whatever comes when, nobody is lost, and nothing is left."""

    async def run() -> None:
        story = Story(pool)
        for step, number in steps:
            await story.tell(step, number)
        await story.end()

    asyncio.run(run())


# -- the session's requests ---------------------------------------------------------------


def in_a_crowd(cloud: CloudSession, **options: Any) -> PendingResponse:
    """Make a request that has to wait for its turn."""
    fill(cloud._refresher.gate)
    pending = cloud.get("/x", **options)
    assert waits(pending)
    return pending


def waits(pending: PendingResponse) -> bool:
    """Return whether a request has to wait for its turn."""
    return getattr(pending._coro, "cr_code", None) is in_turn.__code__


async def got(cloud: CloudSession, **options: Any) -> int:
    """Send a request like any other."""
    async with cloud.get("/x", **options) as response:
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
    """It begins, and finds the session closed, or the pool that closes."""
    clock = ManualClock()
    async with CloudServer() as server, asyncio.timeout(20):
        cloud = await CloudSession(server.url, ADMIN, clock=clock, logout_on_close=False)
        await clock.advance(1.0)
        server.script(Fault("/users/auth/_refresh", Late(60.0)))
        renewal = asyncio.create_task(cloud.refresh())
        while not server.log.to("/users/auth/_refresh"):
            await turn()
        cloud._refresher.gate.hold()
        call = asyncio.ensure_future(ask(cloud))
        await turns()
        await cloud.close()
        with pytest.raises(SessionClosedError):
            await renewal
        async with asyncio.timeout(5):  # and not the time of a hold, on a clock that stands
            with pytest.raises((SessionClosedError, aiohttp.ClientConnectionError)):
                await call


async def test_close_ends_a_whole_crowd_typed() -> None:
    """Those on their way, those near a connection, and those who wait for their turn."""
    async with CloudServer() as server:
        server.reply("/x", {})
        server.script(Fault("/x", Late(60.0)))
        pool = aiohttp.TCPConnector(limit=2)
        cloud = await CloudSession(server.url, ADMIN, connector=pool, logout_on_close=False)
        calls = [asyncio.ensure_future(got(cloud)) for _ in range(2_000)]
        async with asyncio.timeout(20):
            while len(server.log.to("/x")) < 2:
                await turn()
            assert cloud._refresher.gate._waiting
            await cloud.close()
            ended = await asyncio.gather(*calls, return_exceptions=True)
    kinds = {type(each) for each in ended}
    assert kinds <= {SessionClosedError, aiohttp.ClientConnectionError, ServerDisconnectedError}
    assert sum(isinstance(each, SessionClosedError) for each in ended) > 1_900


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


class Alive(BearerRequest):
    """A request that is counted while it has no connection."""

    built = 0
    most = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        Alive.built += 1
        Alive.most = max(Alive.most, Alive.built)

    def send(self, conn: Connection) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
        """Count no longer."""
        Alive.built -= 1
        return super().send(conn)


async def test_a_crowd_is_answered_in_order_and_built_when_a_connection_is_near() -> None:
    """However small the pool; 3,000 requests that are built at once are 20 megabytes."""
    Alive.built = Alive.most = 0
    order: list[int] = []
    async with CloudServer() as server:
        server.reply("/x", {})
        pool = aiohttp.TCPConnector(limit=1)
        async with CloudSession(server.url, ADMIN, connector=pool, request_class=Alive) as cloud:

            async def ask(number: int) -> None:
                await got(cloud)
                order.append(number)

            await asyncio.gather(*(ask(number) for number in range(3_000)))
            assert cloud._refresher.gate._inside == 0
    assert order == list(range(3_000))
    assert Alive.built == 0
    assert _CROWD < Alive.most <= _CROWD + _NEAR


class Together:
    """Something of the caller's, which lets nobody on before so many have come."""

    def __init__(self, number: int) -> None:
        self._missing = number
        self._all = asyncio.Event()

    async def come(self, *_: object) -> None:
        """Wait for the others."""
        self._missing -= 1
        if not self._missing:
            self._all.set()
        await self._all.wait()

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Wait for the others, as a middleware."""
        await self.come()
        return await handler(request)


@pytest.mark.parametrize("way", ["session", "call", "trace", "answer", "answers"])
async def test_what_is_the_caller_s_may_take_its_time_for_all_of_a_crowd(way: str) -> None:
    """Nobody is kept from it by those whom it keeps."""
    number = 2_000
    together = Together(number)
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(together.come)
    session: dict[str, dict[str, Any]] = {
        "session": {"middlewares": [together]},
        "trace": {"trace_configs": [trace]},
        "answers": {"raise_for_status": together.come},
    }
    call: dict[str, dict[str, Any]] = {
        "call": {"middlewares": [together]},
        "answer": {"raise_for_status": together.come},
    }
    async with CloudServer() as server:
        server.reply("/x", {})
        options = session.get(way, {})
        async with CloudSession(server.url, ADMIN, **options) as cloud, asyncio.timeout(30):
            answers = await asyncio.gather(
                *(got(cloud, **call.get(way, {})) for _ in range(number))
            )
    assert answers == [200] * number


async def test_only_those_that_take_the_token_wait_in_a_crowd() -> None:
    """Another origin's requests, and those with an `Authorization` of the caller's own, go on."""
    async with CloudServer() as server, CloudServer() as other:
        server.reply("/x", {})
        other.reply("/x", {})
        async with CloudSession(server.url, ADMIN) as cloud:
            fill(cloud._refresher.gate)
            for pending, held in (
                (cloud.get("/x"), True),
                (cloud.get("/x", headers={"X-Other": "1"}, raise_for_status=False), True),
                (cloud.get("/x", headers={"Authorization": "own"}, raise_for_status=False), False),
                (cloud.get(f"{other.url}/api/v1/x", raise_for_status=False), False),
            ):
                assert waits(pending) is held
                async with pending as response:
                    await response.read()


STILL: dict[str, dict[str, Any]] = {
    "nothing": {},
    "headers": {"headers": {"X-Other": "1"}},
    "params": {"params": {"q": "1"}},
    "a limit": {"timeout": aiohttp.ClientTimeout(3.0)},
    "refusals as answers": {"raise_for_status": False},
    "no redirects": {"allow_redirects": False},
    "json": {"json": {"a": "b"}},
    "bytes": {"data": b"1"},
    "text": {"data": "1", "compress": "deflate", "chunked": True, "expect100": True},
    "nothing by name": {"json": None, "data": None, "cookies": None, "auth": None, "proxy": None},
}
THEIRS: dict[str, dict[str, Any]] = {
    "an Authorization": {"headers": {"Authorization": "own"}},
    "a form": {"data": {"a": "b"}},
    "bytes that change": {"data": bytearray(b"1")},
    "two bodies": {"data": b"1", "json": {}},
    "json and a cookie": {"json": {}, "cookies": {"a": "b"}},
    "cookies": {"cookies": {"a": "b"}},
    "a middleware": {"middlewares": ()},
    "a callback": {"raise_for_status": Together(1).come},
    "a proxy": {"proxy": "http://127.0.0.1:1"},
    "a trace's context": {"trace_request_ctx": object()},
}


@pytest.mark.parametrize("what", [*STILL, *THEIRS])
async def test_a_call_waits_if_nothing_that_it_brings_can_change_or_run_meanwhile(
    what: str,
) -> None:
    """Aiohttp reads a body when it gets the request; the caller may change it afterwards."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        fill(cloud._refresher.gate)
        pending = cloud.get("/x", **(STILL | THEIRS)[what])
        assert waits(pending) is (what in STILL)
        pending.close()


async def test_what_the_caller_changes_after_the_call_is_not_sent() -> None:
    """Neither in a body nor in a query."""
    sent: dict[str, Any] = {}
    async with CloudServer() as server:
        server.reply("/x", {})
        pool = aiohttp.TCPConnector(limit=2)
        async with CloudSession(server.url, ADMIN, connector=pool) as cloud:
            calls = [asyncio.create_task(got(cloud)) for _ in range(1_000)]
            await turns(5)
            assert cloud._refresher.gate._waiting
            for number in range(20):
                sent["n"] = str(number)
                calls.append(asyncio.create_task(got(cloud, params=sent)))
                calls.append(asyncio.create_task(got(cloud, json=sent)))
                await turn()
            sent["n"] = "later"
            await asyncio.gather(*calls)
        queries = {each.query for each in server.log.to("/x") if each.query}
        assert queries == {f"n={number}" for number in range(20)}
        bodies = [each.body for each in server.log.to("/x") if each.body]
        assert {json.loads(body)["n"] for body in bodies} == {str(number) for number in range(20)}


async def a_form(cloud: CloudSession) -> int:
    """Send what aiohttp has to read at once."""
    return await got(cloud, data={"a": "b"})


async def a_socket(cloud: CloudSession) -> int:
    """Ask for a WebSocket, of a server that has none."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await cloud.ws_connect("/x")
    return caught.value.status


async def aiohttps_own(cloud: CloudSession) -> int:
    """Send by the client session itself."""
    async with cloud.http.get(cloud._refresher.endpoint.root / "x") as response:
        return response.status


@pytest.mark.parametrize("pass_by", [a_form, a_socket, aiohttps_own])
async def test_a_request_that_cannot_wait_lets_those_begin_who_do(
    pass_by: Callable[[CloudSession], Awaitable[int]],
) -> None:
    """A stream of such calls goes past them, and would keep them until their time is up."""
    async with CloudServer() as server:
        server.reply("/x", {})
        pool = aiohttp.TCPConnector(limit=2)
        async with CloudSession(server.url, ADMIN, connector=pool) as cloud:
            gate = cloud._refresher.gate
            calls = [asyncio.create_task(got(cloud)) for _ in range(2_000)]
            await turns(3)
            assert len(gate._waiting) > 1_000
            last = asyncio.ensure_future(pass_by(cloud))
            await turns(8)
            assert not gate._waiting
            assert set(await asyncio.gather(*calls)) == {200}
            assert await last


ABANDONED = """
import asyncio, threading
import aiohttp
from aiocloudauth import CloudSession, Password
from aiocloudauth.testing import CloudServer

calls = []

async def got(cloud):
    async with cloud.get("/x") as response:
        return response.status

async def abandon(url):
    pool = aiohttp.TCPConnector(limit=1)
    cloud = await CloudSession(url, Password("admin", "secret"), connector=pool)
    calls.extend(asyncio.ensure_future(got(cloud)) for _ in range(700))
    for _ in range(5):
        await asyncio.sleep(0)
    assert cloud._refresher.gate._waiting
    return cloud

def in_a_loop_that_ends(url):
    loop = asyncio.new_event_loop()
    cloud = loop.run_until_complete(abandon(url))
    loop.close()
    return cloud

async def main():
    async with CloudServer() as server:
        server.reply("/x", {})
        cloud = await asyncio.to_thread(in_a_loop_that_ends, server.url)
        await cloud.close()
        print(cloud.state.value)

asyncio.run(main())
"""


def test_a_session_whose_loop_ended_with_a_crowd_in_it_can_be_closed() -> None:
    """In another loop, as any session; those who waited in it are gone, and Python says so."""
    run = [sys.executable, "-c", ABANDONED]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "closed\n"
    assert "Exception in callback" not in ended.stderr


async def test_a_bad_option_is_refused_at_the_call_in_a_crowd_too() -> None:
    """As it is otherwise."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        fill(cloud._refresher.gate)
        with pytest.raises(TypeError):
            cloud.get("/x", nonsense=1)


async def test_a_limit_for_each_host_is_not_taken_for_one_of_the_crowd() -> None:
    """A request that is sent on to another host waits there, and must keep nobody here."""
    pool = aiohttp.TCPConnector(limit_per_host=10)
    async with (
        CloudServer() as server,
        CloudSession(server.url, ADMIN, connector=pool) as cloud,
    ):
        assert cloud._refresher.gate._room == inf


async def test_a_crowd_shares_a_pool_of_somebody_else_s_as_its_others_do() -> None:
    """Whoever waits in aiohttp's queue meanwhile would be let in before those who came first."""
    async with CloudServer() as server, aiohttp.TCPConnector(limit=2) as pool:
        server.reply("/x", {})
        async with (
            CloudSession(server.url, ADMIN, connector=pool, connector_owner=False) as first,
            CloudSession(server.url, ADMIN, connector=pool, connector_owner=False) as second,
        ):
            crowd = [asyncio.create_task(got(first)) for _ in range(1_500)]
            await turns(9)
            assert not first._refresher.gate._waiting
            late = asyncio.create_task(got(second))
            assert await late == 200
            assert all(call.done() for call in crowd[:1_490])
            assert set(await asyncio.gather(*crowd)) == {200}


async def test_json_is_sent_in_a_crowd_as_otherwise() -> None:
    """By the session's own way to write it, and what it cannot write fails where it is awaited."""

    def dumps(value: object) -> str:
        return json.dumps(value, indent=1)

    async with CloudServer() as server:
        server.reply("/x", {})
        async with CloudSession(server.url, ADMIN, json_serialize=dumps) as cloud:
            assert await got(cloud, json={"n": "1"}) == 200
            async with in_a_crowd(cloud, json={"n": "1"}):
                pass
            plain, crowded = server.log.to("/x")
            assert crowded.body == plain.body == b'{\n "n": "1"\n}'
            types = [each.headers["Content-Type"] for each in (plain, crowded)]
            assert types == ["application/json"] * 2
            fill(cloud._refresher.gate)
            impossible = cloud.post("/x", json=object())
            with pytest.raises(TypeError):
                await impossible


async def test_json_that_is_written_as_bytes_is_left_to_aiohttp() -> None:
    """What writes it has no public name there."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        http = cloud._http
        assert http is not None
        http._json_serialize_bytes = lambda value: json.dumps(value).encode()
        fill(cloud._refresher.gate)
        pending = cloud.post("/x", json={})
        assert not waits(pending)
        pending.close()


async def test_a_request_of_a_crowd_begins_in_no_other_loop() -> None:
    """The timer of those who wait would end with that loop."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        server.reply("/x", {})
        pending = in_a_crowd(cloud)

        async def elsewhere() -> None:
            await pending

        with pytest.raises(ConfigurationError, match="event loop"):
            await asyncio.to_thread(asyncio.run, elsewhere())
        assert not cloud._refresher.gate._waiting
        assert await awaited(cloud) == 200


def test_a_request_that_is_dropped_between_two_runs_of_its_loop_hinders_nobody() -> None:
    """As in a notebook."""
    loop = asyncio.new_event_loop()

    async def begin() -> tuple[CloudServer, CloudSession, PendingResponse]:
        server = await CloudServer().start()
        server.reply("/x", {})
        cloud = await CloudSession(server.url, ADMIN)
        cloud._refresher.gate._room = 0
        pending, behind = in_a_crowd(cloud), in_a_crowd(cloud)
        for each in (pending, behind):
            each.send(None)
        await turn()
        pending.close()
        return server, cloud, behind

    async def end(server: CloudServer, cloud: CloudSession) -> None:
        cloud._refresher.gate._room = 1
        assert await awaited(cloud) == 200
        await cloud.close()
        await server.close()

    try:
        server, cloud, behind = loop.run_until_complete(begin())
        behind.close()
        loop.run_until_complete(end(server, cloud))
    finally:
        loop.close()


# -- the caller's timeout -----------------------------------------------------------------


class Recorder:
    """An aiohttp session that notes the timeout it is given."""

    timeout = aiohttp.ClientTimeout(300.0, sock_connect=30.0)

    async def _request(self, *_: object, **options: aiohttp.ClientTimeout) -> object:
        return options["timeout"]


LIMITS: dict[str, tuple[dict[str, Any], aiohttp.ClientTimeout | None]] = {
    "the session's": (
        {},
        aiohttp.ClientTimeout(293.0, None, None, 30.0),
    ),
    "aiohttp's own word for the session's": (
        {"timeout": sentinel},
        aiohttp.ClientTimeout(293.0, None, None, 30.0),
    ),
    "none": ({"timeout": None}, None),
    "a number": ({"timeout": 10}, aiohttp.ClientTimeout(3.0)),
    "nothing limited": ({"timeout": aiohttp.ClientTimeout()}, aiohttp.ClientTimeout()),
    "0, which is no limit": (
        {"timeout": aiohttp.ClientTimeout(0.0, -1.0)},
        aiohttp.ClientTimeout(0.0, -1.0),
    ),
    "one for a connection, which is for each wait": (
        {"timeout": aiohttp.ClientTimeout(20.0, 8.0, 3.0, 4.0, 2.0)},
        aiohttp.ClientTimeout(13.0, 8.0, 3.0, 4.0, 2.0),
    ),
    "that one alone": (
        {"timeout": aiohttp.ClientTimeout(None, 8.0)},
        aiohttp.ClientTimeout(None, 8.0),
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
async def test_what_a_request_waited_in_a_crowd_is_taken_off_its_timeout(limit: str) -> None:
    """As in aiohttp, where the wait for a connection counts."""
    options, left = LIMITS[limit]
    clock = ManualClock()
    gate = gate_of(1, clock)
    gate._inside, gate._room = 1, 1
    call = asyncio.create_task(in_turn(gate, Recorder(), "GET", URL("/x"), dict(options)))  # type: ignore[arg-type]  # all of a session that it uses
    await turn()
    await clock.advance(7.0)
    gate._room = 2
    gate._schedule()
    assert cast("object", await call) == left
    assert gate._inside == 1


@pytest.mark.parametrize(
    ("limit", "error", "after"),
    [
        (aiohttp.ClientTimeout(5.0), TimeoutError, 5.0),
        (aiohttp.ClientTimeout(5.0, 9.0), TimeoutError, 5.0),
        (aiohttp.ClientTimeout(9.0, 5.0), aiohttp.ConnectionTimeoutError, 5.0),
        (aiohttp.ClientTimeout(None, 5.0), aiohttp.ConnectionTimeoutError, 5.0),
        (2, TimeoutError, 2.0),
        (0.5, TimeoutError, 0.5),
    ],
)
async def test_a_timeout_ends_the_wait_for_a_turn_with_aiohttp_s_own_error(
    limit: aiohttp.ClientTimeout | float, error: type[TimeoutError], after: float
) -> None:
    """Nothing is sent, and the place goes to the next."""
    clock = ManualClock()
    async with CloudServer() as server, CloudSession(server.url, ADMIN, clock=clock) as cloud:
        server.reply("/x", {})
        gate = cloud._refresher.gate
        gate._room = 0
        call = asyncio.ensure_future(in_a_crowd(cloud, timeout=limit))
        await turn()
        await clock.advance(after - 0.01)
        assert not call.done()
        await clock.advance(0.01)
        with pytest.raises(error) as caught:
            await call
        assert type(caught.value) is error
        assert ("/api/v1/x" in str(caught.value)) is (error is not TimeoutError)
        assert not server.log.to("/x")
        assert not gate._waiting
        gate._room = 1
        assert await awaited(cloud) == 200


# -- renewals -----------------------------------------------------------------------------


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
            cloud._refresher.gate._room = 0  # which counts for nothing until the renewal is over
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
