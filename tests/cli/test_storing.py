"""Commands that share a session through a store: what they ask of the ECE, and of the store."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from aiocloudauth import ConfigurationError, GatewayError
from aiocloudauth._cli.main import main
from aiocloudauth._cli.options import connection
from aiocloudauth._cli.settings import read_settings
from aiocloudauth._cli.storing import opened_store
from aiocloudauth._core.sharing import Failure, Shared
from aiocloudauth._wire.record import to_bytes
from aiocloudauth.testing import Status
from aiocloudauth.token import Secret
from tests.cli.running import serving
from tests.valkey import valkey_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aiocloudauth._cli.settings import Settings


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A folder that is not there yet."""
    return f"file:{tmp_path}/store"


def settings(*argv: str) -> Settings:
    """Read the settings as a command does."""
    parser = argparse.ArgumentParser()
    connection(parser)
    return read_settings(parser.parse_args(argv))


def put(store: str, url: str, value: bytes | Shared) -> None:
    """Put a record into a store, sealed or as it is."""

    async def putting() -> None:
        async with opened_store(settings("--host", url, "--store", store)) as opened:
            assert opened is not None
            plain = value if isinstance(value, bytes) else to_bytes(value)
            sealed = opened.seal.close(plain) if plain.startswith(b"{") else plain
            held = await opened.load()
            version = None if held is None else held.version
            assert await opened.store.swap(opened.seal.key, sealed, expected=version, ttl=60.0)

    asyncio.run(putting())


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    """Run a command that succeeds and prints JSON."""
    assert main(argv) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def record(**changes: Any) -> Shared:
    """Return a record with a token that was issued ten seconds ago and lives for 20 minutes."""
    fields = {"generation": 3, "session": "s", "token": Secret("t0ken"), "life": 1200.0}
    return Shared(**{**fields, "issued_at": time.time() - 10.0, **changes})


# -- what is asked of the ECE ---------------------------------------------------------------


def test_a_token_from_a_warm_store_costs_no_call(
    store: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One login for all commands, no logout; the status of the store costs nothing either."""
    with serving() as server:
        argv = ["--host", server.url, "--store", store]
        assert main(["token", *argv]) == 0
        first = capsys.readouterr().out
        calls = server.stats.requests
        environment.setenv("EC_STORE", store)
        assert main(["token", "--min-ttl", "5m", *argv[:2]]) == 0
        assert capsys.readouterr().out == first
        assert main(["status", *argv]) == 0
        assert server.stats.requests == calls
        shown = capsys.readouterr().out
        assert "session  active, ends in " in shown
        assert shown.endswith(f"store    {store} holds token 1\n")
        for command in (["request", "GET", "/x"], ["call", "list-deployments"]):
            assert main([*command, *argv]) == 0
        assert server.stats.requests == calls + 2
        assert (server.stats.logins, server.stats.logouts) == (1, 0)


def test_a_held_token_that_ends_too_soon_is_renewed(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a new one that ends too soon is a failure."""
    with serving() as server:
        argv = ["token", "--host", server.url, "--store", store]
        assert main(argv) == 0
        first = capsys.readouterr().out.strip()
        assert main([*argv, "--min-ttl", "1200s"]) == 3
        assert "which is less than --min-ttl" in capsys.readouterr().err
        assert (server.stats.logins, server.stats.refreshes) == (1, 1)
        assert main(argv) == 0
        assert capsys.readouterr().out.strip() != first


def test_a_valkey_between_hosts(capsys: pytest.CaptureFixture[str]) -> None:
    """Its name in the status is without the password that its URL has."""
    with serving() as server, valkey_server() as valkey:
        valkey.client().config_set("requirepass", "vk-secret")
        url = f"redis://:vk-secret@127.0.0.1:{valkey.port}/0"
        argv = ["--host", server.url, "--store", url]
        for _ in range(2):
            assert main(["token", *argv]) == 0
        assert server.stats.logins == 1
        capsys.readouterr()
        assert main(["status", *argv]) == 0
        shown = capsys.readouterr()
        assert f"redis at 127.0.0.1:{valkey.port} holds token 1" in shown.out
        assert main(["doctor", *argv]) == 0
        shown = capsys.readouterr()
        assert f"redis at 127.0.0.1:{valkey.port} can be read and written" in shown.out
        assert "vk-secret" not in f"{shown}"


# -- status -----------------------------------------------------------------------------------

FAILED = Failure("f", GatewayError("https://ece/ answered 502", status=502), 2, 30.0)


@pytest.mark.parametrize(
    ("held", "state"),
    [
        (None, "new"),
        (b"nobody's", "new"),
        (b"{}", "new"),
        (record(), "active"),
        (record(failure=FAILED), "degraded"),
        (record(issued_at=0.0), "expired"),
    ],
    ids=["no record", "foreign", "malformed", "good", "renewal fails", "ended"],
)
def test_status_tells_what_the_store_holds(
    held: bytes | Shared | None, state: str, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a session would be that found it, without a call: the host is not there."""
    url = "https://ece.invalid"
    if held is not None:
        put(store, url, held)
    found = told(capsys, "status", "--json", "--host", url, "--store", store)
    assert (found["host"], found["user"], found["store"]) == (url, "admin", store)
    assert found["state"] == state
    assert (found["seconds_left"] is None) == (state not in {"active", "degraded"})
    assert found["generation"] == (0 if state == "new" else 3)
    failed = "answered 502; " in str(found["last_error"])
    assert failed == (state == "degraded")


def test_the_last_failure_of_the_fleet_is_told(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is why the others do not call either."""
    put(store, "https://ece.invalid", Shared(failure=FAILED))
    assert main(["status", "--host", "https://ece.invalid", "--store", store]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == f"store    {store} holds none yet"
    assert lines[-1].startswith("failed   https://ece/ answered 502; does the URL lead to ECE?")


def test_a_record_of_a_later_version(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody here can say what it holds."""
    put(store, "https://ece.invalid", b'{"format": 2}')
    assert main(["status", "--host", "https://ece.invalid", "--store", store]) == 3
    assert "is of a later version of aiocloudauth" in capsys.readouterr().err


# -- a store that cannot be used ----------------------------------------------------------------


@contextmanager
def nobody(_: Path) -> Iterator[str]:
    """A port where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"redis://:pw@127.0.0.1:{bound.getsockname()[1]}/0"


@contextmanager
def open_to_others(folder: Path) -> Iterator[str]:
    """A folder that others can look into."""
    (folder / "open").mkdir(mode=0o755)
    yield f"file:{folder}/open"


@contextmanager
def no_folder(folder: Path) -> Iterator[str]:
    """A file."""
    (folder / "file").write_text("")
    yield f"file:{folder}/file"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (nobody, "no answer from Redis: ConnectionError"),
        (open_to_others, "chmod 0700 it"),
        (no_folder, "File exists"),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_line_and_nothing_is_sent(
    place: Callable[[Path], Any], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 3, which store, why, and what to do; the doctor goes on with the rest."""
    with serving() as server, place(tmp_path) as where:
        argv = ["--host", server.url, "--store", where]
        for command in (["token"], ["status"], ["request", "GET", "/x"], ["watch"]):
            assert main([*command, *argv]) == 3
            out, err = capsys.readouterr()
            assert out == ""
            assert err.startswith("aiocloudauth: error: the store ")
            assert err.count("\n") == 1
            assert why in err
            assert "mend it, or go without: --store ''" in err
            assert "pw" not in err
        assert server.stats.connections == 0
        assert main(["doctor", "--json", *argv]) == 3
        found = {one["check"]: one for one in json.loads(capsys.readouterr().out)}
        assert found["store"]["result"] == "FAILED"
        assert why in found["store"]["told"]
        assert found["renewal"]["result"] == "ok"


def test_a_store_that_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """It has the time that an answer of the ECE has."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"redis://127.0.0.1:{mute.getsockname()[1]}"
        argv = ["status", "--host", "https://ece.invalid", "--store", url, "--timeout", "0.1"]
        assert main(argv) == 3
    assert "cannot be used: no answer within 0.1 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("memory", "a store is file:PATH or redis://HOST:PORT/DB"),
        ("file:", "a store is file:PATH or redis://HOST:PORT/DB"),
        ("/var/x", "a store is file:PATH or redis://HOST:PORT/DB"),
        ("redis://:pw@h:x/0", "the store's URL is no redis://HOST:PORT/DB"),
    ],
)
def test_what_is_no_store(text: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Said without quoting it, since a password may be in it."""
    assert main(["token", "--host", "https://ece.invalid", "--store", text]) == 3
    err = capsys.readouterr().err
    assert why in err
    assert "pw" not in err


def test_a_key_has_nothing_to_share(
    store: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only what logs in can have a store; the doctor says so too."""
    environment.setenv("EC_API_KEY", "a-key")
    with serving() as server:
        argv = ["--host", server.url, "--store", store]
        assert main(["token", *argv]) == 3
        assert "ApiKey cannot have a token store" in capsys.readouterr().err
        assert main(["doctor", *argv]) == 3
        assert "FAILED   store: ApiKey cannot have" in capsys.readouterr().out


def test_a_store_that_cannot_be_written_is_a_warning(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is a token all the same; but whoever expects it to be kept is told."""
    (tmp_path / "store" / "lock").mkdir(mode=0o700, parents=True)
    (tmp_path / "store").chmod(0o700)
    with serving() as server:
        assert main(["token", "--host", server.url, "--store", store]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err.startswith("aiocloudauth: warning: ")
    assert f"{tmp_path}/store/lock: Is a directory" in err
    assert err.count("\n") == 1


def test_a_refusal_of_the_fleet_is_told_without_a_call(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Accounts get locked; without the store it is tried."""
    with serving() as server:
        server.fail_next("_login", Status(401, "root.unauthenticated"))
        for _ in range(2):
            assert main(["token", "--host", server.url, "--store", store]) == 4
        assert server.stats.login_attempts == 1
        assert main(["token", "--host", server.url, "--store", ""]) == 0
    assert capsys.readouterr().err.count("check user and password") == 2


# -- where it is named ----------------------------------------------------------------------------


def test_flag_environment_and_file(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """The first that says it wins, also with nothing; a path in the file begins beside it."""
    hosts = '[hosts.a]\nurl = "https://a"\nstore = "file:kept"\n'
    (tmp_path / "config.toml").write_text(hosts, encoding="utf-8")
    assert settings("--host", "a").store == f"file:{tmp_path}/kept"
    assert settings("--host", "a").files == ()
    assert settings("--host", "https://b").store is None
    environment.setenv("EC_STORE", "redis://h")
    assert settings("--host", "a").store == "redis://h"
    assert settings("--host", "a", "--store", "file:x").store == "file:x"
    assert settings("--host", "a", "--store", "").store is None
    environment.setenv("HOME", str(tmp_path))
    assert settings("--host", "a", "--store", "file:~/x").store == f"file:{tmp_path}/x"
    environment.setenv("EC_STORE", "")
    assert settings("--host", "a").store is None
    assert "redis" not in repr(settings("--host", "a", "--store", "redis://:pw@h"))


def test_a_file_of_settings_that_has_a_password_is_one_for_the_doctor_to_look_at(
    tmp_path: Path,
) -> None:
    """It has to be its owner's alone, as the other files that hold secrets."""
    config = tmp_path / "config.toml"
    config.write_text('[hosts.a]\nurl = "https://a"\nstore = "redis://:pw@h/0"\n')
    assert settings("--host", "a").files == (config,)
    assert settings("--host", "a", "--store", "redis://:pw@other/0").files == ()


def test_an_extra_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says what to install."""
    for name in [name for name in sys.modules if name.split(".")[0] == "redis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "aiocloudauth.stores.redis", raising=False)

    async def opening() -> None:
        async with opened_store(settings("--host", "https://a", "--store", "redis://h")):
            pass

    with pytest.raises(ConfigurationError, match=r"install aiocloudauth\[redis\]"):
        asyncio.run(opening())
