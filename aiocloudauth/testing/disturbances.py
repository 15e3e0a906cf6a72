"""Effects that change the operation's own answer, or how it is delivered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from attrs import evolve, field, frozen

from aiocloudauth.testing import checks
from aiocloudauth.testing.effect import Effect, Proceed
from aiocloudauth.testing.realm import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocloudauth.testing.answers import Answer
    from aiocloudauth.testing.realm import Realm

__all__ = ["Change", "EmptyReply", "Late", "PastExpiry", "Reset", "Silence", "Trickle", "Truncated"]

_cut: Final = checks.check(
    "'before_headers', 'after_headers' or a number of bytes",
    lambda value: (
        value in ("before_headers", "after_headers")
        or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    ),
)


@frozen
class Late(Effect):
    """The answer, held back for so many seconds after the work was done."""

    name: ClassVar[str] = "late"
    seconds: float = field(validator=checks.seconds)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Hold the answer back."""
        answer = await proceed()
        await realm.clock.sleep(self.seconds)
        return answer


@frozen
class Change(Effect):
    """The operation's JSON answer with fields set to other values, or dropped."""

    name: ClassVar[str] = "change"
    fields: Mapping[str, object] = field(factory=dict, validator=checks.mapping, repr=False)
    drop: tuple[str, ...] = field(default=(), validator=checks.names)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the answer."""
        answer = await proceed()
        document = json.loads(answer.body)
        for name in self.drop:
            document.pop(name, None)
        document.update(self.fields)
        return evolve(answer, body=json.dumps(document).encode())


@frozen
class PastExpiry(Effect):
    """A token answer whose `session_expiration_time` was so many seconds ago."""

    name: ClassVar[str] = "past_expiry"
    by: float = field(default=60.0, validator=checks.seconds)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the answer."""
        past = Change({"session_expiration_time": iso(realm.now() - self.by)})
        return await past.apply(realm, proceed)


@frozen
class Truncated(Effect):
    """The answer's body cut to a share of its length, in an HTTP answer that is whole."""

    name: ClassVar[str] = "truncated"
    keep: float = field(default=0.5, validator=checks.share)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the answer."""
        answer = await proceed()
        return evolve(answer, body=answer.body[: int(len(answer.body) * self.keep)])


@frozen
class Trickle(Effect):
    """The answer's body in small pieces, each after a pause. Sizes in bytes, pauses in seconds."""

    name: ClassVar[str] = "trickle"
    interval: float = field(default=1.0, validator=checks.seconds)
    piece: int = field(default=1, validator=checks.count)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the delivery."""
        return (await proceed()).delivered(piece=self.piece, interval=self.interval)


@frozen
class EmptyReply(Effect):
    """The connection is closed in good order, without a byte of an answer."""

    name: ClassVar[str] = "empty_reply"
    after_work: bool = field(default=False, converter=bool)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the delivery."""
        return (await proceed(work=self.after_work)).delivered(cut="before_headers")


@frozen
class Reset(Effect):
    """The connection is reset: before the headers, or after so many bytes of the body."""

    name: ClassVar[str] = "reset"
    at: Literal["before_headers", "after_headers"] | int = field(
        default="before_headers", validator=_cut
    )
    after_work: bool = field(default=False, converter=bool)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the delivery."""
        cut = 0 if self.at == "after_headers" else self.at
        return (await proceed(work=self.after_work)).delivered(cut=cut, reset=True)


@frozen
class Silence(Effect):
    """No answer, ever; the connection stays open."""

    name: ClassVar[str] = "silence"
    after_work: bool = field(default=False, converter=bool)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the delivery."""
        return (await proceed(work=self.after_work)).delivered(silent=True)
