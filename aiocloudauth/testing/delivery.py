"""How an answer is written to the connection: plainly, slowly, partly, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Final, NoReturn

from aiohttp import WSMsgType, web

from aiocloudauth.testing.answers import Delivery

if TYPE_CHECKING:
    from aiocloudauth.clock import Clock
    from aiocloudauth.testing.answers import Answer
    from aiocloudauth.testing.records import Arrival

__all__ = ["deliver", "plain", "transport_of"]

#: SO_LINGER on, for no time at all: closing sends RST.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


def plain(answer: Answer, date: str | None) -> web.Response:
    """Make aiohttp's response of an answer that is delivered the plain way."""
    headers = {"Date": date} if date else {}
    response = web.Response(
        status=answer.status,
        body=answer.body,
        content_type=answer.content_type,
        headers=headers,
    )
    for name, value in answer.headers:
        response.headers.add(name, value)
    return response


async def deliver(
    request: web.BaseRequest, arrival: Arrival, answer: Answer, clock: Clock, date: str | None
) -> web.StreamResponse:
    """Write an answer the way its `delivery` says; note the status once it is written."""
    how = answer.delivery or Delivery()
    try:
        return await _write(request, arrival, answer, how, clock, date)
    except ConnectionError:
        # The client has gone; aiohttp is about to say so by cancelling this task.
        await _until_cancelled()


async def _write(
    request: web.BaseRequest,
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
        transport_of(request).write(how.raw)
        await _hang_up(request, reset=False)
    if how.cut == "before_headers":
        await _hang_up(request, reset=how.reset)
    arrival.status = answer.status
    return await _stream(request, answer, how, clock, date)


async def _stream(
    request: web.BaseRequest, answer: Answer, how: Delivery, clock: Clock, date: str | None
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status)
    response.content_type = answer.content_type
    if date:
        response.headers["Date"] = date
    for name, value in answer.headers:
        response.headers.add(name, value)
    body = answer.body
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
    return response


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


async def _echo_messages(request: web.BaseRequest, arrival: Arrival) -> web.StreamResponse:
    messages = web.WebSocketResponse()
    await messages.prepare(request)
    arrival.status = messages.status
    async for message in messages:
        if message.type is WSMsgType.TEXT:
            await messages.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await messages.send_bytes(message.data)
    return messages


def transport_of(request: web.BaseRequest) -> asyncio.Transport:
    """Return the connection itself."""
    transport: asyncio.Transport | None = request.transport
    if transport is None:  # pragma: no cover - aiohttp cancels the handler of a lost connection
        raise ConnectionResetError("the client has gone")
    return transport


async def _hang_up(request: web.BaseRequest, *, reset: bool) -> NoReturn:
    transport = transport_of(request)
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
