"""`Api`: every operation as a method, and what their calls give."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from aiohttp import hdrs
from attrs import define, frozen
from yarl import URL

from aiocloudauth._wire.endpoint import is_hosted, without_secrets
from aiocloudauth.api.answers import HTML, UNUSABLE, lists_errors, read
from aiocloudauth.api.arguments import argument_names, nearest, request_for
from aiocloudauth.api.pages import allocators, deployments
from aiocloudauth.api.table import Row, table
from aiocloudauth.errors import ConfigurationError, InvalidResponseError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
    from contextlib import AbstractAsyncContextManager

    from aiohttp import ClientResponse

    from aiocloudauth.api import types
    from aiocloudauth.api.arguments import Timeout
    from aiocloudauth.api.operations import Operations
    from aiocloudauth.errors import ApiError

    _Send: TypeAlias = Callable[..., AbstractAsyncContextManager[ClientResponse]]
    _Read: TypeAlias = Callable[[ClientResponse], Awaitable[bytes]]
    _Refusal: TypeAlias = Callable[[ClientResponse, bytes], ApiError]
else:
    Operations = object  # a stub alone: every operation with its types

__all__ = ["Api", "ApiResponse", "Call", "Operation"]

T_co = TypeVar("T_co", covariant=True)

#: The header that `version=` is read from. Source: ECE 3.8 API.
VERSION_HEADER = "x-cloud-resource-version"

_REDIRECT = "a redirect, which is not followed: is this the URL of the API itself?"

_ONLY = {
    "ece": "This operation exists on an ECE only, not in the hosted Elastic Cloud",
    "hosted": "This operation exists in the hosted Elastic Cloud only, not on an ECE",
}


@frozen
class ApiResponse:
    """What came with an answer's data.

    Attributes:
        status: The HTTP status.
        headers: The answer's header fields, case-insensitive.
    """

    status: int
    headers: Mapping[str, str]

    @property
    def version(self) -> str | None:
        """The resource's version, to be handed back as ``version=``; `None` if not told."""
        return self.headers.get(VERSION_HEADER)


class Call(Coroutine[Any, Any, T_co]):
    """An operation under way: awaitable, once, and fit for a task."""

    __slots__ = ("_pair",)

    def __init__(self, pair: Coroutine[Any, Any, tuple[T_co, ApiResponse]]) -> None:
        """Wrap what gives the data and the response."""
        self._pair = pair

    def __await__(self) -> Generator[Any, None, T_co]:
        data, _ = yield from self._pair.__await__()
        return data

    def with_response(self) -> Coroutine[Any, Any, tuple[T_co, ApiResponse]]:
        """Return what gives both: ``data, response = await call.with_response()``."""
        return self._pair

    def send(self, value: Any) -> Any:  # noqa: ANN401 - what the loop's futures yield
        """Drive the call, as a task does."""
        try:
            return self._pair.send(value)
        except StopIteration as done:
            raise StopIteration(done.value[0]) from None

    def throw(self, *args: Any) -> Any:  # noqa: ANN401 - as `send`
        """Drive the call with an exception, as a task does."""
        try:
            return self._pair.throw(*args)
        except StopIteration as done:
            raise StopIteration(done.value[0]) from None

    def close(self) -> None:
        """Give up the call."""
        self._pair.close()


class Operation:
    """One operation, ready to be called."""

    __slots__ = ("_api", "_row", "name")

    def __init__(self, api: Api, name: str, row: Row) -> None:
        """Bind the operation to a session's `Api`."""
        self._api = api
        self._row = row
        self.name = name

    @property
    def id(self) -> str:
        """Elastic's name for it, such as ``get-deployment``."""
        return self.name.replace("_", "-")

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self._row["method"]

    @property
    def path(self) -> str:
        """The path's template below the API root, such as ``/deployments/{deployment_id}``."""
        return self._row["path"]

    @property
    def positional(self) -> tuple[str, ...]:
        """The arguments of the path, in its order; all are needed."""
        return tuple(self._row.get("segments", ()))

    @property
    def arguments(self) -> tuple[str, ...]:
        """All arguments, those of the path first."""
        return argument_names(self._row)

    def __call__(self, *given: object, **named: object) -> Call[Any]:
        """Check the arguments and return the call, which is sent when it is awaited.

        Raises:
            ConfigurationError: An argument is unknown, missing or wrong, or the operation is
                the session's own.
        """
        own = self._row.get("session")
        if own:
            raise ConfigurationError(f"{self.name}() is the session's own: call cloud.{own}()")
        url, options = request_for(self.name, self._row, given, named)
        # A NamedTemporaryFile that nobody holds closes its file: the call holds it.
        held = named.get("file")
        return Call(self._api._answered(self._row, url, options, held))  # noqa: SLF001 - its own operation

    def __repr__(self) -> str:
        return f"<{self.name}({', '.join(self.arguments)}): {self.method} {self.path}>"


@define(eq=False, repr=False)
class Api(Operations):
    """Every operation of the API: ``await cloud.api.get_deployment(deployment_id)``.

    The names are Elastic's in snake case. Arguments of the path go by position or keyword, all
    others by keyword; ``body=`` is sent as JSON, or as it is if it is `str` or `bytes`. The data
    that a call gives is the answer's JSON as it came. ``timeout=``: as for a request, or seconds,
    or a `timedelta`. ``region=`` names a region of the hosted cloud.

    Args:
        send: A session's ``request``.
        read: Reads the body of an answer to its end, or to that of the session.
        refusal: Makes the typed error of an answer from its body.

    Source: ECE 3.8 API.
    """

    _send: _Send
    _read: _Read
    _refusal: _Refusal

    # A checker knows every operation by the stub, and no other name.
    if not TYPE_CHECKING:  # pragma: no branch - true wherever it is run

        def __getattr__(self, name: str) -> Operation:
            return self._found(name, name)

    def operation(self, name: str) -> Operation:
        """Return an operation by its name, in Elastic's spelling or in Python's.

        Raises:
            AttributeError: There is none; the message has the nearest names.
        """
        return self._found(name, name.replace("-", "_"))

    def _found(self, said: str, name: str) -> Operation:
        row = table().get(name)
        if row is None:
            raise AttributeError(f"the API has no operation {said!r}{nearest(name, table())}")
        return Operation(self, name, row)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *table()]

    def __repr__(self) -> str:
        return f"<Api: {len(table())} operations>"

    def iter_deployments(
        self, *, body: types.SearchRequest | None = None, timeout: Timeout = None
    ) -> AsyncGenerator[types.DeploymentSearchResponse, None]:
        """Search deployments, page by page, each handed out once.

        Args:
            body: The search; its ``size`` is that of a page.
            timeout: For each page.

        Raises:
            InvalidResponseError: A page is no such list, or the first is not all and says not
                how to go on.
        """
        return deployments(self, body, timeout)

    def iter_allocators(
        self,
        *,
        q: str | None = None,
        size: int = 100,
        sort: str | None = None,
        region: str | None = None,
        timeout: Timeout = None,
    ) -> AsyncGenerator[types.AllocatorInfo, None]:
        """List the allocators of all zones, page by page, each handed out once.

        Args:
            q: A query, as of Elasticsearch's query string.
            size: Allocators a page.
            sort: Field names, joined by commas.
            region: A region of the hosted cloud.
            timeout: For each page.

        Raises:
            InvalidResponseError: A page is no such list.
        """
        return allocators(self, q=q, size=size, sort=sort, region=region, per_page=timeout)

    async def _answered(
        self, row: Row, url: URL, options: dict[str, Any], _held: object
    ) -> tuple[Any, ApiResponse]:
        try:
            async with self._send(row["method"], url, **options) as response:
                body = await self._read(response) if response.status < 300 else b""
        except NotFoundError as error:
            if not error.codes and _is_elsewhere(row, error.url):
                error.args = (f"{error}. {_ONLY[row['only']]}",)
            raise
        # Not aiohttp's `content_type`, which is that of a file where the answer names none.
        media_type = response.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
        if response.status < 300:
            value, problem = read(row, media_type, response.charset, body)
        else:
            value, problem = None if row.get("redirect") else UNUSABLE, _REDIRECT
        if value is UNUSABLE:
            failure: Exception = InvalidResponseError(
                f"{row['method']} {without_secrets(response.url)} answered {problem}",
                problems=(f"{problem} @ $",),
                retryable=response.status >= 300 or media_type not in HTML,
            )
        elif lists_errors(row, value):
            failure = self._refusal(response, body)
        else:
            return value, ApiResponse(response.status, response.headers)
        del value, body, response  # a traceback that shows local variables must not find them
        raise failure


def _is_elsewhere(row: Row, url: str) -> bool:
    """Return whether an operation does not exist on the platform that `url` is of."""
    return row.get("only") == ("ece" if is_hosted(URL(url).host or "") else "hosted")
