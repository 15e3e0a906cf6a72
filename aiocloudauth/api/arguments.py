"""From an operation's arguments to a request, or to what is wrong with them. Nothing is sent."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from urllib.parse import quote, unquote

from aiohttp import ClientTimeout
from yarl import URL

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.policy import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiocloudauth.api.table import Kind, Row

__all__ = ["Timeout", "argument_names", "nearest", "request_for"]

#: For one call: as for aiohttp, or seconds, or a `timedelta`; `None`: the session's.
Timeout: TypeAlias = ClientTimeout | float | timedelta | None

#: First segments of the paths that the hosted cloud has in every region.
_REGIONAL: Final = ("/platform/", "/stack/", "/comments/")

#: What a piece of a URL may hold as it is. Source: RFC 3986 section 3.3.
_AS_IT_IS: Final = "/%!$&'()*+,;=:@"
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

_SURROGATE: Final = re.compile("[\ud800-\udfff]")

#: The API's integers have 64 bits.
_MAX_INTEGER: Final = 2**63 - 1


def argument_names(row: Row) -> tuple[str, ...]:
    """Return the names of an operation's arguments, those of its path first."""
    names = [*row.get("segments", ()), *row.get("query", ())]
    names += [*row.get("header", ()), *row.get("form", ())]
    if "body" in row:
        names.append("body")
    if row["path"].startswith(_REGIONAL):
        names.append("region")
    return (*names, "timeout")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a sentence that says which of `names` are like `name`."""
    from difflib import get_close_matches

    found = get_close_matches(name, names)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def request_for(
    name: str, row: Row, given: tuple[object, ...], named: Mapping[str, object]
) -> tuple[URL, dict[str, Any]]:
    """Return where a call is sent, below the API root, and aiohttp's keywords for it.

    Args:
        name: The operation's name, for messages.
        row: The operation.
        given: What was passed by position.
        named: What was passed by keyword.

    Raises:
        ConfigurationError: An argument is unknown, missing or cannot be sent.
    """
    arguments = _arguments(name, row, given, named)
    return _url(name, row, arguments), _options(name, row, arguments)


def _arguments(
    name: str, row: Row, given: tuple[object, ...], named: Mapping[str, object]
) -> dict[str, object]:
    """Return what was passed by the arguments' names, without `None`; what is needed is there."""
    segments = row.get("segments", ())
    if len(given) > len(segments):
        allowed = ", ".join(segments) or "nothing"
        raise ConfigurationError(f"{name}() takes {allowed} by position, and all else by keyword")
    arguments = dict(zip(segments, given, strict=False))
    query = row.get("query", ())
    for key, value in named.items():
        if key not in query and key not in argument_names(row):
            known = argument_names(row)
            raise ConfigurationError(f"{name}() has no argument {key!r}{nearest(key, known)}")
        if key in arguments:
            raise ConfigurationError(f"{name}() was given {key} twice")
        if value is not None:
            arguments[key] = value
    for key in (*segments, *row.get("required", ())):
        if arguments.get(key) is None:
            raise ConfigurationError(f"{name}() needs {key}")
    if row.get("body") == "required" and "body" not in arguments:
        raise ConfigurationError(f"{name}() needs body")
    return arguments


def _url(name: str, row: Row, arguments: dict[str, object]) -> URL:
    url = row["path"]
    if "segments" in row:
        values = {}
        for key, kind in row["segments"].items():
            values[key] = _segment(f"{name}(): {key}", kind, arguments[key])
        url = url.format_map(values)
    if "region" in arguments and url.startswith(_REGIONAL):
        url = f"/regions/{_segment(f'{name}(): region', 'string', arguments['region'])}{url}"
    query, mark = row.get("query", {}), "?"
    for key, value in arguments.items():
        if key in query:
            text = _text(f"{name}(): {key}", query[key], value)
            url = f"{url}{mark}{key.rstrip('_')}={quote(text, safe='')}"
            mark = "&"
    return URL(url, encoded=True)


def _options(name: str, row: Row, arguments: dict[str, object]) -> dict[str, Any]:
    options: dict[str, Any] = {"allow_redirects": False, "raise_for_status": True}
    if "timeout" in arguments:
        options["timeout"] = _timeout(f"{name}(): timeout", arguments["timeout"])
    if "header" in row:
        options["headers"] = _headers(name, row["header"], arguments)
    if "form" in row:
        options["data"] = _fields(name, row["form"], arguments)
    elif "body" in arguments:
        kind, options["data"] = _body(f"{name}(): body", row, arguments["body"])
        options["headers"] = {**options.get("headers", {}), "Content-Type": kind}
    elif row["method"] != "GET":
        options["skip_auto_headers"] = ("Content-Type",)  # aiohttp names one for no body too
    return options


def _headers(name: str, header: dict[str, str], arguments: dict[str, object]) -> dict[str, str]:
    found = {}
    for key, wire in header.items():
        if key in arguments:
            found[wire] = _header(f"{name}(): {key}", arguments[key])
        elif wire == "X-Management-Request":
            found[wire] = "true"
    return found


def _fields(name: str, form: dict[str, str], arguments: dict[str, object]) -> dict[str, object]:
    return {
        wire: _field(f"{name}(): {key}", wire, arguments[key])
        for key, wire in form.items()
        if key in arguments
    }


# -- values ---------------------------------------------------------------------------------


def _text(where: str, kind: Kind, value: object) -> str:
    if isinstance(value, str) and kind not in ("boolean", "integer"):
        text = str.__str__(value)  # an Enum's value, not its name
        if isinstance(kind, list) and text not in kind:
            raise ConfigurationError(f"{where} must be one of {', '.join(kind)}")
        if _SURROGATE.search(text):
            raise ConfigurationError(f"{where} holds what cannot be written in UTF-8")
        return text
    if isinstance(value, bool):
        if kind == "boolean":
            return "true" if value else "false"
    elif isinstance(value, int) and kind in ("integer", "version"):
        if abs(value) > _MAX_INTEGER:
            raise ConfigurationError(f"{where} must fit in 64 bits")
        return int.__repr__(value)
    expected = {"boolean": "a bool", "integer": "an int", "version": "a str or an int"}
    wanted = expected.get(kind, "a str") if isinstance(kind, str) else "a str"
    raise ConfigurationError(f"{where} must be {wanted}, not {type(value).__name__}")


def _segment(where: str, kind: Kind, value: object) -> str:
    """Return a value as one segment of a path, which cannot lead anywhere else."""
    text = ",".join(_items(where, value)) if kind == "strings" else _text(where, kind, value)
    if not text:
        raise ConfigurationError(f"{where} is empty")
    if kind == "piece":
        return _piece(where, text)
    _refuse_dots(where, text)  # which many servers read even where they are escaped
    return quote(text, safe="")


def _refuse_dots(where: str, text: str) -> None:
    if not {".", ".."}.isdisjoint(text.replace("\\", "/").split("/")):
        raise ConfigurationError(f"{where} has a dot segment, which would name another path")


def _items(where: str, value: object) -> list[str]:
    if not isinstance(value, list | tuple):
        raise ConfigurationError(f"{where} must be a list of str, not {type(value).__name__}")
    items = [_text(where, "string", item) for item in value]
    if not all(items):
        raise ConfigurationError(f"{where} holds an empty item")
    if any("," in item for item in items):
        raise ConfigurationError(f"{where} holds an item with a comma, which would read as two")
    return items


def _piece(where: str, text: str) -> str:
    """Return a piece of a URL with its ``/``, its escapes and its query; else escaped."""
    path, mark, query = _LONE_PERCENT.sub("%25", text.removeprefix("/")).partition("?")
    _refuse_dots(where, unquote(path))
    return quote(path, safe=_AS_IT_IS) + mark + quote(query, safe=f"{_AS_IT_IS}?")


def _header(where: str, value: object) -> str:
    text = _text(where, "string", value)
    if not text.isprintable():
        raise ConfigurationError(f"{where} holds what cannot stand in a header field")
    return text


def _field(where: str, name: str, value: object) -> object:
    if name != "file":
        return _text(where, "string", value)
    if not isinstance(value, io.IOBase):
        value = getattr(value, "file", value)  # that of a `tempfile.NamedTemporaryFile`
    if not isinstance(value, io.IOBase) or isinstance(value, io.TextIOBase):
        raise ConfigurationError(f"{where} must be a file opened for reading bytes")
    if value.closed or not value.readable():
        raise ConfigurationError(f"{where} cannot be read: it is closed, or open for writing")
    return value


def _body(where: str, row: Row, value: object) -> tuple[str, bytes]:
    """Return a body's media type and its bytes."""
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise ConfigurationError(f"{where} holds what cannot be written in UTF-8")
        value = str.__str__(value).encode()
    if isinstance(value, bytes):
        return row.get("consumes", "application/json"), value
    try:
        return "application/json", json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        pass  # raised outside: the error's frames hold the body
    raise ConfigurationError(
        f"{where} is no JSON: it may hold dict, list, str, int, float, bool and None, "
        "no NaN, and not itself"
    )


def _timeout(where: str, value: object) -> ClientTimeout:
    if isinstance(value, ClientTimeout):
        return value
    return ClientTimeout(total=seconds(where, cast("float | timedelta", value)))
