"""A fleet shares one session, for economy; and whatever the store does, no session stops for it."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, cast

import pytest
from attrs import evolve

from aiocloudauth import (
    ApiKey,
    ConfigurationError,
    Password,
    ServerError,
    SessionExpiredError,
    SessionState,
    UnauthenticatedError,
    events,
)
from aiocloudauth._core.sharing import Lease
from aiocloudauth._runtime.observer import Observer
from aiocloudauth._wire.record import from_bytes, to_bytes
from aiocloudauth.stores.sealing import seal_of
from aiocloudauth.testing import ClusterError, Fault, Late, Silence, Status
from tests.session.fleet_rig import ADMIN, Skewed, fleet

if TYPE_CHECKING:
    from aiocloudauth import CloudAuthError, TokenRefresher
    from aiocloudauth.stores import Entry
    from tests.session.fleet_rig import Fleet


def logins(run: Fleet) -> int:
    """Return how many logins arrived."""
    return run.server.stats.login_attempts


def refreshes(run: Fleet) -> int:
    """Return how many renewals arrived."""
    return run.server.stats.refresh_attempts


# -- economy ------------------------------------------------------------------------------


async def test_many_who_open_at_once_log_in_once() -> None:
    """And all hold the same token."""
    async with fleet(20) as run:
        assert logins(run) == 1
        assert len(set(run.tokens())) == 1
        assert len(run.told(events.LoggedIn)) == 1
        assert len(run.told(events.TokenAdopted)) == 19


async def test_a_fleet_renews_as_often_as_one_session() -> None:
    """Everybody else adopts; waiting for that is no failure."""
    async with fleet(8) as run:
        for _ in range(60):
            await run.clock.advance(60)
            assert None not in run.tokens()
        alone = 3600 / 875  # a renewal is due after 840 to 900 s of 1200
        assert logins(run) == 1
        assert refreshes(run) <= 1.1 * alone + 1
        assert run.told(events.RenewalFailed) == []
        assert run.told(events.SessionDegraded) == []


async def test_a_restart_with_a_good_record_calls_nothing() -> None:
    """The record is read, and that is all."""
    async with fleet(1) as run:
        await run.drive(run.members[0].close())
        run.server.log.clear()
        await run.open(run.member())
        assert list(run.server.log) == []
        assert run.members[1].state is SessionState.ACTIVE


async def test_an_adopted_token_has_the_windows_of_its_issue() -> None:
    """Who adopts late renews no later."""
    async with fleet(1) as run:
        await run.clock.advance(800)
        late = run.member()
        await run.open(late)
        first = run.tokens()[1]
        await run.drive(run.members[0].close())
        await run.clock.advance(110)
        assert run.tokens()[1] not in {first, None}
        assert (logins(run), refreshes(run)) == (1, 1)


# -- what the user insists on -------------------------------------------------------------


async def test_refresh_calls_and_the_others_adopt_that() -> None:
    """At their own next renewal, or when they are asked to refresh."""
    async with fleet(2) as run:
        await run.clock.advance(60)
        await run.drive(run.members[0].refresh())
        assert refreshes(run) == 1
        await run.drive(run.members[1].refresh())
        assert refreshes(run) == 1
        assert len(set(run.tokens())) == 1


async def test_login_never_adopts() -> None:
    """Each is one login of one's own."""
    async with fleet(2) as run:
        for member, count in zip(run.members, (2, 3), strict=True):
            await run.clock.advance(60)
            await run.drive(member.login())
            assert logins(run) == count


async def test_a_refused_token_is_looked_up_before_anybody_is_asked() -> None:
    """Another member renewed it meanwhile, and the server killed the one before."""
    async with fleet(2) as run:
        await run.clock.advance(60)
        old = await run.members[1].usable()
        await run.drive(run.members[0].refresh())
        run.server.log.clear()
        run.members[1].reject(old)
        await run.drive(run.members[1].usable())
        assert len(set(run.tokens())) == 1
        assert list(run.server.log) == []


async def test_a_revocation_costs_a_fleet_one_login() -> None:
    """Whoever is first logs in; the others find its token."""
    async with fleet(5) as run:
        await run.clock.advance(60)
        held = [await member.usable() for member in run.members]
        run.server.revoke_all()
        for member, token in zip(run.members, held, strict=True):
            member.reject(token)
        await run.drive(asyncio.gather(*(member.usable() for member in run.members)))
        assert logins(run) == 2
        assert len(set(run.tokens())) == 1


async def test_a_dead_token_is_not_adopted_by_who_opens() -> None:
    """Who takes the lease because of a refusal says so in the record."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        held = await run.members[0].usable()
        run.server.revoke_all()
        run.server.fail_next("_login", Silence())
        run.members[0].reject(held)
        await run.clock.advance(1)
        late = run.member()
        await run.open(late)
        current = await late.usable()
        assert current.token != held.token


# -- failures are shared -----------------------------------------------------------------


async def test_a_wrong_password_is_refused_once_for_all() -> None:
    """Accounts get locked; the bar is everybody's with the same secret."""
    async with fleet(0) as run:
        members = [run.member(Password("admin", "wrong")) for _ in range(20)]
        opens = [member.open() for member in members]
        ends = await run.drive(asyncio.gather(*opens, return_exceptions=True))
        assert {type(end) for end in ends} == {UnauthenticatedError}
        assert logins(run) == 1
        late = run.member(Password("admin", "wrong"))
        with pytest.raises(UnauthenticatedError):
            await run.drive(late.open())
        assert logins(run) == 1


async def attempts_in_an_outage(size: int) -> int:
    """Return how many attempts arrive in half an hour; one member has no store."""
    async with fleet(0) as run:
        store = run.store if size > 1 else None
        await run.open(*(run.member(store=store) for _ in range(size)))
        await run.clock.advance(60)
        run.server.script(Fault("users/auth/*", ClusterError()))
        before = refreshes(run) + logins(run)
        await run.clock.advance(3600)
        attempts = refreshes(run) + logins(run) - before
        run.server.clear_faults()
        await run.clock.advance(120)
        assert None not in run.tokens()
        assert len(set(run.tokens())) == 1
        return attempts


async def test_an_outage_is_tried_at_the_pace_of_one() -> None:
    """And all come back."""
    assert await attempts_in_an_outage(20) <= 1.5 * await attempts_in_an_outage(1)


async def test_who_opens_in_an_outage_raises_without_a_call() -> None:
    """A first sight of the failure is enough; it goes on as any failed attempt does."""
    async with fleet(0) as run:
        run.server.script(Fault("_login", ClusterError(), times=1))
        first = asyncio.ensure_future(run.member().open())
        await run.clock.settle()
        await run.open(run.member())
        await run.drive(first)
        assert [len(run.told(events.RenewalFailed, by=by)) for by in (0, 1)] == [1, 1]
        assert logins(run) == 2


# -- the store fails ----------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError("down"), RuntimeError("a bug"), None], ids=repr)
async def test_a_session_without_its_store_goes_on_alone(error: Exception | None) -> None:
    """It says so once an outage, and is back in step when the store is."""
    async with fleet(2) as run:
        run.store.error = error
        run.store.delay = 0.0 if error else 100.0
        await run.clock.advance(3600)
        assert None not in run.tokens()
        assert len(run.told(events.StoreFailed, by=0)) == 1
        run.store.error, run.store.delay = None, 0.0
        await run.clock.advance(2400)
        calls = refreshes(run)
        await run.clock.advance(3600)
        assert refreshes(run) - calls <= 5
        assert len(set(run.tokens())) == 1
        assert run.told(events.RenewalFailed) == []


@pytest.mark.parametrize(
    "value", [b"", b"x", b"x" * 100, b"x" * 1_000_000], ids=["empty", "short", "foreign", "huge"]
)
async def test_a_spoiled_record_is_repaired(value: bytes) -> None:
    """By the next who takes the lease."""
    async with fleet(2) as run:
        run.store.spoil(value)
        await run.clock.advance(1000)
        assert len(set(run.tokens())) == 1
        assert (logins(run), refreshes(run)) == (1, 1)


async def test_a_replayed_record_brings_no_older_token_back() -> None:
    """Whoever can write to the store has one it held before; it costs a renewal at most."""
    async with fleet(1) as run:
        (value,) = run.store.values
        seen = set(run.tokens())
        for _ in range(2):
            await run.clock.advance(60)
            await run.drive(run.members[0].refresh())
            assert not seen & set(run.tokens())
            seen |= set(run.tokens())
            run.store.spoil(value)
        assert run.told(events.TokenAdopted) == []


@pytest.mark.parametrize("skew", [86_400.0, -86_400.0], ids=["ahead", "behind"])
async def test_a_member_a_day_off_renews_in_time(skew: float) -> None:
    """A slow clock never lengthens the life of what it adopts."""
    async with fleet(1) as run:
        await run.open(run.member(clock=Skewed(run.clock, skew, "day")))
        first = run.tokens()[1]
        await run.drive(run.members[0].close())
        for _ in range(20):
            await run.clock.advance(60)
            assert run.tokens()[1] is not None
        assert run.tokens()[1] != first
        assert run.told(events.RenewalFailed) == []


@pytest.mark.parametrize("after", [0.05, 0.15, 0.25, 0.35, 0.45, 0.55])
async def test_who_is_closed_at_any_point_of_its_opening_leaves_no_hindrance(after: float) -> None:
    """In a load, a swap, the login or the publication; the next one opens."""
    async with fleet(0) as run:
        run.store.delay = 0.1
        run.server.script(Fault("_login", Late(0.1), times=1, optional=True))
        opening = asyncio.ensure_future(run.member().open())
        await run.clock.advance(after)
        await run.drive(run.members[0].close())
        await asyncio.gather(opening, return_exceptions=True)
        began = run.clock.monotonic()
        await run.open(run.member())
        assert run.clock.monotonic() - began < 3
        assert run.told(events.StoreFailed) == []


async def test_a_wiped_store_has_one_renewer_again_within_one_lifetime() -> None:
    """Who is due first publishes its own token's successor."""
    async with fleet(8) as run:
        await run.clock.advance(60)
        run.store.wipe()
        await run.clock.advance(1200)
        assert (logins(run), refreshes(run)) == (1, 1)
        assert len(set(run.tokens())) == 1


async def test_a_store_that_hangs_at_a_publication_loses_no_token() -> None:
    """What the call brought is kept, unpublished."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Silence())
        asked = asyncio.ensure_future(run.members[0].refresh())
        await run.clock.advance(5)
        run.store.error = OSError("gone")
        with pytest.raises(Exception, match="_refresh"):
            await run.drive(asked)
        await run.clock.advance(60)
        assert None not in run.tokens()


# -- leaving ------------------------------------------------------------------------------


async def test_close_leaves_the_session_to_the_others() -> None:
    """With a store `logout_on_close` is False unless said."""
    async with fleet(2) as run:
        await run.drive(run.members[0].close())
        assert run.server.stats.logouts == 0
        await run.clock.advance(3600)
        assert run.members[1].state is SessionState.ACTIVE
        assert logins(run) == 1


async def test_close_can_be_told_to_log_out() -> None:
    """Then nobody adopts that session any more."""
    async with fleet(1, logout_on_close=True) as run:
        await run.drive(run.members[0].close())
        assert run.server.stats.logouts == 1
        await run.open(run.member())
        assert logins(run) == 2


async def test_logout_is_undone_by_nobody() -> None:
    """A renewal under way elsewhere drops what it gets, waits, and logs in again for itself."""
    async with fleet(2) as run:
        await run.clock.advance(60)
        run.server.script(Fault("_refresh", Late(0.5), times=1))
        renewal = asyncio.ensure_future(run.members[0].refresh())
        await run.clock.advance(0.2)
        await run.drive(run.members[1].logout())
        began = run.clock.monotonic()
        await run.drive(renewal)
        assert run.clock.monotonic() - began > 0.79  # `min_interval`, as between any two calls
        assert run.members[1].state is SessionState.LOGGED_OUT
        with pytest.raises(SessionExpiredError):
            await run.members[1].usable()
        assert run.members[0].state is SessionState.ACTIVE
        assert logins(run) == 2


async def test_a_lease_is_given_back_at_close() -> None:
    """Who comes next need not wait for it."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Silence())
        renewal = asyncio.ensure_future(run.members[0].refresh())
        await run.clock.advance(1)
        await run.drive(run.members[0].close())
        await asyncio.gather(renewal, return_exceptions=True)
        began = run.clock.monotonic()
        late = run.member()
        await run.open(late)
        await run.drive(late.refresh())
        assert run.clock.monotonic() - began < 3


async def test_a_lease_is_given_back_by_an_opening_that_is_given_up() -> None:
    """As at a close: whoever comes next need not wait for it."""
    async with fleet(2, opened=False) as run:
        run.server.fail_next("_login", Silence())
        opening = asyncio.ensure_future(run.members[0].open())
        await run.clock.advance(1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run.drive(opening)
        began = run.clock.monotonic()
        await run.open(run.members[1])
        assert run.clock.monotonic() - began < 3


@pytest.mark.parametrize("lost", [0, 1], ids=["the store is down", "another was quicker"])
async def test_who_could_not_give_its_lease_back_does_not_wait_for_it(lost: int) -> None:
    """It is still its own, when it opens again."""
    async with fleet(1, opened=False) as run:
        run.server.fail_next("_login", Silence())
        opening = asyncio.ensure_future(run.members[0].open())
        await run.clock.advance(1)
        run.store.lost, run.store.error = lost, None if lost else OSError("down")
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run.drive(opening)
        run.store.error = None
        began = run.clock.monotonic()
        await run.open(run.members[0])
        assert run.clock.monotonic() - began < 3


async def test_a_lease_whose_holder_died_is_taken_over() -> None:
    """When it has stood still for its time."""
    async with fleet(2) as run:
        await run.clock.advance(60)
        run.server.fail_next("_refresh", Silence())
        holder = asyncio.ensure_future(run.members[0].refresh())
        await run.clock.advance(0.5)
        run.store.error = OSError("a process that is killed says nothing")
        await run.drive(run.members[0].close())
        await asyncio.gather(holder, return_exceptions=True)
        run.store.error = None
        began = run.clock.monotonic()
        await run.drive(run.members[1].refresh())
        assert 8 < run.clock.monotonic() - began < 12
        assert run.told(events.RenewalFailed, by=1) == []


async def test_nobody_waits_for_ever_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though another lease stands at each look: after the time of one attempt it goes alone."""
    async with fleet(1) as run:
        (value,) = run.store.values
        seal = await seal_of(f"{run.server.url}/api/v1/", ADMIN)
        shared, load = from_bytes(seal.open(value)), run.store.load

        async def always_another(key: str) -> Entry | None:
            lease = Lease(secrets.token_hex(4), 11.0)
            run.store.spoil(seal.close(to_bytes(evolve(shared, lease=lease))))
            return cast("Entry | None", await load(key))

        await run.clock.advance(60)
        monkeypatch.setattr(run.store, "load", always_another)
        began = run.clock.monotonic()
        await run.drive(run.members[0].refresh())
        assert 10 < run.clock.monotonic() - began < 12
        assert refreshes(run) == 1


async def test_the_stores_time_is_not_the_calls() -> None:
    """An attempt has its whole `attempt_timeout`, however slow the store is."""
    async with fleet(1) as run:
        await run.clock.advance(60)
        run.store.delay = 0.9
        run.server.script(Fault("_refresh", Late(9.5), times=1))
        await run.drive(run.members[0].refresh())
        assert refreshes(run) == 1
        assert run.told(events.RenewalFailed) == []


# -- bad input ----------------------------------------------------------------------------


async def test_what_cannot_have_a_store_is_refused() -> None:
    """At construction, and for a login with other credentials."""
    async with fleet(1) as run:
        with pytest.raises(ConfigurationError, match="log in"):
            run.member(ApiKey("a2V5"))
        with pytest.raises(ConfigurationError, match="stores"):
            run.member(store="redis://localhost")
        with pytest.raises(ConfigurationError, match="log in"):
            await run.members[0].login(ApiKey("a2V5"))


async def test_a_rotated_secret_starts_another_record() -> None:
    """The callable is asked at every login."""
    secret = ["secret"]

    async def ask() -> str:
        return secret[0]

    async with fleet(0) as run:
        await run.open(run.member(Password("admin", ask)))
        await run.clock.advance(60)
        secret[0] = "rotated"
        run.server.users.put("admin", "rotated")
        run.server.revoke_all()
        run.members[0].reject(await run.members[0].usable())
        await run.drive(run.members[0].usable())
        assert len(run.store.values) == 2
        await run.open(run.member(Password("admin", "rotated")))
        assert logins(run) == 2


# -- what measures a session ------------------------------------------------------------------


class Recorder(Observer):
    """Keeps the kinds of the attempts, and whether the server's clock was told."""

    def __init__(self, member: TokenRefresher) -> None:
        self.attempts: list[tuple[str, str, bool]] = []
        member._source.observer = self

    def attempted(
        self, kind: str, took: float, error: CloudAuthError | None, clock_offset: float | None
    ) -> None:
        """Keep what matters here."""
        del took
        why = "" if error is None else type(error).__name__
        self.attempts.append((kind, why, clock_offset is not None))

    def refused(self) -> None:
        """Not of interest."""
        return

    def waited(self, seconds: float) -> None:
        """Not of interest."""
        del seconds


async def test_an_attempt_is_called_by_how_it_got_the_token() -> None:
    """A fleet that starts is no storm of logins, nor is a newcomer who renews a token in need."""
    async with fleet(0) as run:
        first, second, alone = run.member(), run.member(), run.member(store=None)
        seen = [Recorder(member) for member in run.members]
        for member in run.members:
            await run.open(member)
        assert [each.attempts for each in seen] == [
            [("login", "", True)],
            [("adopt", "", False)],
            [("login", "", True)],
        ]
        for member in (first, second, alone):
            await run.drive(member.close())
        await run.clock.advance(1000)  # the token is due by now, and nobody is at it
        late = Recorder(run.member())
        await run.open(run.members[-1])
        assert late.attempts == [("refresh", "", True)]
        run.server.script(Fault("/users/auth/_refresh", Status(503, "auth.busy"), times=1))
        await run.clock.advance(1)
        with pytest.raises(ServerError):
            await run.drive(run.members[-1].refresh())
        assert late.attempts[1:] == [("refresh", "ServerError", False)]
