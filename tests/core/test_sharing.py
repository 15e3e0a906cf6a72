"""A member's next step from the record and the clock, and what becomes of a call."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from aiocloudauth import (
    AuthenticationClusterError,
    PermissionDeniedError,
    RenewalPolicy,
    TransportError,
    UnauthenticatedError,
)
from aiocloudauth._core.sharing import (
    Adopt,
    Drop,
    Failure,
    Keep,
    Lease,
    Member,
    Need,
    Publish,
    Rest,
    Shared,
    Take,
    Wait,
    adopted,
    age_of,
    conclude,
    failure_of,
    logged_out,
    next_step,
    offset_of,
    released,
    standing,
    ttl_of,
)
from aiocloudauth._core.states import Exchange, Grant, Want
from aiocloudauth.token import Secret, SessionState

POLICY = RenewalPolicy()
WALL = 1_767_225_600.0
LIFE = 1200.0
OWN, THEIRS = Secret("own"), Secret("theirs")
OUTAGE = AuthenticationClusterError("down", status=502, retry_after=7.0)
REFUSED = UnauthenticatedError("refused", status=401, codes=["root.unauthenticated"])

RECORD = Shared(
    generation=5,
    session="s",
    token=THEIRS,
    expires_at=datetime.fromtimestamp(WALL + LIFE, UTC),
    issued_at=WALL,
    life=LIFE,
)
MEMBER = Member(generation=4, session="s", sights={5: 0.0, "lease": 0.0, "failure": 0.0})
NEED = Need(Want.ANY, OWN, dead=False, timeout=10.0)
LEASE = Lease("lease", 11.0)
FAILURE = Failure("failure", OUTAGE, 1, 5.0)


def step(record: Shared = RECORD, member: Member = MEMBER, *, now: float, **need: Any) -> object:
    """Return the next step so long after the issue."""
    return next_step(
        record,
        member,
        evolve(NEED, **need),
        now=now,
        wall=WALL + now,
        policy=POLICY,
        name="mine",
    )


def taken(renews: Secret | None, /, **need: Any) -> Take:
    """Return the taking of the lease to renew a token, or to log in."""
    found = step(**need)
    assert isinstance(found, Take)
    assert found.token is renews
    assert found.shared.lease == Lease("mine", 11.0)
    return found


# -- adopt before renewing -----------------------------------------------------------------


def test_a_newer_token_that_is_not_due_is_adopted() -> None:
    """Whatever else the record says, and for `refresh()` too."""
    for record in (RECORD, evolve(RECORD, lease=LEASE), evolve(RECORD, failure=FAILURE)):
        for want in (Want.ANY, Want.FRESH):
            assert step(record, now=1.0, want=want) == Adopt()


def test_a_newer_token_that_is_due_is_renewed_rather_than_ones_own() -> None:
    """By who gets the lease; due is the latest instant that any member would choose."""
    assert step(now=899.9) == Adopt()
    assert taken(THEIRS, now=900.0).session == "s"
    assert taken(THEIRS, now=1000.0, token=None, dead=True).session == "s"


def test_a_newer_token_that_is_due_is_adopted_while_others_are_at_it() -> None:
    """Or while the fleet rests; but not by who asked for a fresh one."""
    at = {"lease": 999.0, "failure": 995.5, 5: 0.0}
    busy, resting = evolve(RECORD, lease=LEASE), evolve(RECORD, failure=FAILURE)
    member = evolve(MEMBER, sights=at)
    assert step(busy, member, now=1000.0) == Adopt()
    assert step(resting, member, now=1000.0) == Adopt()
    assert step(busy, member, now=1000.0, want=Want.FRESH) == Wait()
    assert step(resting, member, now=1000.0, want=Want.FRESH) == Rest(OUTAGE, 0.5)


@pytest.mark.parametrize(
    "record",
    [
        evolve(RECORD, generation=4),
        evolve(RECORD, generation=3),
        evolve(RECORD, dead=5),
        evolve(RECORD, ended=("s",), session="s"),
        evolve(RECORD, token=None),
        Shared(),
    ],
    ids=["the one in hand", "older", "dead", "logged out", "none", "empty"],
)
def test_no_other_token_is_adopted(record: Shared) -> None:
    """One's own is renewed, or a login made."""
    member = evolve(MEMBER, session="mine")
    assert isinstance(step(record, member, now=10.0), Take)


def test_a_token_at_its_end_is_not_adopted() -> None:
    """It may not be sent any more."""
    taken(OWN, now=1190.0)
    taken(None, now=1190.0, token=None)


def test_login_never_adopts_and_is_a_new_session() -> None:
    """Nor is it barred by what others failed at."""
    assert taken(None, now=10.0, want=Want.LOGIN).session == "mine"
    record = evolve(RECORD, failure=evolve(FAILURE, error=REFUSED, rest=math.inf))
    assert isinstance(step(record, now=10.0, want=Want.LOGIN), Take)
    assert step(evolve(RECORD, lease=LEASE), now=10.0, want=Want.LOGIN) == Wait()


def test_a_token_of_a_session_that_was_logged_out_is_not_renewed() -> None:
    """A login is made instead."""
    record = logged_out(evolve(RECORD, generation=4), "s")
    found = step(record, now=1000.0)
    assert isinstance(found, Take)
    assert (found.token, found.session) == (None, "mine")


def test_who_takes_the_lease_for_a_refused_token_marks_it_dead() -> None:
    """Who opens does not adopt it; a planned renewal marks nothing."""
    record = evolve(RECORD, generation=4)
    found = step(record, now=10.0, token=None, dead=True)
    assert isinstance(found, Take)
    assert found.shared.dead == 4
    assert found.shared.offered is None
    assert taken(THEIRS, now=1000.0).shared.dead == 0


def test_nobody_calls_right_after_an_issue() -> None:
    """Not within `min_interval` of another member's."""
    found = step(now=0.25, want=Want.LOGIN)
    assert found == Wait(0.75)
    assert isinstance(step(now=1.0, want=Want.LOGIN), Take)


# -- leases and rests, by one's own monotonic clock ---------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "until"), [(3.0, 3.0), (11.0, 11.0), (1e6, 11.0)], ids=["short", "usual", "greedy"]
)
def test_a_lease_stands_until_it_stood_still_for_its_time(seconds: float, until: float) -> None:
    """Capped by what one's own policy would give it."""
    record = evolve(RECORD, generation=4, lease=Lease("lease", seconds))
    assert step(record, now=until - 0.01) == Wait()
    assert isinstance(step(record, now=until), Take)


def test_a_lease_seen_first_now_stands_from_now() -> None:
    """Whatever any wall clock shows."""
    record = evolve(RECORD, generation=4, lease=Lease("another", 11.0))
    member = MEMBER.at(record, 500.0)
    assert step(record, member, now=510.9) == Wait()
    assert isinstance(step(record, member, now=511.0), Take)
    assert member.at(record, 600.0) == member


def test_ones_own_lease_is_no_hindrance() -> None:
    """A login after a refused renewal is under the same one."""
    record = evolve(RECORD, generation=4, lease=LEASE)
    assert isinstance(step(record, evolve(MEMBER, lease="lease"), now=1.0), Take)


def test_a_failure_rests_everybody_from_when_they_saw_it() -> None:
    """Its typed error is raised without a call."""
    record = evolve(RECORD, generation=4, failure=FAILURE)
    assert step(record, now=1.0) == Rest(OUTAGE, 4.0)
    assert isinstance(step(record, now=5.0 - 1e-6), Take)  # as far as seconds since 1970 go
    member = evolve(MEMBER, sights={}).at(record, 1000.0)
    assert step(record, member, now=1000.0) == Rest(OUTAGE, 5.0)


def test_refusals_double_and_other_failures_are_counted_apart() -> None:
    """The bar is `refused_interval`, then twice that."""
    record = RECORD
    rests = []
    for _ in range(3):
        failure = failure_of(REFUSED, record, POLICY, name="f", draw=0.5)
        record = evolve(record, failure=failure)
        rests.append(failure.rest)
    assert rests == [900.0, 1800.0, 3600.0]
    denied = failure_of(PermissionDeniedError(status=403), record, POLICY, name="f", draw=0.5)
    assert (denied.name, denied.count, denied.rest) == ("f", 4, 7200.0)
    denied = failure_of(REFUSED, evolve(record, failure=denied), POLICY, name="f", draw=0.5)
    assert denied.count == 5
    error = TransportError("reset")
    outage = failure_of(error, record, POLICY, name="f", draw=0.0)
    assert outage == Failure("f", error, 1, POLICY.min_interval)
    never = failure_of(REFUSED, RECORD, RenewalPolicy(refused_interval=None), name="f", draw=0.0)
    assert never.rest == math.inf


def test_the_pause_is_that_of_a_lone_session() -> None:
    """No longer than 10 s where nobody has a token, but for what the server asks for."""
    failure = evolve(FAILURE, error=TransportError("reset"), count=9)
    record = evolve(RECORD, failure=failure)
    for shared, rest in ((record, 61.0), (evolve(record, token=None), 10.0)):
        assert failure_of(failure.error, shared, POLICY, name="f", draw=1.0).rest == rest
    assert failure_of(OUTAGE, RECORD, POLICY, name="f", draw=0.0).rest == 7.0


def test_a_store_keeps_a_record_for_as_long_as_it_has_something_to_say() -> None:
    """Ten minutes beyond the token's life, or twice the rest; a month at most."""
    assert ttl_of(Shared()) == 600.0
    assert ttl_of(RECORD) == LIFE + 600.0
    assert ttl_of(evolve(RECORD, failure=evolve(FAILURE, rest=900.0))) == 2400.0
    assert ttl_of(evolve(RECORD, failure=evolve(FAILURE, rest=math.inf))) == 30 * 86_400.0


# -- how it stands for who looks at it --------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "after", "state", "left"),
    [
        (Shared(), 0.0, SessionState.NEW, None),
        (RECORD, 100.0, SessionState.ACTIVE, 1100.0),
        (evolve(RECORD, failure=FAILURE), 100.0, SessionState.DEGRADED, 1100.0),
        (RECORD, LIFE, SessionState.EXPIRED, None),
        (evolve(RECORD, dead=5), 100.0, SessionState.EXPIRED, None),
        (evolve(RECORD, ended=("s",), token=None), 100.0, SessionState.LOGGED_OUT, None),
    ],
    ids=["none yet", "good", "renewal fails", "ended", "refused", "logged out"],
)
def test_the_record_tells_how_its_session_stands(
    record: Shared, after: float, state: SessionState, left: float | None
) -> None:
    """Without a token in hand: what a command shows."""
    assert standing(record, WALL + after, POLICY) == (state, left)


# -- the age of a token ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "wall", "now", "age"),
    [
        (None, 100.0, 0.0, 100.0),
        (None, -600.0, 0.0, 0.0),
        (None, -600.0, 50.0, 50.0),
        (600.0, -500.0, 0.0, 100.0),
        (-86_400.0, 86_500.0, 0.0, 100.0),
    ],
    ids=["right", "slow clock", "slow, seen for a while", "slow, and known", "a day, and known"],
)
def test_an_age_is_never_below_what_was_seen(
    offset: float | None, wall: float, now: float, age: float
) -> None:
    """A slow clock never lengthens a life."""
    member = evolve(MEMBER, offset=offset)
    assert age_of(RECORD, member, now, WALL + wall) == age


def test_a_token_is_as_old_as_it_was_seen_to_be() -> None:
    """From when its generation came."""
    member = Member().at(RECORD, 50.0)
    assert age_of(RECORD, member, 80.0, WALL - 600.0) == 30.0
    member = member.at(evolve(RECORD, generation=6), 80.0)
    assert age_of(evolve(RECORD, generation=6), member, 80.0, WALL - 600.0) == 0.0


def test_an_offset_is_the_records_until_an_answer_of_ones_own_tells() -> None:
    """The server's clock may be the wrong one."""
    record = evolve(RECORD, offset=60.0)
    assert age_of(record, MEMBER, 0.0, WALL) == 60.0
    assert age_of(record, evolve(MEMBER, offset=0.0), 0.0, WALL) == 0.0


def test_an_adopted_token_ends_with_its_life() -> None:
    """As a grant it has the record's life, and began when it was issued."""
    grant = adopted(RECORD, 100.0, 5000.0)
    assert (grant.received_at, grant.life, grant.by) == (4900.0, LIFE, Exchange.ADOPT)
    assert (grant.secret, grant.scheme) == (THEIRS, "Bearer")
    assert grant.expires_at == RECORD.expires_at


# -- after the call ---------------------------------------------------------------------------


def grant(*, server: float | None = None) -> Grant:
    """Return what a call brought."""
    return Grant(
        secret=Secret("new"),
        scheme="Bearer",
        expires_at=datetime.fromtimestamp(WALL + 2600.0, UTC),
        received_at=1000.0,
        sent_wall=WALL + 999.5,
        received_wall=WALL + 1000.0,
        server_wall=server,
    )


def end(shared: Shared, take: Take, outcome: Grant | Failure) -> object:
    """Return the conclusion of a call."""
    member = evolve(MEMBER, lease="mine")
    return conclude(shared, member, take, outcome, now=1001.0, wall=WALL + 1001.0, policy=POLICY)


def test_who_holds_the_lease_publishes() -> None:
    """One generation more, of the same session; lease and failure are gone."""
    take = taken(THEIRS, now=1000.0)
    done = end(evolve(take.shared, failure=FAILURE), take, grant())
    assert isinstance(done, Publish)
    new = done.shared
    assert new.token == Secret("new")
    assert (new.generation, new.session, new.lease, new.failure) == (6, "s", None, None)
    assert (new.issued_at, new.life, new.offset) == (WALL + 1000.0, 1600.0, 0.0)
    assert new.expires_at == grant().expires_at


def test_a_login_is_published_as_the_session_that_it_is() -> None:
    """Not as the one before."""
    take = taken(None, now=1000.0, want=Want.LOGIN)
    done = end(take.shared, take, grant())
    assert isinstance(done, Publish)
    assert done.shared.session == "mine"


def test_an_issue_is_on_the_servers_clock() -> None:
    """Whatever the publisher's wall clock shows; a second of `Date` is no offset."""
    assert offset_of(grant()) == 0.0
    assert offset_of(grant(server=WALL + 999.0)) == 0.0
    assert offset_of(grant(server=WALL + 900.0)) == -98.5
    take = taken(THEIRS, now=1000.0)
    done = end(take.shared, take, grant(server=WALL + 1600.0))
    assert isinstance(done, Publish)
    assert (done.shared.issued_at, done.shared.offset) == (WALL + 1600.0, 600.0)


def test_a_mark_made_meanwhile_is_kept_and_its_token_dropped() -> None:
    """A logout is never undone by a late renewal; it left the lease in place."""
    take = taken(THEIRS, now=1000.0)
    marked = logged_out(take.shared, "s")
    assert marked.lease == take.shared.lease
    assert marked.token is None
    assert end(marked, take, grant()) == Drop()
    other = logged_out(take.shared, "another")
    done = end(other, take, grant())
    assert isinstance(done, Publish)
    assert done.shared.ended == ("another",)
    assert other.token == THEIRS


def test_who_comes_too_late_writes_nothing() -> None:
    """Theirs is adopted if it is good and no older than one's own would have been."""
    take = taken(THEIRS, now=1000.0)
    theirs = evolve(RECORD, generation=6, issued_at=WALL + 1000.5)
    assert end(theirs, take, grant()) == Adopt()
    assert end(evolve(theirs, dead=6), take, grant()) == Keep()
    assert end(evolve(take.shared, lease=LEASE), take, grant()) == Keep()
    assert end(Shared(), take, grant()) == Keep()
    assert end(theirs, take, FAILURE) == Keep()


def test_a_failure_is_published_beside_the_token() -> None:
    """Which others may still have use for."""
    take = taken(THEIRS, now=1000.0)
    assert end(take.shared, take, FAILURE) == Publish(evolve(RECORD, failure=FAILURE))


def test_only_ones_own_lease_is_given_back() -> None:
    """Somebody else's stands, and without one there is nothing to do."""
    record = evolve(RECORD, lease=LEASE)
    assert released(record, evolve(MEMBER, lease="lease")) == RECORD
    assert released(record, evolve(MEMBER, lease="mine")) is None
    assert released(RECORD, evolve(MEMBER, lease="lease")) is None


def test_marks_are_bounded() -> None:
    """The oldest go."""
    record = RECORD
    for number in range(100):
        record = logged_out(record, f"s{number}")
    assert len(record.ended) == 64
    assert record.ended[-1] == "s99"
