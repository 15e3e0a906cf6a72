"""PURE: state and input to state and effects. Every decision about a token.

No clock, no I/O, no event loop: inputs carry ``now`` in seconds on one scale that never
goes back, and a ``draw`` from [0, 1). An input that does not fit raises
`IllegalInputError` and changes nothing. The runner only carries out the effects.

A refused token (a 401) is evidence and no proof. These five rules are `Machine.rejected`,
`confirmed`, `unconfirmed` and `verdict`:

1. A refusal of the token in hand calls for an attempt, which begins by asking the API whether
   the token is good. If it is, it is *confirmed*, and that is all; else it is renewed.
2. The first refusal since the last planned renewal that worked asks at once; if no renewal may
   start yet, it asks again when one may. Later ones wait: `schedule.pace`.
3. A refusal in the API's own words *withholds* the token if its attempt starts at once, or if
   it is the first and an attempt is under way. Else the token stays in use. While one that is
   withheld may still be good, each attempt begins by asking.
4. The refused request waits for the outcome, unless the token is confirmed, and is sent once
   more with the token then held.
5. A confirmed token that goes on being refused is renewed at the pace of 2, without asking;
   its successor counts as confirmed. A refusal of it in other words calls for nothing.

No refusal brings an attempt sooner than the server said when the last one failed (a 501,
``Retry-After``); a token that nobody called dead stays in use until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from attrs import evolve, frozen

from aiocloudauth import events
from aiocloudauth._core.schedule import LONGEST_PAUSE, backoff, bar, held_of, pace
from aiocloudauth._core.states import (
    FOREVER,
    TRANSITIONS,
    Abandon,
    Abilities,
    Acquiring,
    Active,
    Ask,
    CloseAsked,
    Closed,
    Conclude,
    Confirmed,
    Degraded,
    Deny,
    Effect,
    Emit,
    Exchange,
    Failed,
    Flight,
    Grant,
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
    Unconfirmed,
    Verdict,
    WakeAt,
    Want,
    Wanted,
    Withhold,
    Woken,
)
from aiocloudauth.errors import (
    ApiError,
    CloudAuthError,
    GatewayError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    SessionExpiredError,
    UnauthenticatedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.token import SessionToken


__all__ = ["Machine", "dead_on_arrival", "for_request", "left_over", "refused"]


def refused(error: CloudAuthError, *statuses: int) -> bool:
    """Return whether the API itself, and no proxy, answered with one of these statuses."""
    own = isinstance(error, ApiError) and not isinstance(error, GatewayError)
    return own and cast("ApiError", error).status in statuses


def for_request(error: CloudAuthError) -> CloudAuthError:
    """Return what a request raises for lack of a token after `error`."""
    own = (UnauthenticatedError, NoAuthenticationClusterError, SessionExpiredError)
    if isinstance(error, own):
        return error
    msg = f"the session has no usable token and cannot get one now: {error}"
    return SessionExpiredError(msg).because(error)


def dead_on_arrival(grant: Grant) -> InvalidResponseError:
    """Return the error of a token that came too late to be of use."""
    problem = "in the past by both clocks @ $.session_expiration_time"
    msg = f"{grant.source} gave a token that is expired already"
    return InvalidResponseError(msg, problems=(problem,))


def left_over(state: State, now: float) -> SessionToken | None:
    """Return the token whose session a logout has to end, if there is one that may be alive."""
    held: Held | None = getattr(state, "held", None) or getattr(state, "spent", None)
    return held.token if held is not None and not held.dead and now < held.expires_at else None


def _logged_out() -> CloudAuthError:
    return SessionExpiredError("logged out: call login() first")


def _slow(record: Record) -> bool:
    """Return whether the last failure is one that only a slow pace is for."""
    return isinstance(record.error, NoAuthenticationClusterError)


def _put_off(record: Record) -> bool:
    """Return whether the last failure says itself when the next attempt is to be."""
    return _slow(record) or getattr(record.error, "retry_after", None) is not None


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
        if isinstance(event, Granted | Failed | Confirmed | Unconfirmed) and (
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

    # -- opened, woken, wanted ------------------------------------------------------------

    def opened(self, state: New, event: Opened) -> Step:
        """Get the first token."""
        record = state.record
        if record.refused is not None and self.barred(record, event.now):
            return state, (Deny(record.refused),)
        return self.seek(record, event.now, None, at=event.now, by=Exchange.LOGIN)

    def given_up(self, state: State, _: OpenGivenUp) -> Step:
        """Back to the start; the record still paces the next try."""
        record = evolve(state.record, generation=0, called=False)
        return New(record), (Withhold(), Abandon(), WakeAt(FOREVER))

    def woken(self, state: State, event: Woken) -> Step:
        """Do what is due; a timer may be early, late or left over."""
        now, record = event.now, state.record
        if isinstance(state, Active | Renewing | Degraded) and now >= state.held.hard_at:
            return self.run_out(state, now)
        if isinstance(state, Active | Degraded) and now >= state.ask_at:
            return self.ask(record, now, state.held, evolve(state, ask_at=FOREVER))
        if isinstance(state, Active | Degraded) and now >= state.next_at:
            return self.start(record, now, state.by, good=state.held)
        if isinstance(state, Starved) and now >= state.next_at:
            if state.before is not None and state.spent is not None:
                return self.ask(record, now, state.spent, state.before, withhold=True)
            return self.start(record, now, state.by, spent=state.spent)
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
            return min(state.next_at, state.ask_at, state.held.hard_at)
        if isinstance(state, Starved | Lost):
            return state.next_at
        return state.held.hard_at if isinstance(state, Renewing) else FOREVER

    def next_attempt(self, state: State) -> float:
        """Return when the next attempt starts by itself, or has started; `FOREVER`: never."""
        if isinstance(state, Active | Degraded):
            return min(state.next_at, state.ask_at)
        if isinstance(state, Renewing | Acquiring):
            return state.flight.started_at
        return state.next_at if isinstance(state, Starved | Lost) else FOREVER

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
            if _slow(state.record):
                return state, (Deny(cast("CloudAuthError", state.record.error)),)
            return self.woken(state, Woken(now))
        if isinstance(state, Lost):
            rested = self.earliest(state.record, now) <= now
            if not (self.abilities.rotates and rested):
                return state, (Deny(state.error),)
            return self.seek(state.record, now, None, at=now, by=Exchange.LOGIN)
        return state, ()

    # -- a token is refused ---------------------------------------------------------------

    def verdict(self, state: State, event: Rejected) -> Verdict:
        """Say what becomes of the request that `event` is about."""
        if not self.renewable:
            return Verdict.FINAL
        if not isinstance(state, Active | Renewing | Degraded):
            return Verdict.AGAIN  # it waits for a token where it is written
        if event.generation != state.held.token.generation:
            return Verdict.AGAIN
        if state.held.confirmed:
            return Verdict.AGAIN if event.coded else Verdict.FINAL
        return Verdict.WAIT

    def rejected(self, state: State, event: Rejected) -> Step:
        """The API refused a token: ask about it now or later, or renew it later, or do nothing."""
        record, now = state.record, event.now
        if (
            not isinstance(state, Active | Renewing | Degraded)
            or event.generation != state.held.token.generation
            or not self.renewable
        ):
            return state, ()
        first, confirmed = record.calls == 0, state.held.confirmed
        if isinstance(state, Renewing):
            if first and event.coded and not confirmed:
                return Acquiring(record, state.flight, state.held), (Withhold(), WakeAt(FOREVER))
            return state, ()
        if record.called or (confirmed and not event.coded):
            return state, ()  # one is planned already, or none is called for
        called = evolve(record, called=True, calls=record.calls + 1)
        at = now if first and not confirmed else pace(record, self.policy, event.draw)
        if at >= min(state.next_at, state.ask_at):
            return state, ()  # an attempt comes first
        if confirmed:
            by = self.way(record, state.held, now, dead=False)
            barred = by is Exchange.LOGIN and self.barred(record, now)
            if by is None or barred or _put_off(record):
                return state, ()  # nothing could follow it now
            if at <= now:
                return self.start(called, now, by, spent=state.held)
            after: Active | Degraded = evolve(state, record=called, next_at=at, by=by)
        elif at <= now:
            return self.ask(called, now, state.held, state, withhold=event.coded)
        else:
            after = evolve(state, record=called, ask_at=at)
        return after, (WakeAt(self.next_wake(after)),)

    def ask(
        self,
        record: Record,
        now: float,
        held: Held,
        before: Active | Degraded,
        *,
        withhold: bool = False,
    ) -> Step:
        """Start an attempt with the question whether `held` is good; not counted as a call."""
        record = evolve(record, asked_at=now, number=record.number + 1)
        flight = Flight(record.number, Exchange.ASK, now, before)
        call = Ask(record.number, self.policy.attempt_timeout / 4.0, held.token)
        if withhold:
            return Acquiring(record, flight, held), (Withhold(), call, WakeAt(FOREVER))
        return Renewing(record, held, flight), (call, WakeAt(held.hard_at))

    def confirmed(self, state: Renewing | Acquiring, event: Confirmed) -> Step:
        """The token is good: go on with it, and with what was planned."""
        before = cast("Active | Degraded", state.flight.before)
        held = evolve(before.held, confirmed=True)
        record = evolve(state.record, called=False)
        return self.resume(evolve(before, record=record, held=held), state.flight, event.now)

    def unconfirmed(self, state: Renewing | Acquiring, event: Unconfirmed) -> Step:
        """The token may be dead: renew it in the same attempt, as soon as one may start."""
        flight, record, now = state.flight, state.record, event.now
        before = cast("Active | Degraded", flight.before)
        put_off = _put_off(record) and now < before.next_at
        in_use = not event.dead and (isinstance(state, Renewing) or put_off)
        held = evolve(before.held, dead=event.dead)
        at = self.earliest(record, before.next_at if put_off else now)
        way = self.way(record, held, now, dead=True)
        if in_use and (way is None or put_off):
            kept = evolve(before, record=evolve(record, called=False))
            return self.resume(kept, flight, now)
        if in_use and at > now:
            return self.resume(evolve(before, record=record, ask_at=at), flight, now)
        if way is None:
            return self.lose(record, now)
        if at > now:
            again = None if flight.insisted or at >= held.hard_at else before
            waits = Starved(record, at, way, held, again)
            deny = (Deny(cast("CloudAuthError", record.error)),) if _slow(record) else ()
            return waits, (Withhold(), WakeAt(at), *deny)
        return self.start(record, now, way, good=held if in_use else None, spent=held)

    def resume(self, state: Active | Degraded, flight: Flight, now: float) -> Step:
        """Go on after the question `flight`, with what is due and what the user asked for."""
        after, effects = self.woken(state, Woken(now))
        if isinstance(after, Renewing):  # its token may have been withheld
            effects = (Serve(after.held), *effects)
        if flight.insisted:
            after, more = self.asked(after, RenewalAsked(now))
            return after, (*effects, *more)
        done = () if state.ask_at < FOREVER else (Conclude(None),)
        return after, (*effects, *done)

    # -- the user asks --------------------------------------------------------------------

    def asked(self, state: State, event: RenewalAsked | LoginAsked) -> Step:
        """The user wants a renewal: join the one under way, or start as soon as allowed."""
        now = event.now
        if isinstance(state, Renewing | Acquiring):
            flight = state.flight
            # These may end without a renewal.
            if isinstance(event, RenewalAsked) and (flight.trial or flight.by is Exchange.ASK):
                return evolve(state, flight=evolve(flight, insisted=True)), ()
            return state, ()
        login, trial = isinstance(event, LoginAsked), isinstance(event, LoginAsked) and event.trial
        if isinstance(state, LoggedOut) and not login:
            return state, (Conclude(_logged_out()),)
        want = Want.LOGIN if login else Want.FRESH
        record = evolve(state.record, called=False, want=want)
        held = state.held if isinstance(state, Active | Degraded) else None
        spent = state.spent if isinstance(state, Starved) else None
        good = held if held is not None and now < held.hard_at else None
        by = self.way(record, held or spent, now, dead=good is None)
        if login and by is not None:
            by = Exchange.LOGIN if self.way(record, None, now, dead=True) else None
        if trial:
            by = Exchange.LOGIN
        if by is None:
            nothing = SessionExpiredError("these credentials give no other token")
            return state, (Conclude(record.refused or nothing.because(record.error)),)
        at = self.earliest(record, now)
        if at <= now:
            before = state if trial else None
            return self.start(record, now, by, good=good, spent=held or spent, before=before)
        if good is not None:
            planned = cast("Active | Degraded", state)
            planned = evolve(planned, record=record, next_at=at, by=by, ask_at=FOREVER)
            return planned, (WakeAt(self.next_wake(planned)),)
        return Starved(record, at, by, held or spent), (Withhold(), WakeAt(at))

    def rest(self, state: State, now: float, since: float) -> float | None:
        """Return the seconds until a login may start, or be joined that started at `since`.

        Or later; `None`: another attempt is under way.
        """
        if isinstance(state, Renewing | Acquiring):
            flight = state.flight
            joins = flight.want is Want.LOGIN and not flight.trial
            return 0.0 if joins and flight.started_at >= since else None
        return max(0.0, self.earliest(state.record, now) - now)

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
            Conclude(gone, trial=True),
            told,
        )

    def close(self, state: State, _: CloseAsked) -> Step:
        """End it all."""
        return Closed(state.record), (Withhold(), Abandon(), WakeAt(FOREVER))

    # -- an attempt ends ------------------------------------------------------------------

    def granted(self, state: Renewing | Acquiring, event: Granted) -> Step:
        """Adopt a token, unless it is dead on arrival."""
        old, flight, grant = state.record, state.flight, event.grant
        held = held_of(grant, old.generation + 1, self.policy, event.draw)
        if min(held.hard_at, held.expires_at) <= event.now:
            dead = dead_on_arrival(grant)
            return self.failed(state, Failed(event.now, event.number, dead, event.draw))
        ways = self if event.abilities is None else evolve(self, abilities=event.abilities)
        before = state.held if isinstance(state, Renewing) else state.spent
        by = grant.by or flight.by
        if by is Exchange.REFRESH and self.abilities.repeatable and before is not None:
            was, is_ = before.token.session_expiration_time, grant.expires_at
            # The end did not move: a cap on the session, and only a login leads past it.
            held = evolve(held, final=was is not None and is_ is not None and is_ <= was)
        if old.called and before is not None:
            held = evolve(held, confirmed=before.confirmed)
        login = by is Exchange.LOGIN
        record = Record(
            started_at=old.started_at,
            number=old.number,
            generation=old.generation + 1,
            # A refused password stays refused, however well `_refresh` goes.
            refused=None if login else old.refused,
            barred_until=old.barred_until,
            bars=0 if login else old.bars,
            calls=old.calls if old.called else 0,
        )
        way = ways.way(record, held, held.renew_at, dead=False)
        next_at = FOREVER if way is None else self.earliest(record, held.renew_at)
        after = Active(record, held, next_at, way or Exchange.LOGIN)
        expiry = {"session_expiration_time": grant.expires_at}
        told: list[Effect] = []
        if login:
            told.append(Emit(events.LoggedIn, expiry))
        if by is Exchange.ADOPT:
            adopted = {"generation": record.generation, **expiry}
            told.append(Emit(events.TokenAdopted, adopted))
        elif record.generation > 1:
            took = event.now - flight.started_at
            details = {"generation": record.generation, "took": took, **expiry}
            told.append(Emit(events.TokenRenewed, details))
        done = (Conclude(None), Conclude(None, trial=True)) if flight.trial else (Conclude(None),)
        serve = Serve(held, adopt=event.abilities is not None)
        return after, (serve, *done, WakeAt(self.next_wake(after)), *told)

    def failed(self, state: Renewing | Acquiring, event: Failed) -> Step:
        """Go on to a login in the same renewal, plan the next attempt, or give up."""
        flight, now, error = state.flight, event.now, event.error
        if flight.by is Exchange.ASK:
            return self.unconfirmed(state, Unconfirmed(now, event.number, dead=False))
        if flight.trial:
            return self.trial_failed(state, cast("State", flight.before), event)
        record = state.record
        held = state.held if isinstance(state, Renewing) else state.spent
        good = held if isinstance(state, Renewing) and now < state.held.hard_at else None
        if flight.by is Exchange.REFRESH and refused(error, 401) and held is not None:
            held = evolve(held, final=True, dead=good is None)
            good = None if good is None else held
            if self.way(record, held, now, dead=True) is Exchange.LOGIN:
                return self.login_instead(state, now, held)
        record = evolve(record, failures=record.failures + 1, error=error)
        barred = flight.by is Exchange.LOGIN and refused(error, 401, 403)
        # A value that had not changed was not sent.
        unsent = error is record.refused and self.barred(record, flight.started_at)
        if barred and not unsent:
            until = now + bar(record.bars, self.policy)
            record = evolve(record, refused=error, barred_until=until, bars=record.bars + 1)
        by = self.way(record, held, now, dead=good is None)
        if good is not None and (by is not None or self.abilities.repeatable):
            return self.degrade(record, event, good, by)
        if by is None or barred:
            after, effects = self.lose(record, now)
            ours = for_request(error) if by is None and not barred else error
            at = cast("Lost", after).next_at
            return after, (self.told(record, event, at), Conclude(ours), *effects)
        lost = isinstance(state, Renewing) or (held is not None and record.failures == 1)
        after, effects = self.starve(record, event, held, by)
        if lost:
            effects = (*effects, Emit(events.SessionLost, {"error": for_request(error)}))
        return after, effects

    def starve(self, record: Record, event: Failed, held: Held | None, by: Exchange) -> Step:
        """Plan the next attempt while there is no token."""
        now, error = event.now, event.error
        at = self.retry_at(record, event, by, good=False)
        after, effects = self.seek(record, now, held, at=at, by=by)
        effects = (self.told(record, event, at), Conclude(error), *effects)
        hopeless = record.generation == 0 and not error.retryable
        if hopeless or _slow(record):
            effects = (*effects, Deny(for_request(error)))
        return after, effects

    def login_instead(self, state: Renewing | Acquiring, now: float, held: Held) -> Step:
        """After a refused ``_refresh``: log in, in the same renewal."""
        # A token that was offered and refused is dead, whatever else is wanted.
        flight = evolve(state.flight, by=Exchange.LOGIN, want=Want.ANY)
        left = max(flight.started_at + self.policy.renewal_timeout - now, self.policy.min_interval)
        timeout = min(self.policy.attempt_timeout, left)
        call = self.login(state.record, now, timeout, flight=flight, dead=True)
        if isinstance(state, Renewing):
            call = evolve(call, timeout=min(self.allowance(now, held), left))
            return Renewing(state.record, held, flight), (call,)
        return Acquiring(state.record, flight, held), (call,)

    def trial_failed(self, state: Renewing | Acquiring, before: State, event: Failed) -> Step:
        """Other credentials did not work: go back to what was there before them."""
        now, record = event.now, state.record
        before = evolve(
            before, record=evolve(before.record, started_at=record.started_at, number=record.number)
        )
        told = Conclude(event.error, trial=True)
        if isinstance(before, Active | Degraded | Starved):
            before = evolve(before, next_at=self.earliest(before.record, before.next_at))
        if isinstance(before, Active | Degraded) and isinstance(state, Acquiring):
            if now < before.held.hard_at:  # refused meanwhile
                record = evolve(before.record, called=True, calls=before.record.calls + 1)
                after, effects = self.ask(record, now, before.held, before, withhold=True)
            else:
                after, effects = self.run_out(before, now)
        elif isinstance(before, Lost):
            after, effects = before, (WakeAt(before.next_at), Deny(before.error))
        elif isinstance(before, LoggedOut):
            after, effects = before, (Deny(_logged_out()),)
        else:
            after, effects = self.woken(before, Woken(now))
        if state.flight.insisted:
            after, more = self.asked(after, RenewalAsked(now))
            effects = (*effects, *more)
        if isinstance(after, Starved) and _slow(after.record):
            effects = (*effects, Deny(cast("CloudAuthError", after.record.error)))
        return after, (told, *effects)

    def degrade(self, record: Record, event: Failed, good: Held, by: Exchange | None) -> Step:
        """Keep sending a good token. Where nothing is left to try it serves to its end."""
        at = record.barred_until
        if by is not None:
            at = self.retry_at(record, event, by, good=True)
        after = Degraded(record, good, at, by or Exchange.LOGIN)
        first = (Emit(events.SessionDegraded),) if record.failures == 1 else ()
        wake = WakeAt(self.next_wake(after))
        return after, (Conclude(event.error), wake, self.told(record, event, at), *first)

    def retry_at(self, record: Record, event: Failed, by: Exchange, *, good: bool) -> float:
        """Return when the next attempt starts."""
        delay = backoff(record, event.error, self.policy, event.draw, good=good)
        delay = max(delay, event.rest)
        if record.refused is event.error and by is Exchange.LOGIN:
            delay = max(delay, self.policy.permanent_interval)  # until the secret rotates
            delay = min(delay, max(record.barred_until - event.now, 0.0))
        return self.earliest(record, event.now + delay)

    def told(self, record: Record, event: Failed, at: float) -> Emit:
        """Return the news of a failure."""
        retry_at = None if at == FOREVER else at
        details = {"error": event.error, "attempt": record.failures, "retry_at": retry_at}
        return Emit(events.RenewalFailed, details)

    # -- starting, waiting, giving up -----------------------------------------------------

    @property
    def renewable(self) -> bool:
        """Whether a refused token can be followed by another."""
        return self.abilities.repeatable or self.abilities.refreshable

    def barred(self, record: Record, now: float) -> bool:
        """Return whether these very credentials may not be sent: they were refused."""
        return record.refused is not None and now < record.barred_until

    def way(self, record: Record, held: Held | None, now: float, *, dead: bool) -> Exchange | None:
        """Return how to get a token from `now` on.

        Args:
            record: Where a refusal of the credentials is kept.
            held: The last token, if there is one.
            now: When.
            dead: Whether that one is known to be of no use any more.
        """
        barred = self.barred(record, now) and not self.abilities.rotates
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

    def login(
        self,
        record: Record,
        now: float,
        timeout: float,
        *,
        flight: Flight,
        dead: bool,
    ) -> Login:
        """Return the call that logs in; refused credentials are sent only once they changed."""
        trial = flight.trial
        refusal = record.refused if self.barred(record, now) and not trial else None
        return Login(record.number, timeout, trial, refusal, flight.want, dead)

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
        """Start an attempt now, with the token in hand `good`, or `spent`.

        `before`: for a login on trial.
        """
        want = record.want
        record = evolve(record, started_at=now, number=record.number + 1, want=Want.ANY)
        flight = Flight(record.number, by, now, before, trial=before is not None, want=want)
        timeout = self.allowance(now, good)
        offered = good or spent
        dead = good is None and spent is not None and spent.dead
        call: Effect = self.login(record, now, timeout, flight=flight, dead=dead)
        if by is Exchange.REFRESH and offered is not None:
            call = Refresh(record.number, timeout, offered.token, want)
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
        before = None
        if spent is not None and not spent.dead and at < spent.hard_at:
            # Refused, and not called dead by the API: the attempt begins by asking.
            way = self.way(record, spent, at, dead=False) or by
            before = Degraded(record, spent, at, way)
        return Starved(record, at, by, spent, before), (Withhold(), WakeAt(at))

    def run_out(self, state: Active | Renewing | Degraded, now: float) -> Step:
        """Stop sending a token that is past its hard limit."""
        record, held = state.record, state.held
        if isinstance(state, Renewing):
            after: State = Acquiring(record, state.flight, held)
            effects: tuple[Effect, ...] = (Withhold(), WakeAt(FOREVER))
        else:
            at = now if isinstance(state, Active) else state.next_at
            if not _put_off(record):
                at = min(at, now + LONGEST_PAUSE)
            by = self.way(record, held, now, dead=True)
            after, effects = self.seek(record, now, held, at=at, by=by)
        error = record.error
        if error is None or isinstance(after, Lost):
            return after, effects
        effects = (*effects, Emit(events.SessionLost, {"error": for_request(error)}))
        if _slow(record):
            effects = (*effects, Deny(error))
        return after, effects

    def lose(self, record: Record, now: float) -> Step:
        """Give up, until a bar ends, or the user or a rotated secret leads on."""
        expired = SessionExpiredError("the token has expired or was refused")
        error = for_request(record.refused or record.error or expired)
        at = record.barred_until if self.barred(record, now) else FOREVER
        if self.abilities.rotates:
            at = min(at, now + self.policy.permanent_interval)
        told = Emit(events.SessionLost, {"error": error})
        return Lost(record, error, at), (Withhold(), WakeAt(at), Deny(error), Conclude(error), told)


_HANDLERS: Final[dict[type[Input], Callable[..., Step]]] = {
    Opened: Machine.opened,
    OpenGivenUp: Machine.given_up,
    Woken: Machine.woken,
    Wanted: Machine.wanted,
    Rejected: Machine.rejected,
    Confirmed: Machine.confirmed,
    Unconfirmed: Machine.unconfirmed,
    RenewalAsked: Machine.asked,
    LoginAsked: Machine.asked,
    Granted: Machine.granted,
    Failed: Machine.failed,
    LogoutAsked: Machine.logout,
    CloseAsked: Machine.close,
}
