"""When a token is renewed, and how failures are paced."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = ["RenewalPolicy"]


#: Longest duration, seconds (about 30 years): instants stay within `datetime`.
_LONGEST: Final = 1e9


def seconds(name: str, value: object) -> float:
    """Return a duration, given as a number of seconds or a `timedelta`, in seconds.

    Raises:
        ConfigurationError: It is neither, not finite, or longer than 1e9 seconds.
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{name} must be a number of seconds or a timedelta, not {type(value).__name__}"
        raise ConfigurationError(msg)
    if isinstance(value, float) and not math.isfinite(value):
        msg = f"{name} must be finite, not {value}"
        raise ConfigurationError(msg)
    if abs(value) > _LONGEST:
        msg = f"{name} must be at most {_LONGEST:g} s"
        raise ConfigurationError(msg)
    return float(value)


def _above_zero(_: object, attribute: Attribute[float], value: float) -> None:
    if value <= 0:
        msg = f"{attribute.name} must be greater than 0, not {value}"
        raise ConfigurationError(msg)


def _not_negative(_: object, attribute: Attribute[float], value: float) -> None:
    if value < 0:
        msg = f"{attribute.name} must not be negative, not {value}"
        raise ConfigurationError(msg)


def _whole(_: object, attribute: Attribute[int], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        msg = f"{attribute.name} must be a whole number greater than 0, not {value!r}"
        raise ConfigurationError(msg)


def _number(name: str, default: float, *, zero: bool = False) -> Any:  # noqa: ANN401 - attrs' own type
    return field(
        default=default,
        converter=lambda value: seconds(name, value),
        validator=_not_negative if zero else _above_zero,
    )


@frozen(kw_only=True)
class RenewalPolicy:
    """When a token is renewed, and how failures are paced.

    Durations are seconds, as numbers or `datetime.timedelta`. With L the token's life and
    ``w = min(margin, margin_fraction * L, 0.9 * L / (1 + jitter))`` a renewal starts
    between ``w`` and ``w * (1 + jitter)`` before the expiry, and the token is no longer
    sent from ``min(hard_margin, hard_margin_fraction * L, w / 2)`` before it.

    Attributes:
        margin: Renew when this much is left, at most.
        margin_fraction: Renew when this share of the life is left, at most.
        jitter: Earlier by up to this share of that window, drawn once a token. May be 0.
        hard_margin: Below this the token is no longer sent and callers wait. May be 0.
        hard_margin_fraction: The same as a share of the life. May be 0.
        min_interval: The least time between two attempts, whatever the server answers.
            Tokens that live less than twice this need a smaller one.
        backoff: The first bound of the random delay after a failure; it doubles.
        backoff_max: The last bound of that delay.
        permanent_interval: The pace after 501, and the most of a ``Retry-After`` that
            is honoured.
        attempt_timeout: The time for one HTTP exchange.
        renewal_timeout: The time for one whole renewal, and the most a caller waits.
        assumed_lifetime: The life of a token whose expiry the server does not name.
        max_body: The most that is read of an answer of the authentication API, bytes.

    Raises:
        ConfigurationError: A value is out of bounds.
    """

    margin: float = _number("margin", 300.0)
    margin_fraction: float = _number("margin_fraction", 0.25)
    jitter: float = _number("jitter", 0.2, zero=True)
    hard_margin: float = _number("hard_margin", 10.0, zero=True)
    hard_margin_fraction: float = _number("hard_margin_fraction", 0.05, zero=True)
    min_interval: float = _number("min_interval", 1.0)
    backoff: float = _number("backoff", 1.0)
    backoff_max: float = _number("backoff_max", 60.0)
    permanent_interval: float = _number("permanent_interval", 300.0)
    attempt_timeout: float = _number("attempt_timeout", 10.0)
    renewal_timeout: float = _number("renewal_timeout", 30.0)
    assumed_lifetime: float = _number("assumed_lifetime", 120.0)
    max_body: int = field(default=1024 * 1024, validator=_whole)
