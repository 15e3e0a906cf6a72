"""The headless part: holds the token and runs its lifecycle."""

from __future__ import annotations

import asyncio
import logging
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Self

from aiocloudauth import events
from aiocloudauth._core.states import (
    FOREVER,
    CloseAsked,
    Emit,
    LoginAsked,
    LogoutAsked,
    Opened,
    OpenGivenUp,
    RenewalAsked,
)
from aiocloudauth._http import compat
from aiocloudauth._http.exchange import AuthExchange
from aiocloudauth._http.options import client_timeout, header_limits, shared_headers, tls
from aiocloudauth._runtime.attempt import Attempts
from aiocloudauth._runtime.guard import Guard, Openable, end_alone
from aiocloudauth._runtime.runner import NOTHING, Runner
from aiocloudauth._runtime.subscribers import Subscribers
from aiocloudauth._runtime.token_source import TokenSource
from aiocloudauth._runtime.waiters import Waiters, again
from aiocloudauth._wire.endpoint import Endpoint
from aiocloudauth.clock import Clock, Timeline
from aiocloudauth.credentials import check
from aiocloudauth.errors import (
    CloudAuthError,
    ConfigurationError,
    SessionClosedError,
    SessionExpiredError,
)
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import SessionState, SessionToken

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    import aiohttp
    from yarl import URL

    from aiocloudauth._http.options import Fields, TlsOption
    from aiocloudauth._runtime.sharing import Sharing
    from aiocloudauth.credentials import Credentials
    from aiocloudauth.stores import TokenStore

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
        timeout: For the authentication calls, besides the policy's bounds: an
            `aiohttp.ClientTimeout`, seconds or a `timedelta`.
        allow_http: Whether to send credentials in clear text beyond loopback.
        logout_on_close: Whether `close` ends the server's session, if the credentials log
            in; `None`: unless a store shares it.
        auth_connector: A connector for the authentication calls; `close` closes it.
        store: Where a fleet shares one session, one of `aiocloudauth.stores`. It stays the
            caller's.
        clock: Where time and randomness are read.
        proxy: As `aiohttp.ClientSession` takes it.
        proxy_auth: As `aiohttp.ClientSession` takes it.
        trust_env: As `aiohttp.ClientSession` takes it.
        headers: Fields for every authentication call, such as a gateway's key; those of
            credentials, cookies and bodies are left out.
        max_field_size: As `aiohttp.ClientSession` takes it.
        max_headers: As `aiohttp.ClientSession` takes it.

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
        timeout: aiohttp.ClientTimeout | float | timedelta | None = None,
        allow_http: bool = False,
        logout_on_close: bool | None = None,
        auth_connector: aiohttp.BaseConnector | None = None,
        store: TokenStore | None = None,
        clock: Clock | None = None,
        proxy: str | URL | None = None,
        proxy_auth: aiohttp.BasicAuth | None = None,
        trust_env: bool = False,
        headers: Fields | None = None,
        max_field_size: int | None = None,
        max_headers: int | None = None,
    ) -> None:
        """Check the values; nothing is sent and no task is made before `open`."""
        self._endpoint = Endpoint(url, allow_http=allow_http)
        check(credentials, hosted=self._endpoint.hosted)
        _require("policy", policy, RenewalPolicy)
        _require("allow_http", allow_http, bool)  # "no", from the environment, is no "no"
        _require("trust_env", trust_env, bool)
        _require("logout_on_close", logout_on_close, bool, NoneType)
        _require("clock", clock, Clock, NoneType)
        self._policy = policy
        clock = self._clock = clock or Clock()
        timeline = self._timeline = Timeline(clock)
        host = self._endpoint.root.authority
        self._subscribers = Subscribers(clock, timeline, host=host)
        if on_event is not None:
            self._subscribers.add(on_event)
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
            timeout=client_timeout(timeout),
            headers=shared_headers(headers),
            limits=header_limits(max_field_size=max_field_size, max_headers=max_headers),
        )
        self._shares = store is not None
        self._attempts = Attempts(
            credentials,
            self._exchange,
            clock=clock,
            policy=policy,
            host=host,
            sharing=None if store is None else self._sharing(store, credentials),
        )
        self._runner = Runner(
            self._attempts, self._subscribers, clock=clock, timeline=timeline, policy=policy
        )
        self._logout_on_close = not self._shares if logout_on_close is None else logout_on_close
        self._guard = Guard()
        self._source = TokenSource(
            self._runner,
            self._guard,
            self._subscribers,
            endpoint=self._endpoint,
            policy=policy,
            clock=clock,
            timeline=timeline,
        )

    def _sharing(self, store: TokenStore, credentials: Credentials) -> Sharing:
        # Here, so that who has no store imports nothing for one.
        from aiocloudauth._runtime.sharing import Sharing
        from aiocloudauth.stores import TokenStore

        if not isinstance(store, TokenStore):
            msg = f"store must be one of aiocloudauth.stores, not {type(store).__name__}"
            raise ConfigurationError(msg)
        _require_shareable(credentials)
        return Sharing(
            store,
            root=str(self._endpoint.root),
            clock=self._clock,
            timeline=self._timeline,
            policy=self._policy,
            subscribers=self._subscribers,
        )

    # -- what is held ---------------------------------------------------------------------

    @property
    def current(self) -> SessionToken | None:
        """The token to send now, or `None` if there is none that may still be sent."""
        return self._source.current

    @property
    def state(self) -> SessionState:
        """How the session stands."""
        if self._runner.served is not NOTHING and self.current is None:
            return SessionState.EXPIRED  # after a suspend, before the timer noticed
        return self._runner.state.shown

    @property
    def retry_at(self) -> datetime | None:
        """When the next attempt is due by itself, or when the one under way began, aware UTC.

        `None` if none is due: logged out, closed, or nothing is left to try.
        """
        at = self._runner.machine.next_attempt(self._runner.state)
        return None if at == FOREVER else self._timeline.wall(at)

    @property
    def last_error(self) -> CloudAuthError | None:
        """The last failure of a renewal; `None` after a success."""
        return self._runner.last_error

    async def usable(self) -> SessionToken:
        """Return a token that may be sent now, waiting for a renewal if there is none.

        Waits for at most `RenewalPolicy.renewal_timeout` seconds. Cancelling the caller
        touches nothing else.

        Raises:
            SessionExpiredError: None could be had; ``__cause__`` says why.
            UnauthenticatedError: The credentials were refused.
            NoAuthenticationClusterError: This ECE has no authentication cluster.
            SessionClosedError: Before `open`, or after `close`.
        """
        return await self._source.usable()

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
        return self._source.reject(token)

    def client_options(self) -> dict[str, Any]:
        """Return what makes a client session send this token.

        ``aiohttp.ClientSession(**refresher.client_options())`` has a `BearerMiddleware` of
        this refresher among its ``middlewares``, and `BearerRequest` as ``request_class``.
        """
        # Built upon this module; here lest every user has to put the two together.
        from aiocloudauth.middleware import BearerMiddleware, BearerRequest

        return {"middlewares": (BearerMiddleware(self),), "request_class": BearerRequest}

    # -- open, close ----------------------------------------------------------------------

    async def open(self, *, wait: bool = True) -> Self:
        """Get the first token; nothing to do if that is done.

        Transient failures are retried for up to `RenewalPolicy.renewal_timeout` seconds; what
        no retry mends (``retryable`` is false) fails at once. If this fails, all that it
        opened is closed again and it may be called again.

        Args:
            wait: Whether to wait for the token. Without it this returns at once and does not
                fail; requests then wait for the first token as they do in an outage.

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
            for missing in compat.MISSING:
                self._subscribers.log_records.log(
                    logging.DEBUG, "this aiohttp lacks what %s", missing
                )
            self._exchange.start()
            guard.loop = asyncio.get_running_loop()
            if not wait:
                guard.opened = True
                self._runner.feed(Opened(self._timeline.now()))
                return self
            try:
                with self._subscribers.opening():
                    await self._first()
            except BaseException:
                if not guard.closed:
                    self._runner.feed(OpenGivenUp(self._timeline.now()))
                    try:
                        await self._runner.settle()
                        await self._attempts.leave(logged_out=False)
                    finally:  # also if the caller is cancelled a second time
                        guard.loop = None
                        await self._exchange.stop()
                raise
            guard.opened = True
        return self

    async def _first(self) -> None:
        try:
            await self._source.wait(Opened)
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
            token = self._runner.left_over
            orphaned = guard.orphaned
            guard.end()
            if orphaned:
                self._runner.forget()
            self._runner.feed(CloseAsked(self._timeline.now()))
            gone = SessionClosedError("the session was closed")
            self._runner.waiters.settle(gone)
            self._runner.outcomes.settle(gone)
            self._runner.trials.settle(gone)
            if orphaned:
                await self._exchange.close()  # with its loop went all else that could be
                return
            try:
                await self._runner.settle()
                ours = self._logout_on_close and self._attempts.credentials.logs_in
                await self._attempts.leave(logged_out=ours)
                if token is not None and ours:
                    await self._attempts.log_out(token, _LOGOUT_TIMEOUT)
            finally:
                try:
                    await self._exchange.close()
                finally:  # also if the caller is cancelled in the middle of it
                    self._subscribers.tell(Emit(events.SessionClosed))
                    self._subscribers.settle()

    def _abandon(self) -> None:
        self._runner.feed(CloseAsked(self._timeline.now()))
        end_alone(self._exchange.close())

    def __repr__(self) -> str:
        return f"<TokenRefresher {self._endpoint.root} {self.state.value}>"

    # -- asked for by the user ------------------------------------------------------------

    async def refresh(self) -> None:
        """Renew now, or join the renewal under way; not before `min_interval` has passed.

        Raises:
            CloudAuthError: The attempt's own typed error. A token in hand stays.
            SessionExpiredError: Nothing is left to renew with.
        """
        self._guard.require_open()
        asked = RenewalAsked(self._timeline.now())
        await self._runner.outcomes.wait(lambda: self._runner.feed(asked))

    async def login(self, credentials: Credentials | None = None) -> None:
        """Log in, with `credentials` in place of the ones before if they work.

        Waits for a renewal under way, and until `min_interval` has passed; who calls this
        meanwhile shares the login. Credentials that were refused are not sent again before
        `RenewalPolicy.refused_interval` has passed. A token in hand, and the credentials
        before, stay if it fails: other credentials concern nobody but this caller until they
        work.

        Raises:
            CloudAuthError: The attempt's own typed error.
            ConfigurationError: `credentials` are none.
        """
        self._guard.require_open()
        if credentials is None:
            await self._log_in(self._runner.outcomes)
            return
        check(credentials, hosted=self._endpoint.hosted)
        if self._shares:
            _require_shareable(credentials)
        async with self._guard.lock("login"):
            try:
                await self._log_in(self._runner.trials, credentials)
            finally:
                self._runner.trial = None

    async def _log_in(self, waiters: Waiters[None], trial: Credentials | None = None) -> None:
        self._guard.require_open()
        runner, drops = self._runner, self._runner.drops
        await runner.rested(trial=trial is not None)
        self._guard.require_open()
        if runner.drops != drops:
            raise SessionExpiredError("logged out before this login could start")
        runner.trial = trial
        asked = LoginAsked(self._timeline.now(), trial is not None)
        await waiters.wait(lambda: runner.feed(asked))

    async def logout(self) -> None:
        """End the session on the server and forget the token, whatever the server answers.

        A renewal under way is dropped and cannot bring the session back; `login` can.
        The server's failure is logged.
        """
        self._guard.require_open()
        token = self._runner.left_over
        self._runner.feed(LogoutAsked(self._timeline.now()))
        await self._runner.settle()
        await self._attempts.leave(logged_out=True)
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


def _require(name: str, value: object, *kinds: type) -> None:
    if not isinstance(value, kinds):
        wanted, kind = kinds[0].__name__, type(value).__name__
        raise ConfigurationError(f"{name} must be a {wanted}, not {kind}")


def _require_shareable(credentials: Credentials) -> None:
    if not credentials.logs_in:
        kind = type(credentials).__name__
        msg = f"a store is for credentials that log in, Password or Basic, not {kind}"
        raise ConfigurationError(msg)
