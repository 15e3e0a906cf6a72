"""What README and docs say is so: programs run, commands and links lead somewhere.

Their tables are made from the code; `python tests/project/test_documents.py` makes them anew.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from aiocloudauth import CloudSession, Password, PlanFailedError, RenewalPolicy, errors, events
from aiocloudauth._core.states import TRANSITIONS, Closed, Input, New, State
from aiocloudauth.testing import CloudServer, Plan, Step
from tests.api.ece import ece as ece_with_deployments
from tests.api.ece import request_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "aiocloudauth"
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").glob("*.md")])
NAMES = [page.relative_to(CHECKOUT).as_posix() for page in PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(name: str) -> str:
    """Read a page."""
    return (CHECKOUT / name).read_text(encoding="utf-8")


def fenced(name: str, language: str) -> list[str]:
    """Return the blocks of a page in one language."""
    return [body for kind, body in FENCE.findall(text_of(name)) if kind == language]


# -- tables that are made from the code ----------------------------------------------------


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].replace("``", "`")


def layers() -> list[str]:
    """Return the package's members from the uppermost layer down, as the contract has them."""
    project = tomllib.loads(text_of("pyproject.toml"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (listed,) = (each["layers"] for each in contracts if each["type"] == "layers")
    return [name.strip(" ()") for layer in listed for name in re.split("[:|]", layer)]


def modules() -> str:
    """List the modules with what they are, by layer; of `testing` the folder alone."""
    rows = ["| module | what it is |", "|---|---|"]
    for name in layers():
        if (PACKAGE / name).is_dir():
            rows.append(f"| **`{name}/`** | {first_line(PACKAGE / name / '__init__.py')} |")
            inside = sorted((PACKAGE / name).glob("*.py")) if name.startswith("_") else []
        else:
            inside = [PACKAGE / f"{name}.py"]
        for path in inside:
            if path.stem != "__init__":
                where = path.relative_to(PACKAGE).as_posix()
                rows.append(f"| `{where}` | {first_line(path)} |")
    return "\n".join(rows)


def everywhere() -> dict[type[Input], type[State]]:
    """Find the inputs that lead to one state wherever they come."""
    targets: dict[type[Input], set[type[State]]] = {}
    sources: dict[type[Input], set[type[State]]] = {}
    for source, inputs in TRANSITIONS.items():
        for event, after in inputs.items():
            targets.setdefault(event, set()).update(after)
            sources.setdefault(event, set()).add(source)
    most = set(TRANSITIONS) - {New, Closed}
    return {
        event: next(iter(after))
        for event, after in targets.items()
        if len(after) == 1 and sources[event] >= most
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
            f"    {source.__name__} --> {target}: {', '.join(names)}"
            for target, names in edges.items()
        ]
    lines += [f"    {Closed.__name__} --> [*]", "```", ""]
    for event, target in common.items():
        without = [f"`{s.__name__}`" for s, inputs in TRANSITIONS.items() if event not in inputs]
        spared = f" (but not from {' and '.join(without)})" if without else ""
        lines.append(f"- `{event.__name__}` leads to `{target.__name__}` from everywhere{spared}.")
    return "\n".join(lines)


def policy() -> str:
    """List what a policy can set, its default and its meaning."""
    docstring = inspect.getdoc(RenewalPolicy) or ""
    (attributes,) = re.findall(r"Attributes:\n(.*?)\n\n", docstring, re.DOTALL)
    told = re.findall(r"^ {4}(\w+): (.*?)(?=\n {4}\w|\Z)", attributes, re.DOTALL | re.MULTILINE)
    meanings = {name: " ".join(text.split()).replace("``", "`") for name, text in told}
    rows = ["| name | default | meaning |", "|---|---|---|"]
    for each in attrs.fields(RenewalPolicy):
        default = "none" if each.default is None else f"{each.default:.9g}"
        rows.append(f"| `{each.name}` | {default} | {meanings[each.name]} |")
    return "\n".join(rows)


def told_events() -> str:
    """List the events, what each tells of, and its fields."""
    rows = ["| event | tells that | has |", "|---|---|---|"]
    for name in sorted(set(events.__all__) - {"Event"}):
        kind = getattr(events, name)
        has = ", ".join(f"`{each.name}`" for each in attrs.fields(kind) if each.name != "at")
        what = (inspect.getdoc(kind) or "").partition("\n")[0].replace("``", "`")
        rows.append(f"| `{name}` | {what} | {has} |")
    return "\n".join(rows)


def error_tree() -> str:
    """Draw the classes."""

    def below(kind: type[BaseException], indent: str) -> Iterator[str]:
        children = [each for each in order if kind in each.__bases__]
        for child in children:
            last = child is children[-1]
            builtins = [base for base in child.__bases__ if base.__module__ == "builtins"]
            beside = f"({', '.join(base.__name__ for base in builtins)})" if builtins else ""
            yield f"{indent}{'└' if last else '├'} {child.__name__}{beside}"
            yield from below(child, f"{indent}{'  ' if last else '│ '}")

    order = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.CloudAuthError)
    ]
    return "\n".join(["```", "CloudAuthError", *below(errors.CloudAuthError, ""), "```"])


GENERATED: dict[str, tuple[str, Callable[[], str]]] = {
    "modules": ("docs/architecture.md", modules),
    "diagram": ("docs/architecture.md", diagram),
    "policy": ("docs/architecture.md", policy),
    "events": ("docs/guide.md", told_events),
    "errors": ("docs/guide.md", error_tree),
}


def marked(part: str) -> re.Pattern[str]:
    """Find a part between its marks."""
    return re.compile(f"(?<=<!-- {part}: made from the code -->\n).*?(?=<!-- end -->)", re.DOTALL)


@pytest.mark.parametrize("part", GENERATED)
def test_a_generated_part_shows_what_the_code_has(part: str) -> None:
    """A module, a state, a number, an event or an error that changes changes the page."""
    page, made = GENERATED[part]
    found = marked(part).search(text_of(page))
    assert found is not None
    assert found[0] == f"{made()}\n", f"run: python {Path(__file__).relative_to(CHECKOUT)}"


def test_every_module_and_state_has_its_place() -> None:
    """No module is missing in the list of layers, no state in the table of states."""
    members = {
        each.stem
        for each in PACKAGE.iterdir()
        if each.suffix == ".py" or (each / "__init__.py").exists()
    }
    assert set(layers()) == members - {"__init__"}
    rows = set(re.findall(r"^\| `(\w+)` \|", text_of("docs/architecture.md"), re.MULTILINE))
    assert {state.__name__ for state in TRANSITIONS} <= rows


# -- programs ------------------------------------------------------------------------------


def programs() -> Iterator[Any]:
    """Give every Python block of every page."""
    for name in NAMES:
        for number, source in enumerate(fenced(name, "python"), 1):
            yield pytest.param(source, id=f"{name}-{number}")


@pytest.fixture(scope="module")
def ece() -> Iterator[dict[str, str]]:
    """Start the server of the README's commands, and give the settings that it prints."""
    command = [sys.executable, "-m", "aiocloudauth", "serve", "--quiet", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            exports = [process.stdout.readline().strip() for _ in range(3)]
            yield dict(line.removeprefix("export ").split("=", 1) for line in exports)
        finally:
            process.terminate()


@pytest.mark.parametrize("source", list(programs()))
def test_a_program_runs(
    source: str, ece: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A whole program does its work against the server, of a fragment each statement runs."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("EC_")]:
        monkeypatch.delenv(name)
    for name, value in ece.items():
        monkeypatch.setenv(name, value)
    exec(compile(source, "<document>", "exec"), {"__name__": "__main__"})


async def test_the_program_of_the_operations_mends_a_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is ill, since its plans take an hour."""
    async with (
        CloudServer() as server,
        CloudSession(server.url, Password("admin", "secret")) as cloud,
    ):
        server.deployments.default = Plan([Step("wait", 3600)])
        made = await cloud.api.create_deployment(body=json.dumps(request_body("8.19.0")))
        for name, value in {"HOST": server.url, "USER": "admin", "PASS": "secret"}.items():
            monkeypatch.setenv(f"EC_{name}", value)
        defined: dict[str, Any] = {}
        source = fenced("docs/api.md", "python")[0].removesuffix("asyncio.run(main())\n")
        exec(compile(source, "<document>", "exec"), defined)
        await defined["main"]()
        deployment = await cloud.api.get_deployment(made["id"])
        assert deployment["name"] == "needs care"


async def test_the_functions_of_the_page_of_plans_do_what_they_are_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A change that is waited for, and a failure that is told."""
    defined: dict[str, Any] = {}
    for source in fenced("docs/plans.md", "python"):
        exec(compile(source, "<document>", "exec"), defined)
    async with ece_with_deployments() as it:
        deployment = await it.created()
        body = request_body("8.19.1") | {"prune_orphans": False}
        changed = await it.drive(defined["change"](it.cloud, deployment, body))
        (kibana,) = changed["resources"]["kibana"]
        assert kibana["info"]["plan_info"]["current"]["plan"]["kibana"]["version"] == "8.19.1"
        broken = Step("grow", status="error", message="No room.")
        await it.update(deployment, Plan([broken], resource="kibana"), version="8.19.2")
        with pytest.raises(PlanFailedError):
            await it.drive(defined["told"](it.cloud, deployment))
    assert "kibana failed at grow: No room.\n" in capsys.readouterr().out


def test_the_first_program_is_the_example() -> None:
    """What the README shows is what its last `serve` runs; that of its first lists deployments."""
    example = (CHECKOUT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    assert fenced("README.md", "python")[0] == example
    first, run = fenced("README.md", "console")[:2]
    assert run == "$ .venv/bin/aiocloudauth serve -- .venv/bin/python examples/quickstart.py\n"
    assert first.count("$ ") == 3
    assert first.endswith("serve -- .venv/bin/aiocloudauth request GET /deployments\n")


# -- commands, links, paths ----------------------------------------------------------------


def test_commands_of_make_have_their_targets() -> None:
    """Whoever types what a page says finds it."""
    targets = set(re.findall(r"^([\w-]+):", text_of("Makefile"), re.MULTILINE))
    named = {
        target
        for name in NAMES
        if name != "CHANGELOG.md"
        for target in re.findall(r"(?:`|\$ )make ([\w-]+)", text_of(name))
    }
    assert {"demo", "test", "bench"} <= named <= targets


def anchors(page: str) -> set[str]:
    """Return the fragments that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("name", NAMES)
def test_links_and_paths_lead_somewhere(name: str) -> None:
    """Links within the project, with their fragments, and paths that a page names."""
    text, here = FENCE.sub("", text_of(name)), (CHECKOUT / name).parent
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, fragment = target.partition("#")
        page = (here / path).resolve() if path else CHECKOUT / name
        assert page.exists(), target
        if fragment:
            assert fragment in anchors(page.read_text(encoding="utf-8")), target
    for path in re.findall(r"`([\w.]+/(?:[\w./]+\.\w+)?)`", text):
        made = path in text_of(".gitignore")
        assert made or any((root / path).exists() for root in (CHECKOUT, PACKAGE)), path


def main() -> None:
    """Make the generated parts anew."""
    for part, (name, made) in GENERATED.items():
        text = text_of(name)
        found = marked(part).search(text)
        assert found is not None
        text = f"{text[: found.start()]}{made()}\n{text[found.end() :]}"
        (CHECKOUT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
