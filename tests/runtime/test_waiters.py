"""Callers who wait for one answer, each in a future of its own."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import SessionExpiredError, TransportError
from aiocloudauth._runtime.waiters import Waiters, again
from aiocloudauth.testing import Late
from tests.manual_refresher import manual_refresher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def test_cancelling_some_callers_or_all_touches_neither_others_nor_the_renewal() -> None:
    """Cancelling one waiter fails all, for ever (talkiq/gcloud-aio#500, #886): private futures."""
    async with manual_refresher() as run:
        for survivors in (4, 0):
            await run.revoke()
            run.server.fail_next("_login", Late(5.0))
            calls: list[Callable[[], Awaitable[object]]] = [run.refresher.usable] * 3
            calls += [run.refresher.refresh] * 2
            callers = [await run.start(call()) for call in calls]
            for caller in callers[survivors:]:
                caller.cancel()
            await run.clock.advance(20.0)
            assert [caller.cancelled() for caller in callers] == [
                place >= survivors for place in range(5)
            ]
            await asyncio.gather(*callers[:survivors])
            assert run.alive()
        assert run.server.stats.login_attempts == 3


async def test_thousands_of_cancelled_callers_leave_nothing_on_the_renewals_task() -> None:
    """`asyncio.shield` leaks callbacks (python/cpython#155143): no shared task is shielded here."""
    async with manual_refresher() as run:
        run.server.fail_next("_login", Late(5.0))
        await run.revoke()
        await run.clock.settle()
        (flight,) = (task for task in asyncio.all_tasks() if "attempt" in task.get_name())
        before = len(flight._callbacks)
        for _ in range(10):
            callers = [asyncio.ensure_future(run.refresher.usable()) for _ in range(100)]
            await asyncio.sleep(0)
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
        assert len(flight._callbacks) == before


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


async def test_a_caller_whose_question_fails_does_not_stay_behind() -> None:
    """What `begin` raises is the caller's; those after it are served as ever."""
    waiters: Waiters[int] = Waiters()

    def begin() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await waiters.wait(begin)
    assert await waiters.wait(lambda: waiters.settle(1)) == 1


async def test_each_caller_raises_an_error_of_its_own() -> None:
    """A traceback that many share grows with every raise, and keeps their frames alive."""
    cause = TransportError("reset")
    shared = SessionExpiredError("gone").because(cause)
    waiters: Waiters[int] = Waiters()
    callers = [asyncio.ensure_future(waiters.wait(lambda: None)) for _ in range(3)]
    await asyncio.sleep(0)
    waiters.settle(shared)
    raised = await asyncio.gather(*callers, return_exceptions=True)
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
