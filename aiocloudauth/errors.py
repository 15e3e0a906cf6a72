"""Everything this package raises.

::

    CloudAuthError
    ├ ConfigurationError(ValueError)
    ├ TransportError(ConnectionError)
    ├ RenewalTimeoutError(TimeoutError)
    ├ InvalidResponseError
    ├ ApiError
    │ ├ AuthenticationError
    │ │ ├ UnauthenticatedError
    │ │ └ UnauthorizedError
    │ ├ PermissionDeniedError
    │ │ └ ElevatedPermissionsRequiredError
    │ ├ BadRequestError
    │ ├ NotFoundError
    │ ├ ConflictError
    │ │ └ VersionConflictError
    │ ├ PreconditionFailedError
    │ ├ RateLimitedError
    │ └ ServerError
    │   ├ NoAuthenticationClusterError
    │   ├ AuthenticationClusterError
    │   └ GatewayError
    ├ SessionExpiredError
    ├ SessionClosedError
    ├ BodyNotReplayableError
    ├ PlanFailedError
    ├ PlanTimeoutError(TimeoutError)
    └ StoreError

No error holds a password, a key or a token. Every one pickles and copies, with its
details and, where it has one of ours, its cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from attrs import frozen
from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "ApiError",
    "AuthenticationClusterError",
    "AuthenticationError",
    "BadRequestError",
    "BodyNotReplayableError",
    "CloudAuthError",
    "ConfigurationError",
    "ConflictError",
    "ElevatedPermissionsRequiredError",
    "ErrorDetail",
    "GatewayError",
    "InvalidResponseError",
    "NoAuthenticationClusterError",
    "NotFoundError",
    "PermissionDeniedError",
    "PlanFailedError",
    "PlanFailure",
    "PlanTimeoutError",
    "PreconditionFailedError",
    "RateLimitedError",
    "RenewalTimeoutError",
    "ServerError",
    "SessionClosedError",
    "SessionExpiredError",
    "StoreError",
    "TransportError",
    "UnauthenticatedError",
    "UnauthorizedError",
    "VersionConflictError",
]


@frozen
class ErrorDetail:
    """One entry of the API's error list.

    Attributes:
        code: The stable identifier, such as ``root.unauthorized``. The set is open.
        message: The server's sentence for people.
        fields: Names of the request's fields that the error is about.

    Source: ECE 3.8 API, BasicFailedReplyElement.
    """

    code: str
    message: str = ""
    fields: tuple[str, ...] = ()


@frozen
class PlanFailure:
    """One resource of a deployment whose plan failed.

    Attributes:
        kind: The resource's kind, such as ``elasticsearch``.
        resource: Its ``ref_id``.
        step: The ``step_id`` at which the plan failed; ``unknown`` if the platform names none.
        message: The platform's sentence for people; empty if it gave none.
        failure_type: The platform's identifier of the cause, or ``None``.

    Source: ECE 3.8 API, ClusterPlanAttemptError and ClusterPlanStepInfo.
    """

    kind: str
    resource: str
    step: str
    message: str = ""
    failure_type: str | None = None


class CloudAuthError(Exception):
    """The root of everything this package raises."""

    #: Whether the same call may succeed later with nothing changed on this side.
    retryable: ClassVar[bool] = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the details, and a cause that is ours, in a pickle or a copy."""
        state = dict(self.__dict__)
        if isinstance(self.__cause__, CloudAuthError):
            state["__cause__"] = self.__cause__
        return type(self), self.args, state

    def because(self, cause: BaseException | None) -> Self:
        """Return this error with `cause` as its ``__cause__``."""
        self.__cause__ = cause
        return self


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what led to it, once each: a chain may be a ring."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def frameless(error: BaseException) -> BaseException:
    """Return `error` without its frames and those of its own causes.

    Those of another library may hold a proxy's password, or what a server sent.
    """
    for link in chain(error):
        link.__traceback__ = None
    return error


class ConfigurationError(CloudAuthError, ValueError):
    """A value given to this package cannot work. Nothing was sent; nothing is lost."""


class TransportError(CloudAuthError, ConnectionError):
    """No answer from the server: refused, reset, TLS or DNS failure."""

    retryable = True


class RenewalTimeoutError(CloudAuthError, TimeoutError):
    """No answer within the time that the renewal policy allows."""

    retryable = True


class InvalidResponseError(CloudAuthError):
    """An answer that the API does not promise.

    Attributes:
        problems: What is wrong and where, such as ``required field missing @ $.token``.
            Never a value from the answer.
    """

    retryable = True

    def __init__(self, message: str = "", *, problems: Sequence[str] = ()) -> None:
        """Keep `problems` beside the message."""
        super().__init__(message)
        self.problems = tuple(problems)


class ApiError(CloudAuthError):
    """The API answered with an error.

    Attributes:
        status: The HTTP status, an ``int`` (the API uses 449, which `http.HTTPStatus` lacks).
        errors: The entries of the body's list; empty if it had none.
        codes: The error codes, from the body, else from ``x-cloud-error-codes``.
        method: The request's method.
        url: The request's URL without user info, query and fragment.
        headers: The answer's headers without cookies and redirect targets.
        retry_after: Seconds to wait as the server asked in ``Retry-After``, or ``None``.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        errors: Sequence[ErrorDetail] = (),
        codes: Sequence[str] = (),
        method: str = "",
        url: str = "",
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Keep the parts of the answer beside the message."""
        super().__init__(message)
        self.status = status
        self.errors = tuple(errors)
        self.codes = tuple(codes)
        self.method = method
        self.url = url
        self.headers: Mapping[str, str] = CIMultiDict(headers or {})
        self.retry_after = retry_after


class AuthenticationError(ApiError):
    """A 401, or its equivalent."""


class UnauthenticatedError(AuthenticationError):
    """``root.unauthenticated``: the credentials were refused."""


class UnauthorizedError(AuthenticationError):
    """``root.unauthorized``: the token is invalid or has expired."""


class PermissionDeniedError(ApiError):
    """The user is known and may not do this. Renewing a token does not help."""


class ElevatedPermissionsRequiredError(PermissionDeniedError):
    """ECE up to 3.6 wants elevated permissions for this call."""


class BadRequestError(ApiError):
    """The request itself is wrong (400, 422)."""


class NotFoundError(ApiError):
    """No such resource (404)."""


class ConflictError(ApiError):
    """The resource exists already or is in the way (409, some 400)."""


class VersionConflictError(ConflictError):
    """The resource changed since it was read: read it again."""


class PreconditionFailedError(ApiError):
    """The resource's state does not allow this now (412)."""


class RateLimitedError(ApiError):
    """Too many requests (429). `retry_after` says how long to wait, if the server did."""

    retryable = True


class ServerError(ApiError):
    """The server failed (5xx), or asks to try again."""

    retryable = True


class NoAuthenticationClusterError(ServerError):
    """``authc.no_authentication_cluster`` (501): this ECE has none set up."""

    retryable = False


class AuthenticationClusterError(ServerError):
    """``authc.authentication_cluster_error`` (502; 503 on old ECE): it cannot be reached."""


class GatewayError(ServerError):
    """A proxy in front answered, with HTML, text or nothing."""


class SessionExpiredError(CloudAuthError):
    """The token ran out and nothing is left to renew it with; ``__cause__`` says why."""


class SessionClosedError(CloudAuthError):
    """Used before `open` or after `close`."""


class BodyNotReplayableError(CloudAuthError):
    """The token was refused, a new one is held, and the body cannot be sent again.

    Send the request again with a fresh body. Whether the server read any of the first
    one is unknown; it answered that the token is not valid.
    """

    retryable = True


class PlanFailedError(CloudAuthError):
    """A deployment's plan failed.

    Attributes:
        failures: Every resource whose plan failed, the one that failed first in front.
    """

    def __init__(self, message: str = "", *, failures: Sequence[PlanFailure] = ()) -> None:
        """Keep `failures` beside the message."""
        super().__init__(message)
        self.failures = tuple(failures)


class PlanTimeoutError(CloudAuthError, TimeoutError):
    """A deployment's plans did not end in time; they go on. Waiting again is fine.

    The message names the resource and the step that they stood at.
    """

    retryable = True


class StoreError(CloudAuthError):
    """A token store cannot be read or written."""
