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
    rows = re.findall(r"\| ([\d,]+) (s|MiB)[^|\n]*\| `(\w+)` \|", table)
    told = {(name, int(number) * UNITS[unit]) for number, unit, name in rows}
    told -= {("max_body", 8 * UNITS["MiB"])}  # the peak that it leads to, which is measured
    assert {name for name, _ in told} == {
        "attempt_timeout",
        "renewal_timeout",
        "max_body",
        "permanent_interval",
        "min_interval",
    }
    assert told == {(name, policy[name]) for name, _ in told}
    assert f"| {_LOGOUT_TIMEOUT:g} s |" in table
    assert f"{MAX_TOKEN:,} visible ASCII characters" in table
    assert f"| {_MAX_ERRORS}; {_MAX_MESSAGE:,} |" in table
