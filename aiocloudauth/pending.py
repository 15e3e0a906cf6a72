"""What a request method returns: awaitable, ``async with``, and fit for a task."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from aiohttp import (
    ClientResponse,
    ClientTimeout,
    ClientWebSocketResponse,
    ConnectionTimeoutError,
    JsonPayload,
)
from aiohttp.client import _BaseRequestContextManager
from aiohttp.helpers import sentinel

from aiocloudauth.errors import SessionClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from aiohttp import ClientSession
    from yarl import URL

    from aiocloudauth.gate import Gate

__all__ = ["PendingResponse", "PendingWebSocket", "in_turn", "raise_if_closed"]

_Fail: TypeAlias = "Callable[[ClientResponse], Coroutine[Any, Any, NoReturn]]"
_Request: TypeAlias = "Coroutine[Any, Any, ClientResponse]"

#: aiohttp's own, around a coroutine of ours.
PendingWebSocket = _BaseRequestContextManager[ClientWebSocketResponse]


def raise_if_closed(error: RuntimeError) -> None:
    """Raise a typed error for the one without a type by which aiohttp says that it is closed.

    It looks at a request's first step, which may come after a `close` that the call did not see.
    """
    if str(error) == "Session is closed":
        raise SessionClosedError("the session was closed before the request began") from None


def _limit(seconds: float | None) -> float:
    return seconds if seconds is not None and seconds > 0.0 else inf


async def in_turn(
    gate: Gate, http: ClientSession, method: str, url: URL, options: dict[str, Any]
) -> ClientResponse:
    """Send a request of a crowd; the wait for its turn counts as one for a connection does."""
    params = options.pop("params", None)
    if params:
        url = url.extend_query(params)  # now: they are the caller's, who may change them
    json = options.pop("json", None)
    if json is not None:
        options["data"] = JsonPayload(json, dumps=http.json_serialize)
    timeout = options.get("timeout", sentinel)
    if not isinstance(timeout, ClientTimeout):
        timeout = http.timeout if timeout is sentinel else ClientTimeout(timeout)
    total, connect = _limit(timeout.total), _limit(timeout.connect)
    patience = min(total, connect)
    turn = gate.queue(patience)
    try:
        left = await turn
        if not left:
            if connect < total:
                raise ConnectionTimeoutError(f"Connection timeout to host {url}")
            raise TimeoutError
        if total < inf:
            # `connect` is whole again: to aiohttp it is for each wait, after a redirect too.
            options["timeout"] = ClientTimeout(
                total - (patience - left),
                timeout.connect,
                timeout.sock_read,
                timeout.sock_connect,
                timeout.ceil_threshold,
            )
        return await http._request(method, url, **options)  # noqa: SLF001 - as in `CloudSession`
    finally:
        gate.leave(turn)


class PendingResponse(_BaseRequestContextManager[ClientResponse]):
    """aiohttp's own return value, which raises for an answer of 400 or more.

    A coroutine of its own around every request would cost more than the whole of this
    package does otherwise; here an answer below 400 takes no extra step.
    """

    __slots__ = ("_fail",)

    def __init__(self, request: _Request, fail: _Fail | None) -> None:
        """Wrap aiohttp's request; `fail` raises for a refusal."""
        self._coro = request
        self._fail = fail

    def send(self, arg: None) -> Any:  # noqa: ANN401 - what the loop's futures yield
        """Drive the request, as a task does."""
        try:
            return self._coro.send(arg)
        except StopIteration as done:
            self._resp = done.value
        except RuntimeError as error:
            raise_if_closed(error)
            raise
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
            self._resp = yield from self._coro.__await__()
        except RuntimeError as error:
            raise_if_closed(error)
            raise
        if self._resp.status >= 400 and self._fail is not None:
            yield from self._failing(self._fail).__await__()
        return self._resp

    async def __aenter__(self) -> ClientResponse:
        try:
            self._resp = await self._coro
        except RuntimeError as error:
            raise_if_closed(error)
            raise
        if self._resp.status >= 400 and self._fail is not None:
            await self._failing(self._fail)
        return await self._resp.__aenter__()

    def _failing(self, fail: _Fail) -> Coroutine[Any, Any, NoReturn]:
        """Hand the answer over: a traceback that shows local variables must not find it."""
        failing = fail(self._resp)
        del self._resp
        return failing
