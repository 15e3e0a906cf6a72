"""The operations of ECE by method and path, as the facts of its API list them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import unquote

from attrs import field, frozen

__all__ = ["Catalogue", "Described", "catalogue"]

#: The only parameter of a path that may hold slashes: what is handed on to the deployment.
_OPEN: Final = "{proxy_path}"


@frozen(eq=False)
class Described:
    """One operation as the facts describe it."""

    name: str
    facts: Mapping[str, Any] = field(repr=False)
    segments: tuple[str, ...] = field(repr=False)

    @property
    def params(self) -> list[Mapping[str, Any]]:
        """The parameters, those of the path included."""
        params: list[Mapping[str, Any]] = self.facts.get("params", [])
        return params

    @property
    def answer(self) -> tuple[int, object]:
        """The status of a success, and the type of its answer."""
        status, kind = next(iter(self.facts["answers"].items()))
        return int(status), kind

    def fits(self, segments: list[str]) -> bool:
        """Tell whether a path is one of this operation."""
        own = self.segments
        if own[-1] == _OPEN:
            segments = segments[: len(own)] if len(segments) >= len(own) else []
        return len(own) == len(segments) and all(
            given == wanted or (wanted.startswith("{") and given)
            for wanted, given in zip(own, segments, strict=True)
        )

    def parts(self, segments: list[str]) -> dict[str, str]:
        """Return the parameters of a path that fits, decoded."""
        return {
            wanted.strip("{}"): unquote(
                "/".join(segments[place:]) if wanted == _OPEN else segments[place]
            )
            for place, wanted in enumerate(self.segments)
            if wanted.startswith("{")
        }


class Catalogue:
    """All operations and types."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        """Sort the operations so that what names a segment comes before what leaves it open."""
        self.types: Mapping[str, Any] = facts["types"]
        operations = [
            Described(name, described, tuple(described["path"].split("/")[1:]))
            for name, described in facts["operations"].items()
        ]
        operations.sort(key=lambda one: [part.startswith("{") for part in one.segments])
        self._by_area: dict[tuple[str, str], list[Described]] = {}
        for one in operations:
            area = (one.facts["method"], one.segments[0])
            self._by_area.setdefault(area, []).append(one)

    def find(self, method: str, path: str) -> tuple[Described, dict[str, str]] | None:
        """Find the operation of a path below the API root, and the path's parameters."""
        segments = path.split("/")[1:]
        for one in self._by_area.get((method, segments[0]), ()):
            if one.fits(segments):
                return one, one.parts(segments)
        return None

    def fields(self, kind: object) -> Mapping[str, Any]:
        """Return the fields of a type, if it is an object with fields."""
        described = self.types.get(kind, kind) if isinstance(kind, str) else kind
        fields = described.get("fields", {}) if isinstance(described, Mapping) else {}
        return fields if isinstance(fields, Mapping) else {}


@cache
def catalogue() -> Catalogue:
    """Read the facts: when an operation that they describe is first asked for."""
    text = (files("aiocloudauth") / "api" / "facts.json").read_text(encoding="utf-8")
    return Catalogue(json.loads(text))
