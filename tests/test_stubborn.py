"""What does not end when it is told to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn, cast

import pytest
from aiocloudauth.pending import PendingResponse

from aiocloudauth import Password, RenewalPolicy, SessionClosedError, TokenRefresher
from aiocloudauth.testing import CloudServer

if TYPE_CHECKING:
    from aiohttp import ClientResponse


async def test_a_callable_that_refuses_to_be_cancelled_does_not_hold_up_a_close(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`close` waits for the renewal's task as long as an attempt may take, and says so."""
    asked, released = asyncio.Event(), asyncio.Event()

    async def stubborn() -> str:
        asked.set()
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()
        return "secret"

    policy = RenewalPolicy(attempt_timeout=0.05, renewal_timeout=5.0)
    async with CloudServer() as server:
        refresher = TokenRefresher(server.url, Password("admin", stubborn), policy=policy)
        opening = asyncio.create_task(refresher.open())
        await asked.wait()
        try:
            await asyncio.wait_for(refresher.close(), 5.0)
        finally:
            released.set()  # else a failing test would not end either
        with pytest.raises(SessionClosedError):
            await opening
        assert "renewal 1 does not end, though it was cancelled" in caplog.text
        strays = [task for task in asyncio.all_tasks() if "renewal" in task.get_name()]
        await asyncio.gather(*strays, return_exceptions=True)


def test_a_request_that_answers_an_exception_with_a_response_is_still_checked() -> None:
    """A task drives it with `throw` as well as with `send`."""
    answer = cast("ClientResponse", SimpleNamespace(status=200))

    async def request() -> ClientResponse:
        with suppress(ValueError):
            await asyncio.sleep(0)
        return answer

    async def fail(response: ClientResponse) -> NoReturn:
        raise AssertionError(response)

    pending = PendingResponse(request(), fail)
    pending.send(None)
    with pytest.raises(StopIteration) as done:
        pending.throw(ValueError())
    assert done.value.value is answer
