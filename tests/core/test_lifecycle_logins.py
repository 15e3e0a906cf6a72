"""Refused logins, rotated secrets and session caps. No event loop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aiocloudauth import events
from aiocloudauth._core.states import (
    FOREVER,
    Conclude,
    Deny,
    Emit,
    Login,
    LoginAsked,
    Opened,
    OpenGivenUp,
    Refresh,
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
    AuthenticationError,
    CloudAuthError,
    PermissionDeniedError,
    SessionExpiredError,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import SessionState
from tests.core.lifecycle_driver import (
    EPOCH,
    EXPIRED,
    REFUSED,
    TRANSIENT,
    active,
    calls,
    lifecycle,
    lost_with_a_callable,
    of,
    told,
)

# -- refused ------------------------------------------------------------------------------


def test_a_refused_refresh_is_followed_by_a_login_in_the_same_renewal() -> None:
    """Session cap reached, no re-login (spring-projects/spring-vault#176): one login, at once."""
    run = active()
    (first,) = calls(run.wake())
    (second,) = calls(run.fail(EXPIRED))
    assert second == Login(first.number, 10.0, dead=True)
    assert of(Serve, run.feed(Wanted))
    assert told(run.grant(1200.0)) == [events.LoggedIn, events.TokenRenewed]


def test_a_refused_refresh_without_a_login_is_the_end_at_once() -> None:
    """A bare token whose renewal is refused is lost, though it has not expired yet."""
    run = active(repeatable=False)
    run.wake()
    effects = run.fail(EXPIRED)
    (denied,) = of(Deny, effects)
    assert type(denied.error) is SessionExpiredError
    assert denied.error.__cause__ is EXPIRED
    assert {type(done.error) for done in of(Conclude, effects)} == {SessionExpiredError}
    (failed, lost) = of(Emit, effects)
    assert (failed.kind, lost.kind) == (events.RenewalFailed, events.SessionLost)
    assert lost.details["error"] is denied.error
    assert (run.shown, run.wake_at) == (SessionState.EXPIRED, FOREVER)
    assert [type(answer) for answer in run.feed(Wanted)] == [Deny]
    (done,) = of(Conclude, run.feed(RenewalAsked))
    assert done.error is not None
    assert done.error.__cause__ is EXPIRED


def test_after_a_refused_refresh_any_token_will_do() -> None:
    """That one is dead, though the user asked for a fresh one."""
    run = active()
    (first,) = calls(run.feed(RenewalAsked, after=5.0))
    (second,) = calls(run.fail(EXPIRED))
    assert (first.want, second.want) == (Want.FRESH, Want.ANY)


def test_a_dead_token_is_not_offered_to_refresh_when_a_login_is_possible() -> None:
    """Refused by the API, or expired: the login comes first."""
    refused, expired = active(), active()
    (after_refusal,) = calls(refused.revoke(after=5.0))
    (after_expiry,) = calls(expired.feed(Wanted, after=2000.0))
    assert isinstance(after_refusal, Login)
    assert isinstance(after_expiry, Login)
    assert (after_refusal.dead, after_expiry.dead) == (True, False)
    (while_it_is_good,) = calls(active().feed(LoginAsked, after=5.0))
    assert isinstance(while_it_is_good, Login)
    assert not while_it_is_good.dead


def test_a_dead_token_is_offered_to_refresh_when_nothing_else_is_left() -> None:
    """The server has the last word on a bare token."""
    run = active(repeatable=False)
    (call,) = calls(run.revoke(after=5.0))
    assert isinstance(call, Refresh)
    run.fail(TRANSIENT[0])
    (call,) = calls(run.wake())
    assert isinstance(call, Refresh)
    assert of(Deny, run.fail(EXPIRED))
    run = active(repeatable=False)
    run.wake()
    run.fail(TRANSIENT[0])
    assert [type(call) for call in calls(run.feed(Wanted, after=2000.0))] == [Refresh]
    run.fail(TRANSIENT[0])
    assert [type(call) for call in calls(run.feed(RenewalAsked, after=1.0))] == [Refresh]


@pytest.mark.parametrize(
    "error",
    [
        REFUSED,
        UnauthorizedError("no code", status=401),
        AuthenticationError("user.not_found", status=401),
        PermissionDeniedError("root.invalid_authentication", status=403),
    ],
    ids=str,
)
def test_a_refused_login_is_final_whatever_its_code(error: CloudAuthError) -> None:
    """Login loop with a bad password locks the account (Voyz/ibeam#32): one `_login`, no more."""
    run = lifecycle()
    run.feed(Opened)
    effects = run.fail(error)
    assert of(Conclude, effects)[0] == Conclude(error)
    (denied,) = of(Deny, effects)
    requests_get = UnauthenticatedError if error is REFUSED else SessionExpiredError
    assert type(denied.error) is requests_get
    assert run.wake_at == 900.0
    for kind in (Wanted, Woken, RenewalAsked, LoginAsked):
        effects = run.feed(kind, after=10.0)
        assert calls(effects) == []
        assert run.wake_at == 900.0
    assert of(Conclude, run.feed(LoginAsked)) == [Conclude(error)]


def test_a_refused_login_is_tried_again_after_a_while_that_doubles() -> None:
    """An outage of the directory refuses good passwords, and a service must heal."""
    run, bars = lifecycle(), []
    run.feed(Opened)
    for _ in range(7):
        (news, *_) = of(Emit, run.fail(REFUSED))
        assert news.details["retry_at"] == run.wake_at
        bars.append(run.wake_at - run.now)
        assert [type(call) for call in calls(run.wake())] == [Login]
    assert bars == [900.0, 1800.0, 3600.0, 7200.0, 14400.0, 14400.0, 14400.0]
    assert of(Serve, run.grant(1200.0))
    run.revoke(after=5.0)
    run.fail(REFUSED)
    assert run.wake_at - run.now == 900.0


def test_a_refused_login_may_be_final() -> None:
    """Where accounts are locked for good."""
    run = lifecycle(RenewalPolicy(refused_interval=None))
    run.feed(Opened)
    (news, *_) = of(Emit, run.fail(REFUSED))
    assert (news.details["retry_at"], run.wake_at) == (None, FOREVER)


def test_the_news_of_a_refusal_names_the_next_attempt() -> None:
    """A callable is asked again sooner than a value that cannot change."""
    for rotates, then in ((False, 905.0), (True, 305.0)):
        run = active(rotates=rotates)
        run.revoke(after=5.0)
        (news, lost) = of(Emit, run.fail(REFUSED))
        assert (news.kind, lost.kind) == (events.RenewalFailed, events.SessionLost)
        assert news.details["retry_at"] == then


def test_an_unchanged_value_does_not_prolong_the_bar() -> None:
    """A callable that gives the same again is not sent, so it is not refused again."""
    run = lost_with_a_callable()
    (call,) = of(Login, run.wake())
    assert call.refusal is REFUSED
    run.fail(REFUSED)
    assert run.state.record.barred_until == 900.0
    run.wake()
    run.fail(REFUSED)
    (login,) = of(Login, run.wake())
    assert (run.now, login.refusal) == (900.0, None)


def test_a_refused_login_leaves_a_good_token_to_its_end() -> None:
    """Nothing is left to try, but what is held still opens doors."""
    run = active()
    run.wake()
    run.fail(EXPIRED)
    effects = run.fail(REFUSED)
    assert (of(Deny, effects), run.shown, run.wake_at) == ([], SessionState.DEGRADED, 1190.0)
    assert of(Serve, run.feed(Wanted, after=289.0))
    effects = run.wake()
    assert of(Deny, effects) == [Deny(REFUSED)]
    assert calls(effects) == []


def test_a_refused_refresh_leaves_a_good_token_to_its_end_where_logins_are_barred() -> None:
    """The same the other way round."""
    run = active(policy=RenewalPolicy(refused_interval=None))
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    run.wake()
    effects = run.fail(EXPIRED)
    assert (calls(effects), of(Deny, effects)) == ([], [])
    assert of(Serve, run.feed(Wanted))


def test_a_bar_that_ends_while_a_token_is_good_is_the_time_of_the_next_login() -> None:
    """Nobody has to notice."""
    run = active(policy=RenewalPolicy(refused_interval=60.0))
    run.wake()
    run.fail(EXPIRED)
    run.fail(REFUSED)
    assert (run.shown, run.wake_at) == (SessionState.DEGRADED, 960.0)
    assert [type(call) for call in calls(run.wake())] == [Login]


def test_a_bar_that_ends_before_the_token_does_is_no_hindrance_then() -> None:
    """At the end of a capped session the login is made at once."""
    run = active(policy=RenewalPolicy(refused_interval=1150.0))
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    run.wake()
    run.bring(EPOCH + timedelta(seconds=1200.0))
    assert [type(call) for call in calls(run.wake())] == [Login]
    assert run.now == 1190.0


def test_a_refusal_outlives_a_refresh_that_works() -> None:
    """The password does not become right because the token could be prolonged."""
    run = active()
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    (call,) = calls(run.wake())
    assert isinstance(call, Refresh)
    run.grant(1200.0)
    assert run.shown is SessionState.ACTIVE
    assert run.feed(LoginAsked, after=5.0) == (Conclude(REFUSED),)
    run.feed(LoginAsked, after=900.0)
    run.fail(REFUSED)
    assert run.state.record.barred_until - run.now == 1800.0


def test_a_refused_password_waits_for_the_end_of_a_capped_session() -> None:
    """Neither `_refresh` nor a refused login leads on: callers are served, then hear why."""
    run = active(policy=RenewalPolicy(refused_interval=None))
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    run.wake()
    run.bring(EPOCH + timedelta(seconds=1200.0))  # the end does not move: a cap
    assert run.wake_at == pytest.approx(1190.0, abs=1.0)
    effects = run.wake()
    assert (calls(effects), of(Deny, effects)) == ([], [Deny(REFUSED)])
    assert run.feed(Wanted) == (Deny(REFUSED),)


def test_a_barred_login_leaves_refresh_to_a_token_that_ran_out() -> None:
    """What is left is tried, through transient failures, until the server has said no."""
    run = active(policy=RenewalPolicy(refused_interval=None))
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    run.revoke(after=0.5)
    run.wake()
    (call,) = calls(run.feed(Unconfirmed, run.state.record.number, dead=True))
    assert isinstance(call, Refresh)
    assert of(Deny, run.fail(TRANSIENT[0])) == []
    (call,) = calls(run.wake())
    assert isinstance(call, Refresh)
    effects = run.fail(EXPIRED)
    assert (calls(effects), of(Deny, effects)) == ([], [Deny(REFUSED)])


def test_a_session_that_never_opened_stays_refused() -> None:
    """`open()` after a refusal sends nothing: `login(credentials)` is for another password."""
    run = lifecycle()
    run.feed(Opened)
    run.fail(REFUSED)
    run.feed(OpenGivenUp)
    assert run.feed(Opened, after=899.0) == (Deny(REFUSED),)
    assert run.shown is SessionState.NEW
    assert calls(run.feed(Opened, after=1.0))


# -- rotated secrets ----------------------------------------------------------------------


def test_a_callable_is_asked_again_every_permanent_interval() -> None:
    """A rotated secret is found without a caller; the refused one is not sent again."""
    run = lost_with_a_callable()
    assert run.wake_at == 300.0
    assert calls(run.wake())
    run.fail(REFUSED)
    assert run.wake_at == 600.0


def test_a_callable_is_not_asked_by_a_timer_that_is_early() -> None:
    """The timer goes off once a slice, too."""
    run = lost_with_a_callable()
    for _ in range(9):
        assert calls(run.feed(Woken, after=30.0)) == []
        assert run.wake_at == 300.0
    assert calls(run.wake())


def test_a_callable_is_asked_again_when_a_caller_wants_a_token() -> None:
    """But not more often than `min_interval`."""
    run = lost_with_a_callable()
    assert run.feed(Wanted, after=0.5) == (Deny(REFUSED),)
    assert calls(run.feed(Wanted, after=0.5))
    assert of(Serve, run.grant(1200.0))


def test_a_timer_of_a_lost_session_keeps_min_interval() -> None:
    """Also where the policy makes that the longer one."""
    run = lifecycle(RenewalPolicy(min_interval=400.0), rotates=True)
    run.feed(Opened)
    run.fail(REFUSED)
    assert calls(run.wake()) == []
    assert run.wake_at == 400.0
    assert calls(run.wake())


def test_a_transient_failure_of_a_rotated_secret_is_not_a_refusal() -> None:
    """The new secret met a 502: callers wait on, and the pace is the backoff's."""
    run = lost_with_a_callable()
    run.feed(Wanted, after=10.0)
    effects = run.fail(TRANSIENT[4])
    assert of(Deny, effects) == []
    assert run.wake_at == 11.0
    assert calls(run.wake())
    assert of(Serve, run.grant(1200.0))


def test_a_refused_callable_with_a_good_token_is_asked_again_slowly() -> None:
    """The token serves; the next login is `permanent_interval` away, not a backoff."""
    run = active(3600.0, rotates=True)
    run.wake()
    run.fail(EXPIRED)
    effects = run.fail(REFUSED)
    assert (of(Deny, effects), run.shown) == ([], SessionState.DEGRADED)
    assert run.wake_at == 3590.0
    effects = run.wake()
    assert calls(effects) == []
    assert run.wake_at == 3600.0
    assert [type(call) for call in calls(run.wake())] == [Login]
    run = active(rotates=True, policy=RenewalPolicy(refused_interval=60.0))
    run.wake()
    run.fail(EXPIRED)
    run.fail(REFUSED)
    assert run.wake_at == 960.0


def test_the_user_may_ask_a_callable_again() -> None:
    """`login()` and `refresh()` lead on from a loss, after `min_interval`."""
    for ask in (LoginAsked, RenewalAsked):
        run = lost_with_a_callable()
        assert run.feed(ask, after=0.5) == (Withhold(), WakeAt(1.0))
        assert [type(call) for call in calls(run.wake())] == [Login]


# -- a cap on the session -----------------------------------------------------------------


def test_a_token_whose_end_does_not_move_is_adopted_and_followed_by_a_login() -> None:
    """Session cap reached, no re-login (spring-projects/spring-vault#176): planned ahead here."""
    run = active()
    run.wake()
    effects = run.bring(EPOCH + timedelta(seconds=1200.0))
    assert [served.held.token.generation for served in of(Serve, effects)] == [2]
    (call,) = calls(run.wake())
    assert isinstance(call, Login)
    assert run.now == pytest.approx(1125.0)
    run.grant(1200.0)
    (call,) = calls(run.wake())
    assert isinstance(call, Refresh)


def test_the_login_ahead_of_a_cap_keeps_min_interval() -> None:
    """A server whose tokens never advance does not cause a hot loop."""
    run = active(10.0)
    run.feed(RenewalAsked, after=9.2)
    run.bring(EPOCH + timedelta(seconds=10.0))
    assert calls(run.wake()) == []
    assert [type(call) for call in calls(run.wake())] == [Login]
    assert run.now == 10.2


def test_a_bare_token_at_its_cap_is_refreshed_to_the_end() -> None:
    """Without a login there is nothing better to plan."""
    run = active(repeatable=False)
    run.wake()
    run.bring(EPOCH + timedelta(seconds=1200.0))
    assert [type(call) for call in calls(run.wake())] == [Refresh]
