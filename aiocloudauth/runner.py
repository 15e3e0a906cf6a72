"""Carries out what the lifecycle decides: the only tasks, the timer, the publication."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from attrs import evolve

from aiocloudauth.alarm import Alarm
from aiocloudauth.errors import CloudAuthError, RenewalTimeoutError
from aiocloudauth.lifecycle import Machine
from aiocloudauth.outage import Outage
from aiocloudauth.situations import (
    FOREVER,
    Abandon,
    Abilities,
    Conclude,
    Deny,
    Effect,
    Emit,
    Failed,
    Granted,
    Held,
    Input,
    Login,
    New,
    Record,
    Refresh,
    Serve,
    Situation,
    WakeAt,
    Withhold,
    Woken,
)
from aiocloudauth.subscribers import log
from aiocloudauth.waiters import Waiters

if TYPE_CHECKING:
    from datetime import datetime

    from aiocloudauth.attempt import Attempts
    from aiocloudauth.clock import Clock, Timeline
    from aiocloudauth.credentials import Credentials
    from aiocloudauth.gate import Gate
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.subscribers import Subscribers
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
        "_gate",
        "_inputs",
        "_policy",
        "_subscribers",
        "_timeline",
        "_tried",
        "drops",
        "machine",
        "outage",
        "outcomes",
        "recent",
        "served",
        "situation",
        "trial",
        "waiters",
    )

    def __init__(
        self,
        attempts: Attempts,
        subscribers: Subscribers,
        gate: Gate,
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
        self._gate = gate
        self._alarm = Alarm(clock, timeline, lambda now: self.feed(Woken(now)))
        self._inputs: deque[Input] = deque()
        self._flight: asyncio.Task[None] | None = None
        self._flights: set[asyncio.Task[None]] = set()
        #: The decisions.
        self.machine = Machine(policy, abilities_of(attempts.credentials))
        #: Where they stand.
        self.situation: Situation = New(Record())
        #: What requests read.
        self.served = NOTHING
        #: Since when callers wait for it.
        self.outage = Outage(clock)
        #: How often all that was under way was dropped, by a logout or a close.
        self.drops = 0
        #: Callers who wait for a token.
        self.waiters: Waiters[SessionToken] = Waiters()
        #: Callers who asked for a renewal and wait for its end.
        self.outcomes: Waiters[None] = Waiters()
        #: The newest secrets, which late answers may still quote.
        self.recent: deque[Secret] = deque(maxlen=_RECENT)
        #: Credentials for the next login on trial.
        self.trial: Credentials | None = None
        self._tried: Credentials | None = None

    def feed(self, event: Input) -> None:
        """Run the machine; an input that comes up meanwhile waits its turn."""
        self._inputs.append(event)
        if len(self._inputs) > 1:
            return
        try:
            while self._inputs:
                self.situation, effects = self.machine.step(self.situation, self._inputs[0])
                # News last: subscribers and log handlers are strangers.
                for effect in sorted(effects, key=lambda effect: isinstance(effect, Emit)):
                    self._perform(effect)
                self._inputs.popleft()
        except BaseException:
            self._inputs.clear()
            raise

    async def turn(self) -> None:
        """Wait until a login on trial may start, or until all is dropped."""
        drops = self.drops
        while drops == self.drops:
            rest = self.machine.rest(self.situation, self._timeline.now())
            if rest == 0:
                return
            with suppress(CloudAuthError, TimeoutError):
                if rest is None:
                    await self.outcomes.wait(lambda: None)
                    continue
                async with self._clock.timeout(rest):
                    await self.outcomes.wait(lambda: None)

    def forget(self) -> None:
        """Drop what belongs to a loop that is gone: nobody there can be told or stopped."""
        self._flight = None
        self._flights.clear()
        self._alarm.forget()
        self.waiters.forget()
        self.outcomes.forget()

    async def settle(self) -> None:
        """Wait until no flight is left, the abandoned ones too.

        Not for ever: a callable of the user's may refuse to be cancelled.
        """
        with suppress(TimeoutError):
            async with self._clock.timeout(self._policy.attempt_timeout):
                while self._flights:
                    await asyncio.wait(self._flights)
        for flight in self._flights:
            log(logging.WARNING, "%s does not end, though it was cancelled", flight.get_name())

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Serve(held, adopt):
                self._publish(held, self._tried if adopt else None)
                self.waiters.settle(held.token)
            case Withhold():
                self.served = NOTHING
                self.outage.begin()
            case Login() | Refresh():
                self._launch(effect)
            case Abandon():
                self.drops += 1
                flight, self._flight = self._flight, None
                if flight is not None:
                    flight.cancel()
            case WakeAt(at):
                self._alarm.set(at)
            case Deny(error):
                self.waiters.settle(error)
                self.outage.end()  # nobody waits any more; a next attempt begins another one
            case Conclude(error):
                self.outcomes.settle(error)
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
        self.outage.end()

    def date(self, token: SessionToken, ends: datetime) -> bool:
        """Note when `token` ends, as an answer to it said; tell whether it is the one in hand."""
        served = self.served
        if served.token is None or served.token.generation != token.generation:
            return False
        if served.token.session_expiration_time != ends:
            dated = evolve(served.token, session_expiration_time=ends)
            self.served = Served(dated, served.until)
        return True

    def _launch(self, effect: Login | Refresh) -> None:
        trial = self.trial if isinstance(effect, Login) and effect.trial else None
        if self.served is NOTHING:
            self._gate.hold()  # before the flight: a loop may run its first steps at once
        flight = asyncio.get_running_loop().create_task(
            self._fly(effect, trial), name=f"aiocloudauth renewal {effect.number}"
        )
        self._flight = flight
        self._flights.add(flight)
        flight.add_done_callback(self._landed)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        if not self._flights:  # the next one may be under way, and not sent
            self._gate.release()

    async def _fly(self, effect: Login | Refresh, trial: Credentials | None) -> None:
        this = asyncio.current_task()
        try:
            grant = await self._attempts.make(effect, trial, self.situation.record.refused)
        except asyncio.CancelledError:
            if self._flight is this:  # by a stranger: those who wait must still be told
                self._fail(effect, RenewalTimeoutError("the renewal's task was cancelled"))
            raise
        except CloudAuthError as error:
            self._fail(effect, error)
        except BaseException as error:  # renewal must survive any fault, and report it
            unforeseen = CloudAuthError(f"a renewal failed: {type(error).__name__}")
            self._fail(effect, unforeseen.because(error))
            log(logging.ERROR, "a renewal failed in an unforeseen way", exc_info=error)
            if not isinstance(error, Exception):
                raise  # KeyboardInterrupt and its like go on, once those who wait are told
        else:
            self._tried = trial
            abilities = None if trial is None else abilities_of(trial)
            draw = self._clock.random()
            self.feed(Granted(self._timeline.now(), effect.number, grant, draw, abilities))

    def _fail(self, effect: Login | Refresh, error: CloudAuthError) -> None:
        draw = self._clock.random()
        self.feed(Failed(self._timeline.now(), effect.number, error, draw))
