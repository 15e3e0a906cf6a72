"""Binds the token to requests: stamps it when one is written, replays a refused one once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import hdrs, payload

from aiocloudauth import events
from aiocloudauth.endpoint import without_secrets
from aiocloudauth.errors import BodyNotReplayableError
from aiocloudauth.failure import is_token_refusal
from aiocloudauth.schema import failure_of, header_codes

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from aiohttp.connector import Connection

    from aiocloudauth.refresher import TokenRefresher
    from aiocloudauth.token import SessionToken

__all__ = ["BearerMiddleware", "BearerRequest"]

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
        token = await refresher.usable()
        protocol = conn.protocol
        if protocol is None or not protocol.is_connected():
            raise _NothingWrittenError
        self.sent = token
        self.headers[hdrs.AUTHORIZATION] = token.authorization.reveal()
        return await _send(self, conn)


def can_send_again(body: object) -> bool:
    """Return whether a body's type says that it can be sent a second time.

    Never ``consumed`` alone: before aiohttp 3.14 it stays false for a generator that an
    early answer interrupted, whose rest would then be sent as if it were the whole.
    """
    if isinstance(body, payload.BytesPayload):
        return True
    if isinstance(body, aiohttp.MultipartWriter):
        return all(can_send_again(part) for part, _, _ in body)
    if isinstance(body, payload.IOBasePayload):
        file = body._value  # noqa: SLF001 - the file itself is kept nowhere else
        return not body.consumed and not file.closed and file.seekable()
    return body is None or body == b""


async def _peek(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read up to `limit` bytes of the body and leave it readable; ``b""`` if it is longer."""
    content, chunks, size = response.content, [], 0
    while size <= limit and (chunk := await content.readany()):
        chunks.append(chunk)
        size += len(chunk)
    read = b"".join(chunks)
    if read:
        with warnings.catch_warnings():
            # Deprecated without a successor; nothing else leaves the answer to the caller.
            warnings.simplefilter("ignore", DeprecationWarning)
            content.unread_data(read)
    return read if size <= limit else b""


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

    __slots__ = ("_owns", "_refresher")

    def __init__(self, refresher: TokenRefresher) -> None:
        """Bind to `refresher`."""
        self._refresher = refresher
        self._owns = refresher.endpoint.owns

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send `request` with the token, and again with a newer one if that is refused."""
        headers = request.headers
        if not self._owns(request.url) or (
            hdrs.AUTHORIZATION in headers and not _from_netrc(request)
        ):
            return await handler(request)
        if not isinstance(request, BearerRequest):
            return await self._unbound(request, handler)
        request.refresher = self._refresher
        try:
            response = await handler(request)
        except _NothingWrittenError:
            response = await self._written(request, handler)
        finally:
            headers.pop(hdrs.AUTHORIZATION, None)
        if response.status != 401:
            return response
        token = request.sent
        if token is None or not await self._renewed(request, response, token):
            return response
        return await self._written(request, handler)

    async def _written(
        self, request: BearerRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Hand the request on until a connection lives long enough to write to it."""
        while True:
            try:
                return await handler(request)
            except _NothingWrittenError:
                continue
            finally:
                request.headers.pop(hdrs.AUTHORIZATION, None)

    async def _unbound(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """As `__call__`, for a session without `BearerRequest`."""
        token = await self._refresher.usable()
        response = await self._stamped(request, handler, token)
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
        finally:
            request.headers.pop(hdrs.AUTHORIZATION, None)

    async def _renewed(
        self,
        request: aiohttp.ClientRequest,
        response: aiohttp.ClientResponse,
        token: SessionToken,
    ) -> bool:
        """Return whether a 401 was about `token` and the request may be sent again."""
        if not await self._is_refusal(response) or not self._refresher.reject(token):
            return False
        # Keeping the connection while waiting would block a pool of one.
        response.release()
        await request.close()
        await self._refresher.usable()
        if not can_send_again(request.body):
            msg = (
                f"{request.method} {without_secrets(request.url)}: the token was refused and "
                "renewed, but this body cannot be sent twice; send the request again"
            )
            raise BodyNotReplayableError(msg)
        if hdrs.EXPECT in request.headers:
            request.update_expect_continue()
        self._refresher.emit(
            events.RequestReplayed, method=request.method, url=without_secrets(request.url)
        )
        return True

    async def _is_refusal(self, response: aiohttp.ClientResponse) -> bool:
        codes = header_codes(response.headers)
        if not codes:
            try:
                body = await _peek(response, self._refresher.policy.max_body)
            except aiohttp.ClientPayloadError:
                body = b""
            codes = failure_of(response.status, response.headers, body).codes
        return is_token_refusal(response.status, codes)


def _from_netrc(request: aiohttp.ClientRequest) -> bool:
    """Return whether an ``Authorization`` field is one that ``trust_env`` brought in."""
    value = request.headers[hdrs.AUTHORIZATION]
    return request.session.trust_env and value.startswith("Basic ")
