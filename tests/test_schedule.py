"""How long a token lives, when it is renewed, how failures are paced."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from aiocloudauth._core.schedule import backoff, held_of, lifetime, plan, skew
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


def test_a_token_that_was_dead_on_arrival_has_no_life() -> None:
    """By the server's clock: a late one of ours does not make a dead token good."""
    dead = granted(expires_at=datetime.fromtimestamp(EPOCH, UTC))
    assert lifetime(dead, DEFAULT) == 0
    ours_is_late = granted(
        expires_at=datetime.fromtimestamp(EPOCH + 900, UTC), server_wall=EPOCH + 901
    )
    assert lifetime(ours_is_late, DEFAULT) < 0


def test_the_last_instant_of_all_makes_a_long_life() -> None:
    """Year 9999 is how some servers say "never"."""
    life = lifetime(granted(expires_at=datetime.max.replace(tzinfo=UTC)), DEFAULT)
    assert life > 7_000 * 365 * 86_400
    assert math.isfinite(life)


@pytest.mark.parametrize(
    ("server_wall", "sent_wall", "received_wall", "expected"),
    [
        (None, EPOCH, EPOCH, 0.0),
        # the interval [Date - received, Date + 1 s - sent] holds 0: our clock stands
        (EPOCH, EPOCH, EPOCH, 0.0),
        (EPOCH, EPOCH + 0.9, EPOCH + 0.95, 0.0),
        (EPOCH, EPOCH + 1.0, EPOCH + 1.5, 0.0),
        (EPOCH, EPOCH - 2.0, EPOCH, 0.0),
        # it does not: the upper end
        (EPOCH, EPOCH - 0.5, EPOCH - 0.1, 1.5),
        (EPOCH, EPOCH + 1.5, EPOCH + 1.6, -0.5),
        (EPOCH + 900, EPOCH, EPOCH + 0.25, 901.0),
        (EPOCH - 900, EPOCH, EPOCH + 0.25, -899.0),
    ],
)
def test_the_servers_clock_is_estimated_from_date(
    server_wall: float | None, sent_wall: float, received_wall: float, expected: float
) -> None:
    """LESSONS: "skewed client clock: storm or dead tokens"."""
    grant = granted(server_wall=server_wall, sent_wall=sent_wall, received_wall=received_wall)
    assert skew(grant) == expected


@UNHURRIED
@given(
    offset=st.floats(-1e6, 1e6) | st.floats(-3, 3),
    round_trip=st.floats(0, 30),
    share=st.floats(0, 1),
    fraction=st.floats(0, 1, exclude_max=True),
    life=st.floats(0, 1e6),
)
@example(offset=900.0, round_trip=0.25, share=0.5, fraction=0.0, life=1_200.0)
@example(offset=-900.0, round_trip=0.25, share=0.5, fraction=0.0, life=1_200.0)
@example(offset=1.6, round_trip=0.25, share=0.5, fraction=0.4, life=60.0)
@example(offset=-1.6, round_trip=0.25, share=0.5, fraction=0.4, life=60.0)
def test_an_expiry_is_estimated_within_a_second_and_the_round_trip(
    offset: float, round_trip: float, share: float, fraction: float, life: float
) -> None:
    """And never too late, unless the true offset is itself within a second and the round trip.

    `Date` cuts fractions off, and was written somewhere between sending and receipt: so much
    cannot be known. What is used then errs to the early side.
    """
    sent = EPOCH + fraction
    written = sent + share * round_trip + offset  # by the server's clock
    expires_at = datetime.fromtimestamp(written + life, UTC)
    grant = granted(
        expires_at=expires_at,
        sent_wall=sent,
        received_at=sent + round_trip,
        received_wall=sent + round_trip,
        server_wall=float(math.floor(written)),
    )
    estimated = grant.received_at + lifetime(grant, DEFAULT)
    true = expires_at.timestamp() - offset  # by the client's clock
    rounding = 1e-5
    assert abs(estimated - true) <= 1.0 + round_trip + rounding
    if abs(offset) > 1.0 + round_trip + rounding:
        assert estimated <= true + rounding
    if skew(grant) != 0.0:
        assert estimated <= true + rounding


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
    delay = backoff(record, error, policy, draw)
    assert policy.min_interval <= delay <= policy.min_interval + bound
    assert delay == pytest.approx(policy.min_interval + draw * bound)


@pytest.mark.parametrize(("failures", "most"), [(0, 2), (1, 3), (5, 33), (6, 61), (500, 61)])
def test_the_bound_doubles_up_to_a_minute(failures: int, most: float) -> None:
    """By the defaults: 1 s, 2 s, 4 s … 60 s above the floor of 1 s."""
    record = Record(failures=1 + failures)
    assert backoff(record, TransportError("x"), DEFAULT, 1 - 1e-9) == pytest.approx(most)


def test_the_first_retry_is_drawn_too() -> None:
    """A fleet that lost its server together does not come back in step."""
    first = Record(failures=1)
    delays = {backoff(first, TransportError("x"), DEFAULT, n / 10) for n in range(10)}
    assert len(delays) == 10


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
    plain = backoff(Record(failures=failures), kind("busy", status=503), policy, draw)
    delay = backoff(Record(failures=failures), error, policy, draw)
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
    delay = backoff(Record(failures=failures), error, policy, draw)
    assert delay == max(policy.permanent_interval, policy.min_interval)


def test_after_501_the_default_pace_is_five_minutes() -> None:
    """300 s."""
    assert backoff(Record(failures=1), NoAuthenticationClusterError("none"), DEFAULT, 0.0) == 300.0
