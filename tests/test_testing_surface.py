"""What `aiocloudauth.testing` shows, and what it costs to import."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import aiocloudauth.testing


def test_every_name_is_there_once_and_sorted() -> None:
    """`__all__` is explicit, and each of its names resolves to what its home exports."""
    names = aiocloudauth.testing.__all__
    assert names == sorted(set(names))
    assert dir(aiocloudauth.testing) == names
    assert sorted(aiocloudauth.testing._HOMES) == names
    for name, home in aiocloudauth.testing._HOMES.items():
        module = importlib.import_module(f"aiocloudauth.testing.{home}")
        assert getattr(aiocloudauth.testing, name) is getattr(module, name)
        assert name in module.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As with any module."""
    with pytest.raises(AttributeError, match="no attribute 'CloudSever'"):
        _ = aiocloudauth.testing.CloudSever


def test_importing_the_kit_imports_no_aiohttp() -> None:
    """`import aiohttp` takes longer than most test files."""
    program = (
        "import sys, aiocloudauth.testing, aiocloudauth.testing.plugin\n"
        "from aiocloudauth.testing import Fault, ManualClock\n"
        "assert 'aiohttp' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


@pytest.mark.parametrize(
    "module", [module.name for module in pkgutil.iter_modules(aiocloudauth.testing.__path__)]
)
def test_a_module_can_be_imported_alone(module: str) -> None:
    """Without a warning, and without running anything."""
    command = f"import aiocloudauth.testing.{module}"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
