"""From an error answer to its class: exact code, code family, status, status class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from aiocloudauth.errors import (
    ApiError,
    AuthenticationClusterError,
    AuthenticationError,
    BadRequestError,
    CloudAuthError,
    ConflictError,
    ElevatedPermissionsRequiredError,
    ErrorDetail,
    GatewayError,
    NoAuthenticationClusterError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RateLimitedError,
    ServerError,
    SessionExpiredError,
    UnauthenticatedError,
    UnauthorizedError,
    VersionConflictError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Failure",
    "api_error",
    "error_class",
    "for_request",
    "is_known",
    "is_token_refusal",
    "refused",
]

_BY_CODE: dict[str, type[ApiError]] = {
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

_BY_PREFIX: tuple[tuple[str, type[ApiError]], ...] = (
    ("root.unauthorized.rbac", PermissionDeniedError),
)

_BY_SUFFIX: tuple[tuple[str, type[ApiError]], ...] = (
    (".unauthorised", PermissionDeniedError),
    (".no_user_id", PermissionDeniedError),
    ("version_conflict", VersionConflictError),
    ("_conflict", ConflictError),
    ("_already_belongs", ConflictError),
)

_BY_STATUS: dict[int, type[ApiError]] = {
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


# Answers of the authentication API without a code. With no token sent, a 401 is about the
# credentials; ECE 2.1 answers 503 where later ones name a code with 502.
_UNNAMED_BY_AUTHENTICATION: dict[int, type[ApiError]] = {
    401: UnauthenticatedError,
    501: NoAuthenticationClusterError,
    502: AuthenticationClusterError,
    503: AuthenticationClusterError,
}


@frozen
class Failure:
    """The parts of an error answer from which `api_error` chooses a class.

    Attributes:
        status: The HTTP status.
        errors: The body's list.
        codes: The codes, from the body, else the header.
        message: The body's sentence where it has no list.
        from_api: Whether the answer has the API's shape; else a proxy wrote it.
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


#: The codes of a 401 that is about the token.
_REFUSALS = frozenset({"root.unauthorized", "root.unauthenticated"})


def is_token_refusal(status: int, codes: tuple[str, ...]) -> bool:
    """Return whether an answer says that the token is not valid.

    Other 401 codes, and 403, are about something that a new token does not change.
    """
    return status == 401 and _REFUSALS.issuperset(codes)


def is_known(code: str) -> bool:
    """Return whether `code` is one that the API is known to use."""
    return code in _BY_CODE


def _class_of_code(code: str) -> type[ApiError] | None:
    if code in _BY_CODE:
        return _BY_CODE[code]
    for prefix, chosen in _BY_PREFIX:
        if code.startswith(prefix):
            return chosen
    for suffix, chosen in _BY_SUFFIX:
        if code.endswith(suffix):
            return chosen
    return ConflictError if "already_exists" in code else None


def error_class(failure: Failure) -> type[ApiError]:
    """Choose the class for an answer: exact code, code family, status, status class."""
    if failure.token_sent and is_token_refusal(failure.status, failure.codes):
        return UnauthorizedError
    for code in failure.codes:
        chosen = _class_of_code(code)
        if chosen is not None:
            return chosen
    status = failure.status
    if status >= 500 and not failure.from_api:
        return GatewayError
    if failure.authentication and not failure.codes and status in _UNNAMED_BY_AUTHENTICATION:
        return _UNNAMED_BY_AUTHENTICATION[status]
    if status == 401 and not failure.codes:
        return UnauthorizedError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ServerError if status >= 500 else ApiError


_ADVICE: dict[type[ApiError], str] = {
    UnauthenticatedError: "the credentials were refused",
    UnauthorizedError: "the token is invalid or has expired",
    PermissionDeniedError: "the user may not do this",
    ElevatedPermissionsRequiredError: "elevated permissions are required",
    NoAuthenticationClusterError: "this installation has no authentication cluster",
    AuthenticationClusterError: "the authentication cluster cannot be reached",
    GatewayError: "a proxy in front of the API answered",
    RateLimitedError: "too many requests",
}


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
        f"{detail.code}: {detail.message}" if detail.message else detail.code
        for detail in failure.errors
    )
    said = said or failure.message or ", ".join(failure.codes) or _ADVICE.get(chosen, "")
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


# -- what a failed renewal means to others ------------------------------------------------


def refused(error: CloudAuthError, *statuses: int) -> bool:
    """Return whether the API answered with one of these statuses."""
    return isinstance(error, ApiError) and error.status in statuses


def for_request(error: CloudAuthError) -> CloudAuthError:
    """Return what a request raises for lack of a token after `error`."""
    own = (UnauthenticatedError, NoAuthenticationClusterError, SessionExpiredError)
    if isinstance(error, own):
        return error
    msg = f"the session has no usable token and cannot get one now: {error}"
    return SessionExpiredError(msg).because(error)
