"""JSON of the authentication API to values and typed errors, once and strictly."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from attrs import evolve, frozen

from aiocloudauth.errors import ErrorDetail, InvalidResponseError
from aiocloudauth.failure import Failure, is_known
from aiocloudauth.token import Secret, spellings, token_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cattrs import Converter

__all__ = [
    "AuthenticationInfo",
    "EmptyResponse",
    "TokenResponse",
    "failure_of",
    "http_date",
    "jwt_expiry",
    "parse",
    "retry_after",
]

T = TypeVar("T")

#: The header that repeats the error codes. Source: ECE 3.8 API, all error answers.
CODES_HEADER: Final = "x-cloud-error-codes"

_NOT_JSON: Final = object()
_SEPARATOR: Final = re.compile(r"[,\s]+")
_CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,200}")
#: Most entries of an error list, and characters of a message, that an error keeps.
_MAX_ERRORS: Final = 50
_MAX_MESSAGE: Final = 1_000


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


def decode(body: bytes, where: str = "JSON") -> dict[str, Any]:
    """Return the JSON object in `body`; `where` begins the message of an error.

    Raises:
        InvalidResponseError: It is empty, no JSON, or no object.
    """
    if not body.strip():
        msg = f"{where}: the answer is empty"
        raise InvalidResponseError(msg, problems=("empty body @ $",))
    value = _loaded(body)
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


# -- error answers ------------------------------------------------------------------------


def header_codes(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the codes of ``x-cloud-error-codes``, split on commas and white space."""
    words = _SEPARATOR.split(headers.get(CODES_HEADER, ""))
    return tuple(word for word in words if _CODE.fullmatch(word))[:_MAX_ERRORS]


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


def _errors(value: dict[str, Any]) -> tuple[ErrorDetail, ...]:
    entries = value.get("errors")
    if not isinstance(entries, list):
        return ()
    found = (_detail(entry) for entry in entries[:_MAX_ERRORS])
    return tuple(detail for detail in found if detail is not None)


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
    said = message if isinstance(message, str) else ""
    codes = tuple(detail.code for detail in errors if detail.code) or named
    return Failure(status, errors, codes, said, from_api=bool(errors or said or named))


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
        return code if is_known(code) else clean(code)

    errors = tuple(
        ErrorDetail(clean_code(e.code), clean(e.message), tuple(clean(name) for name in e.fields))
        for e in failure.errors
    )
    codes = tuple(clean_code(code) for code in failure.codes)
    return evolve(failure, errors=errors, codes=codes, message=clean(failure.message))


# -- dates --------------------------------------------------------------------------------


def key_expiration(value: str | None) -> datetime | None:
    """Return the instant of a field that says when an API key ends; ``None`` if malformed.

    Source: ECE 3.8 API, X-Elastic-Api-Key-Expiration.
    """
    try:
        return _instant(value, None)
    except _ProblemError:
        return None


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
