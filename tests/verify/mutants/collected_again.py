"""A pytest plugin: the names of parametrized tests stay the same when one process collects twice.

pytest keeps the names it made from ``ids=`` at the mark and escapes them once more at the next
collection, so that a name with a backslash is not found again. mutmut collects in its own process
and then in forks of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.python import Metafunc


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: Metafunc) -> None:
    """Forget the names of the collection before."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        if mark._param_ids_from is not None:
            object.__setattr__(mark._param_ids_from, "_param_ids_generated", None)
