"""What docs/testing.md says is so."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aiocloudauth.testing import CloudServer, Stats, read_faults
from aiocloudauth.testing.effects import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_first_test_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file of its own, under the plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(PROGRAMS[0])
    pytester.makeconftest("import asyncio\nasyncio.set_event_loop(None)\n")
    scope = "asyncio_default_fixture_loop_scope=function"
    options = ["-p", "aiocloudauth", "-p", "asyncio", "-o", scope, "-W", "error"]
    result = pytester.runpytest_subprocess(*options, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("program", PROGRAMS[1:])
def test_a_program_runs(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that define something are called, a simulated year cut to a day."""
    names: dict[str, Any] = {}
    code = compile(program.replace("365 * 86_400", "86_400"), "docs/testing.md", "exec")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(code, names)
        for name in {"main", "a_year"} & set(names) if "asyncio.run" not in program else ():
            asyncio.run(names[name]())
    if "show" in names:
        assert inspect.signature(names["show"]).parameters.keys() == {"server", "token"}


def test_the_script_can_be_read() -> None:
    """The JSON in the page is one that the kit takes."""
    (script,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(read_faults(script)) == len(json.loads(script))


def test_every_effect_is_in_the_table_with_its_arguments() -> None:
    """In the order in which they are given."""
    rows = dict(re.findall(r"^\| `(\w+\([^`]*\))` \| `(\w+)` \|", PAGE, re.MULTILINE))
    told = {name: call for call, name in rows.items()}
    made: dict[str, Callable[..., object]] = dict(EFFECTS)
    assert told == {
        name: f"{kind.__name__}({', '.join(inspect.signature(kind).parameters)})"
        for name, kind in made.items()
    }


def test_the_defaults_are_those_of_the_server() -> None:
    """As far as the page names single values."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(CloudServer).parameters.items()
    }
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+)`? \|", PAGE, re.MULTILINE))
    for name in ("token_lifetime", "version", "revoke_on_refresh", "tokens", "refused_code", "tls"):
        assert rows[name] == json.dumps(defaults[name]).replace("false", "False")


def test_every_counter_is_explained() -> None:
    """None more, none less."""
    table = PAGE[PAGE.index("| counter |") : PAGE.index("## Faults")]
    counters = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)))
    assert sorted(counters) == sorted(inspect.signature(Stats).parameters)
