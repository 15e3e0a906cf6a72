"""The stand-alone server, run in this process."""

from __future__ import annotations

import io
import os
import signal
import socket
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import pytest

from aiocloudauth.testing.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path


class Ending(io.StringIO):
    """A terminal whose user ends the program as soon as it has said something."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def flush(self) -> None:
        if self.getvalue():
            signal.raise_signal(self.number)


@pytest.mark.parametrize(
    ("options", "number", "scheme"),
    [
        (["--tls"], signal.SIGTERM, "https"),
        (["--user", "ann:s3:cret", "--idle-timeout", "5"], signal.SIGINT, "http"),
    ],
    ids=["tls", "plain"],
)
def test_it_tells_its_url_and_ends_when_it_is_told_to(
    options: list[str], number: int, scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 0; faults from a file that met nothing are reported."""
    script = tmp_path / "faults.json"
    script.write_text('[{"path": "_refresh", "effects": ["html"]}]')
    with redirect_stdout(Ending(number)) as printed:
        assert main(["--port", "0", *options, "--faults", str(script)]) == 0
    url, *authority = printed.getvalue().splitlines()
    assert url.startswith(f"{scheme}://127.0.0.1:")
    assert [line.startswith("CA: ") for line in authority] == [True] * (scheme == "https")
    assert capsys.readouterr().err == "warning: faults that met no request: html at _refresh\n"


def test_an_interrupt_without_signal_handlers_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where event loops take none, SIGINT is a KeyboardInterrupt."""

    def interrupted(coroutine: Coroutine[object, object, None]) -> None:
        coroutine.close()
        raise KeyboardInterrupt

    monkeypatch.setattr("asyncio.run", interrupted)
    assert main(["--port", "0"]) == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--token-lifetime", "-1"], "token_lifetime"),
        (["--port", "70000"], "port"),
        (["--faults", "/nowhere"], "/nowhere"),
        (["--faults", os.devnull], "not JSON"),
        (["--port", "{taken}"], "cannot listen on 127.0.0.1:"),
    ],
)
def test_a_value_that_cannot_be_is_one_line(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And status 2; so is a port that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--port", "0", *(each.format(taken=port) for each in arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert named in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("user", ["ann", ":pw", "ann:"])
def test_a_user_is_a_name_and_a_password(user: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before anything is started."""
    with pytest.raises(SystemExit) as ended:
        main(["--user", user])
    assert ended.value.code == 2
    assert f"'{user}' is not NAME:PASSWORD" in capsys.readouterr().err
