"""What an error answer says, which error it is, and whether a 401 is about our token.

From the top: what the answer says (`failure_of`), whether it refuses the token
(`refusal_of`), its class (`error_class`), and the error itself (`redacted`, `api_error`).
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, field, frozen

from aiocloudauth._wire.schema import decode
from aiocloudauth.errors import (
    ApiError,
    AuthenticationClusterError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ElevatedPermissionsRequiredError,
    ErrorDetail,
    GatewayError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RateLimitedError,
    ServerError,
    UnauthenticatedError,
    UnauthorizedError,
    VersionConflictError,
)
from aiocloudauth.token import spellings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocloudauth.token import Secret

__all__ = [
    "Failure",
    "Refusal",
    "api_error",
    "error_class",
    "failure_of",
    "header_codes",
    "redacted",
    "refusal_of",
]


# -- what the answer says ------------------------------------------------------------------

#: The header that repeats the error codes. Source: ECE 3.8 API, all error answers.
CODES_HEADER: Final = "x-cloud-error-codes"

_SEPARATOR: Final = re.compile(r"[,\s]+")
_CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,200}")
#: Most entries of an error list that an error keeps.
_MAX_ERRORS: Final = 50


@frozen
class Failure:
    """What an error answer says, and about which kind of call.

    Attributes:
        status: The HTTP status.
        errors: The body's list.
        codes: The codes, from the body, else the header.
        message: The body's sentence where it has no list.
        from_api: Whether the answer is the API's own: it has a code, an error list or
            ``"ok": false``. Else a proxy, or another service behind the API, wrote it.
        authentication: Whether the call was one of those below ``/users/auth``.
        token_sent: Whether a bearer token was sent: then it is what a 401 is about.
    """

    status: int
    errors: tuple[ErrorDetail, ...] = ()
    codes: tuple[str, ...] = ()
    message: str = ""
    from_api: bool = field(default=True, kw_only=True)
    authentication: bool = field(default=False, kw_only=True)
    token_sent: bool = field(default=False, kw_only=True)


def failure_of(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """Return what an error answer says, whatever its shape. Never raises.

    Looks for the body's ``errors``, its ``message`` (old routes), the header, in turn.

    Args:
        status: The HTTP status.
        headers: The answer's headers, case-insensitive.
        body: What was read of the body.
    """
    named = header_codes(headers)
    try:
        value = decode(body)
    except InvalidResponseError:
        return Failure(status, (), named, from_api=bool(named))
    errors = _errors(value)
    message = value.get("message")
    return Failure(
        status,
        errors,
        tuple(detail.code for detail in errors if detail.code) or named,
        message if isinstance(message, str) else "",
        from_api=bool(errors or named or value.get("ok") is False),
    )


def header_codes(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the codes of ``x-cloud-error-codes``, split on commas and white space."""
    words = _SEPARATOR.split(headers.get(CODES_HEADER, ""))
    return tuple(word for word in words if _CODE.fullmatch(word))[:_MAX_ERRORS]


def _errors(value: dict[str, Any]) -> tuple[ErrorDetail, ...]:
    entries = value.get("errors")
    if not isinstance(entries, list):
        return ()
    found = (_detail(entry) for entry in entries[:_MAX_ERRORS])
    return tuple(detail for detail in found if detail is not None)


def _detail(entry: object) -> ErrorDetail | None:
    if not isinstance(entry, dict):
        return None
    code, message, fields = (entry.get(key) for key in ("code", "message", "fields"))
    named = fields if isinstance(fields, list) else []
    detail = ErrorDetail(
        code if isinstance(code, str) and _CODE.fullmatch(code) else "",
        message if isinstance(message, str) else "",
        tuple(name for name in named[:_MAX_ERRORS] if isinstance(name, str)),
    )
    return detail if detail.code or detail.message else None


# -- is this 401 about our token? ----------------------------------------------------------


class Refusal(enum.Enum):
    """How a 401 refuses the token that was sent.

    `CODED`: it names ``root.unauthorized`` or ``root.unauthenticated`` and nothing else.
    `UNCODED`: it names nothing of ECE's: a proxy may have written it, or Elasticsearch
    through ``/deployments/…/proxy/…``.
    """

    CODED = "coded"
    UNCODED = "uncoded"


#: The codes of a 401 that is about the token.
_TOKEN_CODES: Final = frozenset({"root.unauthorized", "root.unauthenticated"})


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """Return how an answer refuses the token that was sent; `None`: it does not.

    Other 401 codes, and 403, are about something that a new token does not change.

    Args:
        status: The HTTP status.
        headers: The answer's headers, case-insensitive.
        body: What was read of the body; not looked at where the header names codes.
    """
    if status != 401:
        return None
    codes = header_codes(headers) or failure_of(status, headers, body).codes
    if not codes:
        return Refusal.UNCODED
    return Refusal.CODED if _TOKEN_CODES.issuperset(codes) else None


# -- the class -----------------------------------------------------------------------------

_BY_CODE: Final[dict[str, type[ApiError]]] = {
    "root.unauthenticated": UnauthenticatedError,
    "root.unauthorized": UnauthorizedError,
    "root.permission_denied": PermissionDeniedError,
    "root.unauthorized.rbac.elevated_permissions_required": ElevatedPermissionsRequiredError,
    "templates.region_not_allowed": PermissionDeniedError,
    "authc.no_authentication_cluster": NoAuthenticationClusterError,
    "authc.authentication_cluster_error": AuthenticationClusterError,
    # Answered with status 200 while the admin console starts.
    "controller_route.controller_not_ready": ServerError,
    # The one 449 that ECE 3.8 still has; it asks to try again.
    "deployments.metadata_internal_error": ServerError,
}

_BY_PREFIX: Final[dict[str, type[ApiError]]] = {
    "root.unauthorized.rbac": PermissionDeniedError,
}

_BY_SUFFIX: Final[dict[str, type[ApiError]]] = {
    ".unauthorised": PermissionDeniedError,
    ".no_user_id": PermissionDeniedError,
    "version_conflict": VersionConflictError,
    "_conflict": ConflictError,
    "_already_belongs": ConflictError,
}

_BY_STATUS: Final[dict[int, type[ApiError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    422: BadRequestError,
    429: RateLimitedError,
    449: ElevatedPermissionsRequiredError,
}

# The authentication API's own answers without a code. With no token sent, a 401 is about the
# credentials; ECE 2.1 answers 503 where later ones name a code with 502.
_UNNAMED_BY_AUTHENTICATION: Final[dict[int, type[ApiError]]] = {
    401: UnauthenticatedError,
    501: NoAuthenticationClusterError,
    502: AuthenticationClusterError,
    503: AuthenticationClusterError,
}


def error_class(failure: Failure) -> type[ApiError]:
    """Choose the class for an answer: who wrote it, its codes, its status.

    A 401 or 403 that is not the API's own says nothing about credentials, so on a call of
    the authentication API it is a gateway's. On another call the status decides.
    """
    status, codes = failure.status, failure.codes
    foreign = status >= 500 or (failure.authentication and status in {401, 403})
    if foreign and not failure.from_api:
        return GatewayError
    if status == 401 and failure.token_sent and _TOKEN_CODES.issuperset(codes):
        return UnauthorizedError
    for chosen in map(_class_of_code, codes):
        if chosen is not None:
            return chosen
    if not codes and failure.authentication and status in _UNNAMED_BY_AUTHENTICATION:
        return _UNNAMED_BY_AUTHENTICATION[status]
    if not codes and status == 401:
        return UnauthorizedError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ServerError if status >= 500 else ApiError


def _class_of_code(code: str) -> type[ApiError] | None:
    if code in _BY_CODE:
        return _BY_CODE[code]
    for prefix, chosen in _BY_PREFIX.items():
        if code.startswith(prefix):
            return chosen
    for suffix, chosen in _BY_SUFFIX.items():
        if code.endswith(suffix):
            return chosen
    return ConflictError if "already_exists" in code else None


# -- the error -----------------------------------------------------------------------------

#: Most characters of a server's sentence that an error keeps.
_MAX_MESSAGE: Final = 1_000

_ADVICE: Final[dict[type[ApiError], str]] = {
    UnauthenticatedError: "the credentials were refused",
    UnauthorizedError: "the token is invalid or has expired",
    PermissionDeniedError: "the user may not do this",
    ElevatedPermissionsRequiredError: "elevated permissions are required",
    NoAuthenticationClusterError: "this installation has no authentication cluster",
    AuthenticationClusterError: "the authentication cluster cannot be reached",
    GatewayError: "not the API but a proxy in front of it answered",
    RateLimitedError: "too many requests",
}


def redacted(failure: Failure, secrets: tuple[Secret, ...]) -> Failure:
    """Return `failure` fit to be shown: without `secrets`, of one line each, and not long.

    A server, or a proxy, may quote what it was sent. A code that the API is known to use
    stays, though a secret be part of it.
    """
    quoted = spellings(secrets)

    def clean(text: str) -> str:
        for spelling in quoted:
            text = text.replace(spelling, "***")
        shown = text[:_MAX_MESSAGE]
        return "".join(character if character.isprintable() else " " for character in shown)

    def clean_code(code: str) -> str:
        return code if code in _BY_CODE else clean(code)

    errors = tuple(
        ErrorDetail(clean_code(e.code), clean(e.message), tuple(clean(name) for name in e.fields))
        for e in failure.errors
    )
    codes = tuple(clean_code(code) for code in failure.codes)
    return evolve(failure, errors=errors, codes=codes, message=clean(failure.message))


def api_error(
    chosen: type[ApiError],
    failure: Failure,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    retry_after: float | None = None,
    note: str = "",
) -> ApiError:
    """Build the typed error for an answer.

    Args:
        chosen: The class, from `error_class`.
        failure: The answer's parts, fit to be shown.
        method: The request's method.
        url: The request's URL, already without user info, query and fragment.
        headers: The answer's headers, already without secrets.
        retry_after: Seconds the server asked to wait.
        note: A sentence of our own to add for the reader.
    """
    said = "; ".join(
        f"{detail.code}: {detail.message}"
        if detail.code and detail.message
        else detail.code or detail.message
        for detail in failure.errors
    )
    said = said or failure.message or ", ".join(failure.codes)
    if not said or chosen is GatewayError:  # whose words are not the API's
        said = ": ".join(filter(None, (_ADVICE.get(chosen), said)))
    message = f"{method} {url} answered {failure.status}" + (f" ({said})" if said else "")
    if note:
        message = f"{message}. {note}"
    return chosen(
        message,
        status=failure.status,
        errors=failure.errors,
        codes=failure.codes,
        method=method,
        url=url,
        headers=headers,
        retry_after=retry_after,
    )
