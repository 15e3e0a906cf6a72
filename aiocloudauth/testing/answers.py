"""What the server says: status, headers and body as values, and ECE's error envelope."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiocloudauth.testing.versions import Version

__all__ = ["ERROR_CODES_HEADER", "MESSAGES", "Answer", "Delivery", "failure", "json_answer"]

#: The response header that repeats the codes of the errors in the body.
ERROR_CODES_HEADER: Final = "x-cloud-error-codes"

#: The wording that the API description gives for the codes this server answers with.
MESSAGES: Final[Mapping[str, str]] = {
    "api_keys.invalid_input": (
        "The request is invalid. Specify a different request, then try again."
    ),
    "api_keys.key_not_found": "The API key can't be found.",
    "api_keys.user_not_found": "The user can't be found.",
    "authc.authentication_cluster_error": (
        "The authentication cluster failed to process the request. "
        "The response body contains details about the error."
    ),
    "authc.no_authentication_cluster": (
        "The administrator needs to configure the authentication cluster."
    ),
    "controller_route.controller_not_ready": "The admin console is not ready yet.",
    "root.invalid_data": "The request is not what the API expects.",
    "root.resource_not_found": "The requested resource could not be found",
    "root.unauthenticated": "The supplied authentication is invalid",
    "root.unauthorized": "The authentication token is invalid or expired.",
    "root.unauthorized.rbac": "The user lacks the permission that this operation needs.",
    "root.unauthorized.rbac.elevated_permissions_required": (
        "This operation needs elevated permissions."
    ),
}


@frozen(kw_only=True)
class Delivery:
    """How an answer is put on the wire, where that is not the plain way."""

    #: Write nothing, and leave the connection open.
    silent: bool = False

    #: Accept the WebSocket handshake, and echo what comes.
    websocket: bool = False

    #: Write these bytes instead of an HTTP answer, then close.
    raw: bytes | None = field(default=None, repr=False)

    #: Write the body in pieces of so many bytes, so many seconds apart.
    piece: int | None = None
    interval: float = 0.0

    #: End the connection: before the status line, or after so many bytes of the body.
    cut: Literal["before_headers"] | int | None = None

    #: End it with a reset (RST) rather than in good order (FIN).
    reset: bool = False

    #: After the body go on with this for ever, as fast as the client reads.
    endless: bytes | None = field(default=None, repr=False)


@frozen
class Answer:
    """One HTTP answer before it is written."""

    status: int = 200
    body: bytes = field(default=b"{}", repr=False)
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    delivery: Delivery | None = None

    def with_headers(self, *headers: tuple[str, str]) -> Answer:
        """Return the same answer with more headers."""
        return evolve(self, headers=(*self.headers, *headers))

    def delivered(self, **how: Any) -> Answer:
        """Return the same answer, delivered in another way; what was set before stays."""
        return evolve(self, delivery=evolve(self.delivery or Delivery(), **how))


def json_answer(value: object, *, status: int = 200) -> Answer:
    """Answer with a JSON document."""
    return Answer(status=status, body=json.dumps(value, separators=(",", ":")).encode())


def failure(
    status: int,
    code: str | None,
    *,
    message: str | None = None,
    fields: Iterable[str] = (),
    version: Version | None = None,
) -> Answer:
    """Answer with ECE's error envelope: `errors` in the body, the codes in a header.

    Without a `code` the answer is what an old route gives, `{"ok": false, "message": ...}`,
    and carries no codes header. Source: ECE 3.8 API, BasicFailedReply.
    """
    if message is None:
        message = MESSAGES.get(code or "", "The request failed.")
    if code is None:
        return json_answer({"ok": False, "message": message}, status=status)
    error: dict[str, object] = {"code": code, "message": message}
    if named := list(fields):
        error["fields"] = named
    answer = json_answer({"errors": [error]}, status=status)
    if version is not None and not version.error_codes_header:
        return answer
    return answer.with_headers((ERROR_CODES_HEADER, code))
