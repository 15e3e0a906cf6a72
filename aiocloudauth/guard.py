"""Where and when a session may be used: its event loop, between `open` and `close`."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Lock, _get_running_loop, get_running_loop

from aiocloudauth.errors import ConfigurationError, SessionClosedError

__all__ = ["Guard", "require_loop_of"]


class Guard:
    """Knows the loop that `open` ran in. A forked child never has that loop."""

    __slots__ = ("_locks", "_locks_loop", "closed", "loop", "opened")

    def __init__(self) -> None:
        """Belong to no loop yet."""
        self.loop: AbstractEventLoop | None = None
        self.opened = False
        self.closed = False
        self._locks: dict[str, Lock] = {}
        self._locks_loop: AbstractEventLoop | None = None

    def require_open(self) -> None:
        """Check that this is the place and the time.

        Raises:
            SessionClosedError: Before `open`, or after `close`.
            ConfigurationError: This is not the event loop, or not the process, of `open`.
        """
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

    def lock(self, name: str) -> Lock:
        """Return the lock of that name in the running loop.

        One that was waited for in a loop is bound to it, and may be held there for ever.
        """
        loop = get_running_loop()
        if loop is not self._locks_loop:
            self._locks, self._locks_loop = {}, loop
        return self._locks.setdefault(name, Lock())

    def require_own_loop(self) -> None:
        """Check that this is the loop of `open`, if that ran.

        Raises:
            ConfigurationError: It is another one.
        """
        if self.loop is not None and _get_running_loop() is not self.loop:
            raise ConfigurationError(
                "the session was opened in another event loop (or before a fork); "
                "open one session per loop and process"
            )

    @property
    def orphaned(self) -> bool:
        """Whether the loop of `open` is closed and this is another."""
        loop = self.loop
        return loop is not None and loop.is_closed() and _get_running_loop() is not loop


def require_loop_of(connector: object) -> None:
    """Check that a caller's connector, if any, belongs to the running loop.

    Raises:
        ConfigurationError: It belongs to another one, whose loop aiohttp would adopt.
    """
    loop = getattr(connector, "_loop", None)
    if loop is not None and loop is not _get_running_loop():
        raise ConfigurationError("the connector was made in another event loop")
