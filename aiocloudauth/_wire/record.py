"""The fleet's record as JSON, and back; what is malformed is no record."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, Final

from aiocloudauth import errors
from aiocloudauth._core.sharing import MARKS, Failure, Lease, Shared
from aiocloudauth.errors import ApiError, CloudAuthError, InvalidResponseError
from aiocloudauth.token import Secret, token_problem

__all__ = ["LaterFormatError", "MalformedError", "from_bytes", "to_bytes"]

#: The format that is written; a later one is left alone.
FORMAT: Final = 1
#: The longest name of a lease, a failure or a session, and the longest text of an error.
_NAME: Final = 64
_TEXT: Final = 4096
#: Ten thousand years in seconds.
_LONGEST: Final = 3.2e11

_ERRORS: Final[dict[str, type[CloudAuthError]]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, CloudAuthError)
}


class LaterFormatError(Exception):
    """Written by a later version of this package."""


class MalformedError(ValueError):
    """The bytes are no record."""


def to_bytes(shared: Shared) -> bytes:
    """Return the record as it is written; the token in clear, so it has to be sealed."""
    expires_at, lease, failure = shared.expires_at, shared.lease, shared.failure
    data = {
        "format": FORMAT,
        "generation": shared.generation,
        "session": shared.session,
        "token": None if shared.token is None else shared.token.reveal(),
        "expires_at": None if expires_at is None else expires_at.timestamp(),
        "issued_at": shared.issued_at,
        "life": shared.life,
        "offset": shared.offset,
        "lease": None if lease is None else {"name": lease.name, "seconds": lease.seconds},
        "failure": None if failure is None else _of_failure(failure),
        "ended": list(shared.ended),
        "dead": shared.dead,
    }
    return json.dumps(data).encode()


def from_bytes(content: bytes) -> Shared:
    """Return the record that was written.

    Raises:
        MalformedError: It is none.
        LaterFormatError: It is one of a later version.
    """
    try:
        data = _object(json.loads(content))
    except (RecursionError, ValueError):
        raise MalformedError from None
    if _whole(data.get("format")) > FORMAT:
        raise LaterFormatError
    expires_at, lease = data.get("expires_at"), data.get("lease")
    token, failure = data.get("token"), data.get("failure")
    ended = data.get("ended")
    if not isinstance(ended, list) or len(ended) > MARKS:
        raise MalformedError
    if token is not None and (not isinstance(token, str) or token_problem(token)):
        raise MalformedError
    return Shared(
        generation=_whole(data.get("generation")),
        session=_text(data.get("session"), _NAME),
        token=None if token is None else Secret(token),
        expires_at=None if expires_at is None else _instant(_number(expires_at)),
        issued_at=_number(data.get("issued_at")),
        life=_number(data.get("life")),
        offset=_number(data.get("offset")),
        lease=None if lease is None else _lease(lease),
        failure=None if failure is None else _failure(failure),
        ended=tuple(_text(mark, _NAME) for mark in ended),
        dead=_whole(data.get("dead")),
    )


def _of_failure(failure: Failure) -> dict[str, Any]:
    error = failure.error
    data: dict[str, Any] = {
        "name": failure.name,
        "count": failure.count,
        "rest": None if failure.rest == math.inf else failure.rest,
        "error": type(error).__name__,
        "message": str(error)[:_TEXT],
        "retryable": error.retryable,
    }
    if isinstance(error, ApiError):
        data["answer"] = {
            "status": error.status,
            "codes": list(error.codes),
            "method": error.method,
            "url": error.url,
            "retry_after": error.retry_after,
        }
    return data


def _failure(value: object) -> Failure:
    data = _object(value)
    rest = data.get("rest")
    return Failure(
        _text(data.get("name"), _NAME),
        _error(data),
        _whole(data.get("count")),
        math.inf if rest is None else max(0.0, _number(rest)),
    )


def _error(data: dict[str, Any]) -> CloudAuthError:
    # One of a later version, or with arguments that this one does not know, is the plain one.
    kind = _ERRORS.get(_text(data.get("error"), _NAME), CloudAuthError)
    message, retryable = _text(data.get("message"), _TEXT), data.get("retryable") is True
    if issubclass(kind, ApiError):
        answer = _object(data.get("answer"))
        codes, after = answer.get("codes"), answer.get("retry_after")
        if not isinstance(codes, list):
            raise MalformedError
        return kind(
            message,
            status=_whole(answer.get("status")),
            codes=[_text(code, _TEXT) for code in codes],
            method=_text(answer.get("method"), _NAME),
            url=_text(answer.get("url"), _TEXT),
            retry_after=None if after is None else _number(after),
        )
    if issubclass(kind, InvalidResponseError):
        return kind(message, retryable=retryable)
    error = kind(message)
    error.retryable = retryable
    return error


def _lease(value: object) -> Lease:
    data = _object(value)
    return Lease(_text(data.get("name"), _NAME), _number(data.get("seconds")))


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError
    return value


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise MalformedError
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise MalformedError
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LONGEST:
        raise MalformedError
    return float(value)


def _instant(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        raise MalformedError from None
