"""What a session and its calls are given: typed, and checked before anything is made."""

from __future__ import annotations

import asyncio
import base64
import inspect
import netrc
import os
import re
import ssl as _ssl
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypedDict

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict

from aiocloudauth._http import compat
from aiocloudauth.errors import ConfigurationError
from aiocloudauth.policy import seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import timedelta

    from yarl import URL, Query

    Fields: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]
    Cookies: TypeAlias = Mapping[str, Any] | Iterable[tuple[str, Any]]
    Check: TypeAlias = bool | Callable[[aiohttp.ClientResponse], Awaitable[None]]
    Middlewares: TypeAlias = Sequence[aiohttp.ClientMiddlewareType]

__all__ = [
    "ClientOptions",
    "RequestOptions",
    "TlsOption",
    "WebSocketOptions",
    "carries_authorization",
    "checked_options",
    "client_timeout",
    "discard",
    "header_limits",
    "make_client",
    "netrc_authorization",
    "shared_headers",
    "tls",
]

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


class ClientOptions(TypedDict, total=False):
    """What `CloudSession` hands to its `aiohttp.ClientSession`; the meaning is aiohttp's.

    `headers`, `proxy`, `proxy_auth`, `trust_env`, `max_field_size` and `max_headers` hold for
    the authentication calls too; a `connector` does not.
    """

    connector: aiohttp.BaseConnector | None
    connector_owner: bool
    cookies: Cookies | None
    cookie_jar: aiohttp.abc.AbstractCookieJar | None
    headers: Fields | None
    skip_auto_headers: Iterable[str] | None
    proxy: str | URL | None
    proxy_auth: aiohttp.BasicAuth | None
    trust_env: bool
    raise_for_status: Check
    json_serialize: Callable[[Any], str]
    json_serialize_bytes: Callable[[Any], bytes] | None
    request_class: type[aiohttp.ClientRequest]
    response_class: type[aiohttp.ClientResponse]
    ws_response_class: type[aiohttp.ClientWebSocketResponse]
    version: aiohttp.HttpVersion
    auto_decompress: bool
    requote_redirect_url: bool
    trace_configs: list[aiohttp.TraceConfig] | None
    read_bufsize: int
    max_line_size: int
    max_field_size: int
    max_headers: int
    fallback_charset_resolver: Callable[[aiohttp.ClientResponse, bytes], str]
    middlewares: Middlewares
    ssl_shutdown_timeout: float | None


class _CallOptions(TypedDict, total=False):
    """What requests and WebSockets have in common."""

    params: Query
    headers: Fields | None
    auth: aiohttp.BasicAuth | None
    proxy: str | URL | None
    proxy_auth: aiohttp.BasicAuth | None
    proxy_headers: Fields | None
    ssl: bool | _ssl.SSLContext | aiohttp.Fingerprint
    server_hostname: str | None


class RequestOptions(_CallOptions, total=False):
    """What a request method takes besides the path; the meaning is aiohttp's.

    `timeout` is also taken as seconds or a `datetime.timedelta`.
    """

    data: Any
    json: Any
    cookies: Cookies | None
    skip_auto_headers: Iterable[str] | None
    allow_redirects: bool
    max_redirects: int
    compress: str | bool | None
    chunked: bool | None
    expect100: bool
    raise_for_status: Check | None
    read_until_eof: bool
    timeout: aiohttp.ClientTimeout | float | timedelta | None
    trace_request_ctx: object
    read_bufsize: int | None
    auto_decompress: bool | None
    max_line_size: int | None
    max_field_size: int | None
    max_headers: int | None
    middlewares: Middlewares | None


class WebSocketOptions(_CallOptions, total=False):
    """What `CloudSession.ws_connect` takes besides the path; the meaning is aiohttp's."""

    method: str
    protocols: Iterable[str]
    timeout: aiohttp.ClientWSTimeout
    receive_timeout: float | None
    autoclose: bool
    autoping: bool
    heartbeat: float | None
    origin: str | None
    compress: int
    max_msg_size: int
    decode_text: bool


#: Fields of a session that are for its API calls alone, besides those that tell of a body.
_NOT_SHARED: Final = frozenset({"authorization", "cookie", "expect", "transfer-encoding"})
#: What ends a line of HTTP, or a field's value, or cannot be written.
_UNWRITABLE: Final = re.compile(r"[\r\n\0\ud800-\udfff]")

#: What `aiohttp.ClientSession` takes and this session decides for itself.
_OURS: Final = {
    "auth": "pass credentials instead",
    "base_url": "pass the API root as url",
    "loop": "the session belongs to the loop that open() runs in",
}


def carries_authorization(options: dict[str, Any]) -> bool:
    """Return whether a call's options have credentials of the caller's own.

    Header fields given as an iterator, which is read once, are put in a multidict.

    Raises:
        ConfigurationError: They are no header fields.
    """
    if options.get("headers") is not None:
        fields = options["headers"] = _fields(options["headers"])
        if hdrs.AUTHORIZATION in fields:
            return True
    return options.get("auth") is not None


def _fields(headers: Fields) -> CIMultiDict[str]:
    try:
        return CIMultiDict(headers)
    except (TypeError, ValueError):
        pass  # raised outside: multidict's error may quote a field
    raise ConfigurationError("headers must be a mapping, or pairs of name and value")


def shared_headers(headers: Fields | None) -> CIMultiDict[str]:
    """Return what the authentication calls take over of a session's header fields.

    Not what is for its API calls alone: credentials, cookies, and what tells of a body.

    Raises:
        ConfigurationError: They are no header fields.
    """
    fields = _fields(headers or {})
    for name, value in fields.items():
        if not isinstance(value, str) or _UNWRITABLE.search(name + value):
            msg = f"the header field {name!r} must be text, on one line"
            raise ConfigurationError(msg)
    return CIMultiDict(
        (name, value)
        for name, value in fields.items()
        if name.lower() not in _NOT_SHARED and not name.lower().startswith("content-")
    )


def header_limits(**limits: int | None) -> dict[str, int]:
    """Return those of the limits that are given.

    Raises:
        ConfigurationError: `aiohttp.ClientSession` knows one of them not.
    """
    given = {name: limit for name, limit in limits.items() if limit is not None}
    _require_known("TokenRefresher", given)
    return given


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
        ConfigurationError: One is unknown, or would take the token's place, or a renewal's,
            or a renewal would go past it.
    """
    connector = options.get("connector")
    if auth_connector is not None and auth_connector is connector:
        msg = "auth_connector must be another than connector: a full pool would block renewals"
        raise ConfigurationError(msg)
    if connector is not None and type(connector) is not aiohttp.TCPConnector and not auth_connector:
        msg = (
            f"a {type(connector).__name__} as connector= serves the API calls alone, and the "
            "credentials would go past it: pass another one as auth_connector= for them"
        )
        raise ConfigurationError(msg)
    options["middlewares"] = _middlewares(options.get("middlewares"))
    for name in _OURS.keys() & options.keys():
        msg = f"CloudSession() takes no {name}: {_OURS[name]}"
        raise ConfigurationError(msg)
    _require_known("CloudSession", options)
    if carries_authorization(options):
        msg = "CloudSession() takes no Authorization header: pass credentials instead"
        raise ConfigurationError(msg)
    return options


def _middlewares(given: Middlewares | None) -> tuple[aiohttp.ClientMiddlewareType, ...]:
    several = given is None or isinstance(given, Iterable)
    middlewares = tuple(given or ()) if several else ()
    if not several or not all(map(callable, middlewares)):
        raise ConfigurationError("middlewares must be several async functions")
    return middlewares


def _require_known(whose: str, options: Mapping[str, object]) -> None:
    known = inspect.signature(aiohttp.ClientSession).parameters
    # A wrapper (of a tracer, say) that takes anything says nothing about what aiohttp takes.
    if any(one.kind is one.VAR_KEYWORD for one in known.values()):
        return
    for name in options:
        if name not in known:
            msg = f"{whose}() and aiohttp.ClientSession() know no option {name!r}"
            raise ConfigurationError(msg)


async def make_client(
    options: dict[str, Any], *, ssl: bool | _ssl.SSLContext | aiohttp.Fingerprint
) -> aiohttp.ClientSession:
    """Return a client session with `options`, and a connector of its own if they have none.

    Raises:
        ConfigurationError: aiohttp refuses an option, or the connector belongs to another
            event loop. Nothing is left open but what the caller brought.
    """
    given = options.get("connector")
    compat.require_loop_of(given)
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


async def discard(http: aiohttp.ClientSession, given: aiohttp.BaseConnector | None) -> None:
    """Close a client session that nobody has used, but for a caller's own connector."""
    connector = http.connector
    http.detach()
    if connector is not None and connector is not given:
        await connector.close()


async def netrc_authorization(host: str) -> str | None:
    """Return the ``Authorization`` that aiohttp makes of the netrc entry for `host`, if any.

    Read in a thread, with the standard library; ``NETRC`` names another file than the
    user's own. Source: aiohttp's documentation of ``trust_env``; RFC 7617.
    """
    return await asyncio.to_thread(_read_netrc, host)


def _read_netrc(host: str) -> str | None:
    name = "_netrc" if os.name == "nt" else ".netrc"
    try:
        path = os.environ.get("NETRC") or str(Path.home() / name)
        entry = netrc.netrc(path).authenticators(host)
    except (OSError, RuntimeError, netrc.NetrcParseError):  # RuntimeError: there is no home
        return None
    if entry is None:
        return None
    login, account, password = entry
    pair = base64.b64encode(f"{login or account}:{password}".encode("latin-1", "replace"))
    return f"Basic {pair.decode()}"
