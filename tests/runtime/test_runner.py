"""The renewal's task: owned, alone, survives any fault, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import logging
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from aiocloudauth import (
    CloudAuthError,
    InvalidResponseError,
    Password,
    RenewalPolicy,
    RenewalTimeoutError,
    SessionClosedError,
    SessionExpiredError,
    SessionState,
    TokenRefresher,
    events,
)
from aiocloudauth.testing import (
    CloudServer,
    Fault,
    Late,
    ManualClock,
    MemoryConnector,
    Reset,
    Silence,
    Status,
)
from tests.manual_refresher import ADMIN, ManualRefresher, manual_refresher

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler


def flights() -> list[asyncio.Task[Any]]:
    """Return the renewals under way."""
    return [task for task in asyncio.all_tasks() if "attempt" in task.get_name()]


# -- faults -------------------------------------------------------------------------------


class StrangeError(BaseException):
    """No `Exception`: as those of gevent, trio and pytest."""


class Weird:
    """A credential callable that does what no one should, until it is well again."""

    def __init__(self, *misdeeds: object) -> None:
        self.misdeeds = list(misdeeds)

    async def __call__(self) -> str:
        misdeed = self.misdeeds.pop(0) if self.misdeeds else "secret"
        if isinstance(misdeed, BaseException):
            raise misdeed
        return misdeed  # type: ignore[return-value]  # that is the misdeed


@pytest.mark.parametrize(
    "misdeed",
    [
        RuntimeError("weird"),
        TimeoutError("not ours"),
        RecursionError(),
        asyncio.CancelledError("of its own"),
        StrangeError(),
        InvalidResponseError("theirs"),
        None,
    ],
    ids=repr,
)
async def test_the_loop_survives_whatever_a_credential_callable_does(misdeed: object) -> None:
    """Background loop dies on an unexpected exception type (weaviate-python-client#2110)."""
    async with manual_refresher(Password("admin", Weird("secret", misdeed, misdeed))) as run:
        await run.clock.advance(60)
        run.server.revoke_all()
        run.refresher.reject(await run.refresher.usable())
        assert await run.generation() == 2
        failures = run.told(events.RenewalFailed)
        assert len(failures) == 2
        assert run.server.stats.login_attempts == 2


class Faulty(MemoryConnector):
    """A connector whose connections fail in a way that aiohttp does not foresee."""

    faults = 0

    async def _create_connection(self, *details: Any) -> ResponseHandler:
        if self.faults:
            self.faults -= 1
            raise RuntimeError("no adapter is prepared for this")
        return await super()._create_connection(*details)


async def test_the_loop_survives_an_unforeseen_error_and_reports_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A background failure is never silent: event, log record with the trace, `last_error`.

    That is all of it: the loop is not told of an exception that nobody fetched.
    """
    gc.collect()  # what other tests left is not what is looked for
    unfetched: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unfetched.append(context))
    async with manual_refresher() as outer:
        connector = Faulty(outer.server)
        refresher = type(outer.refresher)(
            outer.server.url, ADMIN, clock=outer.clock, auth_connector=connector
        )
        run = ManualRefresher(outer.clock, outer.server, refresher)
        refresher.subscribe(run.seen.append)
        connector.faults = 2
        await run.drive(refresher.open())
        first, _ = run.told(events.RenewalFailed)
        assert isinstance(first, events.RenewalFailed)
        assert isinstance(first.error.__cause__, RuntimeError)
        assert str(first.error) == "a renewal failed: RuntimeError"
        assert refresher.last_error is None
        logged = [record for record in caplog.records if record.exc_info]
        assert [record.levelno for record in logged] == [logging.ERROR] * 2
        assert all("renewal" in record.getMessage() for record in logged)
        assert not connector.closed
        await run.drive(refresher.close())
        assert connector.closed  # it was handed over
    gc.collect()
    assert unfetched == []


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_goes_on_once_those_who_wait_are_told(
    interrupt: type[BaseException],
) -> None:
    """It may strike while a renewal runs: the program ends, and everybody has an answer."""
    clock = ManualClock()
    answers: list[object] = []

    async def interrupted() -> str:
        raise interrupt

    async def main() -> None:
        async with CloudServer(clock=clock) as server:
            refresher = TokenRefresher(server.url, Password("admin", interrupted), clock=clock)
            try:
                await refresher.open()
            finally:
                answers.append(refresher.last_error)

    with pytest.raises(interrupt):
        asyncio.run(main())
    (answer,) = answers
    assert isinstance(answer, CloudAuthError)
    assert isinstance(answer.__cause__, interrupt)


async def test_a_renewal_cancelled_by_a_stranger_is_tried_again() -> None:
    """Whoever cancels every task it sees does not end the session."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        run.server.fail_next("_login", Late(5.0))
        run.server.revoke_all()
        run.refresher.reject(await run.refresher.usable())
        waiting = await run.start(run.refresher.usable())
        asked = await run.start(run.refresher.refresh())
        (flight,) = flights()
        flight.cancel()
        await run.clock.settle()
        assert flight.cancelled()
        error = asked.exception()
        assert isinstance(error, RenewalTimeoutError)
        assert "cancelled" in str(error)
        assert (await run.drive(waiting)).generation == 2


async def test_the_backoff_is_really_slept() -> None:
    """Backoff computed but never slept (hashicorp/vault#26382): on virtual time it shows."""
    policy = RenewalPolicy(renewal_timeout=600.0)
    async with manual_refresher(opened=False, policy=policy) as run:
        run.server.script(Fault("_login", Reset(), until=500.0))
        await run.drive(run.refresher.open())
        starts = [arrival.at.timestamp() for arrival in run.server.log.to("_login")]
        gaps = [late - early for early, late in pairwise(starts)]
        assert min(gaps) >= 1.0
        for number, gap in enumerate(gaps):
            assert gap <= 1.0 + min(60.0, 2.0**number)
        assert len(set(gaps)) == len(gaps)
        failures = run.told(events.RenewalFailed)
        planned = [f.retry_at.timestamp() for f in failures if f.retry_at]  # type: ignore[attr-defined]  # told() says so
        assert planned == pytest.approx(starts[1:], abs=1e-3)


async def test_the_renewals_task_is_referenced() -> None:
    """Task not referenced, collected silently (pipeshub-ai/pipeshub-ai#3025): owned here."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(5.0))
        asked = await run.start(run.refresher.refresh())
        gc.collect()
        assert len(flights()) == 1
        await run.drive(asked)


async def test_the_token_is_published_before_anybody_is_woken() -> None:
    """Waiters woken before the value is stored (googleapis/google-auth-library-java#692)."""
    async with manual_refresher() as run:
        published: list[int] = []

        def look(record: events.Event) -> None:
            if isinstance(record, events.TokenRenewed):
                token = run.refresher.current
                assert token is not None
                published.append(token.generation - record.generation)

        run.refresher.subscribe(look)

        async def caller() -> bool:
            return await run.refresher.usable() is run.refresher.current

        for _ in range(5):
            await run.clock.advance(60)
            run.server.revoke_all()
            run.refresher.reject(await run.refresher.usable())
            callers = [run.start(caller()) for _ in range(10)]
            woken = [await caller for caller in callers]
            assert all(await run.drive(asyncio.gather(*woken)))
        assert published == [0] * 5


async def test_the_newest_tokens_are_remembered_as_secrets() -> None:
    """A late answer may quote them. One that is served over and over pushes no other out."""
    async with manual_refresher() as run:
        tokens = []
        for _ in range(8):
            tokens.append((await run.refresher.usable()).token)
            for _ in range(10):
                run.clock.suspend(1.0)
                await run.clock.advance(31)
            await run.drive(run.refresher.refresh())
        tokens.append((await run.refresher.usable()).token)
        assert set(tokens[1:]) <= set(run.refresher._runner.secrets)
        assert tokens[0] not in run.refresher._runner.secrets  # or they would pile up for a year


# -- fences -------------------------------------------------------------------------------


async def test_a_renewal_finishing_after_logout_revives_nothing() -> None:
    """Renewal finishing after logout revives the session (logto-io/kotlin#253): fenced off."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(5.0))
        asked = await run.start(run.refresher.refresh())
        waiting = asyncio.ensure_future(run.refresher.logout())
        await run.drive(waiting)
        assert isinstance(asked.exception(), SessionExpiredError)
        await run.clock.advance(60)
        assert run.refresher.current is None
        with pytest.raises(SessionExpiredError, match="logged out"):
            await run.drive(run.refresher.usable())
        assert run.server.stats.logouts == 1
        await run.drive(run.refresher.login())
        assert run.state() is SessionState.ACTIVE


async def test_logout_forgets_the_token_whatever_the_server_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The server's failure is logged, and nobody's problem."""
    for effect in (Status(503), Silence()):
        async with manual_refresher() as run:
            run.server.fail_next("_logout", effect)
            await run.drive(run.refresher.logout())
            assert run.refresher.current is None
            assert "the token is forgotten here, but _logout failed" in caplog.text
            assert run.clock.monotonic() in {0.0, 10.0}
            await run.drive(run.refresher.logout())
            assert len(run.server.log.to("_logout")) == 1
            caplog.clear()


async def test_an_answer_that_a_callable_keeps_from_being_cancelled_is_late() -> None:
    """A callable that swallows the cancellation wins nothing: no token, no credentials."""
    async with manual_refresher() as run:
        await run.clock.advance(60)

        async def stubborn() -> str:
            try:
                await run.clock.sleep(5.0)
            except asyncio.CancelledError:
                await run.clock.sleep(1.0)
            return "0ther"

        asked = await run.start(run.refresher.login(Password("other", stubborn)))
        await run.drive(run.refresher.logout())
        assert isinstance(asked.exception(), SessionExpiredError)
        assert run.refresher.current is None
        await run.drive(run.refresher.login())
        assert run.server.log.to("_login")[-1].user == "admin"


@pytest.mark.parametrize("call", ["open", "refresh", "login"])
async def test_close_during_a_renewal_that_never_answers_leaves_nothing(call: str) -> None:
    """Loop survives close() (weaviate/weaviate-python-client#2140): close awaits it, at once."""
    async with manual_refresher(opened=call != "open") as run:
        await run.clock.advance(60)
        run.server.fail_next("*", Silence(), times=1)
        asked = await run.start(getattr(run.refresher, call)())
        assert len(flights()) == 1
        began = run.clock.monotonic()
        await run.drive(run.refresher.close())
        error = asked.exception()
        assert isinstance(error, SessionClosedError)
        assert "closed" in str(error)
        assert flights() == []
        assert run.clock.monotonic() == began


async def test_close_waits_for_a_flight_that_takes_its_time_to_end() -> None:
    """Loop survives close() (weaviate/weaviate-python-client#2140): not even a stubborn one."""
    async with manual_refresher(opened=False) as run:

        async def stubborn() -> str:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await run.clock.sleep(1.5)
            return "secret"

        refresher = type(run.refresher)(
            run.server.url, Password("admin", stubborn), clock=run.clock
        )
        opening = await run.start(refresher.open())
        await run.drive(refresher.close())
        assert run.clock.monotonic() == 1.5
        assert flights() == []
        assert isinstance(opening.exception(), SessionClosedError)
        assert refresher.current is None


async def test_close_gives_logout_two_seconds_at_most(caplog: pytest.LogCaptureFixture) -> None:
    """A server that is gone does not hold up the shutdown; the log says which."""
    async with manual_refresher() as run:
        run.server.fail_next("_logout", Silence())
        await run.drive(run.refresher.close())
        assert run.clock.monotonic() == 2.0
        host = run.server.url.removeprefix("http://")
        assert f"_logout failed: {host} gave no answer within 2 s" in caplog.text


@pytest.mark.parametrize("wanted", [True, False])
async def test_close_ends_the_servers_session_unless_told_otherwise(*, wanted: bool) -> None:
    """Logged out if we logged in and nobody else uses the token."""
    async with manual_refresher(logout_on_close=wanted) as run:
        await run.drive(run.refresher.close())
        assert run.server.stats.logouts == wanted


async def test_nothing_is_published_after_close() -> None:
    """Tasks pending at shutdown (home-assistant/core#141969): close leaves none."""
    async with manual_refresher() as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(5.0))
        await run.start(run.refresher.refresh())
        await run.drive(run.refresher.close())
        await run.clock.advance(3600)
        assert (run.refresher.current, run.state()) == (None, SessionState.CLOSED)
        assert isinstance(run.seen[-1], events.SessionClosed)
