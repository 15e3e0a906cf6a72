"""Logins on trial, logout, close, and inputs that do not fit. No event loop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aiocloudauth import events
from aiocloudauth._core.states import (
    FOREVER,
    Abandon,
    Abilities,
    CloseAsked,
    Conclude,
    Deny,
    Failed,
    IllegalInputError,
    Input,
    Login,
    LoginAsked,
    LogoutAsked,
    Opened,
    Refresh,
    Rejected,
    RenewalAsked,
    Serve,
    WakeAt,
    Wanted,
    Withhold,
    Woken,
)
from aiocloudauth.errors import (
    CloudAuthError,
    InvalidResponseError,
    SessionExpiredError,
    UnauthenticatedError,
)
from aiocloudauth.token import SessionState
from tests.core.lifecycle_driver import (
    EPOCH,
    NO_CLUSTER,
    REFUSED,
    TRANSIENT,
    active,
    calls,
    lifecycle,
    lost_with_a_callable,
    of,
    told,
)

# -- logins on trial ----------------------------------------------------------------------


@pytest.mark.parametrize("error", [REFUSED, TRANSIENT[0], None], ids=str)
def test_a_failed_trial_loses_nothing(error: CloudAuthError | None) -> None:
    """Other credentials that do not work leave token, plan and record as they were."""
    run = active()
    before = run.state
    (call,) = calls(run.feed(LoginAsked, trial=True, after=5.0))
    assert isinstance(call, Login)
    assert call.trial
    assert of(Serve, run.feed(Wanted))
    effects = run.grant(-1.0) if error is None else run.fail(error)
    (done,) = of(Conclude, effects)
    assert done.error == error or isinstance(done.error, InvalidResponseError)
    assert done.trial
    assert told(effects) == []
    record = run.state.record
    assert type(run.state) is type(before)
    assert (record.error, record.refused, record.failures) == (None, None, 0)
    assert run.wake_at == 900.0
    (later,) = calls(run.wake())
    assert (type(later), later.number) == (Refresh, call.number + 1)


def test_a_trial_that_works_takes_the_place_of_what_was_there() -> None:
    """Its token is the next generation, and an old refusal is forgotten with its secret."""
    run = active()
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    run.feed(LoginAsked, trial=True, after=5.0)
    assert told(run.grant(1200.0)) == [events.LoggedIn, events.TokenRenewed]
    record = run.state.record
    assert (record.generation, record.refused) == (2, None)


def test_the_token_of_a_trial_is_renewed_as_its_credentials_can_be() -> None:
    """A password that took the place of a key is not the key."""
    run = active()
    run.feed(LoginAsked, trial=True, after=5.0)
    end = EPOCH + timedelta(seconds=1200.0)
    effects = run.bring(end, abilities=Abilities(refreshable=False))
    assert [served.adopt for served in of(Serve, effects)] == [True]
    assert [type(call) for call in calls(run.wake())] == [Login]


def test_a_failed_trial_goes_back_to_a_renewal_that_fell_due_meanwhile() -> None:
    """The plan of before is taken up at once, `min_interval` after the trial began."""
    run = active()
    run.feed(LoginAsked, trial=True, after=899.5)
    run.fail(TRANSIENT[0], after=0.25)
    assert run.wake_at == 900.5
    assert [type(call) for call in calls(run.wake())] == [Refresh]
    run = active()
    run.feed(LoginAsked, trial=True, after=899.0)
    assert [type(call) for call in calls(run.fail(TRANSIENT[0], after=5.0))] == [Refresh]


def test_a_token_that_ran_out_during_a_failed_trial_is_replaced_by_the_old_credentials() -> None:
    """The trial's failure is not theirs."""
    run = active()
    run.feed(LoginAsked, trial=True, after=1180.0)
    run.wake()
    (call,) = calls(run.fail(REFUSED, after=5.0))
    assert isinstance(call, Login)
    assert not call.trial
    run = active()
    run.feed(LoginAsked, trial=True, after=2000.0)
    run.fail(REFUSED)
    assert run.wake_at == 2001.0


def test_a_dead_answer_to_a_trial_after_a_suspend_is_survived() -> None:
    """The answer comes before the timer noticed that the old token ran out."""
    run = active()
    run.feed(LoginAsked, trial=True, after=5.0)
    (call,) = calls(run.grant(-1.0, after=3600.0))
    assert isinstance(call, Login)
    assert not call.trial


def test_a_failed_trial_goes_back_to_the_wait_for_the_next_attempt() -> None:
    """With no token at all the backoff goes on, and those who wait for 501 are answered."""
    run = lifecycle()
    run.feed(Opened)
    run.fail(TRANSIENT[0], draw=1.0)
    run.feed(LoginAsked, trial=True, after=1.5)
    run.fail(REFUSED)
    assert run.wake_at == 2.5
    assert calls(run.wake())
    run.fail(NO_CLUSTER)
    run.feed(LoginAsked, trial=True, after=5.0)
    assert run.feed(Wanted) == ()
    assert of(Deny, run.fail(REFUSED)) == [Deny(NO_CLUSTER)]
    assert run.wake_at == 302.5


def test_a_failed_trial_answers_nobody_while_a_token_is_good() -> None:
    """Whatever the last failure was."""
    run = active()
    run.wake()
    run.fail(NO_CLUSTER)
    run.feed(LoginAsked, trial=True, after=5.0)
    assert of(Deny, run.fail(REFUSED)) == []


def test_a_failed_trial_goes_back_to_the_loss_and_answers_those_who_came() -> None:
    """Callers who waited for the trial hear what they would have heard before."""
    run = lifecycle()
    run.feed(Opened)
    run.fail(REFUSED)
    run.feed(LoginAsked, trial=True, after=5.0)
    assert run.feed(Wanted) == ()
    assert of(Deny, run.fail(TRANSIENT[0])) == [Deny(REFUSED)]
    assert run.wake_at == 900.0


def test_a_renewal_asked_for_during_a_trial_is_made_after_it() -> None:
    """The refusal of somebody's typing error is nobody else's."""
    run = active()
    run.feed(LoginAsked, trial=True, after=5.0)
    assert run.feed(RenewalAsked) == ()
    effects = run.fail(REFUSED)
    assert of(Conclude, effects) == [Conclude(REFUSED, trial=True)]
    (call,) = calls(effects) or calls(run.wake())
    assert isinstance(call, Refresh)
    assert run.now == 6.0
    run = active()
    run.feed(LoginAsked, trial=True, after=5.0)
    run.feed(RenewalAsked)
    assert of(Conclude, run.grant(1200.0)) == [Conclude(None), Conclude(None, trial=True)]


def test_a_failed_trial_leaves_a_lost_callable_its_timer() -> None:
    """An idle client still finds the rotated secret."""
    run = lost_with_a_callable()
    run.feed(LoginAsked, trial=True, after=5.0)
    run.fail(UnauthenticatedError("other", status=401))
    assert 300.0 <= run.wake_at <= 305.0
    assert calls(run.wake())


def test_a_failed_trial_after_logout_leaves_it_logged_out() -> None:
    """Only a login that works leads on."""
    run = active()
    run.feed(LogoutAsked)
    run.feed(LoginAsked, trial=True, after=5.0)
    run.feed(Wanted)
    (denied,) = of(Deny, run.fail(REFUSED))
    assert isinstance(denied.error, SessionExpiredError)
    assert calls(run.feed(LoginAsked, after=5.0))
    run.grant(1200.0)
    assert run.state.record.generation == 2


# -- logout and close ---------------------------------------------------------------------


def test_logout_drops_the_flight_and_its_answer_revives_nothing() -> None:
    """Renewal finishing after logout revives the session (logto-io/kotlin#253): fenced off."""
    run = active()
    run.wake()
    number = run.state.record.number
    effects = run.feed(LogoutAsked)
    assert {Withhold(), Abandon(), WakeAt(FOREVER)} <= set(effects[:3])
    assert told(effects) == [events.LoggedOut]
    done = [(type(effect.error), effect.trial) for effect in of(Conclude, effects)]
    assert done == [(SessionExpiredError, False), (SessionExpiredError, True)]
    after = run.state
    assert run.grant(1200.0) == ()
    assert run.feed(Failed, number, TRANSIENT[0], 0.0) == ()
    assert run.state is after


@pytest.mark.parametrize("kind", [Woken, RenewalAsked, Wanted])
def test_after_logout_only_a_login_leads_on(kind: type[Input]) -> None:
    """Nobody is left waiting, and nothing is sent."""
    run = active()
    run.feed(LogoutAsked)
    effects = run.feed(kind, after=1e6)
    assert calls(effects) == []
    assert [type(effect) for effect in effects] == [
        {Woken: WakeAt, RenewalAsked: Conclude, Wanted: Deny}[kind]
    ]
    told = [done.error for done in of(Conclude, effects)] + [no.error for no in of(Deny, effects)]
    assert all(isinstance(error, SessionExpiredError) for error in told)
    assert run.feed(Rejected, 1, coded=True, draw=0.0) == ()


def test_after_logout_failures_are_counted_anew() -> None:
    """The first pause is the shortest again."""
    run = active()
    for _ in range(5):
        run.wake()
        run.fail(TRANSIENT[0], draw=1.0)
    run.feed(LogoutAsked)
    run.feed(LoginAsked, after=5.0)
    run.fail(TRANSIENT[0], draw=1.0)
    assert run.wake_at - run.now == 2.0


def test_logout_does_not_lift_a_refusal() -> None:
    """The password is as wrong as it was."""
    run = active()
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    run.feed(LogoutAsked)
    assert run.state.record.error is None
    assert run.feed(LoginAsked, after=5.0) == (Conclude(REFUSED),)


def test_a_bare_token_that_was_logged_out_cannot_come_back() -> None:
    """There is nothing to log in with."""
    run = active(repeatable=False)
    run.feed(LogoutAsked)
    (done,) = run.feed(LoginAsked, after=5.0)
    assert isinstance(done, Conclude)
    assert isinstance(done.error, SessionExpiredError)


def test_close_ends_it_all() -> None:
    """After `close` a left-over timer and a late answer are no faults, and change nothing."""
    run = active()
    run.wake()
    assert run.feed(CloseAsked) == (Withhold(), Abandon(), WakeAt(FOREVER))
    assert run.shown is SessionState.CLOSED
    closed = run.state
    assert run.feed(Woken) == (WakeAt(FOREVER),)
    assert run.grant(1200.0) == ()
    assert run.fail(TRANSIENT[0]) == ()
    assert run.state is closed


def test_an_input_that_does_not_fit_raises_and_changes_nothing() -> None:
    """A fault of the caller is said so; the machine goes on."""
    run = lifecycle()
    new = run.state
    for kind in (Wanted, Woken, RenewalAsked, LoginAsked, LogoutAsked):
        with pytest.raises(IllegalInputError, match=f"{kind.__name__} in New"):
            run.feed(kind)
    assert run.state is new
    run.feed(Opened)
    with pytest.raises(IllegalInputError, match="Opened in Acquiring"):
        run.feed(Opened)
    assert of(Serve, run.grant(1200.0))
