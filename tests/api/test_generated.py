"""What is made from the facts agrees with them, is small, and is read only when it is used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, Required, get_args, get_origin, get_type_hints, is_typeddict

from tests.api.facts import facts

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    """Run Python, which has to succeed, and return what it printed."""
    ended = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert not ended.returncode, ended.stdout + ended.stderr
    return ended.stdout


def test_what_is_made_is_what_the_facts_make() -> None:
    """`make api` would change nothing."""
    assert not run("tools/generate_api.py", "--check")


def test_the_facts_hold_no_texts() -> None:
    """Names, types and codes: no value reads like a sentence."""
    for name, fact in facts()["operations"].items():
        assert "description" not in fact, name
        assert "summary" not in fact, name
        for one in fact.get("params", ()):
            assert set(one) <= {"name", "in", "type", "required", "default", "collection"}


def test_the_stub_has_every_operation_and_says_what_it_sends() -> None:
    """As the facts have them, read from the stub itself."""
    stub = files("aiocloudauth").joinpath("api/operations.pyi").read_text(encoding="utf-8")
    (methods,) = (node.body for node in ast.parse(stub).body if isinstance(node, ast.ClassDef))
    said = {
        node.name: ast.get_docstring(node) for node in methods if isinstance(node, ast.FunctionDef)
    }
    operations = facts()["operations"]
    assert said == {
        name.replace("-", "_"): f"{fact['method']} {fact['path']}"
        for name, fact in operations.items()
    }


def test_the_types_are_those_of_the_facts() -> None:
    """Also at run time, where a program may wish to name one."""
    types = importlib.import_module("aiocloudauth.api.types")
    for name, fact in facts()["types"].items():
        made = getattr(types, name)
        if "fields" in fact:
            assert is_typeddict(made)
            assert made.__annotations__.keys() == fact["fields"].keys()
            for key, hint in get_type_hints(made, include_extras=True).items():
                if key in fact["required"]:
                    assert get_origin(hint) is Required, f"{name}.{key}"
                else:
                    assert hint is Any or type(None) in get_args(hint), f"{name}.{key}"


def test_it_takes_less_than_a_megabyte() -> None:
    """With the bytecode that an installation makes beside it."""
    folder = ROOT / "aiocloudauth" / "api"
    sources = [path for path in folder.iterdir() if path.is_file()]
    size = sum(path.stat().st_size for path in sources)
    for path in sources:
        if path.suffix == ".py":
            size += len(compile_to_bytes(path))
    assert size < 1_000_000


def compile_to_bytes(path: Path) -> bytes:
    """Return a module's bytecode."""
    import marshal

    return marshal.dumps(compile(path.read_text(encoding="utf-8"), str(path), "exec"))
