"""The table of transitions says neither too little nor too much. No event loop."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Final, TypeAlias

import pytest

from aiocloudauth._core.lifecycle import Machine
from aiocloudauth._core.states import (
    FOREVER,
    TRANSITIONS,
    Abilities,
    Acquiring,
    Ask,
    CloseAsked,
    Confirmed,
    Exchange,
    Failed,
    Flight,
    Grant,
    Granted,
    Held,
    IllegalInputError,
    Input,
    Login,
    LoginAsked,
    LogoutAsked,
    New,
    Opened,
    OpenGivenUp,
    Record,
    Refresh,
    Rejected,
    RenewalAsked,
    Renewing,
    State,
    Unconfirmed,
    Wanted,
    Woken,
)
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import Secret
from tests.core.lifecycle_driver import EPOCH, EXPIRED, NO_CLUSTER, TRANSIENT
from tests.verify.lengths import FULL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row: TypeAlias = tuple[type[State], type[Input], type[State]]

INPUTS: Final[tuple[type[Input], ...]] = (
    Opened,
    OpenGivenUp,
    Woken,
    Wanted,
    Rejected,
    RenewalAsked,
    LoginAsked,
    Granted,
    Failed,
    Confirmed,
    Unconfirmed,
    LogoutAsked,
    CloseAsked,
)
#: min_interval is the longer one, so that a timer may find that it is not time yet.
POLICY: Final = RenewalPolicy(min_interval=20.0, permanent_interval=10.0, jitter=0.0)
#: A password, one from a callable, and a bare token.
KINDS: Final = (Abilities(), Abilities(rotates=True), Abilities(repeatable=False))
#: How many inputs the walk goes from the start; its ways have all been taken by then.
DEPTH: Final = 6
#: Lives of new tokens, seconds: good, shorter than `min_interval`, dead.
LIVES: Final = (1000.0, 10.0, -1.0)


def grant(now: float, expires: float) -> Grant:
    """Return a token that ends at `expires`."""
    wall = EPOCH.timestamp() + now
    return Grant(
        secret=Secret("token"),
        scheme="Bearer",
        expires_at=EPOCH + timedelta(seconds=expires),
        received_at=now,
        sent_wall=wall,
        received_wall=wall,
    )


def held_by(state: State) -> Held | None:
    """Return the token in hand, or the last one."""
    return getattr(state, "held", None) or getattr(state, "spent", None)


def inputs(state: State, now: float) -> Iterator[Input]:  # noqa: C901 - a row an input
    """Make every input that fits, each with the details that matter."""
    number, generation = state.record.number, state.record.generation
    allowed = TRANSITIONS[type(state)]
    for kind in (Opened, OpenGivenUp, Woken, Wanted, RenewalAsked, LogoutAsked, CloseAsked):
        if kind in allowed:
            yield kind(now)
    if Rejected in allowed:
        for coded in (True, False):
            yield Rejected(now, generation, coded, 0.0)
        yield Rejected(now, generation - 1, coded=True, draw=0.0)
    if LoginAsked in allowed:
        yield LoginAsked(now)
        yield LoginAsked(now, trial=True)
    yield Granted(now, number + 1, grant(now, now + LIVES[0]), 0.0)
    yield Failed(now, number + 1, EXPIRED, 0.0)
    yield Confirmed(now, number + 1)
    yield Unconfirmed(now, number + 1, dead=True)
    if isinstance(state, Renewing | Acquiring) and state.flight.by is Exchange.ASK:
        yield Confirmed(now, number)
        yield Unconfirmed(now, number, dead=True)
        yield Unconfirmed(now, number, dead=False)
        yield Failed(now, number, TRANSIENT[0], 0.0)
    elif isinstance(state, Renewing | Acquiring):
        held = held_by(state)
        ends = [now + life for life in LIVES]
        if held is not None:
            ends.append(held.expires_at)  # a cap on the session
        for end in ends:
            yield Granted(now, number, grant(now, end), 0.0)
        for error in (EXPIRED, NO_CLUSTER, TRANSIENT[0]):
            yield Failed(now, number, error, 0.0)


def moments(state: State, now: float) -> set[float]:
    """Return the instants at which the state may look different, and one long after."""
    held = held_by(state)
    candidates = {
        now,
        state.record.started_at + POLICY.min_interval,
        getattr(state, "next_at", now),
        getattr(state, "ask_at", now),
        state.record.barred_until,
        now if held is None else held.hard_at,
    }
    far = max(at for at in candidates if at < FOREVER) + POLICY.min_interval
    return {at for at in candidates if now <= at < FOREVER} | {far}


def shape(state: State, now: float) -> object:
    """Return what decides about the future, with the same times on the clock for all."""

    def ahead(at: float) -> float:
        return max(at - now, 0.0) if at < FOREVER else at

    def token(held: Held | None) -> object:
        times = (ahead(held.hard_at), ahead(held.expires_at)) if held else ()
        return held and (*times, held.final, held.confirmed, held.dead)

    record = state.record
    flight: Flight | None = getattr(state, "flight", None)
    by: Exchange | None = getattr(state, "by", None)
    return (
        type(state),
        ahead(record.started_at + POLICY.min_interval),
        type(record.error),
        record.refused is None,
        ahead(record.barred_until),
        record.called,
        min(record.calls, 2),
        ahead(getattr(state, "ask_at", FOREVER)),
        shape(before, now) if (before := getattr(state, "before", None)) else None,
        token(held_by(state)),
        ahead(getattr(state, "next_at", now)),
        by,
        flight and flight.by,
        flight and (flight.before and shape(flight.before, now), flight.trial, flight.insisted),
    )


@cache
def explored() -> tuple[dict[Row, int], dict[type[State], State]]:
    """Walk every way from the start, breadth first, and note which rows were used."""
    rows: dict[Row, int] = {}
    examples: dict[type[State], State] = {}
    for kind in KINDS:
        machine = Machine(POLICY, kind)
        start: State = New(Record())
        todo = deque([(start, 0.0, 0)])
        seen = {shape(start, 0.0)}
        while todo:
            state, now, depth = todo.popleft()
            examples.setdefault(type(state), state)
            for at in moments(state, now):
                for event in inputs(state, at):
                    after, _ = machine.step(state, event)
                    row = (type(state), type(event), type(after))
                    rows[row] = rows.get(row, 0) + 1
                    if depth < DEPTH and (form := shape(after, at)) not in seen:
                        seen.add(form)
                        todo.append((after, at, depth + 1))
    return rows, examples


#: Inputs of the random walk, over all its machines.
STEPS: Final = 1_000_000 if FULL else 200_000
#: How often one kind of input is taken among those that fit: what ends a session, seldom.
RARE: Final = (OpenGivenUp, LogoutAsked, CloseAsked)


@pytest.mark.timeout(600)
def test_a_walk_at_random_keeps_the_floor_between_attempts() -> None:
    """Inputs in any order and at any time: no two calls closer than `min_interval`.

    But for the login after a refused ``_refresh``, which belongs to the same attempt; a
    question is no call, and there is never more than one thing under way.
    """
    chance = Random(20_260_101)
    steps = 0
    while steps < STEPS:
        machine = Machine(chance.choice((POLICY, RenewalPolicy())), chance.choice(KINDS))
        state: State = New(Record())
        now, last = 0.0, (0, -FOREVER)
        for _ in range(500):
            now = chance.choice(sorted(moments(state, now))) if chance.random() < 0.5 else now
            fitting = list(inputs(state, now))
            event = chance.choice(fitting)
            if isinstance(event, RARE) and chance.random() < 0.98:
                continue
            steps += 1
            state, effects = machine.step(state, event)
            started = [effect for effect in effects if isinstance(effect, Ask | Login | Refresh)]
            assert len(started) <= 1
            for call in started:
                if not isinstance(call, Ask):
                    same = call.number == last[0]
                    assert same or now - last[1] >= machine.policy.min_interval - 1e-9
                    last = (call.number, last[1] if same else now)


def table() -> Iterator[Row]:
    """Return every row of the table."""
    for state, taken in TRANSITIONS.items():
        for event, outcomes in taken.items():
            for after in outcomes:
                yield state, event, after


def named(rows: Iterable[Row]) -> list[str]:
    """Write rows down for a reader."""
    return sorted(f"{a.__name__}, {event.__name__} → {b.__name__}" for a, event, b in rows)


def test_every_row_of_the_table_can_happen() -> None:
    """A row that no way leads to would hide a fault, and draw an arrow that is not there."""
    rows, _ = explored()
    assert named(set(table()) - rows.keys()) == []


def test_nothing_happens_that_the_table_does_not_say() -> None:
    """The walk tries every input that fits, with every detail that matters."""
    rows, _ = explored()
    assert named(rows.keys() - set(table())) == []
    assert sum(rows.values()) > 100_000


@pytest.mark.parametrize("kind", list(TRANSITIONS), ids=lambda kind: kind.__name__)
def test_an_input_without_a_row_is_illegal(kind: type[State]) -> None:
    """In every state, whatever is not in the table raises."""
    _, examples = explored()
    machine, state = Machine(POLICY, Abilities()), examples[kind]
    missing = [event for event in INPUTS if event not in TRANSITIONS[kind]]
    assert missing
    for event in missing:
        details = (1, True, 0.0) if event is Rejected else ()
        with pytest.raises(IllegalInputError, match=f"^{event.__name__} in {kind.__name__}$"):
            machine.step(state, event(0.0, *details))


def test_every_input_is_known_to_the_table() -> None:
    """The walk leaves no input out."""
    assert {event for taken in TRANSITIONS.values() for event in taken} == set(INPUTS)


def test_an_outcome_that_the_table_does_not_allow_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table binds the code, too."""
    monkeypatch.setitem(TRANSITIONS[New], Opened, (New,))
    with pytest.raises(IllegalInputError, match=r"^Opened led from New to Acquiring$"):
        Machine(POLICY, Abilities()).step(New(Record()), Opened(0.0))
