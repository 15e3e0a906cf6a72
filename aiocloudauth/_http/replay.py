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

__all__ = ["can_send_again", "refusal_in", "was_interrupted"]

#: Files whose lock puts a seek after a read that a thread is still busy with.
_LOCKED = (io.BufferedReader, io.BufferedRandom, io.BytesIO)


def was_interrupted(request: aiohttp.ClientRequest, response: aiohttp.ClientResponse) -> bool:
    """Return whether the answer came while the body was still being written.

    To be asked at once when the answer is there: aiohttp ends the writing then, but not a
    thread that reads a file for it. The connection is not used again: the server still
    expects the rest of the body on it, and before aiohttp 3.14 would be sent a request.
    """
    if not compat.still_writing(request):
        return False
    connection = response.connection
    if connection is not None and connection.protocol is not None:
        connection.protocol.force_close()
    return True


def can_send_again(body: object, *, interrupted: bool = False) -> bool:
    """Return whether a body's type says that it can be sent a second time.

    Never ``consumed`` alone: before aiohttp 3.14 it stays false for a generator that an
    early answer interrupted, whose rest would then be sent as if it were the whole.

    Args:
        body: As `aiohttp.ClientRequest.body` has it.
        interrupted: As `was_interrupted` said: a thread may still be reading a file, and
            would move the position that the second sending reads from.
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
