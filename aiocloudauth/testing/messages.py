"""HTTP messages: a request as operations see it, an answer as a value, and how it is written."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import struct
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

from aiohttp import WSMsgType, web
from attrs import define, evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiocloudauth.clock import Clock
    from aiocloudauth.testing.log import Arrival, Log
    from aiocloudauth.testing.realm import Identity
    from aiocloudauth.testing.versions import Version

__all__ = [
    "ERROR_CODES_HEADER",
    "MESSAGES",
    "Answer",
    "Call",
    "Delivery",
    "Request",
    "deliver",
    "failure",
    "json_answer",
]

#: How much of a body a JSON operation takes, in bytes.
_MOST: Final = 1024 * 1024

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

#: SO_LINGER on, for no time at all: closing sends RST.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


#: The response header that repeats the codes of the errors in the body.
ERROR_CODES_HEADER: Final = "x-cloud-error-codes"

#: The wording that the API description gives for the codes this server answers with.
MESSAGES: Final[Mapping[str, str]] = {
    "api_keys.invalid_input": (
        "The request is invalid. Specify a different request, then try again."
    ),
    "api_keys.key_not_found": "The API key can't be found.",
    "api_keys.user_not_found": "The user can't be found.",
    "authc.authentication_cluster_error": (
        "The authentication cluster failed to process the request. "
        "The response body contains details about the error."
    ),
    "authc.no_authentication_cluster": (
        "The administrator needs to configure the authentication cluster."
    ),
    "controller_route.controller_not_ready": "The admin console is not ready yet.",
    "root.invalid_data": "The request is not what the API expects.",
    "root.resource_not_found": "The requested resource could not be found",
    "root.unauthenticated": "The supplied authentication is invalid",
    "root.unauthorized": "The authentication token is invalid or expired.",
    "root.unauthorized.rbac": "The user lacks the permission that this operation needs.",
    "root.unauthorized.rbac.elevated_permissions_required": (
        "This operation needs elevated permissions."
    ),
}


class Request(web.BaseRequest):
    """A request of aiohttp's, whose response may do without headers that aiohttp adds."""

    #: The names of those headers.
    omitted: tuple[str, ...] = ()

    # Private: this hook alone runs after aiohttp has added its headers. Where it is not called,
    # `Date` and `Server` cannot be left out.
    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        for name in self.omitted:
            response.headers.popall(name, None)


@define(eq=False)
class Call:
    """A request below the API root, and who sent it."""

    request: Request
    arrival: Arrival
    log: Log
    method: str

    #: Below the API root, with its leading slash, still encoded.
    path: str
    identity: Identity

    #: The parts of the path that vary, as `user_id`, decoded.
    parts: Mapping[str, str]

    async def read(self) -> bytes:
        """Read the body to its end, note its size and digest; return its first MiB."""
        request = self.request
        if not request.body_exists:
            return b""
        await self._go_on()
        digest, kept, arrival = hashlib.sha256(), bytearray(), self.arrival
        async for chunk in request.content.iter_any():
            digest.update(chunk)
            arrival.body_size += len(chunk)
            if len(kept) < _MOST:
                kept += chunk[: _MOST - len(kept)]
        arrival.body_sha256 = digest.hexdigest()
        body = bytes(kept)
        self.log.keep(arrival, body)
        return body

    async def json_object(self) -> dict[str, object] | None:
        """Read the body as a JSON object; None if it is anything else, or above 1 MiB."""
        body = await self.read()
        if self.arrival.body_size > _MOST:
            return None
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    def header(self, name: str) -> str:
        """Return a header of the request, empty if there is none."""
        return self.request.headers.get(name, "")

    def cookie(self, name: str) -> str | None:
        """Return a cookie of the request."""
        return self.request.cookies.get(name)

    def query(self, name: str) -> str | None:
        """Return a field of the query."""
        return self.request.query.get(name)

    async def _go_on(self) -> None:
        # A client that asks first (curl, for a large body) waits for this.
        if self.request.headers.get("Expect", "").lower() == "100-continue":
            _transport_of(self.request).write(_CONTINUE)


@frozen(kw_only=True)
class Delivery:
    """How an answer is put on the wire, where that is not the plain way."""

    #: Write nothing, and leave the connection open.
    silent: bool = False

    #: Accept the WebSocket handshake, and echo what comes.
    websocket: bool = False

    #: Write these bytes instead of an HTTP answer, then close.
    raw: bytes | None = field(default=None, repr=False)

    #: Write the body in pieces of so many bytes, so many seconds apart.
    piece: int | None = None
    interval: float = 0.0

    #: End the connection: before the status line, or after so many bytes of the body.
    cut: Literal["before_headers"] | int | None = None

    #: End it with a reset (RST) rather than in good order (FIN).
    reset: bool = False

    #: End it in good order after the whole answer, which says nothing of that.
    hang_up: bool = False

    #: After the body go on with this for ever, as fast as the client reads.
    endless: bytes | None = field(default=None, repr=False)


@frozen
class Answer:
    """One HTTP answer before it is written."""

    status: int = 200
    body: bytes = field(default=b"{}", repr=False)
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    delivery: Delivery | None = None

    #: Headers that it is sent without, those that aiohttp adds (`Date`, `Server`) included.
    omitted: tuple[str, ...] = field(default=(), kw_only=True)

    def with_headers(self, *headers: tuple[str, str]) -> Answer:
        """Return the same answer with more headers."""
        return evolve(self, headers=(*self.headers, *headers))

    def replacing_headers(self, *headers: tuple[str, str]) -> Answer:
        """Return the same answer with these headers in place of those of their names."""
        answer = self.without_headers(*(name for name, _ in headers)).with_headers(*headers)
        given = {name.lower() for name, _ in headers}
        omitted = tuple(name for name in answer.omitted if name.lower() not in given)
        return evolve(answer, omitted=omitted)

    def without_headers(self, *names: str) -> Answer:
        """Return the same answer without these headers, also where aiohttp would add them."""
        unwanted = {name.lower() for name in names}
        kept = tuple(header for header in self.headers if header[0].lower() not in unwanted)
        return evolve(self, headers=kept, omitted=(*self.omitted, *names))

    def delivered(self, **how: Any) -> Answer:
        """Return the same answer, delivered in another way; what was set before stays."""
        return evolve(self, delivery=evolve(self.delivery or Delivery(), **how))


def json_answer(value: object, *, status: int = 200) -> Answer:
    """Answer with a JSON document."""
    return Answer(status=status, body=json.dumps(value, separators=(",", ":")).encode())


def failure(
    status: int,
    code: str | None,
    *,
    message: str | None = None,
    fields: Iterable[str] = (),
    version: Version | None = None,
) -> Answer:
    """Answer with ECE's error envelope: `errors` in the body, the codes in a header.

    Without a `code` the answer is what an old route gives, `{"ok": false, "message": ...}`,
    and carries no codes header. Source: ECE 3.8 API, BasicFailedReply.
    """
    if message is None:
        message = MESSAGES.get(code or "", "The request failed.")
    if code is None:
        return json_answer({"ok": False, "message": message}, status=status)
    error: dict[str, object] = {"code": code, "message": message}
    if named := list(fields):
        error["fields"] = named
    answer = json_answer({"errors": [error]}, status=status)
    if version is not None and not version.error_codes_header:
        return answer
    return answer.with_headers((ERROR_CODES_HEADER, code))


async def deliver(
    request: Request, arrival: Arrival, answer: Answer, clock: Clock, date: str | None
) -> web.StreamResponse:
    """Write an answer the way its `delivery` says; note the status once it is written."""
    if (how := answer.delivery) is None:
        arrival.status = answer.status
        response = web.Response(status=answer.status, body=answer.body)
        _write_headers(request, response, answer, date)
        return response
    try:
        return await _write(request, arrival, answer, how, clock, date)
    except ConnectionError:
        # The client has gone; aiohttp is about to say so by cancelling this task.
        await _until_cancelled()


def _write_headers(
    request: Request, response: web.StreamResponse, answer: Answer, date: str | None
) -> None:
    headers = response.headers
    headers["Content-Type"] = answer.content_type
    for name, value in answer.headers:
        if name.lower() == "content-type":
            headers[name] = value
        else:
            headers.add(name, value)
    request.omitted = answer.omitted
    if date is not None:
        headers.setdefault("Date", date)
    elif "Date" not in headers:
        request.omitted += ("Date",)


async def _write(
    request: Request,
    arrival: Arrival,
    answer: Answer,
    how: Delivery,
    clock: Clock,
    date: str | None,
) -> web.StreamResponse:
    if how.websocket:
        return await _echo_messages(request, arrival)
    if how.silent:
        await _until_cancelled()
    if how.raw is not None:
        _transport_of(request).write(how.raw)
        await _hang_up(request, reset=False)
    if how.cut == "before_headers":
        await _hang_up(request, reset=how.reset)
    arrival.status = answer.status
    response = web.StreamResponse(status=answer.status)
    _write_headers(request, response, answer, date)
    await _stream(request, response, answer.body, how, clock)
    return response


async def _stream(
    request: Request,
    response: web.StreamResponse,
    body: bytes,
    how: Delivery,
    clock: Clock,
) -> None:
    if how.endless is None:
        response.content_length = len(body)
    if isinstance(how.cut, int):
        body = body[: how.cut]
    await response.prepare(request)
    await _write_body(response, body, how.piece, how.interval, clock)
    while how.endless is not None:
        await response.write(how.endless)
        # A client that reads as fast as this writes must not keep the loop to itself.
        await asyncio.sleep(0)  # noqa: TID251 - gives way, waits for nothing
    if how.cut is not None:
        await _hang_up(request, reset=how.reset)
    await response.write_eof()
    if how.hang_up:
        await _hang_up(request, reset=False)


async def _write_body(
    response: web.StreamResponse, body: bytes, piece: int | None, interval: float, clock: Clock
) -> None:
    if piece is None:
        if body:
            await response.write(body)
        return
    for start in range(0, len(body), piece):
        await clock.sleep(interval)
        await response.write(body[start : start + piece])


async def _echo_messages(request: Request, arrival: Arrival) -> web.StreamResponse:
    messages = web.WebSocketResponse()
    await messages.prepare(request)
    arrival.status = messages.status
    async for message in messages:
        if message.type is WSMsgType.TEXT:
            await messages.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await messages.send_bytes(message.data)
    return messages


def _transport_of(request: Request) -> asyncio.Transport:
    """Return the connection itself."""
    transport: asyncio.Transport | None = request.transport
    if transport is None:  # pragma: no cover - aiohttp cancels the handler of a lost connection
        raise ConnectionResetError("the client has gone")
    return transport


async def _hang_up(request: Request, *, reset: bool) -> NoReturn:
    transport = _transport_of(request)
    if reset:
        # Without a socket, in memory, every abort is a reset.
        if (connection := transport.get_extra_info("socket")) is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
    else:
        transport.close()
    await _until_cancelled()


async def _until_cancelled() -> NoReturn:
    # The end of the connection cancels the handler, and so does the server's `close`.
    while True:
        await asyncio.get_running_loop().create_future()
