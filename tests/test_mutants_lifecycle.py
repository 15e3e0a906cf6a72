"""What the lifecycle says to the last detail: news, times, messages, and exact limits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aiocloudauth import events
from aiocloudauth._core.states import (
    FOREVER,
    Abandon,
    Abilities,
    Acquiring,
    Active,
    Conclude,
    Deny,
    Emit,
    Exchange,
    Grant,
    Granted,
    Login,
    LoginAsked,
    LogoutAsked,
    Lost,
    Opened,
    OpenGivenUp,
    Refresh,
    Rejected,
    RenewalAsked,
    Renewing,
    Serve,
    Starved,
    WakeAt,
    Wanted,
    Withhold,
    Woken,
)
from aiocloudauth.errors import (
    CloudAuthError,
    InvalidResponseError,
    SessionExpiredError,
    TransportError,
)
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import Secret, SessionState
from tests.course import EPOCH, EXPIRED, NO_CLUSTER, REFUSED, TRANSIENT, active, calls, course, of

RESET = TransportError("reset")


def said(error: CloudAuthError | None) -> str:
    """Return the message of an expired session."""
    assert isinstance(error, SessionExpiredError)
    return str(error)


# -- what people are told -----------------------------------------------------------------


def test_after_logout_everyone_is_told_to_log_in() -> None:
    """Those who wait, those who come later, and those who ask for a renewal."""
    run = active()
    effects = run.feed(LogoutAsked)
    denied = of(Deny, effects) + of(Deny, run.feed(Wanted))
    concluded = of(Conclude, effects) + of(Conclude, run.feed(RenewalAsked))
    errors = [effect.error for effect in denied] + [effect.error for effect in concluded]
    assert [said(error) for error in errors] == ["logged out: call login() first"] * 4


def test_logout_starts_the_count_of_failures_anew() -> None:
    """The next login's first failure is attempt 1."""
    run = active()
    run.wake()
    run.fail(RESET)
    run.feed(LogoutAsked, after=5.0)
    run.feed(LoginAsked)
    (news,) = of(Emit, run.fail(RESET))
    assert news.details["attempt"] == 1


def test_the_first_token_is_a_login_and_no_renewal() -> None:
    """Only a second token takes the place of one."""
    run = course()
    run.feed(Opened)
    end = EPOCH + timedelta(seconds=1200)
    expected = [Emit(events.LoggedIn, {"session_expiration_time": end})]
    assert of(Emit, run.bring(end)) == expected


def test_a_renewal_is_told_with_generation_end_and_duration() -> None:
    """The duration counts from the start of the renewal."""
    run = active()
    run.wake()
    end = EPOCH + timedelta(seconds=902.5 + 1200)
    details = {"generation": 2, "took": 2.5, "session_expiration_time": end}
    assert of(Emit, run.grant(1200.0, after=2.5)) == [Emit(events.TokenRenewed, details)]


def test_a_failure_is_told_with_its_error_its_number_and_the_next_attempt() -> None:
    """While the token is good the news names when the next attempt starts."""
    run = active()
    run.wake()
    details = {"error": RESET, "attempt": 1, "retry_at": 901.5}
    expected = [Emit(events.RenewalFailed, details), Emit(events.SessionDegraded)]
    assert of(Emit, run.fail(RESET, draw=0.5)) == expected
    assert run.wake_at == 901.5


def test_a_failed_trial_is_told_as_a_failure_that_nothing_follows() -> None:
    """It is the first of its kind, and nobody tries those credentials again."""
    run = active()
    run.feed(LoginAsked, trial=True, after=5.0)
    details = {"error": REFUSED, "attempt": 1, "retry_at": None}
    assert of(Emit, run.fail(REFUSED)) == [Emit(events.RenewalFailed, details)]


def test_a_degraded_session_that_runs_out_is_told_as_lost_from_its_last_failure() -> None:
    """The news holds what requests would be answered with, and that holds the failure."""
    run = active()
    run.wake()
    run.fail(RESET, after=289.5, draw=1.0)
    effects = run.feed(Woken, after=0.5)
    (news,) = of(Emit, effects)
    assert news.kind is events.SessionLost
    error = news.details["error"]
    assert isinstance(error, SessionExpiredError)
    assert error.__cause__ is RESET


def test_a_token_that_is_dead_on_arrival_is_a_problem_of_the_answer() -> None:
    """A life of exactly nothing is dead too; the problem is named with its place."""
    run = course()
    run.feed(Opened)
    (done,) = of(Conclude, run.grant(0.0))
    assert isinstance(done.error, InvalidResponseError)
    assert str(done.error) == "the new token is expired already"
    problem = "in the past by the server's own clock @ $.session_expiration_time"
    assert done.error.problems == (problem,)


def test_asking_where_nothing_can_be_done_says_so() -> None:
    """Without a failure behind it the error has no cause."""
    run = active(repeatable=False, refreshable=False)
    (done,) = run.feed(RenewalAsked, after=5.0)
    assert isinstance(done, Conclude)
    assert said(done.error) == "these credentials give no other token"
    assert done.error is not None
    assert done.error.__cause__ is None


def test_asking_again_after_the_loss_holds_why_it_was_lost() -> None:
    """The refusal of the only way is the cause of every later answer."""
    run = active(repeatable=False)
    run.wake()
    (done,) = of(Conclude, run.fail(EXPIRED))[:1]
    assert said(done.error)
    assert done.error is not None
    assert done.error.__cause__ is EXPIRED
    assert isinstance(run.state, Lost)
    (again,) = run.feed(RenewalAsked, after=5.0)
    assert isinstance(again, Conclude)
    assert said(again.error) == "these credentials give no other token"
    assert again.error is not None
    assert again.error.__cause__ is EXPIRED


# -- exact limits -------------------------------------------------------------------------


def test_at_the_hard_limit_itself_the_token_is_sent_no_more() -> None:
    """The limit belongs to the time after it: for callers, for askers, for a failure."""
    run = active()
    run.wake()
    assert of(Withhold, run.feed(Wanted, after=290.0))
    run = active()
    (call,) = calls(run.feed(RenewalAsked, after=1190.0))
    assert isinstance(call, Login)
    run = active()
    run.wake()
    run.fail(RESET, after=290.0)
    assert isinstance(run.state, Acquiring | Starved)


def test_an_early_wake_during_a_renewal_waits_for_the_hard_limit() -> None:
    """The timer that ends the token's use is set again, and the token published again."""
    run = active()
    run.wake()
    effects = run.feed(Woken, after=5.0)
    assert of(WakeAt, effects) == [WakeAt(1190.0)]
    assert [effect.held.token.generation for effect in of(Serve, effects)] == [1]


def test_a_token_that_runs_out_during_its_renewal_leaves_no_timer() -> None:
    """The flight has its own deadline; nothing else is due."""
    run = active()
    run.wake()
    assert run.feed(Woken, after=290.0) == (Withhold(), WakeAt(FOREVER))


def test_an_open_that_is_given_up_leaves_a_new_session() -> None:
    """It may be opened again, and counts its tokens from the start."""
    run = active()
    assert run.feed(OpenGivenUp) == (Withhold(), Abandon(), WakeAt(FOREVER))
    assert run.shown is SessionState.NEW
    run.feed(Opened, after=5.0)
    (serve,) = of(Serve, run.grant(1200.0))
    assert serve.held.token.generation == 1


def test_a_login_on_trial_is_told_how_long_to_rest() -> None:
    """`None` while a flight is under way, then the rest of `min_interval`, then nothing."""
    run = active(policy=RenewalPolicy(min_interval=4.0))
    assert run.machine.rest(run.state, 1.0) == 3.0
    assert run.machine.rest(run.state, 3.5) == 0.5
    assert run.machine.rest(run.state, 9.0) == 0.0
    run.wake()
    assert run.machine.rest(run.state, 901.0) is None
    run.feed(Woken, after=290.0)
    assert isinstance(run.state, Acquiring)
    assert run.machine.rest(run.state, run.now) is None


# -- which call, with what ----------------------------------------------------------------


def test_a_token_refused_while_degraded_is_replaced_at_once() -> None:
    """A dead token waits for no backoff, only for `min_interval`."""
    run = active()
    run.wake()
    run.fail(RESET, draw=1.0)
    assert run.wake_at == 902.0
    (call,) = calls(run.feed(Rejected, 1, after=1.5))
    assert isinstance(call, Login)


def test_a_bare_token_that_ran_out_is_still_offered_to_refresh_when_asked() -> None:
    """With nothing to log in with it is the only way; the spent token is what is sent."""
    run = active(repeatable=False)
    token = run.state.held.token if isinstance(run.state, Active) else None
    (call,) = calls(run.feed(RenewalAsked, after=1195.0))
    assert isinstance(call, Refresh)
    assert call.token is token
    run.fail(RESET, draw=1.0)
    assert isinstance(run.state, Starved)
    (call,) = calls(run.feed(RenewalAsked, after=1.5))
    assert isinstance(call, Refresh)
    assert call.token is token


def test_asking_too_early_with_a_spent_token_plans_its_refresh() -> None:
    """What is sent after `min_interval` is `_refresh` with that token."""
    run = active(repeatable=False)
    run.feed(Rejected, 1, after=5.0)
    run.fail(RESET, after=0.1, draw=1.0)
    assert run.wake_at == 7.1
    run.feed(RenewalAsked, after=0.1)
    assert run.wake_at == 6.0
    (call,) = calls(run.wake())
    assert isinstance(call, Refresh)
    assert call.token.generation == 1


def test_every_attempt_has_a_number_of_its_own() -> None:
    """A late answer can then be told from the one awaited, also after a success and a trial."""
    run = active()
    numbers = [run.state.record.number]
    (call,) = calls(run.wake())
    numbers.append(call.number)
    run.grant(1200.0)
    (call,) = calls(run.feed(LoginAsked, trial=True, after=5.0))
    numbers.append(call.number)
    run.fail(RESET)
    (call,) = calls(run.wake())
    numbers.append(call.number)
    assert numbers == [1, 2, 3, 4]


def test_a_renewal_that_moves_the_end_is_followed_by_another() -> None:
    """Only an end that stands still, or goes back, makes a login the next step."""
    run = active()
    run.wake()
    run.grant(1200.0)
    assert [type(call) for call in calls(run.wake())] == [Refresh]
    run = active(None)
    run.wake()
    run.grant(1200.0)
    assert [type(call) for call in calls(run.wake())] == [Refresh]
    run = active()
    run.wake()
    run.grant(None)
    assert [type(call) for call in calls(run.wake())] == [Refresh]
    run = active()
    run.wake()
    run.grant(300.0)
    assert [type(call) for call in calls(run.wake())] == [Login]


def test_a_trial_that_works_brings_its_credentials_and_what_they_allow() -> None:
    """The next renewal is planned by the new ones, and the old ones are told to go."""
    run = active()
    run.feed(LoginAsked, trial=True, after=5.0)
    end = EPOCH + timedelta(seconds=1205)
    wall = EPOCH.timestamp() + run.now
    grant = Grant(
        secret=Secret("new"),
        scheme="Bearer",
        expires_at=end,
        received_at=run.now,
        sent_wall=wall,
        received_wall=wall,
    )
    allowed = Abilities(refreshable=False)
    effects = run.feed(Granted, run.state.record.number, grant, 0.0, abilities=allowed)
    assert [effect.adopt for effect in of(Serve, effects)] == [True]
    assert isinstance(run.state, Active)
    assert run.state.by is Exchange.LOGIN
    run = active()
    run.wake()
    assert [effect.adopt for effect in of(Serve, run.grant(1200.0))] == [False]


def test_a_refused_refresh_without_a_password_to_follow_keeps_the_good_token() -> None:
    """The password was refused before: nothing is left to try, and the token serves to its end."""
    run = active()
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    assert [type(call) for call in calls(run.wake())] == [Refresh]
    run.fail(EXPIRED)
    assert run.shown is SessionState.DEGRADED
    assert of(Serve, run.feed(Wanted, after=5.0))
    assert run.wake_at == 1190.0


def test_the_login_after_a_refused_refresh_has_what_time_is_left() -> None:
    """Of the token's life half, of the renewal the rest, and never less than `min_interval`."""
    run = active()
    run.wake()
    number = run.state.record.number
    assert calls(run.fail(EXPIRED, after=2.0)) == [Login(number, 10.0)]
    run = active()
    run.wake()
    assert calls(run.fail(EXPIRED, after=276.0)) == [Login(number, 1.0)]
    run = active(20.0)
    run.wake()
    assert isinstance(run.state, Renewing)
    left = run.state.held.hard_at - run.now
    assert calls(run.fail(EXPIRED, after=0.25)) == [Login(number, (left - 0.25) / 2)]


def test_a_login_after_a_refresh_that_outlived_its_token_belongs_to_the_same_attempt() -> None:
    """Record, number and spent token stay; only the way changes."""
    run = active()
    run.wake()
    run.feed(Woken, after=290.0)
    before = run.state
    assert isinstance(before, Acquiring)
    assert calls(run.fail(EXPIRED)) == [Login(before.flight.number, 1.0)]
    after = run.state
    assert isinstance(after, Acquiring)
    assert (after.record, after.flight.number) == (before.record, before.flight.number)
    assert after.flight.started_at == before.flight.started_at
    assert after.flight.by is Exchange.LOGIN
    assert after.spent is not None
    assert before.spent is not None
    assert after.spent.token is before.spent.token


@pytest.mark.parametrize("error", [TRANSIENT[0], NO_CLUSTER], ids=["transient", "501"])
def test_a_failed_trial_answers_waiting_callers_only_for_want_of_a_cluster(
    error: CloudAuthError,
) -> None:
    """After a transient failure they go on waiting for the next attempt."""
    run = course()
    run.feed(Opened)
    run.fail(error, draw=1.0)
    run.feed(LoginAsked, trial=True, after=1.5)
    expected = [Deny(NO_CLUSTER)] if error is NO_CLUSTER else []
    assert of(Deny, run.fail(REFUSED, after=0.1)) == expected


def test_a_token_that_ends_with_nothing_to_follow_is_a_loss_that_everyone_hears_of() -> None:
    """Callers, askers and subscribers get the same error, which says what happened."""
    run = active(repeatable=False, refreshable=False)
    withheld, wake, denied, concluded, news = run.feed(Woken, after=1190.0)
    assert (withheld, wake) == (Withhold(), WakeAt(FOREVER))
    assert isinstance(denied, Deny)
    assert said(denied.error) == "the token has expired or was refused"
    assert concluded == Conclude(denied.error)
    assert news == Emit(events.SessionLost, {"error": denied.error})


def test_a_renewal_that_fails_past_its_token_is_told_as_failure_and_as_loss() -> None:
    """The failure names the next attempt; the loss holds what requests are answered with."""
    run = active()
    run.wake()
    failure, loss = of(Emit, run.fail(RESET, after=290.0, draw=0.5))
    assert failure.details == {"error": RESET, "attempt": 1, "retry_at": 1191.5}
    assert run.wake_at == 1191.5
    assert loss.kind is events.SessionLost
    assert loss.details.keys() == {"error"}
    error = loss.details["error"]
    assert isinstance(error, SessionExpiredError)
    assert error.__cause__ is RESET


def test_the_first_login_is_all_that_is_due() -> None:
    """No timer beside it: the flight has a time limit of its own."""
    assert course().feed(Opened) == (Withhold(), Login(1, 10.0), WakeAt(FOREVER))


def test_a_revoked_token_whose_login_fails_is_told_as_lost_once() -> None:
    """A token that the API refused is gone at the first failure; later ones say no more."""
    run = active()
    run.feed(Rejected, 1, after=5.0)
    first = [effect.kind for effect in of(Emit, run.fail(RESET))]
    run.wake()
    second = [effect.kind for effect in of(Emit, run.fail(RESET))]
    assert first == [events.RenewalFailed, events.SessionLost]
    assert second == [events.RenewalFailed]
