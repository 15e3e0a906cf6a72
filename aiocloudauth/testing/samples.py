"""Values that fit the API's types, and what does not fit them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocloudauth.testing.catalogue import Catalogue

__all__ = ["misfits", "sample"]

_PLAIN: Final[Mapping[str, object]] = {
    "any": {},
    "boolean": True,
    "integer": 1,
    "number": 1.0,
}

_CHECKS: Final[Mapping[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
}


def sample(
    catalogue: Catalogue,
    kind: object,
    *,
    now: str,
    named: Mapping[str, str] | None = None,
    name: str = "text",
    whole: bool = True,
) -> Any:  # noqa: ANN401 - any JSON
    """Make a value of a type.

    An object has all of its fields, and what is in it those that are required. A text is the
    name of its field.

    Args:
        catalogue: The types.
        kind: The type, in the facts' notation.
        now: What every date says.
        named: Texts by the names of the fields that have them.
        name: The name of the field this is for.
        whole: Whether an object has its optional fields, and a list an element.
    """
    named = named or {}
    if isinstance(kind, list):
        return [sample(catalogue, kind[0], now=now, named=named, name=name)] if whole else []
    if isinstance(kind, Mapping):
        if "enum" in kind:
            return kind["enum"][0]
        if "map" in kind:
            return {}
        chosen = kind["fields"] if whole else kind["required"]
        return {
            one: sample(catalogue, kind["fields"][one], now=now, named=named, name=one, whole=False)
            for one in chosen
        }
    kind = str(kind)
    if kind in catalogue.types:
        return sample(
            catalogue, catalogue.types[kind], now=now, named=named, name=name, whole=whole
        )
    plain, _, form = kind.partition(":")
    if plain != "string":
        return _PLAIN[plain]
    return now if form == "date-time" else named.get(name, name)


def misfits(catalogue: Catalogue, kind: object, value: object, at: str = "") -> Iterator[str]:
    """Yield where a value is not of a type: paths of fields, empty for the value itself.

    Fields that the type does not have are overlooked, and so is null for one that it need not
    have, as ECE does.
    """
    if isinstance(kind, list):
        if not isinstance(value, list):
            yield at
            return
        for place, entry in enumerate(value):
            yield from misfits(catalogue, kind[0], entry, f"{at}[{place}]")
    elif isinstance(kind, Mapping):
        yield from _misfits_of_object(catalogue, kind, value, at)
    elif str(kind) in catalogue.types:
        yield from misfits(catalogue, catalogue.types[str(kind)], value, at)
    else:
        wanted = _CHECKS.get(str(kind).partition(":")[0])
        truth = isinstance(value, bool) and wanted != (bool,)
        if wanted is not None and (truth or not isinstance(value, wanted)):
            yield at


def _misfits_of_object(
    catalogue: Catalogue, kind: Mapping[str, Any], value: object, at: str
) -> Iterator[str]:
    if "enum" in kind:
        if value not in kind["enum"]:
            yield at
        return
    if not isinstance(value, Mapping):
        yield at
        return
    if "map" in kind:
        for key, entry in value.items():
            yield from misfits(catalogue, kind["map"], entry, f"{at}.{key}".lstrip("."))
        return
    for name, wanted in kind["fields"].items():
        path = f"{at}.{name}".lstrip(".")
        if value.get(name) is not None:
            yield from misfits(catalogue, wanted, value[name], path)
        elif name in kind["required"]:
            yield path
