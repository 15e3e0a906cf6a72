"""The lifecycle against a server that does what it likes, and a clock that jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from aiocloudauth._core.lifecycle import Machine, refused
from aiocloudauth._core.states import (
    FOREVER,
    Abandon,
    Abilities,
    Ask,
    CloseAsked,
    Closed,
    Conclude,
    Confirmed,
    Deny,
    Effect,
    Failed,
    Grant,
    Granted,
    Held,
    Input,
    Login,
    LoginAsked,
    LogoutAsked,
    New,
    Opened,
    OpenGivenUp,
    Record,
    Refresh,
    Rejected,
    RenewalAsked,
    Serve,
    State,
    Unconfirmed,
    WakeAt,
    Wanted,
    Withhold,
    Woken,
)
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import Secret
from tests.core.issuer import EPOCH, Server
from tests.core.lifecycle_driver import EXPIRED, NO_CLUSTER, REFUSED, TRANSIENT

if TYPE_CHECKING:
    from aiocloudauth.errors import CloudAuthError

#: Rounding of instants to microseconds, in seconds.
ROUNDING: Final = 1e-5

PASSWORD: Final = Abilities()
CALLABLE: Final = Abilities(rotates=True)
BEARER: Final = Abilities(repeatable=False)

POLICIES: Final = [
    RenewalPolicy(),
    RenewalPolicy(min_interval=0.05, backoff=0.1, backoff_max=1.0),
    RenewalPolicy(margin=1e6, margin_fraction=9.0, hard_margin=0.0, jitter=3.0),
    RenewalPolicy(min_interval=30.0, permanent_interval=5.0, attempt_timeout=1.0),
]
DRAWS: Final = st.floats(0.0, 1.0, exclude_max=True)
#: In lives of a token.
WAITS: Final = st.sampled_from([0.001, 0.01, 0.05, 0.3, 0.76, 1.1, 5.0]) | st.floats(0, 1)


class Lifecycle(RuleBasedStateMachine):
    """The shell's part, carried out by hand, with the promises checked at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.skew = 0.0
        self.dated = True
        self.server = Server()
        self.machine = Machine(POLICIES[0], PASSWORD)
        self.state: State = New(Record())
        self.served: Held | None = None
        self.wake_at = FOREVER
        self.flight: Ask | Login | Refresh | None = None
        self.trying = 0
        self.sent_at = 0.0
        self.took = 0.0
        self.started: tuple[int, float] = (0, -FOREVER)
        self.waiting = 0
        self.asking = 0
        self.name, self.newest = "", 0
        self.opened = False
        self.barred = False
        self.on_trial: Abilities | None = None

    @initialize(
        kind=st.sampled_from([PASSWORD, CALLABLE, BEARER]),
        policy=st.sampled_from(POLICIES),
        life=st.sampled_from([3600.0, 1200.0, 60.0, 60.0, 10.0, 1.5, 0.2]),
        cap=st.sampled_from([FOREVER, FOREVER, 2000.0, 80.0]),
        revokes=st.booleans(),
        skew=st.sampled_from([0.0, 900.0, -900.0, 1.6, -1.6, 0.7]),
        dated=st.booleans(),
        first=st.sampled_from([True, True, True, False]),
    )
    def begin(
        self,
        kind: Abilities,
        policy: RenewalPolicy,
        life: float,
        cap: float,
        revokes: bool,  # noqa: FBT001 - Hypothesis calls with keywords
        skew: float,
        dated: bool,  # noqa: FBT001 - as above
        first: bool,  # noqa: FBT001 - as above
    ) -> None:
        """Choose the credentials, the policy and the server, and open."""
        self.machine = Machine(policy, kind)
        self.server = Server(life, cap, revokes)
        self.skew = skew if dated else 0.0
        self.dated = dated
        self.waiting = 1
        self.feed(Opened(self.now))
        if first:
            self.the_server_answers(0.5, 0.0)

    # -- the shell ------------------------------------------------------------------------

    def feed(self, event: Input) -> tuple[Effect, ...]:
        """Run the machine and carry its effects out."""
        self.state, effects = self.machine.step(self.state, event)
        for effect in effects:
            self.perform(effect)
        return effects

    def perform(self, effect: Effect) -> None:  # noqa: C901 - a row an effect
        """Do as the runner does."""
        match effect:
            case Serve(held, adopt):
                self.serve(held)
                if adopt:
                    assert self.on_trial is not None
                    self.machine = Machine(self.machine.policy, self.on_trial)
            case Withhold():
                self.served = None
            case Ask():
                assert self.flight is None
                self.flight, self.sent_at = effect, self.now
            case Login() | Refresh():
                self.launch(effect)
            case Abandon():
                self.flight = None
            case WakeAt(at):
                self.wake_at = at
            case Deny():
                self.waiting = 0
                self.opened = True
            case Conclude(trial=True):
                self.trying = 0
            case Conclude():
                self.asking = 0

    def launch(self, call: Login | Refresh) -> None:
        """Invariants 1 and 3: one flight; no two attempts closer than `min_interval`."""
        assert self.flight is None
        number, at = self.started
        if call.number == number:
            # The login right after a refused refresh belongs to the same attempt.
            assert isinstance(call, Login)
        else:
            assert call.number > number
            assert self.now - at >= self.machine.policy.min_interval - ROUNDING
            self.started = (call.number, self.now)
        if isinstance(call, Login) and not call.trial:
            # A password that was refused is not sent again: accounts get locked.
            bar = self.state.record.barred_until
            assert not self.barred or self.machine.abilities.rotates or self.now >= bar
        assert call.timeout >= self.machine.policy.min_interval or call.timeout == 1.0
        self.flight, self.sent_at = call, self.now

    def serve(self, held: Held) -> None:
        """Invariants 4 and 5: no older generation, and token and expiry of one answer."""
        token = held.token
        assert self.now < held.hard_at <= held.expires_at
        name = token.token.reveal()
        assert token.generation == self.newest + (name != self.name)
        assert token.session_expiration_time == self.server.issued[name].expiry
        self.name, self.newest = name, token.generation
        self.served, self.waiting, self.opened = held, 0, True

    def land(self, outcome: str | CloudAuthError, draw: float, received: float) -> None:
        """Bring the flight's outcome."""
        call, self.flight = self.flight, None
        assert isinstance(call, Login | Refresh)
        if not isinstance(outcome, str):
            self.fail(call, outcome, draw)
            return
        wall, self.took = EPOCH - self.skew, received - self.sent_at
        grant = Grant(
            secret=Secret(outcome),
            scheme="Bearer",
            expires_at=self.server.issued[outcome].expiry,
            received_at=received,
            sent_wall=wall + self.sent_at,
            received_wall=wall + received,
            server_wall=float(int(EPOCH + received)) if self.dated else None,
        )
        trial = isinstance(call, Login) and call.trial
        if isinstance(call, Login):
            self.barred = False
        abilities = self.on_trial if trial else None
        self.feed(Granted(self.now, call.number, grant, draw, abilities))

    def fail(self, call: Login | Refresh, error: CloudAuthError, draw: float) -> None:
        """Invariant 6: a failure withholds nothing that is good, but for a refused bare token."""
        good = self.served if self.served and self.now < self.served.hard_at else None
        if isinstance(call, Login) and not call.trial and refused(error, 401, 403):
            self.barred = True
        waiting, trial = self.waiting, isinstance(call, Login) and call.trial
        first = self.state.record.generation == 0
        self.feed(Failed(self.now, call.number, error, draw))
        mends = error.retryable or not first
        if error in TRANSIENT and mends and self.machine.abilities.repeatable and not trial:
            assert self.waiting == waiting  # they stay through further attempts
        bare = self.machine.abilities == BEARER and error is EXPIRED
        if good is not None and not bare:
            assert self.served is good

    # -- what happens ---------------------------------------------------------------------

    @rule(wait=WAITS)
    def time_passes(self, wait: float) -> None:
        """The timer may be late: ringing is a step of its own."""
        self.now += wait * self.server.life

    @precondition(lambda self: self.now >= self.wake_at)
    @rule()
    def the_timer_rings(self) -> None:
        """It goes off once."""
        self.wake_at = FOREVER
        self.feed(Woken(self.now))

    @precondition(lambda self: self.wake_at < FOREVER)
    @rule()
    def the_timer_rings_in_time(self) -> None:
        """Nothing else happens before."""
        assert self.wake_at < FOREVER
        self.now = max(self.now, self.wake_at)
        self.the_timer_rings()

    @precondition(lambda self: isinstance(self.flight, Ask))
    @rule(lies=st.sampled_from([None, None, True, False]))
    def the_question_is_answered(self, lies: bool | None) -> None:  # noqa: FBT001 - as above
        """Rightly, by a cache, or not at all."""
        call, self.flight = self.flight, None
        assert isinstance(call, Ask)
        good = self.server.good(call.token.token.reveal(), self.now) if lies is None else lies
        if good:
            self.feed(Confirmed(self.now, call.number))
        else:
            self.feed(Unconfirmed(self.now, call.number, dead=lies is None))

    @precondition(lambda self: isinstance(self.flight, Login | Refresh))
    @rule(draw=DRAWS, behind=st.sampled_from([0.0, 0.0, 0.0, 5.0]))
    def the_server_answers(self, draw: float, behind: float) -> None:
        """As it should; the answer may have been read a while ago."""
        assert isinstance(self.flight, Login | Refresh)
        received = max(self.sent_at, self.now - behind)
        self.land(self.server.answer(self.flight, received), draw, received)

    @precondition(lambda self: isinstance(self.flight, Login | Refresh))
    @rule()
    def the_server_answers_at_once(self) -> None:
        """As it mostly does."""
        self.the_server_answers(0.5, 0.0)

    @precondition(lambda self: isinstance(self.flight, Login | Refresh))
    @rule(error=st.sampled_from([*TRANSIENT, NO_CLUSTER, EXPIRED]), draw=DRAWS)
    def the_call_fails(self, error: CloudAuthError, draw: float) -> None:
        """For whatever reason, right or wrong."""
        self.land(error, draw, self.now)

    @precondition(lambda self: self.opened)
    @rule(early=st.booleans(), draw=DRAWS)
    def something_comes_that_means_nothing(self, early: bool, draw: float) -> None:  # noqa: FBT001 - as above
        """A timer rings once a slice; a flight that nobody waits for lands."""
        if early:
            self.feed(Woken(self.now))
            return
        before, number = self.state, self.state.record.number
        number -= self.flight is not None
        assert self.feed(Failed(self.now, number, REFUSED, draw)) == ()
        assert self.state is before

    @precondition(lambda self: self.opened)
    @rule()
    def a_caller_wants_a_token(self) -> None:
        """Use what is good, else wait."""
        if self.served is None or self.now >= self.served.hard_at:
            self.waiting += 1
            self.feed(Wanted(self.now))

    @precondition(lambda self: self.opened)
    @rule(back=st.sampled_from([0, 0, 1, 5]), coded=st.booleans(), draw=DRAWS)
    def the_api_refuses_a_token(self, back: int, coded: bool, draw: float) -> None:  # noqa: FBT001 - as above
        """The newest or an older one; the older harms nothing."""
        served = self.served
        self.feed(Rejected(self.now, self.newest - back, coded, draw))
        if back or not coded:
            assert self.served is served

    @precondition(lambda self: self.opened)
    @rule()
    def the_user_asks_for_a_renewal(self) -> None:
        """`refresh()`."""
        self.asking += 1
        self.feed(RenewalAsked(self.now))

    @precondition(lambda self: self.opened and self.rested())
    @rule()
    def the_user_asks_for_a_login(self) -> None:
        """`login()`, once it may start."""
        self.asking += 1
        self.feed(LoginAsked(self.now))

    def rested(self) -> bool:
        """Whether a login may start."""
        return self.machine.rest(self.state, self.now, FOREVER) == 0

    @precondition(lambda self: self.opened and self.rested())
    @rule(kind=st.sampled_from([PASSWORD, CALLABLE, BEARER]))
    def the_user_tries_other_credentials(self, kind: Abilities) -> None:
        """`login(credentials)`, once it may start."""
        self.trying += 1
        self.on_trial = kind
        self.feed(LoginAsked(self.now, trial=True))

    @rule(what=st.sampled_from(["revoked", "changed", "changed", "right", "out", "again"]))
    def somebody_interferes(self, what: str) -> None:
        """An administrator revokes all tokens or sets the password; the user goes and comes."""
        match what:
            case "revoked":
                self.server.revoked.update(self.server.issued)
            case "changed" | "right":
                self.server.password_right = what == "right"
            case "out" if self.opened:
                self.feed(LogoutAsked(self.now))
                assert (self.waiting, self.asking, self.flight, self.served) == (0, 0, None, None)
                assert self.trying == 0
                if self.rested():
                    self.asking += 1
                    self.feed(LoginAsked(self.now))
            case "again" if not self.opened:
                self.feed(OpenGivenUp(self.now))
                assert (self.flight, self.served, self.wake_at) == (None, None, FOREVER)
                self.waiting = 1
                self.feed(Opened(self.now))

    # -- what holds -----------------------------------------------------------------------

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        """With somebody waiting, a flight is under way or a wake-up is set."""
        if self.waiting or self.asking or self.trying:
            assert self.flight is not None or self.wake_at < FOREVER

    @invariant()
    def a_token_in_hand_is_looked_after(self) -> None:
        """Idle or not: something will happen before it runs out."""
        if self.served is not None:
            assert self.flight is not None or self.wake_at <= self.served.hard_at
            assert self.wake_at <= self.served.hard_at

    @invariant()
    def no_token_outlives_the_servers_word(self) -> None:
        """Unless the clocks are so close that `Date`, in whole seconds, cannot tell.

        Or its life so short that it leaves no time for a renewal: then neither clock is believed.
        """
        if self.served is None:
            return
        issued = self.server.issued[self.served.token.token.reveal()]
        left = issued.expires - issued.at - self.took - 1.0  # at least, as far as `Date` tells
        if left > 2.0 * self.machine.policy.min_interval:
            close = self.skew if 0.0 < self.skew < 1.0 else 0.0
            assert self.served.expires_at <= issued.expires + close + ROUNDING

    def teardown(self) -> None:
        """With a server that is well again, everybody is answered; then `close`."""
        self.server.password_right = True
        self.server.cap, self.server.life = FOREVER, max(self.server.life, 60.0)
        for _ in range(50):
            if not (self.waiting or self.asking or self.trying):
                break
            if isinstance(self.flight, Ask):
                self.the_question_is_answered(None)
            elif self.flight is not None:
                self.the_server_answers(0.5, 0.0)
            else:
                self.the_timer_rings_in_time()
        assert (self.waiting, self.asking, self.trying) == (0, 0, 0)
        self.feed(CloseAsked(self.now))
        assert isinstance(self.state, Closed)
        assert (self.served, self.flight, self.wake_at) == (None, None, FOREVER)


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
