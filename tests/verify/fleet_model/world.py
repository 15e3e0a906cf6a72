"""A fleet, its store and its server as one value, and every step that can follow.

What decides is shipped: `Machine` for each member and `_core.sharing` between them. What
`_runtime.sharing` carries out is played here, one step for each time that it touches the store or
the server: a member may be overtaken by the others, and by a fault, between any two. Time passes
when nobody has anything left to do; a member that is not quick enough for that is *asleep*, which
is a fault as any other, and lasts as long as it likes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Final

from attrs import evolve, field, frozen

from aiocloudauth import RenewalPolicy
from aiocloudauth._core import sharing
from aiocloudauth._core.lifecycle import Machine, refused
from aiocloudauth._core.sharing import (
    Adopt,
    Drop,
    Failure,
    Member,
    Need,
    Publish,
    Rest,
    Shared,
    Take,
    Wait,
)
from aiocloudauth._core.states import (
    FOREVER,
    Abandon,
    Abilities,
    Acquiring,
    Ask,
    Confirmed,
    Effect,
    Exchange,
    Failed,
    Grant,
    Granted,
    Input,
    Login,
    LoginAsked,
    LogoutAsked,
    New,
    Opened,
    Record,
    Refresh,
    Rejected,
    RenewalAsked,
    Renewing,
    Serve,
    State,
    Unconfirmed,
    WakeAt,
    Want,
    Withhold,
    Woken,
)
from aiocloudauth.errors import AuthenticationClusterError, TransportError, UnauthorizedError
from aiocloudauth.token import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocloudauth.errors import CloudAuthError

#: A tick is a second. A token lives for eight, is due after four and unsendable after seven.
LIFE: Final = 8
POLICY: Final = RenewalPolicy(
    margin_fraction=0.5,
    jitter=0.0,
    hard_margin=1.0,
    hard_margin_fraction=0.5,
    min_interval=1.0,
    backoff=1.0,
    backoff_max=1.0,
    attempt_timeout=2.0,
    renewal_timeout=6.0,
)
MACHINE: Final = Machine(POLICY, Abilities())
LONG_AGO: Final = -100
#: The longest pause that the lifecycle makes after an attempt, seconds.
PACE: Final = POLICY.min_interval + POLICY.backoff_max
EPOCH: Final = 1_767_225_600.0
#: What a member knows of the store's version: it is what it loaded or wrote, or it is not.
CURRENT, OUTDATED = "current", "outdated"
#: The name of a lease that nobody has yet.
UNNAMED: Final = "?"

DOWN: Final = AuthenticationClusterError("down", status=502)
LOST: Final = TransportError("the answer was lost")
DEAD: Final = UnauthorizedError("dead", status=401)


class WrongError(AssertionError):
    """An invariant does not hold."""


@frozen
class Token:
    """A token as the server knows it."""

    number: int
    session: int
    expires: int


@frozen
class Flight:
    """How far one attempt has come. `at` names what its next step does."""

    number: int
    at: str
    need: Need
    until: float
    token: Secret | None = None
    taken: Take | None = None
    version: str | None = None
    shared: Shared | None = None
    outcome: Grant | Failure | None = None
    error: CloudAuthError | None = None
    not_before: float = 0.0
    leased_at: int | None = None


@frozen(cache_hash=True)
class One:
    """One member: the shipped state of its lifecycle, what it knows, and its attempt."""

    state: State
    member: Member
    skew: int
    #: For a course to be read; two worlds are one if only this differs.
    who: int = field(eq=False)
    wake: float = FOREVER
    flight: Flight | None = None
    alive: bool = True
    asleep: bool = False
    called: int = LONG_AGO
    served: int = 0
    seen: int = 0


@frozen(cache_hash=True)
class World:
    """All there is."""

    members: tuple[One, ...]
    now: int = 0
    store: Shared | None = None
    tokens: tuple[Token, ...] = ()
    sessions: int = 0
    #: Sessions that the server ended, and those that were logged out and so marked.
    ended: frozenset[int] = frozenset()
    marked: frozenset[str] = frozenset()
    down: bool = False
    faults: int = 0


Step = tuple[str, World]


def fresh(skews: tuple[int, ...]) -> World:
    """Return a fleet that opens on an empty store."""
    members = tuple(One(New(Record()), Member(), skew, who) for who, skew in enumerate(skews))
    world = World(members)
    for index in range(len(skews)):
        world = feed(world, index, Opened(0.0))
    return world


def put(world: World, index: int, one: One) -> World:
    """Return the world with one member changed."""
    members = world.members
    return evolve(world, members=(*members[:index], one, *members[index + 1 :]))


def feed(world: World, index: int, event: Input) -> World:
    """Feed one member's lifecycle, and start or drop its attempt."""
    one = world.members[index]
    state, effects = MACHINE.step(one.state, event)
    one = evolve(one, state=state)
    for effect in effects:
        one = perform(world, one, effect)
    if one.flight is not None and not isinstance(state, Renewing | Acquiring):
        raise WrongError("1: an attempt is under way that the lifecycle does not know")
    return put(world, index, one)


def perform(world: World, one: One, effect: Effect) -> One:
    """Carry out one effect."""
    match effect:
        case Ask() | Login() | Refresh():
            if one.flight is not None:
                raise WrongError("1: two attempts at once")
            own = effect.token.token if isinstance(effect, Refresh | Ask) else None
            want = Want.ANY if isinstance(effect, Ask) else effect.want
            dead = isinstance(effect, Login) and effect.dead
            need = Need(want, own, dead, effect.timeout)
            at = "ask" if isinstance(effect, Ask) else "load"
            until = world.now + POLICY.attempt_timeout + sharing.LEASE_MARGIN
            rested = 0.0 if at == "ask" else one.called + POLICY.min_interval
            return evolve(one, flight=Flight(effect.number, at, need, until, not_before=rested))
        case Abandon():
            return evolve(one, flight=None)
        case WakeAt(at):
            return evolve(one, wake=at)
        case Serve(held):
            number = int(held.token.token.reveal())
            generation = held.token.generation
            if generation < one.seen:
                raise WrongError("4: the token in hand went back")
            return evolve(one, served=number, seen=generation)
        case Withhold():
            return evolve(one, served=0)
    return one


# -- what can happen ------------------------------------------------------------------------


def steps(world: World, *, faults: int, until: int) -> Iterator[Step]:
    """Yield every world that can follow, with what happened."""
    busy = False
    for index, one in enumerate(world.members):
        if one.asleep:
            yield f"{one.who} goes on", put(world, index, evolve(one, asleep=False))
        else:
            for name, after in moves(world, index, one):
                busy = True
                yield f"{one.who} {name}", after
    if not busy and world.now < until:
        yield "a second passes", evolve(world, now=world.now + 1)
    if world.faults < faults:
        spent = evolve(world, faults=world.faults + 1)
        for name, after in mishaps(spent):
            yield name, after


def mishaps(world: World) -> Iterator[Step]:
    """Yield what goes wrong, or is done by users."""
    if world.store is not None:
        # With it go the marks, and whose lease it was.
        gone = outdated(evolve(world, store=None, marked=frozenset()))
        for index, one in enumerate(gone.members):
            if one.flight is not None and one.flight.leased_at is not None:
                gone = put(gone, index, evolve(one, flight=evolve(one.flight, leased_at=None)))
        yield "the store is wiped", gone
    if world.tokens and not world.down:
        yield (
            "the server revokes all",
            evolve(world, ended=world.ended | frozenset(range(world.sessions + 1))),
        )
    yield (
        ("the server is up" if world.down else "the server is down"),
        evolve(world, down=not world.down),
    )
    for index, one in enumerate(world.members):
        yield from mishaps_of(world, index, one)


def mishaps_of(world: World, index: int, one: One) -> Iterator[Step]:
    """Yield what goes wrong with one member, or is done by its user."""
    if not one.alive:
        born = One(New(Record()), Member(), one.skew, one.who)
        yield f"{one.who} is restarted", feed(put(world, index, born), index, Opened(world.now))
        return
    yield f"{one.who} is killed", put(world, index, gone(one))
    if one.asleep:
        return
    yield f"{one.who} falls asleep", put(world, index, evolve(one, asleep=True))
    flight = one.flight
    if flight is not None and flight.at == "call":
        yield f"{one.who}'s answer is lost", call(world, index, one, lost=True)
    if one.member.lease or BUGS.get("closes anything"):
        yield f"{one.who} is closed", close(world, index, one)
    if flight is None and one.served:
        yield f"{one.who} refresh()", feed(world, index, RenewalAsked(world.now))
        yield f"{one.who} login()", feed(world, index, LoginAsked(world.now))
    if one.served:
        yield f"{one.who} logout()", log_out(world, index, one)


def log_out(world: World, index: int, one: One) -> World:
    """Forget the token, mark its session, and end it on the server."""
    session = one.member.session
    world = feed(world, index, LogoutAsked(world.now))
    world = written(world, sharing.logged_out(world.store or Shared(), session))
    token = world.tokens[one.served - 1]
    return evolve(world, ended=world.ended | {token.session}, marked=world.marked | {session})


def close(world: World, index: int, one: One) -> World:
    """Give the lease back, if it is one's own, and be gone."""
    if world.store is not None:
        after = sharing.released(world.store, one.member)
        if after is not None:
            world = written(world, after)
    return put(world, index, gone(one))


def gone(one: One) -> One:
    """Return the member whose process is no more."""
    return One(New(Record()), Member(), one.skew, one.who, alive=False)


def canonical(world: World) -> World:
    """Return the same world without what makes no difference any more.

    That is: which member is which, how many attempts there were, and when the last one was, once
    that is over.
    """
    members = sorted((settled(world, one) for one in world.members), key=order)
    # One object for each: worlds are compared by the hundred thousand.
    return evolve(world, members=tuple(KNOWN.setdefault((one, one.who), one) for one in members))


def order(one: One) -> tuple[int, str]:
    """Return what members are put in order by: all that tells them apart."""
    return hash(one), str(one.member.sights)


def settled(world: World, one: One) -> One:
    """Return the member without what makes no difference any more."""
    lease = None if world.store is None else world.store.lease
    if one.member.lease and (lease is None or lease.name != one.member.lease):
        one = evolve(one, member=evolve(one.member, lease=""))
    if world.now - one.called >= POLICY.min_interval:
        one = evolve(one, called=LONG_AGO)
    record = one.state.record
    if one.flight is None and world.now - max(record.started_at, record.asked_at) >= PACE:
        record = evolve(record, number=0, started_at=float(LONG_AGO), asked_at=float(LONG_AGO))
        one = evolve(one, state=evolve(one.state, record=record))
    return one


def moves(world: World, index: int, one: One) -> Iterator[Step]:
    """Yield the next step of one member."""
    flight = one.flight
    if not one.alive:
        return
    if flight is None or flight.not_before > world.now:
        if one.wake <= world.now:
            after = feed(put(world, index, evolve(one, wake=FOREVER)), index, Woken(world.now))
            yield "wakes", after
        if one.served and not good(world, one.served) and world.now < LIFE * 10:
            held = getattr(one.state, "held", None)
            if held is not None and held.expires_at > world.now:
                generation = held.token.generation
                after = feed(world, index, Rejected(world.now, generation, coded=True, draw=0.0))
                if after != world:
                    yield "is refused", after
        return
    step = {
        "load": load,
        "swap": swap,
        "call": call,
        "publish": publish,
        "reload": reload,
        "ask": ask,
    }[flight.at]
    yield flight.at, step(world, index, one)


def good(world: World, number: int) -> bool:
    """Return whether the server takes this token."""
    token = world.tokens[number - 1]
    return token.session not in world.ended and world.now < token.expires


# -- an attempt, step by step -----------------------------------------------------------------


def flying(world: World, index: int, one: One, **changes: object) -> World:
    """Return the world with one member's attempt changed."""
    assert one.flight is not None
    return put(world, index, evolve(one, flight=evolve(one.flight, **changes)))  # type: ignore[arg-type]  # checked by the model


def landed(world: World, index: int, one: One, event: Input) -> World:
    """Return the world after one member's attempt has ended."""
    return feed(put(world, index, evolve(one, flight=None)), index, event)


def looked(world: World, one: One) -> tuple[Shared, One]:
    """Return the record, and the member that has seen it."""
    shared = world.store or Shared()
    return shared, evolve(one, member=one.member.at(shared, world.now))


def version(world: World) -> str | None:
    """Return the version of what is held; one that was current before is `OUTDATED`."""
    return None if world.store is None else CURRENT


def outdated(world: World) -> World:
    """Return the world after a change of the store: nobody knows its version now."""
    for index, one in enumerate(world.members):
        if one.flight is not None and one.flight.version == CURRENT:
            world = flying(world, index, one, version=OUTDATED)
    return world


def adopt(world: World, index: int, one: One, shared: Shared) -> World:
    """Use the record's token."""
    assert one.flight is not None
    if shared.session in world.marked:
        raise WrongError("16: a token was adopted whose session was logged out")
    if shared.generation <= one.member.generation:
        raise WrongError("4: an older token was adopted")
    age = sharing.age_of(shared, one.member, world.now, wall(world, index))
    member = evolve(one.member, generation=shared.generation, session=shared.session)
    grant = sharing.adopted(shared, age, world.now)
    one = evolve(one, member=member)
    return landed(world, index, one, Granted(world.now, one_flight(one).number, grant, 0.0))


def one_flight(one: One) -> Flight:
    """Return the attempt that is under way."""
    assert one.flight is not None
    return one.flight


def wall(world: World, index: int) -> float:
    """Return what one member's wall clock shows."""
    return EPOCH + world.now + world.members[index].skew


def named(world: World, one: One) -> str:
    """Return a name that is nowhere else."""
    used = set(names(world))
    return next(name for n in count() if (name := f"{one.skew}@{world.now}.{n}") not in used)


def names(world: World) -> Iterator[object]:
    """Yield every name that is somewhere."""
    for shared in (world.store, *(o.flight.shared for o in world.members if o.flight is not None)):
        if shared is not None:
            yield from (shared.session, *shared.ended)
            yield from (thing.name for thing in (shared.lease, shared.failure) if thing is not None)
    for one in world.members:
        yield from (one.member.session, one.member.lease, *one.member.sights)
        if one.flight is not None and one.flight.taken is not None:
            yield one.flight.taken.session


def load(world: World, index: int, one: One) -> World:
    """Load the record, and decide."""
    flight = one_flight(one)
    if world.now >= flight.until:
        return flying(world, index, one, at="call", token=flight.need.token, taken=None)
    shared, one = looked(world, one)
    step = sharing.next_step(
        shared,
        one.member,
        flight.need,
        now=world.now,
        wall=wall(world, index),
        policy=POLICY,
        name=UNNAMED,
    )
    match step:
        case Adopt():
            return adopt(world, index, one, shared)
        case Rest(error, seconds):
            failed = Failed(world.now, flight.number, error, 0.0, seconds)
            return landed(world, index, one, failed)
        case Wait():
            return flying(world, index, one, not_before=world.now + 1)
        case Take():
            return flying(world, index, one, at="swap", taken=step, version=version(world))


def swapped(world: World, shared: Shared, expected: str | None) -> World:
    """Swap; the same world if somebody was first."""
    if expected != version(world) and not BUGS.get("publish without compare"):
        return world
    return written(world, shared)


def written(world: World, shared: Shared) -> World:
    """Write, or raise if that breaks an invariant."""
    before = world.store
    numbers = [
        int(record.token.reveal())
        for record in (before, shared)
        if record is not None and record.token is not None
    ]
    if numbers != sorted(numbers):
        raise WrongError("16: an older token took the place of the store's")
    new = before is None or shared.generation != before.generation
    if new and shared.token is not None and shared.session in world.marked:
        raise WrongError("16: a token was published whose session was logged out")
    return outdated(evolve(world, store=shared))


def swap(world: World, index: int, one: One) -> World:
    """Take the lease."""
    flight = one_flight(one)
    assert flight.taken is not None
    assert flight.taken.shared.lease is not None
    # Named here, so that worlds are not told apart by names that were drawn in vain.
    name, session = named(world, one), flight.taken.session
    lease = evolve(flight.taken.shared.lease, name=name)
    taken = evolve(
        flight.taken,
        shared=evolve(flight.taken.shared, lease=lease),
        session=name if session == UNNAMED else session,
    )
    after = swapped(world, taken.shared, flight.version)
    if after is world:
        again = evolve(flight, at="load", taken=None, version=None, not_before=world.now + 1)
        return put(world, index, evolve(one, flight=again))
    for number, other in enumerate(after.members):
        theirs = other.flight
        if number == index or theirs is None or theirs.leased_at is None:
            continue
        assert theirs.taken is not None
        assert theirs.taken.shared.lease is not None
        if world.now - theirs.leased_at < theirs.taken.shared.lease.seconds:
            raise WrongError("a lease was taken that still stood")
    return flying(
        after,
        index,
        evolve(one, member=evolve(one.member, lease=name)),
        at="call",
        taken=taken,
        token=taken.token,
        version=CURRENT,
        leased_at=world.now,
    )


def call(world: World, index: int, one: One, *, lost: bool = False) -> World:
    """Call the server, which does its work; the answer may be `lost`."""
    flight = one_flight(one)
    if flight.taken is not None and flight.leased_at is not None:
        assert flight.taken.shared.lease is not None
        if world.now - flight.leased_at > flight.taken.shared.lease.seconds:
            return flying(world, index, one, at="load", leased_at=None)  # it slept too long
    if world.now - one.called < POLICY.min_interval:
        raise WrongError("3: two attempts closer than min_interval")
    one = evolve(one, called=world.now)
    if world.down:
        return called(world, index, one, error=LOST if lost else DOWN)
    if flight.token is not None:
        old = world.tokens[int(flight.token.reveal()) - 1]
        if not good(world, old.number):
            return called(world, index, one, error=LOST if lost else DEAD)
        session = old.session
    else:
        session = world.sessions + 1
        world = evolve(world, sessions=session)
    number = len(world.tokens) + 1
    token = Token(number, session, world.now + LIFE)
    world = evolve(world, tokens=(*world.tokens, token))
    shown = wall(world, index)
    grant = Grant(
        secret=Secret(str(number)),
        scheme="Bearer",
        expires_at=datetime.fromtimestamp(EPOCH + token.expires, UTC),
        received_at=float(world.now),
        sent_wall=shown,
        received_wall=shown,
        server_wall=EPOCH + world.now,
        by=Exchange.LOGIN if flight.token is None else Exchange.REFRESH,
    )
    if lost:
        return called(world, index, one, error=LOST)
    return called(world, index, one, grant=grant)


def called(
    world: World,
    index: int,
    one: One,
    *,
    grant: Grant | None = None,
    error: CloudAuthError | None = None,
) -> World:
    """See what the call came to."""
    flight = evolve(one_flight(one), outcome=grant, error=error)
    one, taken = evolve(one, flight=flight), flight.taken
    if taken is None:
        return alone(world, index, one)
    if error is None:
        assert grant is not None
        one = evolve(one, member=evolve(one.member, offset=sharing.offset_of(grant)))
        return flying(world, index, one, at="publish", shared=taken.shared)
    if taken.token is not None and refused(error, 401):
        newest = max(one.member.generation, taken.shared.generation)
        one = evolve(one, member=evolve(one.member, generation=newest), called=LONG_AGO)
        if flight.need.token is None:
            need = evolve(flight.need, dead=True)
            return flying(world, index, one, at="load", need=need)
        return landed(world, index, one, Failed(world.now, flight.number, error, 0.0))
    name = named(world, one)
    failure = sharing.failure_of(error, taken.shared, POLICY, name=name, draw=0.0)
    return flying(world, index, one, at="publish", shared=taken.shared, outcome=failure)


def alone(world: World, index: int, one: One) -> World:
    """End an attempt without the store."""
    flight = one_flight(one)
    if flight.error is not None:
        one = evolve(one, called=LONG_AGO) if refused(flight.error, 401) else one
        return landed(world, index, one, Failed(world.now, flight.number, flight.error, 0.0))
    assert isinstance(flight.outcome, Grant)
    if flight.token is None:
        one = evolve(one, member=evolve(one.member, session=named(world, one)))
    return landed(world, index, one, Granted(world.now, flight.number, flight.outcome, 0.0))


def reload(world: World, index: int, one: One) -> World:
    """Load the record after a publication that was lost, and conclude by that."""
    shared, one = looked(world, one)
    return publish_with(world, index, one, shared, version(world))


def publish(world: World, index: int, one: One) -> World:
    """Publish against the lease's version."""
    flight = one_flight(one)
    assert flight.shared is not None
    return publish_with(world, index, one, flight.shared, flight.version)


def publish_with(world: World, index: int, one: One, shared: Shared, expected: str | None) -> World:
    """Conclude by this record, and do that."""
    flight = one_flight(one)
    assert flight.taken is not None
    assert flight.outcome is not None
    end = sharing.conclude(
        shared,
        one.member,
        flight.taken,
        flight.outcome,
        now=world.now,
        wall=wall(world, index),
        policy=POLICY,
    )
    rest = 0.0
    match end:
        case Publish(new):
            after = swapped(world, new, expected)
            if after is world:
                return flying(world, index, one, at="reload")
            world = after
            member = one.member.at(new, world.now)
            newest = max(member.generation, new.generation)
            one = evolve(one, member=evolve(member, generation=newest, lease=""))
        case Adopt():
            return adopt(world, index, one, shared)
        case Drop():
            assert isinstance(flight.outcome, Grant)
            token = world.tokens[int(flight.outcome.secret.reveal()) - 1]
            world = evolve(world, ended=world.ended | {token.session})
            need, rested = evolve(flight.need, token=None), one.called + POLICY.min_interval
            again = {"at": "load", "need": need, "leased_at": None, "not_before": rested}
            return flying(world, index, one, **again)
    if isinstance(flight.outcome, Failure):
        assert flight.error is not None
        rest = flight.outcome.rest
        failed = Failed(world.now, flight.number, flight.error, 0.0, rest)
        return landed(world, index, one, failed)
    one = evolve(one, member=evolve(one.member, session=flight.taken.session))
    return landed(world, index, one, Granted(world.now, flight.number, flight.outcome, 0.0))


def ask(world: World, index: int, one: One) -> World:
    """Look for a newer token before asking the server."""
    flight = one_flight(one)
    shared, one = looked(world, one)
    if sharing.newer(shared, one.member, world.now, wall(world, index), POLICY)[0]:
        return adopt(world, index, one, shared)
    if sharing.leased(shared, one.member, world.now, POLICY) and world.now < flight.until:
        return flying(world, index, one, not_before=world.now + 1)
    if world.down:
        return landed(world, index, one, Unconfirmed(world.now, flight.number, dead=False))
    assert flight.need.token is not None
    if good(world, int(flight.need.token.reveal())):
        return landed(world, index, one, Confirmed(world.now, flight.number))
    return landed(world, index, one, Unconfirmed(world.now, flight.number, dead=True))


#: Every member that was met, so that what is equal is identical.
KNOWN: Final[dict[tuple[One, int], One]] = {}
#: Bugs that are switched on, beside those that are patched into the core.
BUGS: Final[dict[str, bool]] = {}
