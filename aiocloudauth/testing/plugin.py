"""The pytest plugin: fixtures that work under any plugin that runs coroutines.

A fixture is synchronous and gives something for `async with`, so that the test's own plugin
decides about the event loop. Nothing but pytest is imported before a fixture is used.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from aiocloudauth.session import CloudSession
    from aiocloudauth.testing.clock import ManualClock
    from aiocloudauth.testing.server import CloudServer

__all__ = ["cloud_server", "cloud_session", "manual_clock"]

_MARKERS = (
    "cloud_server(**options): keyword arguments of CloudServer for the fixture cloud_server",
    "cloud_session(**options): keyword arguments of CloudSession for the fixture cloud_session",
    "manual_clock(**options): keyword arguments of ManualClock for the fixture manual_clock",
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def _options(request: pytest.FixtureRequest, name: str) -> dict[str, Any]:
    """Collect the keyword arguments of a marker: the nearest to the test wins."""
    options: dict[str, Any] = {}
    for marker in request.node.iter_markers(name):
        if marker.args:
            message = f"@pytest.mark.{name} takes keyword arguments only"
            raise pytest.UsageError(message)
        options = marker.kwargs | options
    if name != "manual_clock" and "manual_clock" in request.fixturenames:
        options.setdefault("clock", request.getfixturevalue("manual_clock"))
    return options


@pytest.fixture
def manual_clock(request: pytest.FixtureRequest) -> ManualClock:
    """A `ManualClock`; a test that asks for it has the server and the session live on it."""
    from aiocloudauth.testing.clock import ManualClock

    return ManualClock(**_options(request, "manual_clock"))


@pytest.fixture
def cloud_server(request: pytest.FixtureRequest) -> CloudServer:
    """A `CloudServer` that is started by `async with cloud_server as server`.

    `@pytest.mark.cloud_server(token_lifetime=60)` sets its arguments.
    """
    from aiocloudauth.testing.server import CloudServer

    return CloudServer(**_options(request, "cloud_server"))


@pytest.fixture
def cloud_session(
    request: pytest.FixtureRequest, cloud_server: CloudServer
) -> AbstractAsyncContextManager[CloudSession]:
    """A `CloudSession` with `cloud_server`, by `async with cloud_session as cloud`.

    The server is started with it, and closed after it, unless it runs already.
    `@pytest.mark.cloud_session(timeout=5)` sets the session's arguments; `url` and
    `credentials` are the server's, unless they are given.
    """
    return _SignedIn(cloud_server, _options(request, "cloud_session"))


class _SignedIn:
    """A session to come: `async with` starts the server if need be, and logs in."""

    def __init__(self, server: CloudServer, options: dict[str, Any]) -> None:
        self._server = server
        self._options = options
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> CloudSession:
        from aiocloudauth.credentials import Password
        from aiocloudauth.session import CloudSession

        server, options = self._server, dict(self._options)
        async with AsyncExitStack() as stack:
            if not server.running:
                await stack.enter_async_context(server)
            options.setdefault("url", server.url)
            if "credentials" not in options:
                name, user = next(iter(server.users))
                options["credentials"] = Password(name, user.password)
            if server.url.startswith("https:"):
                options.setdefault("ssl", server.ca_file)
            cloud = await stack.enter_async_context(CloudSession(**options))
            self._stack = stack.pop_all()
        return cloud

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"no {name!r} before the session is opened: `async with cloud_session as cloud:`, "
            f"and then `cloud.{name}`"
        )
