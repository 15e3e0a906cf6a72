"""What `import aiocloudauth` offers."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from importlib.metadata import version

import pytest

import aiocloudauth
from aiocloudauth import RenewalPolicy

#: What the README and the documentation promise under the package's own name.
PROMISED = {
    "ApiKey", "Basic", "Bearer", "BearerMiddleware", "BearerRequest", "CloudSession", "Password",
    "RenewalPolicy", "SessionState", "SessionToken", "TokenRefresher",
    "LoggedIn", "LoggedOut", "RenewalFailed", "RequestReplayed", "SessionClosed",
    "SessionDegraded", "SessionLost", "TokenRenewed",
}  # fmt: skip  # a list of names is read faster in rows


def run(code: str) -> str:
    """Run `code` in a fresh interpreter and return what it prints."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.stderr == ""
    return result.stdout.strip()


def test_every_promised_name_is_in_the_facade() -> None:
    """The names of the documentation can be imported from the package itself."""
    assert set(aiocloudauth.__all__) >= PROMISED


@pytest.mark.parametrize("name", aiocloudauth.__all__)
def test_every_public_name_is_the_one_of_the_module_that_owns_it(name: str) -> None:
    """The façade re-exports, and defines nothing of its own."""
    value = getattr(aiocloudauth, name)
    home = importlib.import_module(value.__module__)
    assert value.__module__.startswith("aiocloudauth.")
    assert getattr(home, name) is value
    assert name in home.__all__


def test_the_version_is_the_installed_one() -> None:
    """`aiocloudauth.__version__` is read from the metadata, so there is one place for it."""
    assert aiocloudauth.__version__ == version("aiocloudauth")


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    """A misspelt name fails as in any other module, also for `hasattr` and `from … import`."""
    with pytest.raises(AttributeError, match="'aiocloudauth' has no attribute 'CloudSesion'"):
        _ = aiocloudauth.CloudSesion
    assert not hasattr(aiocloudauth, "errors_")
    with pytest.raises(ImportError, match="CloudSesion"):
        exec("from aiocloudauth import CloudSesion")


def test_dir_lists_the_public_names_for_completion() -> None:
    """A notebook's tab key shows what there is, though nothing is loaded yet."""
    assert {*aiocloudauth.__all__, "__version__"} <= set(dir(aiocloudauth))


def test_importing_the_package_loads_neither_aiohttp_nor_cattrs() -> None:
    """What a program does not use, it does not pay for."""
    loaded = run(
        "import sys, aiocloudauth; print([m for m in ('aiohttp', 'cattrs') if m in sys.modules])"
    )
    assert loaded == "[]"


def test_a_name_is_looked_up_once() -> None:
    """After the first use a public name is an ordinary attribute of the module."""
    assert (
        run(
            "import aiocloudauth as a; before = 'RenewalPolicy' in vars(a); a.RenewalPolicy;"
            "print(before, 'RenewalPolicy' in vars(a))"
        )
        == "False True"
    )


def test_a_star_import_gives_every_public_name() -> None:
    """`__all__` and the lazy lookup agree."""
    assert (
        run(
            "import aiocloudauth; from aiocloudauth import *;"
            "print(sorted(set(aiocloudauth.__all__) - set(globals())))"
        )
        == "[]"
    )


def test_values_pickle_under_names_that_a_fresh_process_finds() -> None:
    """A policy made here works in a worker process that has imported nothing yet."""
    assert pickle.loads(pickle.dumps(RenewalPolicy(margin=5))) == RenewalPolicy(margin=5)
