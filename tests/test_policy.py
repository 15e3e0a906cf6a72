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
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.policy import RenewalPolicy, seconds

#: A loaded machine is no defect; a hang is ended by the timeout of the suite.
UNHURRIED = settings(deadline=None)

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
    "assumed_lifetime": 120.0,
    "max_body": 1_048_576,
}

MAY_BE_ZERO = {"jitter", "hard_margin", "hard_margin_fraction"}

#: All but the one that counts bytes.
NUMBERS = [name for name in DEFAULTS if name != "max_body"]


def made(name: str, value: object) -> object:
    """Make a policy with one number set, and return it as it is kept."""
    options: dict[str, Any] = {name: value}
    return getattr(RenewalPolicy(**options), name)


def test_the_defaults_are_the_documented_numbers() -> None:
    """Whoever reads the table can rely on it; no number exists beside it."""
    assert attrs.asdict(RenewalPolicy()) == DEFAULTS


def test_every_number_is_a_keyword() -> None:
    """A positional number in a call would say nothing to its reader."""
    kinds = {p.kind for p in inspect.signature(RenewalPolicy).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_duration_is_seconds_or_a_timedelta(name: str) -> None:
    """`timedelta(minutes=1)` and 60 mean the same, and both are kept as float seconds."""
    assert made(name, timedelta(minutes=1)) == made(name, 60) == made(name, 60.0) == 60.0
    assert all(type(made(name, value)) is float for value in (60, timedelta(minutes=1)))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [-1, -0.001, timedelta(seconds=-1), -(10**400)])
def test_a_negative_number_is_refused(name: str, value: object) -> None:
    """Bad numbers fail where they are written."""
    with pytest.raises(ConfigurationError, match=name):
        made(name, value)


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, timedelta(0)])
@pytest.mark.parametrize("name", NUMBERS)
def test_zero_is_allowed_for_jitter_and_the_hard_margin_alone(name: str, zero: object) -> None:
    """No pause between attempts, or no time for one, would be a storm or a standstill."""
    if name in MAY_BE_ZERO:
        assert made(name, zero) == 0.0
    else:
        with pytest.raises(ConfigurationError, match=f"{name} must be greater than 0"):
            made(name, zero)


@pytest.mark.parametrize(
    "value",
    [None, "1", b"1", True, False, [1], 1j, Decimal(1), math.nan, math.inf, -math.inf, 10**400],
    ids=lambda value: repr(value)[:12],
)
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_finite_number_is_refused(name: str, value: object) -> None:
    """A string from the environment is converted by whoever read it, not guessed at here."""
    with pytest.raises(ConfigurationError, match=name):
        made(name, value)


@pytest.mark.parametrize("value", [1e10, 10**10, timedelta.max])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_duration_beyond_30_years_is_refused(name: str, value: object) -> None:
    """Instants computed from it have to stay within what `datetime` can express."""
    with pytest.raises(ConfigurationError, match=name):
        made(name, value)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_longest_duration_is_accepted(name: str) -> None:
    """About 30 years."""
    assert made(name, 1e9) == 1e9


@pytest.mark.parametrize("value", [0, -1, 1.5, 1024.0, "1024", None, True, timedelta(seconds=1)])
def test_the_size_of_a_body_is_a_whole_number_of_bytes(value: object) -> None:
    """It is no duration, and there is no half a byte."""
    with pytest.raises(ConfigurationError, match="max_body"):
        made("max_body", value)


def test_the_size_of_a_body_may_be_any_whole_number_above_zero() -> None:
    """The caller's memory is the caller's."""
    assert made("max_body", 1) == 1
    assert made("max_body", 2**40) == 2**40


@pytest.mark.parametrize("value", [60, 60.0, timedelta(minutes=1)])
def test_other_durations_are_read_by_the_same_rule(value: float | timedelta) -> None:
    """`timeout=` of a session is seconds or a `timedelta` too."""
    assert seconds("timeout", value) == 60.0


@pytest.mark.parametrize(
    "value", [0, -1, math.nan, math.inf, 10**400, True, timedelta(0), timedelta.max]
)
def test_other_durations_are_above_zero_and_finite(value: float | timedelta) -> None:
    """And the error names the option."""
    with pytest.raises(ConfigurationError, match="timeout must"):
        seconds("timeout", value)


def test_an_unknown_number_is_refused_as_by_any_call() -> None:
    """A misspelt name does not silently leave the default in force."""
    with pytest.raises(TypeError, match="margn"):
        RenewalPolicy(margn=1)  # type: ignore[call-arg]  # that it is refused is the claim


def test_a_policy_is_a_value() -> None:
    """It can be shared between sessions, compared, used as a key and pickled."""
    policy = RenewalPolicy(margin=5)
    assert policy == RenewalPolicy(margin=5.0) != RenewalPolicy()
    assert hash(policy) == hash(RenewalPolicy(margin=5))
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert attrs.evolve(policy, jitter=0).margin == 5.0
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        policy.margin = 1.0  # type: ignore[misc]  # that it is refused is the claim


@UNHURRIED
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
        assert math.isfinite(value)
        assert value >= 0 if name in MAY_BE_ZERO else value > 0
