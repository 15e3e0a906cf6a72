"""Whether a refused request can be sent again: what was refused, and what its body is."""

from __future__ import annotations

import io
import warnings

import aiohttp
from aiohttp import payload

from aiocloudauth.answer import ended_early
from aiocloudauth.failure import is_token_refusal
from aiocloudauth.schema import failure_of, header_codes

__all__ = ["can_send_again", "is_refusal", "was_interrupted"]

#: Files whose lock puts a seek after a read that a thread is still busy with.
_LOCKED = (io.BufferedReader, io.BufferedRandom, io.BytesIO)


def was_interrupted(request: aiohttp.ClientRequest, response: aiohttp.ClientResponse) -> bool:
    """Return whether the answer came while the body was still being written.

    To be asked at once when the answer is there: aiohttp ends the writing then, but not a
    thread that reads a file for it. The connection is not used again: the server still
    expects the rest of the body on it, and before aiohttp 3.14 would be sent a request.
    """
    writer = request._writer  # noqa: SLF001 - nothing public says whether the body is out
    if writer is None or writer.done():
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
        file = body._value  # noqa: SLF001 - the file itself is kept nowhere else
        if interrupted and not isinstance(file, _LOCKED):
            return False
        return not body.consumed and not file.closed and file.seekable()
    return body is None or body == b""


async def is_refusal(response: aiohttp.ClientResponse, limit: int) -> bool:
    """Return whether a 401 is about the token; the answer stays readable.

    At most `limit` bytes are read, and only where the header names no code.
    """
    codes = header_codes(response.headers)
    if not codes:
        try:
            body = await _peek(response, limit)
        except BaseException as error:
            if not ended_early(response, error):
                raise
            body = b""
        codes = failure_of(response.status, response.headers, body).codes
    return is_token_refusal(response.status, codes)


async def _peek(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the body and leave it readable; ``b""`` if it is longer than `limit`."""
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
