"""Answers: pending ones, bounded reads of them, and the typed errors that they stand for."""

from __future__ import annotations

import zlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

import aiohttp
from aiohttp import hdrs
from attrs import evolve

from aiocloudauth._http import compat
from aiocloudauth._wire.endpoint import without_secrets
from aiocloudauth._wire.failure import api_error, error_class, failure_of, redacted
from aiocloudauth._wire.schema import retry_after
from aiocloudauth.token import spellings

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from aiocloudauth.clock import Clock
    from aiocloudauth.errors import ApiError
    from aiocloudauth.token import Secret

__all__ = [
    "Pending",
    "answer_error",
    "decoded",
    "peek",
    "public_headers",
    "read_at_most",
    "read_error",
]


#: An answer of aiohttp's, or a WebSocket.
T = TypeVar("T", bound="AbstractAsyncContextManager[Any]")


class Pending(Coroutine[Any, Any, T]):
    """What a request method returns: awaitable, ``async with``, and fit for a task.

    Leaving the ``async with`` releases the answer, or closes the WebSocket.
    """

    __slots__ = ("_answer", "_request")

    def __init__(self, request: Coroutine[Any, Any, T]) -> None:
        """Wrap the coroutine that sends the request."""
        self._request = request

    def send(self, value: Any) -> Any:  # noqa: ANN401 - what a loop's futures yield
        """Drive the request, as a task does."""
        return self._request.send(value)

    def throw(self, *args: Any) -> Any:  # noqa: ANN401 - as `send`
        """Drive the request with an exception, as a task does."""
        return self._request.throw(*args)

    def close(self) -> None:
        """End a request that nobody awaits."""
        self._request.close()

    def __await__(self) -> Generator[Any, None, T]:
        return self._request.__await__()

    async def __aenter__(self) -> T:
        self._answer = await self._request
        return await self._answer.__aenter__()  # type: ignore[no-any-return]  # itself

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._answer.__aexit__(kind, error, traceback)


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
    now: float | None = None,
) -> ApiError:
    """Return the typed error for an answer whose body was read.

    Args:
        answer: The answer, or aiohttp's error that stands for it.
        body: What was read of its body.
        secrets: What to take out, should the answer quote it.
        authentication: Whether the call was one of the authentication API.
        token_sent: Whether a bearer token of ours was sent.
        note: A sentence of our own for the reader.
        now: When the answer came, seconds since 1970.
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
        retry_after=retry_after(headers, now=now),
        note=note,
    )


async def read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Return the body, or `None` if it is longer than `limit` bytes."""
    # A traceback that shows local variables must find neither answer nor body in a frame.
    content, body = response.content, bytearray()
    del response
    try:
        whole = await _read(content, limit, body)
        return bytes(body) if whole else None
    finally:
        del body


#: What `zlib` undoes; which of the two it is says the body's beginning.
_ZLIB: Final = frozenset({"gzip", "x-gzip", "deflate"})


def decoded(response: aiohttp.ClientResponse, body: bytes, limit: int) -> tuple[bytes | None, str]:
    """Return a body without its content coding, or `None` and what is wrong with it.

    At most `limit` bytes are ever made of it. Source: RFC 9110 section 8.4.1.
    """
    coding = response.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
    if coding in {"", "identity"}:
        return body, ""
    if coding not in _ZLIB:
        return None, "of an unknown coding"
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        plain = unzip.decompress(body, limit + 1)
    except zlib.error:
        return None, "not compressed as it says"
    if len(plain) > limit:
        return None, "too long"
    return (plain, "") if unzip.eof else (None, "cut short")


async def read_error(
    response: aiohttp.ClientResponse, limit: int, clock: Clock, within: float
) -> bytes:
    """Return the body of an error; ``b""`` if it is too long, late or broken off.

    Nobody else has the answer yet, so nobody else could end the reading.

    Args:
        response: Closed where the body is not read to its end.
        limit: The most that is read, bytes.
        clock: Where the time is read.
        within: The longest that is waited for the end of the body, seconds.
    """
    read, whole = await _read_within(response, limit, clock, within)
    if not whole:
        response.close()
    return read if whole else b""


async def peek(response: aiohttp.ClientResponse, limit: int, clock: Clock, within: float) -> bytes:
    """Return the same and leave all that was read to the caller."""
    if not compat.can_unread():
        return b""
    read, whole = await _read_within(response, limit, clock, within)
    if read:
        compat.unread(response.content, read)
    return read if whole else b""


async def _read_within(
    response: aiohttp.ClientResponse, limit: int, clock: Clock, within: float
) -> tuple[bytes, bool]:
    content, close, body, scope = response.content, response.close, bytearray(), None
    del response
    try:
        async with clock.timeout(within) as scope:
            whole = await _read(content, limit, body)
    except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError):
        pass
    except BaseException:
        if scope is None or not scope.expired():
            close()  # the caller has no time left, or is cancelled
            raise
    else:
        return bytes(body), whole
    return bytes(body), False


async def _read(content: aiohttp.StreamReader, limit: int, body: bytearray) -> bool:
    """Add to `body` what comes; return whether that is the whole, and no more than `limit`."""
    try:
        while chunk := await content.readany():
            body += chunk
            if len(body) > limit:
                return False
        return True
    finally:
        chunk = b""
        del body
