"""What an argument has to be: attrs validators that raise `ConfigurationError`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs.validators import optional

from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import Attribute

    Validator = Callable[[object, Attribute[Any], Any], None]

__all__ = ["check"]


def check(wanted: str, holds: Callable[[Any], bool]) -> Validator:
    """Make a validator; `wanted` says in words what `holds` asks for."""

    def validator(owner: object, attribute: Attribute[Any], value: object) -> None:
        if not holds(value):
            message = f"{type(owner).__name__}: {attribute.name} has to be {wanted}, not {value!r}"
            raise ConfigurationError(message)

    return validator


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _line(value: object) -> bool:
    return isinstance(value, str) and re.search(r"[\r\n\0]", value) is None


finite: Final = check("a finite number", _number)
seconds: Final = check("a number of seconds, 0 or more", lambda v: _number(v) and v >= 0)
duration: Final = check("a number of seconds above 0", lambda v: _number(v) and v > 0)
count: Final = check("a whole number above 0", lambda v: _whole(v) and v > 0)
natural: Final = check("a whole number, 0 or more", lambda v: _whole(v) and v >= 0)
share: Final = check("a share, from 0 to below 1", lambda v: _number(v) and 0 <= v < 1)
chance: Final = check("above 0 and at most 1", lambda v: _number(v) and 0 < v <= 1)
status: Final = check("an HTTP status, from 200 to 599", lambda v: _whole(v) and 200 <= v <= 599)
line: Final = check("one line of text", _line)
content: Final = check("str or bytes", lambda v: isinstance(v, (str, bytes)))
mapping: Final = check("a mapping", lambda v: isinstance(v, Mapping))
headers: Final = check(
    "a mapping of lines of text",
    lambda v: isinstance(v, Mapping) and all(_line(part) for item in v.items() for part in item),
)
names: Final = check(
    "a tuple of str", lambda v: isinstance(v, tuple) and all(isinstance(n, str) for n in v)
)
path: Final = check("a path such as '_refresh'", lambda v: isinstance(v, str) and v != "")
root: Final = check(
    "a path such as '/api/v1'",
    lambda v: isinstance(v, str) and re.fullmatch(r"(/[^/?#\s]+)*", v) is not None,
)

optional_seconds: Final = optional(seconds)
optional_duration: Final = optional(duration)
optional_count: Final = optional(count)
optional_line: Final = optional(line)
