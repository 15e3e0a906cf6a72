"""PURE: situation and input to situation and effects. Every decision about a token.

No clock, no I/O, no event loop: inputs carry ``now`` in seconds on one scale that never
goes back, and a ``draw`` from [0, 1). An input that does not fit raises
`IllegalInputError` and changes nothing. The refresher only carries out the effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from attrs import evolve, frozen

from aiocloudauth import events
from aiocloudauth.errors import (
    CloudAuthError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    SessionExpiredError,
)
from aiocloudauth.failure import for_request, refused
from aiocloudauth.schedule import backoff, held_of
from aiocloudauth.situations import (
    FOREVER,
    Abandon,
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
    Granted,
    Held,
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
    Rejected,
    RenewalAsked,
    Renewing,
    Serve,
    Situation,
    Starved,
    WakeAt,
    Wanted,
    Withhold,
    Woken,
)
from aiocloudauth.transitions import TRANSITIONS, IllegalInputError
from aiocloudauth.ways import Step, Ways

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["Machine"]


def _logged_out() -> CloudAuthError:
    return SessionExpiredError("logged out: call login() first")


@frozen
class Machine(Ways):
    """The transitions, for one policy and one kind of credentials."""

    def step(self, situation: Situation, event: Input) -> Step:
        """Return the situation after `event`, and what is to be done, in order.

        Raises:
            IllegalInputError: The event has no place in the situation.
        """
        allowed = TRANSITIONS[type(situation)].get(type(event))
        if allowed is None:
            msg = f"{type(event).__name__} in {type(situation).__name__}"
            raise IllegalInputError(msg)
        if isinstance(event, Granted | Failed) and (
            not isinstance(situation, Renewing | Acquiring)
            or event.number != situation.flight.number
        ):
            return situation, ()
        handler = cast("Callable[[Machine, Situation, Input], Step]", _HANDLERS[type(event)])
        after, effects = handler(self, situation, event)
        if type(after) not in allowed:
            names = (type(x).__name__ for x in (event, situation, after))
            raise IllegalInputError("{} led from {} to {}".format(*names))
        return after, effects

    def run_out(self, situation: Active | Renewing | Degraded, now: float) -> Step:
        """Stop sending a token: it is past its hard limit, or the API refused it."""
        record, held = situation.record, situation.held
        if isinstance(situation, Renewing):
            after: Situation = Acquiring(record, situation.flight, held)
            effects: tuple[Effect, ...] = (Withhold(), WakeAt(FOREVER))
        else:
            slow = isinstance(record.error, NoAuthenticationClusterError)
            refused_now = isinstance(situation, Active) or (now < held.hard_at and not slow)
            at = now if refused_now else situation.next_at
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

    def opened(self, situation: New, event: Opened) -> Step:
        """Get the first token."""
        record = situation.record
        if record.refused is not None and not self.abilities.rotates:
            return situation, (Deny(record.refused),)
        return self.seek(record, event.now, None, at=event.now, by=Exchange.LOGIN)

    def given_up(self, situation: Situation, _: OpenGivenUp) -> Step:
        """Back to the start; the record still paces the next try."""
        record = evolve(situation.record, generation=0)
        return New(record), (Withhold(), Abandon(), WakeAt(FOREVER))

    def woken(self, situation: Situation, event: Woken) -> Step:
        """Do what is due; a timer may be early, late or left over."""
        now, record = event.now, situation.record
        if isinstance(situation, Active | Renewing | Degraded) and now >= situation.held.hard_at:
            return self.run_out(situation, now)
        if isinstance(situation, Active | Degraded | Starved) and now >= situation.next_at:
            if isinstance(situation, Starved):
                return self.start(record, now, situation.by, spent=situation.spent)
            return self.start(record, now, situation.by, good=situation.held)
        if isinstance(situation, Lost) and now >= situation.next_at:
            return self.seek(record, now, None, at=now, by=Exchange.LOGIN)
        again: tuple[Effect, ...] = (WakeAt(self.next_wake(situation)),)
        if isinstance(situation, Active | Renewing | Degraded):
            # Published anew: the wall clock may have been stepped back since.
            again = (Serve(situation.held), *again)
        return situation, again

    def next_wake(self, situation: Situation) -> float:
        """Return when the situation next changes by itself."""
        if isinstance(situation, Active | Degraded):
            return min(situation.next_at, situation.held.hard_at)
        if isinstance(situation, Starved | Lost):
            return situation.next_at
        return situation.held.hard_at if isinstance(situation, Renewing) else FOREVER

    def wanted(self, situation: Situation, event: Wanted) -> Step:
        """A caller waits: answer it, let it wait, or start."""
        now = event.now
        if isinstance(situation, Active | Renewing | Degraded):
            if now < situation.held.hard_at:
                return situation, (Serve(situation.held),)
            return self.run_out(situation, now)
        if isinstance(situation, LoggedOut):
            return situation, (Deny(_logged_out()),)
        if isinstance(situation, Starved):
            error = situation.record.error
            if isinstance(error, NoAuthenticationClusterError):
                return situation, (Deny(error),)
            return self.woken(situation, Woken(now))
        if isinstance(situation, Lost):
            rested = self.earliest(situation.record, now) <= now
            if not (self.abilities.rotates and rested):
                return situation, (Deny(situation.error),)
            return self.seek(situation.record, now, None, at=now, by=Exchange.LOGIN)
        return situation, ()

    def rejected(self, situation: Situation, event: Rejected) -> Step:
        """The API refused a token: if it is the one in hand, it is dead."""
        if (
            isinstance(situation, Active | Renewing | Degraded)
            and event.generation == situation.held.token.generation
            and self.renewable
        ):
            return self.run_out(situation, event.now)
        return situation, ()

    def asked(self, situation: Situation, event: RenewalAsked | LoginAsked) -> Step:
        """The user wants a renewal: join the one under way, or start as soon as allowed."""
        record, now = situation.record, event.now
        if isinstance(situation, Renewing | Acquiring):
            return situation, ()
        login = isinstance(event, LoginAsked)
        if isinstance(situation, LoggedOut) and not login:
            return situation, (Conclude(_logged_out()),)
        held = situation.held if isinstance(situation, Active | Degraded) else None
        spent = situation.spent if isinstance(situation, Starved) else None
        good = held if held is not None and now < held.hard_at else None
        by = self.way(record, held or spent, dead=good is None)
        if login and by is not None:
            by = Exchange.LOGIN if self.way(record, None, dead=True) else None
        if isinstance(event, LoginAsked) and event.trial:
            by = Exchange.LOGIN
        if by is None:
            nothing = SessionExpiredError("these credentials give no other token")
            return situation, (Conclude(record.refused or nothing.because(record.error)),)
        at = self.earliest(record, now)
        if at <= now:
            before = situation if isinstance(event, LoginAsked) and event.trial else None
            old = None if good is not None else held or spent
            return self.start(record, now, by, good=good, spent=old, before=before)
        if good is not None:
            planned = evolve(cast("Active | Degraded", situation), next_at=at, by=by)
            return planned, (WakeAt(self.next_wake(planned)),)
        return Starved(record, at, by, held or spent), (Withhold(), WakeAt(at))

    def rest(self, situation: Situation, now: float) -> float | None:
        """Return the seconds until a login on trial may start; `None`: a flight is under way."""
        if isinstance(situation, Renewing | Acquiring):
            return None
        return max(0.0, self.earliest(situation.record, now) - now)

    def granted(self, situation: Renewing | Acquiring, event: Granted) -> Step:
        """Adopt a token, unless it is dead on arrival."""
        old, flight, grant = situation.record, situation.flight, event.grant
        held = held_of(grant, old.generation + 1, self.policy, event.draw)
        if min(held.hard_at, held.expires_at) <= event.now:
            problem = "in the past by the server's own clock @ $.session_expiration_time"
            dead = InvalidResponseError("the new token is expired already", problems=(problem,))
            return self.failed(situation, Failed(event.now, event.number, dead, event.draw))
        ways = self if event.abilities is None else evolve(self, abilities=event.abilities)
        before = situation.held if isinstance(situation, Renewing) else situation.spent
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

    def failed(self, situation: Renewing | Acquiring, event: Failed) -> Step:
        """Go on to a login in the same renewal, plan the next attempt, or give up."""
        flight, now, error = situation.flight, event.now, event.error
        if flight.before is not None:
            return self.trial_failed(situation, flight.before, event)
        record = situation.record
        held = situation.held if isinstance(situation, Renewing) else situation.spent
        good = held if isinstance(situation, Renewing) and now < situation.held.hard_at else None
        if flight.by is Exchange.REFRESH and refused(error, 401) and held is not None:
            held = evolve(held, final=True)
            good = None if good is None else held
            if self.way(record, held, dead=True) is Exchange.LOGIN:
                return self.login_instead(situation, now, held)
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
        if isinstance(situation, Renewing) or (held is not None and record.failures == 1):
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

    def login_instead(self, situation: Renewing | Acquiring, now: float, held: Held) -> Step:
        """After a refused ``_refresh``: log in, in the same renewal."""
        flight = evolve(situation.flight, by=Exchange.LOGIN)
        left = max(flight.started_at + self.policy.renewal_timeout - now, self.policy.min_interval)
        if isinstance(situation, Renewing):
            timeout = min(self.allowance(now, held), left)
            return Renewing(situation.record, held, flight), (Login(flight.number, timeout),)
        timeout = min(self.policy.attempt_timeout, left)
        return Acquiring(situation.record, flight, held), (Login(flight.number, timeout),)

    def trial_failed(
        self, situation: Renewing | Acquiring, before: Situation, event: Failed
    ) -> Step:
        """Other credentials did not work: go back to what was there before them."""
        now, record = event.now, situation.record
        before = evolve(
            before, record=evolve(before.record, started_at=record.started_at, number=record.number)
        )
        details = {"error": event.error, "attempt": 1, "retry_at": None}
        told = (Emit(events.RenewalFailed, details), Conclude(event.error))
        if isinstance(before, Active | Degraded | Starved):
            next_at = self.earliest(before.record, before.next_at)
            before = evolve(before, next_at=next_at)
        if isinstance(before, Active | Degraded) and isinstance(situation, Acquiring):
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

    def logout(self, situation: Situation, _: LogoutAsked) -> Step:
        """Forget the token, and drop a renewal under way so that it revives nothing."""
        record = evolve(situation.record, error=None, failures=0)
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

    def close(self, situation: Situation, _: CloseAsked) -> Step:
        """End it all."""
        return Closed(situation.record), (Withhold(), Abandon(), WakeAt(FOREVER))


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
