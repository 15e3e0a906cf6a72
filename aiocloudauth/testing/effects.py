"""What can go wrong with one answer, as values.

An effect replaces the answer (the operation is then not carried out), changes the answer
that the operation gave, or changes how it is delivered. Several of them nest: each is
handed what the next one makes of the request.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Protocol

from attrs import evolve, field, frozen

from aiocloudauth.testing import checks
from aiocloudauth.testing.answers import Answer, failure
from aiocloudauth.testing.realm import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocloudauth.testing.realm import Realm

    class Proceed(Protocol):
        """What carries out the rest; told not to `work`, all but the operation itself."""

        async def __call__(self, *, work: bool = True) -> Answer:
            """Make the answer so far."""


__all__ = [
    "EFFECTS",
    "Body",
    "Change",
    "ClusterError",
    "Effect",
    "EmptyReply",
    "Endless",
    "Html",
    "Late",
    "NoCluster",
    "NotReady",
    "PastExpiry",
    "Raw",
    "Redirect",
    "Reset",
    "Silence",
    "Status",
    "TooManyRequests",
    "Trickle",
    "Truncated",
]


_cut: Final = checks.check(
    "'before_headers', 'after_headers' or a number of bytes",
    lambda value: (
        value in ("before_headers", "after_headers")
        or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    ),
)


def _as_bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


class Effect:
    """One thing that goes wrong. The base of all in this module."""

    #: How the effect is called in a script that is written as data.
    name: ClassVar[str]

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Make the answer; `proceed` carries out the rest, down to the operation."""
        raise NotImplementedError


@frozen
class Status(Effect):
    """An error of this status, with ECE's body; without `code` the body is an old route's."""

    name: ClassVar[str] = "status"
    status: int = field(validator=checks.status)
    code: str | None = field(default=None, validator=checks.optional_line)
    message: str | None = field(default=None, validator=checks.optional_line)
    retry_after: float | None = field(default=None, validator=checks.optional_seconds)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        answer = failure(self.status, self.code, message=self.message, version=realm.version)
        if self.retry_after is not None:
            answer = answer.with_headers(("Retry-After", str(math.ceil(self.retry_after))))
        return answer


@frozen
class TooManyRequests(Effect):
    """429, with `Retry-After` in seconds if given."""

    name: ClassVar[str] = "too_many_requests"
    retry_after: float | None = field(default=None, validator=checks.optional_seconds)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        limited = Status(429, "root.rate_limited", retry_after=self.retry_after)
        return await limited.apply(realm, proceed)


@frozen
class ClusterError(Effect):
    """The authentication cluster fails: 502 with its code, on ECE 2.1 503 without."""

    name: ClassVar[str] = "cluster_error"

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        version, code = realm.version, "authc.authentication_cluster_error"
        answered = code if version.cluster_error_code else None
        return await Status(version.cluster_error_status, answered).apply(realm, proceed)


@frozen
class NoCluster(Effect):
    """There is no authentication cluster: 501 with its code."""

    name: ClassVar[str] = "no_cluster"

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        return await Status(501, "authc.no_authentication_cluster").apply(realm, proceed)


@frozen
class NotReady(Effect):
    """The admin console is starting: an errors body with status 200."""

    name: ClassVar[str] = "controller_not_ready"

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        return await Status(200, "controller_route.controller_not_ready").apply(realm, proceed)


@frozen
class Body(Effect):
    """Exactly this body."""

    name: ClassVar[str] = "body"
    content: str | bytes = field(validator=checks.content, repr=False)
    status: int = field(default=200, validator=checks.status)
    content_type: str = field(default="application/json", validator=checks.line)
    headers: Mapping[str, str] = field(factory=dict, validator=checks.headers, repr=False)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        return Answer(
            self.status, _as_bytes(self.content), self.content_type, tuple(self.headers.items())
        )


@frozen
class Html(Effect):
    """A page of a proxy that stands in front."""

    name: ClassVar[str] = "html"
    status: int = field(default=502, validator=checks.status)
    title: str = field(default="502 Bad Gateway", validator=checks.line)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        page = (
            f"<html><head><title>{self.title}</title></head>"
            f"<body><center><h1>{self.title}</h1></center></body></html>"
        )
        return Answer(self.status, page.encode(), "text/html")


@frozen
class Redirect(Effect):
    """Go elsewhere."""

    name: ClassVar[str] = "redirect"
    location: str = field(validator=checks.line)
    status: int = field(default=302, validator=checks.status)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        return Answer(self.status, b"").with_headers(("Location", self.location))


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
class Endless(Effect):
    """A JSON answer that begins well and never ends; `piece` bytes at a time."""

    name: ClassVar[str] = "endless"
    piece: int = field(default=65_536, validator=checks.count)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        return Answer(body=b'{"token":"').delivered(endless=b"a" * self.piece)


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


@frozen
class Raw(Effect):
    """These bytes in place of an HTTP answer, then the end of the connection."""

    name: ClassVar[str] = "raw"
    content: str | bytes = field(validator=checks.content, repr=False)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the delivery."""
        return Answer().delivered(raw=_as_bytes(self.content))


#: Every effect by the name that a script written as data uses.
EFFECTS: Final[Mapping[str, type[Effect]]] = {
    effect.name: effect
    for effect in (
        Body,
        Change,
        ClusterError,
        EmptyReply,
        Endless,
        Html,
        Late,
        NoCluster,
        NotReady,
        PastExpiry,
        Raw,
        Redirect,
        Reset,
        Silence,
        Status,
        TooManyRequests,
        Trickle,
        Truncated,
    )
}
