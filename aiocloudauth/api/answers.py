"""From the body of a good answer to what a call gives, or to what is wrong with it. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiocloudauth.api.table import Row

__all__ = ["HTML", "UNUSABLE", "lists_errors", "read"]

#: What `read` returns in place of a value that the answer does not hold.
UNUSABLE: Final = object()

_BINARY: Final = frozenset({"application/zip", "application/octet-stream"})
#: The media types of pages for people, which no operation answers.
HTML: Final = frozenset({"text/html", "application/xhtml+xml"})

_NOT_JSON: Final = object()


def _loaded(body: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _NOT_JSON  # the exception would keep the body


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def _as_text(body: bytes, charset: str | None) -> str | None:
    try:
        return body.decode(charset or "utf-8")
    except (ValueError, LookupError):
        return None


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else "a single value"


def read(row: Row, media_type: str, charset: str | None, body: bytes) -> tuple[Any, str]:
    """Return the value of an answer and "", or `UNUSABLE` and what is wrong with it.

    The JSON as it came: fields are neither required nor converted. The body as it is where a
    file is described or sent; text where no object or array is described, and CSV.

    Args:
        row: The operation.
        media_type: The answer's, lower case and without parameters.
        charset: The answer's, if it names one.
        body: All of it.
    """
    kind = row.get("answer", "object")
    if media_type in HTML:
        return UNUSABLE, "HTML where the API answers JSON: is a proxy or a login page in front?"
    if media_type in _BINARY:
        return body, ""
    if not body.strip():
        return {"object": {}, "bytes": b""}.get(kind), ""
    value = _loaded(body)
    if kind == "bytes" and not lists_errors(row, value):
        return body, ""
    if value is not _NOT_JSON:
        expected = {"object": dict, "array": list}.get(kind, object)
        if isinstance(value, expected) or lists_errors(row, value):
            return value, ""
        if value is None:
            return ({} if kind == "object" else None), ""
        described = "an object" if kind == "object" else "an array"
        return UNUSABLE, f"{_kind(value)} where {described} is described"
    if media_type == "text/csv" or (kind in {"any", "string"} and not _is_json(media_type)):
        text = _as_text(body, charset)
        if text is not None:
            return text, ""
    return UNUSABLE, "what is not JSON, or nested too deeply"


def lists_errors(row: Row, value: object) -> bool:
    """Return whether an answer is a list of errors, though its status is good."""
    if not isinstance(value, dict) or row.get("partial"):
        return False
    errors = value.get("errors")
    return isinstance(errors, list) and bool(errors)
