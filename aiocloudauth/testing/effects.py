"""What can go wrong with an answer: effects, as values that nest."""

from __future__ import annotations

import gzip
import json
from abc import abstractmethod
from http.client import responses as phrases
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Protocol

from attrs import evolve, field, frozen

from aiocloudauth.testing import validators
from aiocloudauth.testing.instants import http_date, iso
from aiocloudauth.testing.messages import Answer, failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocloudauth.testing.realm import Realm

__all__ = [
    "EFFECTS",
    "Body",
    "Change",
    "ClusterError",
    "Dated",
    "Effect",
    "EmptyReply",
    "Endless",
    "Gzip",
    "Hangup",
    "Headers",
    "Html",
    "Late",
    "NoCluster",
    "NotReady",
    "PastExpiry",
    "Proceed",
    "Raw",
    "Redirect",
    "Reset",
    "SecurityException",
    "Silence",
    "Status",
    "TooManyRequests",
    "Trickle",
    "Truncated",
]


class Proceed(Protocol):
    """What carries out the rest; told not to `work`, all but the operation itself."""

    async def __call__(self, *, work: bool = True) -> Answer:
        """Make the answer so far."""


class Effect:
    """One thing that goes wrong with an answer, as a value.

    It replaces the answer, changes the answer that the operation gave, or changes how it is
    delivered. Several of them nest: each is handed what the ones after it make of the request.
    """

    #: How the effect is called in a script that is written as data.
    name: ClassVar[str]

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Make the answer; `proceed` carries out the rest, down to the operation."""
        raise NotImplementedError


# -- effects that replace the answer ----------------------------------------------------------


@frozen
class _Replacement(Effect):
    """An answer in place of the operation's own.

    The operation is not carried out, or with `after_work` it is, and nobody hears of it.
    """

    after_work: bool = field(default=False, converter=bool, kw_only=True)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        if self.after_work:
            await proceed()
        return self._answer(realm)

    @abstractmethod
    def _answer(self, realm: Realm) -> Answer:
        """Make the answer that stands in."""


def _as_bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def _with_advice(answer: Answer, retry_after: float | None) -> Answer:
    if retry_after is None:
        return answer
    return answer.with_headers(("Retry-After", f"{retry_after:.15g}"))


@frozen
class Status(_Replacement):
    """An error of this status, with ECE's body; without `code` the body is an old route's.

    `retry_after` in seconds, written as it is, also 1.5.
    """

    name: ClassVar[str] = "status"
    status: int = field(validator=validators.status)
    code: str | None = field(default=None, validator=validators.optional_line)
    message: str | None = field(default=None, validator=validators.optional_line)
    retry_after: float | None = field(default=None, validator=validators.optional_seconds)

    def _answer(self, realm: Realm) -> Answer:
        answer = failure(self.status, self.code, message=self.message, version=realm.version)
        return _with_advice(answer, self.retry_after)


@frozen
class TooManyRequests(_Replacement):
    """429, with `Retry-After` in seconds if given."""

    name: ClassVar[str] = "too_many_requests"
    retry_after: float | None = field(default=None, validator=validators.optional_seconds)

    def _answer(self, realm: Realm) -> Answer:
        answer = failure(429, "root.rate_limited", version=realm.version)
        return _with_advice(answer, self.retry_after)


@frozen
class ClusterError(_Replacement):
    """The authentication cluster fails: 502 with its code, on ECE 2.1 503 without."""

    name: ClassVar[str] = "cluster_error"

    def _answer(self, realm: Realm) -> Answer:
        version, code = realm.version, "authc.authentication_cluster_error"
        answered = code if version.cluster_error_code else None
        return failure(version.cluster_error_status, answered, version=version)


@frozen
class NoCluster(_Replacement):
    """There is no authentication cluster: 501 with its code."""

    name: ClassVar[str] = "no_cluster"

    def _answer(self, realm: Realm) -> Answer:
        return failure(501, "authc.no_authentication_cluster", version=realm.version)


@frozen
class NotReady(_Replacement):
    """The admin console is starting: an errors body with status 200."""

    name: ClassVar[str] = "controller_not_ready"

    def _answer(self, realm: Realm) -> Answer:
        return failure(200, "controller_route.controller_not_ready", version=realm.version)


@frozen
class SecurityException(_Replacement):
    """A 401 of Elasticsearch's own, which a path through to a deployment may give.

    It has none of ECE's codes, and says nothing about the session.
    """

    name: ClassVar[str] = "security_exception"

    def _answer(self, realm: Realm) -> Answer:
        reason = "missing authentication credentials for REST request"
        cause = {"type": "security_exception", "reason": reason}
        document = {"error": {"root_cause": [cause], **cause}, "status": 401}
        challenge = ("WWW-Authenticate", 'Basic realm="security" charset="UTF-8"')
        return Answer(401, json.dumps(document).encode()).with_headers(challenge)


@frozen
class Body(_Replacement):
    """Exactly this body."""

    name: ClassVar[str] = "body"
    content: str | bytes = field(validator=validators.content, repr=False)
    status: int = field(default=200, validator=validators.status)
    content_type: str = field(default="application/json", validator=validators.line)
    headers: Mapping[str, str] = field(factory=dict, validator=validators.headers, repr=False)

    def _answer(self, realm: Realm) -> Answer:
        return Answer(
            self.status, _as_bytes(self.content), self.content_type, tuple(self.headers.items())
        )


@frozen
class Html(_Replacement):
    """A page of a proxy that stands in front; its title is the status unless given."""

    name: ClassVar[str] = "html"
    status: int = field(default=502, validator=validators.status)
    title: str | None = field(default=None, validator=validators.optional_line)

    def _answer(self, realm: Realm) -> Answer:
        title = self.title
        if title is None:
            title = f"{self.status} {phrases.get(self.status, 'Error')}"
        page = (
            f"<html><head><title>{title}</title></head>"
            f"<body><center><h1>{title}</h1></center></body></html>"
        )
        return Answer(self.status, page.encode(), "text/html")


@frozen
class Redirect(_Replacement):
    """Go elsewhere."""

    name: ClassVar[str] = "redirect"
    location: str = field(validator=validators.line)
    status: int = field(default=302, validator=validators.status)

    def _answer(self, realm: Realm) -> Answer:
        return Answer(self.status, b"").with_headers(("Location", self.location))


@frozen
class Raw(_Replacement):
    """These bytes in place of an HTTP answer, then the end of the connection."""

    name: ClassVar[str] = "raw"
    content: str | bytes = field(validator=validators.content, repr=False)

    def _answer(self, realm: Realm) -> Answer:
        return Answer().delivered(raw=_as_bytes(self.content))


@frozen
class Endless(_Replacement):
    """A JSON answer that begins well and never ends; `piece` bytes at a time."""

    name: ClassVar[str] = "endless"
    piece: int = field(default=65_536, validator=validators.count)

    def _answer(self, realm: Realm) -> Answer:
        return Answer(body=b'{"token":"').delivered(endless=b"a" * self.piece)


# -- effects that change the answer -----------------------------------------------------------


@frozen
class Late(Effect):
    """The answer, held back for so many seconds after the work was done."""

    name: ClassVar[str] = "late"
    seconds: float = field(validator=validators.seconds)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Hold the answer back."""
        answer = await proceed()
        await realm.clock.sleep(self.seconds)
        return answer


@frozen
class Change(Effect):
    """The operation's JSON answer with fields set to other values, or dropped."""

    name: ClassVar[str] = "change"
    fields: Mapping[str, object] = field(factory=dict, validator=validators.mapping, repr=False)
    drop: tuple[str, ...] = field(default=(), validator=validators.names)

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
    by: float = field(default=60.0, validator=validators.seconds)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the answer."""
        past = Change({"session_expiration_time": iso(realm.now() - self.by)})
        return await past.apply(realm, proceed)


@frozen
class Headers(Effect):
    """The answer with these headers in place of its own of that name, and without some.

    `Date` and `Server`, which every answer has, can be set and dropped like any other.
    """

    name: ClassVar[str] = "headers"
    fields: Mapping[str, str] = field(factory=dict, validator=validators.headers, repr=False)
    drop: tuple[str, ...] = field(default=(), validator=validators.names)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the headers."""
        answer = (await proceed()).replacing_headers(*self.fields.items())
        return answer.without_headers(*self.drop)


@frozen
class Dated(Effect):
    """The answer with a `Date` that is so many seconds ahead of the server's; behind if negative.

    So does a proxy that writes its own, on a machine whose clock is wrong.
    """

    name: ClassVar[str] = "dated"
    ahead: float = field(validator=validators.finite)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the header."""
        date = http_date(realm.now() + self.ahead)
        return (await proceed()).replacing_headers(("Date", date))


@frozen
class Gzip(Effect):
    """The answer's body compressed, whether or not the client asked for that."""

    name: ClassVar[str] = "gzip"

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Compress the body."""
        answer = (await proceed()).replacing_headers(("Content-Encoding", "gzip"))
        return evolve(answer, body=gzip.compress(answer.body, mtime=0))


@frozen
class Truncated(Effect):
    """The answer's body cut to a share of its length, in an HTTP answer that is whole."""

    name: ClassVar[str] = "truncated"
    keep: float = field(default=0.5, validator=validators.share)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the answer."""
        answer = await proceed()
        return evolve(answer, body=answer.body[: int(len(answer.body) * self.keep)])


# -- effects that change how the answer is delivered ------------------------------------------

_cut: Final = validators.check(
    "'before_headers', 'after_headers' or a number of bytes",
    lambda value: (
        value in ("before_headers", "after_headers")
        or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    ),
)


@frozen
class Trickle(Effect):
    """The answer's body in small pieces, each after a pause. Sizes in bytes, pauses in seconds."""

    name: ClassVar[str] = "trickle"
    interval: float = field(default=1.0, validator=validators.seconds)
    piece: int = field(default=1, validator=validators.count)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the delivery."""
        return (await proceed()).delivered(piece=self.piece, interval=self.interval)


@frozen
class Hangup(Effect):
    """The whole answer, and then the end of the connection, which no header announced."""

    name: ClassVar[str] = "hangup"

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the delivery."""
        return (await proceed()).delivered(hang_up=True)


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


#: Every effect by the name that a script written as data uses.
EFFECTS: Final[Mapping[str, type[Effect]]] = {
    effect.name: effect
    for effect in (
        Body,
        Change,
        ClusterError,
        Dated,
        EmptyReply,
        Endless,
        Gzip,
        Hangup,
        Headers,
        Html,
        Late,
        NoCluster,
        NotReady,
        PastExpiry,
        Raw,
        Redirect,
        Reset,
        SecurityException,
        Silence,
        Status,
        TooManyRequests,
        Trickle,
        Truncated,
    )
}
