"""The harness's hand on the server: start it, steer it, read its counts."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from benchmarks.machine import python

if TYPE_CHECKING:
    import subprocess


class Control:
    """A connection of its own to a running server; calls block, for some 100 µs."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def _ask(self, verb: str, **options: object) -> dict[str, Any]:
        query = urlencode({name: json.dumps(value) for name, value in options.items()})
        self._connection.request("GET", f"/control/{verb}?{query}")
        told: dict[str, Any] = json.loads(self._connection.getresponse().read())
        return told

    def reset(self, **options: object) -> None:
        """Forget every token and count; tokens live for an hour and come at once.

        Args:
            options: ``lifetime`` and ``delay`` in seconds, ``revoke``: whether a new token
                ends all others.
        """
        self._ask("reset", **options)

    def set(self, **options: object) -> None:
        """Change options, as `reset` takes them, and nothing else."""
        self._ask("set", **options)

    def fixed(self) -> str:
        """Return a token that lives for ever."""
        return str(self._ask("fixed")["token"])

    def revoke(self) -> None:
        """End every token that lives not for ever."""
        self._ask("revoke")

    def zero(self) -> None:
        """Start to count anew."""
        self._ask("zero")

    def stats(self) -> dict[str, Any]:
        """Return the counts, and when renewals began, ended, and how old the token was."""
        return self._ask("stats")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Server:
    """A server process, as a context manager that gives its port."""

    def __init__(self, core: int | None) -> None:
        self._core = core
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = python("-m", "benchmarks.server", core=self._core)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
