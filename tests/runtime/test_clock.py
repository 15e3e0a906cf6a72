"""The clock that everything waits on, and the one scale of time made of two clocks."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocloudauth.clock import Clock, Timeline, TimerHandle

if TYPE_CHECKING:
    from collections.abc import Callable

WALL = 1_767_225_600.0


class Handle:
    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class HandClock(Clock):
    """Two clocks that stand still until they are moved, each by itself."""

    def __init__(self) -> None:
        self.ticks = 100.0
        self.wall = WALL
        self.handles: list[Handle] = []
        self.monotonic = lambda: self.ticks
        self.time = lambda: self.wall

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        self.handles.append(Handle(self.ticks + delay, callback))
        return self.handles[-1]

    def move(self, seconds: float, *, wall: float | None = None) -> None:
        """Let time pass; `wall` is how much of it the wall clock sees, if not the same."""
        self.ticks += seconds
        self.wall += seconds if wall is None else wall
        for handle in self.handles:
            if handle.due <= self.ticks and not handle.cancelled:
                handle.cancel()
                handle.callback()

    def move_soon(self, seconds: float) -> None:
        asyncio.get_running_loop().call_soon(lambda: self.move(seconds))

    @property
    def pending(self) -> int:
        return sum(not handle.cancelled for handle in self.handles)


def seconds(instant: float) -> object:
    """Compare instants as closely as floats near the present epoch allow."""
    return pytest.approx(instant, rel=0, abs=1e-5)


async def waiting() -> None:
    """Wait for ever."""
    await asyncio.get_running_loop().create_future()


# -- the system's clocks and randomness ---------------------------------------------------


async def test_the_clock_reads_waits_and_bounds_by_the_systems_clocks() -> None:
    """Seconds since the epoch; seconds never stepped; timers of the running loop."""
    clock = Clock()
    assert time.time() - 1 < clock.time() < time.time() + 1
    assert time.monotonic() - 1 < clock.monotonic() < time.monotonic() + 1
    began, fired = time.monotonic(), list[int]()
    clock.call_later(0.001, lambda: fired.append(1)).cancel()
    await clock.sleep(0.005)
    assert time.monotonic() - began >= 0.004
    with pytest.raises(TimeoutError):
        async with clock.timeout(0.002):
            await waiting()
    assert fired == []


def test_draws_are_from_0_to_1_whatever_the_programs_own_generator_does() -> None:
    """`random.seed(42)` in four workers must not make them renew in step, nor a draw be felt."""
    random.seed(42)
    state = random.getstate()
    draws = [Clock().random() for _ in range(500)]
    assert random.getstate() == state
    random.seed(42)
    draws += [Clock().random() for _ in range(500)]
    assert len(set(draws)) == 1_000
    assert 0 <= min(draws) < 0.1
    assert 0.9 < max(draws) < 1


# -- the same on time that is moved by hand -----------------------------------------------


async def test_a_sleep_waits_for_this_clock_and_a_cancelled_one_leaves_no_timer() -> None:
    """LESSONS: backoff computed but never slept; tasks pending at shutdown."""
    clock = HandClock()
    sleeping = asyncio.create_task(clock.sleep(86_400))
    await asyncio.sleep(0)
    clock.move(86_399)
    assert not sleeping.done()
    clock.move(1)
    await sleeping

    sleeping = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)
    sleeping.cancel()
    clock.move(60)  # due as it is cancelled
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert clock.pending == 0


@pytest.mark.parametrize("delay", [10.0, 0.0, -1.0])
async def test_a_block_that_takes_too_long_is_cancelled_on_this_clock(delay: float) -> None:
    """The caller sees `TimeoutError`; the scope says that it was the one, and not an outer one."""
    clock = HandClock()
    async with clock.timeout(30) as outer:
        clock.move_soon(10)
        with pytest.raises(TimeoutError):
            async with clock.timeout(delay) as scope:
                await waiting()
    assert (scope.expired(), outer.expired(), clock.pending) == (True, False, 0)


async def test_what_ends_a_block_otherwise_passes_unchanged_and_takes_the_timer_back() -> None:
    """Its end in time, an error of its own, a cancellation from outside."""
    clock = HandClock()
    async with clock.timeout(10) as scope:
        clock.move(9)
    with pytest.raises(LookupError, match="the block's own"):
        async with clock.timeout(10):
            raise LookupError("the block's own")

    async def block() -> None:
        async with clock.timeout(10):
            await waiting()

    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    clock.move(10)
    assert (scope.expired(), clock.pending) == (False, 0)


# -- one scale of time --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "now"),
    [
        pytest.param([(1_234.5, 1_234.5)], 1_234.5, id="runs with the monotonic clock"),
        pytest.param([(0, 28_800), (5, 5), (1, 600)], 29_405, id="a suspend is time that passed"),
        pytest.param([(10, 910)], 910, id="so is a step forward"),
        pytest.param([(10, -890), (10, 10)], 20, id="a step back changes nothing"),
        pytest.param([(0, -7_200), (0, 3_600)], 3_600, id="a suspend after a step back"),
        pytest.param([(0, 1.0)], 1.0, id="a suspend of a second"),
        pytest.param([(1, 1.4), (1, 0.6)] * 500, 1_000, id="reading two clocks adds nothing"),
    ],
)
def test_the_scale_of_time(moves: list[tuple[float, float]], now: float) -> None:
    """LESSONS: laptop suspend: timer late by hours; skewed client clock: storm or dead tokens."""
    clock = HandClock()
    line = Timeline(clock)
    for passed, wall in moves:
        clock.move(passed, wall=wall)
        line.now()
    assert line.now() == seconds(WALL + now)
    # What is shown to people is where the wall clock will be by then.
    assert line.wall(line.now() + 60).timestamp() == seconds(clock.wall + 60)


def test_it_counts_how_often_the_wall_clock_moved_by_itself() -> None:
    """Whoever set a timer can tell that its time has to be looked at again."""
    clock = HandClock()
    line = Timeline(clock)
    for passed, wall, jumps in [(10, 10, 0), (0, 60, 1), (10, 10, 1), (0, -60, 2), (1, 1.1, 2)]:
        clock.move(passed, wall=wall)
        line.now()
        assert line.jumps == jumps


def test_a_slow_drift_is_counted_in_the_end() -> None:
    """Time servers slew a clock by less than the noise at a time; it adds up."""
    clock = HandClock()
    line = Timeline(clock)
    for _ in range(100):
        clock.move(10, wall=10.1)
        line.now()
    assert line.now() == pytest.approx(WALL + 1_010, rel=0, abs=0.51)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e5), st.floats(-1e5, 1e5) | st.floats(-1, 1)),
        max_size=20,
    )
)
def test_it_never_goes_back_nor_runs_slower_than_the_monotonic_clock(
    moves: list[tuple[float, float]],
) -> None:
    """Whatever is done to the wall clock; and it gains no more than the wall clock did."""
    clock = HandClock()
    line = Timeline(clock)
    before, gained = line.now(), 0.0
    for passed, step in moves:
        clock.move(passed, wall=passed + step)
        gained += max(0.0, step)
        now = line.now()
        assert now >= before + passed - 1e-3
        before = now
    assert before <= WALL + clock.ticks - 100 + gained + 1e-3
