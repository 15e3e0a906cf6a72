"""Faults written as data: JSON to `Fault` and back, for scripts kept in files."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing.effects import EFFECTS, Effect
from aiocloudauth.testing.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fault_from_data", "fault_to_data", "read_faults"]

_T = TypeVar("_T", Fault, Effect)

#: Bytes have no JSON of their own.
_BINARY: Final = "base64"


def read_faults(text: str | bytes) -> tuple[Fault, ...]:
    """Read a JSON list of faults.

    Each is an object with the arguments of `Fault`; an effect is its name, or an object of
    its `name` and its arguments::

        [{"path": "_refresh", "times": 2, "effects": [{"name": "status", "status": 502}]},
         {"path": "/deployments/**", "after": 10, "until": 20, "effects": ["silence"]}]

    Raises `ConfigurationError` naming what it does not understand.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"the faults are not JSON: {error}") from error
    if not isinstance(data, list):
        raise ConfigurationError("the faults have to be a JSON list")
    return tuple(fault_from_data(entry) for entry in data)


def fault_from_data(data: Mapping[str, Any]) -> Fault:
    """Make a fault of an object such as JSON gives."""
    if not isinstance(data, dict):
        raise ConfigurationError(f"a fault is an object, not {data!r}")
    arguments = {"effects": [], **data}
    effects = arguments["effects"]
    if not isinstance(effects, list):
        raise ConfigurationError("the effects of a fault are a list")
    arguments["effects"] = tuple(_effect_from_data(effect) for effect in effects)
    return _make(Fault, arguments, "fault")


def fault_to_data(fault: Fault) -> dict[str, Any]:
    """Write a fault as an object that `fault_from_data` reads; defaults are left out."""
    data = _arguments(fault)
    data["effects"] = [{"name": effect.name, **_arguments(effect)} for effect in fault.effects]
    return data


def _effect_from_data(data: object) -> Effect:
    named = {"name": data} if isinstance(data, str) else data
    if not isinstance(named, dict):
        raise ConfigurationError(f"an effect is a name or an object, not {data!r}")
    arguments = dict(named)
    name = arguments.pop("name", None)
    kind = EFFECTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ConfigurationError(f"unknown fault {name!r}; known are {', '.join(sorted(EFFECTS))}")
    if isinstance(content := arguments.get("content"), dict):
        try:
            arguments["content"] = base64.b64decode(content[_BINARY], validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            raise ConfigurationError(f"{name}: content is text or {{'base64': ...}}") from error
    if isinstance(drop := arguments.get("drop"), list):
        arguments["drop"] = tuple(drop)
    return _make(kind, arguments, f"fault {name!r}")


def _make(kind: type[_T], arguments: dict[str, Any], what: str) -> _T:
    known: Any = attrs.fields(kind)  # type: ignore[arg-type]  # every effect is an attrs class
    if unknown := sorted(set(arguments) - {attribute.name for attribute in known}):
        raise ConfigurationError(f"{what}: unknown argument {unknown[0]!r}")
    required = {attribute.name for attribute in known if attribute.default is attrs.NOTHING}
    if missing := sorted(required - set(arguments)):
        raise ConfigurationError(f"{what}: {missing[0]!r} is missing")
    return kind(**arguments)


def _arguments(value: Fault | Effect) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for attribute in attrs.fields(type(value)):  # type: ignore[arg-type]  # as above
        given = getattr(value, attribute.name)
        default: Any = attribute.default
        # The one kind of factory here is that of an empty mapping.
        default = {} if hasattr(default, "factory") else default
        if given != default and attribute.name != "effects":
            data[attribute.name] = _plain(given)
    return data


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return {_BINARY: base64.b64encode(value).decode()}
    return list(value) if isinstance(value, tuple) else value
