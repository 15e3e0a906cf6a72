"""Where and when a session may be used: its event loop, between `open` and `close`."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import threading
import warnings
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth import (
    ConfigurationError,
    NoAuthenticationClusterError,
    Password,
    RenewalPolicy,
    SessionClosedError,
    SessionState,
    TokenRefresher,
    events,
)
from aiocloudauth.testing import CloudServer, Fault, ManualClock, NoCluster
from tests.rig import ADMIN, OTHER, rig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiocloudauth.token import SessionToken

NOWHERE = "http://127.0.0.1:9"


def every_call(refresher: TokenRefresher) -> list[Callable[[], Awaitable[object]]]:
    """Return what may be asked of an open refresher."""
    return [
        refresher.usable,
        refresher.refresh,
        refresher.login,
        refresher.logout,
        lambda: refresher.login(OTHER),
    ]


# -- before and after ---------------------------------------------------------------------


async def test_before_open_nothing_is_held_and_every_call_says_so() -> None:
    """`SessionClosedError`, with the remedy."""
    refresher = TokenRefresher(NOWHERE, ADMIN)
    assert (refresher.current, refresher.state) == (None, SessionState.NEW)
    for call in every_call(refresher):
        with pytest.raises(SessionClosedError, match="not open: use 'async with'"):
            await call()
    await refresher.close()


async def test_after_close_every_call_says_so() -> None:
    """`open` too; `close` again does nothing."""
    async with rig() as run:
        token = await run.refresher.usable()
        await run.drive(run.refresher.close())
        assert (run.refresher.current, run.state()) == (None, SessionState.CLOSED)
        for call in [*every_call(run.refresher), run.refresher.open]:
            with pytest.raises(SessionClosedError, match="closed"):
                await call()
        run.refresher.reject(token)
        await run.refresher.close()
        assert len(run.told(events.SessionClosed)) == 1


async def test_what_a_refresher_was_made_with_can_be_read() -> None:
    """And what is no policy is refused at once."""
    policy = RenewalPolicy(margin=5.0)
    refresher = TokenRefresher(NOWHERE, ADMIN, policy=policy)
    assert refresher.policy is policy
    assert str(refresher.endpoint.root) == f"{NOWHERE}/api/v1/"
    assert (refresher.renewable, refresher.closed) == (True, False)
    refresher.require_closable()
    await refresher.close()
    assert refresher.closed
    with pytest.raises(ConfigurationError, match="policy must be a RenewalPolicy, not dict"):
        TokenRefresher(NOWHERE, ADMIN, policy={"margin": 5})  # type: ignore[arg-type]  # the mistake


async def test_a_refresher_that_was_never_opened_can_be_closed() -> None:
    """There is nothing to close, and no warning."""
    refresher = TokenRefresher(NOWHERE, ADMIN)
    await refresher.close()
    assert refresher.state is SessionState.CLOSED


async def test_reject_takes_a_token_of_this_package_alone() -> None:
    """A mistake that would otherwise do nothing, silently."""
    async with rig() as run:
        with pytest.raises(ConfigurationError, match="not str"):
            run.refresher.reject("token")  # type: ignore[arg-type]  # that is the mistake


@pytest.mark.parametrize("way", ["pickle", "copy", "deepcopy"])
async def test_a_refresher_cannot_be_pickled_or_copied(way: str) -> None:
    """It holds connections and secrets."""
    refresher = TokenRefresher(NOWHERE, ADMIN)
    ways: dict[str, Callable[[object], object]] = {
        "pickle": pickle.dumps,
        "copy": copy.copy,
        "deepcopy": copy.deepcopy,
    }
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        ways[way](refresher)
    assert "secret" not in repr(refresher)
    assert repr(refresher) == f"<TokenRefresher {NOWHERE}/api/v1/ new>"


# -- loops, threads, processes ------------------------------------------------------------


def opened_in_a_loop(clock: ManualClock | None = None) -> tuple[TokenRefresher, SessionToken]:
    """Return a refresher whose loop has ended without `close`, and the token it held."""

    async def forget() -> tuple[TokenRefresher, SessionToken]:
        async with CloudServer(clock=clock) as server:
            refresher = TokenRefresher(server.url, ADMIN, clock=clock)
            await refresher.open()
            # What a program that forgets `close` leaves is not what is tested here.
            await refresher._exchange.stop()
            return refresher, await refresher.usable()

    return asyncio.run(forget())


def test_a_session_whose_loop_has_ended_gives_clear_errors_in_the_next() -> None:
    """A second event loop gets a clear error, never a hang; `close` does what is left."""
    refresher, token = opened_in_a_loop()

    async def elsewhere() -> None:
        for call in (refresher.refresh, refresher.login, refresher.open):
            with pytest.raises(ConfigurationError, match="another event loop"):
                await call()
        with pytest.raises(ConfigurationError, match="another event loop"):
            refresher.reject(token)
        await refresher.close()
        assert refresher.state is SessionState.CLOSED
        await refresher.close()

    asyncio.run(elsewhere())


def test_a_session_whose_loop_has_ended_does_not_wait_for_a_token() -> None:
    """It holds the old one to its end, and renews no more."""
    clock = ManualClock()
    refresher, token = opened_in_a_loop(clock)

    async def elsewhere() -> None:
        assert await refresher.usable() is token
        await clock.advance(7200)
        with pytest.raises(ConfigurationError, match="another event loop"):
            await refresher.usable()
        await refresher.close()

    asyncio.run(elsewhere())


def test_a_session_whose_loop_was_closed_under_it_can_be_closed() -> None:
    """Not by `asyncio.run`, which cancels first, but with a flight and callers still pending."""
    loop = asyncio.new_event_loop()
    asked = 0

    async def once() -> str:
        nonlocal asked
        asked += 1
        if asked > 1:
            await asyncio.Event().wait()
        return "secret"

    async def leave() -> TokenRefresher:
        async with CloudServer() as server:
            credentials, policy = Password("admin", once), RenewalPolicy(min_interval=1e-6)
            refresher = await TokenRefresher(server.url, credentials, policy=policy)
            refresher.reject(await refresher.usable())
            for call in (refresher.usable(), refresher.refresh()):
                asyncio.ensure_future(call)  # noqa: RUF006 - the loop ends before it does
            await asyncio.sleep(0)
            await refresher._exchange.stop()
        return refresher

    refresher = loop.run_until_complete(leave())
    pending = asyncio.all_tasks(loop)
    loop.close()
    assert len(pending) == 3
    asyncio.run(refresher.close())
    assert (refresher.state, refresher.current) == (SessionState.CLOSED, None)
    for task in pending:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # left on purpose


def test_an_open_that_failed_in_one_loop_may_be_tried_again_in_the_next() -> None:
    """With rivals in both: a lock that was waited for is bound to its loop."""

    async def fail() -> TokenRefresher:
        async with CloudServer(faults=[Fault("_login", NoCluster())]) as server:
            policy = RenewalPolicy(min_interval=1e-6)
            refresher = TokenRefresher(server.url, ADMIN, policy=policy)
            rivals = (refresher.open(), refresher.open())
            for answer in await asyncio.gather(*rivals, return_exceptions=True):
                assert isinstance(answer, NoAuthenticationClusterError)
        return refresher

    async def succeed(refresher: TokenRefresher) -> None:
        async with CloudServer(port=refresher.endpoint.root.port or 0):
            opened = await asyncio.gather(refresher.open(), refresher.open())
            assert set(opened) == {refresher}
            await refresher.close()

    asyncio.run(succeed(asyncio.run(fail())))


def test_a_connector_of_another_loop_is_refused_before_anything_is_sent() -> None:
    """Or aiohttp would adopt that loop, and hang."""

    async def make() -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector()

    async def use(connector: aiohttp.TCPConnector) -> None:
        refresher = TokenRefresher(NOWHERE, ADMIN, auth_connector=connector)
        with pytest.raises(ConfigurationError, match="connector was made in another event loop"):
            await refresher.open()
        assert refresher.state is SessionState.NEW

    asyncio.run(use(asyncio.run(make())))


async def test_another_threads_loop_gets_a_clear_error() -> None:
    """`close` too: connections belong to their loop."""
    async with rig() as run:
        refresher, raised = run.refresher, []

        async def foreign() -> None:
            for call in (refresher.refresh, refresher.open, refresher.close):
                try:
                    await call()
                except ConfigurationError as error:
                    raised.append(str(error))

        await asyncio.to_thread(lambda: asyncio.run(foreign()))
        assert len(raised) == 3
        assert all("another event loop" in words for words in raised)
        assert run.state() is SessionState.ACTIVE


async def test_a_thread_without_a_loop_gets_a_clear_error() -> None:
    """`reject` needs no `await`, but it needs the loop."""
    async with rig() as run:
        token = await run.refresher.usable()
        with pytest.raises(ConfigurationError, match="another event loop"):
            await asyncio.to_thread(run.refresher.reject, token)
        assert run.refresher.current is token


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_child_gets_a_clear_error() -> None:
    """A second event loop or a forked child gets a clear error, never a hang."""
    refresher, _ = opened_in_a_loop()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests' threads, if any
        child = os.fork()
    if child == 0:  # pragma: no cover - coverage does not see the child
        try:
            asyncio.run(refresher.refresh())
        except BaseException as error:  # noqa: BLE001 - the parent looks at it
            os.write(writing, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        assert said.read() == b"ConfigurationError"


async def test_no_thread_is_ever_started() -> None:
    """An asyncio library that starts threads surprises at every fork."""
    before = threading.active_count()
    async with rig() as run:
        await run.clock.advance(3600)
        assert threading.active_count() == before
