"""An async SDK for the Elastic Cloud Enterprise REST API whose session never lapses.

::

    async with CloudSession("https://ece.example.com:12443", Password("admin", "s3cret")) as cloud:
        async with cloud.get("/deployments") as response:
            print(await response.json())
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiocloudauth.clock import Clock
    from aiocloudauth.credentials import ApiKey, Basic, Bearer, Credentials, Password
    from aiocloudauth.errors import (
        ApiError,
        AuthenticationClusterError,
        AuthenticationError,
        BadRequestError,
        BodyNotReplayableError,
        CloudAuthError,
        ConfigurationError,
        ConflictError,
        ElevatedPermissionsRequiredError,
        ErrorDetail,
        GatewayError,
        InvalidResponseError,
        NoAuthenticationClusterError,
        NotFoundError,
        PermissionDeniedError,
        PlanFailedError,
        PlanFailure,
        PlanTimeoutError,
        PreconditionFailedError,
        RateLimitedError,
        RenewalTimeoutError,
        ServerError,
        SessionClosedError,
        SessionExpiredError,
        StoreError,
        TransportError,
        UnauthenticatedError,
        UnauthorizedError,
        VersionConflictError,
    )
    from aiocloudauth.events import (
        Event,
        KeyExpiring,
        LoggedIn,
        LoggedOut,
        RenewalFailed,
        RequestReplayed,
        SessionClosed,
        SessionDegraded,
        SessionLost,
        TokenRenewed,
    )
    from aiocloudauth.middleware import BearerMiddleware, BearerRequest
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.refresher import TokenRefresher
    from aiocloudauth.session import CloudSession
    from aiocloudauth.situations import SessionState
    from aiocloudauth.token import Secret, SessionToken

__all__ = [
    "ApiError",
    "ApiKey",
    "AuthenticationClusterError",
    "AuthenticationError",
    "BadRequestError",
    "Basic",
    "Bearer",
    "BearerMiddleware",
    "BearerRequest",
    "BodyNotReplayableError",
    "Clock",
    "CloudAuthError",
    "CloudSession",
    "ConfigurationError",
    "ConflictError",
    "Credentials",
    "ElevatedPermissionsRequiredError",
    "ErrorDetail",
    "Event",
    "GatewayError",
    "InvalidResponseError",
    "KeyExpiring",
    "LoggedIn",
    "LoggedOut",
    "NoAuthenticationClusterError",
    "NotFoundError",
    "Password",
    "PermissionDeniedError",
    "PlanFailedError",
    "PlanFailure",
    "PlanTimeoutError",
    "PreconditionFailedError",
    "RateLimitedError",
    "RenewalFailed",
    "RenewalPolicy",
    "RenewalTimeoutError",
    "RequestReplayed",
    "Secret",
    "ServerError",
    "SessionClosed",
    "SessionClosedError",
    "SessionDegraded",
    "SessionExpiredError",
    "SessionLost",
    "SessionState",
    "SessionToken",
    "StoreError",
    "TokenRefresher",
    "TokenRenewed",
    "TransportError",
    "UnauthenticatedError",
    "UnauthorizedError",
    "VersionConflictError",
]

#: Which module a public name lives in; loaded when the name is first used.
_HOMES = {
    "clock": ("Clock",),
    "credentials": ("ApiKey", "Basic", "Bearer", "Credentials", "Password"),
    "middleware": ("BearerMiddleware", "BearerRequest"),
    "policy": ("RenewalPolicy",),
    "refresher": ("TokenRefresher",),
    "session": ("CloudSession",),
    "situations": ("SessionState",),
    "token": ("Secret", "SessionToken"),
    "events": (
        "Event",
        "KeyExpiring",
        "LoggedIn",
        "LoggedOut",
        "RenewalFailed",
        "RequestReplayed",
        "SessionClosed",
        "SessionDegraded",
        "SessionLost",
        "TokenRenewed",
    ),
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("aiocloudauth")
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = next((module for module, names in _HOMES.items() if name in names), "errors")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
