"""What a refused token proves, and what it calls for: the five rules. No event loop."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from aiocloudauth._core.lifecycle import left_over
from aiocloudauth._core.states import (
    Acquiring,
    Active,
    Ask,
    Conclude,
    Confirmed,
    Degraded,
    Deny,
    Login,
    LoginAsked,
    LogoutAsked,
    Lost,
    Refresh,
    Rejected,
    RenewalAsked,
    Renewing,
    Serve,
    Starved,
    Unconfirmed,
    Verdict,
    Wanted,
    Withhold,
    Woken,
)
from aiocloudauth.errors import RateLimitedError
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import SessionState
from tests.core.lifecycle_driver import (
    EPOCH,
    EXPIRED,
    NO_CLUSTER,
    REFUSED,
    TRANSIENT,
    active,
    calls,
    lifecycle,
    of,
)

if TYPE_CHECKING:
    from aiocloudauth.errors import CloudAuthError
    from tests.core.lifecycle_driver import Effects, LifecycleDriver


def refuse(
    run: LifecycleDriver,
    *,
    coded: bool = True,
    after: float = 0.0,
    draw: float = 0.0,
    back: int = 0,
) -> Effects:
    """Let a request be refused: with the newest token, or with one so many older."""
    generation = run.state.record.generation - back
    return run.feed(Rejected, generation, coded=coded, draw=draw, after=after)


def confirm(run: LifecycleDriver) -> Effects:
    """Let the API say that the token is good."""
    return run.feed(Confirmed, run.state.record.number)


def deny(run: LifecycleDriver, *, dead: bool = True) -> Effects:
    """Let the API say that it is not, or let nobody answer."""
    return run.feed(Unconfirmed, run.state.record.number, dead=dead)


def barred_at_its_cap(**options: bool) -> LifecycleDriver:
    """Return a machine whose token nothing can follow: a refused password, a session at its cap."""
    run = active(**options)
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    run.feed(RenewalAsked, after=1.0)
    run.bring(EPOCH + timedelta(seconds=1200.0))
    return run


def verdict(run: LifecycleDriver, *, coded: bool = True, back: int = 0) -> Verdict:
    """Return what becomes of a request that is refused now."""
    event = Rejected(run.now, run.state.record.generation - back, coded, 0.0)
    return run.machine.verdict(run.state, event)


# -- 1: ask -------------------------------------------------------------------------------


def test_a_refusal_in_the_apis_words_withholds_the_token_and_asks() -> None:
    """With the refused token itself, in a quarter of an attempt's time; no call for a token."""
    run = active()
    number = run.state.record.number
    effects = refuse(run, after=5.0)
    (question,) = of(Ask, effects)
    assert (question.number, question.timeout) == (number + 1, 2.5)
    assert question.token.generation == 1
    assert (of(Withhold, effects), calls(effects)) == ([Withhold()], [])
    assert run.shown is SessionState.EXPIRED


def test_a_refusal_in_other_words_asks_while_the_token_stays_in_use() -> None:
    """A proxy's page, or Elasticsearch's own 401, makes no bystander wait."""
    run = active()
    effects = refuse(run, coded=False, after=5.0)
    assert (len(of(Ask, effects)), of(Withhold, effects)) == (1, [])
    assert isinstance(run.state, Renewing)
    assert of(Serve, run.feed(Wanted))


@pytest.mark.parametrize("coded", [True, False])
def test_a_token_that_is_good_goes_on_as_it_was(*, coded: bool) -> None:
    """What was planned stays planned, and those who were refused are told."""
    run = active()
    refuse(run, coded=coded, after=5.0)
    effects = confirm(run)
    (served,) = of(Serve, effects)
    assert served.held.confirmed
    assert of(Conclude, effects) == [Conclude(None)]
    assert isinstance(run.state, Active)
    assert (run.wake_at, run.state.record.started_at) == (900.0, 0.0)
    assert [type(call) for call in calls(run.wake())] == [Refresh]


@pytest.mark.parametrize("dead", [True, False])
@pytest.mark.parametrize("coded", [True, False])
def test_a_token_that_is_not_confirmed_is_renewed_in_the_same_attempt(
    *, coded: bool, dead: bool
) -> None:
    """By a login, where one is possible. In use meanwhile only if nobody called it dead."""
    run = active()
    refuse(run, coded=coded, after=5.0)
    number = run.state.record.number
    (call,) = calls(deny(run, dead=dead)) or calls(run.wake())
    assert isinstance(call, Login)
    assert (call.number, run.now) == (number + 1, 5.0)
    assert isinstance(run.state, Acquiring if coded or dead else Renewing)
    assert of(Conclude, run.grant(1200.0)) == [Conclude(None)]


def test_an_attempt_that_fails_leaves_an_unproven_token_in_use() -> None:
    """With logins down nobody loses a good token to a page that somebody else wrote."""
    run = active()
    refuse(run, coded=False, after=5.0)
    deny(run, dead=False)
    run.fail(TRANSIENT[0])
    assert isinstance(run.state, Degraded)
    assert of(Serve, run.feed(Wanted))


def test_a_question_that_fails_is_one_without_an_answer() -> None:
    """Its task may end in any way."""
    run = active()
    refuse(run, coded=False, after=5.0)
    assert [type(call) for call in calls(run.fail(TRANSIENT[0]))] == [Login]
    assert of(Serve, run.feed(Wanted))


def test_a_token_that_runs_out_during_the_question_is_replaced() -> None:
    """Good or not: it may not be sent any more."""
    run = active(60.0)
    refuse(run, coded=False, after=44.0)
    run.wake()
    assert isinstance(run.state, Acquiring)
    assert [type(call) for call in calls(confirm(run))] == [Login]


def test_a_bare_token_is_offered_to_refresh_since_nothing_else_is_left() -> None:
    """The server has the last word."""
    run = active(repeatable=False)
    refuse(run, after=5.0)
    assert [type(call) for call in calls(deny(run))] == [Refresh]
    fresh = active(repeatable=False)
    refuse(fresh)
    fresh.feed(RenewalAsked)
    deny(fresh)
    assert [type(call) for call in calls(fresh.wake())] == [Refresh]


def test_a_token_that_nothing_can_follow_stays_in_use_unless_it_is_dead() -> None:
    """A refused password, and a session at its cap."""
    for dead in (False, True):
        run = active(policy=RenewalPolicy(refused_interval=None))
        run.feed(LoginAsked, after=5.0)
        run.fail(REFUSED)
        run.wake()
        run.bring(EPOCH + timedelta(seconds=1200.0))
        refuse(run, coded=False, after=5.0)
        effects = deny(run, dead=dead)
        assert calls(effects) == []
        assert of(Deny, effects) == ([Deny(REFUSED)] if dead else [])
        assert isinstance(run.state, Lost if dead else Active)


# -- 2: when ------------------------------------------------------------------------------


def test_a_fresh_token_that_is_refused_is_asked_about_again_when_a_renewal_may_start() -> None:
    """A token is refused until it is replicated: it is not replaced, it is waited for."""
    run = active()
    refuse(run)
    effects = deny(run)
    assert (calls(effects), of(Deny, effects)) == ([], [])
    assert (type(run.state), run.wake_at) == (Starved, 1.0)
    (question,) = of(Ask, run.wake())
    assert question.token.generation == 1
    assert of(Serve, confirm(run))
    assert run.state.record.generation == 1


def test_a_fresh_token_that_is_refused_for_good_is_renewed_when_one_may_start() -> None:
    """The second answer counts."""
    run = active()
    refuse(run)
    deny(run)
    run.wake()
    (call,) = calls(deny(run))
    assert (type(call), run.now) == (Login, 1.0)


def test_an_unanswered_question_about_a_fresh_token_in_use_is_asked_again() -> None:
    """The token stays in use until a renewal may start."""
    run = active()
    refuse(run, coded=False)
    effects = deny(run, dead=False)
    assert (calls(effects), of(Conclude, effects)) == ([], [])
    assert (type(run.state), run.wake_at) == (Active, 1.0)
    number = run.state.record.number
    (question,) = of(Ask, run.wake())
    assert question.number == number + 1 == 3
    assert of(Ask, confirm(run)) == []
    run = active()
    refuse(run, coded=False)
    deny(run, dead=False)
    run.wake()
    assert [type(call) for call in calls(deny(run, dead=False))] == [Login]


def test_later_refusals_wait_longer_and_longer() -> None:
    """Two sessions whose logins end each other's come to a pace of a minute."""
    run, pauses = active(100_000.0), []
    run.revoke(after=5.0)
    run.grant(100_000.0)
    for _ in range(8):
        began = run.now
        assert of(Withhold, refuse(run, draw=1.0)) == []
        assert of(Serve, run.feed(Wanted))
        assert refuse(run, draw=0.5) == ()  # one is planned
        assert of(Ask, run.wake())
        pauses.append(run.now - began)
        assert [type(call) for call in calls(deny(run))] == [Login]
        run.grant(100_000.0)
    expected = [1 + 1.2 * min(60.0, 2.0**n) for n in range(1, 9)]
    assert pauses == pytest.approx(expected)


def test_a_planned_renewal_that_works_forgets_the_refusals_before_it() -> None:
    """The next one is a first one again."""
    run = active()
    run.revoke(after=5.0)
    run.grant(1200.0)
    assert run.state.record.calls == 1
    run.wake()
    run.grant(1200.0)
    assert run.state.record.calls == 0
    assert of(Ask, refuse(run, after=5.0))


def test_a_renewal_that_the_user_asks_for_forgets_them_too() -> None:
    """Also where a refusal had called for one that was to come later."""
    run = active()
    run.revoke(after=5.0)
    run.grant(1200.0)
    assert of(Ask, refuse(run)) == []
    assert calls(run.feed(RenewalAsked, after=2.0))
    run.grant(1200.0)
    assert of(Ask, refuse(run, after=1.5))


def test_a_renewal_that_comes_first_is_waited_for() -> None:
    """Nothing else is planned."""
    run = active()
    run.revoke(after=5.0)
    run.grant(1200.0)
    run.feed(RenewalAsked, after=0.5)
    assert run.wake_at == 6.0
    assert refuse(run) == ()
    assert run.state.record.calls == 1
    run = active()
    run.revoke(after=5.0)
    run.grant(4.0)
    assert run.wake_at == 8.0  # when a refusal would call for one
    assert refuse(run) == ()


# -- 3: withheld or not -------------------------------------------------------------------


def test_the_first_refusal_during_a_renewal_withholds_the_token() -> None:
    """In the API's own words; the renewal under way is the one."""
    run = active()
    run.wake()
    assert refuse(run, coded=False) == ()
    assert of(Withhold, refuse(run)) == [Withhold()]
    assert of(Serve, run.grant(1200.0))


def test_a_later_refusal_during_an_attempt_leaves_the_token_in_use() -> None:
    """One bad node among several does not stop everybody again and again."""
    run = active()
    run.revoke(after=5.0)
    run.grant(1200.0)
    refuse(run)
    run.wake()
    assert isinstance(run.state, Renewing)
    assert refuse(run) == ()


# -- 4: what becomes of the request -------------------------------------------------------


def test_the_request_waits_unless_that_is_of_no_use() -> None:
    """Of an older token, of one that is withheld, of a confirmed one, and of a static key."""
    run = active()
    assert (verdict(run), verdict(run, coded=False)) == (Verdict.WAIT, Verdict.WAIT)
    assert verdict(run, back=1) is Verdict.AGAIN
    assert refuse(run, back=1) == ()
    refuse(run, after=5.0)
    assert verdict(run) is Verdict.AGAIN
    confirm(run)
    assert (verdict(run), verdict(run, coded=False)) == (Verdict.AGAIN, Verdict.FINAL)
    key = lifecycle(repeatable=False, refreshable=False)
    assert verdict(key) is Verdict.FINAL


# -- 5: a confirmed token -----------------------------------------------------------------


def test_a_confirmed_token_that_is_refused_in_other_words_calls_for_nothing() -> None:
    """It is the caller's answer."""
    run = active()
    refuse(run, coded=False, after=5.0)
    confirm(run)
    before = run.state
    assert refuse(run, coded=False, after=5.0) == ()
    assert run.state is before


def test_a_confirmed_token_that_goes_on_being_refused_is_renewed_at_the_pace() -> None:
    """Without a question, which a cache may answer; its successor counts as confirmed."""
    run = active()
    refuse(run, after=5.0)
    confirm(run)
    assert calls(refuse(run)) == []
    assert run.wake_at == 8.0
    assert [type(call) for call in calls(run.wake())] == [Refresh]
    assert refuse(run) == ()  # a renewal is under way, and withholds nothing
    run.grant(1200.0)
    assert run.state.held.confirmed  # type: ignore[attr-defined]  # it is active
    assert verdict(run, coded=False) is Verdict.FINAL
    refuse(run)
    assert run.wake_at == 8.0 + 5.0
    assert of(Ask, run.wake()) == []


def test_a_confirmed_token_is_withheld_if_its_renewal_starts_at_once() -> None:
    """The pace has passed: a revocation costs no more than it does of any other token."""
    run = active()
    refuse(run, after=5.0)
    confirm(run)
    effects = refuse(run, after=3.0)
    assert [type(call) for call in calls(effects)] == [Refresh]
    assert of(Withhold, effects) == [Withhold()]
    assert verdict(run) is Verdict.AGAIN
    assert of(Serve, run.grant(1200.0))


def test_a_confirmed_token_that_is_withheld_is_asked_about_if_its_renewal_fails() -> None:
    """It may be good, and is in use again then."""
    run = active()
    refuse(run, after=5.0)
    confirm(run)
    refuse(run, after=5.0)
    run.fail(TRANSIENT[0])
    assert of(Ask, run.wake())
    assert of(Serve, confirm(run))


@pytest.mark.parametrize("rotates", [True, False])
def test_a_confirmed_token_that_nothing_can_follow_stays_in_use(*, rotates: bool) -> None:
    """A refused password, and a session at its cap."""
    run = barred_at_its_cap(rotates=rotates)
    refuse(run, after=5.0)
    confirm(run)
    before = run.state
    assert refuse(run, after=60.0) == ()
    assert run.state is before


# -- the server says when to come again -----------------------------------------------------

#: Failures that put the next attempt off, and until when.
PUT_OFF = {
    "501": (NO_CLUSTER, 150.0),
    "Retry-After": (RateLimitedError("slow down", status=429, retry_after=120.0), 120.0),
}


def put_off(error: CloudAuthError) -> LifecycleDriver:
    """Return a machine whose last renewal failed with `error`, at 900 s."""
    run = active(policy=RenewalPolicy(permanent_interval=150.0))
    run.wake()
    run.fail(error)
    assert isinstance(run.state, Degraded)
    return run


@pytest.mark.parametrize("error", PUT_OFF)
@pytest.mark.parametrize("coded", [True, False])
def test_a_refusal_that_is_no_proof_makes_no_attempt_sooner(error: str, *, coded: bool) -> None:
    """The token stays in use: a renewal could not be had now, and nobody said that it is dead."""
    run = put_off(PUT_OFF[error][0])
    due = run.wake_at
    assert due == 900.0 + PUT_OFF[error][1]
    refuse(run, coded=coded, after=5.0)
    effects = deny(run, dead=False)
    assert (calls(effects), of(Conclude, effects)) == ([], [Conclude(None)])
    assert of(Serve, run.feed(Wanted))
    assert run.wake_at == due


@pytest.mark.parametrize("error", PUT_OFF)
def test_a_token_that_is_dead_waits_for_when_the_server_said(error: str) -> None:
    """Not sooner, though there is no token; it is asked about once more then."""
    run = put_off(PUT_OFF[error][0])
    due = run.wake_at
    refuse(run, after=5.0)
    assert calls(deny(run)) == []
    assert (type(run.state), run.wake_at) == (Starved, due)
    assert of(Ask, run.wake())
    assert [type(call) for call in calls(deny(run))] == [Login]


@pytest.mark.parametrize("error", PUT_OFF)
def test_a_confirmed_token_is_not_renewed_sooner_than_the_server_said(error: str) -> None:
    """It stays in use."""
    run = put_off(PUT_OFF[error][0])
    refuse(run, after=5.0)
    confirm(run)
    before = run.state
    assert refuse(run, after=30.0) == ()
    assert run.state is before


def test_a_refused_password_is_no_hindrance_to_renew_a_confirmed_token() -> None:
    """By `_refresh`, which does not need it."""
    run = active()
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    run.wake()
    run.grant(1200.0)
    began = run.now
    refuse(run, after=5.0)
    confirm(run)
    refuse(run)
    assert [type(call) for call in calls(run.wake())] == [Refresh]
    assert run.now == began + 5.0 + 3.0


# -- the user -----------------------------------------------------------------------------


def test_a_renewal_that_the_user_asks_for_during_the_question_is_made() -> None:
    """Though the token is good."""
    run = active()
    refuse(run, after=5.0)
    assert run.feed(RenewalAsked) == ()
    effects = confirm(run)
    assert (of(Conclude, effects), [type(call) for call in calls(effects)]) == ([], [Refresh])
    assert of(Conclude, run.grant(1200.0)) == [Conclude(None)]


def test_a_login_that_the_user_asks_for_during_the_question_is_not_made_of_it() -> None:
    """It is asked for again when the question has its answer."""
    run = active()
    refuse(run, after=5.0)
    assert run.feed(LoginAsked) == ()
    assert calls(confirm(run)) == []


def test_a_renewal_that_the_user_asks_for_is_made_however_the_question_ends() -> None:
    """Also if nobody answers it and no renewal may start yet, and if one is planned already."""
    for coded in (True, False):
        run = active()
        refuse(run, coded=coded)
        run.feed(RenewalAsked)
        deny(run, dead=False)
        assert len(calls(run.wake())) == 1
    run = active()
    refuse(run, coded=False)
    deny(run, dead=False)
    assert run.feed(RenewalAsked, after=0.5)
    assert [type(call) for call in calls(run.wake())] == [Refresh]


# -- a token that may be good ---------------------------------------------------------------


def test_a_withheld_token_is_asked_about_when_its_renewal_fails() -> None:
    """One bad node and a failing renewal do not take a good token."""
    run = active()
    run.wake()
    refuse(run)
    run.fail(TRANSIENT[0])
    assert isinstance(run.state, Starved)
    assert len(of(Ask, run.wake())) == 1
    effects = confirm(run)
    assert of(Serve, effects)[0].held.token.generation == 1
    assert [type(call) for call in calls(effects)] == [Refresh]
    run.fail(TRANSIENT[0])
    assert isinstance(run.state, Degraded)


def test_a_token_that_the_api_called_dead_is_not_asked_about_again() -> None:
    """The attempts that follow are logins."""
    run = active()
    run.revoke(after=5.0)
    run.fail(TRANSIENT[0])
    assert [type(call) for call in calls(run.wake())] == [Login]


def test_a_token_that_ends_in_doubt_is_not_asked_about_any_more() -> None:
    """It may not be sent again, whatever the answer."""
    run = active(60.0)
    refuse(run, after=44.0)
    deny(run, dead=False)
    run.fail(TRANSIENT[0], after=20.0)
    assert [type(call) for call in calls(run.wake())] == [Login]
    run = active(1.0, policy=RenewalPolicy(hard_margin=0.0))
    refuse(run, after=0.5)
    deny(run, dead=False)
    assert [type(call) for call in calls(run.wake())] == [Login]
    assert run.now == 1.0
    run = active(policy=RenewalPolicy(hard_margin=0.0))
    run.wake()
    refuse(run, after=299.0)
    run.fail(TRANSIENT[0])
    assert [type(call) for call in calls(run.wake())] == [Login]
    assert run.now == 1200.0


def test_a_token_refused_during_a_login_on_trial_is_asked_about_when_that_fails() -> None:
    """It is nobody's proof, and no login with the old credentials is due."""
    run = active()
    run.feed(LoginAsked, trial=True, after=5.0)
    assert of(Withhold, refuse(run)) == [Withhold()]
    run.feed(RenewalAsked)
    effects = run.fail(REFUSED)
    assert (len(of(Ask, effects)), calls(effects)) == (1, [])
    assert (run.state.record.called, run.state.record.calls) == (True, 1)
    assert isinstance(run.state, Acquiring)
    assert [type(call) for call in calls(confirm(run))] == []
    assert [type(call) for call in calls(run.wake())] == [Refresh]
    run = active()
    run.feed(LoginAsked, trial=True, after=1180.0)
    refuse(run)
    assert [type(call) for call in calls(run.fail(REFUSED, after=10.0))] == [Login]  # it ran out


def test_a_renewal_that_falls_due_during_the_question_makes_nobody_wait() -> None:
    """The token is good: it is in use again while it is renewed."""
    run = active()
    refuse(run, after=899.0)
    run.now += 2.0
    effects = confirm(run)
    assert [type(call) for call in calls(effects)] == [Refresh]
    assert of(Serve, effects)


def test_those_who_wait_are_told_where_nothing_can_follow() -> None:
    """A refused password and a session at its cap: a refusal in other words is the answer."""
    run = active(policy=RenewalPolicy(refused_interval=None))
    run.feed(LoginAsked, after=5.0)
    run.fail(REFUSED)
    run.wake()
    run.bring(EPOCH + timedelta(seconds=1200.0))
    for _ in range(2):
        refuse(run, coded=False, after=5.0)
        if not isinstance(run.state, Renewing):
            run.wake()
        number = run.state.record.number
        assert of(Conclude, deny(run, dead=False)) == [Conclude(None)]
        assert isinstance(run.state, Active)
        assert run.state.record.number == number


def test_refused_credentials_are_not_sent_for_a_dead_token_that_nothing_else_follows() -> None:
    """Also where no attempt may start yet: the bar of the refused password goes on."""
    run = barred_at_its_cap()
    refuse(run, after=0.5)
    deny(run)
    assert isinstance(run.state, Lost)
    assert run.state.next_at == run.state.record.barred_until


def test_a_logout_ends_the_session_of_a_token_that_may_be_good() -> None:
    """In use or withheld; not of one that is dead, expired or forgotten."""
    run = active(60.0)
    assert left_over(run.state, 1.0)
    refuse(run, after=5.0)
    token = left_over(run.state, run.now)
    assert token is not None
    assert token.generation == 1
    deny(run, dead=False)
    assert left_over(run.state, run.now) is token
    assert left_over(run.state, 60.0) is None
    unanswered = active()
    unanswered.wake()
    unanswered.fail(EXPIRED)
    assert left_over(unanswered.state, unanswered.now)
    refused = active()
    refused.wake()
    refused.feed(Woken, after=290.0)
    refused.fail(EXPIRED)
    assert left_over(refused.state, refused.now) is None
    dead = active()
    dead.revoke(after=5.0)
    assert left_over(dead.state, dead.now) is None
    dead.feed(LogoutAsked)
    assert left_over(dead.state, dead.now) is None
