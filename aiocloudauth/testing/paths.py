"""Paths below the API root as patterns: for routes, for faults and for replies."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["path_pattern"]

_VARYING: Final = re.compile(r"(\*\*|\*|\{\w+\})")


def path_pattern(path: str) -> re.Pattern[str]:
    """Compile a path: `*` is one segment, `**` any number of them, `{name}` a group of one.

    Without a leading slash it matches the end of a path, at a slash.
    """
    body = "".join(_part(part) for part in _VARYING.split(path))
    return re.compile(body if path.startswith("/") else f"(?:.*/)?{body}")


def _part(part: str) -> str:
    match part:
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case _ if _VARYING.fullmatch(part):
            return f"(?P<{part[1:-1]}>[^/]+)"
        case _:
            return re.escape(part)
