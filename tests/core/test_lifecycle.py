"""When a token is renewed, how attempts are paced, what callers notice. No event loop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aiocloudauth import events
from aiocloudauth._core.states import (
    FOREVER,
    Conclude,
    Confirmed,
    Deny,
    Emit,
    Exchange,
    Input,
    Login,
    LoginAsked,
    LogoutAsked,
    Opened,
    Refresh,
    Rejected,
    RenewalAsked,
    Serve,
    Unconfirmed,
    WakeAt,
    Want,
    Wanted,
    Withhold,
    Woken,
)
from aiocloudauth.errors import (
    CloudAuthError,
    InvalidResponseError,
    NotFoundError,
    RateLimitedError,
    SessionExpiredError,
    TransportError,
)
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import SessionState
from tests.core.lifecycle_driver import (
    EPOCH,
    EXPIRED,
    NO_CLUSTER,
    TRANSIENT,
    active,
    calls,
    lifecycle,
    of,
    told,
)

# -- two windows --------------------------------------------------------------------------


def test_when_the_next_attempt_is_due_is_known_in_every_state() -> None:
    """By itself; of one that is under way, when it began."""
    run = lifecycle()

    def due() -> float:
        return run.machine.next_attempt(run.state)

    assert due() == FOREVER
    run.feed(Opened, after=1.0)
    assert due() == 1.0
    run.grant(1200.0)
    assert due() == 901.0
    run.feed(Rejected, 1, coded=False, draw=0.0, after=0.25)
    run.feed(Unconfirmed, run.state.record.number, dead=False)
    assert due() == run.wake_at == 2.0  # the question again
    run.wake()
    assert due() == 2.0
    run.feed(Confirmed, run.state.record.number)
    assert due() == 901.0
    run.wake()
    run.fail(TRANSIENT[0])
    assert due() == run.wake_at == 902.0
    run.feed(LogoutAsked)
    assert due() == FOREVER
    run = lifecycle()
    run.feed(Opened)
    run.fail(TRANSIENT[0])
    assert due() == 1.0


def test_before_the_renewal_window_a_caller_is_served_and_nothing_is_sent() -> None:
    """The good path costs no call."""
    run = active()
    effects = run.feed(Wanted, after=899.0)
    assert [effect.held.token.generation for effect in of(Serve, effects)] == [1]
    assert not calls(effects)


def test_in_the_renewal_window_callers_use_the_held_token_while_a_renewal_runs() -> None:
    """Errors, or waits, while the token is still good (zalando-stups/python-tokens#2): none."""
    run = active()
    (call,) = calls(run.wake())
    assert isinstance(call, Refresh)
    assert (run.now, run.shown) == (900.0, SessionState.RENEWING)
    assert of(Serve, run.feed(Wanted, after=289.0))
    run.feed(Woken)
    assert run.wake_at == 1190.0


def test_a_renewal_that_fails_at_the_hard_limit_is_the_loss_of_the_token() -> None:
    """Though no timer has gone off yet."""
    run = active()
    run.wake()
    _, lost = of(Emit, run.fail(TRANSIENT[0], after=290.0))
    assert lost.kind is events.SessionLost
    assert isinstance(lost.details["error"], SessionExpiredError)
    assert run.shown is SessionState.EXPIRED


def test_past_the_hard_limit_callers_wait_for_the_renewal() -> None:
    """Expired value handed out (aws/aws-sdk-java-v2#3314): past the hard limit it is withheld."""
    run = active()
    run.wake()
    effects = run.feed(Woken, after=290.0)
    assert (of(Withhold, effects), run.shown) == ([Withhold()], SessionState.EXPIRED)
    assert run.feed(Wanted) == ()
    assert of(Serve, run.grant(1200.0))


@pytest.mark.parametrize("life", [1e9, None])
def test_an_idle_client_is_renewed(life: float | None) -> None:
    """Idle client not renewed (aws/aws-sdk-java-v2#3160): a timer is set for every token."""
    run = active(life)
    assert run.wake_at < FOREVER
    assert calls(run.wake())


def test_a_token_without_an_end_lives_as_long_as_the_policy_assumes() -> None:
    """`assumed_lifetime` stands in for an end that nobody named."""
    run = active(None, policy=RenewalPolicy(assumed_lifetime=40.0))
    assert run.wake_at == 30.0


# -- how long, how often ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "wait", "timeout"),
    [(1200.0, 900.0, 10.0), (60.0, 45.0, 6.0), (60.0, 56.0, 1.0)],
)
def test_an_attempt_gets_half_of_what_the_token_has_left(
    life: float, wait: float, timeout: float
) -> None:
    """At most `attempt_timeout`, at least `min_interval`: no silent answer outlives the token."""
    run = active(life)
    (call,) = calls(run.feed(Woken, after=wait))
    assert call.timeout == timeout


def test_without_a_token_an_attempt_gets_its_whole_time() -> None:
    """Nothing runs out meanwhile."""
    (call,) = calls(lifecycle().feed(Opened))
    assert call.timeout == 10.0


@pytest.mark.parametrize(("took", "timeout"), [(15.0, 10.0), (25.0, 5.0), (29.9, 1.0)])
def test_the_login_after_a_refused_refresh_gets_what_the_renewal_has_left(
    took: float, timeout: float
) -> None:
    """One renewal ends within `renewal_timeout`, whichever way it goes."""
    run = active(60.0)
    run.wake()
    run.feed(Woken, after=12.0)
    (call,) = calls(run.fail(EXPIRED, after=took - 12.0))
    assert (type(call), call.timeout) == (Login, timeout)
    assert told(run.fail(TRANSIENT[0])) == [events.RenewalFailed, events.SessionLost]


def test_the_login_after_a_refused_refresh_gets_half_of_what_the_token_has_left() -> None:
    """Like any attempt while a token is good."""
    run = active(60.0)
    run.wake()
    (call,) = calls(run.fail(EXPIRED, after=2.0))
    assert (type(call), call.timeout) == (Login, 5.0)


@pytest.mark.parametrize("ask", [RenewalAsked, LoginAsked])
def test_what_the_user_asks_for_waits_for_min_interval(ask: type[Input]) -> None:
    """`refresh()` and `login()` keep the floor between attempts, too."""
    run = active()
    assert not calls(run.feed(ask, after=0.25))
    assert run.wake_at == 1.0
    (call,) = calls(run.wake())
    assert type(call) is (Login if ask is LoginAsked else Refresh)
    assert call.want is (Want.LOGIN if ask is LoginAsked else Want.FRESH)
    run.fail(TRANSIENT[0])
    (call,) = calls(run.wake())
    assert call.want is Want.ANY


@pytest.mark.parametrize(
    ("draw", "delays"),
    [(0.0, [1.0] * 8), (1.0, [2.0, 3.0, 5.0, 9.0, 17.0, 33.0, 61.0, 61.0])],
)
def test_the_delay_after_failures_doubles_and_is_jittered_from_the_first(
    draw: float, delays: list[float]
) -> None:
    """Delay = `min_interval` + uniform(0, min(`backoff_max`, `backoff` x 2^n))."""
    run = active(4000.0)
    run.wake()
    seen = []
    for _ in delays:
        run.fail(TransportError("reset"), draw=draw)
        seen.append(run.wake_at - run.now)
        assert calls(run.wake())
    assert seen == delays


def test_without_a_token_no_pause_is_longer_than_ten_seconds() -> None:
    """But for what the server asks for, and 501: a service is back soon after an outage is over."""
    run = lifecycle()
    run.feed(Opened)
    for delay in (2.0, 3.0, 5.0, 9.0, 10.0, 10.0):
        effects = run.fail(TRANSIENT[0], draw=1.0)
        assert told(effects) == [events.RenewalFailed]
        assert of(Conclude, effects) == [Conclude(TRANSIENT[0])]
        assert run.wake_at - run.now == delay
        run.wake()
    run.fail(RateLimitedError("slow down", status=429, retry_after=42.0), draw=1.0)
    assert run.wake_at - run.now == 42.0
    run = active()
    run.wake()
    while run.now + 61.0 < 1190.0:
        run.fail(TransportError("reset"), draw=1.0)
        run.wake()
    run.fail(TransportError("reset"), draw=1.0)
    assert calls(run.wake()) == []  # the token ran out
    assert run.wake_at - run.now == 10.0


def test_what_no_retry_mends_ends_the_wait_for_the_first_token() -> None:
    """A wrong URL is told at once; and so are the requests of a session that did not wait."""
    hopeless = NotFoundError("no such path", status=404)
    run = lifecycle()
    run.feed(Opened)
    (denied,) = of(Deny, run.fail(hopeless))
    assert isinstance(denied.error, SessionExpiredError)
    assert denied.error.__cause__ is hopeless
    assert calls(run.wake())
    run.grant(1200.0)
    run.wake()
    assert of(Deny, run.fail(hopeless)) == []


def test_the_exponent_of_the_backoff_has_an_end() -> None:
    """Failing for weeks overflows nothing."""
    run = lifecycle()
    run.feed(Opened)
    for _ in range(2000):
        run.fail(TransportError("reset"), draw=1.0)
        run.wake()
    assert run.state.record.failures == 2000


@pytest.mark.parametrize(("asked", "delay"), [(0.0, 1.0), (0.2, 1.0), (42.0, 42.0), (1e9, 300.0)])
def test_retry_after_is_honoured_up_to_the_permanent_interval(asked: float, delay: float) -> None:
    """A server may slow the pace, never quicken it, and not stop it for good."""
    run = lifecycle()
    run.feed(Opened)
    run.fail(RateLimitedError("slow down", status=429, retry_after=asked))
    assert run.wake_at == delay


# -- what a failed renewal means ----------------------------------------------------------


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
def test_a_transient_failure_is_not_noticed_while_the_token_lives(error: CloudAuthError) -> None:
    """One network error ends renewal for good (spring-projects/spring-vault#646): backoff here."""
    run = active()
    run.wake()
    effects = run.fail(error)
    assert of(Deny, effects) == []
    assert of(Conclude, effects) == [Conclude(error)]
    assert told(effects) == [events.RenewalFailed, events.SessionDegraded]
    (news, _) = of(Emit, effects)
    assert news.details == {"error": error, "attempt": 1, "retry_at": 901.0}
    assert (run.shown, run.state.record.error) == (SessionState.DEGRADED, error)
    assert of(Serve, run.feed(Wanted))
    assert calls(run.wake())
    assert run.shown is SessionState.DEGRADED
    effects = run.fail(error)
    assert told(effects) == [events.RenewalFailed]
    run.wake()
    run.grant(1200.0)
    assert (run.shown, run.state.record.error) == (SessionState.ACTIVE, None)


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
def test_waiting_callers_stay_through_transient_failures(error: CloudAuthError) -> None:
    """Past the hard limit a failure is not yet an answer; their own bound is."""
    run = active()
    run.wake()
    run.feed(Woken, after=290.0)
    effects = run.fail(error)
    assert (of(Deny, effects), run.shown) == ([], SessionState.EXPIRED)
    assert run.feed(Wanted) == (WakeAt(run.wake_at),)
    assert calls(run.wake())


def test_a_token_that_runs_out_while_renewal_fails_is_a_loss_that_is_told_once() -> None:
    """`SessionLost` names the failure that requests will be answered with."""
    run = active(60.0)
    run.wake()
    run.fail(RateLimitedError("slow down", status=429, retry_after=30.0))
    effects = run.wake()
    assert run.now == 57.0
    (news,) = of(Emit, effects)
    assert news.kind is events.SessionLost
    assert isinstance(news.details["error"], SessionExpiredError)
    assert run.wake_at == 75.0
    run.wake()
    assert told(run.fail(TRANSIENT[0])) == [events.RenewalFailed]


def test_without_an_authentication_cluster_the_pace_is_slow_and_the_token_serves_on() -> None:
    """501: what only an administrator can change is asked for every `permanent_interval`."""
    run = active()
    run.wake()
    effects = run.fail(NO_CLUSTER, draw=0.5)
    assert (of(Deny, effects), run.shown) == ([], SessionState.DEGRADED)
    assert of(Serve, run.feed(Wanted, after=280.0))
    effects = run.wake()
    assert run.now == 1190.0
    assert of(Deny, effects) == [Deny(NO_CLUSTER)]
    assert run.feed(Wanted) == (Deny(NO_CLUSTER),)
    assert run.wake_at == 1200.0
    assert calls(run.wake())
    assert Deny(NO_CLUSTER) in run.fail(NO_CLUSTER)
    assert run.wake_at == 1500.0


def test_without_an_authentication_cluster_a_refused_token_does_not_quicken_the_pace() -> None:
    """501, and then the API refuses the token as well: callers are told, the pace stays."""
    run = active()
    run.wake()
    run.fail(NO_CLUSTER)
    assert Deny(NO_CLUSTER) in run.revoke()
    assert run.wake_at == 1200.0


def test_a_token_that_runs_out_during_an_attempt_after_501_is_answered_at_once() -> None:
    """501: the typed error as soon as the token is gone, flight or no flight."""
    run = active(3600.0)
    run.wake()
    run.fail(NO_CLUSTER)
    run.feed(RenewalAsked, after=280.0)
    effects = run.wake()
    assert (of(Deny, effects), calls(effects)) == ([Deny(NO_CLUSTER)], [])


def test_the_news_of_a_token_say_which_until_when_and_how_it_came() -> None:
    """The first one is a login alone; another member's was not renewed here."""
    run = lifecycle()
    run.feed(Opened)
    end = EPOCH + timedelta(seconds=1200.0)
    expiry = {"session_expiration_time": end}
    assert of(Emit, run.bring(end)) == [Emit(events.LoggedIn, expiry)]
    (first,) = calls(run.feed(LoginAsked, after=5.0))
    run.now += 1.5
    renewed = Emit(events.TokenRenewed, {"generation": 2, "took": 1.5, **expiry})
    assert of(Emit, run.bring(end)) == [Emit(events.LoggedIn, expiry), renewed]
    (second,) = calls(run.feed(RenewalAsked, after=5.0))
    assert second.number == first.number + 1
    adopted = Emit(events.TokenAdopted, {"generation": 3, **expiry})
    assert of(Emit, run.bring(end, by=Exchange.ADOPT)) == [adopted]


def test_a_new_token_that_is_expired_already_is_a_failure_and_the_old_one_stays() -> None:
    """Dead on arrival by both clocks: `InvalidResponseError`, backoff."""
    run = active()
    run.wake()
    effects = run.grant(0.0)
    (done,) = of(Conclude, effects)
    assert isinstance(done.error, InvalidResponseError)
    assert done.error.problems
    assert (run.shown, run.state.record.generation) == (SessionState.DEGRADED, 1)
    (served,) = of(Serve, run.feed(Wanted))
    assert served.held.token.generation == 1
    assert calls(run.wake())
