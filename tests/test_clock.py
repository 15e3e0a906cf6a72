"""The clock that everything waits on, and the one scale of time made of two clocks."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocloudauth.clock import Clock, Timeline, TimerHandle

if TYPE_CHECKING:
    from collections.abc import Callable

#: A loaded machine is no defect; a hang is ended by the timeout of the suite.
UNHURRIED = settings(deadline=None)

WALL = 1_767_225_600.0


class Timer:
    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class HandClock(Clock):
    """Two clocks that stand still until they are moved, and timers that fire when told."""

    def __init__(self) -> None:
        self.ticks = 100.0
        self.wall = WALL
        self.timers: list[Timer] = []
        self.monotonic = lambda: self.ticks
        self.time = lambda: self.wall

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        self.timers.append(Timer(self.ticks + delay, callback))
        return self.timers[-1]

    def move(self, seconds: float, *, wall: float | None = None) -> None:
        """Let time pass; `wall` is how much of it the wall clock sees, if not the same."""
        self.ticks += seconds
        self.wall += seconds if wall is None else wall
        for timer in self.timers:
            if timer.due <= self.ticks and not timer.cancelled:
                timer.cancel()
                timer.callback()


def seconds(instant: float) -> object:
    """Compare instants as closely as floats near the present epoch allow."""
    return pytest.approx(instant, rel=0, abs=1e-5)


async def turns() -> None:
    """Let the loop go round a few times."""
    for _ in range(5):
        await asyncio.sleep(0)


# -- the system's clocks -------------------------------------------------------------------


def test_the_clock_reads_the_systems_clocks() -> None:
    """Seconds since the epoch, and seconds that are never stepped."""
    clock = Clock()
    assert time.time() - 1 < clock.time() < time.time() + 1
    assert time.monotonic() - 1 < clock.monotonic() < time.monotonic() + 1
    assert clock.monotonic() <= clock.monotonic()


def test_draws_are_from_0_to_1_and_differ() -> None:
    """A fleet whose draws were all the same would renew in step."""
    draws = [Clock().random() for _ in range(1_000)]
    assert all(0 <= draw < 1 for draw in draws)
    assert len(set(draws)) > 900
    assert min(draws) < 0.1
    assert max(draws) > 0.9


async def test_a_real_timer_fires_after_its_delay() -> None:
    """In the running loop, not before its time."""
    fired = asyncio.get_running_loop().create_future()
    started = time.monotonic()
    Clock().call_later(0.005, lambda: fired.set_result(None))
    await fired
    assert time.monotonic() - started >= 0.004


async def test_a_real_timer_can_be_taken_back() -> None:
    """Also twice, and after it fired."""
    fired: list[int] = []
    timer = Clock().call_later(0.001, lambda: fired.append(1))
    timer.cancel()
    timer.cancel()
    await Clock().sleep(0.003)
    assert fired == []


async def test_a_real_sleep_lasts_as_long_as_it_says() -> None:
    """LESSONS: "backoff computed but never slept": this one is."""
    started = time.monotonic()
    await Clock().sleep(0.005)
    assert time.monotonic() - started >= 0.004


async def test_a_real_timeout_ends_what_takes_too_long() -> None:
    """With the builtin `TimeoutError`."""
    with pytest.raises(TimeoutError):
        async with Clock().timeout(0.002):
            await asyncio.get_running_loop().create_future()


# -- the same on time that is moved by hand ------------------------------------------------


async def test_a_sleep_waits_for_this_clock_and_no_other() -> None:
    """A day passes when the test says so."""
    clock = HandClock()
    sleeping = asyncio.create_task(clock.sleep(86_400))
    await turns()
    clock.move(86_399)
    await turns()
    assert not sleeping.done()
    clock.move(1)
    await sleeping


async def test_a_cancelled_sleep_leaves_no_timer() -> None:
    """LESSONS: "tasks pending at shutdown": nor anything else."""
    clock = HandClock()
    sleeping = asyncio.create_task(clock.sleep(60))
    await turns()
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert [timer.cancelled for timer in clock.timers] == [True]


async def test_a_timer_that_fires_as_its_sleep_is_cancelled_does_no_harm() -> None:
    """Both may be due at the same turn of the loop."""
    clock = HandClock()
    sleeping = asyncio.create_task(clock.sleep(60))
    await turns()
    sleeping.cancel()
    clock.move(60)
    with pytest.raises(asyncio.CancelledError):
        await sleeping


async def test_a_block_that_ends_in_time_is_left_alone() -> None:
    """And its timer is taken back."""
    clock = HandClock()
    async with clock.timeout(10) as scope:
        clock.move(9)
        await turns()
    assert not scope.expired()
    assert [timer.cancelled for timer in clock.timers] == [True]
    clock.move(10)
    await turns()


async def test_a_block_that_takes_too_long_is_cancelled_on_this_clock() -> None:
    """The caller sees `TimeoutError`, and the scope says that it was the one."""
    clock = HandClock()
    asyncio.get_running_loop().call_soon(lambda: clock.move(10))
    with pytest.raises(TimeoutError):
        async with clock.timeout(10) as scope:
            await asyncio.get_running_loop().create_future()
    assert scope.expired()


@pytest.mark.parametrize("delay", [0.0, -1.0])
async def test_a_timeout_that_is_over_already_ends_the_block_at_its_first_wait(
    delay: float,
) -> None:
    """Half of what is left of a token's life may be nothing."""
    clock = HandClock()
    asyncio.get_running_loop().call_soon(lambda: clock.move(0))
    with pytest.raises(TimeoutError):
        async with clock.timeout(delay):
            await asyncio.get_running_loop().create_future()


async def test_a_cancellation_from_outside_stays_one() -> None:
    """A timeout does not turn somebody else's cancellation into a `TimeoutError`."""
    clock = HandClock()

    async def block() -> None:
        async with clock.timeout(10):
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(block())
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [timer.cancelled for timer in clock.timers] == [True]


async def test_an_error_of_the_block_passes_unchanged() -> None:
    """And the timer is taken back then too."""
    clock = HandClock()
    with pytest.raises(LookupError, match="the block's own"):
        async with clock.timeout(10):
            raise LookupError("the block's own")
    assert [timer.cancelled for timer in clock.timers] == [True]


async def test_of_two_timeouts_the_one_that_is_over_ends_its_own_block() -> None:
    """An attempt's bound inside a renewal's bound."""
    clock = HandClock()
    async with clock.timeout(30) as outer:
        asyncio.get_running_loop().call_soon(lambda: clock.move(10))
        with pytest.raises(TimeoutError):
            async with clock.timeout(10):
                await asyncio.get_running_loop().create_future()
    assert not outer.expired()


# -- one scale of time ---------------------------------------------------------------------


def test_the_scale_starts_at_the_wall_clock_and_runs_with_the_monotonic_one() -> None:
    """Instants on it are near enough to seconds since the epoch to be shown to people."""
    clock = HandClock()
    line = Timeline(clock)
    assert line.now() == WALL
    clock.move(1_234.5)
    assert line.now() == seconds(WALL + 1_234.5)


def test_a_suspend_counts_as_time_that_passed() -> None:
    """LESSONS: "laptop suspend: timer late by hours": the monotonic clock stood still."""
    clock = HandClock()
    line = Timeline(clock)
    clock.move(0, wall=8 * 3_600)
    assert line.now() == seconds(WALL + 8 * 3_600)
    clock.move(5)
    assert line.now() == seconds(WALL + 8 * 3_600 + 5)
    clock.move(1, wall=600)
    assert line.now() == seconds(WALL + 8 * 3_600 + 605)


def test_a_wall_clock_stepped_forward_counts_as_time_that_passed() -> None:
    """It cannot be told from a suspend: better a renewal too many than a dead token."""
    clock = HandClock()
    line = Timeline(clock)
    clock.move(10, wall=10 + 900)
    assert line.now() == seconds(WALL + 910)


def test_a_wall_clock_stepped_back_changes_nothing() -> None:
    """LESSONS: "skewed client clock: storm or dead tokens": no instant comes twice."""
    clock = HandClock()
    line = Timeline(clock)
    clock.move(10, wall=10 - 900)
    assert line.now() == seconds(WALL + 10)
    clock.move(10)
    assert line.now() == seconds(WALL + 20)


def test_after_a_step_back_a_suspend_is_still_noticed() -> None:
    """The gap between the clocks is measured from what it has become."""
    clock = HandClock()
    line = Timeline(clock)
    clock.move(0, wall=-7_200)
    line.now()
    clock.move(0, wall=3_600)
    assert line.now() == seconds(WALL + 3_600)


def test_reading_one_clock_after_the_other_adds_nothing() -> None:
    """A thread switch between the two reads is no suspend, however often it happens."""
    clock = HandClock()
    line = Timeline(clock)
    for noise in [0.4, -0.4] * 500:
        clock.move(1, wall=1 + noise)
        assert line.now() == seconds(clock.ticks - 100 + WALL)


def test_a_suspend_of_a_second_is_noticed() -> None:
    """Only what reading two clocks can make up is taken for noise."""
    clock = HandClock()
    line = Timeline(clock)
    clock.move(0, wall=1.0)
    assert line.now() == seconds(WALL + 1.0)


def test_it_counts_how_often_the_wall_clock_moved_by_itself() -> None:
    """Whoever set a timer can tell that its time has to be looked at again."""
    clock = HandClock()
    line = Timeline(clock)
    for passed, wall, jumps in [(10, 10, 0), (0, 60, 1), (10, 10, 1), (0, -60, 2), (1, 1.1, 2)]:
        clock.move(passed, wall=wall)
        line.now()
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


@UNHURRIED
@given(
    st.lists(
        st.tuples(st.floats(0, 1e5), st.floats(-1e5, 1e5) | st.floats(-1, 1)),
        max_size=20,
    )
)
def test_the_scale_never_goes_back_nor_runs_slower_than_the_monotonic_clock(
    moves: list[tuple[float, float]],
) -> None:
    """Whatever is done to the wall clock; and it gains no more than the wall clock did."""
    clock = HandClock()
    line = Timeline(clock)
    before = line.now()
    gained = 0.0
    for seconds, step in moves:
        clock.move(seconds, wall=seconds + step)
        gained += max(0.0, step)
        now = line.now()
        assert now >= before + seconds - 1e-3
        before = now
    passed = clock.ticks - 100
    assert before <= WALL + passed + gained + 1e-3
