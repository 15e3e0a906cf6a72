"""How a command ends: the exit status of an error, and the line that says what to do."""

from __future__ import annotations

import errno
import json
from typing import Final

from aiocloudauth import errors

__all__ = ["EXITS", "exit_code", "line", "report"]

#: What an exit status means.
EXITS: Final = {
    0: "done",
    1: "something unforeseen, or a request of a demonstration failed",
    2: "the arguments cannot be read",
    3: "the settings cannot work",
    4: "credentials or token refused",
    5: "no permission",
    6: "not found",
    7: "another refusal of the API",
    8: "no answer, or no TLS",
    9: "the server or a gateway failed",
    10: "a plan failed",
    124: "time out",
    130: "interrupted",
}

#: A full disk, a full share of it, a file too large.
_WRITING: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

#: The first class that fits gives the status, and the advice that the error itself has not.
_BY_CLASS: Final[tuple[tuple[type[BaseException], int, str], ...]] = (
    (errors.ConfigurationError, 3, ""),
    (errors.StoreError, 3, "mend it, or go without: --store ''"),
    (errors.RenewalTimeoutError, 124, "is it up, and no firewall between? --timeout waits longer"),
    (errors.PlanTimeoutError, 124, "the plan goes on: waiting again is fine"),
    (errors.TLSError, 8, "aiocloudauth doctor says more"),
    (errors.TransportError, 8, "is it up, and are host and port right? (ECE: 12443 for https)"),
    (errors.UnauthenticatedError, 4, "check user and password, or the key"),
    (errors.AuthenticationError, 4, "check user and password, or the key"),
    (errors.BodyNotReplayableError, 4, "send it again"),
    (errors.SessionExpiredError, 4, "check user and password, or the key"),
    (errors.ElevatedPermissionsRequiredError, 5, "elevate this user's permissions in the console"),
    (errors.PermissionDeniedError, 5, "the user needs a role that may do this"),
    (errors.NotFoundError, 6, "check the path, and the ids in it"),
    (errors.RateLimitedError, 7, "try again later"),
    (errors.NoAuthenticationClusterError, 9, "who runs this ECE has to set one up"),
    (errors.GatewayError, 9, "does the URL lead to ECE? Else ask who runs what is in front"),
    (errors.ServerError, 9, "try again; if it lasts, ask who runs this ECE"),
    (errors.InvalidResponseError, 9, "does the URL lead to ECE's API? Check scheme, port and path"),
    (errors.PlanFailedError, 10, "correct the plan"),
    (errors.ApiError, 7, "correct the request"),
    (TimeoutError, 124, "is it up, and no firewall between? --timeout waits longer"),
    (OSError, 8, "is it up, and are host and port right?"),
    (KeyboardInterrupt, 130, ""),
)


def exit_code(error: BaseException) -> int:
    """Return the exit status of `error`."""
    return _entry(error)[0]


def _entry(error: BaseException) -> tuple[int, str]:
    cause = error.__cause__
    if isinstance(error, errors.SessionExpiredError) and isinstance(cause, errors.CloudAuthError):
        return _entry(cause)
    if isinstance(error, OSError) and error.errno in _WRITING:
        return 1, "what was to be printed is not written"
    for kind, status, advice in _BY_CLASS:
        if isinstance(error, kind):
            return status, advice
    return 1, "--debug shows where"


def line(error: BaseException) -> str:
    """Return what happened and what to do, in one line that steers no terminal."""
    from ssl import CertificateError  # not for a help text

    text = " ".join(str(error).split()) or type(error).__name__
    advice = _entry(error)[1]
    # A note of the error's own on the URL says more.
    astray = isinstance(error, errors.ApiError) and "/users/auth/" in error.url and "?" in text
    if isinstance(error.__cause__, CertificateError):
        advice = f"here ssl= is --ca-file FILE; {advice}"
    if advice and not astray and not text.endswith("?"):
        text = f"{text.rstrip('.')}; {advice}"
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def report(error: BaseException, *, as_json: bool) -> str:
    """Return what goes to standard error: a line, or a JSON object."""
    if isinstance(error, KeyboardInterrupt):
        return "aiocloudauth: interrupted"
    if not as_json:
        return f"aiocloudauth: error: {line(error)}"
    told: dict[str, object] = {
        "error": type(error).__name__,
        "message": line(error),
        "exit_code": exit_code(error),
        "retryable": getattr(error, "retryable", False),
    }
    if isinstance(error, errors.ApiError):
        told |= {"status": error.status, "codes": list(error.codes), "url": error.url}
    return json.dumps(told)
