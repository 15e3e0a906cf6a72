"""What measures a session sees that no event tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiocloudauth.errors import CloudAuthError

__all__ = ["Observer"]


class Observer(Protocol):
    """Told in the loop, after the fact; a session without one spends nothing on it.

    It raises nothing.
    """

    def attempted(
        self, kind: str, took: float, error: CloudAuthError | None, clock_offset: float | None
    ) -> None:
        """An attempt ended, and what it changed is to be seen.

        Args:
            kind: ``login``, ``refresh``, ``adopt`` (of another member of the fleet) or
                ``question`` (whether a refused token is good): how a token was got, else what
                the attempt set out for.
            took: Seconds.
            error: Why it failed, if it did.
            clock_offset: Seconds by which the server's clock is ahead, if that was told.
        """

    def refused(self) -> None:
        """The API refused the token of one request."""

    def waited(self, seconds: float) -> None:
        """One request had to wait for a token, or for what becomes of a refused one."""
