"""When things go wrong: faults by path and time, as values, and the script that plays them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import validators
from aiocloudauth.testing.effects import EFFECTS, Effect
from aiocloudauth.testing.paths import path_pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

    from aiocloudauth.testing.messages import Call
    from aiocloudauth.testing.realm import Realm

__all__ = ["Fault", "Script"]


_credential: Final = validators.check(
    "'bearer', 'apikey' or 'basic'", lambda value: value in (None, "bearer", "apikey", "basic")
)


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
    path, `*` one segment and `**` any number of them. `method` and `credential` ("bearer",
    "apikey" or "basic") narrow that down, and so does `younger`: a token that was issued less
    than so long ago, as one that is not replicated yet.

    The first `skip` matching requests pass; then `times` of them are met, or all, or with
    `every` the last of each so many.
    Only from `after` until `until`, counted from when the server started or was handed the
    fault. With `down` and `up` the fault flaps: it holds for `down`, is gone for `up`, and so
    on. `probability` draws for each request. A fault that met nothing is reported when the
    server closes, unless it is `optional`.
    """

    path: str = field(validator=validators.path)
    effects: tuple[Effect, ...] = field(converter=_effects)
    method: str | None = field(default=None, validator=validators.optional_line, kw_only=True)
    credential: str | None = field(default=None, validator=_credential, kw_only=True)
    younger: float | None = field(
        default=None, validator=validators.optional_duration, kw_only=True
    )
    times: int | None = field(default=None, validator=validators.optional_count, kw_only=True)
    skip: int = field(default=0, validator=validators.natural, kw_only=True)
    every: int = field(default=1, validator=validators.count, kw_only=True)
    after: float = field(default=0.0, validator=validators.seconds, kw_only=True)
    until: float | None = field(default=None, validator=validators.optional_seconds, kw_only=True)
    down: float | None = field(default=None, validator=validators.optional_duration, kw_only=True)
    up: float | None = field(default=None, validator=validators.optional_duration, kw_only=True)
    probability: float = field(default=1.0, validator=validators.chance, kw_only=True)
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

    def meets(self, realm: Realm, call: Call) -> bool:
        fault = self.fault
        if fault.times is not None and self.fired >= fault.times:
            return False
        if not self._holds(realm.clock.monotonic() - self.since) or not self._fits(realm, call):
            return False
        self.seen += 1
        if self.seen <= fault.skip or (self.seen - fault.skip) % fault.every:
            return False
        if fault.probability < 1 and realm.clock.random() >= fault.probability:
            return False
        self.fired += 1
        return True

    def _holds(self, passed: float) -> bool:
        fault = self.fault
        if passed < fault.after or (fault.until is not None and passed >= fault.until):
            return False
        if fault.down is None or fault.up is None:
            return True
        return (passed - fault.after) % (fault.down + fault.up) < fault.down

    def _fits(self, realm: Realm, call: Call) -> bool:
        fault, identity = self.fault, call.identity
        if fault.method not in (None, call.method):
            return False
        if fault.credential not in (None, identity.credential):
            return False
        if fault.younger is not None:
            token = identity.token
            if token is None or realm.now() - token.issued_at >= fault.younger:
                return False
        return self.pattern.fullmatch(call.path) is not None


class Script:
    """The faults of one server, in the order they were given; the first that fits is played."""

    def __init__(self, realm: Realm, faults: Iterable[Fault] = ()) -> None:
        self._realm = realm
        self._armed: list[_Armed] = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Arm a fault; its times count from now."""
        if not isinstance(fault, Fault):
            message = f"a script is made of Fault values, not {fault!r}"
            raise ConfigurationError(message)
        self._armed.append(_Armed(fault, path_pattern(fault.path), self._realm.clock.monotonic()))

    def start(self) -> None:
        """Count the times of all faults from now."""
        for armed in self._armed:
            armed.since = self._realm.clock.monotonic()

    def clear(self) -> None:
        """Take all faults back; they are no longer missed either."""
        self._armed.clear()

    def meet(self, call: Call) -> Fault | None:
        """Return the fault that this request meets."""
        for armed in self._armed:
            if armed.meets(self._realm, call):
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
