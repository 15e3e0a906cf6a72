"""What `aiocloudauth.stores` shows, and what it says where an engine's library is absent."""

from __future__ import annotations

import importlib
import sys

import pytest

from aiocloudauth import ConfigurationError, stores


def test_every_name_is_there_once_and_sorted() -> None:
    """Each is the one of the module that owns it."""
    assert stores.__all__ == sorted(set(stores.__all__))
    assert set(stores.__all__) <= set(dir(stores))
    for name in stores.__all__:
        value = getattr(stores, name)
        assert value.__module__.startswith("aiocloudauth.stores.")
        assert name in importlib.import_module(value.__module__).__all__
    with pytest.raises(AttributeError, match="no attribute 'RedisStore'"):
        _ = getattr(stores, "RedisStore")  # noqa: B009 - no type checker lets it pass


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("file", "filelock", "file"),
        ("redis", "redis.exceptions", "redis"),
        ("sealing", "cryptography.exceptions", "file"),
    ],
)
def test_without_its_library_it_says_what_to_install(
    module: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named."""
    name = f"aiocloudauth.stores.{module}"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigurationError, match=rf"aiocloudauth\[{extra}\]"):
        importlib.import_module(name)
