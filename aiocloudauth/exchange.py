"""The calls of the authentication API over aiohttp: answers to values or typed errors.

Source: ECE 3.8 API, tag Authentication.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, TypeVar

import aiohttp
from aiohttp import hdrs

from aiocloudauth.answer import answer_error, read_at_most
from aiocloudauth.credentials import ApiKey, Basic, Bearer, Credentials, Password
from aiocloudauth.errors import (
    CloudAuthError,
    ConfigurationError,
    InvalidResponseError,
    RenewalTimeoutError,
    TransportError,
)
from aiocloudauth.schema import (
    AuthenticationInfo,
    EmptyResponse,
    TokenResponse,
    decode,
    http_date,
    parse,
)
from aiocloudauth.situations import Grant
from aiocloudauth.token import Secret

if TYPE_CHECKING:
    import ssl as _ssl
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from yarl import URL

    from aiocloudauth.clock import Clock, Timeline
    from aiocloudauth.endpoint import Endpoint
    from aiocloudauth.token import SessionToken

__all__ = ["AuthExchange"]

T = TypeVar("T")

_AUTHORIZATION: Final[str] = hdrs.AUTHORIZATION
#: The cookie that ``_logout`` wants up to ECE 3.6.
_SESSION_COOKIE: Final = "ec-sso-session-id"
#: Seconds an idle connection is kept: shorter than any server does, so that a renewal
#: never writes to one that is being closed.
_KEEPALIVE: Final = 2.0


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
        self._proxy: dict[str, Any] = {"proxy": proxy} if proxy is not None else {}
        if proxy_auth is not None:
            self._proxy["proxy_auth"] = proxy_auth
        self._trust_env = trust_env
        self._timeout = timeout or aiohttp.ClientTimeout(total=None)
        self._session: aiohttp.ClientSession | None = None
        self._cookie: Secret | None = None

    def start(self) -> None:
        """Make the connections' owner; needs a running loop."""
        own = self._connector is None
        connector = self._connector or aiohttp.TCPConnector(limit=4, keepalive_timeout=_KEEPALIVE)
        self._session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=own,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=self._trust_env,
            timeout=self._timeout,
            headers={hdrs.ACCEPT: "application/json", hdrs.ACCEPT_ENCODING: "identity"},
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
            secrets = credentials.secrets()
            username = credentials.username
            if isinstance(username, Secret):  # from a callable that returned one
                username = username.reveal()
            payload = aiohttp.JsonPayload({"username": username, "password": secrets[-1].reveal()})
            return await self._token("_login", {}, secrets, payload)
        if isinstance(credentials, Basic):
            return await self._token(
                "_refresh", {_AUTHORIZATION: _basic(credentials)}, credentials.secrets()
            )
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
        fields = {_AUTHORIZATION: token.authorization}
        return await self._token("_refresh", fields, (token.token,))

    async def expires_at(self, grant: Grant) -> datetime | None:
        """Ask ``GET /users/auth`` when the token ends. Raises as `login`."""
        fields = {_AUTHORIZATION: Secret(f"{grant.scheme} {grant.secret.reveal()}")}
        answer, _ = await self._call(
            hdrs.METH_GET, "users/auth", AuthenticationInfo, fields, (grant.secret,)
        )
        return answer.expires_at

    async def logout(self, token: SessionToken) -> None:
        """End the session of `token` on the server. Raises as `login`."""
        fields: dict[str, Secret] = {_AUTHORIZATION: token.authorization}
        if self._cookie is not None:
            fields[hdrs.COOKIE] = self._cookie
        await self._call(
            hdrs.METH_POST, "users/auth/_logout", EmptyResponse, fields, (token.token,)
        )

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

    async def _token(
        self,
        name: str,
        fields: Mapping[str, Secret],
        secrets: tuple[Secret, ...],
        payload: aiohttp.Payload | None = None,
    ) -> Grant:
        started = self._clock.monotonic()
        answer, headers = await self._call(
            hdrs.METH_POST, f"users/auth/{name}", TokenResponse, fields, secrets, payload
        )
        took = self._clock.monotonic() - started
        received = self._clock.time()
        date = http_date(headers.get(hdrs.DATE))
        return Grant(
            secret=answer.token,
            scheme="Bearer",
            expires_at=answer.session_expiration_time,
            received_at=self._timeline.now(),
            sent_wall=received - took,
            received_wall=received,
            server_wall=None if date is None else date.timestamp(),
        )

    async def _call(
        self,
        method: str,
        path: str,
        kind: type[T],
        fields: Mapping[str, Secret],
        secrets: tuple[Secret, ...],
        payload: aiohttp.Payload | None = None,
    ) -> tuple[T, Mapping[str, str]]:
        if self._session is None:
            msg = "the connection to the authentication API is closed"
            raise TransportError(msg)
        where = f"{method} /{path}"
        try:
            async with self._session.request(
                method,
                self._endpoint.resolve(path),
                data=payload,
                allow_redirects=False,
                ssl=self._ssl,
                middlewares=(_Stamp(fields),),
                **self._proxy,
            ) as response:
                body = await read_at_most(response, self._max_body)
                outcome = self._outcome(where, response, body, kind, secrets)
                # A traceback that shows local variables must find no token in this frame.
                del body
        except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError) as error:
            msg = f"{where}: the answer is no whole HTTP message ({type(error).__name__})"
            raise InvalidResponseError(msg, problems=("malformed or cut short @ $",)) from error
        except TimeoutError as error:
            msg = f"{where}: no answer in time ({type(error).__name__})"
            raise RenewalTimeoutError(msg) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            msg = f"{where}: no answer: {type(error).__name__}: {error}"
            raise TransportError(msg) from error
        if isinstance(outcome, CloudAuthError):
            raise outcome
        return outcome, response.headers

    def _outcome(
        self,
        where: str,
        response: aiohttp.ClientResponse,
        body: bytes | None,
        kind: type[T],
        secrets: tuple[Secret, ...],
    ) -> T | CloudAuthError:
        """Return the answer, or the error to raise, without the frames that held the body."""
        try:
            return self._parsed(where, response, body, kind, secrets)
        except CloudAuthError as error:
            return error.with_traceback(None)

    def _parsed(
        self,
        where: str,
        response: aiohttp.ClientResponse,
        body: bytes | None,
        kind: type[T],
        secrets: tuple[Secret, ...],
    ) -> T:
        status = response.status
        if body is None:
            response.close()
        if 300 <= status < 400:
            msg = f"{where}: a redirect ({status}), which is not followed with credentials"
            raise InvalidResponseError(msg, problems=("redirect @ $",))
        if status >= 400:
            raise answer_error(response, body or b"", secrets=secrets, authentication=True)
        if body is None:
            msg = f"{where}: the answer is longer than {self._max_body} bytes"
            raise InvalidResponseError(msg, problems=("too long @ $",))
        if response.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            msg = f"{where}: the answer is compressed, though that was not asked for"
            raise InvalidResponseError(msg, problems=("compressed @ $",))
        value = decode(body)
        if value.get("errors"):
            # The admin console does this while it starts.
            raise answer_error(response, body, secrets=secrets, authentication=True)
        answer = parse(value, kind)
        cookie = response.cookies.get(_SESSION_COOKIE)
        if cookie is not None and cookie.value:
            self._cookie = Secret(f"{_SESSION_COOKIE}={cookie.coded_value}")
        return answer


def _basic(credentials: Basic) -> Secret:
    username = credentials.username
    user = username.reveal() if isinstance(username, Secret) else str(username)
    pair = f"{user}:{credentials.secrets()[-1].reveal()}"  # RFC 7617 section 2
    return Secret("Basic " + base64.b64encode(pair.encode()).decode())
