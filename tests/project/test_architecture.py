"""What `docs/architecture.md` says is what the code does: parts of the page are made from it.

`python tests/test_architecture.py` makes them anew.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from aiocloudauth import RenewalPolicy
from aiocloudauth._core.states import TRANSITIONS, Closed, Input, New, State

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "aiocloudauth"
PAGE = CHECKOUT / "docs" / "architecture.md"

#: The command line's modules are the uppermost.
UPPERMOST = ["__main__", "cli", "demo", "monitor"]


def module_rows() -> str:
    """List every module with the first line of its docstring, in the order of the layers."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    listed = [name.strip() for layer in layers for name in re.split("[:|]", layer)]
    order = [*UPPERMOST, *(name for name in listed if name not in UPPERMOST)]
    files = {path.stem: path for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    files["testing"] = PACKAGE / "testing" / "__init__.py"
    rows = ["| module | what it is |", "|---|---|"]
    for name in sorted(files, key=order.index):
        docstring = ast.get_docstring(ast.parse(files[name].read_text(encoding="utf-8")))
        assert docstring is not None
        rows.append(f"| `{name}` | {docstring.splitlines()[0].replace('``', '`')} |")
    return "\n".join(rows)


def everywhere() -> dict[type[Input], type[State]]:
    """Find the inputs that lead to one state wherever they come."""
    targets: dict[type[Input], set[tuple[type[State], ...]]] = {}
    sources: dict[type[Input], set[type[State]]] = {}
    for source, inputs in TRANSITIONS.items():
        for event, after in inputs.items():
            targets.setdefault(event, set()).add(after)
            sources.setdefault(event, set()).add(source)
    most = set(TRANSITIONS) - {New, Closed}
    return {
        event: next(iter(after))[0]
        for event, after in targets.items()
        if after == {next(iter(after))} and len(next(iter(after))) == 1 and sources[event] >= most
    }


def diagram() -> str:
    """Draw the transitions: which inputs lead from one state to another."""
    common = everywhere()
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {New.__name__}"]
    for source, inputs in TRANSITIONS.items():
        edges: dict[str, list[str]] = {}
        for event, targets in inputs.items():
            for target in targets:
                if target is not source and event not in common:
                    edges.setdefault(target.__name__, []).append(event.__name__)
        lines += [
            f"    {source.__name__} --> {target}: {', '.join(events)}"
            for target, events in edges.items()
        ]
    lines += [f"    {Closed.__name__} --> [*]", "```", ""]
    for event, target in common.items():
        without = [s.__name__ for s, inputs in TRANSITIONS.items() if event not in inputs]
        spared = f" (but not from {' and '.join(f'`{name}`' for name in without)})"
        lines.append(
            f"- `{event.__name__}` leads to `{target.__name__}` from everywhere"
            f"{spared if without else ''}."
        )
    return "\n".join(lines)


def policy_rows() -> str:
    """List what a policy can set, its default and its meaning."""
    docstring = inspect.getdoc(RenewalPolicy) or ""
    (attributes,) = re.findall(r"Attributes:\n(.*?)\n\n", docstring, re.DOTALL)
    meanings = {
        name: " ".join(text.split())
        for name, text in re.findall(
            r"^ {4}(\w+): (.*?)(?=\n {4}\w|\Z)", attributes, re.DOTALL | re.MULTILINE
        )
    }
    rows = ["| name | default | meaning |", "|---|---|---|"]
    for attribute in attrs.fields(RenewalPolicy):
        meaning = meanings.pop(attribute.name).replace("``", "`")
        default = f"{attribute.default:.9g}"
        rows.append(f"| `{attribute.name}` | {default} | {meaning} |")
    assert meanings == {}
    return "\n".join(rows)


PARTS: dict[str, Callable[[], str]] = {
    "modules": module_rows,
    "diagram": diagram,
    "policy": policy_rows,
}


def part_pattern(name: str) -> re.Pattern[str]:
    """Find a part between its marks."""
    return re.compile(f"(?<=<!-- {name}: made from the code -->\n).*?(?=<!-- end -->)", re.DOTALL)


def test_the_page_shows_what_the_code_has() -> None:
    """A module, a transition or a number that changes changes the page."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page), "run: python tests/test_architecture.py"


def test_the_diagram_misses_no_transition() -> None:
    """What is drawn, what leads anywhere from everywhere, and loops: together the table."""
    drawn = {
        (source, target, event)
        for source, target, events in re.findall(r"(\w+) --> (\w+): (.+)", diagram())
        for event in events.split(", ")
    }
    common = everywhere()
    expected = {
        (source.__name__, target.__name__, event.__name__)
        for source, inputs in TRANSITIONS.items()
        for event, targets in inputs.items()
        for target in targets
        if target is not source and event not in common
    }
    assert drawn == expected
    assert {event.__name__: target.__name__ for event, target in common.items()} == {
        "CloseAsked": "Closed",
        "OpenGivenUp": "New",
        "LogoutAsked": "LoggedOut",
    }


def test_every_module_and_situation_that_the_page_names_exists() -> None:
    """A renamed module is renamed here too."""
    text = PAGE.read_text(encoding="utf-8")
    known = {path.stem for path in PACKAGE.glob("*.py")} | {"testing"}
    files = set(re.findall(r"`(\w+)\.py`", text))
    assert files <= known
    named = set(re.findall(r"^\| `(\w+)` \| .*\.? \|$", part_of(text, "modules"), re.MULTILINE))
    assert named == known - {"__init__"}


def part_of(text: str, name: str) -> str:
    """Return a part of the page."""
    found = part_pattern(name).search(text)
    assert found is not None
    return found[0]


def renewed(page: str) -> str:
    """Return the page with every part made anew."""
    for name, made in PARTS.items():
        found = part_pattern(name).search(page)
        assert found is not None
        page = f"{page[: found.start()]}{made()}\n{page[found.end() :]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
