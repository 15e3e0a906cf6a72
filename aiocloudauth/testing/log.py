"""What the server remembers of its traffic: counters and a log of arrivals, both bounded."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from attrs import define, field

from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

__all__ = ["Arrival", "Log", "Stats"]

#: How much is kept of the body of one arrival, and of the bodies of all, in bytes.
_KEPT: Final = 64 * 1024
_KEPT_IN_ALL: Final = 16 * 1024 * 1024


@define(eq=False)
class Stats:
    """Counters since the server was made.

    An operation counts once its work is done, also if a fault then keeps the answer
    from the client. The attempts count every request that arrives.
    """

    #: Tokens handed out by `_login`, and by `_refresh`; sessions ended by `_logout`.
    logins: int = 0
    refreshes: int = 0
    logouts: int = 0

    #: Requests to `_login` and to `_refresh`, whatever came of them.
    login_attempts: int = 0
    refresh_attempts: int = 0

    #: Requests to every guarded path: all but `_login`, `_refresh`, `_logout`, the
    #: sign-in methods and SAML.
    requests: int = 0

    #: Those of `requests` that were answered 401.
    unauthorized: int = 0

    #: Connections accepted, and faults that took effect.
    connections: int = 0
    faults: int = 0


@define(eq=False)
class Arrival:
    """One request as it arrived. The representation shows nothing secret."""

    #: Position in the server's life, from 1.
    number: int
    at: datetime
    method: str

    #: The path as sent, without the query.
    path: str
    query: str = field(repr=False)

    #: Which connection it came on, from 1.
    connection: int
    headers: Mapping[str, str] = field(repr=False)

    #: `bearer`, `apikey`, `basic`, or None.
    credential: str | None = None
    user: str | None = None

    #: Which token it carried: the first one the server issued is 1. Known for dead ones too.
    generation: int | None = None

    #: Filled as the body is read: its size and digest, and its first 64 KiB, for as long as the
    #: log keeps them.
    body_size: int = 0
    body_sha256: str | None = None
    body: bytes = field(default=b"", repr=False)

    #: The fault that met it, by name, and the status it was answered with. None: not (yet).
    fault: str | None = None
    status: int | None = None

    def carries(self, secret: str) -> bool:
        """Tell whether `secret` is in the request line, the headers or the kept body."""
        return (
            secret in self.path
            or secret in self.query
            or any(secret in f"{name}: {value}" for name, value in self.headers.items())
            or secret.encode() in self.body
        )


class Log:
    """The latest arrivals, oldest first: as many as `log_size`, with 16 MiB of their bodies."""

    __slots__ = ("_arrivals", "_bodies", "_kept", "bodies_dropped", "dropped")

    def __init__(self, size: int) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise ConfigurationError(f"log_size has to be a whole number, 0 or more, not {size!r}")
        self._arrivals: deque[Arrival] = deque(maxlen=size)
        # Those whose bodies are kept, oldest first, and how many bytes these are.
        self._bodies: deque[Arrival] = deque()
        self._kept = 0
        #: How many arrivals, and how many bodies of arrivals, are no longer here.
        self.dropped = 0
        self.bodies_dropped = 0

    def append(self, arrival: Arrival) -> None:
        """Add the latest arrival; beyond the log's size the oldest is dropped."""
        if len(self._arrivals) == self._arrivals.maxlen:
            self.dropped += 1
        self._arrivals.append(arrival)

    def keep(self, arrival: Arrival, body: bytes) -> None:
        """Keep the beginning of an arrival's body; beyond 16 MiB the oldest bodies are dropped."""
        arrival.body = body[:_KEPT]
        self._bodies.append(arrival)
        self._kept += len(arrival.body)
        while self._kept > _KEPT_IN_ALL or len(self._bodies) > (self._arrivals.maxlen or 0):
            oldest = self._bodies.popleft()
            self._kept -= len(oldest.body)
            oldest.body = b""
            self.bodies_dropped += 1

    def to(self, path: str, *, method: str | None = None) -> list[Arrival]:
        """Return the arrivals whose path ends in `path`, as `"_refresh"` or `"/deployments"`."""
        tail = "/" + path.strip("/")
        return [
            arrival
            for arrival in self._arrivals
            if arrival.path.endswith(tail) and (method is None or arrival.method == method)
        ]

    def carrying(self, secret: str) -> list[Arrival]:
        """Return the arrivals that held `secret` anywhere."""
        return [arrival for arrival in self._arrivals if arrival.carries(secret)]

    def clear(self) -> None:
        """Forget the arrivals so far."""
        self._arrivals.clear()
        self._bodies.clear()
        self._kept = 0

    def __len__(self) -> int:
        return len(self._arrivals)

    def __iter__(self) -> Iterator[Arrival]:
        return iter(tuple(self._arrivals))

    def __getitem__(self, index: int) -> Arrival:
        return self._arrivals[index]

    def __repr__(self) -> str:
        return f"<Log of {len(self)} arrivals>"
