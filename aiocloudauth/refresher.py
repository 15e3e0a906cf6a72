"""The headless part: holds the token and runs its lifecycle."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from aiocloudauth import events
from aiocloudauth.attempt import Attempts
from aiocloudauth.clock import Clock, Timeline
from aiocloudauth.credentials import check
from aiocloudauth.endpoint import Endpoint
from aiocloudauth.errors import (
    CloudAuthError,
    ConfigurationError,
    RenewalTimeoutError,
    SessionClosedError,
    SessionExpiredError,
)
from aiocloudauth.exchange import AuthExchange
from aiocloudauth.failure import for_request
from aiocloudauth.gate import Gate
from aiocloudauth.guard import Guard
from aiocloudauth.key_expiry import KeyExpiry
from aiocloudauth.openable import Openable
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.readings import Readings
from aiocloudauth.runner import NOTHING, Runner
from aiocloudauth.schema import key_expiration
from aiocloudauth.situations import (
    CloseAsked,
    Emit,
    Input,
    LoginAsked,
    LogoutAsked,
    Opened,
    OpenGivenUp,
    Rejected,
    RenewalAsked,
    SessionState,
    Wanted,
)
from aiocloudauth.subscribers import Subscribers
from aiocloudauth.tls import tls
from aiocloudauth.token import SessionToken
from aiocloudauth.waiters import again

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import aiohttp
    from yarl import URL

    from aiocloudauth.credentials import Credentials
    from aiocloudauth.tls import TlsOption
    from aiocloudauth.token import Secret

__all__ = ["TokenRefresher"]

#: What ``_logout`` may take in `close`, seconds.
_LOGOUT_TIMEOUT: Final = 2.0

DEFAULT_POLICY: Final = RenewalPolicy()


class TokenRefresher(Openable):
    """Holds one token and keeps it fresh, for any client.

    One renewal is in flight at most, in a task of this object, on a connection of its
    own. Callers wait in futures of their own, so cancelling one touches no other. It
    belongs to the event loop that `open` runs in.

    Args:
        url: The ECE's URL; without a path the API root is ``/api/v1``.
        credentials: `Password`, `Bearer`, `ApiKey` or `Basic`.
        policy: When to renew and how to pace failures.
        on_event: Called with every record of `aiocloudauth.events`, in the loop.
        ssl: `True`, `False`, an `ssl.SSLContext`, an `aiohttp.Fingerprint` or the path of
            a CA file.
        timeout: An `aiohttp.ClientTimeout` for the authentication calls, besides the
            policy's bounds.
        allow_http: Whether to send credentials in clear text beyond loopback.
        logout_on_close: Whether `close` ends the server's session, if this object
            logged in.
        auth_connector: A connector for the authentication calls; `close` closes it.
        clock: Where time and randomness are read.
        proxy: As `aiohttp.ClientSession` takes it.
        proxy_auth: As `aiohttp.ClientSession` takes it.
        trust_env: As `aiohttp.ClientSession` takes it.

    Raises:
        ConfigurationError: A value cannot work.
    """

    def __init__(
        self,
        url: str | URL,
        credentials: Credentials,
        *,
        policy: RenewalPolicy = DEFAULT_POLICY,
        on_event: Callable[[events.Event], object] | None = None,
        ssl: TlsOption = True,
        timeout: aiohttp.ClientTimeout | None = None,
        allow_http: bool = False,
        logout_on_close: bool = True,
        auth_connector: aiohttp.BaseConnector | None = None,
        clock: Clock | None = None,
        proxy: str | URL | None = None,
        proxy_auth: aiohttp.BasicAuth | None = None,
        trust_env: bool = False,
    ) -> None:
        """Check the values; nothing is sent and no task is made before `open`."""
        self._endpoint = Endpoint(url, allow_http=allow_http)
        check(credentials, hosted=self._endpoint.hosted)
        if not isinstance(policy, RenewalPolicy):
            raise ConfigurationError(f"policy must be a RenewalPolicy, not {type(policy).__name__}")
        self._policy = policy
        clock = self._clock = clock or Clock()
        self._wall = clock.time
        timeline = self._timeline = Timeline(clock)
        self._subscribers = Subscribers(clock, timeline)
        if on_event is not None:
            self._subscribers.add(on_event)
        gate = self.gate = Gate(clock)
        self._exchange = AuthExchange(
            self._endpoint,
            clock=clock,
            timeline=timeline,
            max_body=policy.max_body,
            ssl=tls(ssl),
            connector=auth_connector,
            proxy=proxy,
            proxy_auth=proxy_auth,
            trust_env=trust_env,
            timeout=timeout,
            on_sent=gate.sent,
        )
        self._attempts = Attempts(credentials, self._exchange, clock, policy)
        self._runner = Runner(
            self._attempts, self._subscribers, gate, clock=clock, timeline=timeline, policy=policy
        )
        self.outage = self._runner.outage
        self._logout_on_close = logout_on_close
        self._guard = Guard()
        self.readings = Readings(clock, policy.attempt_timeout)
        self._key_expiry = KeyExpiry(clock, timeline, self._key_expiring)

    # -- what is held ---------------------------------------------------------------------

    @property
    def current(self) -> SessionToken | None:
        """The token to send now, or `None` if there is none that may still be sent."""
        served = self._runner.served
        return served.token if self._wall() < served.until else None

    @property
    def endpoint(self) -> Endpoint:
        """The API root."""
        return self._endpoint

    @property
    def policy(self) -> RenewalPolicy:
        """When to renew."""
        return self._policy

    @property
    def state(self) -> SessionState:
        """How the session stands."""
        if self._runner.served is not NOTHING and self.current is None:
            return SessionState.EXPIRED  # after a suspend, before the timer noticed
        return self._runner.situation.state

    @property
    def last_error(self) -> CloudAuthError | None:
        """The last failure of a renewal; `None` after a success."""
        return self._runner.situation.record.error

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not stand in a message: the credentials' secrets and the last tokens."""
        return (*self._attempts.credentials.secrets(), *self._runner.recent)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._guard.closed

    @property
    def renewable(self) -> bool:
        """Whether a refused token can be followed by another."""
        return self._runner.machine.renewable

    def require_open(self) -> None:
        """Check that this may be used here and now; raises as `Guard.require_open`."""
        self._guard.require_open()

    def require_closable(self) -> None:
        """Check that `close` may be called here; raises as `Guard.require_closable`."""
        self._guard.require_closable()

    async def usable(self, *, waited: float = 0.0) -> SessionToken:
        """Return a token that may be sent now, waiting for a renewal if there is none.

        Waits for at most `RenewalPolicy.renewal_timeout` seconds, of which the caller has
        `waited` some elsewhere. Cancelling the caller touches nothing else.

        Raises:
            SessionExpiredError: None could be had; ``__cause__`` says why.
            UnauthenticatedError: The credentials were refused.
            NoAuthenticationClusterError: This ECE has no authentication cluster.
            SessionClosedError: Before `open`, or after `close`.
        """
        token = self.current
        if token is not None:
            return token
        self.require_open()
        return await self._wait(Wanted, waited)

    def reject(self, token: SessionToken) -> bool:
        """Tell that the API refused `token`; a newer one is not harmed.

        Returns:
            Whether a newer token is held, or may be had from `usable`.

        Raises:
            ConfigurationError: `token` is no `SessionToken`.
        """
        if not isinstance(token, SessionToken):
            kind = type(token).__name__
            raise ConfigurationError(f"reject() takes the SessionToken that was sent, not {kind}")
        if self._guard.opened and not self._guard.closed:
            self._guard.require_own_loop()
            self._runner.feed(Rejected(self._timeline.now(), token.generation))
        return self._runner.machine.renewable

    def key_ends(self, token: SessionToken, said: str) -> None:
        """Take in when `token`, an API key that was sent, ends by the answer's header field.

        What is no date, or is of a key no longer in hand, changes nothing.
        """
        ends = key_expiration(said)
        guard = self._guard
        if ends is None or guard.closed or guard.loop is not asyncio.get_running_loop():
            return
        if self._runner.date(token, ends):
            self._key_expiry.set(ends)

    def _key_expiring(self, ends: datetime) -> None:
        token = self._runner.served.token
        if token is not None and token.session_expiration_time == ends:
            self.emit(events.KeyExpiring, session_expiration_time=ends)

    # -- open, close ----------------------------------------------------------------------

    async def open(self) -> Self:
        """Get the first token; nothing to do if that is done.

        Transient failures are retried for up to `RenewalPolicy.renewal_timeout` seconds.
        If this fails, all that it opened is closed again and it may be called again.

        Raises:
            CloudAuthError: The last attempt's own typed error.
            SessionClosedError: After `close`.
        """
        guard = self._guard
        guard.require_not_closed()
        guard.require_own_loop()
        async with guard.lock("open"):
            guard.require_not_closed()
            if guard.opened:
                return self
            self._exchange.start()
            guard.loop = asyncio.get_running_loop()
            try:
                await self._first()
            except BaseException:
                if not guard.closed:
                    self._runner.feed(OpenGivenUp(self._timeline.now()))
                    try:
                        await self._runner.settle()
                    finally:  # also if the caller is cancelled a second time
                        guard.loop = None
                        await self._exchange.stop()
                raise
            guard.opened = True
        return self

    async def _first(self) -> None:
        try:
            await self._wait(Opened)
        except SessionClosedError:
            raise
        except CloudAuthError as error:
            last = self.last_error
            if last is None or error is last:
                raise
            raise again(last) from last.__cause__

    async def close(self) -> None:
        """End the session: no task, timer or connection is left.

        Callers who wait get `SessionClosedError`. ``_logout`` gets 2 seconds at most and
        its failure is logged. A second call does nothing.
        """
        guard = self._guard
        guard.require_closable()
        async with guard.lock("close"):
            if guard.closed:
                return
            guard.closed = True
            token = self._runner.served.token
            orphaned = guard.orphaned
            if orphaned:
                self._runner.forget()
                self._key_expiry.forget()
            self._key_expiry.close()
            self._runner.feed(CloseAsked(self._timeline.now()))
            gone = SessionClosedError("the session was closed")
            self._runner.waiters.settle(gone)
            self._runner.outcomes.settle(gone)
            if orphaned:
                return  # with its loop went all that could be closed
            self.readings.close()
            try:
                await self._runner.settle()
                ours = self._logout_on_close and self._attempts.credentials.logs_in
                if token is not None and ours:
                    await self._attempts.log_out(token, _LOGOUT_TIMEOUT)
            finally:
                try:
                    await self._exchange.close()
                finally:  # also if the caller is cancelled in the middle of it
                    self._subscribers.tell(Emit(events.SessionClosed))

    def __repr__(self) -> str:
        return f"<TokenRefresher {self._endpoint.root} {self.state.value}>"

    # -- asked for by the user ------------------------------------------------------------

    async def refresh(self) -> None:
        """Renew now, or join the renewal under way; not before `min_interval` has passed.

        Raises:
            CloudAuthError: The attempt's own typed error. A token in hand stays.
            SessionExpiredError: Nothing is left to renew with.
        """
        self.require_open()
        await self._outcome(RenewalAsked(self._timeline.now()))

    async def login(self, credentials: Credentials | None = None) -> None:
        """Log in now, with `credentials` in place of the ones before if they work.

        A token in hand, and the credentials before, stay if they do not.

        Raises:
            CloudAuthError: The attempt's own typed error.
            ConfigurationError: `credentials` are none.
        """
        self.require_open()
        if credentials is None:
            await self._outcome(LoginAsked(self._timeline.now()))
            return
        check(credentials, hosted=self._endpoint.hosted)
        drops = self._runner.drops
        async with self._guard.lock("login"):
            self.require_open()
            await self._runner.turn()
            self.require_open()
            if self._runner.drops != drops:
                raise SessionExpiredError("logged out before this login could start")
            self._runner.trial = credentials
            try:
                await self._outcome(LoginAsked(self._timeline.now(), trial=True))
            finally:
                self._runner.trial = None

    async def logout(self) -> None:
        """End the session on the server and forget the token, whatever the server answers.

        A renewal under way is dropped and cannot bring the session back; `login` can.
        The server's failure is logged.
        """
        self.require_open()
        token = self._runner.served.token
        self._runner.feed(LogoutAsked(self._timeline.now()))
        await self._runner.settle()
        if token is not None and token.scheme == "Bearer":
            await self._attempts.log_out(token, self._policy.attempt_timeout)

    def subscribe(self, callback: Callable[[events.Event], object]) -> Callable[[], None]:
        """Call `callback` with every record of `aiocloudauth.events`, in the loop.

        One that raises is logged and stops nothing.

        Returns:
            A function that takes the subscription back.

        Raises:
            ConfigurationError: `callback` is no plain function.
        """
        return self._subscribers.add(callback)

    def emit(self, kind: type[events.Event], **details: Any) -> None:
        """Tell the subscribers of something that happened to a request."""
        self._subscribers.tell(Emit(kind, details))

    # -- waiting --------------------------------------------------------------------------

    async def _wait(self, reason: type[Wanted | Opened], waited: float = 0.0) -> SessionToken:
        limit = self._policy.renewal_timeout
        with suppress(TimeoutError):  # no error that a caller is denied with is one
            async with self._clock.timeout(limit - waited):
                return await self._runner.waiters.wait(
                    lambda: self._runner.feed(reason(self._timeline.now()))
                )
        late = RenewalTimeoutError(f"no token within {limit:g} s")
        raise for_request(again(self.last_error or late)) if reason is Wanted else late

    async def _outcome(self, reason: Input) -> None:
        """Wait for the end of the renewal that `reason` starts or joins."""
        await self._runner.outcomes.wait(lambda: self._runner.feed(reason))
