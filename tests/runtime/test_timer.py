"""One timer: its instant, its slices, jumps of the wall clock, and who keeps it alive."""

from __future__ import annotations

import gc
import math
from contextvars import ContextVar

import pytest

from aiocloudauth import InvalidResponseError, SessionState, events
from aiocloudauth._runtime.timer import Timer
from aiocloudauth.clock import Timeline
from aiocloudauth.testing import ManualClock, Trickle
from tests.manual_refresher import manual_refresher

MINE: ContextVar[str] = ContextVar("MINE", default="nobody")


class Ringing:
    """A timer, and when it rang."""

    def __init__(self) -> None:
        self.clock = ManualClock(start=0, sockets=False)
        self.rang: list[float] = []
        self.whose: list[str] = []
        self.timer = Timer(self.clock, Timeline(self.clock), self.ring)

    def ring(self, now: float) -> None:
        self.rang.append(now)
        self.whose.append(MINE.get())


async def test_it_rings_once_at_its_instant_and_a_new_one_takes_the_old_ones_place() -> None:
    """However many slices it sleeps on the way; an instant that has passed rings at once."""
    one = Ringing()
    one.timer.set(100.0)
    one.timer.set(70.0)
    await one.clock.advance(1000)
    assert one.rang == [70.0]
    one.timer.set(0.0)
    await one.clock.advance(20)
    assert one.rang == [70.0, 1000.0]


async def test_set_to_the_same_instant_again_it_goes_on_and_to_infinity_it_is_none() -> None:
    """The good path sets it often; and nothing pending is left behind."""
    one = Ringing()
    one.timer.set(20.0)
    await one.clock.advance(5.0)
    one.timer.set(20.0)
    assert one.clock.next_due == 15.0
    one.timer.set(math.inf)
    assert one.clock.next_due is None


async def test_it_rings_early_when_the_wall_clock_jumped() -> None:
    """Once, a slice later at most: what was published on that clock has to be looked at."""
    one = Ringing()
    one.timer.set(100.0)
    await one.clock.advance(40)
    one.clock.step(-3600)
    await one.clock.advance(1000)
    assert one.rang == [60.0, 100.0]


async def test_a_suspend_delays_it_by_a_slice_at_most() -> None:
    """Laptop suspend: timer late by hours (ltratt/pizauth#47, hypothesis/client#384): slices."""
    one = Ringing()
    one.timer.set(3600.0)
    await one.clock.advance(10)
    one.clock.suspend(7200)
    await one.clock.advance(30)
    assert one.rang == [7230.0]


async def test_forgotten_with_its_loop_it_never_rings_nor_touches_that_loop() -> None:
    """The loop that its handle belongs to may be closed: nothing there is taken back."""
    one = Ringing()
    one.timer.set(70.0)
    one.timer.forget()
    one.timer.set(80.0)
    one.timer.set(math.inf)
    await one.clock.advance(60)
    assert one.rang == []


async def test_it_rings_in_no_callers_context() -> None:
    """Whoever sets it: a renewal must not carry the trace of the request that set it off."""
    one = Ringing()
    MINE.set("a caller's")
    one.timer.set(70.0)
    await one.clock.advance(1000)
    assert one.whose == ["nobody"]


async def test_the_loop_does_not_keep_it_alive() -> None:
    """A session that is forgotten goes, and its handle then rings nobody."""
    one = Ringing()
    clock, rang = one.clock, one.rang
    one.timer.set(70.0)
    del one
    gc.collect()
    await clock.advance(1000)
    assert rang == []


# -- the refresher on clocks that lie -----------------------------------------------------


async def test_after_a_suspend_a_caller_waits_and_an_idle_client_renews_within_a_slice() -> None:
    """The deadline is looked at, not the timer alone; and nobody has to ask."""
    async with manual_refresher() as run:
        await run.clock.advance(100)
        run.clock.suspend(7200)
        assert (run.refresher.current, run.state()) == (None, SessionState.EXPIRED)
        assert (await run.drive(run.refresher.usable())).generation == 2
        run.clock.suspend(7200)
        await run.clock.advance(31)
        assert run.alive()
        assert run.server.stats.login_attempts == 3


async def test_a_suspend_during_a_renewal_does_not_pass_a_dead_token_off_as_new() -> None:
    """The answer was written before the suspend, and read after it."""
    async with manual_refresher() as run:
        await run.clock.advance(100)
        run.server.fail_next("_refresh", Trickle(interval=0.5, piece=10_000))
        asked = await run.start(run.refresher.refresh())
        run.clock.suspend(7200)
        await run.clock.settle()
        error = asked.exception()
        assert isinstance(error, InvalidResponseError)
        assert f"{run.server.url}/api/v1/users/auth/_refresh gave" in str(error)
        assert not run.alive()
        await run.drive(run.refresher.usable())
        assert run.alive()


@pytest.mark.parametrize("step", [7200.0, -300.0])
async def test_a_step_of_the_wall_clock_causes_no_storm(step: float) -> None:
    """A clock set right, or wrong, costs one renewal at most."""
    async with manual_refresher() as run:
        await run.clock.advance(100)
        run.clock.step(step)
        for _ in range(60):
            await run.drive(run.refresher.usable())
            assert run.alive()
            await run.clock.advance(10)
        assert run.attempts <= 2


async def test_a_clock_that_jumps_to_and_fro_causes_no_storm() -> None:
    """A virtual machine's clock may do so all the time."""
    async with manual_refresher() as run:
        for turn in range(60):
            run.clock.step(2000.0 if turn % 2 else -2000.0)
            await run.clock.advance(30)
            await run.drive(run.refresher.usable())
            assert run.alive()
        assert run.attempts <= 32


async def test_a_step_back_before_a_suspend_does_not_keep_a_dead_token() -> None:
    """The end on the wall clock follows that clock, a slice later."""
    async with manual_refresher() as run:
        run.clock.step(-3600.0)
        await run.clock.advance(31)
        run.clock.suspend(1800)
        assert run.refresher.current is None
        assert (await run.drive(run.refresher.usable())).generation == 2


@pytest.mark.parametrize(("skew", "life"), [(900.0, 1200.0), (-900.0, 60.0), (1.6, 15.0)])
async def test_a_skewed_clock_causes_neither_a_storm_nor_dead_tokens(
    skew: float, life: float
) -> None:
    """Skewed client clock (workos/authkit-nextjs#470): the server's clock is read from `Date`."""
    async with manual_refresher(server={"token_lifetime": life, "clock_skew": skew}) as run:
        for _ in range(100):
            await run.clock.advance(life / 20)
            assert run.alive()
        assert run.server.stats.login_attempts == 1
        # `Date` may take a second off; at the latest at 0.7 of the rest it is renewed.
        assert run.server.stats.refresh_attempts <= 5 * life / (0.7 * (life - 1.6)) + 1
        assert run.told(events.RenewalFailed) == []
