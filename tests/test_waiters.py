"""Callers who wait for one answer, each in a future of its own."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import SessionExpiredError, TransportError
from aiocloudauth._runtime.waiters import Waiters, again
from aiocloudauth.testing import Late

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
from tests.rig import rig


async def test_cancelling_one_of_five_callers_leaves_four_served() -> None:
    """Cancelling one waiter fails all, for ever (talkiq/gcloud-aio#500, #886): private futures."""
    async with rig() as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Late(5.0))
        run.refresher.reject(await run.refresher.usable())
        callers = [asyncio.ensure_future(run.refresher.usable()) for _ in range(5)]
        await run.clock.advance(1.0)
        callers[2].cancel()
        await run.clock.advance(10.0)
        assert callers[2].cancelled()
        del callers[2]
        assert {(await caller).generation for caller in callers} == {2}
        assert run.server.stats.login_attempts == 2


async def test_cancelling_every_caller_leaves_the_renewal_alone() -> None:
    """Its task is the refresher's, not theirs."""
    async with rig() as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Late(5.0))
        run.refresher.reject(await run.refresher.usable())
        calls: list[Callable[[], Awaitable[object]]] = [run.refresher.usable, run.refresher.refresh]
        callers = [await run.start(call()) for call in calls * 5]
        for caller in callers:
            caller.cancel()
        await run.clock.advance(10.0)
        assert all(caller.cancelled() for caller in callers)
        assert run.refresher.current is not None
        assert run.server.stats.login_attempts == 2


async def test_thousands_of_cancelled_callers_leave_nothing_behind() -> None:
    """`asyncio.shield` leaks callbacks (python/cpython#155143): no shared task is shielded here."""
    async with rig() as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Late(5.0))
        run.refresher.reject(await run.refresher.usable())
        await run.clock.settle()
        (flight,) = (task for task in asyncio.all_tasks() if "renewal" in task.get_name())
        before = len(flight._callbacks)
        for _ in range(20):
            callers = [asyncio.ensure_future(run.refresher.usable()) for _ in range(100)]
            await asyncio.sleep(0)
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
        assert len(flight._callbacks) == before
        assert run.refresher._runner.waiters._futures == {}


async def test_an_answer_that_crosses_a_cancellation_harms_nobody() -> None:
    """The caller was cancelled, and answered, before it ran again."""
    waiters: Waiters[int] = Waiters()
    caller = asyncio.ensure_future(waiters.wait(lambda: None))
    await asyncio.sleep(0)
    caller.cancel()
    waiters.settle(1)
    with pytest.raises(asyncio.CancelledError):
        await caller
    waiters.settle(2)


async def test_an_answer_may_come_before_the_caller_waits() -> None:
    """`begin` may settle it at once."""
    waiters: Waiters[int] = Waiters()
    assert await waiters.wait(lambda: waiters.settle(1)) == 1


async def test_a_caller_whose_question_fails_does_not_stay_behind() -> None:
    """What `begin` raises is the caller's."""
    waiters: Waiters[int] = Waiters()

    def begin() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await waiters.wait(begin)
    assert waiters._futures == {}


async def test_each_caller_raises_an_error_of_its_own() -> None:
    """A traceback that many share grows with every raise, and keeps their frames alive."""
    cause = TransportError("reset")
    shared = SessionExpiredError("gone").because(cause)
    waiters: Waiters[int] = Waiters()
    callers = [asyncio.ensure_future(waiters.wait(lambda: None)) for _ in range(3)]
    await asyncio.sleep(0)
    waiters.settle(shared)
    raised = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(error, SessionExpiredError) for error in raised)
    assert len({id(error) for error in raised} | {id(shared)}) == 4
    assert shared.__traceback__ is None
    for error in raised:
        assert isinstance(error, SessionExpiredError)
        assert error.__cause__ is cause
        assert len(traceback.extract_tb(error.__traceback__)) <= 3


def test_a_copy_of_an_error_keeps_message_details_and_cause() -> None:
    """`again` is a copy, not a retelling."""
    error = SessionExpiredError("gone").because(KeyError("k"))
    copy = again(error)
    assert copy is not error
    assert (type(copy), str(copy), copy.__cause__) == (type(error), "gone", error.__cause__)
