"""What users and late answers may ask of the lifecycle. No event loop."""

from __future__ import annotations

import pytest

from aiocloudauth import events
from aiocloudauth._core.states import (
    FOREVER,
    Abandon,
    Ask,
    Conclude,
    Failed,
    Login,
    LoginAsked,
    Opened,
    OpenGivenUp,
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
    RateLimitedError,
    SessionExpiredError,
)
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import SessionState
from tests.core.lifecycle_driver import (
    TRANSIENT,
    active,
    calls,
    lifecycle,
    of,
    told,
)

# -- late and foreign answers -------------------------------------------------------------


def test_the_answer_of_a_flight_that_is_no_longer_awaited_changes_nothing() -> None:
    """Renewal finishing too late revives a session (logto-io/kotlin#253): here it loses."""
    run = active()
    before = run.state
    for number in (0, before.record.number, 99):
        assert run.feed(Failed, number, TRANSIENT[0], 0.5) == ()
    run.feed(RenewalAsked, after=5.0)
    under_way = run.state
    assert run.feed(Failed, before.record.number, TRANSIENT[0], 0.5) == ()
    assert run.state is under_way


def test_a_rejection_names_its_token_and_harms_no_newer_one() -> None:
    """Stale 401s each discard the new token (Azure/azure-sdk-for-cpp#6151): not here."""
    run = active()
    run.revoke(after=5.0)
    run.grant(1200.0)
    held = run.state
    for _ in range(100):
        assert run.feed(Rejected, 1, coded=True, draw=0.0) == ()
    assert run.state is held


def test_a_rejection_during_a_renewal_withholds_the_token_and_starts_no_second_one() -> None:
    """Many refreshes at once (authlib/authlib#266): the one under way is the one."""
    run = active()
    run.wake()
    effects = run.feed(Rejected, 1, coded=True, draw=0.0)
    assert (of(Withhold, effects), calls(effects)) == ([Withhold()], [])
    for kind in (Wanted, RenewalAsked, LoginAsked, Woken):
        assert calls(run.feed(kind)) == []
    assert of(Serve, run.grant(1200.0))


def test_renewals_asked_for_while_one_is_under_way_join_it() -> None:
    """`refresh()` does not start what has been started."""
    run = active()
    run.feed(RenewalAsked, after=5.0)
    assert run.feed(RenewalAsked) == ()
    assert of(Conclude, run.grant(1200.0)) == [Conclude(None)]


# -- keys, and what the user asks for -----------------------------------------------------


def test_a_static_key_is_never_renewed_nor_given_up() -> None:
    """An API key has no end, and a refusal has nothing to replace it with."""
    run = lifecycle(repeatable=False, refreshable=False)
    run.feed(Opened)
    run.bring(None, static=True)
    assert run.wake_at == FOREVER
    assert run.feed(Rejected, 1, coded=True, draw=0.0, after=1e9) == ()
    (done,) = run.feed(RenewalAsked)
    assert isinstance(done, Conclude)
    assert isinstance(done.error, SessionExpiredError)
    assert of(Serve, run.feed(Wanted))


def test_a_key_that_rotates_is_asked_for_again_when_it_is_refused() -> None:
    """The callable gives the next key."""
    run = lifecycle(refreshable=False, rotates=True)
    run.feed(Opened)
    run.bring(None, static=True)
    (call,) = calls(run.revoke(after=5.0))
    assert (type(call), call.timeout) == (Login, 10.0)
    run.fail(TRANSIENT[0])
    assert [type(call) for call in calls(run.wake())] == [Login]


def test_a_key_is_asked_for_on_request_while_the_old_one_serves() -> None:
    """A key without an end puts no bound on the attempt, either."""
    run = lifecycle(refreshable=False, rotates=True)
    run.feed(Opened)
    run.bring(None, static=True)
    (call,) = calls(run.feed(RenewalAsked, after=5.0))
    assert (type(call), call.timeout, run.wake_at) == (Login, 10.0, FOREVER)


def test_a_timer_that_is_early_is_set_again() -> None:
    """Timers may be early, late or left over."""
    run = active()
    assert calls(run.feed(Woken, after=5.0)) == []
    assert run.wake_at == 900.0


def test_a_caller_may_notice_the_end_before_the_timer_does() -> None:
    """Laptop suspend (ltratt/pizauth#47): whoever asks first looks at the deadline itself."""
    run = active()
    effects = run.feed(Wanted, after=1190.0)
    assert [type(effect) for effect in effects] == [Withhold, Login, WakeAt]
    run = active()
    run.wake()
    assert of(Withhold, run.feed(Wanted, after=2000.0))


def test_a_renewal_asked_for_when_the_token_ran_out_unnoticed_is_a_login() -> None:
    """The same for `refresh()`: and within `min_interval` it waits."""
    run = active()
    (call,) = calls(run.feed(RenewalAsked, after=1190.0))
    assert isinstance(call, Login)
    short = active(0.5)
    effects = short.feed(RenewalAsked, after=0.75)
    assert effects == (Withhold(), WakeAt(1.0))
    (call,) = calls(short.wake())
    assert isinstance(call, Login)
    bare = active(0.5, repeatable=False)
    bare.feed(RenewalAsked, after=0.75)
    assert [type(call) for call in calls(bare.wake())] == [Refresh]


def test_a_renewal_asked_for_while_the_next_attempt_is_far_away_hastens_it() -> None:
    """`refresh()` does not wait for the backoff, only for `min_interval`."""
    run = lifecycle()
    run.feed(Opened)
    run.fail(RateLimitedError("slow down", status=429, retry_after=60.0))
    assert run.feed(RenewalAsked, after=0.5) == (Withhold(), WakeAt(1.0))
    assert calls(run.wake())


def test_a_later_open_is_paced_by_the_one_that_failed() -> None:
    """`min_interval` holds across `open` calls."""
    run = lifecycle()
    run.feed(Opened)
    run.feed(OpenGivenUp, after=0.25)
    assert run.shown is SessionState.NEW
    assert calls(run.feed(Opened)) == []
    assert run.wake_at == 1.0


def test_a_later_open_begins_anew() -> None:
    """With a first token, and with a first refusal."""
    run = active()
    run.feed(Rejected, 1, coded=True, draw=0.0, after=5.0)
    assert run.feed(OpenGivenUp) == (Withhold(), Abandon(), WakeAt(FOREVER))
    run.feed(Opened)
    assert told(run.grant(1200.0)) == [events.LoggedIn]
    assert of(Ask, run.feed(Rejected, 1, coded=True, draw=0.0, after=1.5))


def test_a_login_may_start_or_be_joined_after_a_rest() -> None:
    """Joined only if it is a login, with the same credentials, that began no earlier."""
    run = active()
    assert run.machine.rest(run.state, 0.25, 0.0) == 0.75
    assert run.machine.rest(run.state, 5.0, 0.0) == 0.0
    run.feed(LoginAsked, after=5.0)
    assert run.machine.rest(run.state, 6.0, 5.0) == 0.0
    assert run.machine.rest(run.state, 6.0, 5.5) is None
    for kind, trial in ((RenewalAsked, {}), (LoginAsked, {"trial": True})):
        run = active()
        run.feed(kind, after=5.0, **trial)
        assert run.machine.rest(run.state, 6.0, 5.0) is None


def test_a_short_policy_paces_a_short_token() -> None:
    """Tokens that live less than 2 x `min_interval` need a smaller one, and then just work."""
    run = active(1.0, policy=RenewalPolicy(min_interval=0.05))
    for _ in range(50):
        run.wake()
        run.grant(1.0)
    assert run.state.record.generation == 51
    assert run.now == pytest.approx(50 * 0.75)
