"""What ``ssl=`` takes, and what aiohttp takes for it."""

from __future__ import annotations

import os
import ssl as _ssl
from typing import TypeAlias

import aiohttp

from aiocloudauth.errors import ConfigurationError

__all__ = ["TlsOption", "tls"]

#: What ``ssl=`` takes: aiohttp's own kinds, or the path of a CA file (PEM).
TlsOption: TypeAlias = bool | _ssl.SSLContext | aiohttp.Fingerprint | str | os.PathLike[str]


def tls(option: TlsOption) -> bool | _ssl.SSLContext | aiohttp.Fingerprint:
    """Return what aiohttp takes for `option`.

    Raises:
        ConfigurationError: It is none of the kinds, or the CA file cannot be used.
    """
    if isinstance(option, bool | _ssl.SSLContext | aiohttp.Fingerprint):
        return option
    if not isinstance(option, str | os.PathLike):
        msg = (
            "ssl must be True, False, an SSLContext, a Fingerprint or the path of a CA file, "
            f"not {type(option).__name__}"
        )
        raise ConfigurationError(msg)
    if not os.fspath(option):  # the ssl module would take it for the system's own CAs
        raise ConfigurationError("ssl: the path of the CA file is empty")
    try:
        return _ssl.create_default_context(cafile=os.fspath(option))
    except (OSError, ValueError) as error:
        msg = f"ssl: the CA file {os.fspath(option)!r} cannot be used: {error}"
        raise ConfigurationError(msg) from error
