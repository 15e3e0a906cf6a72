"""PURE: the record that a fleet shares, and a member's next step from it and the clock.

A member that needs a token loads the record, and then (`next_step`)

1. *adopts* the token there if it is newer than its own and good; else
2. *waits* while somebody else's lease stands, or *rests* after the fleet's last failure; else
3. *takes* the lease by a swap, calls the API alone, and (`conclude`) *publishes* by a swap what
   came of it.

Every swap is against the version that was loaded, so whoever comes late is told so and writes
nothing. Losing a lease costs one more login, never correctness.

`now` is the member's monotonic clock and `wall` its wall clock, both in seconds. Nobody's clock
is compared with another's but for a token's age, and that errs towards older.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, cast

from attrs import evolve, field, frozen

from aiocloudauth._core.lifecycle import refused
from aiocloudauth._core.schedule import backoff, bar, lifetime, plan
from aiocloudauth._core.states import Exchange, Grant, Record, Want
from aiocloudauth.token import SessionState

if TYPE_CHECKING:
    from datetime import datetime

    from aiocloudauth.errors import CloudAuthError
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.token import Secret

#: What a lease has beyond the time of the call that it is for, seconds.
LEASE_MARGIN: Final = 1.0
#: Marks of sessions that were logged out. A mark has work to do for as long as one call takes.
MARKS: Final = 64

#: What may be left of a rest by rounding, seconds: who comes at its end is not too early.
_ROUNDING: Final = 1e-5
#: The most that a store keeps a record for, seconds.
_KEPT: Final = 30 * 86_400.0


# -- the record ---------------------------------------------------------------------------


@frozen
class Lease:
    """Somebody's right to call. `seconds`: how long it stands; `name`: drawn anew for each."""

    name: str
    seconds: float


@frozen
class Failure:
    """What the last call came to. `rest`: seconds without another, from when one first saw it."""

    name: str
    error: CloudAuthError
    count: int
    rest: float


@frozen(kw_only=True)
class Shared:
    """The record.

    Attributes:
        generation: Of the token, one more with each that is published.
        session: Names the login that the token comes from; renewals inherit it.
        token: The newest token.
        expires_at: The server's instant of expiry, aware UTC, if it named one.
        issued_at: On the server's clock, seconds since the epoch.
        life: Seconds from the issue.
        offset: What the publisher's wall clock lacked to the server's, seconds.
        lease: Who is calling.
        failure: The last call's, if it failed.
        ended: Sessions that were logged out.
        dead: The newest generation that was refused.
    """

    generation: int = 0
    session: str = ""
    token: Secret | None = None
    expires_at: datetime | None = None
    issued_at: float = 0.0
    life: float = 0.0
    offset: float = 0.0
    lease: Lease | None = None
    failure: Failure | None = None
    ended: tuple[str, ...] = ()
    dead: int = 0

    @property
    def offered(self) -> Secret | None:
        """The token, unless it was refused or logged out."""
        good = self.generation > self.dead and self.session not in self.ended
        return self.token if good else None


@frozen(kw_only=True)
class Member:
    """What one member knows.

    Attributes:
        generation: The newest one it held.
        session: Of the token in hand.
        lease: The name of its own lease.
        offset: What its wall clock lacks to the server's, if an answer has told.
        sights: When it first saw the record's lease, failure and generation, by `now`.
    """

    generation: int = 0
    session: str = ""
    lease: str = ""
    offset: float | None = None
    sights: dict[object, float] = field(factory=dict, hash=False)

    def at(self, shared: Shared, now: float) -> Member:
        """Return the member after it saw `shared`."""
        seen: list[object] = [shared.generation]
        seen += [thing.name for thing in (shared.lease, shared.failure) if thing is not None]
        return evolve(self, sights={name: self.sights.get(name, now) for name in seen})


@frozen
class Need:
    """What an attempt is for.

    Attributes:
        want: What the user insisted on.
        token: The one in hand, if it may be renewed.
        dead: Whether the one in hand was refused.
        timeout: What the call may take, seconds.
    """

    want: Want
    token: Secret | None
    dead: bool
    timeout: float


# -- the next step --------------------------------------------------------------------------


@frozen
class Adopt:
    """Use the record's token."""


@frozen
class Rest:
    """Fail with `error`, without a call; the fleet makes none for `seconds`."""

    error: CloudAuthError
    seconds: float


@frozen
class Wait:
    """Load again: in a moment, or after `seconds`."""

    seconds: float | None = None


@frozen
class Take:
    """Swap `shared`, with the lease in it; then renew `token`, or log in if that is `None`."""

    shared: Shared
    token: Secret | None
    session: str


NextStep: TypeAlias = Adopt | Rest | Wait | Take


def age_of(shared: Shared, member: Member, now: float, wall: float) -> float:
    """Return for how long the token has lived, seconds: by the clock, or since it was seen."""
    offset = shared.offset if member.offset is None else member.offset
    seen = now - member.sights.get(shared.generation, now)
    return max(seen, wall + offset - shared.issued_at)


def leased(shared: Shared, member: Member, now: float, policy: RenewalPolicy) -> bool:
    """Return whether somebody else's lease stands: it has not stood still for its time."""
    lease = shared.lease
    if lease is None or lease.name == member.lease:
        return False
    most = min(lease.seconds, policy.attempt_timeout + LEASE_MARGIN)
    return now - member.sights[lease.name] < most


def newer(
    shared: Shared, member: Member, now: float, wall: float, policy: RenewalPolicy
) -> tuple[bool, bool]:
    """Return whether the token is newer than the one in hand and good; and whether it is due."""
    if shared.offered is None or shared.generation <= member.generation:
        return False, False
    renew_after, hard_after = plan(shared.life, policy, 0.0)
    age = age_of(shared, member, now, wall)
    return age < hard_after, age >= renew_after


def standing(
    shared: Shared, wall: float, policy: RenewalPolicy
) -> tuple[SessionState, float | None]:
    """Return how the record's session stands for who looks at it, and the token's seconds left."""
    reader = Member()
    if newer(shared, reader, 0.0, wall, policy)[0]:
        state = SessionState.ACTIVE if shared.failure is None else SessionState.DEGRADED
        return state, shared.life - age_of(shared, reader, 0.0, wall)
    if shared.session in shared.ended:
        return SessionState.LOGGED_OUT, None
    return SessionState.EXPIRED if shared.generation else SessionState.NEW, None


def next_step(
    shared: Shared,
    member: Member,
    need: Need,
    *,
    now: float,
    wall: float,
    policy: RenewalPolicy,
    name: str,
) -> NextStep:
    """Return what a member does that needs a token; `name` is for a lease or session of its own."""
    good, due = newer(shared, member, now, wall, policy)
    busy = leased(shared, member, now, policy)
    failure, resting = shared.failure, 0.0
    if failure is not None:
        resting = member.sights[failure.name] + failure.rest - now
    if need.want is not Want.LOGIN:
        # One that is due is better than none, and others are at work on its successor.
        if good and (not due or (need.want is Want.ANY and (busy or resting > _ROUNDING))):
            return Adopt()
        if not busy and failure is not None and resting > _ROUNDING:
            return Rest(failure.error, resting)
    if busy:
        return Wait()
    young = policy.min_interval - age_of(shared, member, now, wall)
    if shared.token is not None and young > 0.0:
        return Wait(young)
    token, session = need.token, member.session
    if good:
        token, session = shared.token, shared.session
    if need.want is Want.LOGIN or session in shared.ended or (need.dead and not good):
        token = None
    dead = max(shared.dead, member.generation) if need.dead else shared.dead
    lease = Lease(name, need.timeout + LEASE_MARGIN)
    taken = evolve(shared, lease=lease, dead=dead)
    return Take(taken, token, name if token is None else session)


# -- after the call -------------------------------------------------------------------------


@frozen
class Publish:
    """Swap `shared`; if that is lost, load and conclude again."""

    shared: Shared


@frozen
class Keep:
    """Use what the call brought, and write nothing."""


@frozen
class Drop:
    """Log the new token out: its session was, meanwhile."""


Conclusion: TypeAlias = Publish | Adopt | Keep | Drop


def conclude(
    shared: Shared,
    member: Member,
    taken: Take,
    outcome: Grant | Failure,
    *,
    now: float,
    wall: float,
    policy: RenewalPolicy,
) -> Conclusion:
    """Return what becomes of the outcome of a call, by the record as it is after it."""
    ours = shared.lease is not None and shared.lease.name == member.lease
    if isinstance(outcome, Failure):
        return Publish(evolve(shared, lease=None, failure=outcome)) if ours else Keep()
    if taken.session in shared.ended:
        return Drop()
    generation = max(taken.shared.generation, member.generation) + 1
    if ours:
        offset = offset_of(outcome)
        return Publish(
            evolve(
                shared,
                generation=generation,
                session=taken.session,
                token=outcome.secret,
                expires_at=outcome.expires_at,
                issued_at=outcome.received_wall + offset,
                life=lifetime(outcome, policy),
                offset=offset,
                lease=None,
                failure=None,
            )
        )
    good, _ = newer(shared, member, now, wall, policy)
    return Adopt() if good and shared.generation >= generation else Keep()


def failure_of(
    error: CloudAuthError, shared: Shared, policy: RenewalPolicy, *, name: str, draw: float
) -> Failure:
    """Return what the fleet is told of a failed call; refusals and other failures count apart."""
    refusal, last = refused(error, 401, 403), shared.failure
    counts = last is not None and refused(last.error, 401, 403) is refusal
    count = last.count + 1 if last is not None and counts else 1
    if refusal:
        return Failure(name, error, count, bar(count - 1, policy))
    good = shared.offered is not None
    rest = backoff(Record(failures=count), error, policy, draw, good=good)
    return Failure(name, error, count, rest)


def offset_of(grant: Grant) -> float:
    """Return what this machine's wall clock lacks to the server's, seconds; see `lifetime`."""
    if grant.server_wall is None:
        return 0.0
    low = grant.server_wall - grant.received_wall
    high = grant.server_wall + 1.0 - grant.sent_wall
    return max(low, min(high, 0.0))


def adopted(shared: Shared, age: float, now: float) -> Grant:
    """Return the record's token as a grant; `now` on the scale of the lifecycle."""
    return Grant(
        secret=cast("Secret", shared.token),
        scheme="Bearer",
        expires_at=shared.expires_at,
        received_at=now - age,
        by=Exchange.ADOPT,
        life=shared.life,
    )


def ttl_of(shared: Shared) -> float:
    """Return for how long the store has to keep the record, seconds."""
    rest = 0.0 if shared.failure is None else 2.0 * shared.failure.rest
    return min(max(shared.life, rest) + 600.0, _KEPT)


# -- leaving ----------------------------------------------------------------------------------


def logged_out(shared: Shared, session: str) -> Shared:
    """Return the record with `session` marked, and without its token. A lease stays."""
    ended = (*(mark for mark in shared.ended if mark != session), session)[-MARKS:]
    token = None if shared.session == session else shared.token
    return evolve(shared, ended=ended, token=token)


def released(shared: Shared, member: Member) -> Shared | None:
    """Return the record without the member's own lease; `None` if that is not in it."""
    if shared.lease is None or shared.lease.name != member.lease:
        return None
    return evolve(shared, lease=None)
