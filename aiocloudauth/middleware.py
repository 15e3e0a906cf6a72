"""Binds the token to requests: stamps it when one is written, replays a refused one once."""

from __future__ import annotations

import math
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import hdrs

from aiocloudauth._http import compat
from aiocloudauth._http.options import netrc_authorization
from aiocloudauth._http.replay import can_send_again, has_body, let_go, refusal_in
from aiocloudauth._wire.endpoint import without_secrets
from aiocloudauth._wire.failure import Refusal
from aiocloudauth.errors import BodyNotReplayableError, chain

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, Self

    from aiohttp.connector import Connection
    from yarl import URL

    from aiocloudauth._runtime.token_source import TokenSource
    from aiocloudauth.refresher import TokenRefresher
    from aiocloudauth.token import SessionToken

__all__ = ["BearerMiddleware", "BearerRequest"]

#: What of a caller's time is left for the error to reach the caller: seconds, and at most this
#: share of that time.
_TELLING: Final = 0.1
_TELLING_SHARE: Final = 0.1

#: What says when the API key ends that a request was sent with. Source: ECE 3.8 API.
_KEY_EXPIRATION: Final = "X-Elastic-Api-Key-Expiration"


class _NothingWrittenError(Exception):
    """The request wants another connection than this, which aiohttp then closes."""


class BearerRequest(aiohttp.ClientRequest):
    """A request that takes its token when it is written.

    Middlewares run before the wait for a pooled connection, so a token stamped there may
    be old when the request goes out. Pass this as ``request_class=`` to a
    `aiohttp.ClientSession` whose ``middlewares`` hold a `BearerMiddleware`.
    """

    #: Set by the middleware; without one this is a plain request.
    source: TokenSource | None = None
    #: When the middleware had it, seconds of the session's clock.
    began: float = 0.0
    #: What the call itself gives the request in all, seconds; `None` is what its session gives.
    within: float | None = None
    #: The token that was stamped last.
    sent: SessionToken | None = None
    #: The protocol of the connection that it was written to last.
    written_to: object = None

    if compat.SEND is not None:

        def send(self, conn: Connection) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
            """Stamp the token in hand and write the request; wait if there is none."""
            source = self.source
            if source is not None:
                if self.sent is not None and self.written_to is conn.protocol and has_body(self):
                    # Refused early, it may not have been read there, and the rest never will be.
                    raise _NothingWrittenError
                token = source.current
                if token is None:
                    return self._send_when_usable(source, conn)
                self._stamp(token, conn)
            return compat.SEND(self, conn)  # type: ignore[no-any-return]  # aiohttp's own

    def _stamp(self, token: SessionToken, conn: Connection) -> None:
        self.sent = token
        self.written_to = conn.protocol
        self.headers[hdrs.AUTHORIZATION] = token.authorization.reveal()

    async def _send_when_usable(
        self, source: TokenSource, conn: Connection
    ) -> aiohttp.ClientResponse:
        try:
            token = await source.usable(
                began=self.began, until=_until(self, self.began, self.within)
            )
        except BaseException:
            conn.release()  # nothing was written to it, and the next one need not connect
            raise
        if not compat.untouched(conn):
            raise _NothingWrittenError
        self._stamp(token, conn)
        return await compat.SEND(self, conn)  # type: ignore[no-any-return]  # aiohttp's own


class BearerMiddleware:
    """Sends a refresher's token with every request to its origin, and to no other.

    A request that carries an ``Authorization`` field of its own is left alone. With
    `BearerRequest` as the session's ``request_class`` the token is bound when a request
    is written; without it, when this middleware runs.

    A refused token (401) is renewed, and the request sent once more if its body can be:
    none, bytes, text, JSON, forms, seekable files, and multiparts of those.

    ``trace_configs`` callbacks see the header of a request that is being written.

    Args:
        refresher: Owned by the caller, who opens and closes it.

    Raises:
        BodyNotReplayableError: The token was refused, a new one is held, and the body
            cannot be sent again.
        SessionExpiredError: No token could be had; ``__cause__`` says why.
    """

    __slots__ = ("_last", "_now", "_refresher", "_source")

    def __init__(self, refresher: TokenRefresher) -> None:
        """Bind to `refresher`."""
        self._refresher = refresher  # kept alive: one that is forgotten stops
        self._source = refresher._source  # noqa: SLF001 - its other half: see `TokenSource`
        self._now = self._source.clock.monotonic
        # The URL that was found to be ours last: a session's URLs are cached objects.
        self._last: URL | None = None

    async def __call__(  # noqa: C901 - a request from its beginning to its end, in one frame
        self,
        request: aiohttp.ClientRequest,
        handler: aiohttp.ClientHandlerType,
        *,
        within: float | None = None,
    ) -> aiohttp.ClientResponse:
        """Send `request` with the token, and again with a newer one if that is refused.

        Args:
            request: As aiohttp hands it over.
            handler: As aiohttp hands it over.
            within: The call's own time limit, seconds, which aiohttp tells no middleware;
                `None` is that of the client session.
        """
        # Each local variable here is memory in each request that waits for a connection.
        if not (request.url is self._last or self._is_ours(request.url)) or (
            hdrs.AUTHORIZATION in request.headers and not await _from_netrc(request)
        ):
            return await handler(request)
        source, began, token, replayed = self._source, self._now(), None, False
        bound = request if compat.SEND and isinstance(request, BearerRequest) else None
        if bound is not None:
            bound.source, bound.began, bound.within = source, began, within
        while True:
            if bound is None:  # before the wait for a connection, then
                token = await source.usable(until=_until(request, began, within))
                request.headers[hdrs.AUTHORIZATION] = token.authorization.reveal()
            try:
                response = await handler(request)
            except _NothingWrittenError:
                continue  # on a connection that lives long enough
            except (aiohttp.ClientError, UnicodeEncodeError) as error:
                forget_what_was_written(error)
                raise
            finally:
                # aiohttp prints the fields of a request in some of its errors.
                request.headers.pop(hdrs.AUTHORIZATION, None)
            token = token if bound is None else bound.sent
            if token is None:
                return response
            if token.scheme == "ApiKey":
                source.key_ends(token, response.headers.get(_KEY_EXPIRATION))
            if response.status != 401 or replayed:
                return response
            until = _until(request, began, within)
            if not await self._renewed(request, response, token, until):
                return response
            replayed = True

    def _is_ours(self, url: URL) -> bool:
        ours = self._source.endpoint.owns(url)
        if ours:
            self._last = url
        return ours

    async def _renewed(
        self,
        request: aiohttp.ClientRequest,
        response: aiohttp.ClientResponse,
        token: SessionToken,
        until: float,
    ) -> bool:
        """Return whether a 401 was about `token`, and the request is to be sent again."""
        source, policy = self._source, self._source.policy
        interrupted = compat.still_writing(request)  # aiohttp ends that soon
        refusal = await refusal_in(response, policy.max_body, source.clock, policy.attempt_timeout)
        if refusal is None:
            return False
        coded = refusal is Refusal.CODED
        try:
            if not source.may_replay(token, coded=coded):
                return False
        except BaseException:  # from another loop
            response.close()
            raise
        if not coded and not can_send_again(request.body, interrupted=interrupted):
            source.reject(token, coded=False)
            return False  # somebody else's words, and no second try: the caller needs to see them
        # Keeping the connection while waiting would block a pool of one.
        await let_go(request, response)
        await source.refused(token, coded=coded, until=until)
        again = can_send_again(request.body, interrupted=interrupted)
        if not again or not compat.expect_again(request):
            await source.usable(until=until)
            msg = (
                f"{request.method} {without_secrets(request.url)}: the token was refused, and "
                "another may be had, but this body cannot be sent twice; send the request again"
            )
            raise BodyNotReplayableError(msg)
        source.replayed(request.method, without_secrets(request.url))
        return True


#: Where a caller's own ``Authorization`` stands until it is sent; this field itself never is.
OWN_AUTHORIZATION: Final = "X-Own-Authorization"


class OwnAuthorization(str):
    """A caller's own ``Authorization``, which shows itself to `send_own_authorization` alone.

    For the one origin it was given for, as aiohttp does with that field. Beside an entry from
    netrc aiohttp refuses that field itself.
    """

    __slots__ = ("origin", "value")

    value: str
    origin: URL

    def __new__(cls, value: str, url: URL) -> Self:
        """Hold `value` for the origin of `url`."""
        self = super().__new__(cls, "***")
        self.value = value
        self.origin = url.origin()
        return self


async def send_own_authorization(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Put a caller's own ``Authorization`` in the place of the one from netrc."""
    own = request.headers.pop(OWN_AUTHORIZATION, None)
    if isinstance(own, OwnAuthorization) and request.url.origin() == own.origin:
        request.headers[hdrs.AUTHORIZATION] = own.value
    return await handler(request)


def forget_what_was_written(error: BaseException) -> None:
    """Clear the local variables below an error of aiohttp's, and what it quotes of a secret.

    Those of other modules are left: to clear a frame that waits ends it, and an error that
    a request met may have come through a task of the caller's that goes on.
    """
    for link in chain(error):
        compat.forget_proxy(link)
        if isinstance(link, UnicodeEncodeError):  # a field that is no text quotes all of them
            link.object = ""
            link.args = (link.encoding, "", link.start, link.end, link.reason)
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if frame.f_globals.get("__name__", "").startswith("aiohttp."):
                with suppress(RuntimeError):  # it still runs
                    frame.clear()


def _until(request: aiohttp.ClientRequest, began: float, within: float | None) -> float:
    """Return until when a request may wait for a token, seconds of the session's clock.

    A little less than `within`, the caller's time limit, lest the caller never learns the reason.
    """
    limit = request.session.timeout.total if within is None else within
    if not limit:
        return math.inf
    return began + limit - min(_TELLING, limit * _TELLING_SHARE)


async def _from_netrc(request: aiohttp.ClientRequest) -> bool:
    """Return whether the ``Authorization`` field is one that ``trust_env`` brought in."""
    if not request.session.trust_env or request.url.host is None:
        return False
    return request.headers[hdrs.AUTHORIZATION] == await netrc_authorization(request.url.host)
