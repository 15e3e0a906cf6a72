"""The options that several commands have, and the values they take."""

from __future__ import annotations

import argparse
import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "connection",
    "duration",
    "media_type",
    "method",
    "one_of",
    "path",
    "seconds",
    "workers",
]

#: The longest run and the longest pause, seconds: a day.
_LONGEST: Final = 86_400.0
#: The most workers: each is a connection, and a hundred share the session's pool.
_MOST_WORKERS: Final = 1000
#: Seconds of silence after which a command gives up.
_PATIENCE: Final = 4.0
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str, *, least: float = 0.0) -> float:
    """Read a number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value <= _LONGEST and value >= least):
        bound = f"{least:g} or more" if least else "more than 0"
        message = f"{text!r} is no number of seconds, {bound} and at most {_LONGEST:g}"
        raise argparse.ArgumentTypeError(message)
    return value


def duration(text: str) -> float:
    """Read seconds, or a number with a unit: ``90``, ``90s``, ``5m``, ``1h``."""
    unit = _UNITS.get(text[-1:], None)
    try:
        value = float(text if unit is None else text[:-1]) * (unit or 1.0)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _LONGEST:
        message = f"{text!r} is no duration such as 90, 90s, 5m or 1h, of a day at most"
        raise argparse.ArgumentTypeError(message)
    return value


def workers(text: str) -> int:
    """Read how many requests there are at a time."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= _MOST_WORKERS:
        message = f"{text!r} is no whole number from 1 to {_MOST_WORKERS}"
        raise argparse.ArgumentTypeError(message)
    return value


def one_of(*names: str) -> Callable[[str], str]:
    """Return what reads one of these names."""

    def read(text: str) -> str:
        if text not in names:
            from aiocloudauth.api.arguments import nearest  # not for a help text

            known = ", ".join(names)
            message = f"{text!r} is none of {known}{nearest(text, names)}"
            raise argparse.ArgumentTypeError(message)
        return text

    return read


def method(text: str) -> str:
    """Read an HTTP method. Source: RFC 9110 sections 5.6.2 and 9.1."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no method such as GET")
    return text.upper()


def media_type(text: str) -> str:
    """Read what a body is said to be."""
    if not text or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is no media type such as application/json")
    return text


def path(text: str) -> str:
    """Read a path below the API root."""
    from aiocloudauth._wire.endpoint import Endpoint
    from aiocloudauth.errors import ConfigurationError

    try:
        Endpoint("https://localhost").resolve(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
    if not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r} does not start with /")
    return text


def connection(parser: argparse.ArgumentParser) -> None:
    """Add what says which ECE, and as whom."""
    group = parser.add_argument_group(
        "which ECE, and as whom",
        "Else EC_HOST, EC_API_KEY, EC_USER, EC_PASS, EC_CA_FILE; else the file of settings. "
        "A password comes from --password-file, EC_PASS, the settings, or a prompt.",
    )
    add = group.add_argument
    add("--host", metavar="URL", help="or the name of a host in the file of settings")
    add("--user", metavar="NAME")
    add("--password-file", metavar="FILE", help="holds the password; - is stdin")
    add("--api-key-file", metavar="FILE", help="instead of a user; - is stdin")
    add("--keyring", action="store_true", help="take the password from the system's keyring")
    add("--store", metavar="STORE", help="share one session: file:PATH or redis://…; else EC_STORE")
    add("--config", metavar="FILE", help="the file of settings; else EC_CONFIG")
    tls = group.add_mutually_exclusive_group()
    tls.add_argument("--ca-file", metavar="FILE", help="PEM, the authority to trust")
    tls.add_argument(
        "--insecure", action="store_true", help="take any certificate, and so any impostor's"
    )
    add("--allow-http", action="store_true", help="send credentials in clear text")
    add(
        "--timeout",
        type=seconds,
        default=_PATIENCE,
        metavar="SECONDS",
        help="without an answer, until it gives up (%(default)g)",
    )
