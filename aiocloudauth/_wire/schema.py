"""JSON of the authentication API, header fields and dates to values and typed errors.

Strict about the token, which is sent on as it is; lenient about the expiry, since there are
other ways to learn it.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

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


# -- answers -------------------------------------------------------------------------------


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


_NOT_JSON: Final = object()


def _loaded(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _NOT_JSON  # the exception would keep the body


def _is_page(body: bytes) -> bool:
    return body.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


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


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


@cache
def _converter() -> Converter:
    # Imported when the first answer is parsed: it would double this package's own share
    # of the import time.
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, override

    converter = Converter()
    converter.register_structure_hook(Secret, _token)
    # By the field's name, not by its type: while a test freezes the time, `datetime` stands for
    # another class here, and a cache would keep that.
    as_instant = override(struct_hook=_instant)
    converter.register_structure_hook(
        TokenResponse,
        make_dict_structure_fn(TokenResponse, converter, session_expiration_time=as_instant),
    )
    converter.register_structure_hook(
        AuthenticationInfo,
        make_dict_structure_fn(AuthenticationInfo, converter, expires_at=as_instant),
    )
    return converter


def _say(error: BaseException, _: object) -> str:
    if isinstance(error, _ProblemError):
        return str(error)
    if isinstance(error, KeyError):
        return "required field missing"
    return "unexpected value"


# -- instants ------------------------------------------------------------------------------

#: Java's name of the zone behind the offset, as in ``Z[UTC]``. Source: RFC 9557.
_ZONE_NAME: Final = re.compile(r"(\[[^\[\]]*\])+$")
#: A leap second, which `datetime` does not know. Source: RFC 3339 section 5.7.
_LEAP_SECOND: Final = re.compile(r"(?<=[T ]\d\d:\d\d:)60")
#: More than a date-time with its zone's name takes, in characters.
_LONGEST: Final = 200
_NUMBER: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
#: The smallest number that is read as seconds since 1970, in 2001: a duration is below it.
_EARLIEST: Final = 1e9


def _instant(value: object, _: object) -> datetime | None:
    """Return an expiry, however it is written; `None` for one that names no instant.

    RFC 3339 is what the API promises. Also read: seconds since 1970 as a number or as text,
    and a zone's name behind the offset. A time without an offset is no instant, and a number
    below a billion no time.
    """
    if isinstance(value, str):
        text = value[:_LONGEST].strip()
        return _epoch(float(text)) if _NUMBER.fullmatch(text) else _date_time(text)
    return _epoch(value)


def _epoch(value: object) -> datetime | None:
    if not isinstance(value, int | float) or not value >= _EARLIEST:  # nor is NaN
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _date_time(text: str) -> datetime | None:
    text = _ZONE_NAME.sub("", text).upper()  # RFC 3339 allows t and z
    whole, leaps = _LEAP_SECOND.subn("59", text)
    try:
        read = datetime.fromisoformat(whole)
        return None if read.tzinfo is None else read.astimezone(UTC) + timedelta(seconds=leaps)
    except (ValueError, OverflowError):
        return None


# -- header fields and claims --------------------------------------------------------------


def key_expiration(value: str | None) -> datetime | None:
    """Return the instant of a field that says when an API key ends; ``None`` if malformed.

    Source: ECE 3.8 API, X-Elastic-Api-Key-Expiration.
    """
    return _instant(value, None)


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


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Return the seconds of ``Retry-After``, a number or a date.

    A date counts from the answer's own ``Date``, else from `now`.

    Args:
        headers: The answer's headers, case-insensitive.
        now: When the answer came, seconds since 1970; ``None`` if unknown.

    Source: RFC 9110 section 10.2.3.
    """
    value = headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(value):
        return float(value)
    until, date = http_date(value), http_date(headers.get("Date"))
    since = now if date is None else date.timestamp()
    return None if until is None or since is None else max(0.0, until.timestamp() - since)


def jwt_expiry(token: Secret) -> datetime | None:
    """Return the ``exp`` of a token that looks like a JWT: a hint, as it is not verified.

    Source: RFC 7519 section 4.1.4.
    """
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return None
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(f"{parts[1]}=="))  # padding, at least
        return _epoch(claims["exp"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
