"""The bounds that docs/security.md promises are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from aiocloudauth import RenewalPolicy
from aiocloudauth._wire.failure import _MAX_ERRORS, _MAX_MESSAGE
from aiocloudauth.refresher import _LOGOUT_TIMEOUT
from aiocloudauth.token import MAX_TOKEN

PAGE = Path(__file__).parents[2] / "docs" / "security.md"

UNITS = {"s": 1, "MiB": 1024 * 1024}


def test_the_bounds_are_those_of_the_code() -> None:
    """Each number of the table, by the name beside it."""
    page = PAGE.read_text(encoding="utf-8")
    table = page[page.index("## Bounds on") : page.index("## How it is tested")]
    policy = attrs.asdict(RenewalPolicy())
    told = re.findall(r"\| (\d+) (s|MiB)[^|\n]*\| `(\w+)` \|", table)
    assert {name for _, _, name in told} == {
        "attempt_timeout",
        "renewal_timeout",
        "max_body",
        "permanent_interval",
        "min_interval",
    }
    # The last row of `max_body` is about memory, which is measured.
    right = {name for number, unit, name in told if policy[name] == int(number) * UNITS[unit]}
    assert right == {name for _, _, name in told}
    assert f"| {_LOGOUT_TIMEOUT:g} s |" in table
    assert f"{MAX_TOKEN:,} visible ASCII characters" in table
    assert f"| {_MAX_ERRORS}; {_MAX_MESSAGE:,} |" in table
