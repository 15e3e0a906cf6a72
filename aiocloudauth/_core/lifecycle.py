"""PURE: state and input to state and effects. Every decision about a token.

No clock, no I/O, no event loop: inputs carry ``now`` in seconds on one scale that never
goes back, and a ``draw`` from [0, 1). An input that does not fit raises
`IllegalInputError` and changes nothing. The refresher only carries out the effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from attrs import evolve, frozen

from aiocloudauth import events
from aiocloudauth._core.schedule import backoff, held_of
from aiocloudauth._core.states import (
    FOREVER,
    TRANSITIONS,
    Abandon,
    Abilities,
    Acquiring,
    Active,
    CloseAsked,
    Closed,
    Conclude,
    Degraded,
    Deny,
    Effect,
    Emit,
    Exchange,
    Failed,
    Flight,
    Granted,
    Held,
    IllegalInputError,
    Input,
    LoggedOut,
    Login,
    LoginAsked,
    LogoutAsked,
    Lost,
    New,
    Opened,
    OpenGivenUp,
    Record,
    Refresh,
    Rejected,
    RenewalAsked,
    Renewing,
    Serve,
    Starved,
    State,
    Step,
    WakeAt,
    Wanted,
    Withhold,
    Woken,
)
from aiocloudauth.errors import (
    ApiError,
    CloudAuthError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    SessionExpiredError,
    UnauthenticatedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth.policy import RenewalPolicy


__all__ = ["Machine", "for_request", "refused"]


def refused(error: CloudAuthError, *statuses: int) -> bool:
    """Return whether the API answered with one of these statuses."""
    return isinstance(error, ApiError) and error.status in statuses


def for_request(error: CloudAuthError) -> CloudAuthError:
    """Return what a request raises for lack of a token after `error`."""
    own = (UnauthenticatedError, NoAuthenticationClusterError, SessionExpiredError)
    if isinstance(error, own):
        return error
    msg = f"the session has no usable token and cannot get one now: {error}"
    return SessionExpiredError(msg).because(error)


def _logged_out() -> CloudAuthError:
    return SessionExpiredError("logged out: call login() first")


@frozen
class Machine:
    """The transitions, for one policy and one kind of credentials."""

    policy: RenewalPolicy
    abilities: Abilities

    def step(self, state: State, event: Input) -> Step:
        """Return the state after `event`, and what is to be done, in order.

        Raises:
            IllegalInputError: The event has no place in the state.
        """
        allowed = TRANSITIONS[type(state)].get(type(event))
        if allowed is None:
            msg = f"{type(event).__name__} in {type(state).__name__}"
            raise IllegalInputError(msg)
        if isinstance(event, Granted | Failed) and (
            not isinstance(state, Renewing | Acquiring) or event.number != state.flight.number
        ):
            return state, ()
        handler = cast("Callable[[Machine, State, Input], Step]", _HANDLERS[type(event)])
        after, effects = handler(self, state, event)
        if type(after) not in allowed:
            names = (type(x).__name__ for x in (event, state, after))
            raise IllegalInputError("{} led from {} to {}".format(*names))
        # News last: subscribers and log handlers are strangers.
        return after, tuple(sorted(effects, key=lambda effect: isinstance(effect, Emit)))

    def run_out(self, state: Active | Renewing | Degraded, now: float) -> Step:
        """Stop sending a token: it is past its hard limit, or the API refused it."""
        record, held = state.record, state.held
        if isinstance(state, Renewing):
            after: State = Acquiring(record, state.flight, held)
            effects: tuple[Effect, ...] = (Withhold(), WakeAt(FOREVER))
        else:
            slow = isinstance(record.error, NoAuthenticationClusterError)
            refused_now = isinstance(state, Active) or (now < held.hard_at and not slow)
            at = now if refused_now else state.next_at
            by = self.way(record, held, dead=True)
            after, effects = self.seek(record, now, held, at=at, by=by)
        error = record.error
        if error is None or isinstance(after, Lost):
            return after, effects
        effects = (*effects, Emit(events.SessionLost, {"error": for_request(error)}))
        if isinstance(error, NoAuthenticationClusterError):
            effects = (*effects, Deny(error))
        return after, effects

    # -- inputs ---------------------------------------------------------------------------

    def opened(self, state: New, event: Opened) -> Step:
        """Get the first token."""
        record = state.record
        if record.refused is not None and not self.abilities.rotates:
            return state, (Deny(record.refused),)
        return self.seek(record, event.now, None, at=event.now, by=Exchange.LOGIN)

    def given_up(self, state: State, _: OpenGivenUp) -> Step:
        """Back to the start; the record still paces the next try."""
        record = evolve(state.record, generation=0)
        return New(record), (Withhold(), Abandon(), WakeAt(FOREVER))

    def woken(self, state: State, event: Woken) -> Step:
        """Do what is due; a timer may be early, late or left over."""
        now, record = event.now, state.record
        if isinstance(state, Active | Renewing | Degraded) and now >= state.held.hard_at:
            return self.run_out(state, now)
        if isinstance(state, Active | Degraded | Starved) and now >= state.next_at:
            if isinstance(state, Starved):
                return self.start(record, now, state.by, spent=state.spent)
            return self.start(record, now, state.by, good=state.held)
        if isinstance(state, Lost) and now >= state.next_at:
            return self.seek(record, now, None, at=now, by=Exchange.LOGIN)
        again: tuple[Effect, ...] = (WakeAt(self.next_wake(state)),)
        if isinstance(state, Active | Renewing | Degraded):
            # Published anew: the wall clock may have been stepped back since.
            again = (Serve(state.held), *again)
        return state, again

    def next_wake(self, state: State) -> float:
        """Return when the state next changes by itself."""
        if isinstance(state, Active | Degraded):
            return min(state.next_at, state.held.hard_at)
        if isinstance(state, Starved | Lost):
            return state.next_at
        return state.held.hard_at if isinstance(state, Renewing) else FOREVER

    def wanted(self, state: State, event: Wanted) -> Step:
        """A caller waits: answer it, let it wait, or start."""
        now = event.now
        if isinstance(state, Active | Renewing | Degraded):
            if now < state.held.hard_at:
                return state, (Serve(state.held),)
            return self.run_out(state, now)
        if isinstance(state, LoggedOut):
            return state, (Deny(_logged_out()),)
        if isinstance(state, Starved):
            error = state.record.error
            if isinstance(error, NoAuthenticationClusterError):
                return state, (Deny(error),)
            return self.woken(state, Woken(now))
        if isinstance(state, Lost):
            rested = self.earliest(state.record, now) <= now
            if not (self.abilities.rotates and rested):
                return state, (Deny(state.error),)
            return self.seek(state.record, now, None, at=now, by=Exchange.LOGIN)
        return state, ()

    def rejected(self, state: State, event: Rejected) -> Step:
        """The API refused a token: if it is the one in hand, it is dead."""
        if (
            isinstance(state, Active | Renewing | Degraded)
            and event.generation == state.held.token.generation
            and self.renewable
        ):
            return self.run_out(state, event.now)
        return state, ()

    def asked(self, state: State, event: RenewalAsked | LoginAsked) -> Step:
        """The user wants a renewal: join the one under way, or start as soon as allowed."""
        record, now = state.record, event.now
        if isinstance(state, Renewing | Acquiring):
            return state, ()
        login = isinstance(event, LoginAsked)
        if isinstance(state, LoggedOut) and not login:
            return state, (Conclude(_logged_out()),)
        held = state.held if isinstance(state, Active | Degraded) else None
        spent = state.spent if isinstance(state, Starved) else None
        good = held if held is not None and now < held.hard_at else None
        by = self.way(record, held or spent, dead=good is None)
        if login and by is not None:
            by = Exchange.LOGIN if self.way(record, None, dead=True) else None
        if isinstance(event, LoginAsked) and event.trial:
            by = Exchange.LOGIN
        if by is None:
            nothing = SessionExpiredError("these credentials give no other token")
            return state, (Conclude(record.refused or nothing.because(record.error)),)
        at = self.earliest(record, now)
        if at <= now:
            before = state if isinstance(event, LoginAsked) and event.trial else None
            old = None if good is not None else held or spent
            return self.start(record, now, by, good=good, spent=old, before=before)
        if good is not None:
            planned = evolve(cast("Active | Degraded", state), next_at=at, by=by)
            return planned, (WakeAt(self.next_wake(planned)),)
        return Starved(record, at, by, held or spent), (Withhold(), WakeAt(at))

    def rest(self, state: State, now: float) -> float | None:
        """Return the seconds until a login on trial may start; `None`: a flight is under way."""
        if isinstance(state, Renewing | Acquiring):
            return None
        return max(0.0, self.earliest(state.record, now) - now)

    def granted(self, state: Renewing | Acquiring, event: Granted) -> Step:
        """Adopt a token, unless it is dead on arrival."""
        old, flight, grant = state.record, state.flight, event.grant
        held = held_of(grant, old.generation + 1, self.policy, event.draw)
        if min(held.hard_at, held.expires_at) <= event.now:
            problem = "in the past by the server's own clock @ $.session_expiration_time"
            dead = InvalidResponseError("the new token is expired already", problems=(problem,))
            return self.failed(state, Failed(event.now, event.number, dead, event.draw))
        ways = self if event.abilities is None else evolve(self, abilities=event.abilities)
        before = state.held if isinstance(state, Renewing) else state.spent
        if flight.by is Exchange.REFRESH and self.abilities.repeatable and before is not None:
            was, is_ = before.token.session_expiration_time, grant.expires_at
            # The end did not move: a cap on the session, and only a login leads past it.
            held = evolve(held, final=was is not None and is_ is not None and is_ <= was)
        record = Record(
            started_at=old.started_at,
            number=old.number,
            generation=old.generation + 1,
            # A refused password stays refused, however well `_refresh` goes.
            refused=None if flight.by is Exchange.LOGIN else old.refused,
        )
        by = ways.way(record, held, dead=False)
        next_at = FOREVER if by is None else self.earliest(record, held.renew_at)
        after = Active(record, held, next_at, by or Exchange.LOGIN)
        expiry = {"session_expiration_time": grant.expires_at}
        told: list[Effect] = []
        if flight.by is Exchange.LOGIN:
            told.append(Emit(events.LoggedIn, expiry))
        if record.generation > 1:
            took = event.now - flight.started_at
            details = {"generation": record.generation, "took": took, **expiry}
            told.append(Emit(events.TokenRenewed, details))
        serve = Serve(held, event.abilities is not None)
        return after, (serve, Conclude(None), WakeAt(self.next_wake(after)), *told)

    def failed(self, state: Renewing | Acquiring, event: Failed) -> Step:
        """Go on to a login in the same renewal, plan the next attempt, or give up."""
        flight, now, error = state.flight, event.now, event.error
        if flight.before is not None:
            return self.trial_failed(state, flight.before, event)
        record = state.record
        held = state.held if isinstance(state, Renewing) else state.spent
        good = held if isinstance(state, Renewing) and now < state.held.hard_at else None
        if flight.by is Exchange.REFRESH and refused(error, 401) and held is not None:
            held = evolve(held, final=True)
            good = None if good is None else held
            if self.way(record, held, dead=True) is Exchange.LOGIN:
                return self.login_instead(state, now, held)
        barred = flight.by is Exchange.LOGIN and refused(error, 401, 403)
        record = evolve(
            record,
            failures=record.failures + 1,
            error=error,
            refused=error if barred else record.refused,
        )
        by = self.way(record, held, dead=good is None)
        if good is not None and (by is not None or self.abilities.repeatable):
            return self.degrade(record, event, good, by)
        if by is None or barred:
            after, effects = self.lose(record, now)
            ours = for_request(error) if by is None and not barred else error
            again = by if self.abilities.rotates else None  # else nothing will be tried
            return after, (self.told(record, event, again), Conclude(ours), *effects)
        at = self.retry_at(record, event, by)
        after, effects = self.seek(record, now, held, at=at, by=by)
        effects = (self.told(record, event, by), Conclude(error), *effects)
        if isinstance(state, Renewing) or (held is not None and record.failures == 1):
            effects = (*effects, Emit(events.SessionLost, {"error": for_request(error)}))
        if isinstance(error, NoAuthenticationClusterError):
            effects = (*effects, Deny(error))
        return after, effects

    def retry_at(self, record: Record, event: Failed, by: Exchange) -> float:
        """Return when the next attempt starts."""
        delay = backoff(record, event.error, self.policy, event.draw)
        if record.refused is event.error and by is Exchange.LOGIN:
            delay = max(delay, self.policy.permanent_interval)  # until the secret rotates
        return self.earliest(record, event.now + delay)

    def told(self, record: Record, event: Failed, by: Exchange | None) -> Emit:
        """Return the news of a failure."""
        retry_at = None if by is None else self.retry_at(record, event, by)
        details = {"error": event.error, "attempt": record.failures, "retry_at": retry_at}
        return Emit(events.RenewalFailed, details)

    def degrade(self, record: Record, event: Failed, good: Held, by: Exchange | None) -> Step:
        """Keep sending a good token. Where nothing is left to try it serves to its end."""
        at = FOREVER if by is None else self.retry_at(record, event, by)
        after = Degraded(record, good, at, by or Exchange.LOGIN)
        first = (Emit(events.SessionDegraded),) if record.failures == 1 else ()
        wake = WakeAt(self.next_wake(after))
        return after, (Conclude(event.error), wake, self.told(record, event, by), *first)

    def login_instead(self, state: Renewing | Acquiring, now: float, held: Held) -> Step:
        """After a refused ``_refresh``: log in, in the same renewal."""
        flight = evolve(state.flight, by=Exchange.LOGIN)
        left = max(flight.started_at + self.policy.renewal_timeout - now, self.policy.min_interval)
        if isinstance(state, Renewing):
            timeout = min(self.allowance(now, held), left)
            return Renewing(state.record, held, flight), (Login(flight.number, timeout),)
        timeout = min(self.policy.attempt_timeout, left)
        return Acquiring(state.record, flight, held), (Login(flight.number, timeout),)

    def trial_failed(self, state: Renewing | Acquiring, before: State, event: Failed) -> Step:
        """Other credentials did not work: go back to what was there before them."""
        now, record = event.now, state.record
        before = evolve(
            before, record=evolve(before.record, started_at=record.started_at, number=record.number)
        )
        details = {"error": event.error, "attempt": 1, "retry_at": None}
        told = (Emit(events.RenewalFailed, details), Conclude(event.error))
        if isinstance(before, Active | Degraded | Starved):
            next_at = self.earliest(before.record, before.next_at)
            before = evolve(before, next_at=next_at)
        if isinstance(before, Active | Degraded) and isinstance(state, Acquiring):
            after, effects = self.run_out(before, now)
        elif isinstance(before, Lost):
            after, effects = before, (WakeAt(before.next_at), Deny(before.error))
        elif isinstance(before, LoggedOut):
            after, effects = before, (Deny(_logged_out()),)
        else:
            after, effects = self.woken(before, Woken(now))
        error = after.record.error
        if isinstance(after, Starved) and isinstance(error, NoAuthenticationClusterError):
            effects = (*effects, Deny(error))
        return after, (*told, *effects)

    def logout(self, state: State, _: LogoutAsked) -> Step:
        """Forget the token, and drop a renewal under way so that it revives nothing."""
        record = evolve(state.record, error=None, failures=0)
        gone = _logged_out()
        told = Emit(events.LoggedOut)
        return LoggedOut(record), (
            Withhold(),
            Abandon(),
            WakeAt(FOREVER),
            Deny(gone),
            Conclude(gone),
            told,
        )

    def close(self, state: State, _: CloseAsked) -> Step:
        """End it all."""
        return Closed(state.record), (Withhold(), Abandon(), WakeAt(FOREVER))

    # -- starting, waiting, giving up -----------------------------------------------------

    @property
    def renewable(self) -> bool:
        """Whether a token can ever be followed by another."""
        return self.abilities.repeatable or self.abilities.refreshable

    def way(self, record: Record, held: Held | None, *, dead: bool) -> Exchange | None:
        """Choose: ``_refresh`` with a live token, else a login, else what is left."""
        barred = record.refused is not None and not self.abilities.rotates
        refresh = self.abilities.refreshable and held is not None and not held.final
        if refresh and not dead:
            return Exchange.REFRESH
        if self.abilities.repeatable and not barred:
            return Exchange.LOGIN
        return Exchange.REFRESH if refresh else None

    def earliest(self, record: Record, at: float) -> float:
        """Put a start off to `min_interval` after the last one."""
        return max(at, record.started_at + self.policy.min_interval)

    def allowance(self, now: float, good: Held | None) -> float:
        """Return what one exchange may take: less than a token in hand has left."""
        if good is None or good.hard_at == FOREVER:
            return self.policy.attempt_timeout
        half = (good.hard_at - now) / 2.0
        return max(min(self.policy.attempt_timeout, half), self.policy.min_interval)

    def start(
        self,
        record: Record,
        now: float,
        by: Exchange,
        *,
        good: Held | None = None,
        spent: Held | None = None,
        before: State | None = None,
    ) -> Step:
        """Start an attempt now, with the token in hand `good`, or `spent`."""
        record = evolve(record, started_at=now, number=record.number + 1)
        flight = Flight(record.number, by, now, before)
        timeout = self.allowance(now, good)
        offered = good or spent
        call: Effect = Login(record.number, timeout, trial=before is not None)
        if by is Exchange.REFRESH and offered is not None:
            call = Refresh(record.number, timeout, offered.token)
        if good is None:
            return Acquiring(record, flight, spent), (Withhold(), call, WakeAt(FOREVER))
        return Renewing(record, good, flight), (call, WakeAt(good.hard_at))

    def seek(
        self, record: Record, now: float, spent: Held | None, *, at: float, by: Exchange | None
    ) -> Step:
        """With no usable token: start at `at`, or give up where there is no way."""
        if by is None:
            return self.lose(record, now)
        at = self.earliest(record, at)
        if at <= now:
            return self.start(record, now, by, spent=spent)
        return Starved(record, at, by, spent), (Withhold(), WakeAt(at))

    def lose(self, record: Record, now: float) -> Step:
        """Give up, until the user or a rotated secret leads on."""
        expired = SessionExpiredError("the token has expired or was refused")
        error = for_request(record.refused or record.error or expired)
        at = now + self.policy.permanent_interval if self.abilities.rotates else FOREVER
        told = Emit(events.SessionLost, {"error": error})
        return Lost(record, error, at), (Withhold(), WakeAt(at), Deny(error), Conclude(error), told)


_HANDLERS: Final[dict[type[Input], Callable[..., Step]]] = {
    Opened: Machine.opened,
    OpenGivenUp: Machine.given_up,
    Woken: Machine.woken,
    Wanted: Machine.wanted,
    Rejected: Machine.rejected,
    RenewalAsked: Machine.asked,
    LoginAsked: Machine.asked,
    Granted: Machine.granted,
    Failed: Machine.failed,
    LogoutAsked: Machine.logout,
    CloseAsked: Machine.close,
}
