"""How long a token lives, when it is renewed, how failures are paced."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from aiocloudauth._core.schedule import (
    backoff,
    bar,
    clock_offset,
    held_of,
    lifetime,
    pace,
    plan,
)
from aiocloudauth._core.states import FOREVER, Grant, Record
from aiocloudauth.errors import (
    CloudAuthError,
    GatewayError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    RateLimitedError,
    RenewalTimeoutError,
    ServerError,
    TransportError,
)
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import Secret

#: A loaded machine is no defect; a hang is ended by the timeout of the suite.
UNHURRIED = settings(deadline=None)

DEFAULT = RenewalPolicy()
EPOCH = 1_893_456_000.0  # 2030-01-01T00:00:00Z

LIVES = st.floats(1e-6, 3e11)  # a microsecond to beyond year 9999
DRAWS = st.floats(0, 1, exclude_max=True)
ABOVE_ZERO = st.floats(1e-6, 1e9)
FROM_ZERO = st.just(0.0) | ABOVE_ZERO
POLICIES = st.builds(
    RenewalPolicy,
    margin=ABOVE_ZERO,
    margin_fraction=ABOVE_ZERO,
    jitter=FROM_ZERO,
    hard_margin=FROM_ZERO,
    hard_margin_fraction=FROM_ZERO,
)
PACES = st.builds(
    RenewalPolicy,
    min_interval=ABOVE_ZERO,
    backoff=ABOVE_ZERO,
    backoff_max=ABOVE_ZERO,
    permanent_interval=ABOVE_ZERO,
)


def granted(**parts: Any) -> Grant:
    """Make a grant received at `EPOCH` by a machine whose clock is right."""
    values: dict[str, Any] = {
        "secret": Secret("t0ken"),
        "scheme": "Bearer",
        "expires_at": datetime.fromtimestamp(EPOCH + 1_200, UTC),
        "received_at": EPOCH,
        "sent_wall": EPOCH,
        "received_wall": EPOCH,
    }
    return Grant(**{**values, **parts})


# -- the plan of one token -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "draw", "renew_after", "hard_after"),
    [
        # a day: both margins are the absolute ones
        (86_400, 0.0, 86_100, 86_390),
        (86_400, 0.5, 86_070, 86_390),
        # 20 minutes: 0.25 of the life is the margin of 300 s
        (1_200, 0.0, 900, 1_190),
        (1_200, 0.999_999, 840, 1_190),
        # a minute: shares of the life
        (60, 0.0, 45, 57),
        (60, 0.5, 43.5, 57),
        # six seconds
        (6, 0.0, 4.5, 5.7),
    ],
)
def test_the_defaults_plan_as_documented(
    life: float, draw: float, renew_after: float, hard_after: float
) -> None:
    """Renew when min(300 s, a quarter) is left, a fifth of that earlier by the draw."""
    found = plan(life, DEFAULT, draw)
    assert found == pytest.approx((renew_after, hard_after), abs=1e-3)


@pytest.mark.parametrize(
    ("policy", "renew_after", "hard_after"),
    [
        # a fraction above 1 would renew before the issue: 0.9 of the life is the most
        (RenewalPolicy(margin=1e6, margin_fraction=5, jitter=0), 10, 95),
        (RenewalPolicy(margin=1e6, margin_fraction=5, jitter=0.5), 40, 95),
        (RenewalPolicy(margin=0.5), 99.5, 99.75),
        # a hard margin beyond the window: half of the window is the most
        (RenewalPolicy(hard_margin=1e6, hard_margin_fraction=5), 75, 87.5),
        # none
        (RenewalPolicy(hard_margin=0), 75, 100),
        (RenewalPolicy(hard_margin_fraction=0), 75, 100),
    ],
)
def test_numbers_too_large_for_a_life_are_cut_to_it(
    policy: RenewalPolicy, renew_after: float, hard_after: float
) -> None:
    """The window is at most 0.9 of the life with all its jitter, the hard margin half of it."""
    assert plan(100, policy, 0.0) == pytest.approx((renew_after, hard_after))


@UNHURRIED
@given(life=LIVES, policy=POLICIES, draw=DRAWS)
@example(life=0.5, policy=DEFAULT, draw=0.0)
@example(life=2.5e11, policy=DEFAULT, draw=0.5)
def test_a_renewal_is_never_before_the_issue_nor_the_hard_limit_before_the_renewal(
    life: float, policy: RenewalPolicy, draw: float
) -> None:
    """Whatever the policy, and however short or long the life."""
    renew_after, hard_after = plan(life, policy, draw)
    assert 0 <= renew_after <= hard_after <= life
    assert renew_after >= 0.1 * life * (1 - 1e-9)


@UNHURRIED
@given(life=LIVES, policy=POLICIES, draw=DRAWS)
def test_the_plan_is_the_documented_formula(
    life: float, policy: RenewalPolicy, draw: float
) -> None:
    """The numbers are binding; a test of their own computes them from the text."""
    window = min(policy.margin, policy.margin_fraction * life, 0.9 * life / (1 + policy.jitter))
    early = window * (1 + policy.jitter * draw)
    hard = min(policy.hard_margin, policy.hard_margin_fraction * life, window / 2)
    assert plan(life, policy, draw) == pytest.approx((life - early, life - hard), rel=1e-12)


@UNHURRIED
@given(life=LIVES, draw=DRAWS)
def test_the_margin_scales_with_the_life(life: float, draw: float) -> None:
    """LESSONS: "margin longer than the life: a renewal per call" (boto/botocore#2189)."""
    renew_after, hard_after = plan(life, DEFAULT, draw)
    assert renew_after >= 0.7 * life * (1 - 1e-9)
    assert hard_after >= 0.95 * life * (1 - 1e-9)


@UNHURRIED
@given(life=st.floats(1, 1e6), draws=st.tuples(DRAWS, DRAWS))
def test_a_larger_draw_is_an_earlier_renewal_by_at_most_the_jitter(
    life: float, draws: tuple[float, float]
) -> None:
    """LESSONS: "fleet renews in step": the draw spreads it over a fifth of the window."""
    low, high = sorted(draws)
    latest = plan(life, DEFAULT, 0.0)[0]
    window = life - latest
    assert plan(life, DEFAULT, high)[0] <= plan(life, DEFAULT, low)[0] <= latest
    assert latest - plan(life, DEFAULT, high)[0] <= 0.2 * window + 1e-6 * life
    assert plan(life, RenewalPolicy(jitter=0), high)[0] == plan(life, RenewalPolicy(jitter=0), 0)[0]


def test_what_never_ends_is_never_renewed() -> None:
    """An API key is static."""
    assert plan(FOREVER, DEFAULT, 0.5) == (FOREVER, FOREVER)


# -- the life of a token -------------------------------------------------------------------


def test_a_life_is_counted_from_the_receipt_to_the_servers_instant() -> None:
    """Both clocks agree here."""
    assert lifetime(granted(), DEFAULT) == 1_200


def test_a_token_without_an_expiry_is_assumed_to_live_shortly() -> None:
    """ECE before 3.7 may name none at all."""
    assert lifetime(granted(expires_at=None), DEFAULT) == 120.0
    assert lifetime(granted(expires_at=None), RenewalPolicy(assumed_lifetime=7)) == 7.0


def test_a_static_credential_lives_for_ever() -> None:
    """Whatever else the grant says."""
    assert lifetime(granted(static=True), DEFAULT) == FOREVER
    assert lifetime(granted(static=True, expires_at=None), DEFAULT) == FOREVER


def test_the_last_instant_of_all_makes_a_long_life() -> None:
    """Year 9999 is how some servers say "never"."""
    life = lifetime(granted(expires_at=datetime.max.replace(tzinfo=UTC)), DEFAULT)
    assert life > 7_000 * 365 * 86_400
    assert math.isfinite(life)


@pytest.mark.parametrize(
    ("server_wall", "sent_wall", "received_wall", "expected"),
    [
        # no `Date`, or [Date - received, Date + 1 s - sent] holds 0: our clock stands
        (None, EPOCH, EPOCH, 1_200.0),
        (EPOCH, EPOCH, EPOCH, 1_200.0),
        (EPOCH, EPOCH - 2.0, EPOCH, 1_200.0),
        (EPOCH, EPOCH + 1.0, EPOCH + 1.5, 1_198.5),
        # it does not: the shorter life, by our clock or by the upper end of that
        (EPOCH, EPOCH - 0.5, EPOCH - 0.1, 1_198.6),
        (EPOCH + 900, EPOCH, EPOCH, 299.0),
        (EPOCH - 900, EPOCH, EPOCH, 1_200.0),
        # a proxy's `Date`, hours ahead or of 1970: what would be dead, or for ever, is not believed
        (EPOCH + 36_000, EPOCH, EPOCH, 1_200.0),
        (0.0, EPOCH, EPOCH, 1_200.0),
        # a life of twice `min_interval` leaves no time for a renewal
        (EPOCH + 1_197, EPOCH, EPOCH, 1_200.0),
        (EPOCH + 1_196, EPOCH, EPOCH, 3.0),
        # our clock is wrong: a token that is dead by it is good by the server's
        (EPOCH - 1_500, EPOCH, EPOCH + 1_300, 1_399.0),
    ],
)
def test_where_two_clocks_differ_the_shorter_usable_life_counts(
    server_wall: float | None, sent_wall: float, received_wall: float, expected: float
) -> None:
    """LESSONS: "skewed client clock: storm or dead tokens"; and `Date` may be a proxy's."""
    grant = granted(server_wall=server_wall, sent_wall=sent_wall, received_wall=received_wall)
    assert lifetime(grant, DEFAULT) == pytest.approx(expected)


def test_a_token_is_dead_on_arrival_only_by_both_clocks() -> None:
    """Else the longer of two lives counts that leave no time for a renewal."""
    short = granted(expires_at=datetime.fromtimestamp(EPOCH + 1.5, UTC), server_wall=EPOCH + 900)
    assert lifetime(short, DEFAULT) == 1.5
    policy = RenewalPolicy(min_interval=2.0)
    for ours, life in ((4.0, 10.0), (5.0, 5.0)):
        expires_at = datetime.fromtimestamp(EPOCH + ours, UTC)
        assert lifetime(granted(expires_at=expires_at, server_wall=EPOCH - 7.0), policy) == life
    dead = granted(expires_at=datetime.fromtimestamp(EPOCH - 5, UTC), server_wall=EPOCH + 900)
    assert lifetime(dead, DEFAULT) == -5.0


def test_the_servers_clock_is_compared_with_the_middle_of_the_exchange() -> None:
    """`Date` has whole seconds, so half a second is added; without one nothing is known."""
    there = granted(server_wall=EPOCH + 60.0, sent_wall=EPOCH - 4.0, received_wall=EPOCH)
    assert clock_offset(there) == 62.5
    assert clock_offset(granted()) is None


@UNHURRIED
@given(life=st.floats(1, 1e7), draw=DRAWS, policy=POLICIES)
def test_a_held_token_has_its_times_on_the_scale_of_its_receipt(
    life: float, draw: float, policy: RenewalPolicy
) -> None:
    """Token, expiry and times are of one grant."""
    grant = granted(expires_at=datetime.fromtimestamp(EPOCH + life, UTC), received_at=5_000.0)
    assume(lifetime(grant, policy) > 0)
    held = held_of(grant, 7, policy, draw)
    assert held.token.token == grant.secret
    assert held.token.session_expiration_time == grant.expires_at
    assert held.token.generation == 7
    assert held.token.scheme == "Bearer"
    assert not held.final
    exact = lifetime(grant, policy)
    renew_after, hard_after = plan(exact, policy, draw)
    assert (held.expires_at, held.renew_at, held.hard_at) == pytest.approx(
        (5_000 + exact, 5_000 + renew_after, 5_000 + hard_after), rel=1e-12
    )
    assert 5_000 <= held.renew_at <= held.hard_at <= held.expires_at


def test_a_static_token_is_held_without_an_end() -> None:
    """Its scheme is kept."""
    held = held_of(granted(static=True, scheme="ApiKey", expires_at=None), 1, DEFAULT, 0.5)
    assert (held.expires_at, held.renew_at, held.hard_at) == (FOREVER, FOREVER, FOREVER)
    assert held.token.authorization.reveal() == "ApiKey t0ken"


# -- the pace of failures ------------------------------------------------------------------

PASSING: list[CloudAuthError] = [
    TransportError("refused"),
    RenewalTimeoutError("silence"),
    InvalidResponseError("odd"),
    ServerError("500", status=500),
    GatewayError("502", status=502),
    RateLimitedError("429", status=429),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
@UNHURRIED
@given(failures=st.integers(0, 10_000), draw=DRAWS, policy=st.just(DEFAULT) | PACES)
def test_a_delay_is_the_floor_and_a_draw_below_the_doubling_bound(
    error: CloudAuthError, failures: int, draw: float, policy: RenewalPolicy
) -> None:
    """From min_interval on, up to min(backoff_max, backoff * 2ⁿ) more, after n others."""
    record = Record(failures=1 + failures)
    bound = min(policy.backoff_max, policy.backoff * 2.0 ** min(failures, 1_000))
    delay = backoff(record, error, policy, draw, good=True)
    assert policy.min_interval <= delay <= policy.min_interval + bound
    assert delay == pytest.approx(policy.min_interval + draw * bound)


@pytest.mark.parametrize(("failures", "most"), [(0, 2), (1, 3), (5, 33), (6, 61), (500, 61)])
def test_the_bound_doubles_up_to_a_minute(failures: int, most: float) -> None:
    """By the defaults: 1 s, 2 s, 4 s … 60 s above the floor of 1 s."""
    record = Record(failures=1 + failures)
    assert backoff(record, TransportError("x"), DEFAULT, 1 - 1e-9, good=True) == pytest.approx(most)


def test_the_first_retry_is_drawn_too() -> None:
    """A fleet that lost its server together does not come back in step."""
    first = Record(failures=1)
    delays = {backoff(first, TransportError("x"), DEFAULT, n / 10, good=True) for n in range(10)}
    assert len(delays) == 10
    policy = RenewalPolicy(min_interval=0.05)
    assert backoff(first, TransportError("x"), policy, 0.0, good=True) == 0.05


@pytest.mark.parametrize("kind", [RateLimitedError, ServerError, GatewayError])
@UNHURRIED
@given(
    asked=st.floats(0, 1e10),
    failures=st.integers(1, 100),
    draw=DRAWS,
    policy=st.builds(RenewalPolicy, min_interval=ABOVE_ZERO, permanent_interval=ABOVE_ZERO),
)
def test_retry_after_is_honoured_up_to_the_pace_after_501(
    kind: type[RateLimitedError],
    asked: float,
    failures: int,
    draw: float,
    policy: RenewalPolicy,
) -> None:
    """Never sooner than asked for or than without; and no server stops a session for good."""
    error = kind("busy", status=503, retry_after=asked)
    plain = backoff(Record(failures=failures), kind("busy", status=503), policy, draw, good=True)
    delay = backoff(Record(failures=failures), error, policy, draw, good=True)
    assert delay == max(plain, min(asked, policy.permanent_interval))
    assert delay >= policy.min_interval


@UNHURRIED
@given(
    failures=st.integers(1, 100),
    draw=DRAWS,
    asked=st.none() | st.floats(0, 1e10),
    policy=st.just(DEFAULT)
    | st.builds(RenewalPolicy, min_interval=ABOVE_ZERO, permanent_interval=ABOVE_ZERO),
)
def test_after_501_the_pace_is_slow(
    failures: int, draw: float, asked: float | None, policy: RenewalPolicy
) -> None:
    """Setting a cluster up takes a person; but the floor between attempts still holds."""
    error = NoAuthenticationClusterError("none", status=501, retry_after=asked)
    delay = backoff(Record(failures=failures), error, policy, draw, good=True)
    assert delay == max(policy.permanent_interval, policy.min_interval)


def test_after_501_the_default_pace_is_five_minutes() -> None:
    """300 s; but for a longer floor."""
    first, error = Record(failures=1), NoAuthenticationClusterError("none")
    assert backoff(first, error, DEFAULT, 0.0, good=True) == 300.0
    assert backoff(first, error, RenewalPolicy(min_interval=400.0), 0.0, good=True) == 400.0


def test_without_a_token_no_pause_is_longer_than_ten_seconds() -> None:
    """But for the floor, and for what the server asks for."""
    many, error = Record(failures=50), TransportError("x")
    assert backoff(many, error, DEFAULT, 1.0, good=False) == 10.0
    assert backoff(many, error, RenewalPolicy(min_interval=20.0), 1.0, good=False) == 20.0
    asked = RateLimitedError("busy", retry_after=60.0)
    assert backoff(many, asked, DEFAULT, 1.0, good=False) == 60.0


@pytest.mark.parametrize(
    ("calls", "least"), [(0, 2.0), (1, 3.0), (5, 33.0), (6, 61.0), (999, 61.0)]
)
def test_attempts_that_refusals_call_for_slow_down(calls: int, least: float) -> None:
    """From the last attempt, or the last question, whichever was later; a fifth is drawn."""
    record = Record(started_at=100.0, asked_at=90.0, calls=calls)
    assert pace(record, DEFAULT, 0.0) == 100.0 + least
    assert pace(record, DEFAULT, 1.0) == pytest.approx(100.0 + 1.0 + 1.2 * (least - 1.0))
    later = Record(started_at=100.0, asked_at=110.0, calls=calls)
    assert pace(later, DEFAULT, 0.0) == 110.0 + least


def test_refused_credentials_are_barred_for_twice_as_long_each_time() -> None:
    """Sixteen times at most; or for ever."""
    assert [bar(n, DEFAULT) for n in (0, 1, 4, 5, 5000)] == [900.0, 1800.0, *[14400.0] * 3]
    assert bar(0, RenewalPolicy(refused_interval=None)) == FOREVER
