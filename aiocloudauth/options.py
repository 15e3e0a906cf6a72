"""What `aiohttp.ClientSession` is given, checked before anything is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.guard import require_loop_of
from aiocloudauth.middleware import BearerRequest
from aiocloudauth.policy import seconds

if TYPE_CHECKING:
    from datetime import timedelta
    from ssl import SSLContext

__all__ = [
    "carries_authorization",
    "checked_options",
    "client_timeout",
    "close_client",
    "discard",
    "make_client",
    "may_wait",
    "shared_connections",
]

#: What `aiohttp.ClientSession` takes and this session decides for itself.
_OURS: Final = {
    "auth": "pass credentials instead",
    "base_url": "pass the API root as url",
    "loop": "the session belongs to the loop that open() runs in",
}


#: What a call may have and wait: values, and what is read before it waits. The rest is left to
#: aiohttp at once, since the caller may change it, or it is the caller's code and to run.
_STILL: Final = frozenset(
    {
        "allow_redirects",
        "auto_decompress",
        "chunked",
        "compress",
        "expect100",
        "headers",
        "json",
        "max_field_size",
        "max_headers",
        "max_line_size",
        "max_redirects",
        "params",
        "raise_for_status",
        "read_bufsize",
        "read_until_eof",
        "server_hostname",
        "ssl",
        "timeout",
    }
)
#: What it may name all the same, and not have.
_UNSAID: Final = frozenset({"auth", "cookies", "data", "proxy", "proxy_auth"})


def carries_authorization(options: dict[str, Any]) -> bool:
    """Return whether a call's options have credentials of the caller's own.

    Header fields given as an iterator, which is read once, are put in a multidict.
    """
    if options.get("headers") is None:
        return options.get("auth") is not None
    headers = options["headers"] = CIMultiDict(options["headers"])
    return hdrs.AUTHORIZATION in headers or options.get("auth") is not None


def client_timeout(
    value: aiohttp.ClientTimeout | float | timedelta | None,
) -> aiohttp.ClientTimeout | None:
    """Return aiohttp's timeout for one given as that, as seconds or as a `timedelta`.

    Raises:
        ConfigurationError: It is none of these, or not greater than 0.
    """
    if value is None or isinstance(value, aiohttp.ClientTimeout):
        return value
    return aiohttp.ClientTimeout(total=seconds("timeout", value))


def checked_options(
    options: dict[str, Any], auth_connector: aiohttp.BaseConnector | None
) -> dict[str, Any]:
    """Return `options` if `aiohttp.ClientSession` takes them and they disarm nothing.

    Raises:
        ConfigurationError: One is unknown, or would take the token's place, or a renewal's.
    """
    if auth_connector is not None and auth_connector is options.get("connector"):
        msg = "auth_connector must be another than connector: a full pool would block renewals"
        raise ConfigurationError(msg)
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


def may_wait(http: aiohttp.ClientSession, options: dict[str, Any]) -> bool:
    """Return whether nothing that a call brings may change, or has to run, while it waits."""
    if callable(options.get("raise_for_status")):
        return False
    if options.get("json") is not None:
        if options.get("data") is not None:
            return False
        if getattr(http, "_json_serialize_bytes", None) is not None:  # it has no public name
            return False
    return all(
        name in _STILL
        or (name in _UNSAID and value is None)
        or (name == "data" and isinstance(value, (bytes, str)))
        for name, value in options.items()
    )


def shared_connections(http: aiohttp.ClientSession, outer: tuple[object, ...]) -> int:
    """Return how many connections a session's requests wait for; 0 if for other things too.

    Callbacks and middlewares (`outer`) of the caller's own may wait for what they like, and
    where each host has its limit, a request that is sent on to another waits there. In a pool
    that belongs to somebody else, others may wait who would be let in first.
    """
    connector = http.connector
    if connector is None or not http.connector_owner:
        return 0
    if connector.limit_per_host or outer or http.trace_configs:
        return 0
    return connector.limit


async def make_client(
    options: dict[str, Any], *, ssl: bool | SSLContext | aiohttp.Fingerprint
) -> aiohttp.ClientSession:
    """Return a client session with `options`, and a connector of its own if they have none.

    Raises:
        ConfigurationError: aiohttp refuses an option, or the connector belongs to another
            event loop. Nothing is left open but what the caller brought.
    """
    given = options.get("connector")
    require_loop_of(given)
    connector = given or aiohttp.TCPConnector(ssl=ssl)
    http = aiohttp.ClientSession.__new__(aiohttp.ClientSession)
    try:
        # In two steps, so that a half-made one can be taken apart again.
        http.__init__(**{**options, "connector": connector})  # type: ignore[misc]  # as above
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        refusal = ConfigurationError(f"aiohttp refuses a client option: {error}").because(error)
    else:
        return http
    http.detach()
    if given is None:
        await connector.close()
    raise refusal


async def close_client(http: aiohttp.ClientSession) -> None:
    """Close a client session, so that nobody is left who waits for a connection of it.

    Those in the queue are cancelled. One who was called up a moment before is no longer in
    it, and would queue again behind places that a closed pool never gives back: so that
    there be no queue, the pool ends without a limit.
    """
    connector = http.connector
    if connector is not None and http.connector_owner:
        connector._limit = connector._limit_per_host = 0  # noqa: SLF001 - as above
        if connector._loop.is_closed():  # noqa: SLF001 - as above
            connector._waiters.clear()  # noqa: SLF001 - nobody is left to be woken
    await http.close()


async def discard(http: aiohttp.ClientSession, given: aiohttp.BaseConnector | None) -> None:
    """Close a client session that nobody has used, but for a caller's own connector."""
    connector = http.connector
    http.detach()
    if connector is not None and connector is not given:
        await connector.close()
