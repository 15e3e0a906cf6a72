"""The connection of its own to the authentication API: one call out, one bounded answer in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp import hdrs
from attrs import frozen
from multidict import CIMultiDict

from aiocloudauth._http.compat import require_loop_of
from aiocloudauth._http.responses import decoded, read_at_most
from aiocloudauth._http.transport_errors import connected, no_answer, unanswered
from aiocloudauth._wire.endpoint import proxy_url
from aiocloudauth.errors import ConfigurationError, TLSError, TransportError

if TYPE_CHECKING:
    import ssl as _ssl
    from collections.abc import Mapping
    from types import SimpleNamespace

    from yarl import URL

    from aiocloudauth.clock import Clock
    from aiocloudauth.token import Secret

__all__ = ["AuthConnection", "Call"]

#: Seconds an idle connection is kept: shorter than any server does, so that a renewal
#: seldom writes to one that is being closed.
_KEEPALIVE: Final = 2.0
#: Seconds that a port gets to answer in the other scheme.
_OTHER_SCHEME: Final = 1.0
#: What every call says: an answer in JSON, as it is, and not from a cache.
_HEADERS: Final = {
    hdrs.ACCEPT: "application/json",
    hdrs.ACCEPT_ENCODING: "identity",
    hdrs.CACHE_CONTROL: "no-cache",
}


@frozen
class Call:
    """One call: what is sent, and what must not stand in an error about it.

    Attributes:
        method: The HTTP method.
        url: Where to.
        fields: Header fields that are secret.
        secrets: What an answer might quote.
        payload: The body, if any; one that can be sent twice.
        token_sent: Whether a token of ours is sent: then it is what a 401 is about.
        good: The statuses of an answer that counts.
    """

    method: str
    url: URL
    fields: Mapping[str, Secret]
    secrets: tuple[Secret, ...]
    payload: aiohttp.Payload | None = None
    token_sent: bool = False
    good: range = range(200, 300)

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class Stamp:
    """A middleware that sets a header field while the request is written, and not after.

    Not ``headers=``: with ``trust_env`` a netrc entry for the host would clash with it.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Secret]) -> None:
        """Set `fields`, and no ``Authorization`` but theirs."""
        self._fields = fields

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request with the fields."""
        request.headers.popall(hdrs.AUTHORIZATION, None)
        for name, value in self._fields.items():
            request.headers[name] = value.reveal()
        try:
            return await handler(request)
        finally:
            for name in self._fields:
                request.headers.popall(name, None)


class AuthConnection:
    """Sends calls to the authentication API, beside the caller's own traffic.

    It follows no redirect, asks for no compression, and reads no more than `max_body` bytes
    of an answer. Bounds on time are the caller's.

    Args:
        root: The API root.
        clock: Where the time is read.
        max_body: The most that is read of an answer, bytes.
        ssl: As aiohttp takes it.
        connector: The caller's connector; closed by `close`, unless it is for another try.
        proxy: As aiohttp takes it.
        proxy_auth: As aiohttp takes it.
        trust_env: As aiohttp takes it; a netrc entry is never used here.
        timeout: As aiohttp takes it, besides the caller's bounds.
        headers: Fields for every call, such as a gateway's key.
        limits: ``max_field_size`` and ``max_headers``, as aiohttp takes them.

    Raises:
        ConfigurationError: The connector is none, or the proxy no URL.
    """

    def __init__(
        self,
        root: URL,
        *,
        clock: Clock,
        max_body: int,
        ssl: bool | _ssl.SSLContext | aiohttp.Fingerprint = True,
        connector: aiohttp.BaseConnector | None = None,
        proxy: str | URL | None = None,
        proxy_auth: aiohttp.BasicAuth | None = None,
        trust_env: bool = False,
        timeout: aiohttp.ClientTimeout | None = None,
        headers: CIMultiDict[str] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        """Keep the settings; connections are made in `start`."""
        if not isinstance(connector, aiohttp.BaseConnector | None):
            kind = type(connector).__name__
            raise ConfigurationError(f"auth_connector must be an aiohttp connector, not {kind}")
        self._clock = clock
        self._max_body = max_body
        self._connector = connector
        self._headers = CIMultiDict(headers or {})
        self._headers.update(_HEADERS)
        proxy = proxy_url(proxy)
        if proxy is not None and proxy_auth is not None:
            # In the URL, since aiohttp means to drop the option.
            proxy = proxy.with_user(proxy_auth.login).with_password(proxy_auth.password)
        self._way: dict[str, Any] = {"proxy": proxy, "allow_redirects": False}
        self._ssl = ssl
        self._settings: dict[str, Any] = {
            "trust_env": trust_env,
            "timeout": timeout or aiohttp.ClientTimeout(total=None),
            **(limits or {}),
        }
        other = "http" if root.scheme == "https" else "https"
        self._other = root.with_scheme(other).with_port(root.port)
        # Whether nothing was ever answered: then http and https may have been confused.
        self._unheard = True
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Make the connections' owner; needs a running loop.

        Raises:
            ConfigurationError: The caller's connector belongs to another loop.
        """
        require_loop_of(self._connector)
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        self._unheard = True
        self._session = aiohttp.ClientSession(
            connector=self._connector
            or aiohttp.TCPConnector(limit=4, keepalive_timeout=_KEEPALIVE),
            connector_owner=self._connector is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trace_configs=[trace],
            **self._settings,
        )

    async def stop(self) -> None:
        """Close what `start` made; may be started again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def close(self) -> None:
        """Close everything, the caller's connector too."""
        await self.stop()
        if self._connector is not None:
            await self._connector.close()

    async def send(self, call: Call) -> tuple[aiohttp.ClientResponse, bytes | None, str]:
        """Return an answer, its body, or `None` and what is wrong with that.

        Raises:
            InvalidResponseError: The answer is no whole HTTP message.
            TransportError: There was no answer; `TLSError` if no retry mends that.
            RenewalTimeoutError: Not within the `timeout`.
        """
        if self._session is None:
            raise TransportError(f"{call}: the connection is closed")
        response: aiohttp.ClientResponse | None = None
        read: bytes | None = None
        try:
            response = await self._sent(self._session, call)
            self._unheard = False
            read = await read_at_most(response, self._max_body)
            if read is None:
                return response, None, "too long"
            return response, *decoded(response, read, self._max_body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if connected(error) and await self._confused(self._session):
                msg = f"{call}: this port speaks {self._other.scheme}: write {self._other.origin()}"
                failure: Exception = TLSError(msg)
            else:
                failure = no_answer(call, error, brought=self._connector is not None)
        finally:
            if response is not None:
                response.close()  # one that was read to its end has left its connection
            # A traceback that shows local variables must find neither answer nor body.
            del response, read
        raise failure  # out here, so that aiohttp's error with its frames is no context

    async def _sent(self, session: aiohttp.ClientSession, call: Call) -> aiohttp.ClientResponse:
        """Send a call; again if the connection was an old one that had died meanwhile.

        Each time uses up one of those, and the last one is made anew.
        """
        while True:
            reused: list[bool] = []
            try:
                return await session.request(
                    call.method,
                    call.url,
                    data=call.payload,
                    headers=self._headers,
                    # No body, no content type: a strict server refuses one without the other.
                    skip_auto_headers=() if call.payload else (hdrs.CONTENT_TYPE,),
                    ssl=self._ssl,
                    middlewares=(Stamp(call.fields),),
                    trace_request_ctx=reused,
                    **self._way,
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if session.closed or not (reused and unanswered(error)):
                    raise

    async def _confused(self, session: aiohttp.ClientSession) -> bool:
        """Ask once, and without credentials, whether the port answers in the other scheme."""
        if not self._unheard:
            return False
        self._unheard = False
        stamp = Stamp({})
        try:
            async with (
                self._clock.timeout(_OTHER_SCHEME),
                session.head(self._other, ssl=False, middlewares=(stamp,), **self._way),
            ):
                return True
        except (aiohttp.ClientError, OSError):
            return False


async def _note_reuse(_: object, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.append(True)
