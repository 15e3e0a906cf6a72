"""What is opened and closed: ``async with``, or ``await`` and later `close`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

__all__ = ["Openable"]


class Openable(ABC):
    """Opened by ``async with`` or ``await``; holds connections and secrets while it is."""

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

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

    def __reduce__(self) -> NoReturn:
        name = type(self).__name__
        raise TypeError(f"a {name} cannot be pickled or copied: it holds connections and secrets")
