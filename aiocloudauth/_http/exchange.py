"""The calls of the authentication API: answers to values or typed errors.

Source: ECE 3.8 API, tag Authentication.
"""

from __future__ import annotations

import base64
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import aiohttp
from aiohttp import hdrs
from attrs import evolve, frozen

from aiocloudauth._core.states import Grant
from aiocloudauth._http.connection import AuthConnection, Call
from aiocloudauth._http.responses import answer_error, public_headers
from aiocloudauth._wire.failure import failure_of
from aiocloudauth._wire.schema import (
    AuthenticationInfo,
    EmptyResponse,
    TokenResponse,
    decode,
    http_date,
    parse,
)
from aiocloudauth.credentials import ApiKey, Basic, Bearer, Credentials, Password
from aiocloudauth.errors import CloudAuthError, ConfigurationError, InvalidResponseError
from aiocloudauth.token import Secret, SessionToken

if TYPE_CHECKING:
    from datetime import datetime

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
#: Statuses of something else than the API: what the URL leads to has no such call.
_ASTRAY: Final = frozenset({404, 405, 410})


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
    """Makes the calls, one or several at a time. Every error names the call and its URL.

    Args:
        endpoint: The API root.
        clock: Where the time is read.
        timeline: The scale for `Grant.received_at`.
        max_body: The most that is read of an answer, bytes.
        connection: As `AuthConnection` takes them.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        timeline: Timeline,
        max_body: int,
        **connection: Any,
    ) -> None:
        """Keep the settings; connections are made in `start`."""
        self._endpoint = endpoint
        self._clock = clock
        self._timeline = timeline
        self._max_body = max_body
        connected = AuthConnection(endpoint.root, clock=clock, max_body=max_body, **connection)
        self._send = connected.send
        self.start = connected.start
        self.stop = connected.stop
        self.close = connected.close
        self._cookie: Secret | None = None
        # What was sent and received last: an answer may quote that of an earlier call.
        self._known: deque[Secret] = deque(maxlen=_KNOWN)

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
                self._call("POST", "users/auth/_login", {}, credentials.secrets(), payload)
            )
        if isinstance(credentials, Basic):
            pair = _basic(credentials)
            fields = {_AUTHORIZATION: Secret(f"Basic {pair.reveal()}")}
            secrets = (*credentials.secrets(), pair)
            return await self._token(self._call("POST", "users/auth/_refresh", fields, secrets))
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
        return await self._token(self._bearer_call("POST", "users/auth/_refresh", token))

    async def ask(self, token: SessionToken) -> Asked:
        """Ask ``GET /users/auth`` whether `token` is good. Raises as `login`.

        Only a 200 with a JSON object says so, and no cache is to answer.

        Source: ECE 3.8 API, get-authentication-info; RFC 9111 section 5.2.1.4.
        """
        call = evolve(self._bearer_call("GET", "users/auth", token), good=range(200, 201))
        started = self._timeline.now()
        answer, date = await self._answer(call, AuthenticationInfo)
        return Asked(answer.expires_at, *self._times(started, date))

    async def logout(self, token: SessionToken) -> None:
        """End the session of `token` on the server. Raises as `login`."""
        call = self._bearer_call("POST", "users/auth/_logout", token)
        if self._cookie is not None:
            call = evolve(call, fields={**call.fields, hdrs.COOKIE: self._cookie})
        await self._answer(call, EmptyResponse)

    # -- one exchange ---------------------------------------------------------------------

    def _call(self, method: str, path: str, *parts: Any, **options: Any) -> Call:
        return Call(method, self._endpoint.below(path), *parts, **options)

    def _bearer_call(self, method: str, path: str, token: SessionToken) -> Call:
        fields = {_AUTHORIZATION: token.authorization}
        return self._call(method, path, fields, (token.token,), token_sent=True)

    def _given(self, value: object, scheme: str, expires_at: datetime | None) -> Grant:
        return Grant(
            secret=cast("Secret", value),  # that of a callable is one by now
            scheme=scheme,
            expires_at=expires_at,
            received_at=self._timeline.now(),
            received_wall=self._clock.time(),
            static=scheme == "ApiKey",
        )

    async def _token(self, call: Call) -> Grant:
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
            source=str(call),
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

    async def _answer(self, call: Call, kind: type[T]) -> tuple[T, datetime | None]:
        """Make a call and return its answer, with the server's `Date`."""
        outcome, date = await self._outcome(call, kind)
        if isinstance(outcome, CloudAuthError):
            try:
                raise outcome
            finally:
                del outcome  # else it would hold this frame, which holds it
        return outcome, date

    async def _outcome(
        self, call: Call, kind: type[T]
    ) -> tuple[T | CloudAuthError, datetime | None]:
        """Return the answer or an error.

        An error is raised by the caller: a traceback that shows local variables must find
        neither the answer nor its body in any frame.
        """
        self._known.extend(secret for secret in call.secrets if secret not in self._known)
        try:
            response, body, problem = await self._send(call)
            try:
                date = http_date(response.headers.get(hdrs.DATE))
                return self._parsed(call, response, body, problem, kind), date
            finally:
                del response, body
        except CloudAuthError as error:
            return error.with_traceback(None), None

    def _parsed(
        self,
        call: Call,
        response: aiohttp.ClientResponse,
        body: bytes | None,
        problem: str,
        kind: type[T],
    ) -> T:
        status = response.status
        if 300 <= status < 400:
            msg = f"{call}: a redirect ({status}), which is not followed with credentials"
            raise InvalidResponseError(msg, problems=("redirect @ $",))
        if 400 <= status < 600:
            raise self._refused(call, response, body or b"")
        if status not in call.good:
            msg = f"{call}: a status of {status}"
            raise InvalidResponseError(msg, problems=("status @ $",))
        if body is None:
            msg = f"{call}: the answer is {problem} (at most {self._max_body} bytes are read)"
            raise InvalidResponseError(msg, problems=(f"{problem} @ $",))
        if kind is EmptyResponse and not body.strip():
            body = b"{}"
        value = decode(body, f"{call}{self._typed(response)}")
        if value.get("errors"):
            # The admin console does this while it starts.
            raise self._refused(call, response, body)
        answer = parse(value, kind, str(call))
        cookie = response.cookies.get(_SESSION_COOKIE)
        if cookie is not None and cookie.value:
            self._cookie = Secret(f"{_SESSION_COOKIE}={cookie.coded_value}")
        return answer

    def _typed(self, response: aiohttp.ClientResponse) -> str:
        headers = public_headers(response.headers, tuple(self._known))
        kind = headers.get(hdrs.CONTENT_TYPE, "")
        return f", answered with {kind[:80]}" if kind.isprintable() and kind else ""

    def _refused(self, call: Call, response: aiohttp.ClientResponse, body: bytes) -> ApiError:
        status = response.status
        api = failure_of(status, response.headers, body).from_api
        note = ""
        if status in _ASTRAY or (status == 400 and not api):
            root = self._endpoint.root
            note = f"Is the URL right: https or http, port, path? The API root is {root}"
        return answer_error(
            response,
            body,
            secrets=tuple(self._known),
            authentication=True,
            token_sent=call.token_sent,
            now=self._clock.time(),
            note=note,
        )


def _revealed(value: object) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def _basic(credentials: Basic) -> Secret:
    """Return the encoded pair. Source: RFC 7617 section 2."""
    pair = f"{_revealed(credentials.username)}:{_revealed(credentials.password)}"
    return Secret(base64.b64encode(pair.encode()).decode())
