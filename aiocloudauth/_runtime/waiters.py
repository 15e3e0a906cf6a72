"""Callers who wait for one answer, each in a future of its own."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Generic, TypeVar

from aiocloudauth.errors import CloudAuthError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Waiters", "again"]

T = TypeVar("T")


def again(error: CloudAuthError) -> CloudAuthError:
    """Return a copy of `error` to raise, so that each caller's traceback is its own."""
    return copy.copy(error).because(error.__cause__)


class Waiters(Generic[T]):
    """Futures that one call settles, and that no caller shares.

    Cancelling a caller touches its own future only. An error travels as a result, so that
    none is left unretrieved.
    """

    __slots__ = ("_futures", "joined")

    def __init__(self) -> None:
        """Start with nobody waiting."""
        # A dict and not a set: they are woken in the order in which they came.
        self._futures: dict[asyncio.Future[T | CloudAuthError], None] = {}
        #: How many have waited so far.
        self.joined = 0

    async def wait(self, begin: Callable[[], None]) -> T:
        """Wait for the answer; `begin` is called once the caller is among those who wait.

        Raises:
            CloudAuthError: The answer is an error.
        """
        future: asyncio.Future[T | CloudAuthError] = asyncio.get_running_loop().create_future()
        self._futures[future] = None
        self.joined += 1
        try:
            begin()
            answer = await future
        finally:
            self._futures.pop(future, None)
        if isinstance(answer, CloudAuthError):
            raise again(answer)
        return answer

    def settle(self, answer: T | CloudAuthError) -> None:
        """Give everybody who waits now the answer."""
        futures, self._futures = self._futures, {}
        for future in futures:
            if not future.done():
                future.set_result(answer)

    def forget(self) -> None:
        """Let go of everybody, unanswered: their loop is gone."""
        self._futures = {}
