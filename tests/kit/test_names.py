"""What `aiocloudauth.testing` shows, and how its modules hang together."""

from __future__ import annotations

import ast
import graphlib
import importlib
from pathlib import Path

import pytest

import aiocloudauth.testing

FOLDER = Path(aiocloudauth.testing.__path__[0])


def test_every_name_is_there_once_and_sorted() -> None:
    """`__all__` is explicit, and each of its names resolves to what its home exports."""
    names = aiocloudauth.testing.__all__
    assert names == sorted(set(names)) == dir(aiocloudauth.testing)
    for name in names:
        value = getattr(aiocloudauth.testing, name)
        assert name in importlib.import_module(value.__module__).__all__
    with pytest.raises(AttributeError, match="no attribute 'CloudSever'"):
        _ = getattr(aiocloudauth.testing, "CloudSever")  # noqa: B009 - no type checker lets it pass


def imported(module: Path, known: set[str]) -> set[str]:
    """List what a module of the kit imports of the kit, for its types included."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "aiocloudauth.testing":
            found |= {name.name for name in node.names} & known
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module.removeprefix("aiocloudauth.testing.")} & known
    return found


def test_no_modules_of_the_kit_import_each_other_in_a_circle() -> None:
    """Not even for their types: each can be read without the ones above it."""
    modules = {path.stem: path for path in FOLDER.glob("*.py") if path.stem != "__init__"}
    graph = {name: imported(path, set(modules)) for name, path in modules.items()}
    assert graph["server"] > {"clock", "faults", "service"}
    assert set(graphlib.TopologicalSorter(graph).static_order()) == set(modules)
