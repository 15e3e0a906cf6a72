"""Time driven by hand."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from aiocloudauth.clock import Clock
from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable


def void(_: object) -> None:
    """Make a statement of an expression."""


def test_a_clock_starts_where_it_is_told_and_stands_still() -> None:
    """Seconds since the epoch, or an aware datetime."""
    assert ManualClock().time() == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert ManualClock(5).time() == 5.0
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    clock = ManualClock(there)
    assert clock.time() == ManualClock().time()
    assert clock.monotonic() == clock.monotonic() == 0.0
    assert isinstance(clock, Clock)


@pytest.mark.parametrize(
    "start",
    [datetime(2026, 1, 1), math.nan, math.inf, "now", None, True],  # noqa: DTZ001 - a naive time is one of those
)
def test_a_clock_refuses_a_start_that_is_no_instant(start: object) -> None:
    """A naive datetime among them."""
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
    fired: list[tuple[str, float, float]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: fired.append((name, clock.monotonic(), clock.time() - start))

    start = clock.time()
    clock.call_later(3, note("c"))
    clock.call_later(1, note("a"))
    clock.call_later(1, note("b"))
    clock.call_later(2, lambda: void(clock.call_later(0.5, note("d"))))
    clock.call_later(10, note("never"))
    await clock.advance(4)
    assert fired == [("a", 1, 1), ("b", 1, 1), ("d", 2.5, 2.5), ("c", 3, 3)]
    assert clock.monotonic() == 4
    assert clock.next_due == 6


async def test_a_timer_taken_back_does_not_fire() -> None:
    """Twice, or after it fired, taking it back does nothing."""
    clock = ManualClock()
    fired: list[int] = []
    first = clock.call_later(1, lambda: fired.append(1))
    second = clock.call_later(1, lambda: fired.append(2))
    first.cancel()
    first.cancel()
    await clock.advance(1)
    second.cancel()
    assert fired == [2]
    assert clock.next_due is None


async def test_timers_taken_back_are_not_kept() -> None:
    """A year of timeouts that never came to pass holds no memory."""
    clock = ManualClock()
    clock.call_later(2000, lambda: None)
    for _ in range(10_000):
        clock.call_later(1000, lambda: None).cancel()
    assert len(clock._timers._heap) < 200
    assert clock.next_due == 2000


async def test_a_timer_keeps_the_context_it_was_set_in() -> None:
    """As the event loop's own do."""
    clock, seen = ManualClock(), []
    variable = contextvars.ContextVar("variable", default="outside")
    contextvars.copy_context().run(
        lambda: (variable.set("inside"), clock.call_later(1, lambda: seen.append(variable.get())))
    )
    await clock.advance(1)
    assert seen == ["inside"]


async def test_a_timer_that_raises_stops_no_other() -> None:
    """It is reported the way the event loop reports."""
    clock = ManualClock()
    seen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: seen.append(type(context["exception"]))
    )
    clock.call_later(1, lambda: void(1 / 0))
    clock.call_later(1, lambda: seen.append("second"))
    await clock.advance(1)
    assert seen == [ZeroDivisionError, "second"]


async def test_a_remainder_that_rounding_swallows_does_not_fire_for_ever() -> None:
    """Waiting until a deadline, the last wait may be shorter than the clock can show."""
    clock = ManualClock()
    await clock.advance(365 * 86_400)
    deadline = clock.monotonic() + 0.1 + 0.2

    async def wait() -> None:
        while (left := deadline - clock.monotonic()) > 0:
            await clock.sleep(left / 2)

    task = asyncio.create_task(wait())
    await clock.advance(1)
    assert task.done()


async def test_sleep_and_timeout_are_on_this_clock() -> None:
    """Both are the base's, made of `call_later`."""
    clock = ManualClock()

    async def sleeper() -> float:
        with pytest.raises(TimeoutError):
            async with clock.timeout(5):
                await clock.sleep(10)
        return clock.monotonic()

    task = asyncio.create_task(sleeper())
    await clock.advance(4.9)
    assert not task.done()
    await clock.advance(0.1)
    assert await task == 5


async def test_a_suspend_stops_this_machine_and_no_other() -> None:
    """ltratt/pizauth#47: the wall clock runs on, monotonic stands still, timers are late."""
    clock = ManualClock()
    start, fired = clock.time(), []
    clock.call_later(10, lambda: fired.append(("here", clock.time() - start)))
    clock.remote.call_later(10, lambda: fired.append(("there", clock.remote.time() - start)))
    clock.remote.call_later(4000, lambda: fired.append(("there", clock.remote.time() - start)))
    await clock.advance(5)
    clock.suspend(3600)
    await clock.settle()
    assert fired == [("there", 3605)]
    assert (clock.monotonic(), clock.time() - start) == (5, 3605)
    assert (clock.remote.monotonic(), clock.remote.time() - start) == (3605, 3605)
    assert clock.next_due == 5
    await clock.advance(5)
    assert fired[1:] == [("here", 3610)]
    await clock.advance(390)
    assert fired[2:] == [("there", 4000)]


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
    clock.step(86_400)
    assert (clock.time() - start, clock.monotonic(), clock.remote.time() - start) == (86_400, 0, 0)
    clock.step(-86_401)
    assert clock.time() - start == -1
    await clock.advance(10)
    assert fired == [9]


def test_the_same_seed_draws_the_same() -> None:
    """And the server's draws do not disturb the client's."""

    def draws(clock: Clock) -> list[float]:
        return [clock.random() for _ in range(5)]

    one, two, other = ManualClock(seed=1), ManualClock(seed=1), ManualClock(seed=2)
    draws(one.remote)
    assert draws(one) == draws(two) != draws(other)
    assert draws(ManualClock(seed=1).remote) == draws(ManualClock(seed=1).remote) != draws(one)
    assert all(0 <= draw < 1 for draw in draws(one))


async def test_drive_moves_from_timer_to_timer_until_it_is_done() -> None:
    """No further than it takes."""
    clock = ManualClock()

    async def work() -> str:
        for _ in range(3):
            await clock.sleep(7)
        return "done"

    assert await clock.drive(work()) == "done"
    assert clock.monotonic() == 21
    assert await clock.drive(asyncio.sleep(0, "now")) == "now"

    async def fail() -> None:
        await clock.sleep(1)
        raise ZeroDivisionError

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
    await clock.advance(1)
    assert clock.monotonic() == 2


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


async def test_a_year_passes_without_a_trace() -> None:
    """Nothing is left of timers, and floats still tell seconds apart."""
    clock = ManualClock()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await clock.sleep(3600)
            ticks += 1

    task = asyncio.create_task(tick())
    await clock.advance(365 * 86_400)
    assert ticks == 365 * 24
    assert clock.time() == datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    task.cancel()
    await clock.settle()
    assert clock.next_due is None
    gc.collect()
