"""What a command connects to, and as whom: flags, then the environment, then a TOML file."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from aiocloudauth._wire.endpoint import Endpoint
from aiocloudauth.errors import ConfigurationError
from aiocloudauth.token import Secret

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from aiocloudauth.credentials import Credentials

__all__ = ["Settings", "config_path", "read_settings"]

#: What a host of the file may have, and its type.
_KEYS: Final[dict[str, type]] = {
    "url": str,
    "user": str,
    "password_file": str,
    "api_key_file": str,
    "keyring": bool,
    "ca_file": str,
    "allow_http": bool,
    "store": str,
}
#: What a store begins with.
_STORES: Final = ("file:", "redis://", "rediss://", "unix://")
_SAID: Final = {str: "a string in quotes", bool: "true or false", dict: "a table"}


@frozen(kw_only=True)
class Settings:
    """What a command connects to, and as whom.

    Attributes:
        url: The ECE's URL.
        credentials: An `ApiKey` or a `Password`.
        user: The user's name; ``None`` with a key.
        ssl: For `CloudSession`.
        allow_http: For `CloudSession`.
        timeout: Seconds without an answer before a command gives up.
        files: Files that hold secrets.
        store: Where a session is shared: ``file:PATH``, or the URL of a Redis; ``None``: nowhere.
    """

    url: str
    credentials: Credentials
    user: str | None
    ssl: bool | str
    allow_http: bool
    timeout: float
    files: tuple[Path, ...]
    store: str | None = field(default=None, repr=False)


def config_path(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return where the file is: in the directory that the platform has for configuration."""
    if environment.get("EC_CONFIG"):
        return Path(environment["EC_CONFIG"])
    home = Path.home()
    if platform == "win32":
        folder = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return folder / "aiocloudauth" / "config.toml"


# -- the file ------------------------------------------------------------------------------


class _File:
    """The named hosts of a TOML file; an absent one has none."""

    def __init__(self, path: Path) -> None:
        """Read and check the file."""
        self.path = path
        self.text = ""
        try:
            self.text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8"
            raise ConfigurationError(f"{path} cannot be read: {reason}") from None
        try:
            read = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path} is not TOML: {error}") from None
        self._expect(read, {"default": str, "hosts": dict}, "")
        self.default: str | None = read.get("default")
        self.hosts: dict[str, dict[str, Any]] = read.get("hosts", {})
        for name, entry in self.hosts.items():
            if not isinstance(entry, dict):
                self._wrong("hosts", name, f"has to be a table: [hosts.{name}]")
            if "password" in entry:
                what = "does not belong into a file of settings: use password_file or keyring"
                self._wrong(f"hosts.{name}", "password", what)
            self._expect(entry, _KEYS, f"hosts.{name}")
            if "url" not in entry:
                raise ConfigurationError(
                    f"{path}, line {self._line(f'hosts.{name}')}: [hosts.{name}] has no url"
                )

    def _expect(self, table: dict[str, Any], keys: dict[str, type], name: str) -> None:
        for key, value in table.items():
            if key not in keys:
                from aiocloudauth.api.arguments import nearest

                what = f"is not known{nearest(key, keys)}; known are {', '.join(keys)}"
                self._wrong(name, key, what)
            if not isinstance(value, keys[key]):
                self._wrong(name, key, f"has to be {_SAID[keys[key]]}")

    def _wrong(self, table: str, key: str, what: str) -> None:
        raise ConfigurationError(f"{self.path}, line {self._line(table, key)}: {key} {what}")

    def _line(self, table: str, key: str = "") -> int:
        """Return where a key of a table stands, as far as that can be seen without a parser."""
        inside, found = not table, 1
        for number, text in enumerate(self.text.splitlines(), 1):
            plain = text.replace(" ", "").replace('"', "")
            if plain.startswith("["):
                inside = plain.startswith(f"[{table}]")
                found = number if inside else found
            if key and inside and plain.startswith(f"{key}="):
                return number
            if plain.startswith((f"[{table}.{key}", f"[{key}")) and key:
                return number
        return found

    def entry(self, name: str | None) -> dict[str, Any]:
        """Return what the file says of a host by its name; nothing of one that is a URL."""
        if name in self.hosts:
            return self.hosts[str(name)]
        if name is None:
            if self.default is not None:
                return self._named(self.default)
            return next(iter(self.hosts.values())) if len(self.hosts) == 1 else {}
        if any(mark in name for mark in ".:/") or name == "localhost" or not self.hosts:
            return {"url": name if "://" in name else f"https://{name}"}
        return self._named(name)

    def _named(self, name: str) -> dict[str, Any]:
        try:
            return self.hosts[name]
        except KeyError:
            from aiocloudauth.api.arguments import nearest

            known = ", ".join(self.hosts) or "none"
            near = nearest(name, self.hosts)
            raise ConfigurationError(
                f"no host {name!r} in {self.path}{near}; it has: {known}"
            ) from None

    def beside(self, name: str) -> Path:
        """Return a path that the file names: relative ones begin at its directory."""
        return self.path.parent / os.path.expanduser(name)  # noqa: PTH111 - that of `Path` may raise


# -- all of it -----------------------------------------------------------------------------


def read_settings(flags: argparse.Namespace) -> Settings:
    """Return the settings that flags, environment and file make, the first that says wins.

    Raises:
        ConfigurationError: Something is missing, or cannot work.
    """
    file = _File(Path(flags.config) if flags.config else config_path())
    given = flags.host or _variable("EC_HOST", "EC_ENDPOINT").strip() or None
    entry = file.entry(given)
    url = entry.get("url")
    if not url:
        raise ConfigurationError(
            f"no host: give --host URL, set EC_HOST, or name one in {file.path}"
        )
    files: list[Path] = []

    def from_file(name: str | None, *, ours: bool = False) -> Secret | None:
        if not name:
            return None
        path = file.beside(name) if ours else Path(name)
        if name != "-":
            files.append(path)
        return _content(path, stdin=name == "-" and not ours)

    allow_http = flags.allow_http or bool(entry.get("allow_http"))
    _check_url(str(url), allow_http=allow_http)
    credentials, user = _credentials(flags, entry, str(url), from_file)
    ca_file = flags.ca_file or _variable("EC_CA_FILE")
    if not ca_file and entry.get("ca_file"):
        ca_file = str(file.beside(entry["ca_file"]))
    store = _store(flags.store, entry.get("store", ""), file)
    if store is not None and "@" in store and store == entry.get("store"):
        files.append(file.path)  # the URL of a Redis with its password
    return Settings(
        url=str(url),
        credentials=credentials,
        user=user,
        ssl=False if flags.insecure else ca_file or True,
        allow_http=allow_http,
        timeout=flags.timeout,
        files=tuple(files),
        store=store,
    )


def _store(flag: str | None, named: str, file: _File) -> str | None:
    """Return the store; an empty flag or variable is none, whatever the file says."""
    given = os.environ.get("EC_STORE") if flag is None else flag
    text = named if given is None else given
    if not text:
        return None
    if not text.startswith(_STORES) or text in _STORES:
        # Not quoted: it may hold a password.
        raise ConfigurationError(
            "a store is file:PATH or redis://HOST:PORT/DB: see --store, EC_STORE and the settings"
        )
    scheme, _, path = text.partition(":")
    if scheme != "file":
        return text
    return f"file:{file.beside(path) if given is None else os.path.expanduser(path)}"  # noqa: PTH111 - as above


def _check_url(url: str, *, allow_http: bool) -> None:
    """Refuse what is no URL of an ECE, and name it, unless a password may be in it."""
    shown = "the host" if "@" in url else url
    try:
        Endpoint(url, allow_http=True)
    except ConfigurationError as error:
        raise ConfigurationError(f"{shown}: {error}") from None
    try:
        Endpoint(url, allow_http=allow_http)
    except ConfigurationError:
        raise ConfigurationError(
            f"{shown} would get the credentials in clear text: write https://, or give --allow-http"
        ) from None


def _credentials(
    flags: argparse.Namespace,
    entry: dict[str, Any],
    url: str,
    from_file: Callable[..., Secret | None],
) -> tuple[Credentials, str | None]:
    from aiocloudauth.credentials import ApiKey, Password

    key: Secret | None
    # Of the first that names a key or a user; within one a key wins.
    if flags.api_key_file or flags.user:
        key, user = from_file(flags.api_key_file), flags.user
    elif _variable("EC_API_KEY"):
        key, user = Secret(_variable("EC_API_KEY")), None
    elif user := _variable("EC_USER", "EC_USERNAME"):
        key = None
    else:
        key, user = from_file(entry.get("api_key_file"), ours=True), entry.get("user")
    if key is not None:
        return ApiKey(key), None
    if not user:
        raise ConfigurationError(
            f"nobody to log in to {url} as: give --user or --api-key-file, set EC_USER or "
            "EC_API_KEY, or name one in the file of settings"
        )
    password = from_file(flags.password_file)
    if password is None and flags.keyring:
        password = _from_keyring(url, user)
    if password is None and _variable("EC_PASS", "EC_PASSWORD"):
        password = Secret(_variable("EC_PASS", "EC_PASSWORD"))
    if password is None:
        password = from_file(entry.get("password_file"), ours=True)
    if password is None and entry.get("keyring"):
        password = _from_keyring(url, user)
    return Password(user, password or _asked(url, user)), user


def _variable(*names: str) -> str:
    return next((value for value in map(os.environ.get, names) if value), "")


def _content(path: Path, *, stdin: bool) -> Secret:
    try:
        text = sys.stdin.readline() if stdin else path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None
    secret = Secret(text.rstrip("\r\n"))
    if secret == Secret(""):
        raise ConfigurationError(f"{'standard input' if stdin else path} holds nothing")
    return secret


def _from_keyring(url: str, user: str) -> Secret:
    try:
        import keyring
    except ModuleNotFoundError:
        raise ConfigurationError("a keyring needs: pip install 'aiocloudauth[keyring]'") from None
    try:
        found = keyring.get_password("aiocloudauth", f"{user}@{url}")
    except Exception as error:  # noqa: BLE001 - whatever a backend raises
        name = type(error).__name__
        raise ConfigurationError(f"the keyring gave no password: {name}") from None
    if not found:
        raise ConfigurationError(
            f"the keyring has no password: keyring set aiocloudauth {user}@{url}"
        )
    return Secret(found)


def _asked(url: str, user: str) -> Secret:
    if not sys.stdin.isatty():
        raise ConfigurationError(
            f"no password for {user} at {url}: set EC_PASS, or give --password-file FILE"
        )
    from getpass import getpass

    return Secret(getpass(f"Password of {user} at {url}: "))
