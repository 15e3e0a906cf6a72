"""The numbers of a renewal: defaults, units and bounds."""

from __future__ import annotations

import inspect
import math
import pickle
from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.policy import RenewalPolicy, seconds

DEFAULTS: dict[str, float] = {
    "margin": 300.0,
    "margin_fraction": 0.25,
    "jitter": 0.2,
    "hard_margin": 10.0,
    "hard_margin_fraction": 0.05,
    "min_interval": 1.0,
    "backoff": 1.0,
    "backoff_max": 60.0,
    "permanent_interval": 300.0,
    "attempt_timeout": 10.0,
    "renewal_timeout": 30.0,
    "refused_interval": 900.0,
    "store_timeout": 1.0,
    "assumed_lifetime": 120.0,
    "max_body": 1_048_576,
}
MAY_BE_ZERO = {"jitter", "hard_margin", "hard_margin_fraction"}
MAY_BE_NONE = {"refused_interval"}

#: All but the one that counts bytes.
EACH = pytest.mark.parametrize("name", [name for name in DEFAULTS if name != "max_body"])


def made(name: str, value: object) -> object:
    """Make a policy with one number set, and return it as it is kept."""
    options: dict[str, Any] = {name: value}
    return getattr(RenewalPolicy(**options), name)


def refused(name: str, value: object) -> bool:
    """Return whether a value is refused, by an error that names the option."""
    try:
        made(name, value)
    except ConfigurationError as error:
        return str(error).startswith(f"{name} must ")
    return False


def test_the_defaults_are_the_documented_numbers() -> None:
    """Whoever reads the table can rely on it; no number exists beside it, all are keywords."""
    assert attrs.asdict(RenewalPolicy()) == DEFAULTS
    kinds = {p.kind for p in inspect.signature(RenewalPolicy).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


@EACH
def test_a_duration_is_seconds_or_a_timedelta_above_zero(name: str) -> None:
    """Both are kept as float seconds; bad numbers fail where they are written."""
    assert made(name, timedelta(minutes=1)) == made(name, 60) == made(name, 60.0) == 60.0
    assert all(type(made(name, value)) is float for value in (60, timedelta(minutes=1)))
    assert made(name, 1e9) == 1e9  # about 30 years: instants stay within `datetime`
    for value in (1.1e9, 10**400, timedelta.max, math.nan, math.inf, -0.001, timedelta(-1)):
        assert refused(name, value), value
    for odd in ("1", b"1", True, False, [1], 1j, Decimal(1)):
        assert refused(name, odd), odd
    assert all(refused(name, zero) is (name not in MAY_BE_ZERO) for zero in (0, timedelta(0)))
    assert refused(name, None) is (name not in MAY_BE_NONE)


def test_a_refused_login_may_be_final() -> None:
    """`None` means that no other one is made by itself."""
    assert RenewalPolicy(refused_interval=None).refused_interval is None


def test_the_size_of_a_body_is_a_whole_number_of_bytes_above_zero() -> None:
    """It is no duration, and there is no half a byte."""
    assert (made("max_body", 1), made("max_body", 2**40)) == (1, 2**40)
    for value in (0, -1, 1.5, 1024.0, "1024", None, True, timedelta(seconds=1)):
        assert refused("max_body", value), value


def test_other_durations_are_read_by_the_same_rule() -> None:
    """`timeout=` of a session is seconds or a `timedelta` too; the error names the option."""
    assert [seconds("timeout", value) for value in (60, timedelta(minutes=1))] == [60.0, 60.0]
    for value in (0, -1, math.nan, math.inf, 10**400, True, timedelta(0), timedelta.max):
        with pytest.raises(ConfigurationError, match="timeout must"):
            seconds("timeout", value)


def test_a_policy_is_a_value() -> None:
    """It can be shared between sessions, compared, used as a key and pickled."""
    policy = RenewalPolicy(margin=5)
    assert policy == RenewalPolicy(margin=5.0) != RenewalPolicy()
    assert hash(policy) == hash(RenewalPolicy(margin=5))
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert attrs.evolve(policy, jitter=0).margin == 5.0
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        policy.margin = 1.0  # type: ignore[misc]  # that it is refused is the claim


@given(
    st.dictionaries(
        st.sampled_from(list(DEFAULTS)),
        st.floats() | st.integers() | st.none() | st.text(max_size=3) | st.timedeltas(),
    )
)
def test_any_value_gives_a_policy_within_bounds_or_a_configuration_error(
    options: dict[str, Any],
) -> None:
    """No other exception leaves the constructor, and no bad number stays in it."""
    try:
        policy = RenewalPolicy(**options)
    except ConfigurationError:
        return
    for name, value in attrs.asdict(policy).items():
        if value is None:
            assert name in MAY_BE_NONE
        else:
            assert math.isfinite(value)
            assert value >= 0 if name in MAY_BE_ZERO else value > 0
