"""Clocks that lie: suspends, steps of the wall clock, and a server that is minutes off."""

from __future__ import annotations

import math

import pytest

from aiocloudauth import InvalidResponseError, RenewalPolicy, SessionState, events
from aiocloudauth._runtime.timer import Timer
from aiocloudauth.clock import Timeline
from aiocloudauth.testing import Late, ManualClock, Trickle
from tests.rig import Rig, rig

# -- the timer alone ----------------------------------------------------------------------


class Bell:
    """An alarm, and when it rang."""

    def __init__(self) -> None:
        self.clock = ManualClock(start=0)
        self.timeline = Timeline(self.clock)
        self.rang: list[float] = []
        self.alarm = Timer(self.clock, self.timeline, self.rang.append)


async def test_an_alarm_rings_once_at_its_instant() -> None:
    """However many slices it sleeps on the way."""
    bell = Bell()
    bell.alarm.set(70.0)
    await bell.clock.advance(1000)
    assert bell.rang == [70.0]


async def test_an_alarm_rings_early_when_the_wall_clock_jumped() -> None:
    """Once, a slice later at most: what was published on that clock has to be looked at."""
    bell = Bell()
    bell.alarm.set(100.0)
    await bell.clock.advance(40)
    bell.clock.step(-3600)
    await bell.clock.advance(1000)
    assert bell.rang == [60.0, 100.0]


async def test_a_forgotten_alarm_never_rings_nor_touches_its_loop() -> None:
    """The loop that its timer belongs to may be gone."""
    bell = Bell()
    bell.alarm.set(70.0)
    bell.alarm.forget()
    bell.alarm.set(80.0)
    bell.alarm.set(math.inf)
    assert bell.rang == []


async def test_a_new_instant_takes_the_place_of_the_old_one() -> None:
    """One timer, wherever it is set from."""
    bell = Bell()
    bell.alarm.set(10.0)
    bell.alarm.set(5.0)
    await bell.clock.advance(20)
    bell.alarm.set(0.0)  # past
    await bell.clock.advance(20)
    assert bell.rang == [5.0, 20.0]


async def test_an_alarm_that_is_set_to_the_same_instant_again_is_left_alone() -> None:
    """The good path sets it often."""
    bell = Bell()
    bell.alarm.set(10.0)
    timer = bell.alarm._timer
    for _ in range(5):
        await bell.clock.advance(1.0)
        bell.alarm.set(10.0)
    assert bell.alarm._timer is timer
    await bell.clock.advance(100)
    assert bell.rang == [10.0]


async def test_an_alarm_set_to_infinity_is_no_timer() -> None:
    """Nothing pending is left behind."""
    bell = Bell()
    bell.alarm.set(10.0)
    bell.alarm.set(math.inf)
    assert bell.clock.next_due is None


async def test_a_suspend_delays_an_alarm_by_a_slice_at_most() -> None:
    """Laptop suspend: timer late by hours (ltratt/pizauth#47, hypothesis/client#384): slices."""
    bell = Bell()
    bell.alarm.set(3600.0)
    await bell.clock.advance(10)
    bell.clock.suspend(7200)
    await bell.clock.advance(30)
    assert bell.rang == [7230.0]


# -- the refresher ------------------------------------------------------------------------


def alive(run: Rig) -> bool:
    """Tell whether a token is handed out, and check that the server would take it."""
    token = run.refresher.current
    if token is None:
        return False
    assert token.session_expiration_time is not None
    assert run.server_now < token.session_expiration_time.timestamp()
    return True


async def test_after_a_suspend_the_next_caller_waits_for_a_new_token() -> None:
    """Laptop suspend (ltratt/pizauth#47): the deadline is looked at, not the timer alone."""
    async with rig() as run:
        await run.clock.advance(100)
        run.clock.suspend(7200)
        assert run.refresher.current is None
        assert run.state() is SessionState.EXPIRED
        assert await run.generation() == 2
        assert alive(run)


async def test_after_a_suspend_an_idle_client_renews_within_a_slice() -> None:
    """Nobody has to ask."""
    async with rig() as run:
        await run.clock.advance(100)
        run.clock.suspend(7200)
        await run.clock.advance(31)
        assert alive(run)
        assert run.server.stats.login_attempts == 2


async def test_a_suspend_during_a_renewal_does_not_pass_a_dead_token_off_as_new() -> None:
    """The answer was written before the suspend, and read after it."""
    async with rig() as run:
        await run.clock.advance(100)
        run.server.fail_next("_refresh", Trickle(interval=0.5, piece=10_000))
        asked = await run.start(run.refresher.refresh())
        run.clock.suspend(7200)
        await run.clock.settle()
        assert isinstance(asked.exception(), InvalidResponseError)
        assert not alive(run)
        await run.generation()
        assert alive(run)


@pytest.mark.parametrize("step", [7200.0, 300.0, -300.0, -7200.0])
async def test_a_step_of_the_wall_clock_causes_no_storm(step: float) -> None:
    """A clock set right, or wrong, costs one renewal at most."""
    async with rig() as run:
        await run.clock.advance(100)
        run.clock.step(step)
        for _ in range(60):
            await run.generation()
            assert alive(run)
            await run.clock.advance(10)
        stats = run.server.stats
        assert stats.login_attempts + stats.refresh_attempts <= 2
        await run.clock.advance(3600)
        assert alive(run)
        assert stats.login_attempts + stats.refresh_attempts <= 8


async def test_a_clock_that_jumps_to_and_fro_causes_no_storm() -> None:
    """A virtual machine's clock may do so all the time."""
    async with rig() as run:
        for turn in range(120):
            run.clock.step(2000.0 if turn % 2 else -2000.0)
            await run.clock.advance(30)
            await run.generation()
            assert alive(run)
        stats = run.server.stats
        assert stats.login_attempts + stats.refresh_attempts <= 62


async def test_a_step_back_before_a_suspend_does_not_keep_a_dead_token() -> None:
    """The end on the wall clock follows that clock, a slice later."""
    async with rig() as run:
        run.clock.step(-3600.0)
        await run.clock.advance(31)
        run.clock.suspend(1800)
        assert run.refresher.current is None
        assert await run.generation() == 2


@pytest.mark.parametrize("skew", [900.0, -900.0, 1.6, -1.6])
@pytest.mark.parametrize("life", [1200.0, 60.0, 15.0])
async def test_a_skewed_clock_causes_neither_a_storm_nor_dead_tokens(
    skew: float, life: float
) -> None:
    """Skewed client clock (workos/authkit-nextjs#470): the server's clock is read from `Date`."""
    async with rig(server={"token_lifetime": life, "clock_skew": skew}) as run:
        count = 0
        for _ in range(200):
            await run.clock.advance(life / 20)
            count += alive(run)
        assert count == 200
        assert run.server.stats.login_attempts == 1
        # `Date` may take a second off; at the latest at 0.7 of the rest it is renewed.
        assert run.server.stats.refresh_attempts <= 10 * life / (0.7 * (life - 1.6)) + 1
        assert run.told(events.RenewalFailed) == []


async def test_without_a_date_the_local_clock_stands() -> None:
    """Nothing better is known: a clock that is right does fine."""
    async with rig(server={"send_date": False}) as run:
        await run.clock.advance(3600)
        assert alive(run)


async def test_a_slow_answer_widens_what_date_can_tell() -> None:
    """Nine seconds of latency are no skew."""
    async with rig(policy=RenewalPolicy(jitter=0.0)) as run:
        run.server.fail_next("_refresh", Late(9.0), times=2)
        await run.clock.advance(910)
        assert run.told(events.TokenRenewed)
        assert alive(run)
        await run.clock.advance(3600)
        assert run.told(events.RenewalFailed) == []
