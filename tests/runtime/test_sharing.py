"""One member's part in a fleet where it does not go smoothly: lost swaps, stalls, refusals."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import (
    AuthenticationClusterError,
    InvalidResponseError,
    Password,
    RenewalPolicy,
    SessionState,
    StoreError,
    events,
)
from aiocloudauth.stores.sealing import seal_of
from aiocloudauth.testing import Body, ClusterError, Fault, Late, Silence
from tests.session.fleet_rig import ADMIN, FaultyStore, Skewed, fleet

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aiocloudauth.stores import Entry
    from tests.session.fleet_rig import Fleet


def calls(run: Fleet) -> tuple[int, int]:
    """Return how many logins and how many renewals arrived."""
    return run.server.stats.login_attempts, run.server.stats.refresh_attempts


def instants(run: Fleet, call: str) -> list[float]:
    """Return when such calls arrived, seconds."""
    return [arrival.at.timestamp() for arrival in run.server.log.to(call)]


async def started(run: Fleet, awaitable: Awaitable[object]) -> asyncio.Future[object]:
    """Let `awaitable` run for half a second, and return it under way."""
    future = asyncio.ensure_future(awaitable)
    await run.clock.advance(0.5)
    assert not future.done()
    return future


# -- somebody else was quicker -----------------------------------------------------------


async def test_of_many_who_swap_at_the_same_time_one_calls() -> None:
    """All have loaded before the first of them swaps."""
    async with fleet(0) as run:
        run.store.delay = 0.1
        members = [run.member() for _ in range(20)]
        await run.open(*members)
        assert calls(run) == (1, 0)
        assert len(set(run.tokens())) == 1


async def test_who_always_loses_its_swap_goes_alone() -> None:
    """After a bounded time, without a failure; it looks again after 50 to 250 ms, at random."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.store.lost = 10**9
        run.store.loads.clear()
        began = run.clock.monotonic()
        await run.drive(run.members[0].refresh())
        assert 10 < run.clock.monotonic() - began < 12
        pauses = sorted(later - one for one, later in pairwise(run.store.loads))
        assert 0.05 <= pauses[0] < 0.1
        assert 0.2 < pauses[-1] <= 0.25
        assert calls(run) == (1, 1)
        assert run.told(events.RenewalFailed) == run.told(events.StoreFailed) == []


async def test_a_lease_that_stood_still_while_its_swap_took_its_time_calls_nothing() -> None:
    """Somebody else has taken over meanwhile, and its token is adopted."""
    policy = RenewalPolicy(store_timeout=60)
    async with fleet(2, server={"token_lifetime": 12.0}, policy=policy) as run:
        run.store.stall = 6.0
        await run.clock.advance(16)
        assert calls(run) == (1, 1)
        assert len(set(run.tokens())) == 1
        assert None not in run.tokens()


async def test_a_store_is_asked_no_more_at_a_time_than_its_queue_lets_through() -> None:
    """The time spent there is no fault of the store's."""

    class Narrow(FaultyStore):
        """As redis-py's pool, which raises where more than it has are wanted."""

        queue = asyncio.Semaphore(2)
        busy = 0

        async def load(self, key: str) -> Entry | None:
            self.busy += 1
            assert self.busy <= 2
            try:
                return await super().load(key)
            finally:
                self.busy -= 1

    async with fleet(0) as run:
        run.store = Narrow(run.clock)
        run.store.delay = 0.4
        await run.open(*(run.member() for _ in range(8)))
        assert calls(run) == (1, 0)
        assert run.told(events.StoreFailed) == []


async def test_a_clock_that_an_answer_has_told_about_is_ones_own() -> None:
    """What another member publishes about its clock says nothing about this one's."""
    async with fleet(0, policy=RenewalPolicy(jitter=0.0)) as run:
        slow = run.member(clock=Skewed(run.clock, -600.0, "slow"))
        await run.open(slow)
        await run.open(run.member())
        await run.clock.advance(60)
        issued = run.clock.time()
        await run.drive(run.members[1].refresh())
        await run.clock.advance(300)
        await run.drive(slow.refresh())
        assert calls(run) == (1, 1)
        assert slow.retry_at is not None
        due = slow.retry_at.timestamp() + 600.0
        assert due - issued == pytest.approx(900.0, abs=2.0)


# -- while a call is under way ---------------------------------------------------------------


async def test_a_token_whose_lease_is_gone_is_kept_and_not_published() -> None:
    """Until the next renewal."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(1.0))
        renewal = await started(run, run.members[0].refresh())
        before, loads = run.tokens(), len(run.store.loads)
        run.store.wipe()
        await run.drive(renewal)
        assert run.tokens() != before
        assert len(run.store.loads) - loads < 4  # it looks once more, and that is all
        assert run.store.values == []
        await run.clock.advance(1200)
        assert len(run.store.values) == 1


async def test_who_comes_too_late_adopts_what_another_published() -> None:
    """If it is no older than its own would have been."""
    async with fleet(2) as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(1.0))
        renewal = await started(run, run.members[0].refresh())
        run.store.wipe()
        await run.drive(run.members[1].refresh())
        await run.drive(renewal)
        assert calls(run) == (1, 2)
        assert len(set(run.tokens())) == 1


async def test_a_token_that_cannot_be_published_is_kept() -> None:
    """However often somebody else is quicker; its own lease is no hindrance to the next."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Late(1.0))
        renewal = await started(run, run.members[0].refresh())
        before, run.store.lost = run.tokens(), 10**9
        await run.drive(renewal)
        assert run.tokens() != before
        run.store.lost = 0
        await run.clock.advance(1)
        began = run.clock.monotonic()
        await run.drive(run.members[0].refresh())
        assert run.clock.monotonic() == began
        late = run.member()
        await run.open(late)
        assert len(set(run.tokens())) == 1


async def test_a_token_that_is_dead_on_arrival_is_a_failure_of_the_fleet() -> None:
    """Nobody is given it, and everybody learns why."""
    dead = '{"token": "dead", "session_expiration_time": "2025-12-31T23:59:00Z"}'
    async with fleet(0) as run:
        run.server.script(Fault("_login", Body(dead), times=1))
        first = await started(run, run.member().open())
        await run.open(run.member())
        await run.drive(first)
        for by in (0, 1):
            (failed,) = run.told(events.RenewalFailed, by=by)
            assert isinstance(failed, events.RenewalFailed)
            assert isinstance(failed.error, InvalidResponseError)
        assert len(set(run.tokens())) == 1


# -- refused -------------------------------------------------------------------------------


async def test_the_login_after_a_refused_renewal_is_under_the_same_lease_and_at_once() -> None:
    """One for all, also where it follows by the lifecycle's own decision."""
    async with fleet(2) as run:
        await run.clock.advance(60)
        run.server.revoke_all()
        began = run.clock.monotonic()
        await run.drive(run.members[0].refresh())
        assert run.clock.monotonic() == began
        assert calls(run) == (2, 1)
        await run.clock.advance(1)
        await run.drive(run.members[1].refresh())
        assert calls(run) == (2, 1)
        assert len(set(run.tokens())) == 1


async def test_who_opens_and_finds_a_token_that_is_refused_logs_in() -> None:
    """At once, and under the same lease; the record's token is dead for all."""
    async with fleet(1) as run:
        await run.drive(run.members[0].close())
        await run.clock.advance(1000)  # it is due
        run.server.revoke_all()
        began = run.clock.monotonic()
        await run.open(run.member())
        assert run.clock.monotonic() == began
        assert calls(run) == (2, 1)
        await run.open(run.member())
        assert calls(run) == (2, 1)


async def test_a_token_that_was_refused_is_adopted_by_nobody_who_opens_meanwhile() -> None:
    """Whoever found it so logs in, and marks it dead before the answer is there."""
    async with fleet(1) as run:
        await run.drive(run.members[0].close())
        await run.clock.advance(1000)  # it is due
        run.server.revoke_all()
        run.server.script(Fault("_login", Late(2.0), times=1))
        first = await started(run, run.member().open())
        second = await started(run, run.member().open())
        await run.drive(asyncio.gather(first, second))
        assert calls(run) == (2, 1)


async def test_a_refused_token_waits_for_who_is_at_it_before_anybody_is_asked() -> None:
    """The renewal under way elsewhere has killed it."""
    async with fleet(2, server={"revoke_on_refresh": True}) as run:
        await run.clock.advance(60)
        old = await run.members[1].usable()
        run.server.script(Fault("_refresh", Late(1.0), times=1))
        renewal = await started(run, run.members[0].refresh())
        run.members[1].reject(old)
        await run.drive(run.members[1].usable())
        await run.drive(renewal)
        assert run.server.log.to("/users/auth") == []
        assert calls(run) == (1, 1)
        assert len(set(run.tokens())) == 1


async def test_who_is_at_it_is_waited_for_no_longer_than_a_question_takes() -> None:
    """Then the API is asked."""
    async with fleet(2) as run:
        await run.clock.advance(60)
        token = await run.members[1].usable()
        run.server.script(Fault("_refresh", Silence(), times=1))
        renewal = await started(run, run.members[0].refresh())
        began = run.clock.monotonic()
        run.members[1].reject(token)
        assert await run.drive(run.members[1].usable()) is token
        assert 2.5 <= run.clock.monotonic() - began < 3
        assert len(run.server.log.to("/users/auth")) == 1
        await asyncio.gather(run.drive(renewal), return_exceptions=True)


# -- alone ---------------------------------------------------------------------------------


async def test_alone_a_refused_renewal_is_followed_by_a_login_at_once() -> None:
    """As without a store."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.store.error = OSError("down")
        run.server.revoke_all()
        began = run.clock.monotonic()
        await run.drive(run.members[0].refresh())
        assert run.clock.monotonic() == began
        assert calls(run) == (2, 1)


async def test_alone_no_call_follows_another_within_min_interval() -> None:
    """Counted from the call, which was made later than its attempt began."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.store.delay, run.store.error = 0.6, OSError("down")
        run.server.fail_next("_refresh", ClusterError())
        with pytest.raises(AuthenticationClusterError):
            await run.drive(run.members[0].refresh())
        run.store.delay = 0.0
        await run.drive(run.members[0].refresh())
        early, late = instants(run, "_refresh")
        assert late - early >= 1.0


async def test_a_login_made_alone_is_a_session_of_its_own() -> None:
    """That the fleet's is logged out does not end it."""
    async with fleet(2) as run:
        await run.clock.advance(60)
        run.store.error = OSError("down")
        await run.drive(run.members[0].login())
        run.store.error = None
        await run.drive(run.members[1].logout())
        await run.clock.advance(1200)
        assert run.members[0].state is SessionState.ACTIVE
        assert calls(run) == (2, 1)


async def test_without_room_for_the_key_derivation_each_goes_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes 32 MiB. At the next attempt it is tried again."""

    async def no_room(*_: object) -> object:
        raise MemoryError

    async with fleet(0) as run:
        with monkeypatch.context() as patch:
            patch.setattr("aiocloudauth._runtime.sharing.seal_of", no_room)
            await run.open(run.member(), run.member())
            assert calls(run) == (2, 0)
        for by in (0, 1):
            (failed,) = run.told(events.StoreFailed, by=by)
            assert isinstance(failed, events.StoreFailed)
            assert isinstance(failed.error.__cause__, MemoryError)
            assert "MemoryError" in str(failed.error)
        await run.clock.advance(2400)
        assert len(set(run.tokens())) == 1
        assert len(run.store.values) == 1


async def test_a_record_of_a_later_version_is_left_alone() -> None:
    """Everybody goes alone, and says so."""
    async with fleet(2) as run:
        await run.clock.advance(60)
        seal = await seal_of(str(run.members[0]._source.endpoint.root), ADMIN)
        later = seal.close(b'{"format": 2}')
        run.store.spoil(later)
        await run.clock.advance(1200)
        assert run.store.values == [later]
        assert calls(run) == (1, 2)
        assert len(run.told(events.StoreFailed, by=0)) == 1


async def test_what_a_store_says_itself_is_told_as_it_is() -> None:
    """A `StoreError` says best what to do."""
    async with fleet(1) as run:
        run.store.error = StoreError("chmod it")
        await run.clock.advance(1200)
        (failed,) = run.told(events.StoreFailed)
        assert isinstance(failed, events.StoreFailed)
        assert failed.error is run.store.error


async def test_a_store_whose_own_task_was_cancelled_has_failed() -> None:
    """Nobody meant the session's."""
    async with fleet(0) as run:
        run.store.error = asyncio.CancelledError()
        await run.open(run.member())
        assert calls(run) == (1, 0)
        assert len(run.told(events.StoreFailed)) == 1


async def test_a_renewal_that_is_dropped_while_it_waits_for_the_store_is_no_failure_of_that() -> (
    None
):
    """The cancellation was the session's own."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.store.delay = 0.4
        renewal = await started(run, run.members[0].refresh())
        await run.drive(run.members[0].logout())
        await asyncio.gather(renewal, return_exceptions=True)
        assert run.told(events.StoreFailed) == []
        assert calls(run) == (1, 0)


# -- leaving ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("lost", "logins"), [(1, 2), (7, 2), (10**9, 1)])
async def test_a_logout_tries_more_than_once_to_be_marked(lost: int, logins: int) -> None:
    """Not for ever: then an opener may adopt what the server has ended, and learns it there."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.store.lost = lost
        await run.drive(run.members[0].logout())
        assert run.members[0].state is SessionState.LOGGED_OUT
        run.store.lost = 0
        await run.open(run.member())
        assert calls(run) == (logins, 0)


async def test_who_logged_in_as_another_logs_nobody_else_out() -> None:
    """Its token was never shared."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        await run.drive(run.members[0].login(Password("other", "0ther")))
        await run.drive(run.members[0].logout())
        await run.open(run.member())
        assert calls(run) == (2, 0)


async def test_a_close_writes_nothing_where_its_lease_is_gone() -> None:
    """Whoever emptied the store, or took over, has the say."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Silence())
        renewal = await started(run, run.members[0].refresh())
        run.store.wipe()
        await run.drive(run.members[0].close())
        await asyncio.gather(renewal, return_exceptions=True)
        assert run.store.values == []
