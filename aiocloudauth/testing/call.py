"""One request as the operations see it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from attrs import define

from aiocloudauth.testing.delivery import transport_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from aiocloudauth.testing.identity import Identity
    from aiocloudauth.testing.records import Arrival

__all__ = ["Call"]

#: How much of a body the log keeps, and how much a JSON operation takes.
_KEPT: Final = 64 * 1024
_MOST: Final = 1024 * 1024

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


@define(eq=False)
class Call:
    """A request below the API root, and who sent it."""

    request: web.BaseRequest
    arrival: Arrival
    method: str

    #: Below the API root, with its leading slash, still encoded.
    path: str
    identity: Identity

    #: The parts of the path that vary, as `user_id`, decoded.
    parts: Mapping[str, str]

    async def read(self) -> bytes:
        """Read the body to its end, note its size and digest; return its first MiB."""
        request = self.request
        if not request.body_exists:
            return b""
        await self._go_on()
        digest, kept, arrival = hashlib.sha256(), bytearray(), self.arrival
        async for chunk in request.content.iter_any():
            digest.update(chunk)
            arrival.body_size += len(chunk)
            if len(kept) < _MOST:
                kept += chunk[: _MOST - len(kept)]
        arrival.body_sha256 = digest.hexdigest()
        body = bytes(kept)
        arrival.body = body[:_KEPT]
        return body

    async def json_object(self) -> dict[str, object] | None:
        """Read the body as a JSON object; None if it is anything else, or above 1 MiB."""
        body = await self.read()
        if self.arrival.body_size > _MOST:
            return None
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    def header(self, name: str) -> str:
        """Return a header of the request, empty if there is none."""
        return self.request.headers.get(name, "")

    def cookie(self, name: str) -> str | None:
        """Return a cookie of the request."""
        return self.request.cookies.get(name)

    def query(self, name: str) -> str | None:
        """Return a field of the query."""
        return self.request.query.get(name)

    async def _go_on(self) -> None:
        # A client that asks first (curl, for a large body) waits for this.
        if self.request.headers.get("Expect", "").lower() == "100-continue":
            transport_of(self.request).write(_CONTINUE)
