"""What requests see of a refresher: the token in hand, and whom they tell of a refusal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aiocloudauth import events
from aiocloudauth._core.lifecycle import for_request
from aiocloudauth._core.states import Emit, Opened, Rejected, Verdict, Wanted
from aiocloudauth._runtime.guard import running_loop
from aiocloudauth._runtime.waiters import again
from aiocloudauth._wire.schema import key_expiration
from aiocloudauth.errors import CloudAuthError, RenewalTimeoutError

if TYPE_CHECKING:
    from aiocloudauth._runtime.guard import Guard
    from aiocloudauth._runtime.observer import Observer
    from aiocloudauth._runtime.runner import Runner
    from aiocloudauth._runtime.subscribers import Subscribers
    from aiocloudauth._wire.endpoint import Endpoint
    from aiocloudauth.clock import Clock, Timeline
    from aiocloudauth.credentials import Credentials
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.token import Secret, SessionToken

__all__ = ["TokenSource"]


class TokenSource:
    """The token of one refresher, as requests take it."""

    __slots__ = (
        "_runner",
        "_subscribers",
        "_timeline",
        "_wall",
        "clock",
        "endpoint",
        "guard",
        "policy",
    )

    def __init__(
        self,
        runner: Runner,
        guard: Guard,
        subscribers: Subscribers,
        *,
        endpoint: Endpoint,
        policy: RenewalPolicy,
        clock: Clock,
        timeline: Timeline,
    ) -> None:
        """Look at what `runner` publishes."""
        self._runner = runner
        self._subscribers = subscribers
        self._timeline = timeline
        self._wall = clock.time
        self.clock = clock
        self.endpoint = endpoint
        self.guard = guard
        self.policy = policy

    @property
    def observer(self) -> Observer | None:
        """Who measures, if anybody does."""
        return self._runner.observer

    @observer.setter
    def observer(self, observer: Observer | None) -> None:
        self._runner.observer = observer

    @property
    def credentials(self) -> Credentials:
        """Those that the session logs in with."""
        return self._runner.credentials

    @property
    def renewals(self) -> int:
        """How many tokens have followed the first."""
        return max(self._runner.state.record.generation - 1, 0)

    @property
    def failures(self) -> int:
        """Failed attempts since the last success."""
        return self._runner.state.record.failures

    @property
    def current(self) -> SessionToken | None:
        """The token to send now, or `None` if there is none that may still be sent."""
        served = self._runner.served
        return served.token if self._wall() < served.until else None

    @property
    def renewable(self) -> bool:
        """Whether a refused token can be followed by another."""
        return self._runner.machine.renewable

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not stand in a message: the credentials' secrets and the last tokens."""
        return self._runner.secrets

    async def usable(self, *, began: float | None = None, until: float = math.inf) -> SessionToken:
        """Return a token that may be sent now; see `TokenRefresher.usable`.

        Args:
            began: When the request began, seconds of `Clock.monotonic`; `None` is now.
            until: When the caller must have an answer, on the same clock.
        """
        token = self.current
        if token is not None:
            return token
        self.guard.require_open()
        return await self.wait(Wanted, began=began, until=until)

    async def wait(
        self,
        reason: type[Wanted | Opened],
        *,
        began: float | None = None,
        until: float = math.inf,
    ) -> SessionToken:
        """Wait for a token: for `renewal_timeout`, from when the caller began or the token went.

        Whichever is later: so those who queued for a connection meanwhile are denied with
        those who had one, and not one queue after the other.
        """
        now = self.clock.monotonic()
        gone_at = now if self._runner.served.token is not None else self._runner.gone_at
        since = now if began is None else max(began, gone_at)
        end = min(since + self.policy.renewal_timeout, until)
        try:
            async with self.clock.timeout(end - now):
                return await self._runner.waiters.wait(
                    lambda: self._runner.feed(reason(self._timeline.now()))
                )
        except TimeoutError:  # no error that a caller is denied with is one
            pass
        finally:
            if reason is Wanted:
                self._waited(now)
        awaited = self._runner.awaited
        why = f": {awaited} has given nothing yet" if awaited else ""
        host, waited = self.endpoint.root.authority, max(end - since, 0.0)
        late = RenewalTimeoutError(f"{host}: no token within {waited:g} s{why}")
        error = self._runner.last_error or late
        raise for_request(again(error)) if reason is Wanted else late

    def may_replay(self, token: SessionToken, *, coded: bool) -> bool:
        """Return whether a request that was refused with `token` may be sent again.

        Raises:
            ConfigurationError: This is not the event loop of the session.
        """
        self.guard.require_own_loop()
        if self._runner.observer is not None:
            self._runner.observer.refused()
        return self._runner.verdict(self._rejection(token, coded=coded)) is not Verdict.FINAL

    async def refused(self, token: SessionToken, *, coded: bool, until: float = math.inf) -> None:
        """Tell of a refusal, and wait until the attempt that it calls for is over.

        For `RenewalPolicy.attempt_timeout` at most, and no longer than `until`.
        """
        rejection = self._rejection(token, coded=coded)
        if self._runner.verdict(rejection) is not Verdict.WAIT:
            self._runner.feed(rejection)
            return
        now = self.clock.monotonic()
        try:
            async with self.clock.timeout(min(self.policy.attempt_timeout, until - now)):
                await self._runner.outcomes.wait(lambda: self._runner.feed(rejection))
        except (CloudAuthError, TimeoutError):
            pass  # how the attempt ended is told by the token then held
        finally:
            self._waited(now)

    def reject(self, token: SessionToken, *, coded: bool = True) -> bool:
        """Tell of a refusal and do not wait; return whether another token may be had."""
        if self.guard.opened and not self.guard.closed:
            self.guard.require_own_loop()
            if coded and self._runner.observer is not None:  # else `may_replay` has told of it
                self._runner.observer.refused()
            self._runner.feed(self._rejection(token, coded=coded))
        return self.renewable

    def key_ends(self, token: SessionToken, said: str | None) -> None:
        """Take in when `token`, an API key, ends by the field of an answer to it.

        What is no date, or is about a key no longer in hand, changes nothing.
        """
        ends = key_expiration(said)
        if ends is not None and self.guard.loop is running_loop():
            self._runner.date(token, ends)

    def _waited(self, since: float) -> None:
        if self._runner.observer is not None:
            self._runner.observer.waited(self.clock.monotonic() - since)

    def _rejection(self, token: SessionToken, *, coded: bool) -> Rejected:
        now, draw = self._timeline.now(), self.clock.random()
        return Rejected(now, token.generation, coded, draw)

    def replayed(self, method: str, url: str) -> None:
        """Tell the subscribers that a request is sent again."""
        self._subscribers.tell(Emit(events.RequestReplayed, {"method": method, "url": url}))
        self._subscribers.settle()
