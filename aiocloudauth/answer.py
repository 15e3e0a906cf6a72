"""aiohttp's answers to typed errors, without the secrets that they may quote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aiohttp
from attrs import evolve

from aiocloudauth.endpoint import without_secrets
from aiocloudauth.failure import api_error, error_class
from aiocloudauth.schema import failure_of, redacted, retry_after
from aiocloudauth.token import spellings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocloudauth.errors import ApiError
    from aiocloudauth.token import Secret

__all__ = ["answer_error", "ended_early", "public_headers", "read_at_most"]

#: Header fields of an answer that an error must not carry on.
_PRIVATE: Final = frozenset(
    {
        "set-cookie",
        "cookie",
        "authorization",
        "proxy-authorization",
        "location",
        "authentication-info",
        "proxy-authentication-info",
        "refresh",
        "link",
    }
)


def public_headers(headers: Mapping[str, str], secrets: tuple[Secret, ...]) -> dict[str, str]:
    """Return the fields of an answer that an error may carry."""
    quoted = spellings(secrets)
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in _PRIVATE
        and not any(spelling in f"{name}: {value}" for spelling in quoted)
    }


def answer_error(
    answer: aiohttp.ClientResponse | aiohttp.ClientResponseError,
    body: bytes,
    *,
    secrets: tuple[Secret, ...] = (),
    authentication: bool = False,
    token_sent: bool = False,
    note: str = "",
) -> ApiError:
    """Return the typed error for an answer whose body was read.

    Args:
        answer: The answer, or aiohttp's error that stands for it.
        body: What was read of its body.
        secrets: What to take out, should the answer quote it.
        authentication: Whether the call was one of the authentication API.
        token_sent: Whether a bearer token of ours was sent.
        note: A sentence of our own for the reader.
    """
    headers: Mapping[str, str] = answer.headers or {}
    failure = evolve(
        failure_of(answer.status, headers, body),
        authentication=authentication,
        token_sent=token_sent,
    )
    return api_error(
        error_class(failure),
        redacted(failure, secrets),
        method=answer.request_info.method,
        url=without_secrets(answer.request_info.url),
        headers=public_headers(headers, secrets),
        retry_after=retry_after(headers),
        note=note,
    )


def ended_early(response: aiohttp.ClientResponse, error: BaseException) -> bool:
    """Return whether a body's end did not come, or was not waited for; else close the answer.

    What else may end a reading is a cancellation, or the caller's own time: nobody else has
    the answer yet.
    """
    if isinstance(error, aiohttp.ClientPayloadError):
        return True
    if isinstance(error, aiohttp.ClientConnectionError) and response.closed:
        return True
    response.close()
    return False


async def read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Return the body, or `None` if it is longer than `limit` bytes."""
    # A traceback that shows local variables must find no answer in this frame.
    content, body = response.content, bytearray()
    del response
    try:
        async for chunk in content.iter_any():
            body += chunk
            if len(body) > limit:
                return None
        return bytes(body)
    finally:
        del body
        chunk = b""
