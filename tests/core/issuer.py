"""A server of tokens without HTTP, on the scale of time of the machine under test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from aiocloudauth._core.states import FOREVER, Login, Refresh
from tests.core.lifecycle_driver import EXPIRED, REFUSED

if TYPE_CHECKING:
    from aiocloudauth.errors import CloudAuthError

#: What the server's wall clock shows at 0 of the scale.
EPOCH: Final = 1_767_225_600.0


@frozen
class Issued:
    """A token as the server knows it; times on the scale of the machine."""

    session: int
    at: float
    expires: float
    expiry: datetime


@define
class Server:
    """Issues tokens; some die early."""

    life: float = 1200.0
    cap: float = FOREVER
    revokes: bool = False
    password_right: bool = True
    issued: dict[str, Issued] = field(factory=dict)
    revoked: set[str] = field(factory=set)
    ends: list[float] = field(factory=list)

    def issue(self, now: float, session: int | None) -> str:
        """Issue the next token, of a new session or of one that goes on."""
        if session is None:
            session = len(self.ends)
            self.ends.append(now + self.cap)
        expires = min(now + self.life, self.ends[session])
        name = f"token-{len(self.issued)}"
        expiry = datetime.fromtimestamp(EPOCH + expires, UTC)
        self.issued[name] = Issued(session, now, expiry.timestamp() - EPOCH, expiry)
        return name

    def good(self, name: str, now: float) -> bool:
        """Return whether a token is accepted."""
        return name not in self.revoked and now < self.issued[name].expires

    def answer(self, call: Login | Refresh, now: float) -> str | CloudAuthError:
        """Carry out a call."""
        if isinstance(call, Login):
            return self.issue(now, None) if self.password_right or call.trial else REFUSED
        name = call.token.token.reveal()
        if not self.good(name, now):
            return EXPIRED
        if self.revokes:
            self.revoked.add(name)
        return self.issue(now, self.issued[name].session)
