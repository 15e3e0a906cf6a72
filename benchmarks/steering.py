"""The harness's hand on the server process: start it, steer it, read its counts."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Self


class Server:
    """A server in a process of its own, from ``with`` to its end. Calls block for some 100 µs."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.origin = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def _order(self, verb: str, **options: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"verb": verb, **options}) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def reset(self, **options: object) -> None:
        """Forget every token and count; tokens live for an hour and come at once.

        Args:
            options: As for `set`.
        """
        self._order("reset", **options)

    def set(self, **options: object) -> None:
        """Change how it answers.

        Args:
            options: ``lifetime`` and ``delay`` of new tokens, seconds; ``revoke``: whether a
                new token ends all others; ``down``: whether the routes about tokens answer 502.
        """
        self._order("set", **options)

    def fixed(self) -> str:
        """Return a token that lives for ever."""
        return str(self._order("fixed")["token"])

    def revoke(self) -> None:
        """End every token but the fixed ones."""
        self._order("revoke")

    def zero(self) -> None:
        """Start to count anew."""
        self._order("zero")

    def counts(self) -> dict[str, Any]:
        """Return the ``requests``, ``refused``, ``renewals`` and ``connections``."""
        return self._order("counts")
