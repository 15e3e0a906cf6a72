"""Where and when a session may be used: its event loop, between `open` and `close`."""

from __future__ import annotations

import asyncio
import warnings
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast

from aiocloudauth.errors import ConfigurationError, SessionClosedError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator
    from types import TracebackType

    from aiocloudauth._runtime.token_source import TokenSource

__all__ = ["Guard", "Openable", "UnderWay", "ended"]


def ended() -> SessionClosedError:
    """Return what a request raises that was ended."""
    return SessionClosedError("the session was closed before the answer came")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs here, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def end_alone(closing: Coroutine[Any, Any, None]) -> None:
    """Close something that nobody holds any more, in a task that the loop's next turns end."""
    # No reference: what it waits for is held by the loop, and holds the task.
    asyncio.get_running_loop().create_task(closing)


class Guard:
    """Knows whether a session is open, and the loop that `open` ran in.

    A forked child never has that loop.
    """

    __slots__ = ("_locks", "_locks_loop", "closed", "loop", "opened", "requests")

    def __init__(self) -> None:
        """Belong to no loop yet."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.opened = False
        self.closed = False
        self._locks: dict[str, asyncio.Lock] = {}
        self._locks_loop: asyncio.AbstractEventLoop | None = None
        self.requests: set[UnderWay] = set()

    # -- may it be used? ------------------------------------------------------------------

    def require_open(self, *, called: bool = False) -> None:
        """Check that this is the time, and not the wrong loop.

        Args:
            called: By a plain function: where no loop runs, what it returns may still be
                awaited in the right one. In a coroutine there is always one, but in a
                forked child.

        Raises:
            SessionClosedError: Before `open`, or after `close`.
            ConfigurationError: This is not the event loop, or not the process, of `open`.
        """
        if self.opened and not self.closed:
            loop = running_loop()
            if loop is self.loop or (called and loop is None):
                return
        self.require_not_closed()
        if not self.opened:
            raise SessionClosedError(
                "the session is not open: use 'async with', or await open() first"
            )
        self.require_own_loop()

    def require_not_closed(self) -> None:
        """Check that `close` was not called.

        Raises:
            SessionClosedError: It was.
        """
        if self.closed:
            raise SessionClosedError("the session is closed")

    def require_closable(self) -> None:
        """Check that this is the loop of `open`, or that that one is gone.

        Raises:
            ConfigurationError: It is another one.
        """
        if not self.orphaned:
            self.require_own_loop()

    def require_own_loop(self) -> None:
        """Check that this is the loop of `open`, if `open` ran.

        Raises:
            ConfigurationError: It is another one.
        """
        if self.loop is not None and running_loop() is not self.loop:
            raise ConfigurationError(
                "the session was opened in another event loop (or before a fork); "
                "open one session per loop and process"
            )

    @property
    def forgotten(self) -> bool:
        """Whether it was opened and not closed."""
        return self.opened and not self.closed

    @property
    def orphaned(self) -> bool:
        """Whether the loop of `open` is closed and this is another."""
        loop = self.loop
        return loop is not None and loop.is_closed() and running_loop() is not loop

    # -- the requests under way -----------------------------------------------------------

    def end(self) -> None:
        """Close for good: end every request under way."""
        self.closed = True
        requests, self.requests = self.requests, set()
        if not self.orphaned:
            for request in requests:
                request.end()

    # -- one at a time --------------------------------------------------------------------

    def lock(self, name: str) -> asyncio.Lock:
        """Return the lock of that name in the running loop.

        One that was waited for in a loop is bound to it, and may be held there for ever.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._locks_loop:
            self._locks, self._locks_loop = {}, loop
        return self._locks.setdefault(name, asyncio.Lock())


class UnderWay:
    """A request under way: `Guard.end` ends the ``with`` block, which goes on behind it.

    As `asyncio.Timeout` ends one whose time is up, and at a quarter of its cost: every request
    passes here.
    """

    __slots__ = ("_cancelling", "_ended", "_guard", "_task")

    def __init__(self, guard: Guard) -> None:
        """Belong to `guard`."""
        self._guard = guard
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._ended = False

    def __enter__(self) -> None:
        """Check that this is the place and the time; raises as `Guard.require_open`."""
        self._guard.require_open()
        self._task = task = asyncio.current_task()
        if task is not None:  # else aiohttp says that it needs one
            self._cancelling = task.cancelling()
            self._guard.requests.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._guard.requests.discard(self)
        if not self._ended:
            return False
        left = cast("asyncio.Task[Any]", self._task).uncancel()
        return kind is asyncio.CancelledError and left <= self._cancelling

    def end(self) -> None:
        """Leave the block."""
        self._ended = True
        cast("asyncio.Task[Any]", self._task).cancel()


class Openable(ABC):
    """Opened by ``async with`` or ``await``; holds connections and secrets while it is.

    One that is forgotten without `close` stops by itself, with a `ResourceWarning`.
    """

    _source: TokenSource
    #: Whether it is a part of another one, which stops it.
    _owned = False

    @abstractmethod
    async def open(self) -> Self:
        """Open it, and return it. A second call does nothing."""

    @abstractmethod
    async def close(self) -> None:
        """Close it. A second call does nothing."""

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @abstractmethod
    def _abandon(self) -> None:
        """Stop everything in the running loop, with nobody there to wait for it."""

    def __del__(self) -> None:
        source = getattr(self, "_source", None)  # none if the constructor failed
        if source is None or self._owned or not source.guard.forgotten:
            return
        source.guard.closed = True
        loop = source.guard.loop
        if loop is running_loop():
            self._abandon()
        else:
            with suppress(RuntimeError):  # it is closed, and with it all that it had
                loop.call_soon_threadsafe(self._abandon)
        message = f"unclosed {type(self).__name__} {source.endpoint.root}"
        warnings.warn(message, ResourceWarning, source=self, stacklevel=2)

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

    def __reduce__(self) -> NoReturn:
        name = type(self).__name__
        raise TypeError(f"a {name} cannot be pickled or copied: it holds connections and secrets")
