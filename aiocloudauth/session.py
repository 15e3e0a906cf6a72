"""What users hold: an aiohttp session that is always logged in."""

from __future__ import annotations

import math
from datetime import timedelta
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, Self, Unpack, cast
from weakref import WeakValueDictionary

import aiohttp
from aiohttp import hdrs

from aiocloudauth._http.options import (
    carries_authorization,
    checked_options,
    client_timeout,
    discard,
    make_client,
    tls,
)
from aiocloudauth._http.responses import Pending, answer_error, read_error
from aiocloudauth._runtime.guard import Openable, UnderWay, end_alone, ended
from aiocloudauth.credentials import Credentials, read_environment
from aiocloudauth.errors import ConfigurationError
from aiocloudauth.middleware import (
    OWN_AUTHORIZATION,
    BearerMiddleware,
    BearerRequest,
    OwnAuthorization,
    forget_what_was_written,
    send_own_authorization,
)
from aiocloudauth.refresher import DEFAULT_POLICY, TokenRefresher

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from yarl import URL

    from aiocloudauth._http.options import (
        ClientOptions,
        RequestOptions,
        TlsOption,
        WebSocketOptions,
    )
    from aiocloudauth.api import Api
    from aiocloudauth.api.plans import Plans
    from aiocloudauth.clock import Clock
    from aiocloudauth.errors import ApiError, CloudAuthError
    from aiocloudauth.events import Event
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.stores import TokenStore
    from aiocloudauth.token import SessionState, SessionToken

__all__ = ["CloudSession"]

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
        logout_on_close: Whether `close` ends the server's session, if the credentials log
            in; `None`: unless a store shares it.
        auth_connector: A connector for the authentication calls; `close` closes it.
        store: Where a fleet shares one session, one of `aiocloudauth.stores`. It stays the
            caller's.
        clock: Where time and randomness are read.
        client_options: Handed to the one `aiohttp.ClientSession` this owns. ``middlewares``
            run outside ours; a shared ``connector`` wants ``connector_owner=False``. A
            ``connector`` serves the API calls alone: a resolver or an ssl context of its own
            is not used by renewals, which have `ssl` and `auth_connector`; one of another
            class than `aiohttp.TCPConnector` wants an `auth_connector` beside it.

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
        logout_on_close: bool | None = None,
        auth_connector: aiohttp.BaseConnector | None = None,
        store: TokenStore | None = None,
        clock: Clock | None = None,
        **client_options: Unpack[ClientOptions],
    ) -> None:
        """Check the values; nothing is sent and nothing is made before `open`."""
        options = checked_options(dict(client_options), auth_connector)
        request_class = options.setdefault("request_class", BearerRequest)
        if not (isinstance(request_class, type) and issubclass(request_class, BearerRequest)):
            raise ConfigurationError("request_class must be a subclass of BearerRequest")
        self._ssl = tls(ssl)
        self._timeout = client_timeout(timeout)
        self._refresher = TokenRefresher(
            url,
            credentials,
            policy=policy,
            on_event=on_event,
            ssl=self._ssl,
            allow_http=allow_http,
            logout_on_close=logout_on_close,
            auth_connector=auth_connector,
            store=store,
            clock=clock,
            proxy=options.get("proxy"),
            proxy_auth=options.get("proxy_auth"),
            trust_env=options.get("trust_env", False),
            headers=options.get("headers"),
            max_field_size=options.get("max_field_size"),
            max_headers=options.get("max_headers"),
        )
        self._refresher._owned = True  # noqa: SLF001 - a part of this, which it stops
        self._source = self._refresher._source  # noqa: SLF001 - its other half: see `TokenSource`
        self._guard = self._source.guard
        self._defaults: dict[str, Any] = {} if self._ssl is True else {"ssl": self._ssl}
        status = options.pop("raise_for_status", None)
        if status is not None:
            self._defaults["raise_for_status"] = status
        self._outer = options.pop("middlewares")
        self._beside_netrc = (send_own_authorization,) if options.get("trust_env") else ()
        self._bearer = BearerMiddleware(self._refresher)
        self._options = options
        self._resolve = lru_cache(_CACHED_PATHS)(self._source.endpoint.resolve)
        self._http: aiohttp.ClientSession | None = None
        #: Those that are still to be read, by identity: a class of the caller's may have no hash.
        self._answers: WeakValueDictionary[int, aiohttp.ClientResponse] = WeakValueDictionary()

    @classmethod
    def from_environment(cls, **options: Any) -> Self:
        """Make a session from ``EC_HOST`` and ``EC_API_KEY``, or ``EC_USER`` and ``EC_PASS``.

        These are the names that Elastic's ecctl reads; where one is absent, those of the
        Terraform provider are: ``EC_ENDPOINT``, ``EC_USERNAME``, ``EC_PASSWORD``. A key wins
        over a password, a host without a scheme is an https one, and ``EC_CA_FILE`` names
        the authority to trust.

        Args:
            options: As for the constructor, besides url and credentials; ``ssl`` wins over
                ``EC_CA_FILE``.

        Raises:
            ConfigurationError: A variable is missing, empty, or holds what cannot work.
        """
        found = read_environment()
        if found.ca_file is not None:
            options.setdefault("ssl", found.ca_file)
        return cls(found.url, found.credentials, **options)

    # -- open, close ----------------------------------------------------------------------

    async def open(self, *, wait: bool = True) -> Self:
        """Log in; returns once the first token is held. A second call does nothing.

        Transient failures are retried for up to `RenewalPolicy.renewal_timeout` seconds; what
        no retry mends fails at once. If this fails, all that it opened is closed again and it
        may be called again.

        Args:
            wait: Whether to wait for the token. Without it this returns at once, also while
                the ECE is down; requests then wait as they do in an outage.

        Raises:
            CloudAuthError: The last attempt's own typed error.
            SessionClosedError: After `close`.
        """
        if self._http is not None:
            await self._refresher.open()  # another loop, or closed: it says so
            return self
        http = await self._client()  # first, since it may refuse its options
        try:
            await self._refresher.open(wait=wait)
        except BaseException:
            await discard(http, self._options.get("connector"))
            raise
        if self._http is None:
            self._http = http
        else:  # opened twice at once
            await discard(http, self._options.get("connector"))
        return self

    async def _client(self) -> aiohttp.ClientSession:
        options = dict(self._options)
        if self._timeout is not None:
            options["timeout"] = self._timeout
        options["middlewares"] = (*self._outer, *self._beside_netrc, self._bearer)
        return await make_client(options, ssl=self._ssl)

    async def close(self) -> None:
        """End the session: no task, timer or connection is left. A second call does nothing.

        Callers who wait get `SessionClosedError`. ``_logout`` gets 2 seconds at most.
        """
        self._guard.require_closable()  # before anything is touched
        try:
            await self._refresher.close()
        finally:
            http, self._http = self._http, None
            if http is not None:
                if not self._guard.orphaned:  # in a loop that is gone nobody reads
                    self._end_reading()
                await http.close()

    def _end_reading(self) -> None:
        """End the reading of answers, which aiohttp would leave waiting; not of those all here."""
        for answer in self._answers.values():
            if not answer.closed:
                answer.close()

    def _abandon(self) -> None:
        self._refresher._abandon()  # noqa: SLF001 - a part of this, which it stops
        self._end_reading()
        http = cast("aiohttp.ClientSession", self._http)  # it is there once this is open
        end_alone(http.close())

    def __repr__(self) -> str:
        return f"<CloudSession {self._source.endpoint.root} {self.state.value}>"

    def _repr_html_(self) -> str:
        """Show a notebook how the session stands at this moment. No secret."""
        from html import escape  # its table of entities takes longer than most modules here

        credentials, ends = self._source.credentials, self.session_expiration_time
        left = 0.0 if ends is None else ends.timestamp() - self._source.clock.time()
        user = getattr(credentials, "username", None)
        rows = {
            "host": self._source.endpoint.root.authority,
            "user": user if isinstance(user, str) else type(credentials).__name__,
            "state": self.state.value,
            "time left": "" if ends is None else timedelta(seconds=round(left)),
            "renewals": self._source.renewals,
            "last error": self.last_error or "",
        }
        cells = (
            f'<tr><th style="text-align: left">{name}</th>'
            f'<td style="text-align: left">{escape(str(value))}</td></tr>'
            for name, value in rows.items()
        )
        return f"<table><caption>CloudSession</caption>{''.join(cells)}</table>"

    # -- what is held ---------------------------------------------------------------------

    @property
    def http(self) -> aiohttp.ClientSession:
        """The `aiohttp.ClientSession` itself, which sends the token to the ECE's origin.

        Raises:
            SessionClosedError: Before `open`, or after `close`.
        """
        self._guard.require_open(called=True)
        return cast("aiohttp.ClientSession", self._http)  # it is there while the guard is open

    @cached_property
    def api(self) -> Api:
        """Every operation of the API: ``await cloud.api.get_deployment(deployment_id)``."""
        from aiocloudauth.api import Api

        return Api(self._operate, self._read, self._answer_error)

    @cached_property
    def plans(self) -> Plans:
        """Plans that finish: ``await cloud.plans.wait(deployment_id, timeout=1800)``."""
        from aiocloudauth.api.plans import Plans

        return Plans(self.api, clock=self._source.clock)

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
    def retry_at(self) -> datetime | None:
        """When the next attempt is due by itself; see `TokenRefresher.retry_at`."""
        return self._refresher.retry_at

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

    def request(
        self, method: str, path: str | URL, **options: Unpack[RequestOptions]
    ) -> Pending[aiohttp.ClientResponse]:
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
        return self._send(method, path, dict(options))

    def get(
        self, path: str | URL, **options: Unpack[RequestOptions]
    ) -> Pending[aiohttp.ClientResponse]:
        """Send a GET; see `request`."""
        return self._send("GET", path, dict(options))

    def head(
        self, path: str | URL, **options: Unpack[RequestOptions]
    ) -> Pending[aiohttp.ClientResponse]:
        """Send a HEAD, which follows no redirect unless asked to; see `request`."""
        options.setdefault("allow_redirects", False)
        return self._send("HEAD", path, dict(options))

    def options(
        self, path: str | URL, **options: Unpack[RequestOptions]
    ) -> Pending[aiohttp.ClientResponse]:
        """Send an OPTIONS; see `request`."""
        return self._send("OPTIONS", path, dict(options))

    def post(
        self, path: str | URL, **options: Unpack[RequestOptions]
    ) -> Pending[aiohttp.ClientResponse]:
        """Send a POST; see `request`."""
        return self._send("POST", path, dict(options))

    def put(
        self, path: str | URL, **options: Unpack[RequestOptions]
    ) -> Pending[aiohttp.ClientResponse]:
        """Send a PUT; see `request`."""
        return self._send("PUT", path, dict(options))

    def patch(
        self, path: str | URL, **options: Unpack[RequestOptions]
    ) -> Pending[aiohttp.ClientResponse]:
        """Send a PATCH; see `request`."""
        return self._send("PATCH", path, dict(options))

    def delete(
        self, path: str | URL, **options: Unpack[RequestOptions]
    ) -> Pending[aiohttp.ClientResponse]:
        """Send a DELETE; see `request`."""
        return self._send("DELETE", path, dict(options))

    def ws_connect(
        self, path: str | URL, **options: Unpack[WebSocketOptions]
    ) -> Pending[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket, as `aiohttp.ClientSession.ws_connect` does; see `request`."""
        url, prepared = self._located(path), dict(options)
        if self._ssl is not True:
            prepared.setdefault("ssl", self._ssl)
        self._own(url, prepared)
        return Pending(self._connect(url, prepared))

    def _send(
        self, method: str, path: str | URL, options: dict[str, Any]
    ) -> Pending[aiohttp.ClientResponse]:
        url = self._located(path)
        raises = self._prepare(url, options)
        return Pending(self._exchange(method, url, options, raises=raises))

    def _operate(
        self, method: str, path: URL, **options: Unpack[RequestOptions]
    ) -> Pending[aiohttp.ClientResponse]:
        return self._send(method, self._source.endpoint.below(path), dict(options))

    def _located(self, path: str | URL) -> URL:
        self._guard.require_open(called=True)
        try:
            return self._resolve(path)
        except TypeError:  # not even hashable
            raise ConfigurationError("a path must be a str or a yarl.URL") from None

    async def _exchange(
        self, method: str, url: URL, options: dict[str, Any], *, raises: bool
    ) -> aiohttp.ClientResponse:
        with UnderWay(self._guard):
            try:
                response = await self._http.request(method, url, **options)  # type: ignore[union-attr]  # open
            except aiohttp.ClientError as lost:
                forget_what_was_written(lost)  # also of what goes to another origin
                raise
            if raises and response.status >= 400:
                # By no other name: a traceback with local variables must not show the answer.
                error = [await self._error_of(response)]
                del response
                raise error.pop()
            if not response.closed:  # else all of it is here
                self._answers[id(response)] = response
            return response
        raise ended()

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        with UnderWay(self._guard):
            return await response.read()
        raise ended()

    async def _connect(self, url: URL, options: dict[str, Any]) -> aiohttp.ClientWebSocketResponse:
        refusal: list[ApiError] = []
        with UnderWay(self._guard):
            try:
                websocket: aiohttp.ClientWebSocketResponse
                websocket = await self.http.ws_connect(url, **options)
            except aiohttp.ClientError as error:
                if not isinstance(error, aiohttp.WSServerHandshakeError) or error.status < 400:
                    forget_what_was_written(error)
                    raise
                refusal.append(self._answer_error(error, b""))
            else:
                return websocket
            raise refusal.pop()  # without aiohttp's as its cause, which holds all header fields
        raise ended()

    def _prepare(self, url: URL, options: dict[str, Any]) -> bool:
        """Fit a call's options to the session; return whether a status of 400 or more raises."""
        if not options and not self._defaults:
            return True
        for name, value in self._defaults.items():
            if options.get(name) is None:
                options[name] = value
        own = self._own(url, options)
        timeout, outer = None, options.get("middlewares")
        if "timeout" in options:
            timeout = client_timeout(options["timeout"]) or aiohttp.ClientTimeout(total=None)
            options["timeout"] = timeout
        if own or outer is not None or timeout is not None:
            outer = self._outer if outer is None else tuple(outer)
            # aiohttp lets these replace the session's, and the token's must stay.
            ours: aiohttp.ClientMiddlewareType = self._bearer
            if timeout is not None:
                ours = partial(self._bearer, within=timeout.total or math.inf)
            options["middlewares"] = (*outer, *self._beside_netrc, *(() if own else (ours,)))
        if options.get("raise_for_status", True) not in {True, None}:
            return False
        options.pop("raise_for_status", None)
        return True

    def _own(self, url: URL, options: dict[str, Any]) -> bool:
        """Return whether a call has credentials of its own; put them aside where netrc's may be."""
        own = carries_authorization(options)
        if self._beside_netrc and own and hdrs.AUTHORIZATION in (options.get("headers") or ()):
            value = options["headers"].popall(hdrs.AUTHORIZATION)[0]
            options["headers"][OWN_AUTHORIZATION] = OwnAuthorization(value, url)
        return own

    async def _error_of(self, response: aiohttp.ClientResponse) -> ApiError:
        policy = self._source.policy
        body = await read_error(
            response, policy.max_body, self._source.clock, policy.attempt_timeout
        )
        return self._answer_error(response, body)

    def _answer_error(
        self, answer: aiohttp.ClientResponse | aiohttp.ClientResponseError, body: bytes
    ) -> ApiError:
        ours = self._source.endpoint.owns(answer.request_info.url)
        note = "" if ours else "This is another origin, which the token is not sent to"
        # Ours is taken off again once the request is written; the caller's own stays.
        own = hdrs.AUTHORIZATION in answer.request_info.headers
        return answer_error(
            answer,
            body,
            secrets=self._source.secrets,
            token_sent=ours and not own and self._source.renewable,
            note=note,
            now=self._source.clock.time(),
        )
