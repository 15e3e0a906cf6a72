"""JSON of the authentication API to values and typed errors, once and strictly."""

from __future__ import annotations

import base64
import codecs
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from attrs import frozen

from aiocloudauth.errors import InvalidResponseError
from aiocloudauth.token import Secret, token_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cattrs import Converter

__all__ = [
    "AuthenticationInfo",
    "EmptyResponse",
    "TokenResponse",
    "decode",
    "http_date",
    "jwt_expiry",
    "parse",
    "retry_after",
]

T = TypeVar("T")

_NOT_JSON: Final = object()


@frozen
class TokenResponse:
    """The answer of ``_login`` and ``_refresh``. Source: ECE 3.8 API, TokenResponse."""

    token: Secret
    session_expiration_time: datetime | None = None


@frozen
class AuthenticationInfo:
    """The part of ``GET /users/auth`` that is used. Source: AuthenticationInfo."""

    expires_at: datetime | None = None


@frozen
class EmptyResponse:
    """The answer of ``_logout``. Source: ECE 3.8 API, EmptyResponse."""


class _ProblemError(ValueError):
    """What is wrong with a value, in words that do not contain it."""


def _token(value: object, _: object) -> Secret:
    if not isinstance(value, str):
        msg = f"expected a string, not {_kind(value)}"
        raise _ProblemError(msg)
    problem = token_problem(value)
    if problem is not None:
        raise _ProblemError(problem)
    return Secret(value)


def _instant(value: object, _: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        msg = f"expected a date-time string, not {_kind(value)}"
        raise _ProblemError(msg)
    try:
        instant = datetime.fromisoformat(value.upper())  # RFC 3339 allows t and z
        aware = None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        msg = "not an RFC 3339 date-time"
        raise _ProblemError(msg) from None
    if aware is None:
        msg = "has no UTC offset"
        raise _ProblemError(msg)
    return aware


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


@cache
def _converter() -> Converter:
    # Imported when the first answer is parsed: it would double this package's own share
    # of the import time.
    from cattrs import Converter

    converter = Converter()
    converter.register_structure_hook(Secret, _token)
    converter.register_structure_hook(datetime | None, _instant)
    return converter


def _say(error: BaseException, _: object) -> str:
    if isinstance(error, _ProblemError):
        return str(error)
    if isinstance(error, KeyError):
        return "required field missing"
    return "unexpected value"


def _loaded(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _NOT_JSON  # the exception would keep the body


def _is_page(body: bytes) -> bool:
    return body.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


def decode(body: bytes, where: str = "JSON") -> dict[str, Any]:
    """Return the JSON object in `body`; `where` begins the message of an error.

    Raises:
        InvalidResponseError: It is empty, no JSON, or no object.
    """
    if not body.strip():
        msg = f"{where}: the answer is empty"
        raise InvalidResponseError(msg, problems=("empty body @ $",))
    value = _loaded(body)
    if value is _NOT_JSON and _is_page(body):
        msg = f"{where}: the answer is a page of HTML or XML: does the URL lead to the API's root?"
        raise InvalidResponseError(msg, problems=("a page, not JSON @ $",), retryable=False)
    if value is _NOT_JSON:
        msg = f"{where}: the answer is not JSON"
        raise InvalidResponseError(msg, problems=("not JSON @ $",))
    if not isinstance(value, dict):
        msg = f"{where}: the answer is not a JSON object"
        problem = f"expected an object, not {_kind(value)} @ $"
        raise InvalidResponseError(msg, problems=(problem,))
    return value


def parse(value: Mapping[str, Any], kind: type[T], where: str = "JSON") -> T:
    """Return the `kind` that a decoded object holds; `where` as for `decode`.

    Raises:
        InvalidResponseError: A field is missing or unusable. ``problems`` says which.
    """
    from cattrs import BaseValidationError, transform_error

    try:
        return _converter().structure(value, kind)
    except BaseValidationError as error:
        problems = tuple(transform_error(error, format_exception=_say))
    msg = f"{where}: not a usable {kind.__name__}: {'; '.join(problems)}"
    raise InvalidResponseError(msg, problems=problems)


# -- dates --------------------------------------------------------------------------------


def http_date(value: str | None) -> datetime | None:
    """Return the instant of a ``Date`` header; ``None`` if it is missing or malformed.

    Source: RFC 9110 section 5.6.7.
    """
    if not value:
        return None
    try:
        instant = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if instant.tzinfo is None:  # "-0000": UTC without a stated zone
        instant = instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``, a number or a date against ``Date``.

    Source: RFC 9110 section 10.2.3.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit() and len(value) <= 10:
        return float(value)
    until, now = http_date(value), http_date(headers.get("Date"))
    if until is None or now is None:
        return None
    return max(0.0, (until - now).total_seconds())


def jwt_expiry(token: Secret) -> datetime | None:
    """Return the ``exp`` of a token that looks like a JWT: a hint, as it is not verified.

    Source: RFC 7519 section 4.1.4.
    """
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        expiry = cast("Any", json.loads(base64.urlsafe_b64decode(padded)))["exp"]
        if isinstance(expiry, bool) or not isinstance(expiry, int | float):
            return None
        return datetime.fromtimestamp(expiry, UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return None
