"""Effects that replace the answer: the operation is not carried out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from attrs import field, frozen

from aiocloudauth.testing import checks
from aiocloudauth.testing.answers import Answer, failure
from aiocloudauth.testing.effect import Effect, Proceed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocloudauth.testing.realm import Realm

__all__ = [
    "Body",
    "ClusterError",
    "Endless",
    "Html",
    "NoCluster",
    "NotReady",
    "Raw",
    "Redirect",
    "Status",
    "TooManyRequests",
]


def _as_bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


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
class Raw(Effect):
    """These bytes in place of an HTTP answer, then the end of the connection."""

    name: ClassVar[str] = "raw"
    content: str | bytes = field(validator=checks.content, repr=False)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Change the delivery."""
        return Answer().delivered(raw=_as_bytes(self.content))


@frozen
class Endless(Effect):
    """A JSON answer that begins well and never ends; `piece` bytes at a time."""

    name: ClassVar[str] = "endless"
    piece: int = field(default=65_536, validator=checks.count)

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Replace the answer."""
        return Answer(body=b'{"token":"').delivered(endless=b"a" * self.piece)
