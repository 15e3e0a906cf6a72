"""What a request method returns: awaitable, ``async with``, and fit for a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from aiohttp import ClientResponse, ClientWebSocketResponse
from aiohttp.client import _BaseRequestContextManager

from aiocloudauth.errors import SessionClosedError

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Coroutine, Generator

__all__ = ["PendingResponse", "PendingWebSocket", "raise_typed"]

_Fail: TypeAlias = "Callable[[ClientResponse], Coroutine[Any, Any, NoReturn]]"
_Request: TypeAlias = "Coroutine[Any, Any, ClientResponse]"

#: aiohttp's own, around a coroutine of ours.
PendingWebSocket = _BaseRequestContextManager[ClientWebSocketResponse]


def raise_typed(error: RuntimeError) -> NoReturn:
    """Raise a typed error for the one without a type by which aiohttp says that it is closed.

    It looks at a request's first step, which may come after a `close` that the call did not see.
    """
    if str(error) != "Session is closed":
        raise error
    raise SessionClosedError("the session was closed before the request began") from None


async def _come(turn: Future[None], request: _Request) -> None:
    """Wait for a request's turn; if it is not to begin after all, it must not warn of that."""
    try:
        await turn
    except BaseException:
        request.close()
        raise


async def _after(turn: Future[None], request: _Request) -> ClientResponse:
    await _come(turn, request)
    return await request


class PendingResponse(_BaseRequestContextManager[ClientResponse]):
    """aiohttp's own return value, which raises for an answer of 400 or more.

    A coroutine of its own around every request would cost more than the whole of this
    package does otherwise; here an answer below 400 takes no extra step.
    """

    __slots__ = ("_fail", "_turn")

    def __init__(self, request: _Request, fail: _Fail | None, turn: Future[None] | None) -> None:
        """Wrap aiohttp's request, which begins after `turn`; `fail` raises for a refusal."""
        self._coro = request
        self._fail = fail
        self._turn = turn

    def send(self, arg: None) -> Any:  # noqa: ANN401 - what the loop's futures yield
        """Drive the request, as a task does."""
        if self._turn is not None:
            self._coro, self._turn = _after(self._turn, self._coro), None
        try:
            return self._coro.send(arg)
        except StopIteration as done:
            self._resp = done.value
        except RuntimeError as error:
            raise_typed(error)
        return self._continue()

    def throw(self, *args: Any) -> Any:  # noqa: ANN401 - as `send`
        """Drive the request with an exception, as a task does."""
        try:
            return self._coro.throw(*args)
        except StopIteration as done:
            self._resp = done.value
        return self._continue()

    def _continue(self) -> Any:  # noqa: ANN401 - as `send`
        if self._resp.status < 400 or self._fail is None:
            raise StopIteration(self._resp)
        self._coro = self._failing(self._fail)
        return self._coro.send(None)

    def __await__(self) -> Generator[Any, None, ClientResponse]:
        try:
            if self._turn is not None:
                yield from self._come(self._turn).__await__()
            self._resp = yield from self._coro.__await__()
        except RuntimeError as error:
            raise_typed(error)
        if self._resp.status >= 400 and self._fail is not None:
            yield from self._failing(self._fail).__await__()
        return self._resp

    async def __aenter__(self) -> ClientResponse:
        try:
            if self._turn is not None:
                await self._come(self._turn)
            self._resp = await self._coro
        except RuntimeError as error:
            raise_typed(error)
        if self._resp.status >= 400 and self._fail is not None:
            await self._failing(self._fail)
        return await self._resp.__aenter__()

    def _come(self, turn: Future[None]) -> Coroutine[Any, Any, None]:
        """Return the wait for the turn, which is not held beyond that, nor waited for twice."""
        self._turn = None
        return _come(turn, self._coro)

    def _failing(self, fail: _Fail) -> Coroutine[Any, Any, NoReturn]:
        """Hand the answer over: a traceback that shows local variables must not find it."""
        failing = fail(self._resp)
        del self._resp
        return failing
