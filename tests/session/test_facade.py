"""What `import aiocloudauth` offers."""

from __future__ import annotations

import importlib
import pickle
from importlib.metadata import version

import pytest

import aiocloudauth
from aiocloudauth import RenewalPolicy


def test_every_public_name_is_the_one_of_the_module_that_owns_it() -> None:
    """The façade re-exports, and defines nothing of its own."""
    for name in aiocloudauth.__all__:
        value = getattr(aiocloudauth, name)
        home = importlib.import_module(value.__module__)
        assert value.__module__.startswith("aiocloudauth.")
        assert getattr(home, name) is value
        assert name in home.__all__
    assert {*aiocloudauth.__all__, "__version__"} <= set(dir(aiocloudauth))
    assert aiocloudauth.__all__ == sorted(aiocloudauth.__all__)


def test_the_version_is_the_installed_one() -> None:
    """`aiocloudauth.__version__` is read from the metadata, so there is one place for it."""
    assert aiocloudauth.__version__ == version("aiocloudauth")


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    """A misspelt name fails as in any other module, also for `hasattr` and `from … import`."""
    with pytest.raises(AttributeError, match="'aiocloudauth' has no attribute 'CloudSesion'"):
        aiocloudauth.CloudSesion  # type: ignore[attr-defined]  # noqa: B018 - the mistake itself
    assert not hasattr(aiocloudauth, "errors_")
    with pytest.raises(ImportError, match="CloudSesion"):
        exec("from aiocloudauth import CloudSesion")


def test_values_pickle_under_names_that_a_fresh_process_finds() -> None:
    """A policy made here works in a worker process that has imported nothing yet."""
    assert pickle.loads(pickle.dumps(RenewalPolicy(margin=5))) == RenewalPolicy(margin=5)
