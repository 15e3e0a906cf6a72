"""`open` and `close`: once or twice, at a time, cancelled, given up."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from aiocloudauth import (
    Password,
    SessionClosedError,
    SessionState,
    TokenRefresher,
    events,
)
from aiocloudauth.testing import CloudServer, Late, Silence
from tests.rig import ADMIN, rig

# -- open and close -----------------------------------------------------------------------


async def test_await_and_async_with_open_and_close() -> None:
    """In a notebook, and everywhere else."""
    async with CloudServer() as server:
        refresher = await TokenRefresher(server.url, ADMIN)
        assert refresher.current is not None
        await refresher.close()
        async with TokenRefresher(server.url, ADMIN) as refresher:
            assert refresher.current is not None
            assert refresher.secrets[-1] == refresher.current.token
        assert server.stats.logouts == 2


async def test_open_twice_is_open_once() -> None:
    """One after the other, and both at a time."""
    async with rig(opened=False) as run:
        run.server.fail_next("_login", Late(2.0))
        both = await run.drive(asyncio.gather(run.refresher.open(), run.refresher.open()))
        assert set(both) == {run.refresher}
        assert await run.refresher.open() is run.refresher
        assert run.server.stats.login_attempts == 1


async def test_the_second_open_takes_over_when_the_first_is_cancelled() -> None:
    """It was waiting for its turn."""
    async with rig(opened=False) as run:
        run.server.fail_next("_login", Late(5.0))
        first = await run.start(run.refresher.open())
        second = await run.start(run.refresher.open())
        first.cancel()
        assert await run.drive(second) is run.refresher
        assert first.cancelled()
        assert run.server.stats.login_attempts == 2


async def test_an_open_that_is_cancelled_may_be_tried_again() -> None:
    """It leaves nothing open, and the token that it did not wait for is nobody's."""
    async with rig(opened=False) as run:
        run.server.fail_next("_login", Late(5.0))
        opening = await run.start(run.refresher.open())
        opening.cancel()
        await run.clock.settle()
        assert opening.cancelled()
        assert (run.state(), run.clock.next_due) == (SessionState.NEW, None)
        await run.clock.advance(10)
        assert run.refresher.current is None
        await run.drive(run.refresher.open())
        assert await run.generation() == 1


async def test_an_open_that_is_cancelled_over_and_over_leaves_nothing_open() -> None:
    """A second cancellation comes while the first is being cleaned up after."""
    async with rig(opened=False) as run:
        run.server.fail_next("_login", Silence())
        opening = await run.start(run.refresher.open())
        for _ in range(4):
            opening.cancel()
            await asyncio.sleep(0)
        await run.clock.settle()
        assert opening.cancelled()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await run.drive(run.refresher.open())
            gc.collect()
        assert caught == []


async def test_close_ends_an_open_under_way() -> None:
    """Whoever opens gets `SessionClosedError`, also the one in the queue."""
    async with rig(opened=False) as run:
        run.server.fail_next("_login", Silence())
        opening = await run.start(run.refresher.open())
        queued = await run.start(run.refresher.open())
        await run.drive(run.refresher.close())
        await run.clock.settle()
        assert isinstance(opening.exception(), SessionClosedError)
        assert isinstance(queued.exception(), SessionClosedError)


async def test_closing_twice_at_a_time_waits_for_the_one_that_closes() -> None:
    """Both return once it is closed."""
    async with rig() as run:
        run.server.fail_next("_logout", Late(1.0))
        first = await run.start(run.refresher.close())
        second = await run.start(run.refresher.close())
        assert not second.done()
        await run.drive(asyncio.gather(first, second))
        assert run.server.stats.logouts == 1


async def test_a_close_that_is_cancelled_still_leaves_nothing() -> None:
    """The connection is closed whatever happens to whoever waits."""
    async with rig() as run:
        run.server.fail_next("_logout", Silence())
        closing = await run.start(run.refresher.close())
        closing.cancel()
        await run.clock.settle()
        assert closing.cancelled()
        assert run.state() is SessionState.CLOSED
        assert len(run.told(events.SessionClosed)) == 1


async def test_a_credential_callable_that_closes_its_own_session_does_not_hang() -> None:
    """The flight cannot wait for its own end."""
    closed = asyncio.Event()

    async def suicidal() -> str:
        try:
            await refresher.close()
        finally:
            closed.set()
        return "secret"

    async with CloudServer() as server:
        refresher = TokenRefresher(server.url, Password("admin", suicidal))
        with pytest.raises(SessionClosedError):
            await refresher.open()
        await closed.wait()
        assert refresher.state is SessionState.CLOSED
