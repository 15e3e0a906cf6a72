"""Whether a refused request can be sent again: what was refused, and what its body is."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import payload

from aiocloudauth._http import compat
from aiocloudauth._http.responses import peek
from aiocloudauth._wire.failure import Refusal, header_codes, refusal_of

if TYPE_CHECKING:
    from aiocloudauth.clock import Clock

__all__ = ["can_send_again", "has_body", "let_go", "refusal_in"]

#: Files whose lock puts a seek after a read that a thread is still busy with.
_LOCKED = (io.BufferedReader, io.BufferedRandom, io.BytesIO)


async def let_go(request: aiohttp.ClientRequest, response: aiohttp.ClientResponse) -> None:
    """Give up a refused answer, so that the request can be sent again.

    The connection is kept if there was no body. A server that answers early may not have read
    that to its end, and may close the connection without saying so.
    """
    if has_body(request):
        response.close()
    else:
        response.release()
    await compat.end_of_writing(request)


def can_send_again(body: object, *, interrupted: bool = False) -> bool:
    """Return whether a body's type says that it can be sent a second time.

    Never ``consumed`` alone: before aiohttp 3.14 it stays false for a generator that an
    early answer interrupted, whose rest would then be sent as if it were the whole.

    Args:
        body: As `aiohttp.ClientRequest.body` has it.
        interrupted: Whether the answer came while the body was being written: a thread may
            still be reading a file, and move the position that the second sending reads from.
    """
    if isinstance(body, payload.BytesPayload):
        return True
    if isinstance(body, aiohttp.MultipartWriter):
        return all(can_send_again(part, interrupted=interrupted) for part, _, _ in body)
    if isinstance(body, payload.IOBasePayload):
        file = compat.file_of(body)
        if file is None or (interrupted and not isinstance(file, _LOCKED)):
            return False
        return not body.consumed and not file.closed and file.seekable()
    return _is_empty(body)


def has_body(request: aiohttp.ClientRequest) -> bool:
    """Return whether a request has a body."""
    return not _is_empty(request.body)


def _is_empty(body: object) -> bool:
    return body is None or body == b""


async def refusal_in(
    response: aiohttp.ClientResponse, limit: int, clock: Clock, within: float
) -> Refusal | None:
    """Return how a 401 refuses the token, if it does; the answer stays readable.

    The body is read only where the header names no code; see `read_error` for the bounds.
    """
    named = header_codes(response.headers)
    body = b"" if named else await peek(response, limit, clock, within)
    return refusal_of(response.status, response.headers, body)
