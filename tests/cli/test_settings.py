"""Flags, then the environment, then the file; and what is said of a file that cannot work."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from aiocloudauth import ApiKey, ConfigurationError, Password, Secret
from aiocloudauth._cli.options import connection
from aiocloudauth._cli.settings import Settings, config_path, read_settings

FILE = """
default = "prod"

[hosts.prod]
url = "https://prod.example.com:12443"
user = "carol"
password_file = "prod.pass"
ca_file = "ca.pem"

[hosts.staging]
url = "http://staging.example.com:12400"
api_key_file = "staging.key"
allow_http = true
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with two hosts, and nothing in the environment but its path."""
    for name in ("EC_USER", "EC_PASS"):
        monkeypatch.delenv(name)
    (tmp_path / "prod.pass").write_text("pr0d\n", encoding="utf-8")
    (tmp_path / "staging.key").write_text("\ufeffk3y\r\n", encoding="utf-8")
    path = tmp_path / "config.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def settings(*argv: str) -> Settings:
    """Read the settings as a command does."""
    parser = argparse.ArgumentParser()
    connection(parser)
    return read_settings(parser.parse_args(argv))


def test_the_file_names_hosts_and_a_default(config: Path) -> None:
    """Its paths begin where it stands; secrets are in files of their own."""
    prod = settings()
    assert prod.url == "https://prod.example.com:12443"
    assert prod.credentials == Password("carol", Secret("pr0d"))
    assert (prod.user, prod.ssl) == ("carol", str(config.parent / "ca.pem"))
    assert prod.files == (config.parent / "prod.pass",)
    staging = settings("--host", "staging")
    assert staging.credentials == ApiKey(Secret("k3y"))
    assert (staging.allow_http, staging.ssl, staging.user) == (True, True, None)


def test_the_environment_wins_over_the_file_and_flags_over_both(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of credentials the first that names a key or a user."""
    monkeypatch.setenv("EC_HOST", "ece.example.com")
    monkeypatch.setenv("EC_USERNAME", "erin")
    monkeypatch.setenv("EC_PASSWORD", "env")
    monkeypatch.setenv("EC_CA_FILE", "/env.pem")
    found = settings()
    assert found.url == "https://ece.example.com"
    assert found.credentials == Password("erin", Secret("env"))
    assert found.ssl == "/env.pem"
    monkeypatch.setenv("EC_API_KEY", "envkey")
    assert settings().credentials == ApiKey(Secret("envkey"))
    (tmp_path / "flag.pass").write_text("flag", encoding="utf-8")
    flags = ["--user", "frank", "--password-file", str(tmp_path / "flag.pass"), "--insecure"]
    found = settings("--host", "https://flag.example.com", *flags)
    assert found.url == "https://flag.example.com"
    assert found.credentials == Password("frank", Secret("flag"))
    assert found.ssl is False


def test_a_single_host_needs_no_name(config: Path) -> None:
    """Nobody else can be meant."""
    config.write_text(FILE.partition("[hosts.staging]")[0].replace('default = "prod"', ""))
    assert settings().url == "https://prod.example.com:12443"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[hosts.prod", "config.toml is not TOML: Expected ']'"),
        ("\nbad\nx = 1", "line 2"),
        ("\n[default]\nx = 1", "line 2: default has to be a string in quotes"),
        ('[hosts.a]\nurl = "x"\n[hosts.a.user]', "line 3: user has to be a string in quotes"),
        ("hosts = 1", "line 1: hosts has to be a table"),
        ("[hosts]\nprod = 1", "line 2: prod has to be a table: [hosts.prod]"),
        ('[hosts.a]\nurl = "x"\n[hosts.prod]\nusr = "b"', "line 4: usr is not known"),
        ('[hosts.prod]\nusr = "b"', "did you mean user or url?"),
        ("[hosts.prod]\nurl = 3", "line 2: url has to be a string in quotes"),
        ('[hosts.prod]\nurl = "x"\nkeyring = "yes"', "line 3: keyring has to be true or false"),
        ('[hosts.prod]\nuser = "b"', "line 1: [hosts.prod] has no url"),
        ('[hosts.prod]\nurl = "x"\npassword = "p"', "line 3: password does not belong"),
        ('default = "prd"\n[hosts.prod]\nurl = "x"', "no host 'prd'"),
    ],
)
def test_a_file_that_cannot_work_is_told_with_its_line(text: str, told: str, config: Path) -> None:
    """The file, the line, what was expected."""
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        settings()
    assert str(config) in str(caught.value)
    assert told in str(caught.value)


def test_an_unknown_host_is_told_with_the_nearest(config: Path) -> None:
    """And with all there are."""
    with pytest.raises(ConfigurationError, match=r"did you mean staging\?; it has: prod, stag"):
        settings("--host", "stagin")


def test_a_file_that_cannot_be_read(config: Path, tmp_path: Path) -> None:
    """Of the settings, or of a password."""
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        settings("--config", str(tmp_path))
    config.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        settings()
    config.write_text(FILE, encoding="utf-8")
    (tmp_path / "prod.pass").unlink()
    with pytest.raises(ConfigurationError, match=r"prod\.pass cannot be read: No such file"):
        settings()
    (tmp_path / "prod.pass").write_text("\n")
    with pytest.raises(ConfigurationError, match=r"prod\.pass holds nothing"):
        settings()


def test_settings_are_only_read(config: Path) -> None:
    """A directory that cannot be written to is no hindrance, and stays as it is."""
    before = sorted(config.parent.iterdir())
    config.chmod(0o400)
    config.parent.chmod(0o500)
    try:
        settings()
    finally:
        config.parent.chmod(0o700)
    assert sorted(config.parent.iterdir()) == before


def test_a_user_of_this_machine_that_is_not_there(config: Path) -> None:
    """The path is taken as it stands."""
    config.write_text(FILE.replace("prod.pass", "~no-such-user/x"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="~no-such-user/x cannot be read: No such file"):
        settings()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://ece.example.com", "ftp://ece.example.com: the URL must start with https://"),
        ("https://a b", "https://a b: the URL cannot be parsed"),
        ("http://ece.example.com", "http://ece.example.com would get the credentials in clear"),
        ("https://ann:s3cret@ece.example.com", "the host: the URL must not carry user info"),
    ],
)
def test_what_is_no_url_of_an_ece_is_named(url: str, told: str, config: Path) -> None:
    """And what to write; but not if a password is in it."""
    with pytest.raises(ConfigurationError) as caught:
        settings("--host", url)
    assert str(caught.value).startswith(told)
    assert "s3cret" not in str(caught.value)
    assert "allow_http" not in str(caught.value)


def test_nobody_to_log_in_as(config: Path) -> None:
    """The line names every way."""
    with pytest.raises(ConfigurationError, match=r"nobody to log in to https://x\.example as"):
        settings("--host", "https://x.example")


def test_a_password_comes_from_stdin_or_a_prompt_and_is_never_echoed(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal there is no prompt."""
    argv = ["--host", "https://x.example", "--user", "u"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed\nmore"))
    assert settings(*argv, "--password-file", "-").credentials == Password("u", Secret("typed"))
    with pytest.raises(ConfigurationError, match=r"no password for u at https://x\.example"):
        settings(*argv)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: f"asked {len(prompt) > 0}")
    assert settings(*argv).credentials == Password("u", Secret("asked True"))


def test_a_keyring_gives_a_password(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By user and URL; what it lacks is told with how to put it there."""
    argv = ["--host", "https://x.example", "--user", "u", "--keyring"]
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'aiocloudauth\[keyring\]'"):
        settings(*argv)
    kept = {("aiocloudauth", "u@https://x.example"): "kept"}
    ring = SimpleNamespace(get_password=lambda *key: kept.get(key))
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setenv("EC_PASS", "of the environment")  # a flag wins over it
    assert settings(*argv).credentials == Password("u", Secret("kept"))
    monkeypatch.delenv("EC_PASS")
    config.write_text('[hosts.a]\nurl = "https://x.example"\nuser = "u"\nkeyring = true\n')
    assert settings("--host", "a").credentials == Password("u", Secret("kept"))
    kept.clear()
    with pytest.raises(ConfigurationError, match=r"keyring set aiocloudauth u@https://x\.example"):
        settings(*argv)

    def locked(*_: str) -> str:
        raise OSError

    ring.get_password = locked
    with pytest.raises(ConfigurationError, match="gave no password: OSError"):
        settings(*argv)


def test_without_a_file_a_host_and_a_user_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """And without a host it says where one could stand."""
    assert settings("--host", "ece").url == "https://ece"
    with pytest.raises(ConfigurationError, match="no host: give --host URL, set EC_HOST"):
        settings()


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "~/.config/aiocloudauth/config.toml"),
        ("linux", {"XDG_CONFIG_HOME": "/xdg"}, "/xdg/aiocloudauth/config.toml"),
        ("darwin", {}, "~/Library/Application Support/aiocloudauth/config.toml"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/aiocloudauth/config.toml"),
        ("win32", {}, "~/AppData/Local/aiocloudauth/config.toml"),
        ("linux", {"EC_CONFIG": "/my.toml"}, "/my.toml"),
    ],
)
def test_the_file_is_where_the_platform_has_it(
    platform: str, environment: dict[str, str], expected: str
) -> None:
    """As platformdirs has it, which is no dependency of this."""
    assert config_path(environment, platform) == Path(expected).expanduser()
