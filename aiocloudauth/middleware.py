"""Binds the token to requests: stamps it when one is written, replays a refused one once."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import hdrs
from aiohttp.helpers import basicauth_from_netrc, netrc_from_env

from aiocloudauth import events
from aiocloudauth.endpoint import without_secrets
from aiocloudauth.errors import BodyNotReplayableError, SessionClosedError, chain
from aiocloudauth.replay import can_send_again, is_refusal, was_interrupted

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from aiohttp.connector import Connection
    from yarl import URL

    from aiocloudauth.refresher import TokenRefresher
    from aiocloudauth.token import SessionToken

__all__ = ["BearerMiddleware", "BearerRequest"]

#: The field of an answer that says when the API key of the request ends. Source: ECE 3.8 API.
KEY_EXPIRATION: Final = "X-Elastic-Api-Key-Expiration"

_send: Final = aiohttp.ClientRequest.send


class _NothingWrittenError(Exception):
    """The connection was closed while the request waited for a token."""


class BearerRequest(aiohttp.ClientRequest):
    """A request that takes its token when it is written.

    Middlewares run before the wait for a pooled connection, so a token stamped there may
    be old when the request goes out. Pass this as ``request_class=`` to a
    `aiohttp.ClientSession` whose ``middlewares`` hold a `BearerMiddleware`.
    """

    #: Set by the middleware; without one this is a plain request.
    refresher: TokenRefresher | None = None
    #: When it began, seconds of the session's clock, if others waited for a token then.
    began: float = 0.0
    #: The token that was stamped last.
    sent: SessionToken | None = None

    def send(self, conn: Connection) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
        """Stamp the token in hand and write the request; wait if there is none."""
        refresher = self.refresher
        if refresher is None:
            return _send(self, conn)
        token = refresher.current
        if token is None:
            return self._send_when_usable(refresher, conn)
        self.sent = token
        self.headers[hdrs.AUTHORIZATION] = token.authorization.reveal()
        return _send(self, conn)

    async def _send_when_usable(
        self, refresher: TokenRefresher, conn: Connection
    ) -> aiohttp.ClientResponse:
        try:
            token = await refresher.usable(waited=refresher.outage.waited(self.began))
        except BaseException:
            conn.release()  # nothing was written to it, and the next one need not connect
            raise
        protocol = conn.protocol
        if protocol is None or not protocol.is_connected():
            raise _NothingWrittenError
        self.sent = token
        self.headers[hdrs.AUTHORIZATION] = token.authorization.reveal()
        return await _send(self, conn)


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

    __slots__ = ("_last", "_outage", "_owns", "_refresher")

    def __init__(self, refresher: TokenRefresher) -> None:
        """Bind to `refresher`."""
        self._refresher = refresher
        self._outage = refresher.outage
        self._owns = refresher.endpoint.owns
        # The URL that was found to be ours last: a session's URLs are cached objects.
        self._last: URL | None = None

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send `request` with the token, and again with a newer one if that is refused."""
        # Each local variable here is memory in each request that waits for a connection.
        if request.url is not self._last and not self._is_ours(request.url):
            return await self.pass_on(request, handler)
        if hdrs.AUTHORIZATION in request.headers and not _from_netrc(request):
            return await self.pass_on(request, handler)
        if not isinstance(request, BearerRequest):
            return await self._unbound(request, handler)
        request.refresher = self._refresher
        if self._outage.since is not None:
            request.began = self._outage.now()
        try:
            response = await handler(request)
        except _NothingWrittenError:
            response = await self._written(request, handler)
        except BaseException as error:
            self._broken_off(request, error)
            raise
        finally:
            request.headers.pop(hdrs.AUTHORIZATION, None)
        if KEY_EXPIRATION in response.headers:
            self._heard(response, request.sent)
        if response.status != 401 or request.sent is None:
            return response
        if not await self._renewed(request, response, request.sent):
            return response
        return await self._written(request, handler)

    def _heard(self, response: aiohttp.ClientResponse, token: SessionToken | None) -> None:
        """Take in when the API key ends that an answer was given to."""
        if token is not None and token.scheme == "ApiKey":
            self._refresher.key_ends(token, response.headers[KEY_EXPIRATION])

    def _is_ours(self, url: URL) -> bool:
        if not self._owns(url):
            return False
        self._last = url
        return True

    async def pass_on(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Leave a request alone that is not for our token; it waits in the same pool."""
        try:
            return await handler(request)
        except BaseException as error:
            self._broken_off(request, error)
            raise

    async def _written(
        self, request: BearerRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Hand the request on until a connection lives long enough to write to it."""
        while True:
            try:
                return await handler(request)
            except _NothingWrittenError:
                continue
            except BaseException as error:
                self._broken_off(request, error)
                raise
            finally:
                request.headers.pop(hdrs.AUTHORIZATION, None)

    async def _unbound(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """As `__call__`, for a session without `BearerRequest`."""
        token = await self._refresher.usable()
        response = await self._stamped(request, handler, token)
        if KEY_EXPIRATION in response.headers:
            self._heard(response, token)
        if response.status != 401 or not await self._renewed(request, response, token):
            return response
        return await self._stamped(request, handler, await self._refresher.usable())

    async def _stamped(
        self,
        request: aiohttp.ClientRequest,
        handler: aiohttp.ClientHandlerType,
        token: SessionToken,
    ) -> aiohttp.ClientResponse:
        request.headers[hdrs.AUTHORIZATION] = token.authorization.reveal()
        try:
            return await handler(request)
        except BaseException as error:
            self._broken_off(request, error)
            raise
        finally:
            request.headers.pop(hdrs.AUTHORIZATION, None)

    def _broken_off(self, request: aiohttp.ClientRequest, error: BaseException) -> None:
        """See to what a request leaves that ended without an answer."""
        connector = request.session.connector
        if connector is not None:
            # aiohttp's pool lets the next in its queue go on by waking it. If that one is
            # cancelled in the same turn of the loop, the others would wait for ever.
            connector._release_waiter()  # noqa: SLF001 - nothing public wakes the next one
        if isinstance(error, aiohttp.ClientError):
            forget_frames(error)
        elif isinstance(error, asyncio.CancelledError) and self._refresher.closed:
            # Tell a close from a cancellation: aiohttp's pool cancels those who wait for it.
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                msg = "the session was closed while the request waited for a connection"
                raise SessionClosedError(msg)

    async def _renewed(
        self,
        request: aiohttp.ClientRequest,
        response: aiohttp.ClientResponse,
        token: SessionToken,
    ) -> bool:
        """Return whether a 401 was about `token` and the request may be sent again."""
        refresher = self._refresher
        interrupted = was_interrupted(request, response)  # to be asked before any wait
        with refresher.readings.bound(response):
            refused = await is_refusal(response, refresher.policy.max_body)
        if not refused:
            return False
        try:
            if not refresher.reject(token):
                return False
        except BaseException:  # from another loop
            response.close()
            raise
        # Keeping the connection while waiting would block a pool of one.
        response.release()
        await request.close()
        await refresher.usable()
        if not can_send_again(request.body, interrupted=interrupted):
            msg = (
                f"{request.method} {without_secrets(request.url)}: the token was refused and "
                "renewed, but this body cannot be sent twice; send the request again"
            )
            raise BodyNotReplayableError(msg)
        if hdrs.EXPECT in request.headers:
            request.update_expect_continue()
        refresher.emit(
            events.RequestReplayed, method=request.method, url=without_secrets(request.url)
        )
        return True


class OwnAuthorization:
    """Sends a caller's own ``Authorization`` where a netrc entry would clash with it.

    To the one origin it was given for, as aiohttp does with a header field.
    """

    __slots__ = ("_origin", "_value")

    def __init__(self, value: str, url: URL) -> None:
        """Send `value` to the origin of `url`."""
        self._value = value
        self._origin = url.origin()

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Put the field in the place of the one from netrc."""
        if request.url.origin() == self._origin:
            request.headers[hdrs.AUTHORIZATION] = self._value
        return await handler(request)


def forget_frames(error: BaseException) -> None:
    """Clear the local variables below an error of aiohttp's: they hold what was written.

    Those of other modules are left: to clear a frame that waits ends it, and an error that
    a request met may have come through a task of the caller's that goes on.
    """
    for link in chain(error):
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if frame.f_globals.get("__name__", "").startswith("aiohttp."):
                with suppress(RuntimeError):  # it still runs
                    frame.clear()


def _from_netrc(request: aiohttp.ClientRequest) -> bool:
    """Return whether the ``Authorization`` field is one that ``trust_env`` brought in."""
    if not request.session.trust_env or request.url.host is None:
        return False
    try:
        entry = basicauth_from_netrc(netrc_from_env(), request.url.host)
    except LookupError:
        return False
    return request.headers[hdrs.AUTHORIZATION] == entry.encode()
