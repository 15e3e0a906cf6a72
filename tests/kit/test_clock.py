"""Time driven by hand."""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import ManualClock
from tests.kit.client import Client, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth.clock import Clock

DAY = 86_400


def void(_: object) -> None:
    """Make a statement of an expression."""


def test_a_clock_starts_where_it_is_told_and_stands_still() -> None:
    """Seconds since the epoch, or an aware datetime; nothing else."""
    assert ManualClock().time() == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert ManualClock(5).time() == 5.0
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    clock = ManualClock(there)
    assert clock.time() == ManualClock().time()
    assert clock.monotonic() == clock.monotonic() == 0.0
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the point
    for start in (naive, math.nan, math.inf, "now", None, True):
        with pytest.raises(ConfigurationError):
            ManualClock(start)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, "1", None, True])
async def test_time_is_moved_by_numbers_of_seconds(seconds: float) -> None:
    """Never back, but by a step of the wall clock."""
    clock = ManualClock()
    with pytest.raises(ConfigurationError):
        await clock.advance(seconds)
    with pytest.raises(ConfigurationError):
        clock.suspend(seconds)
    if seconds != -1:
        with pytest.raises(ConfigurationError):
            clock.step(seconds)
    clock.step(-1)


async def test_timers_fire_in_order_each_at_its_instant() -> None:
    """Ties in the order they were set; a timer set on the way fires on the way."""
    clock = ManualClock()
    start = clock.time()
    fired: list[tuple[str, float, float]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: fired.append((name, clock.monotonic(), clock.time() - start))

    clock.call_later(3, note("c"))
    clock.call_later(1, note("a"))
    clock.call_later(1, note("b"))
    clock.call_later(2, lambda: void(clock.call_later(0.5, note("d"))))
    clock.call_later(10, note("never"))
    await clock.advance(4)
    assert fired == [("a", 1, 1), ("b", 1, 1), ("d", 2.5, 2.5), ("c", 3, 3)]
    assert (clock.monotonic(), clock.next_due) == (4, 6)


async def test_a_timer_taken_back_does_not_fire_and_is_not_kept() -> None:
    """Twice, or after it fired, taking it back does nothing."""
    clock, fired = ManualClock(), []
    first = clock.call_later(1, lambda: fired.append(1))
    second = clock.call_later(1, lambda: fired.append(2))
    first.cancel()
    first.cancel()
    await clock.advance(1)
    second.cancel()
    assert (fired, clock.next_due) == ([2], None)
    third = clock.call_later(1, lambda: fired.append(3))
    clock.call_later(0.5, lambda: void(clock.call_later(0.5, third.cancel)))
    await clock.advance(2)
    assert fired == [2, 3]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5_000):
            clock.call_later(1000, lambda: None).cancel()
        assert tracemalloc.get_traced_memory()[0] - before < 200_000
    finally:
        tracemalloc.stop()


async def test_a_timer_runs_as_the_event_loops_own_do() -> None:
    """In the context it was set in; one that raises is reported, and stops no other."""
    clock = ManualClock()
    seen: list[object] = []
    variable = contextvars.ContextVar("variable", default="outside")
    contextvars.copy_context().run(
        lambda: (variable.set("inside"), clock.call_later(1, lambda: seen.append(variable.get())))
    )
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: seen.append(type(context["exception"]))
    )
    clock.call_later(1, lambda: void(1 / 0))
    clock.call_later(1, lambda: seen.append("last"))
    await clock.advance(1)
    assert seen == ["inside", ZeroDivisionError, "last"]


async def test_a_remainder_that_rounding_swallows_does_not_fire_for_ever() -> None:
    """Waiting until a deadline, the last wait may be shorter than the clock can show."""
    clock = ManualClock()
    await clock.advance(365 * DAY)
    deadline = clock.monotonic() + 0.1 + 0.2

    async def wait() -> None:
        while (left := deadline - clock.monotonic()) > 0:
            await clock.sleep(left / 2)

    task = asyncio.create_task(wait())
    await clock.advance(1)
    assert task.done()


async def test_a_suspend_stops_this_machine_and_no_other() -> None:
    """The wall clock runs on, monotonic stands still, timers are late."""
    clock = ManualClock()
    start = clock.time()
    fired: list[tuple[str, float]] = []
    clock.call_later(10, lambda: fired.append(("here", clock.time() - start)))
    for seconds in (10, 4000):
        clock.remote.call_later(seconds, partial(fired.append, ("there", seconds)))
    await clock.advance(5)
    clock.suspend(3600)
    await clock.settle()
    assert fired == [("there", 10)]
    assert (clock.monotonic(), clock.time() - start) == (5, 3605)
    assert (clock.remote.monotonic(), clock.remote.time() - start) == (3605, 3605)
    assert clock.next_due == 5
    await clock.advance(395)
    assert fired[1:] == [("here", 3610), ("there", 4000)]


async def test_a_timer_that_is_due_fires_however_floats_round() -> None:
    """119.7 - 22.1 + 22.1 is less than 119.7: asked the other way round, it never were due."""
    clock, fired = ManualClock(), []
    assert (119.7 - 22.1) + 22.1 < 119.7
    clock.remote.call_later(119.7, lambda: fired.append(clock.monotonic()))
    clock.suspend(22.1)
    await clock.advance(100)
    assert fired == [119.7 - 22.1]


async def test_a_step_moves_this_machines_wall_clock_alone() -> None:
    """Forward and back; nothing fires for it."""
    clock = ManualClock()
    start, fired = clock.time(), []
    clock.call_later(10, lambda: fired.append(clock.time() - start))
    clock.step(DAY)
    assert (clock.time() - start, clock.monotonic(), clock.remote.time() - start) == (DAY, 0, 0)
    clock.step(-DAY - 1)
    assert clock.time() - start == -1
    await clock.advance(10)
    assert fired == [9]


def test_the_same_seed_draws_the_same() -> None:
    """And the server's draws do not disturb the client's."""

    def draws(clock: Clock) -> list[float]:
        return [clock.random() for _ in range(5)]

    one, two, other = ManualClock(seed=1), ManualClock(seed=1), ManualClock(seed=2)
    remote = draws(one.remote)
    assert draws(one) == draws(two) != draws(other)
    assert remote == draws(two.remote) != draws(ManualClock(seed=1))


async def test_drive_moves_from_timer_to_timer_until_it_is_done() -> None:
    """No further than it takes; sleeps and time-outs are on this clock."""
    clock = ManualClock()

    async def work() -> str:
        for _ in range(3):
            await clock.sleep(7)
        with pytest.raises(TimeoutError):
            async with clock.timeout(5):
                await clock.sleep(10)
        return "done"

    async def fail() -> None:
        await clock.sleep(1)
        raise ZeroDivisionError

    assert await clock.drive(work()) == "done"
    assert clock.monotonic() == 26
    with pytest.raises(ZeroDivisionError):
        await clock.drive(fail())


async def test_drive_ends_when_it_cannot_be_done() -> None:
    """At the limit, or when no timer is left; what was driven is cancelled."""
    clock, cancelled = ManualClock(), []

    async def wait(seconds: float) -> None:
        try:
            await clock.sleep(seconds)
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.append(seconds)
            raise

    with pytest.raises(TimeoutError, match="not done after 0 s of the clock: the limit is 5 s"):
        await clock.drive(wait(6), limit=5)
    with pytest.raises(TimeoutError, match="not done after 4 s of the clock: no timer is left"):
        await clock.drive(wait(4), limit=5)
    assert cancelled == [6, 4]


async def test_two_tasks_cannot_move_the_clock_at_once() -> None:
    """A clear error, not time that passes twice."""
    clock = ManualClock()
    first = asyncio.create_task(clock.advance(1))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="already"):
        await clock.advance(1)
    await first
    assert clock.monotonic() == 1


def test_timers_of_a_loop_that_is_closed_are_dropped() -> None:
    """A clock may live longer than a loop: nothing of the old one fires in the new."""
    clock, fired = ManualClock(), []

    async def first() -> None:
        clock.call_later(1, lambda: fired.append(1))

    async def second() -> None:
        clock.call_later(2, lambda: fired.append(2))
        await clock.advance(3)

    asyncio.run(first())
    asyncio.run(second())
    assert fired == [2]


# -- when an instant is over ------------------------------------------------------------------


async def renewals(clock: ManualClock, count: int, *, sockets: bool) -> None:
    """Renew a token that lives 60 s every 45 s; hold each renewal to its very instant."""
    async with (
        running(clock=clock, token_lifetime=60, revoke_on_refresh=True) as memory,
        aiohttp.ClientSession(memory.server.url) as http,
    ):
        client = Client(memory.server, http) if sockets else memory

        async def renew() -> None:
            token = await client.login()
            for _ in range(count):
                await clock.sleep(45)
                sent = clock.time()
                token = await client.refresh(token)
                assert clock.time() == sent

        await clock.drive(renew())
        assert clock.monotonic() == 45 * count


@pytest.mark.parametrize("sockets", [True, False])
async def test_client_and_server_do_all_they_can_at_each_instant(*, sockets: bool) -> None:
    """Over real sockets as in memory."""
    await renewals(ManualClock(), 200, sockets=sockets)


async def test_a_thread_at_work_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It works in real time, as one that reads a file does; one that never ends is an error."""
    clock, steps, loop = ManualClock(), [], asyncio.get_running_loop()
    gate = threading.Event()

    async def read() -> None:
        await clock.sleep(1)
        # More than there are threads, and after them one that takes its time.
        await asyncio.gather(*(asyncio.to_thread(int) for _ in range(100)))
        loop.call_later(0.01, gate.set)
        await loop.run_in_executor(None, gate.wait)
        steps.append(clock.monotonic())

    task = asyncio.create_task(read())
    await clock.advance(60)
    assert steps == [1]
    await task
    gate.clear()
    monkeypatch.setattr("aiocloudauth.testing.clock._MOST_LOOKS", 3)
    waiting = loop.run_in_executor(None, gate.wait)
    with pytest.raises(RuntimeError, match="a thread"):
        await clock.settle()
    gate.set()
    await waiting


async def test_what_a_thread_raises_reaches_who_waits_for_it() -> None:
    """And a call that was cancelled before a thread took it is not made."""
    clock, loop = ManualClock(), asyncio.get_running_loop()
    with pytest.raises(ZeroDivisionError):
        await clock.drive(asyncio.to_thread(divmod, 1, 0))
    gate, made = threading.Event(), list[int]()
    held = [loop.run_in_executor(None, gate.wait) for _ in range(100)]
    late = loop.run_in_executor(None, made.append, 1)
    late.cancel()
    await asyncio.sleep(0)  # the executor hears of it in the next turn of the loop
    gate.set()
    await clock.drive(asyncio.gather(*held))
    await clock.settle()
    assert made == []


async def test_what_never_rests_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that polls with `sleep(0)` would hold time still for ever."""
    monkeypatch.setattr("aiocloudauth.testing.clock._MOST_TURNS", 100)

    async def poll() -> None:
        while True:  # noqa: ASYNC110 - what one should not do
            await asyncio.sleep(0)

    task = asyncio.create_task(poll())
    with pytest.raises(RuntimeError, match="does not come to rest"):
        await ManualClock().advance(1)
    task.cancel()


@pytest.mark.parametrize("sockets", [True, False])
def test_a_loop_that_does_not_show_what_is_ready_is_watched_through_the_clock(
    monkeypatch: pytest.MonkeyPatch, *, sockets: bool
) -> None:
    """uvloop: over sockets each instant takes some real milliseconds, in memory none."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")

    async def main() -> None:
        clock = ManualClock(sockets=sockets)

        async def poll() -> None:
            while True:
                clock.time()
                await asyncio.sleep(0)

        await renewals(clock, 5, sockets=sockets)
        monkeypatch.setattr("aiocloudauth.testing.clock._MOST_TURNS", 100)
        task = asyncio.create_task(poll())
        with pytest.raises(RuntimeError, match="does not come to rest"):
            await clock.advance(1)
        task.cancel()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
