"""The part of ECE's search language that the server speaks.

Source: ECE 3.8 API, QueryContainer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["UnknownQuery", "matches"]


class UnknownQuery(Exception):  # noqa: N818 - it is an answer, not an error of the server's
    """A kind of query that the server does not know."""


def matches(query: Mapping[str, Any] | None, document: Mapping[str, Any]) -> bool:
    """Tell whether a document is one that a query asks for.

    Known are `match_all`, `match_none`, `term`, `match`, `prefix`, `exists` and `bool`; a field
    is a path with dots, and that of a list stands for any of its elements. All parts of a query
    have to hold. Raises `UnknownQuery` for any other kind.
    """
    for kind, body in (query or {}).items():
        if body is not None and not _holds(kind, body, document):
            return False
    return True


def _holds(kind: str, body: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    match kind:
        case "match_all":
            return True
        case "match_none":
            return False
        case "bool":
            return _all_hold(body, document)
        case "exists":
            return bool(_values(document, str(body.get("field"))))
        case "term" | "match" | "prefix":
            return all(
                any(_compare(kind, wanted, value) for value in _values(document, path))
                for path, wanted in body.items()
            )
        case _:
            raise UnknownQuery(kind)


def _all_hold(body: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    wanted = [*(body.get("must") or ()), *(body.get("filter") or ())]
    should = body.get("should") or ()
    least = body.get("minimum_should_match")
    if least is None:
        least = 1 if should and not wanted else 0
    return (
        all(matches(one, document) for one in wanted)
        and not any(matches(one, document) for one in body.get("must_not") or ())
        and sum(matches(one, document) for one in should) >= least
    )


def _compare(kind: str, wanted: Mapping[str, Any], value: object) -> bool:
    asked = str(wanted["query" if kind == "match" else "value"]).lower()
    held = str(value).lower()
    if kind == "prefix":
        return held.startswith(asked)
    # A text is analysed into words; a term is one of them.
    return held == asked or (kind == "match" and bool(set(asked.split()) & set(held.split())))


def _values(document: object, path: str) -> list[object]:
    found: list[object] = [document]
    for name in path.split("."):
        found = [
            value for one in found if isinstance(one, Mapping) for value in _elements(one.get(name))
        ]
    return found


def _elements(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
