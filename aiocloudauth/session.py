"""What users hold: an aiohttp session that is always logged in."""

from __future__ import annotations

import asyncio
from asyncio import _get_running_loop
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeAlias, cast

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict

from aiocloudauth.answer import answer_error, ended_early, read_at_most
from aiocloudauth.clock import Clock
from aiocloudauth.credentials import Credentials, read_environment
from aiocloudauth.errors import ConfigurationError
from aiocloudauth.middleware import BearerMiddleware, BearerRequest, OwnAuthorization
from aiocloudauth.openable import Openable
from aiocloudauth.options import (
    carries_authorization,
    checked_options,
    client_timeout,
    close_client,
    discard,
    make_client,
    may_wait,
    shared_connections,
)
from aiocloudauth.pending import PendingResponse, PendingWebSocket, in_turn, raise_if_closed
from aiocloudauth.refresher import DEFAULT_POLICY, TokenRefresher
from aiocloudauth.tls import tls

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime, timedelta

    from yarl import URL

    from aiocloudauth.api import Api
    from aiocloudauth.api.plans import Plans
    from aiocloudauth.errors import ApiError, CloudAuthError
    from aiocloudauth.events import Event
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.situations import SessionState
    from aiocloudauth.tls import TlsOption
    from aiocloudauth.token import SessionToken

__all__ = ["CloudSession"]

_Fail: TypeAlias = "Callable[[aiohttp.ClientResponse], Coroutine[Any, Any, NoReturn]]"

#: Paths whose URLs are kept.
_CACHED_PATHS: Final = 1024


class CloudSession(Openable):
    """An `aiohttp.ClientSession` for one ECE that is always logged in.

    Use it as ``async with CloudSession(...) as cloud:``, or ``cloud = await
    CloudSession(...)`` and later ``await cloud.close()``. It belongs to the event loop it
    was opened in.

    Args:
        url: The ECE's URL, a ``str`` or `yarl.URL`; without a path the API root is
            ``/api/v1``, with one (a reverse proxy) it is that path.
        credentials: `Password`, `Bearer`, `ApiKey` or `Basic`.
        policy: When to renew and how to pace failures.
        on_event: Called with every record of `aiocloudauth.events`, in the loop.
        ssl: `True`, `False`, an `ssl.SSLContext`, an `aiohttp.Fingerprint` or the path of
            a CA file; for API calls and renewals, also beside a caller's connector.
        timeout: For the API calls: an `aiohttp.ClientTimeout`, seconds or a `timedelta`.
        allow_http: Whether to send credentials in clear text beyond loopback.
        logout_on_close: Whether `close` ends the server's session, if this one logged in.
        auth_connector: A connector for the authentication calls; `close` closes it.
        clock: Where time and randomness are read.
        client_options: Handed to the one `aiohttp.ClientSession` this owns. ``middlewares``
            run outside ours; a shared ``connector`` wants ``connector_owner=False``.

    Raises:
        ConfigurationError: A value cannot work.

    Source: ECE 3.8 API, tag Authentication.
    """

    def __init__(
        self,
        url: str | URL,
        credentials: Credentials,
        *,
        policy: RenewalPolicy = DEFAULT_POLICY,
        on_event: Callable[[Event], object] | None = None,
        ssl: TlsOption = True,
        timeout: aiohttp.ClientTimeout | float | timedelta | None = None,
        allow_http: bool = False,
        logout_on_close: bool = True,
        auth_connector: aiohttp.BaseConnector | None = None,
        clock: Clock | None = None,
        **client_options: Any,
    ) -> None:
        """Check the values; nothing is sent and nothing is made before `open`."""
        options = checked_options(client_options, auth_connector)
        self._ssl = tls(ssl)
        self._timeout = client_timeout(timeout)
        self._clock = clock or Clock()
        self._refresher = TokenRefresher(
            url,
            credentials,
            policy=policy,
            on_event=on_event,
            ssl=self._ssl,
            allow_http=allow_http,
            logout_on_close=logout_on_close,
            auth_connector=auth_connector,
            clock=self._clock,
            proxy=options.get("proxy"),
            proxy_auth=options.get("proxy_auth"),
            trust_env=options.get("trust_env", False),
        )
        self._defaults: dict[str, Any] = {} if self._ssl is True else {"ssl": self._ssl}
        self._fail: _Fail | None = self._raise
        status = options.pop("raise_for_status", True)
        if status is not True and status is not None:
            self._defaults["raise_for_status"] = status
            self._fail = None
        self._outer = tuple(options.pop("middlewares", None) or ())
        self._bearer = BearerMiddleware(self._refresher)
        self._options = options
        self._resolve = lru_cache(_CACHED_PATHS)(self._refresher.endpoint.resolve)
        self._http: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def from_environment(cls, **options: Any) -> Self:
        """Make a session from ``EC_HOST`` and ``EC_API_KEY``, or ``EC_USER`` and ``EC_PASS``.

        These are the names that Elastic's ecctl reads. A key wins over a password.

        Args:
            options: As for the constructor, besides url and credentials.

        Raises:
            ConfigurationError: A variable is missing or empty.
        """
        return cls(*read_environment(), **options)

    # -- open, close ----------------------------------------------------------------------

    async def open(self) -> Self:
        """Log in; returns once the first token is held. A second call does nothing.

        Transient failures are retried for up to `RenewalPolicy.renewal_timeout` seconds.
        If this fails, all that it opened is closed again and it may be called again.

        Raises:
            CloudAuthError: The last attempt's own typed error.
            SessionClosedError: After `close`.
        """
        if self._http is not None:
            await self._refresher.open()  # another loop, or closed: it says so
            return self
        http = await self._client()  # first, since it may refuse its options
        try:
            await self._refresher.open()
        except BaseException:
            await discard(http, self._options.get("connector"))
            raise
        if self._http is None:
            self._http = http
            self._loop = asyncio.get_running_loop()
            self._refresher.gate.open(shared_connections(http, self._outer))
        else:  # opened twice at once
            await discard(http, self._options.get("connector"))
        return self

    async def _client(self) -> aiohttp.ClientSession:
        options = {"request_class": BearerRequest, **self._options}
        if self._timeout is not None:
            options["timeout"] = self._timeout
        options["middlewares"] = (*self._outer, self._bearer)
        return await make_client(options, ssl=self._ssl)

    async def close(self) -> None:
        """End the session: no task, timer or connection is left. A second call does nothing.

        Callers who wait get `SessionClosedError`. ``_logout`` gets 2 seconds at most.
        """
        self._refresher.require_closable()  # before anything is touched
        try:
            await self._refresher.close()
        finally:
            http, self._http = self._http, None
            if http is not None:
                await close_client(http)

    def __repr__(self) -> str:
        return f"<CloudSession {self._refresher.endpoint.root} {self.state.value}>"

    # -- what is held ---------------------------------------------------------------------

    @property
    def http(self) -> aiohttp.ClientSession:
        """The `aiohttp.ClientSession` itself, which sends the token to the ECE's origin.

        From now on a crowd waits in aiohttp's own queue, as what is sent by this does.

        Raises:
            SessionClosedError: Before `open`, or after `close`.
        """
        http = self._ready()
        self._refresher.gate.lift()
        return http

    @cached_property
    def api(self) -> Api:
        """Every operation of the API: ``await cloud.api.get_deployment(deployment_id)``."""
        from aiocloudauth.api import Api

        return Api(self.request, self._answer_error)

    @cached_property
    def plans(self) -> Plans:
        """Plans that finish: ``await cloud.plans.wait(deployment_id, timeout=1800)``."""
        from aiocloudauth.api.plans import Plans

        return Plans(self.api, clock=self._clock)

    @property
    def token(self) -> SessionToken | None:
        """The token that is sent now, or `None`."""
        return self._refresher.current

    @property
    def session_expiration_time(self) -> datetime | None:
        """When the token in hand ends by the server's clock, aware UTC; `None` if unknown.

        For an `ApiKey`, once an answer said so.
        """
        token = self._refresher.current
        return None if token is None else token.session_expiration_time

    @property
    def state(self) -> SessionState:
        """How the session stands."""
        return self._refresher.state

    @property
    def last_error(self) -> CloudAuthError | None:
        """The last failure of a renewal; `None` after a success."""
        return self._refresher.last_error

    async def refresh(self) -> None:
        """Renew now, or join the renewal under way; see `TokenRefresher.refresh`."""
        await self._refresher.refresh()

    async def login(self, credentials: Credentials | None = None) -> None:
        """Log in now, with other credentials if given; see `TokenRefresher.login`."""
        await self._refresher.login(credentials)

    async def logout(self) -> None:
        """End the session on the server and forget the token; `login` leads on."""
        await self._refresher.logout()

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call `callback` with every event; returns a function that takes this back."""
        return self._refresher.subscribe(callback)

    # -- requests -------------------------------------------------------------------------

    def request(self, method: str, path: str | URL, **options: Any) -> PendingResponse:
        """Send a request, as `aiohttp.ClientSession.request` does.

        Args:
            method: The HTTP method.
            path: Below the API root (``/deployments``), or an absolute URL. The token
                goes to the ECE's own origin only.
            options: As for aiohttp. ``raise_for_status=False`` gives an answer of 400 or
                more instead of raising; an ``Authorization`` header or ``auth`` of the
                caller's own is sent as it is.

        Raises:
            ApiError: The answer's status is 400 or more.
            SessionExpiredError: There is no token and none can be had.
            BodyNotReplayableError: The token was renewed; the body cannot be sent again.
            SessionClosedError: Before `open`, or after `close`.
            ConfigurationError: The path leaves the API root.
            aiohttp.ClientError: There was no answer.
        """
        return self._send(method, path, options)

    def get(self, path: str | URL, **options: Any) -> PendingResponse:
        """Send a GET; see `request`."""
        return self._send("GET", path, options)

    def head(self, path: str | URL, **options: Any) -> PendingResponse:
        """Send a HEAD, which follows no redirect unless asked to; see `request`."""
        options.setdefault("allow_redirects", False)
        return self._send("HEAD", path, options)

    def options(self, path: str | URL, **options: Any) -> PendingResponse:
        """Send an OPTIONS; see `request`."""
        return self._send("OPTIONS", path, options)

    def post(self, path: str | URL, **options: Any) -> PendingResponse:
        """Send a POST; see `request`."""
        return self._send("POST", path, options)

    def put(self, path: str | URL, **options: Any) -> PendingResponse:
        """Send a PUT; see `request`."""
        return self._send("PUT", path, options)

    def patch(self, path: str | URL, **options: Any) -> PendingResponse:
        """Send a PATCH; see `request`."""
        return self._send("PATCH", path, options)

    def delete(self, path: str | URL, **options: Any) -> PendingResponse:
        """Send a DELETE; see `request`."""
        return self._send("DELETE", path, options)

    def _send(self, method: str, path: str | URL, options: dict[str, Any]) -> PendingResponse:
        http = self._http
        if http is None or _get_running_loop() is not self._loop:
            http = self._ready()  # raises
        try:
            url = self._resolve(path)
        except TypeError:  # not even hashable
            raise ConfigurationError("a path must be a str or a yarl.URL") from None
        # What aiohttp's own methods call; through them arguments are packed twice.
        send, fail = http._request, self._fail  # noqa: SLF001 - as above
        if options or self._defaults:
            fail = self._prepare(url, options)
        gate = self._refresher.gate
        if gate.crowded():
            if self._refresher.endpoint.owns(url) and may_wait(http, options):
                return PendingResponse(in_turn(gate, http, method, url, options), fail)
            gate.pass_by()
        return PendingResponse(send(method, url, **options) if options else send(method, url), fail)

    def ws_connect(self, path: str | URL, **options: Any) -> PendingWebSocket:
        """Open a WebSocket, as `aiohttp.ClientSession.ws_connect` does; see `request`."""
        http, url = self._ready(), self._resolve(path)
        self._refresher.gate.pass_by()
        if self._ssl is not True:
            options.setdefault("ssl", self._ssl)
        return PendingWebSocket(self._connected(http, url, options))

    async def _connected(
        self, http: aiohttp.ClientSession, url: URL, options: dict[str, Any]
    ) -> aiohttp.ClientWebSocketResponse:
        try:
            websocket: aiohttp.ClientWebSocketResponse = await http.ws_connect(url, **options)
        except RuntimeError as error:
            raise_if_closed(error)
            raise
        except aiohttp.WSServerHandshakeError as error:
            if error.status < 400:
                raise
            refusal = [self._answer_error(error, b"")]
        else:
            return websocket
        raise refusal.pop()  # without aiohttp's as its cause, which holds all header fields

    def _ready(self) -> aiohttp.ClientSession:
        http = self._http
        if http is None or _get_running_loop() is not self._loop:
            self._refresher.require_open()  # raises: it is open with `http`, and in that loop
        return cast("aiohttp.ClientSession", http)

    def _prepare(self, url: URL, options: dict[str, Any]) -> _Fail | None:
        """Fit a call's options to the session, and return who raises for its status."""
        for name, value in self._defaults.items():
            if options.get(name) is None:
                options[name] = value
        own = carries_authorization(options)
        outer = options.get("middlewares")
        if own or outer is not None:
            outer = self._outer if outer is None else tuple(outer)
            # aiohttp lets these replace the session's, and the token's must stay.
            ours = self._bearer.pass_on if own else self._bearer
            options["middlewares"] = (*outer, ours)
        headers: CIMultiDict[str] = options.get("headers") or CIMultiDict()
        if self._options.get("trust_env") and hdrs.AUTHORIZATION in headers:
            value = headers.popall(hdrs.AUTHORIZATION)[0]
            options["middlewares"] = (*options["middlewares"], OwnAuthorization(value, url))
        status = options.get("raise_for_status")
        if status is None:
            return self._fail
        if status is True:
            del options["raise_for_status"]
            return self._raise
        return None

    async def _raise(self, response: aiohttp.ClientResponse) -> NoReturn:
        try:
            with self._refresher.readings.bound(response):
                body = await read_at_most(response, self._refresher.policy.max_body)
        except BaseException as cause:
            if not ended_early(response, cause):
                raise
            body = None
        if body is None:
            response.close()
        error = [self._answer_error(response, body or b"")]
        del response, body  # a traceback that shows local variables must not find them
        raise error.pop()  # by no name: it will hold this frame, which must not hold it

    def _answer_error(
        self, answer: aiohttp.ClientResponse | aiohttp.ClientResponseError, body: bytes
    ) -> ApiError:
        ours = self._refresher.endpoint.owns(answer.request_info.url)
        note = "" if ours else "This is another origin, which the token is not sent to"
        # Ours is taken off again once the request is written; the caller's own stays.
        own = hdrs.AUTHORIZATION in answer.request_info.headers
        return answer_error(
            answer,
            body,
            secrets=self._refresher.secrets,
            token_sent=ours and not own and self._refresher.renewable,
            note=note,
        )
