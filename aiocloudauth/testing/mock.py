"""aioresponses for ECE: the calls of a service answered without any server.

aioresponses replaces aiohttp's `ClientSession._request`. Middlewares never run under it, so
it tells nothing about tokens, 401s and replays: for those take `CloudServer`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, Self, cast

import aiohttp
from aioresponses import CallbackResult, aioresponses
from aioresponses.core import RequestMatch

from aiocloudauth.clock import Clock
from aiocloudauth.testing.instants import iso
from aiocloudauth.testing.messages import ERROR_CODES_HEADER, MESSAGES

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable

    from yarl import URL

__all__ = ["MockedResponse", "mocked_cloud"]

_ROOT: Final = "/api/v1"

#: aiohttp 3.14 asks for the writer of the request, which aioresponses 0.7.9 does not hand in.
_WANTS_WRITER: Final = "stream_writer" in inspect.signature(aiohttp.ClientResponse).parameters


class _NothingWritten:
    output_size = 0


class MockedResponse(aiohttp.ClientResponse):
    """The `response_class` with which aioresponses works on every aiohttp from 3.12 on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _WANTS_WRITER:
            kwargs.setdefault("stream_writer", _NothingWritten())
        super().__init__(*args, **kwargs)


class mocked_cloud(aioresponses):  # noqa: N801 - as aioresponses itself
    """An `aioresponses` that knows ECE: a context manager, or a decorator.

    `_login`, `_refresh` and `_logout` are answered already, any number of times, with tokens
    valid for `token_lifetime` seconds of `clock`; what is registered for them comes first. A
    path is below the API root of `url`, which is what the client under test is given. All
    else is aioresponses' own::

        with mocked_cloud() as mocked:
            mocked.get("/deployments", payload={"deployments": []})
            mocked.fail("/deployments/x", status=404, code="deployments.deployment_not_found")
            await my_service(mocked.url)
    """

    def __init__(
        self,
        url: str = "https://ece.example.com:12443",
        *,
        token_lifetime: float = 1200.0,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.url = url.rstrip("/")
        #: How many tokens were handed out.
        self.tokens = 0
        self._clock = clock or Clock()
        self._token_lifetime = token_lifetime
        self._standing = [
            self._answering("_login", self._token),
            self._answering("_refresh", self._token),
            self._answering("_logout", lambda *_, **__: CallbackResult(payload={})),
        ]

    def __enter__(self) -> Self:
        super().__enter__()
        self.tokens = 0
        self.requests.clear()
        return self

    def add(  # type: ignore[override]  # its many keywords pass through
        self, url: str | URL | re.Pattern[str], method: str = "GET", **answer: Any
    ) -> None:
        """Answer a request, once unless `repeat` says otherwise, as aioresponses does."""
        answer.setdefault("response_class", MockedResponse)
        if (callback := answer.get("callback")) is not None:
            answer["callback"] = _completed(callback)
        super().add(self._resolved(url), method=method, **answer)

    def fail(
        self,
        url: str | URL | re.Pattern[str],
        method: str = "GET",
        *,
        status: int,
        code: str,
        message: str | None = None,
        fields: Iterable[str] = (),
        **answer: Any,
    ) -> None:
        """Answer a request with an error in ECE's shape: body and `x-cloud-error-codes`."""
        error: dict[str, object] = {
            "code": code,
            "message": MESSAGES.get(code, "The request failed.") if message is None else message,
        }
        if named := list(fields):
            error["fields"] = named
        answer["headers"] = {ERROR_CODES_HEADER: code} | dict(answer.get("headers") or {})
        self.add(url, method, status=status, payload={"errors": [error]}, **answer)

    async def match(
        self,
        method: str,
        url: URL,
        allow_redirects: bool = True,  # noqa: FBT001, FBT002 - aioresponses' signature
        **request: Any,
    ) -> aiohttp.ClientResponse | None:
        """Find the answer to a request: one that was registered, else a standing one."""
        answer = await super().match(method, url, allow_redirects, **request)
        for standing in self._standing if answer is None else ():
            if standing.match(method, url):
                built = await standing.build_response(url, **request)
                answer = cast("aiohttp.ClientResponse", built)
        return answer

    def _resolved(self, url: str | URL | re.Pattern[str]) -> str | URL | re.Pattern[str]:
        if not isinstance(url, str) or not url.startswith("/"):
            return url
        below = url if url.startswith(_ROOT + "/") else _ROOT + url
        return self.url + below

    def _answering(self, name: str, callback: Callable[..., CallbackResult]) -> RequestMatch:
        return RequestMatch(
            self._resolved(f"/users/auth/{name}"), method="POST", callback=_completed(callback)
        )

    def _token(self, url: URL, **request: Any) -> CallbackResult:
        self.tokens += 1
        expires_at = self._clock.time() + self._token_lifetime
        return CallbackResult(
            payload={"token": f"token-{self.tokens}", "session_expiration_time": iso(expires_at)}
        )


def _completed(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Have what a callback gives use our response class, unless it names one itself."""

    async def completed(url: URL, **request: Any) -> CallbackResult | None:
        result: Any = callback(url, **request)
        if inspect.isawaitable(result):
            result = await result
        if result is not None and result.response_class is None:
            result.response_class = MockedResponse
        return cast("CallbackResult | None", result)

    return completed
