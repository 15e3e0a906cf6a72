"""What `aiohttp.ClientSession` is given, checked before anything is made."""

from __future__ import annotations

from typing import Any, Final

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.middleware import BearerRequest
from aiocloudauth.policy import seconds

__all__ = ["carries_authorization", "checked_options", "client_timeout"]

#: What `aiohttp.ClientSession` takes and this session decides for itself.
_OURS: Final = {
    "auth": "pass credentials instead",
    "base_url": "pass the API root as url",
    "loop": "the session belongs to the loop that open() runs in",
}


def carries_authorization(options: dict[str, Any]) -> bool:
    """Return whether a call's options have credentials of the caller's own.

    Header fields given as an iterator, which is read once, are put in a multidict.
    """
    if options.get("headers") is None:
        return options.get("auth") is not None
    headers = options["headers"] = CIMultiDict(options["headers"])
    return hdrs.AUTHORIZATION in headers or options.get("auth") is not None


def client_timeout(value: object) -> aiohttp.ClientTimeout | None:
    """Return aiohttp's timeout for one given as that, as seconds or as a `timedelta`.

    Raises:
        ConfigurationError: It is none of these, or not greater than 0.
    """
    if value is None or isinstance(value, aiohttp.ClientTimeout):
        return value
    total = seconds("timeout", value)
    if total <= 0:
        msg = f"timeout must be greater than 0, not {total:g}"
        raise ConfigurationError(msg)
    return aiohttp.ClientTimeout(total=total)


def checked_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return `options` if `aiohttp.ClientSession` takes them and they disarm nothing.

    Raises:
        ConfigurationError: One is unknown, or would take the token's place.
    """
    known = aiohttp.ClientSession.__init__.__kwdefaults__ or {}
    for name in options:
        if name in _OURS:
            msg = f"CloudSession() takes no {name}: {_OURS[name]}"
            raise ConfigurationError(msg)
        if name not in known:
            msg = f"CloudSession() and aiohttp.ClientSession() know no option {name!r}"
            raise ConfigurationError(msg)
    request_class = options.get("request_class", BearerRequest)
    if not (isinstance(request_class, type) and issubclass(request_class, BearerRequest)):
        msg = "request_class must be a subclass of BearerRequest"
        raise ConfigurationError(msg)
    if carries_authorization(options):
        msg = "CloudSession() takes no Authorization header: pass credentials instead"
        raise ConfigurationError(msg)
    return options
