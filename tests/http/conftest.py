"""The surroundings of a test: what the environment says about proxies and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this machine a netrc entry for the loopback address, and no proxy."""
    file = tmp_path / "netrc"
    entry = "login carol password singer"
    file.write_text(f"machine 127.0.0.1 {entry}\nmachine localhost {entry}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return file
