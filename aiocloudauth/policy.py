"""When a token is renewed, and how failures are paced."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = ["RenewalPolicy"]


#: Longest duration, seconds (about 30 years): instants stay within `datetime`.
_LONGEST: Final = 1e9


def _duration(value: Any) -> Any:  # noqa: ANN401 - whatever a caller gave; the validators judge
    """Return a duration in seconds; what is none stays as it is, for the validators."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    return float(value) if type(value) is int and abs(value) <= _LONGEST else value


def _require(name: str, value: object, *, zero: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        kind = type(value).__name__
        raise ConfigurationError(f"{name} must be a number of seconds or a timedelta, not {kind}")
    if not abs(value) <= _LONGEST:  # neither is NaN
        raise ConfigurationError(f"{name} must be finite, and at most {_LONGEST:g} seconds")
    if value < 0 or (value == 0 and not zero):
        bound = "not be negative" if zero else "be greater than 0"
        raise ConfigurationError(f"{name} must {bound}, not {value}")


def _above_zero(_: object, attribute: Attribute[float], value: float) -> None:
    _require(attribute.name, value, zero=False)


def _not_negative(_: object, attribute: Attribute[float], value: float) -> None:
    _require(attribute.name, value, zero=True)


def _above_zero_or_never(_: object, attribute: Attribute[Any], value: float | None) -> None:
    if value is not None:
        _require(attribute.name, value, zero=False)


def _whole(_: object, attribute: Attribute[int], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        msg = f"{attribute.name} must be a whole number greater than 0, not {value!r}"
        raise ConfigurationError(msg)


def seconds(name: str, value: float | timedelta) -> float:
    """Return a duration greater than 0 in seconds.

    Raises:
        ConfigurationError: It is none, not above 0, or longer than 1e9 seconds.
    """
    duration: float = _duration(value)
    _require(name, duration, zero=False)
    return duration


@frozen(kw_only=True)
class RenewalPolicy:
    """When a token is renewed, and how failures are paced.

    Durations are seconds, as numbers or `datetime.timedelta`. With L the token's life and
    ``w = min(margin, margin_fraction * L, 0.9 * L / (1 + jitter))`` a renewal starts
    between ``w`` and ``w * (1 + jitter)`` before the expiry, and the token is no longer
    sent from ``min(hard_margin, hard_margin_fraction * L, w / 2)`` before it. No attempt
    starts sooner than `min_interval` after the one before.

    Attributes:
        margin: Renew when this much is left, at most.
        margin_fraction: Renew when this share of the life is left, at most.
        jitter: Earlier by up to this share of that window, drawn once a token. May be 0.
        hard_margin: Below this the token is no longer sent and callers wait. May be 0.
        hard_margin_fraction: The same as a share of the life. May be 0.
        min_interval: The least time between two attempts, whatever the server answers;
            `refresh()` and `login()` wait for it too. Tokens that live less than twice
            this need a smaller one.
        backoff: The first bound of the random delay after a failure, which is added to
            `min_interval`; it doubles.
        backoff_max: The last bound of that delay.
        permanent_interval: The pace after 501 and at which a callable credential is asked
            again, and the most of a ``Retry-After`` that is honoured.
        attempt_timeout: The time for one HTTP exchange, and for reading the body of an
            error. While a token is good an attempt gets half of what is left to its hard
            limit, if that is less, but at least `min_interval`.
        renewal_timeout: The time for one whole renewal, the most a caller waits, and what
            a credential's callable may take, apart from the exchange.
        refused_interval: After a refused login another one is made by itself when this has
            passed, then twice this, up to 16 times; ``None``: never.
        store_timeout: The time for one operation of a token store.
        assumed_lifetime: The life of a token whose expiry the server does not name.
        max_body: The most that is read of an answer of the authentication API, bytes.

    Raises:
        ConfigurationError: A value is out of bounds.
    """

    margin: float = field(default=300.0, converter=_duration, validator=_above_zero)
    margin_fraction: float = field(default=0.25, converter=_duration, validator=_above_zero)
    jitter: float = field(default=0.2, converter=_duration, validator=_not_negative)
    hard_margin: float = field(default=10.0, converter=_duration, validator=_not_negative)
    hard_margin_fraction: float = field(default=0.05, converter=_duration, validator=_not_negative)
    min_interval: float = field(default=1.0, converter=_duration, validator=_above_zero)
    backoff: float = field(default=1.0, converter=_duration, validator=_above_zero)
    backoff_max: float = field(default=60.0, converter=_duration, validator=_above_zero)
    permanent_interval: float = field(default=300.0, converter=_duration, validator=_above_zero)
    attempt_timeout: float = field(default=10.0, converter=_duration, validator=_above_zero)
    renewal_timeout: float = field(default=30.0, converter=_duration, validator=_above_zero)
    refused_interval: float | None = field(
        default=900.0, converter=_duration, validator=_above_zero_or_never
    )
    store_timeout: float = field(default=1.0, converter=_duration, validator=_above_zero)
    assumed_lifetime: float = field(default=120.0, converter=_duration, validator=_above_zero)
    max_body: int = field(default=1024 * 1024, validator=_whole)
