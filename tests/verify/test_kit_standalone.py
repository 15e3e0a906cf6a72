"""The test kit's server in a process of its own, as curl and other languages use it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.verify.programs import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CURL = shutil.which("curl")
pytestmark = pytest.mark.skipif(CURL is None, reason="no curl on this machine")

#: Not `-X dev`: asyncio would tell of every moment in which the machine was busy.
PROGRAM = (sys.executable, "-W", "error", "-m", "aiocloudauth.testing")


class Standing:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = self.line()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def end(self) -> tuple[int, str]:
        """End it; return its status and what it wrote to stderr."""
        self.process.terminate()
        _, complaints = self.process.communicate(timeout=10)
        return self.process.returncode, complaints


@contextmanager
def standing(*options: str) -> Iterator[Standing]:
    """Have a server for the length of a block."""
    with running(*PROGRAM, "--port", "0", *options) as process:
        yield Standing(process)


def curl(*arguments: str) -> tuple[int, Any]:
    """Run curl; return the status and the JSON it got."""
    assert CURL is not None
    done = subprocess.run(
        [CURL, "-sS", "--noproxy", "*", "--max-time", "10", "-w", "\n%{http_code}", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_curl_logs_in_refreshes_and_logs_out() -> None:
    """The API page's own way, with the URL from the first line."""
    with standing("--user", "ann:s3:cret", "--user", "bob:x", "--token-lifetime", "60") as server:
        assert server.url.startswith("http://127.0.0.1:")
        auth = f"{server.url}/api/v1/users/auth"
        credentials = json.dumps({"username": "ann", "password": "s3:cret"})
        status, answer = curl("-d", credentials, f"{auth}/_login")
        assert status == 200
        assert set(answer) == {"token", "session_expiration_time"}
        bearer = f"Authorization: Bearer {answer['token']}"
        status, answer = curl("-X", "POST", "-H", bearer, f"{auth}/_refresh")
        assert status == 200
        status, answer = curl("-H", bearer, f"{server.url}/api/v1/x")
        assert (status, answer["user"]) == (200, "ann")
        status, answer = curl("--user", "bob:x", f"{server.url}/api/v1/x")
        assert (status, answer["user"]) == (200, "bob")
        assert curl("-X", "POST", "-H", bearer, f"{auth}/_logout") == (200, {})
        status, answer = curl("-H", bearer, f"{server.url}/api/v1/x")
        assert (status, answer["errors"][0]["code"]) == (401, "root.unauthorized")
        assert server.end() == (0, "")


def test_curl_uploads_a_file(tmp_path: Path) -> None:
    """Large enough for curl to ask first (`Expect: 100-continue`)."""
    (tmp_path / "file").write_bytes(b"x" * 2_000_000)
    with standing() as server:
        status, answer = curl(
            "--user", "admin:secret", "-T", str(tmp_path / "file"), f"{server.url}/api/v1/x"
        )
        assert (status, answer["method"]) == (200, "PUT")


def test_curl_trusts_the_throw_away_certificate() -> None:
    """Its CA's path is the second line; the file is gone in the end."""
    with standing("--tls") as server:
        assert server.url.startswith("https://127.0.0.1:")
        path = server.line().removeprefix("CA: ")
        status, answer = curl("--cacert", path, f"{server.url}/api/v1/users/auth/methods")
        assert (status, answer["password"]) == (200, True)
        assert server.end() == (0, "")
        assert not os.path.exists(path)  # noqa: PTH110 - it is a str, and no more than that


def test_the_options_are_the_servers() -> None:
    """Version, cap, skew, revocation, tokens, no Date."""
    options = ["--version", "3.6", "--max-session", "9", "--clock-skew", "-900", "--no-date"]
    with standing(*options, "--revoke-on-refresh", "--tokens", "opaque") as server:
        auth = f"{server.url}/api/v1/users/auth"
        credentials = json.dumps({"username": "admin", "password": "secret"})
        status, answer = curl("-d", credentials, f"{auth}/_login")
        assert (status, list(answer)) == (200, ["token"])
        assert "." not in answer["token"]
        bearer = f"Authorization: Bearer {answer['token']}"
        assert curl("-X", "POST", "-H", bearer, f"{auth}/_refresh")[0] == 200
        assert curl("-X", "POST", "-H", bearer, f"{auth}/_refresh")[0] == 401
        status, headers = curl("-o", os.devnull, "-w", "%{header_json}\n%{http_code}", auth)
        assert status == 401
        assert "date" not in headers
