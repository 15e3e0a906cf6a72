"""The facts as the tests read them: what fits a type, and examples of what does."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What the facts say of something.
Fact: TypeAlias = dict[str, Any]
#: JSON: a value, or a type as the facts write it.
Json: TypeAlias = Any


@cache
def facts() -> Fact:
    """Return the facts that the package ships."""
    text = files("aiocloudauth").joinpath("api/facts.json").read_text(encoding="utf-8")
    loaded: Fact = json.loads(text)
    return loaded


def answer_type(identifier: str) -> tuple[int, Json]:
    """Return the first good status of an operation and the type of its answer."""
    status, kind = min(facts()["operations"][identifier]["answers"].items())
    return int(status), kind


def _names(kind: Json, types: Fact) -> Json:
    return types[kind] if isinstance(kind, str) and kind in types else kind


def example(kind: Json, *, whole: bool = False, within: tuple[str, ...] = ()) -> Json:
    """Return a value of a type: with the required fields, or with all that do not recur."""
    if isinstance(kind, list):
        return (
            [] if set(within) & {str(kind[0])} else [example(kind[0], whole=whole, within=within)]
        )
    if isinstance(kind, str) and kind in facts()["types"]:
        within = (*within, kind)
    kind = _names(kind, facts()["types"])
    if isinstance(kind, dict):
        if "enum" in kind:
            return kind["enum"][0]
        if "map" in kind:
            return {"key": example(kind["map"], whole=whole, within=within)}
        return {
            name: example(field, whole=whole, within=within)
            for name, field in kind["fields"].items()
            if name in kind["required"] or (whole and not set(within) & {_inner(field)})
        }
    name, _, form = kind.partition(":")
    if form == "date-time":
        return "2026-01-02T03:04:05.678Z"
    return {"string": "text", "integer": 7, "number": 1.5, "boolean": True, "any": {"a": None}}[
        name
    ]


def _inner(kind: Json) -> str:
    while isinstance(kind, list | dict):
        kind = kind[0] if isinstance(kind, list) else kind.get("map", "")
    return str(kind)


def differences(kind: Json, value: Json, where: str = "$") -> Iterator[str]:
    """Yield where a value is not of a type; ``[]`` stands for any item."""
    kind = _names(kind, facts()["types"])
    if isinstance(kind, list):
        if not isinstance(value, list):
            yield f"no array @ {where}"
            return
        for item in value:
            yield from differences(kind[0], item, f"{where}[]")
    elif isinstance(kind, dict) and "enum" in kind:
        if value not in kind["enum"]:
            yield f"outside its enum: {value!r} @ {where}"
    elif isinstance(kind, dict):
        yield from _fields(kind, value, where)
    else:
        name, _, form = kind.partition(":")
        expected: Any = {
            "string": str,
            "integer": int,
            "number": int | float,
            "boolean": bool,
            "any": object,
        }[name]
        wrong_bool = isinstance(value, bool) and name in {"integer", "number"}
        if not isinstance(value, expected) or wrong_bool:
            yield f"no {name} @ {where}"
        elif form == "date-time":
            try:
                datetime.fromisoformat(value)
            except ValueError:
                yield f"no date-time @ {where}"


def _fields(kind: Fact, value: Json, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"no object @ {where}"
        return
    if "map" in kind:
        for item in value.values():
            yield from differences(kind["map"], item, f"{where}.*")
        return
    for name in sorted(kind["required"]):
        if name not in value:
            yield f"missing @ {where}.{name}"
    for name, item in value.items():
        if name not in kind["fields"]:
            yield f"unknown @ {where}.{name}"
        elif item is None:
            yield f"null @ {where}.{name}"
        else:
            yield from differences(kind["fields"][name], item, f"{where}.{name}")
