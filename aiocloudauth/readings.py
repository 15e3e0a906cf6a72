"""The answers whose bodies are read for an error: each within a time, and none after `close`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocloudauth.clock import Clock

__all__ = ["Readings"]


class _Answer(Protocol):
    def close(self) -> None:
        """Break off, so that whoever reads it is told."""


class Readings:
    """Breaks a reading off that nobody else could end: the caller has no answer to close yet."""

    __slots__ = ("_clock", "_closed", "_limit", "_under_way")

    def __init__(self, clock: Clock, limit: float) -> None:
        """Give each reading `limit` seconds."""
        self._clock = clock
        self._limit = limit
        self._under_way: set[_Answer] = set()
        self._closed = False

    @contextmanager
    def bound(self, answer: _Answer) -> Iterator[None]:
        """Close `answer` once its time is up or `close` is called, and at once after that."""
        if self._closed:
            answer.close()
        self._under_way.add(answer)
        timer = self._clock.call_later(self._limit, answer.close)
        try:
            yield
        finally:
            timer.cancel()
            self._under_way.discard(answer)

    def close(self) -> None:
        """Break off what is under way, and what is yet to come."""
        self._closed = True
        for answer in tuple(self._under_way):
            answer.close()
