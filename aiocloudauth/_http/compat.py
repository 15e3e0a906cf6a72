"""What aiohttp has but does not promise: every touch of it, and what happens without it.

Each is looked up by name when this module is imported. Where aiohttp no longer has it, a
feature becomes less than it was, and the import never fails. `MISSING` says in words what is
less; a refresher writes that to the log, at DEBUG, when it is opened.
"""

from __future__ import annotations

import asyncio
import io
import warnings
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
from aiohttp import hdrs, payload
from multidict import CIMultiDict, CIMultiDictProxy

from aiocloudauth.errors import ConfigurationError

try:
    from aiohttp.client_proto import ResponseHandler
except ImportError:  # pragma: no cover - no aiohttp is like this yet
    ResponseHandler = None  # type: ignore[assignment,misc]  # then what it has is missing

if TYPE_CHECKING:
    from aiohttp.connector import Connection

__all__ = [
    "MISSING",
    "SEND",
    "can_unread",
    "end_of_writing",
    "expect_again",
    "file_of",
    "forget_proxy",
    "require_loop_of",
    "still_writing",
    "unread",
    "untouched",
]

#: Writes a request to a connection. Middlewares run before the wait for a connection, and
#: nothing public runs after it. Without it the token is bound in the middleware.
SEND: Final[Any] = getattr(aiohttp.ClientRequest, "send", None)

#: Tells that something came on a connection that was not asked for, such as a 408: what is
#: written next would be answered by it. Without it a connection is not written to after a wait.
_USED: Final = "should_close"

#: Arms the wait for ``100 Continue``, which a first sending has used up. Without it a request
#: with ``Expect`` is not sent again.
_EXPECT: Final[Any] = getattr(aiohttp.ClientRequest, "update_expect_continue", None)

#: The task that writes a body. Nothing public says whether a body is out already. Without it a
#: body counts as interrupted by whatever answer comes, and its end is not waited for.
_WRITER: Final = "_writer"

#: The file of a payload: whether it can be read again from its start is kept nowhere else.
#: Without it files are not sent again.
_FILE: Final = "_value"

#: Puts what was read of a body back for the caller; deprecated without a successor. Without it
#: the body of a 401 without codes in its header is not looked at.
_UNREAD: Final[Any] = getattr(aiohttp.StreamReader, "unread_data", None)

#: The key of a connection in an error about it, as in its `args`: the URL of a proxy is part of
#: that, with its password. Without it `vars` of such an error shows it.
_KEY: Final = "_conn_key"

#: The loop of a connector, which a session silently adopts. Without it a connector of another
#: loop fails when it is first used.
_LOOP: Final = "_loop"


def _missing() -> tuple[str, ...]:
    file = getattr(payload.BytesIOPayload(io.BytesIO()), _FILE, None)
    checks = {
        "binds the token at write: it is bound before the wait for a connection": SEND,
        "tells what came on an idle connection: none is written to after a wait": getattr(
            ResponseHandler, _USED, None
        ),
        "arms Expect anew: such a request is not sent again": _EXPECT,
        "tells whether a body is out: each counts as interrupted by an early answer": getattr(
            aiohttp.ClientRequest, _WRITER, None
        ),
        "knows the file of a payload: files are not sent again": file,
        "puts back what was read: a 401 is judged by its header alone": _UNREAD,
        "keeps a connection's key in an error about it: `vars` of that shows a proxy": getattr(
            aiohttp.ClientConnectorError(cast("Any", ()), OSError()), _KEY, None
        ),
    }
    return tuple(what for what, found in checks.items() if found is None)


#: What is less with this aiohttp than with the ones that this package was written for.
MISSING: Final = _missing()


def still_writing(request: aiohttp.ClientRequest) -> bool:
    """Return whether the body is still being written."""
    if not hasattr(request, _WRITER):
        return not isinstance(request.body, payload.BytesPayload)
    writer = getattr(request, _WRITER)
    return writer is not None and not writer.done()


async def end_of_writing(request: aiohttp.ClientRequest) -> None:
    """Wait until nothing of the request is being written any more."""
    writer = getattr(request, _WRITER, None)
    if writer is not None:
        await asyncio.wait({writer})


def untouched(connection: Connection) -> bool:
    """Return whether a connection on which nothing was written lives, and nothing came on it."""
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not getattr(protocol, _USED, True)


def file_of(body: payload.IOBasePayload) -> Any | None:  # noqa: ANN401 - whatever the caller gave
    """Return the file that a payload reads; `None` if that cannot be known."""
    return getattr(body, _FILE, None)


def expect_again(request: aiohttp.ClientRequest) -> bool:
    """Make a request wait for ``100 Continue`` anew if it is to; return whether it can be sent."""
    if hdrs.EXPECT not in request.headers:
        return True
    if _EXPECT is None:
        return False
    _EXPECT(request)
    return True


def unread(content: aiohttp.StreamReader, data: bytes) -> None:
    """Put `data` back at the front of a body."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        _UNREAD(content, data)


def can_unread() -> bool:
    """Return whether a body that was looked at can be left to the caller."""
    return _UNREAD is not None


def forget_proxy(error: BaseException) -> None:
    """Take a proxy's credentials out of an error of aiohttp's, whose text or `repr` shows them."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        asked = error.request_info
        nothing: CIMultiDict[str] = CIMultiDict()
        error.request_info = aiohttp.RequestInfo(
            asked.url, asked.method, CIMultiDictProxy(nothing), asked.real_url.with_user(None)
        )
        error.args = (error.request_info, *error.args[1:])
    elif isinstance(error, aiohttp.ClientConnectorError) and hasattr(error.args[0], "_replace"):
        key: Any = error.args[0]
        key = key._replace(**{name: None for name in ("proxy", "proxy_auth") if hasattr(key, name)})
        error.args = (key, *error.args[1:])
        setattr(error, _KEY, key)


def require_loop_of(connector: aiohttp.BaseConnector | None) -> None:
    """Check that a caller's connector, if any, belongs to the running loop.

    Raises:
        ConfigurationError: It belongs to another one, whose loop aiohttp would adopt.
    """
    loop = getattr(connector, _LOOP, None)
    if loop is not None and loop is not asyncio.get_running_loop():
        raise ConfigurationError("the connector was made in another event loop")
