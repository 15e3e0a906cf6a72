"""What happens in a simulated year, drawn from a seed before it begins.

Instants are seconds of true time since the start: that of the server's machine, which is
neither suspended nor stepped.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from typing import Final

from attrs import frozen

DAY: Final = 86_400.0
MINUTE: Final = 60.0

TOKEN_LIFETIME: Final = 20 * MINUTE
SESSION_CAP: Final = 12 * 3600.0

#: Events keep this far from each other, where they are not put into one another on purpose.
#: A client that was suspended looks at the wall clock within 30 s and needs some attempts
#: then; only after that may it be held to have prepared for the next event.
_APART: Final = 120.0

#: Events of a whole year: outages below a token's life, outages above it, suspends, steps of
#: the client's clock, rotations of the password. Of the suspends and of the steps back some
#: fall into an outage.
_YEAR: Final = {"short": 12, "long": 4, "suspend": 30, "step": 6, "rotation": 2}
_LEAST: Final = {"short": 2, "long": 1, "suspend": 4, "step": 2, "rotation": 2}

#: The longest suspend that begins in an outage, in lengths of that.
_LONGER: Final = 1.5

#: Around an event requests come this much denser, seconds.
_BEFORE: Final = 60.0
_AFTER: Final = 180.0


class PlanError(ValueError):
    """There is no such plan."""


@frozen(order=True)
class Interval:
    """From `start` until before `end`."""

    start: float
    end: float

    def __contains__(self, at: float) -> bool:
        """Tell whether `at` lies in it."""
        return self.start <= at < self.end


@frozen(order=True)
class Step:
    """The client's wall clock is set forward, or back."""

    at: float
    by: float


@frozen(order=True)
class Rotation:
    """The server takes another password; the client's vault has it `lag` seconds later.

    `ends_sessions`: every token issued before is revoked, as after a leak.
    """

    at: float
    password: str
    lag: float
    ends_sessions: bool

    @property
    def gap(self) -> Interval:
        """The time in which the client cannot know the password."""
        return Interval(self.at, self.at + self.lag)


@frozen
class Plan:
    """The script of one run."""

    days: float
    outages: tuple[Interval, ...]
    suspends: tuple[Interval, ...]
    steps: tuple[Step, ...]
    rotations: tuple[Rotation, ...]
    dense: tuple[Interval, ...]

    @staticmethod
    def draw(seed: int, days: float) -> Plan:
        """Draw the events of `days` days: those of a year, or a share of them."""
        return _Draw(random.Random(f"plan {seed}"), days).plan()

    @property
    def end(self) -> float:
        """When it is over."""
        return self.days * DAY

    @property
    def long_outages(self) -> tuple[Interval, ...]:
        """The outages that no token outlives."""
        return tuple(o for o in self.outages if o.end - o.start > TOKEN_LIFETIME)

    def is_out(self, at: float) -> bool:
        """Tell whether the authentication cluster is out of order at `at`."""
        return _around(self.outages, at) is not None

    def is_dense(self, at: float) -> bool:
        """Tell whether an event is near."""
        return _around(self.dense, at) is not None

    def next_dense(self, at: float) -> float:
        """Return when the next event draws near, or the end of it all."""
        index = bisect_right(self.dense, at, key=lambda interval: interval.start)
        return self.dense[index].start if index < len(self.dense) else self.end


def _around(intervals: tuple[Interval, ...], at: float) -> Interval | None:
    index = bisect_right(intervals, at, key=lambda interval: interval.start) - 1
    return intervals[index] if index >= 0 and at in intervals[index] else None


class _Draw:
    """Every event gets a slot of its own, so that none spoils what another one is to show."""

    def __init__(self, rng: random.Random, days: float) -> None:
        self._rng = rng
        counts = {
            kind: max(_LEAST[kind], round(count * days / 365)) for kind, count in _YEAR.items()
        }
        self._nested_suspends = max(1, counts["suspend"] // 6)
        self._nested_steps = max(1, counts["step"] // 3)
        counts["suspend"] -= self._nested_suspends
        counts["step"] -= self._nested_steps
        self._slots = [kind for kind, count in counts.items() for _ in range(count)]
        self._days = days
        self._width = days * DAY / len(self._slots)
        if self._width < 3 * 3600.0:
            msg = f"{days:g} days are too short for {len(self._slots)} events: 3 hours each"
            raise PlanError(msg)
        self._outages: list[Interval] = []
        self._suspends: list[Interval] = []
        self._steps: list[Step] = []
        self._rotations: list[Rotation] = []

    def plan(self) -> Plan:
        self._rng.shuffle(self._slots)
        for number, kind in enumerate(self._slots):
            self._place(kind, number * self._width)
        self._nest()
        return Plan(
            self._days,
            tuple(sorted(self._outages)),
            tuple(sorted(self._suspends)),
            tuple(sorted(self._steps)),
            tuple(sorted(self._rotations)),
            self._dense(),
        )

    def _place(self, kind: str, start: float) -> None:
        rng = self._rng
        if kind == "short":
            self._out(start, rng.uniform(1 * MINUTE, 15 * MINUTE))
        elif kind == "long":
            self._out(start, rng.uniform(1.05, 2.2) * TOKEN_LIFETIME)
        elif kind == "suspend":
            longest = min(12 * 3600.0, self._width - 3600.0)
            self._suspends.append(self._within(start, rng.uniform(MINUTE, longest)))
        elif kind == "step":
            by = rng.choice([-1, 1]) * rng.choice([20.0, 900.0, 3600.0, 7200.0])
            self._steps.append(Step(self._within(start, 0.0).start, by))
        else:
            self._rotate(self._within(start, 0.0).start)

    def _out(self, start: float, length: float) -> None:
        # With room for a suspend that begins within it and lasts longer.
        at = self._within(start, (1 + _LONGER) * length).start
        self._outages.append(Interval(at, at + length))

    def _rotate(self, at: float) -> None:
        # In turn: sessions go on and the vault knows at once; all end and it knows late.
        harsh = len(self._rotations) % 2 == 1
        password = f"secret-{len(self._rotations) + 2}"
        lag = self._rng.uniform(20.0, 120.0) if harsh else 0.0
        self._rotations.append(Rotation(at, password, lag, ends_sessions=harsh))

    def _within(self, start: float, length: float) -> Interval:
        """Place something of this length in the slot, apart from its ends."""
        latest = self._width - _APART - length
        at = start + self._rng.uniform(_APART, latest)
        return Interval(at, at + length)

    def _nest(self) -> None:
        """Put suspends and steps back into outages, one each at most.

        Never a step forward: nothing tells it from a suspend, so a client has to take its
        token for dead, which no server can know of.
        """
        chosen = self._rng.sample(self._outages, k=self._nested_suspends + self._nested_steps)
        for outage in chosen[: self._nested_suspends]:
            length = outage.end - outage.start
            start = self._rng.uniform(outage.start, outage.end)
            self._suspends.append(Interval(start, start + self._rng.uniform(0.2, _LONGER) * length))
        for outage in chosen[self._nested_suspends :]:
            at = self._rng.uniform(outage.start, outage.end)
            self._steps.append(Step(at, -self._rng.choice([20.0, 900.0, 3600.0])))

    def _dense(self) -> tuple[Interval, ...]:
        """Where requests come densely: around every event, joined where they overlap."""
        events = [*self._outages, *self._suspends]
        events += [Interval(step.at, step.at) for step in self._steps]
        events += [rotation.gap for rotation in self._rotations]
        joined: list[Interval] = []
        for event in sorted(events):
            start, end = max(0.0, event.start - _BEFORE), event.end + _AFTER
            if joined and start <= joined[-1].end:
                start, end = joined[-1].start, max(end, joined.pop().end)
            joined.append(Interval(start, end))
        return tuple(joined)
