"""The calls of the authentication API over aiohttp: answers to values or typed errors.

Source: ECE 3.8 API, tag Authentication.
"""

from __future__ import annotations

import base64
from collections import deque
from typing import TYPE_CHECKING, Final, TypeVar

import aiohttp
from aiohttp import hdrs
from attrs import evolve, frozen

from aiocloudauth._core.states import Grant
from aiocloudauth._http.compat import require_loop_of
from aiocloudauth._http.responses import answer_error, read_at_most
from aiocloudauth._wire.endpoint import proxy_url
from aiocloudauth._wire.schema import (
    AuthenticationInfo,
    EmptyResponse,
    TokenResponse,
    decode,
    http_date,
    parse,
)
from aiocloudauth.credentials import ApiKey, Basic, Bearer, Credentials, Password
from aiocloudauth.errors import (
    CloudAuthError,
    ConfigurationError,
    InvalidResponseError,
    RenewalTimeoutError,
    TransportError,
    frameless,
)
from aiocloudauth.token import Secret, SessionToken

if TYPE_CHECKING:
    import ssl as _ssl
    from collections.abc import Mapping
    from datetime import datetime

    from yarl import URL

    from aiocloudauth._wire.endpoint import Endpoint
    from aiocloudauth.clock import Clock, Timeline
    from aiocloudauth.errors import ApiError

__all__ = ["Asked", "AuthExchange"]

T = TypeVar("T")

_AUTHORIZATION: Final[str] = hdrs.AUTHORIZATION
#: The cookie that ``_logout`` wants up to ECE 3.6.
_SESSION_COOKIE: Final = "ec-sso-session-id"
#: Secrets that are remembered, to take them out of messages.
_KNOWN: Final = 16
#: Seconds an idle connection is kept: shorter than any server does, so that a renewal
#: never writes to one that is being closed.
_KEEPALIVE: Final = 2.0
#: What every call says: an answer in JSON, as it is, and not from a cache.
_HEADERS: Final = {
    hdrs.ACCEPT: "application/json",
    hdrs.ACCEPT_ENCODING: "identity",
    hdrs.CACHE_CONTROL: "no-cache",
}


class _Stamp:
    """A middleware that sets a header field while the request is written, and not after.

    Not ``headers=``: with ``trust_env`` a netrc entry for the host would clash with it.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Secret]) -> None:
        self._fields = fields

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers.popall(hdrs.AUTHORIZATION, None)
        for name, value in self._fields.items():
            request.headers[name] = value.reveal()
        try:
            return await handler(request)
        finally:
            for name in self._fields:
                request.headers.popall(name, None)


@frozen
class _Call:
    """One call: what is sent, and what must not stand in an error about it."""

    method: str
    path: str
    fields: Mapping[str, Secret]
    secrets: tuple[Secret, ...]
    payload: aiohttp.Payload | None = None
    token_sent: bool = False
    #: The statuses of an answer that counts.
    good: range = range(200, 300)

    def __str__(self) -> str:
        return f"{self.method} /{self.path}"


@frozen
class Asked:
    """What ``GET /users/auth`` told of a token: that it is good, and the times.

    `received_at` is on the timeline; `sent_wall` and `received_wall` are this machine's wall
    clock around the exchange, and `server_wall` is the ``Date`` of the answer, all in seconds
    since the epoch. `expires_at` is the server's instant, aware UTC, or `None`.
    """

    expires_at: datetime | None
    received_at: float
    sent_wall: float
    received_wall: float
    server_wall: float | None


class AuthExchange:
    """One connection of its own to the authentication API.

    Its traffic never waits behind the caller's, follows no redirect, asks for no
    compression, and reads no more than `max_body` bytes of an answer. Bounds on time are
    the caller's.

    Args:
        endpoint: The API root.
        clock: Where the time is read.
        timeline: The scale for `Grant.received_at`.
        max_body: The most that is read of an answer, bytes.
        ssl: As aiohttp takes it.
        connector: The caller's connector; closed by `close`, unless it is for another try.
        proxy: As aiohttp takes it.
        proxy_auth: As aiohttp takes it.
        trust_env: As aiohttp takes it; a netrc entry is never used here.
        timeout: As aiohttp takes it, besides the caller's bounds.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        timeline: Timeline,
        max_body: int,
        ssl: bool | _ssl.SSLContext | aiohttp.Fingerprint = True,
        connector: aiohttp.BaseConnector | None = None,
        proxy: str | URL | None = None,
        proxy_auth: aiohttp.BasicAuth | None = None,
        trust_env: bool = False,
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> None:
        """Keep the settings; connections are made in `start`."""
        self._endpoint = endpoint
        self._clock = clock
        self._timeline = timeline
        self._max_body = max_body
        self._ssl = ssl
        self._connector = connector
        self._proxy = proxy_url(proxy)
        if self._proxy is not None and proxy_auth is not None:
            # In the URL, since aiohttp means to drop the option.
            self._proxy = self._proxy.with_user(proxy_auth.login)
            self._proxy = self._proxy.with_password(proxy_auth.password)
        self._trust_env = trust_env
        self._timeout = timeout or aiohttp.ClientTimeout(total=None)
        self._session: aiohttp.ClientSession | None = None
        self._cookie: Secret | None = None
        # What was sent and received last: an answer may quote that of an earlier call.
        self._known: deque[Secret] = deque(maxlen=_KNOWN)

    def start(self) -> None:
        """Make the connections' owner; needs a running loop.

        Raises:
            ConfigurationError: The caller's connector belongs to another loop.
        """
        require_loop_of(self._connector)
        own = self._connector is None
        connector = self._connector or aiohttp.TCPConnector(limit=4, keepalive_timeout=_KEEPALIVE)
        self._session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=own,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=self._trust_env,
            timeout=self._timeout,
            headers=_HEADERS,
        )

    async def stop(self) -> None:
        """Close what `start` made; may be started again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def close(self) -> None:
        """Close everything, the caller's connector too."""
        await self.stop()
        if self._connector is not None:
            await self._connector.close()

    # -- the calls ------------------------------------------------------------------------

    async def login(self, credentials: Credentials) -> Grant:
        """Get a token for `credentials`, whose values are plain.

        Raises:
            ApiError: The API answered with an error; 401 and 403 refuse the credentials.
            InvalidResponseError: The answer is not what the API promises.
            TransportError: There was no answer.
        """
        if isinstance(credentials, Password):
            payload = aiohttp.JsonPayload(
                {
                    "username": _revealed(credentials.username),
                    "password": _revealed(credentials.password),
                }
            )
            return await self._token(
                _Call("POST", "users/auth/_login", {}, credentials.secrets(), payload)
            )
        if isinstance(credentials, Basic):
            pair = _basic(credentials)
            fields = {_AUTHORIZATION: Secret(f"Basic {pair.reveal()}")}
            secrets = (*credentials.secrets(), pair)
            return await self._token(_Call("POST", "users/auth/_refresh", fields, secrets))
        if isinstance(credentials, Bearer):
            return self._given(credentials.token, "Bearer", credentials.session_expiration_time)
        if isinstance(credentials, ApiKey):
            return self._given(credentials.key, "ApiKey", None)
        msg = f"{type(credentials).__name__} are no credentials that this package knows"
        raise ConfigurationError(msg)

    async def refresh(self, token: SessionToken) -> Grant:
        """Get a new token for one that is still good. Raises as `login`.

        Source: ECE 3.8 API, refresh-token.
        """
        return await self._token(_bearer_call("POST", "users/auth/_refresh", token))

    async def ask(self, token: SessionToken) -> Asked:
        """Ask ``GET /users/auth`` whether `token` is good. Raises as `login`.

        Only a 200 with a JSON object says so, and no cache is to answer.

        Source: ECE 3.8 API, get-authentication-info; RFC 9111 section 5.2.1.4.
        """
        call = evolve(_bearer_call("GET", "users/auth", token), good=range(200, 201))
        started = self._timeline.now()
        answer, date = await self._answer(call, AuthenticationInfo)
        return Asked(answer.expires_at, *self._times(started, date))

    async def expires_at(self, grant: Grant) -> datetime | None:
        """Ask ``GET /users/auth`` when the token ends. Raises as `login`."""
        token = SessionToken(grant.secret, None, 0, scheme=grant.scheme)
        return (await self.ask(token)).expires_at

    async def logout(self, token: SessionToken) -> None:
        """End the session of `token` on the server. Raises as `login`."""
        call = _bearer_call("POST", "users/auth/_logout", token)
        if self._cookie is not None:
            call = evolve(call, fields={**call.fields, hdrs.COOKIE: self._cookie})
        await self._answer(call, EmptyResponse)

    # -- one exchange ---------------------------------------------------------------------

    def _given(self, value: object, scheme: str, expires_at: datetime | None) -> Grant:
        secret = value if isinstance(value, Secret) else Secret(str(value))
        return Grant(
            secret=secret,
            scheme=scheme,
            expires_at=expires_at,
            received_at=self._timeline.now(),
            received_wall=self._clock.time(),
            static=scheme == "ApiKey",
        )

    async def _token(self, call: _Call) -> Grant:
        started = self._timeline.now()
        answer, date = await self._answer(call, TokenResponse)
        self._known.append(answer.token)
        received_at, sent, received, server = self._times(started, date)
        return Grant(
            secret=answer.token,
            scheme="Bearer",
            expires_at=answer.session_expiration_time,
            received_at=received_at,
            sent_wall=sent,
            received_wall=received,
            server_wall=server,
        )

    def _times(
        self, started: float, date: datetime | None
    ) -> tuple[float, float, float, float | None]:
        """Return when an answer came, on the timeline, and the three wall clocks around it."""
        # On the timeline: a suspend meanwhile has to widen the bounds of the server's clock.
        now = self._timeline.now()
        received = self._clock.time()
        server = None if date is None else date.timestamp()
        return now, received - (now - started), received, server

    async def _answer(self, call: _Call, kind: type[T]) -> tuple[T, datetime | None]:
        """Make a call and return its answer, with the server's `Date`."""
        outcome, date = await self._outcome(call, kind)
        if isinstance(outcome, CloudAuthError):
            try:
                raise outcome
            finally:
                del outcome  # else it would hold this frame, which holds it
        return outcome, date

    async def _outcome(
        self, call: _Call, kind: type[T]
    ) -> tuple[T | CloudAuthError, datetime | None]:
        """Return the answer or an error.

        An error is raised by the caller: a traceback that shows local variables must find
        neither the answer nor its body in any frame.
        """
        if self._session is None:
            return TransportError("the connection to the authentication API is closed"), None
        self._known.extend(secret for secret in call.secrets if secret not in self._known)
        response: aiohttp.ClientResponse | None = None
        body: bytes | None = None
        try:
            response = await self._session.request(
                call.method,
                self._endpoint.resolve(call.path),
                data=call.payload,
                # No body, no content type: a strict server refuses one without the other.
                skip_auto_headers=() if call.payload else (hdrs.CONTENT_TYPE,),
                allow_redirects=False,
                ssl=self._ssl,
                middlewares=(_Stamp(call.fields),),
                proxy=self._proxy,
            )
            body = await read_at_most(response, self._max_body)
            return self._parsed(call, response, body, kind), http_date(response.headers.get("Date"))
        except CloudAuthError as error:
            return error.with_traceback(None), None
        except aiohttp.ClientHttpProxyError as error:
            msg = f"{call}: the proxy refused the connection ({error.status})"
            return TransportError(msg), None
        # What broke off or is malformed: aiohttp's message and frames quote the answer, so
        # that error becomes no cause.
        except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError) as error:
            msg = f"{call}: the answer is no whole HTTP message ({type(error).__name__})"
            problem = "malformed or cut short @ $"
            return InvalidResponseError(msg, problems=(problem,)), None
        except aiohttp.ServerDisconnectedError as error:
            return TransportError(f"{call}: no answer: {type(error).__name__}"), None
        except TimeoutError as error:
            msg = f"{call}: no answer in time ({type(error).__name__})"
            return RenewalTimeoutError(msg).because(frameless(error)), None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            msg = f"{call}: no answer: {type(error).__name__}: {error}"
            return TransportError(msg).because(frameless(error)), None
        finally:
            if response is not None:
                response.close() if body is None else response.release()
            del response, body

    def _parsed(
        self, call: _Call, response: aiohttp.ClientResponse, body: bytes | None, kind: type[T]
    ) -> T:
        status = response.status
        if 300 <= status < 400:
            msg = f"{call}: a redirect ({status}), which is not followed with credentials"
            raise InvalidResponseError(msg, problems=("redirect @ $",))
        if not 200 <= status < 600:
            msg = f"{call}: a status of {status}"
            raise InvalidResponseError(msg, problems=("status @ $",))
        if status >= 400:
            raise self._refused(call, response, body or b"")
        if status not in call.good:
            msg = f"{call}: a status of {status}"
            raise InvalidResponseError(msg, problems=("status @ $",))
        if body is None:
            msg = f"{call}: the answer is longer than {self._max_body} bytes"
            raise InvalidResponseError(msg, problems=("too long @ $",))
        if response.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            msg = f"{call}: the answer is compressed, though that was not asked for"
            raise InvalidResponseError(msg, problems=("compressed @ $",))
        value = decode(body, str(call))
        if value.get("errors"):
            # The admin console does this while it starts.
            raise self._refused(call, response, body)
        answer = parse(value, kind, str(call))
        cookie = response.cookies.get(_SESSION_COOKIE)
        if cookie is not None and cookie.value:
            self._cookie = Secret(f"{_SESSION_COOKIE}={cookie.coded_value}")
        return answer

    def _refused(self, call: _Call, response: aiohttp.ClientResponse, body: bytes) -> ApiError:
        return answer_error(
            response,
            body,
            secrets=tuple(self._known),
            authentication=True,
            token_sent=call.token_sent,
            now=self._clock.time(),
        )


def _bearer_call(method: str, path: str, token: SessionToken) -> _Call:
    fields = {_AUTHORIZATION: token.authorization}
    return _Call(method, path, fields, (token.token,), token_sent=True)


def _revealed(value: object) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def _basic(credentials: Basic) -> Secret:
    """Return the encoded pair. Source: RFC 7617 section 2."""
    pair = f"{_revealed(credentials.username)}:{_revealed(credentials.password)}"
    return Secret(base64.b64encode(pair.encode()).decode())
