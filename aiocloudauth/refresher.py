"""The headless part: holds the token, runs its lifecycle, owns the only tasks."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from attrs import evolve

from aiocloudauth import events
from aiocloudauth.clock import Clock, Timeline
from aiocloudauth.credentials import Credentials, Password
from aiocloudauth.endpoint import Endpoint
from aiocloudauth.errors import (
    CloudAuthError,
    ConfigurationError,
    RenewalTimeoutError,
    SessionClosedError,
)
from aiocloudauth.exchange import AuthExchange, tls
from aiocloudauth.lifecycle import Machine, for_request, refused
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.schedule import lifetime
from aiocloudauth.schema import jwt_expiry
from aiocloudauth.situations import (
    FOREVER,
    Abandon,
    Abilities,
    CloseAsked,
    Conclude,
    Deny,
    Effect,
    Emit,
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
    SessionState,
    Situation,
    WakeAt,
    Wanted,
    Withhold,
    Woken,
)
from aiocloudauth.token import SessionToken

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from yarl import URL

    from aiocloudauth.clock import TimerHandle

__all__ = ["TokenRefresher"]

logger = logging.getLogger("aiocloudauth")

#: Longest sleep, seconds: a timer stands still while a laptop is suspended, so the wall
#: clock is looked at this often.
_SLICE: Final = 30.0
#: What ``_logout`` may take in `close`, seconds.
_LOGOUT_TIMEOUT: Final = 2.0

DEFAULT_POLICY: Final = RenewalPolicy()


class _Served:
    """What requests read: a token and until when, on the wall clock, in one object."""

    __slots__ = ("token", "until")

    def __init__(self, token: SessionToken | None, until: float) -> None:
        self.token = token
        self.until = until


_NOTHING: Final = _Served(None, -FOREVER)


def _abilities(credentials: Credentials) -> Abilities:
    return Abilities(
        repeatable=credentials.repeatable,
        refreshable=credentials.can_refresh,
        rotates=credentials.rotates,
    )


def _again(error: CloudAuthError) -> CloudAuthError:
    """Return a copy to raise: each caller's traceback is its own."""
    return copy.copy(error).because(error.__cause__)


class TokenRefresher:
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
        ssl: Any = True,
        timeout: Any = None,
        allow_http: bool = False,
        logout_on_close: bool = True,
        auth_connector: Any = None,
        clock: Clock | None = None,
        proxy: str | URL | None = None,
        proxy_auth: Any = None,
        trust_env: bool = False,
    ) -> None:
        """Check the values; nothing is sent and no task is made before `open`."""
        self._endpoint = Endpoint(url, allow_http=allow_http)
        self._credentials = self._checked(credentials)
        if not isinstance(policy, RenewalPolicy):
            msg = f"policy must be a RenewalPolicy, not {type(policy).__name__}"
            raise ConfigurationError(msg)
        self._policy = policy
        self._clock = clock or Clock()
        self._timeline = Timeline(self._clock)
        self._wall = self._clock.time
        self._exchange = AuthExchange(
            self._endpoint,
            clock=self._clock,
            timeline=self._timeline,
            max_body=policy.max_body,
            ssl=tls(ssl),
            connector=auth_connector,
            proxy=proxy,
            proxy_auth=proxy_auth,
            trust_env=trust_env,
            timeout=timeout,
        )
        self._logout_on_close = logout_on_close
        self._machine = Machine(policy, _abilities(self._credentials))
        self._situation: Situation = New(Record())
        self._served = _NOTHING
        self._trial: Credentials | None = None
        self._refused_with: Credentials | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opened = False
        self._closed = False
        self._opening = asyncio.Lock()
        self._closing = asyncio.Lock()
        self._trying = asyncio.Lock()
        self._waiters: set[asyncio.Future[SessionToken | CloudAuthError]] = set()
        self._outcomes: set[asyncio.Future[CloudAuthError | None]] = set()
        self._flights: set[asyncio.Task[None]] = set()
        self._flight: asyncio.Task[None] | None = None
        self._timer: TimerHandle | None = None
        self._wake_at = FOREVER
        self._inputs: deque[Input] = deque()
        self._subscribers: tuple[Callable[[events.Event], object], ...] = ()
        if on_event is not None:
            self.subscribe(on_event)

    def _checked(self, credentials: Credentials) -> Credentials:
        if not isinstance(credentials, Credentials):
            msg = (
                "credentials must be Password, Bearer, ApiKey or Basic, "
                f"not {type(credentials).__name__}"
            )
            raise ConfigurationError(msg)
        host = self._endpoint.host
        hosted = host == "elastic-cloud.com" or host.endswith(".elastic-cloud.com")
        if hosted and isinstance(credentials, Password):
            msg = "Elastic Cloud's hosted API has no login with a password: use ApiKey(...)"
            raise ConfigurationError(msg)
        return credentials

    # -- what is held ---------------------------------------------------------------------

    @property
    def current(self) -> SessionToken | None:
        """The token to send now, or `None` if there is none that may still be sent."""
        served = self._served
        return served.token if self._wall() < served.until else None

    @property
    def endpoint(self) -> Endpoint:
        """The API root."""
        return self._endpoint

    @property
    def policy(self) -> RenewalPolicy:
        """The policy."""
        return self._policy

    @property
    def clock(self) -> Clock:
        """Where time and randomness are read."""
        return self._clock

    @property
    def state(self) -> SessionState:
        """How the session stands."""
        if self._served is not _NOTHING and self.current is None:
            return SessionState.EXPIRED  # after a suspend, before the timer noticed
        return self._situation.state

    @property
    def last_error(self) -> CloudAuthError | None:
        """The last failure of a renewal; `None` after a success."""
        return self._situation.record.error

    @property
    def secrets(self) -> tuple[Any, ...]:
        """What must not stand in a message: the credentials' secrets and the token's."""
        token = self._served.token
        return (*self._credentials.secrets(), *(() if token is None else (token.token,)))

    @property
    def renewable(self) -> bool:
        """Whether a refused token can be followed by another."""
        return self._machine.renewable

    def require_open(self) -> None:
        """Check that this may be used here and now.

        Raises:
            SessionClosedError: Before `open`, or after `close`.
            ConfigurationError: This is not the event loop, or the process, of `open`.
        """
        if self._closed:
            msg = "the session is closed"
            raise SessionClosedError(msg)
        if not self._opened:
            msg = "the session is not open: use 'async with', or await open() first"
            raise SessionClosedError(msg)
        self._require_own_loop()

    def _require_own_loop(self) -> None:
        if self._loop is not None and asyncio.get_running_loop() is not self._loop:
            msg = (
                "the session was opened in another event loop (or before a fork); "
                "open one session per loop and process"
            )
            raise ConfigurationError(msg)

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
        token = self.current
        if token is not None:
            return token
        self.require_open()
        return await self._wait(Wanted)

    def reject(self, token: SessionToken) -> bool:
        """Tell that the API refused `token`; a newer one is not harmed.

        Returns:
            Whether a newer token is held, or may be had from `usable`.

        Raises:
            ConfigurationError: `token` is no `SessionToken`.
        """
        if not isinstance(token, SessionToken):
            msg = f"reject() takes the SessionToken that was sent, not {type(token).__name__}"
            raise ConfigurationError(msg)
        if self._opened and not self._closed:
            self._require_own_loop()
            self._feed(Rejected(self._timeline.now(), token.generation))
        return self._machine.renewable

    # -- open, close ----------------------------------------------------------------------

    async def open(self) -> Self:
        """Get the first token; nothing to do if that is done.

        Transient failures are retried for up to `RenewalPolicy.renewal_timeout` seconds.
        If this fails, all that it opened is closed again and it may be called again.

        Raises:
            CloudAuthError: The last attempt's own typed error.
            SessionClosedError: After `close`.
        """
        self._require_own_loop()
        async with self._opening:
            if self._closed:
                msg = "the session is closed"
                raise SessionClosedError(msg)
            if self._opened:
                return self
            self._loop = asyncio.get_running_loop()
            self._exchange.start()
            try:
                await self._first()
            except BaseException:
                if not self._closed:
                    self._feed(OpenGivenUp(self._timeline.now()))
                    await self._settle_flights()
                    await self._exchange.stop()
                    self._loop = None
                raise
            self._opened = True
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
            raise _again(last) from last.__cause__

    async def close(self) -> None:
        """End the session: no task, timer or connection is left.

        Callers who wait get `SessionClosedError`. ``_logout`` gets 2 seconds at most and
        its failure is logged. A second call does nothing.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not None and loop is not self._loop and not self._loop.is_closed():
            self._require_own_loop()
        async with self._closing:
            if self._closed:
                return
            self._closed = True
            token = self._served.token
            self._feed(CloseAsked(self._timeline.now()))
            self._answer(SessionClosedError("the session was closed"))
            self._conclude(SessionClosedError("the session was closed"))
            if self._loop is not None and loop is not self._loop:
                return  # its loop is gone, and with it all that could be closed
            try:
                await self._settle_flights()
                if token is not None and self._logout_on_close and self._credentials.logs_in:
                    await self._log_out(token, _LOGOUT_TIMEOUT)
            finally:
                await self._exchange.close()
                self._emit(Emit(events.SessionClosed))

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

    def __reduce__(self) -> NoReturn:
        msg = "a TokenRefresher cannot be pickled or copied: it holds connections and secrets"
        raise TypeError(msg)

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
        self._checked(credentials)
        async with self._trying:
            while (rest := self._machine.rest(self._situation, self._timeline.now())) != 0:
                if rest is None:
                    with suppress(CloudAuthError):
                        await self._outcome(None)
                else:
                    await self._clock.sleep(rest)
                self.require_open()
            self._trial = credentials
            try:
                await self._outcome(LoginAsked(self._timeline.now(), trial=True))
            finally:
                self._trial = None

    async def logout(self) -> None:
        """End the session on the server and forget the token, whatever the server answers.

        A renewal under way is dropped and cannot bring the session back; `login` can.
        The server's failure is logged.
        """
        self.require_open()
        token = self._served.token
        self._feed(LogoutAsked(self._timeline.now()))
        await self._settle_flights()
        if token is not None and token.scheme == "Bearer":
            await self._log_out(token, self._policy.attempt_timeout)

    async def _log_out(self, token: SessionToken, timeout: float) -> None:
        try:
            async with self._clock.timeout(timeout):
                await self._exchange.logout(token)
        except (CloudAuthError, TimeoutError) as error:
            logger.warning("the token is forgotten here, but _logout failed: %s", error)

    def subscribe(self, callback: Callable[[events.Event], object]) -> Callable[[], None]:
        """Call `callback` with every record of `aiocloudauth.events`, in the loop.

        One that raises is logged and stops nothing.

        Returns:
            A function that takes the subscription back.

        Raises:
            ConfigurationError: `callback` is no plain function.
        """
        if not callable(callback) or inspect.iscoroutinefunction(callback):
            msg = "a subscriber must be a plain function: it is called, not awaited"
            raise ConfigurationError(msg)

        def subscription(record: events.Event) -> object:
            return callback(record)

        def unsubscribe() -> None:
            self._subscribers = tuple(s for s in self._subscribers if s is not subscription)

        self._subscribers = (*self._subscribers, subscription)
        return unsubscribe

    def emit(self, kind: type[events.Event], **details: Any) -> None:
        """Tell the subscribers of something that happened to a request."""
        self._emit(Emit(kind, details))

    # -- waiting --------------------------------------------------------------------------

    async def _wait(self, reason: type[Wanted | Opened]) -> SessionToken:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[SessionToken | CloudAuthError] = loop.create_future()
        self._waiters.add(waiter)
        limit = self._policy.renewal_timeout
        try:
            self._feed(reason(self._timeline.now()))
            async with self._clock.timeout(limit) as scope:
                answer = await waiter
        except TimeoutError:
            if not scope.expired():
                raise
            late = RenewalTimeoutError(f"no token within {limit:g} s")
            answer = for_request(self.last_error or late) if reason is Wanted else late
        finally:
            self._waiters.discard(waiter)
        if isinstance(answer, CloudAuthError):
            raise _again(answer)
        return answer

    def _answer(self, answer: SessionToken | CloudAuthError) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(answer)

    async def _outcome(self, reason: Input | None) -> None:
        """Wait for the end of the renewal that `reason` starts or joins."""
        outcome: asyncio.Future[CloudAuthError | None] = asyncio.get_running_loop().create_future()
        self._outcomes.add(outcome)
        try:
            if reason is not None:
                self._feed(reason)
            error = await outcome
        finally:
            self._outcomes.discard(outcome)
        if error is not None:
            raise _again(error)

    def _conclude(self, error: CloudAuthError | None) -> None:
        outcomes, self._outcomes = self._outcomes, set()
        for outcome in outcomes:
            if not outcome.done():
                outcome.set_result(error)

    # -- the lifecycle --------------------------------------------------------------------

    def _feed(self, event: Input) -> None:
        """Run the machine; an input that comes up while it runs waits its turn."""
        self._inputs.append(event)
        if len(self._inputs) > 1:
            return
        try:
            while self._inputs:
                self._situation, effects = self._machine.step(self._situation, self._inputs[0])
                for effect in effects:
                    self._perform(effect)
                self._inputs.popleft()
        except BaseException:
            self._inputs.clear()
            raise

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Serve(held):
                self._publish(held)
                self._answer(held.token)
            case Withhold():
                self._served = _NOTHING
            case Login() | Refresh():
                self._launch(effect)
            case Abandon():
                flight, self._flight = self._flight, None
                if flight is not None:
                    flight.cancel()
            case WakeAt(at):
                self._arm(at)
            case Deny(error):
                self._answer(error)
            case Conclude(error):
                self._conclude(error)
            case Emit():
                self._emit(effect)

    def _publish(self, held: Held) -> None:
        left = held.hard_at - self._timeline.now()
        self._served = _Served(held.token, self._clock.time() + left)

    def _arm(self, at: float) -> None:
        if at == self._wake_at:
            return
        self._wake_at = at
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at != FOREVER:
            self._sleep()

    def _sleep(self) -> None:
        left = self._wake_at - self._timeline.now()
        self._timer = self._clock.call_later(min(max(left, 0.0), _SLICE), self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._timeline.now()
        if now < self._wake_at:
            self._sleep()
        else:
            self._wake_at = FOREVER
            self._feed(Woken(now))

    # -- one flight -----------------------------------------------------------------------

    def _launch(self, effect: Login | Refresh) -> None:
        flight = asyncio.get_running_loop().create_task(
            self._fly(effect), name=f"aiocloudauth renewal {effect.number}"
        )
        self._flight = flight
        self._flights.add(flight)
        flight.add_done_callback(self._flights.discard)

    async def _fly(self, effect: Login | Refresh) -> None:
        this = asyncio.current_task()
        try:
            grant = await self._carry_out(effect)
        except asyncio.CancelledError:
            if self._flight is this:
                error: CloudAuthError = RenewalTimeoutError("the renewal's task was cancelled")
                self._fail(effect, error)
            raise
        except CloudAuthError as error:
            self._fail(effect, error)
        except Exception as error:
            logger.exception("a renewal failed in an unforeseen way")
            unforeseen = CloudAuthError(f"a renewal failed: {type(error).__name__}")
            self._fail(effect, unforeseen.because(error))
        else:
            if isinstance(effect, Login) and effect.trial and self._trial is not None:
                self._credentials = self._trial
                self._machine = Machine(self._policy, _abilities(self._credentials))
            now, draw = self._timeline.now(), self._clock.random()
            self._feed(Granted(now, effect.number, grant, draw))

    def _fail(self, effect: Login | Refresh, error: CloudAuthError) -> None:
        draw = self._clock.random()
        self._feed(Failed(self._timeline.now(), effect.number, error, draw))

    async def _carry_out(self, effect: Login | Refresh) -> Grant:
        try:
            async with self._clock.timeout(effect.timeout) as scope:
                if isinstance(effect, Refresh):
                    grant = await self._exchange.refresh(effect.token)
                else:
                    grant = await self._log_in(self._trial if effect.trial else None)
        except TimeoutError:
            if not scope.expired():
                raise
            raise RenewalTimeoutError(f"no answer within {effect.timeout:g} s") from None
        if grant.expires_at is None and not grant.static:
            grant = await self._with_expiry(grant)
        return grant

    async def _log_in(self, trial: Credentials | None) -> Grant:
        if trial is not None:
            return await self._exchange.login(await trial.resolve())
        credentials = await self._credentials.resolve()
        refusal = self._situation.record.refused
        if refusal is not None and credentials == self._refused_with:
            raise _again(refusal)  # asked again, but the value is the same
        try:
            return await self._exchange.login(credentials)
        except CloudAuthError as error:
            if refused(error, 401, 403):
                self._refused_with = credentials
            raise

    async def _with_expiry(self, grant: Grant) -> Grant:
        """Find the end of a token whose answer did not name it; else one is assumed."""
        hint = evolve(grant, expires_at=jwt_expiry(grant.secret))
        if hint.expires_at is not None and lifetime(hint, self._policy) > 0:
            return hint
        try:
            async with self._clock.timeout(self._policy.attempt_timeout):
                told = evolve(grant, expires_at=await self._exchange.expires_at(grant))
        except (CloudAuthError, TimeoutError) as error:
            logger.debug("GET /users/auth did not tell when the token ends: %s", error)
            return grant
        return told if lifetime(told, self._policy) > 0 else grant

    async def _settle_flights(self) -> None:
        while self._flights:
            await asyncio.wait(self._flights)

    # -- events ---------------------------------------------------------------------------

    def _emit(self, effect: Emit) -> None:
        details = dict(effect.details)
        retry_at = details.get("retry_at")
        if retry_at is not None:
            ahead = retry_at - self._timeline.now()
            details["retry_at"] = datetime.fromtimestamp(self._clock.time() + ahead, UTC)
        record = effect.kind(at=datetime.fromtimestamp(self._clock.time(), UTC), **details)
        _log(record)
        for subscriber in self._subscribers:
            try:
                subscriber(record)
            except Exception:
                logger.exception("a subscriber raised on %s", type(record).__name__)


def _log(record: events.Event) -> None:
    match record:
        case events.RenewalFailed():
            then = record.retry_at.isoformat() if record.retry_at else "none"
            logger.warning(
                "renewal attempt %d failed (next: %s): %s", record.attempt, then, record.error
            )
        case events.SessionLost():
            logger.error("no usable token is left: %s", record.error)
        case _:
            logger.debug("%s", record)
