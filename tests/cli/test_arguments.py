"""What the command line makes of its arguments and its environment, before anything is sent."""

from __future__ import annotations

import importlib
import runpy
import subprocess
import sys

import pytest

import aiocloudauth
from aiocloudauth._cli.main import COMMANDS, main

# -- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "give a command: demo, serve, watch,"),
        (["dance"], "no command 'dance'; there are: demo, serve,"),
        (["dotcor"], "no command 'dotcor'; did you mean doctor?"),
        (["demo", "--seconds", "0"], "--seconds: '0' is no number of seconds, more than 0"),
        (["demo", "--seconds", "-3"], "--seconds: '-3' is no"),
        (["demo", "--seconds", "nan"], "--seconds: 'nan' is no"),
        (["demo", "--seconds", "inf"], "at most 86400"),
        (["demo", "--seconds", "soon"], "--seconds: 'soon' is no"),
        (["demo", "--token-lifetime", "0.5"], "'0.5' is no number of seconds, 1 or more"),
        (["demo", "--workers", "0"], "--workers: '0' is no whole number from 1 to 1000"),
        (["demo", "--workers", "-1"], "--workers: '-1' is no"),
        (["demo", "--workers", "2.5"], "--workers: '2.5' is no"),
        (["demo", "--workers", "100000"], "from 1 to 1000"),
        (["demo", "--colour"], "unrecognized arguments: --colour"),
        (["watch", "--interval", "0"], "--interval: '0' is no"),
        (["watch", "--path", "/../x"], "--path: '/../x': the path climbs above the API root"),
        (["watch", "--path", "//evil.example"], "--path: '//evil.example'"),
        (["watch", "--path", "https://evil.example/"], "does not start with /"),
        (["watch", "--ca-file", "x", "--insecure"], "not allowed with argument --ca-file"),
        (["token", "--min-ttl", "soon"], "'soon' is no duration such as 90, 90s, 5m or 1h"),
        (["token", "--format", "xml"], "'xml' is none of raw, json, curl, header-file"),
        (["token", "--format", "jsn"], "did you mean json?"),
        (["demo", "--store", "fil"], "'fil' is none of file, redis; did you mean file?"),
        (["call"], "required: OPERATION (--help"),
        (["token", "--password", "x"], "unrecognized arguments: --password x"),
        (["request", "GET"], "required: PATH"),
        (["request", "GET", "//evil.example"], "PATH: '//evil.example'"),
        (["request", "GE T", "/x"], "METHOD: 'GE T' is no method such as GET"),
        (["request", "", "/x"], "METHOD: '' is no method"),
        (["request", "PUT", "/x", "--content-type", "a\nb"], "'a\\nb' is no media type"),
        (["serve", "--user", "nobody"], "'nobody' is not NAME:PASSWORD"),
    ],
    ids=" ".join,
)
def test_bad_arguments_are_answered_with_one_line_and_status_2(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says which argument, and what would do."""
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert told in err
    assert err.startswith("aiocloudauth")
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("variables", "argv", "told"),
    [
        ({}, [], "set EC_HOST"),
        ({"EC_HOST": ""}, [], "set EC_HOST"),
        ({"EC_HOST": "https://ece", "EC_USER": ""}, [], "set EC_USER or EC_API_KEY"),
        ({"EC_HOST": "https://ece", "EC_PASS": ""}, [], "set EC_PASS"),
        ({"EC_HOST": "http://ece.example.com"}, [], "clear text"),
        ({"EC_HOST": "https://ece"}, ["--ca-file", "/nowhere.pem"], "'/nowhere.pem' cannot be"),
    ],
    ids=["no host", "empty host", "no user", "no password", "clear text", "no CA file"],
)
def test_an_environment_that_cannot_work_is_answered_with_one_line_and_status_3(
    variables: dict[str, str],
    argv: list[str],
    told: str,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing was sent, and the line says what is missing."""
    for name, value in variables.items():
        environment.setenv(name, value)
    assert main(["watch", *argv]) == 3
    out, err = capsys.readouterr()
    assert told in err
    assert (out, err.count("\n")) == ("", 1)


# -- the rest -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_help_fits_into_80_columns_and_names_every_option(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help is how options are found."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80
    names = {
        (): {*COMMANDS, "--version", "124 time out"},
        ("demo",): {"--seconds", "--token-lifetime", "--workers"},
        ("serve",): {"--port", "--faults", "--tls", "--stats", "--quiet", "COMMAND"},
        ("watch",): {"--path", "--interval", "--seconds", "EC_API_KEY"},
        ("token",): {"--format", "--min-ttl", "header-file"},
        ("request",): {"METHOD", "PATH", "--data", "--json"},
        ("call",): {"OPERATION", "NAME=VALUE", "--json"},
        ("status",): {"--json"},
        ("doctor",): {"--json"},
    }
    if command and command[0] not in {"demo", "serve"}:
        names[tuple(command)] |= {"--host", "--user", "--password-file", "--ca-file", "--insecure"}
    assert {name for name in names[tuple(command)] if name not in told} == set()


def test_help_imports_nothing_that_a_command_alone_needs() -> None:
    """It is answered before aiohttp could be imported, and costs less than that."""
    program = (
        "import sys; from aiocloudauth._cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print({'aiohttp', 'asyncio', 'cattrs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.endswith(b"set()\n")


def test_python_m_runs_the_command_line_and_an_import_does_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m aiocloudauth --version` is `aiocloudauth --version`."""
    monkeypatch.setattr(sys, "argv", ["aiocloudauth", "--version"])
    # Imported first: coverage takes its first sight of a file for all of them.
    imported = importlib.import_module("aiocloudauth.__main__")
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(imported.__file__), run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"aiocloudauth {aiocloudauth.__version__}\n"
