"""What a session tells its subscribers. No record holds a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from datetime import datetime

    from aiocloudauth.errors import CloudAuthError

__all__ = [
    "Event",
    "KeyExpiring",
    "LoggedIn",
    "LoggedOut",
    "RenewalFailed",
    "RequestReplayed",
    "SessionClosed",
    "SessionDegraded",
    "SessionLost",
    "StoreFailed",
    "TokenAdopted",
    "TokenRenewed",
]


@frozen(kw_only=True)
class Event:
    """The base of every record.

    Attributes:
        at: When it happened by this machine's clock, aware UTC.
    """

    at: datetime


@frozen(kw_only=True)
class LoggedIn(Event):
    """The credentials gave a token.

    Attributes:
        session_expiration_time: The server's instant, aware UTC; ``None`` if unknown.
    """

    session_expiration_time: datetime | None


@frozen(kw_only=True)
class TokenRenewed(Event):
    """A newer token took the place of the one before, by ``_refresh`` or a login.

    Attributes:
        generation: The new token's number; the session's first has 1.
        session_expiration_time: The server's instant, aware UTC; ``None`` if unknown.
        took: Seconds from the start of the renewal.
    """

    generation: int
    session_expiration_time: datetime | None
    took: float


@frozen(kw_only=True)
class TokenAdopted(Event):
    """A newer token was taken from the store: another member of the fleet had got it.

    Attributes:
        generation: The token's number.
        session_expiration_time: The server's instant, aware UTC; ``None`` if unknown.
    """

    generation: int
    session_expiration_time: datetime | None


@frozen(kw_only=True)
class RenewalFailed(Event):
    """An attempt failed.

    Attributes:
        error: Why.
        attempt: 1 for the first failure since the last success.
        retry_at: When the next attempt starts, aware UTC; ``None`` if none will.
    """

    error: CloudAuthError
    attempt: int
    retry_at: datetime | None


class SessionDegraded(Event):
    """Renewal fails while the token in hand is still good: requests go on."""

    __slots__ = ()


@frozen(kw_only=True)
class SessionLost(Event):
    """No usable token is left after a failure.

    Attributes:
        error: What requests are answered with, or why they wait.
    """

    error: CloudAuthError


@frozen(kw_only=True)
class RequestReplayed(Event):
    """A request whose token was refused was sent again with a newer one.

    Attributes:
        method: The request's method.
        url: Its URL without user info, query and fragment.
    """

    method: str
    url: str


@frozen(kw_only=True)
class StoreFailed(Event):
    """The token store cannot be used: the session goes on without it. Once an outage.

    Attributes:
        error: Why.
    """

    error: CloudAuthError


@frozen(kw_only=True)
class KeyExpiring(Event):
    """An API key, which nothing here renews, ends soon.

    Attributes:
        session_expiration_time: The server's instant, aware UTC.
    """

    session_expiration_time: datetime


class LoggedOut(Event):
    """`logout` was called and the token is forgotten."""

    __slots__ = ()


@frozen(kw_only=True)
class SessionClosed(Event):
    """`close` was called."""
