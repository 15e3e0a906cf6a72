"""What docs/testing.md says of the kit is so."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from aiocloudauth.testing import CloudServer, Fault, Stats, read_faults
from aiocloudauth.testing.effects import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


def test_the_script_can_be_read() -> None:
    """The JSON in the page is one that the kit takes."""
    (script,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(read_faults(script)) == len(json.loads(script))


def test_every_effect_is_in_the_table_with_its_arguments() -> None:
    """In the order in which they are given; `after_work` of a replacement is told once for all."""
    rows = dict(re.findall(r"^\| `(\w+\([^`]*\))` \| `(\w+)` \|", PAGE, re.MULTILINE))
    made: dict[str, Callable[..., object]] = dict(EFFECTS)
    for call, name in rows.items():
        parameters = inspect.signature(made.pop(name)).parameters.values()
        told = ", ".join(each.name for each in parameters if each.kind is not each.KEYWORD_ONLY)
        assert call.partition("(")[2] == f"{told})"
    assert not made


def test_the_rest_of_its_tables_is_complete() -> None:
    """The conditions of a fault, the defaults of the server as far as named, the counters."""
    first = " ".join(re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE))
    told = set(re.findall(r"`(\w+)`", first))
    assert told >= set(inspect.signature(Fault).parameters) - {"effects", "optional"}
    assert told >= set(inspect.signature(Stats).parameters)
    defaults = inspect.signature(CloudServer).parameters
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+)`? \|", PAGE, re.MULTILINE))
    for name in ("token_lifetime", "version", "revoke_on_refresh", "tokens", "refused_code", "tls"):
        assert rows[name] == json.dumps(defaults[name].default).replace("false", "False")
