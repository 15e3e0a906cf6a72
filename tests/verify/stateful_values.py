"""What a stateful session is made of: the server's answers, the tokens it gave, the callers."""

from __future__ import annotations

import asyncio
import hashlib
import math
from typing import TYPE_CHECKING, Any, Final

from attrs import define

from aiocloudauth.testing import (
    ClusterError,
    Effect,
    EmptyReply,
    Html,
    Late,
    NoCluster,
    Reset,
    Silence,
    Status,
    TooManyRequests,
    Truncated,
)

if TYPE_CHECKING:
    from datetime import datetime

#: What an attempt at a token may meet.
EFFECTS: Final[tuple[Effect, ...]] = (
    ClusterError(),
    Status(500, "root.internal"),
    Status(401, "root.unauthorized"),
    Status(401, "root.unauthenticated"),
    Status(403, "root.unauthorized.rbac"),
    TooManyRequests(retry_after=7.0),
    NoCluster(),
    Html(502),
    Reset(),
    Reset(at=20, after_work=True),
    EmptyReply(after_work=True),
    Silence(),
    Silence(after_work=True),
    Late(3.0),
    Late(25.0),
    Truncated(0.5),
)

#: Of these, what says nothing about a token or a password.
TRANSIENT: Final = (*EFFECTS[:2], EFFECTS[5], *EFFECTS[7:])

#: Rounding of instants, seconds: ECE's expiry has milliseconds.
ROUNDING: Final = 2e-3

#: ``Date`` has no fractions of a second, so that a token may be taken to end that much sooner.
DATE: Final = 1.0

BODY: Final = b"a body that has to arrive whole" * 50
WHOLE: Final = hashlib.sha256(BODY).hexdigest()

#: What a request may be: how its path begins, and what it sends.
KINDS: Final = ("get", "bytes", "json", "file", "generator", "slow")

#: How a run ends: when all who wait are answered, in the middle of a renewal, or as it is.
ENDINGS: Final = ("patient", "patient", "busy", "at once")

#: What the server answers below these, whatever token comes.
ODD_PATHS: Final = {
    "forbidden": Status(403, "root.unauthorized.rbac"),
    "odd": Status(401, "comments.unauthorised"),
    "refuse": Status(401, "root.unauthorized"),
    "nocode": Status(401),
}


@define(eq=False)
class Issued:
    """A token that `_login` or `_refresh` answered with; instants of true time."""

    number: int
    #: What the client may know of its end: the answer's word, for a bare token also a guess.
    expires: tuple[datetime | None, ...]
    ends_at: float
    last_use: float

    #: When it was revoked, or the client was told something that must make it think so.
    dead_at: float = math.inf

    def good(self, start: float, end: float) -> bool:
        """Tell whether it could be sent, and would be taken, from `start` to `end`."""
        return end < min(self.last_use, self.dead_at) and start <= end


@define(eq=False)
class Call:
    """A caller: a task that nobody but the state machine cancels."""

    name: str
    task: asyncio.Task[Any]
    began: float
    number: int = 0
    kind: str = ""
    odd: str = ""
    group: int = 0
    held: Issued | None = None
    ended: float = math.nan
    cancelled: bool = False
    closed_meanwhile: bool = False

    @property
    def error(self) -> BaseException | None:
        """What it raised."""
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()
