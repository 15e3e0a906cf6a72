"""When things go wrong: faults by path and time, as values, and the script that plays them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field, frozen

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import checks
from aiocloudauth.testing.effect import Effect
from aiocloudauth.testing.effects import EFFECTS

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

    from aiocloudauth.clock import Clock

__all__ = ["Fault", "Script"]


def _effects(given: Effect | str | Iterable[Effect | str]) -> tuple[Effect, ...]:
    several = (given,) if isinstance(given, (Effect, str)) else tuple(given)
    return tuple(_effect(one) for one in several)


def _effect(given: Effect | str) -> Effect:
    if isinstance(given, Effect):
        return given
    try:
        kind = EFFECTS[given]
    except (KeyError, TypeError):
        message = f"unknown fault {given!r}; known are {', '.join(sorted(EFFECTS))}"
        raise ConfigurationError(message) from None
    try:
        return kind()
    except TypeError:
        message = f"the fault {given!r} needs arguments; use {kind.__name__}(...)"
        raise ConfigurationError(message) from None


@frozen
class Fault:
    """What happens to which requests, and when. Durations in seconds.

    `path` is below the API root; `"_refresh"`, without a leading slash, matches the end of a
    path, `*` one segment and `**` any number of them. The first `skip` matching requests
    pass; then `times` of them are met, or all. Only from `after` until `until`, counted from
    when the server started or was handed the fault. With `down` and `up` the fault flaps: it
    holds for `down`, is gone for `up`, and so on. `probability` draws for each request. A
    fault that met nothing is reported when the server closes, unless it is `optional`.
    """

    path: str = field(validator=checks.path)
    effects: tuple[Effect, ...] = field(converter=_effects)
    method: str | None = field(default=None, validator=checks.optional_line, kw_only=True)
    times: int | None = field(default=None, validator=checks.optional_count, kw_only=True)
    skip: int = field(default=0, validator=checks.natural, kw_only=True)
    after: float = field(default=0.0, validator=checks.seconds, kw_only=True)
    until: float | None = field(default=None, validator=checks.optional_seconds, kw_only=True)
    down: float | None = field(default=None, validator=checks.optional_duration, kw_only=True)
    up: float | None = field(default=None, validator=checks.optional_duration, kw_only=True)
    probability: float = field(default=1.0, validator=checks.chance, kw_only=True)
    optional: bool = field(default=False, converter=bool, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if not self.effects:
            message = "a fault needs at least one effect"
            raise ConfigurationError(message)
        if self.until is not None and self.until <= self.after:
            message = f"the fault on {self.path!r} ends at {self.until} s, before it begins"
            raise ConfigurationError(message)
        if (self.down is None) is not (self.up is None):
            message = f"the fault on {self.path!r} flaps: give both down and up"
            raise ConfigurationError(message)

    def __str__(self) -> str:
        names = " + ".join(effect.name for effect in self.effects)
        return f"{names} at {self.method + ' ' if self.method else ''}{self.path}"


@define(eq=False)
class _Armed:
    fault: Fault
    pattern: re.Pattern[str]
    since: float
    seen: int = 0
    fired: int = 0

    def meets(self, method: str, path: str, clock: Clock) -> bool:
        fault = self.fault
        if fault.times is not None and self.fired >= fault.times:
            return False
        if fault.method is not None and fault.method != method:
            return False
        passed = clock.monotonic() - self.since
        if passed < fault.after or (fault.until is not None and passed >= fault.until):
            return False
        if fault.down is not None and fault.up is not None:
            phase = (passed - fault.after) % (fault.down + fault.up)
            if phase >= fault.down:
                return False
        if self.pattern.fullmatch(path) is None:
            return False
        self.seen += 1
        if self.seen <= fault.skip:
            return False
        if fault.probability < 1 and clock.random() >= fault.probability:
            return False
        self.fired += 1
        return True


class Script:
    """The faults of one server, in the order they were given; the first that fits is played."""

    def __init__(self, clock: Clock, faults: Iterable[Fault] = ()) -> None:
        self._clock = clock
        self._armed: list[_Armed] = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Arm a fault; its times count from now."""
        if not isinstance(fault, Fault):
            message = f"a script is made of Fault values, not {fault!r}"
            raise ConfigurationError(message)
        self._armed.append(_Armed(fault, checks.path_pattern(fault.path), self._clock.monotonic()))

    def start(self) -> None:
        """Count the times of all faults from now."""
        for armed in self._armed:
            armed.since = self._clock.monotonic()

    def clear(self) -> None:
        """Take all faults back; they are no longer missed either."""
        self._armed.clear()

    def meet(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request meets."""
        for armed in self._armed:
            if armed.meets(method, path, self._clock):
                return armed.fault
        return None

    @property
    def unfired(self) -> tuple[Fault, ...]:
        """The faults that met nothing, those that may do so left out."""
        return tuple(
            armed.fault for armed in self._armed if not armed.fired and not armed.fault.optional
        )

    def __bool__(self) -> bool:
        return bool(self._armed)
