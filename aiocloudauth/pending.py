"""What a request method returns: awaitable, ``async with``, and fit for a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from aiohttp import ClientResponse, ClientWebSocketResponse
from aiohttp.client import _BaseRequestContextManager

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

__all__ = ["PendingResponse", "PendingWebSocket"]

#: aiohttp's own, around a coroutine of ours.
PendingWebSocket = _BaseRequestContextManager[ClientWebSocketResponse]


class PendingResponse(_BaseRequestContextManager[ClientResponse]):
    """aiohttp's own return value, which raises for an answer of 400 or more.

    A coroutine of its own around every request would cost more than the whole of this
    package does otherwise; here an answer below 400 takes no extra step.
    """

    __slots__ = ("_fail",)

    def __init__(
        self,
        request: Coroutine[Any, Any, ClientResponse],
        fail: Callable[[ClientResponse], Coroutine[Any, Any, NoReturn]] | None,
    ) -> None:
        """Wrap aiohttp's request; `fail` reads a refusal and raises it."""
        self._coro = request
        self._fail = fail

    def send(self, arg: None) -> Any:  # noqa: ANN401 - what the loop's futures yield
        """Drive the request, as a task does."""
        try:
            return self._coro.send(arg)
        except StopIteration as done:
            self._resp = done.value
        return self._continue()

    def throw(self, *args: Any) -> Any:  # noqa: ANN401 - as `send`
        """Drive the request with an exception, as a task does."""
        try:
            return self._coro.throw(*args)
        except StopIteration as done:
            self._resp = done.value
        return self._continue()

    # No frame that an error leaves may hold the answer: a traceback that shows local
    # variables would show its headers.

    def _continue(self) -> Any:  # noqa: ANN401 - as `send`
        if self._resp.status < 400 or self._fail is None:
            raise StopIteration(self._resp)
        self._coro = self._fail(self._resp)
        return self._coro.send(None)

    def __await__(self) -> Generator[Any, None, ClientResponse]:
        response = yield from self._coro.__await__()
        if response.status >= 400 and self._fail is not None:
            failing = self._fail(response)
            del response
            yield from failing.__await__()
        return response

    async def __aenter__(self) -> ClientResponse:
        response = await self._coro
        if response.status >= 400 and self._fail is not None:
            failing = self._fail(response)
            del response
            await failing
        self._resp = response
        return await response.__aenter__()
