"""Carries out what the lifecycle decides: the only tasks, the timer, the publication."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Final

from attrs import evolve

from aiocloudauth import events
from aiocloudauth._core.lifecycle import Machine, left_over
from aiocloudauth._core.schedule import clock_offset
from aiocloudauth._core.states import (
    FOREVER,
    Abandon,
    Abilities,
    Ask,
    Conclude,
    Confirmed,
    Deny,
    Effect,
    Emit,
    Failed,
    Grant,
    Granted,
    Held,
    Input,
    Login,
    New,
    Record,
    Refresh,
    Rejected,
    Serve,
    State,
    Unconfirmed,
    Verdict,
    WakeAt,
    Withhold,
    Woken,
)
from aiocloudauth._runtime.api_key_expiry import KeyExpiry
from aiocloudauth._runtime.timer import Timer
from aiocloudauth._runtime.waiters import Waiters
from aiocloudauth.errors import CloudAuthError, RenewalTimeoutError

if TYPE_CHECKING:
    from datetime import datetime

    from aiocloudauth._runtime.attempt import Attempts
    from aiocloudauth._runtime.observer import Observer
    from aiocloudauth._runtime.subscribers import Subscribers
    from aiocloudauth.clock import Clock, Timeline
    from aiocloudauth.credentials import Credentials
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.token import Secret, SessionToken

__all__ = ["Runner"]


#: Tokens that are remembered, to take them out of messages.
_RECENT: Final = 8


class Served:
    """What requests read: a token and until when, on the wall clock, in one object."""

    __slots__ = ("token", "until")

    def __init__(self, token: SessionToken | None, until: float) -> None:
        """Pair them; they are never changed."""
        self.token = token
        self.until = until


NOTHING: Final = Served(None, -FOREVER)

#: What attempts are called where they are measured, unless they got a token another way.
_KINDS: Final = {Ask: "question", Login: "login", Refresh: "refresh"}
_UNANSWERED: Final = CloudAuthError("GET /users/auth did not say whether the token is good")


def abilities_of(credentials: Credentials) -> Abilities:
    """Return what these credentials allow."""
    return Abilities(
        repeatable=credentials.repeatable,
        refreshable=credentials.can_refresh,
        rotates=credentials.rotates,
    )


class Runner:
    """Feeds the lifecycle and performs its effects, one input at a time.

    A renewal is a task of this object: it publishes the new token, one assignment, before
    it wakes anybody, and no caller's cancellation reaches it.
    """

    __slots__ = (
        "_alarm",
        "_attempts",
        "_clock",
        "_flight",
        "_flights",
        "_inputs",
        "_key_expiry",
        "_policy",
        "_subscribers",
        "_timeline",
        "_tried",
        "drops",
        "ends",
        "gone_at",
        "machine",
        "observer",
        "outcomes",
        "recent",
        "served",
        "state",
        "trial",
        "trials",
        "waiters",
    )

    def __init__(
        self,
        attempts: Attempts,
        subscribers: Subscribers,
        *,
        clock: Clock,
        timeline: Timeline,
        policy: RenewalPolicy,
    ) -> None:
        """Start with nothing held and nothing under way."""
        self._attempts = attempts
        self._subscribers = subscribers
        self._clock = clock
        self._timeline = timeline
        self._policy = policy
        self._alarm = Timer(clock, timeline, lambda now: self.feed(Woken(now)))
        self._key_expiry = KeyExpiry(clock, timeline, self._key_expiring)
        self._inputs: deque[Input] = deque()
        self._flight: asyncio.Task[None] | None = None
        self._flights: set[asyncio.Task[None]] = set()
        #: The decisions.
        self.machine = Machine(policy, abilities_of(attempts.credentials))
        #: Where they stand.
        self.state: State = New(Record())
        #: What requests read.
        self.served = NOTHING
        #: When the last token went, seconds of `Clock.monotonic`.
        self.gone_at = clock.monotonic()
        #: How often all that was under way was dropped, by a logout or a close.
        self.drops = 0
        #: Callers who wait for a token.
        self.waiters: Waiters[SessionToken] = Waiters()
        subscribers.waiters = self.waiters
        #: Callers who wait for the outcome of an attempt.
        self.outcomes: Waiters[None] = Waiters()
        #: Callers who wait until no attempt is under way.
        self.ends: Waiters[None] = Waiters()
        #: The one who waits for the end of a login on trial.
        self.trials: Waiters[None] = Waiters()
        #: The newest secrets, which late answers may still quote.
        self.recent: deque[Secret] = deque(maxlen=_RECENT)
        #: Credentials for the next login on trial.
        self.trial: Credentials | None = None
        self._tried: Credentials | None = None
        #: Who measures, if anybody does.
        self.observer: Observer | None = None

    @property
    def last_error(self) -> CloudAuthError | None:
        """The last failure of a renewal; `None` after a success."""
        return self.state.record.error

    @property
    def credentials(self) -> Credentials:
        """Those that the session logs in with."""
        return self._attempts.credentials

    @property
    def left_over(self) -> SessionToken | None:
        """The token whose session a logout has to end on the server, in use or withheld."""
        return left_over(self.state, self._timeline.now())

    @property
    def awaited(self) -> str:
        """Whom the attempt under way waits for that is none of the API's, if for anybody."""
        return self._attempts.awaited

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The credentials' secrets and the last tokens."""
        return (*self._attempts.credentials.secrets(), *self.recent)

    def verdict(self, event: Rejected) -> Verdict:
        """Say what becomes of a request whose token was refused."""
        return self.machine.verdict(self.state, event)

    def feed(self, event: Input) -> None:
        """Run the machine; an input that comes up meanwhile waits its turn."""
        self._inputs.append(event)
        if len(self._inputs) > 1:
            return
        try:
            while self._inputs:
                self.state, effects = self.machine.step(self.state, self._inputs[0])
                for effect in effects:
                    self._perform(effect)
                self._subscribers.settle()
                self._inputs.popleft()
        except BaseException:
            self._inputs.clear()
            raise

    async def rested(self, *, trial: bool) -> None:
        """Wait until a login may start or be joined, or until all is dropped."""
        drops, since = self.drops, self._timeline.now()
        while drops == self.drops:
            now = self._timeline.now()
            rest = self.machine.rest(self.state, now, FOREVER if trial else since)
            if rest == 0:
                return
            with suppress(TimeoutError):
                if rest is None:
                    # Of whatever kind the attempt is, it ends.
                    await self.ends.wait(lambda: None)
                    continue
                async with self._clock.timeout(rest):
                    await self.ends.wait(lambda: None)

    def forget(self) -> None:
        """Drop what belongs to a loop that is gone: nobody there can be told or stopped."""
        self._flight = None
        self._flights.clear()
        self._alarm.forget()
        self.waiters.forget()
        self.outcomes.forget()
        self.trials.forget()
        self.ends.forget()

    async def settle(self) -> None:
        """Wait until no flight is left, the abandoned ones too.

        Not for ever: a callable of the user's may refuse to be cancelled.
        """
        with suppress(TimeoutError):
            async with self._clock.timeout(self._policy.attempt_timeout):
                while self._flights:
                    await asyncio.wait(self._flights)
        for flight in self._flights:
            name, message = flight.get_name(), "%s does not end, though it was cancelled"
            self._subscribers.log_records.log(logging.WARNING, message, name)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Serve(held, adopt):
                self._publish(held, self._tried if adopt else None)
                self.waiters.settle(held.token)
            case Withhold():
                if self.served is not NOTHING:
                    self.served, self.gone_at = NOTHING, self._clock.monotonic()
                    self._key_expiry.stop()
            case Ask() | Login() | Refresh():
                self._launch(effect)
            case Abandon():
                self.drops += 1
                self.ends.settle(None)
                flight, self._flight = self._flight, None
                if flight is not None:
                    flight.cancel()
            case WakeAt(at):
                self._alarm.set(at)
            case Deny(error):
                self.waiters.settle(error)
            case Conclude(error, trial):
                (self.trials if trial else self.outcomes).settle(error)
            case _:
                self._subscribers.tell(effect)

    def _publish(self, held: Held, adopted: Credentials | None) -> None:
        if adopted is not None:
            self._attempts.credentials = adopted
            self.machine = Machine(self._policy, abilities_of(adopted))
        if not self.recent or self.recent[-1] is not held.token.token:
            self.recent.append(held.token.token)
        left = held.hard_at - self._timeline.now()
        self.served = Served(held.token, self._clock.time() + left)

    def date(self, token: SessionToken, ends: datetime) -> None:
        """Note when `token` ends, as an answer to it said, if it is the one in hand."""
        served = self.served
        if served.token is None or served.token.generation != token.generation:
            return
        if served.token.session_expiration_time != ends:
            dated = evolve(served.token, session_expiration_time=ends)
            self.served = Served(dated, served.until)
        self._key_expiry.set(ends)

    def _key_expiring(self, ends: datetime) -> None:
        token = self.served.token
        if token is not None and token.session_expiration_time == ends:
            self._subscribers.tell(Emit(events.KeyExpiring, {"session_expiration_time": ends}))
            self._subscribers.settle()

    def _launch(self, effect: Ask | Login | Refresh) -> None:
        trial = self.trial if isinstance(effect, Login) and effect.trial else None
        if not isinstance(effect, Ask):
            name = "login" if isinstance(effect, Login) else "renewal"
            self._subscribers.log_records.attempting = name
        # In an empty context: not in that of the request that set it off.
        flight = Context().run(
            asyncio.get_running_loop().create_task,
            self._fly(effect, trial),
            name=f"aiocloudauth attempt {effect.number}",
        )
        self._flight = flight
        self._flights.add(flight)
        flight.add_done_callback(self._landed)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        self.ends.settle(None)

    async def _fly(self, effect: Ask | Login | Refresh, trial: Credentials | None) -> None:
        this, number = asyncio.current_task(), effect.number
        began = self._clock.monotonic()
        try:
            answer: Grant | bool | None
            if isinstance(effect, Ask):
                answer = await self._attempts.ask(effect)
            else:
                answer = await self._attempts.make(effect, trial)
        except asyncio.CancelledError:
            if self._flight is this:  # by a stranger: those who wait must still be told
                self._fail(number, RenewalTimeoutError("the renewal's task was cancelled"))
            raise
        except CloudAuthError as error:
            self._fail(number, error)
            self._observe(effect, began, error=error)
        except BaseException as error:  # renewal must survive any fault, and report it
            unforeseen = CloudAuthError(f"a renewal failed: {type(error).__name__}")
            unforeseen.retryable = True  # who knows
            self._fail(number, unforeseen.because(error))
            self._observe(effect, began, error=unforeseen)
            message = "a renewal failed in an unforeseen way"
            self._subscribers.log_records.log(logging.ERROR, message, exc_info=error)
            if not isinstance(error, Exception):
                raise  # KeyboardInterrupt and its like go on, once those who wait are told
        else:
            now = self._timeline.now()
            if isinstance(answer, Grant):
                self._tried = trial
                abilities = None if trial is None else abilities_of(trial)
                self.feed(Granted(now, number, answer, self._clock.random(), abilities))
                self._observe(effect, began, grant=answer)
                return
            if answer:
                self.feed(Confirmed(now, number))
            else:
                self.feed(Unconfirmed(now, number, dead=answer is False))
            self._observe(effect, began, error=_UNANSWERED if answer is None else None)

    def _observe(
        self,
        effect: Ask | Login | Refresh,
        began: float,
        *,
        error: CloudAuthError | None = None,
        grant: Grant | None = None,
    ) -> None:
        if self.observer is not None:
            took = self._clock.monotonic() - began
            kind, offset = _KINDS[type(effect)], None
            if grant is not None:
                kind = kind if grant.by is None else grant.by.value
                offset = clock_offset(grant)
            self.observer.attempted(kind, took, error, offset)

    def _fail(self, number: int, error: CloudAuthError) -> None:
        now, draw = self._timeline.now(), self._clock.random()
        self.feed(Failed(now, number, error, draw, self._attempts.rest))
