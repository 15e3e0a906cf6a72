"""Another event loop, another thread, a forked child: a clear error, and never a hang."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aiocloudauth import (
    CloudSession,
    ConfigurationError,
    Password,
    RenewalPolicy,
    SessionClosedError,
    SessionState,
    TokenRefresher,
)
from aiocloudauth.testing import CloudServer

QUICK = RenewalPolicy(min_interval=0.01)
ADMIN = Password("admin", "secret")

#: Each case is over by then, or hangs.
GUARD = 5.0


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, ADMIN, policy=QUICK, **options)


async def attempts(cloud: CloudSession) -> list[str]:
    """Try all that needs the session's own loop, and name the errors."""
    names: list[str] = []
    for call in (
        lambda: cloud.get("/x"),
        lambda: cloud.ws_connect("/ws"),
        lambda: cloud.http,
        cloud.open,
        cloud.refresh,
        cloud.login,
        cloud.logout,
        cloud.close,
    ):
        try:
            result: Any = call()
            await asyncio.wait_for(result, GUARD)
        except ConfigurationError as error:
            names.append(f"{type(error).__name__} {'event loop' in str(error)}")
    return names


async def test_another_loop_in_another_thread_gets_a_clear_error() -> None:
    """And the session goes on in its own."""
    async with CloudServer() as server, session(server) as cloud:
        names = await asyncio.to_thread(asyncio.run, attempts(cloud))
        assert names == ["ConfigurationError True"] * 8
        # What is held can be looked at from anywhere.
        state, token = await asyncio.to_thread(lambda: (cloud.state, cloud.token))
        assert state is SessionState.ACTIVE
        assert token is cloud.token
        async with cloud.get("/x") as response:
            assert response.status == 200


async def test_a_thread_without_a_loop_gets_a_clear_error() -> None:
    """A coroutine function handed to the loop is the way to use it from there."""
    async with CloudServer() as server, session(server) as cloud:
        loop = asyncio.get_running_loop()

        def here() -> None:
            calls: list[Any] = [
                lambda: cloud.get("/x"),
                lambda: cloud.ws_connect("/ws"),
                lambda: cloud.http,
                lambda: cloud._refresher.reject(cloud.token),  # type: ignore[arg-type]  # one is held
            ]
            for call in calls:
                with pytest.raises(ConfigurationError, match="event loop"):
                    call()

        async def ask() -> int:
            async with cloud.get("/x") as response:
                return response.status

        def from_there() -> int:
            return asyncio.run_coroutine_threadsafe(ask(), loop).result(GUARD)

        await asyncio.to_thread(here)
        assert await asyncio.to_thread(from_there) == 200
        assert server.generation == 1


async def opens(cloud: CloudSession) -> None:
    """Open it, and use it."""
    await cloud.open()
    async with cloud.get("/x") as response:
        assert response.status == 200


async def cannot_open(cloud: CloudSession) -> None:
    """Try to open it after its close."""
    with pytest.raises(SessionClosedError):
        await cloud.open()


def test_a_second_run_gets_a_clear_error_and_may_close_what_the_first_left() -> None:
    """The first loop is closed, and with it the connections: nothing hangs for that."""
    with ThreadPoolExecutor(1) as pool, warnings.catch_warnings():
        # The connections were lost with their loop; Python says so, and is right.
        warnings.simplefilter("ignore", ResourceWarning)
        started: Any = pool.submit(_Background).result(GUARD)
        try:
            cloud = CloudSession(started.url, ADMIN, policy=QUICK)
            asyncio.run(opens(cloud))
            assert asyncio.run(attempts(cloud)) == ["ConfigurationError True"] * 7
            assert cloud.state is SessionState.CLOSED
            asyncio.run(cloud.close())

            asyncio.run(cannot_open(cloud))
            # Another session in the second loop is as good as any.
            asyncio.run(opens(fresh := CloudSession(started.url, ADMIN, policy=QUICK)))
            asyncio.run(fresh.close())
            del cloud, fresh
            gc.collect()
        finally:
            started.stop()


class _Background:
    """A server in a loop of its own, in the thread that makes this."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.server = CloudServer()
        ready: Any = self.loop.run_until_complete(self.server.start())
        self.url = ready.url
        self._pool = ThreadPoolExecutor(1)
        self._running = self._pool.submit(self.loop.run_forever)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self.loop).result(GUARD)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._running.result(GUARD)
        self._pool.shutdown()
        self.loop.close()


async def test_the_headless_part_is_guarded_in_the_same_way() -> None:
    """`usable`, `reject` and the rest belong to the loop of `open`."""
    async with (
        CloudServer() as server,
        TokenRefresher(server.url, ADMIN, policy=QUICK) as refresher,
    ):
        token = await refresher.usable()

        async def elsewhere() -> None:
            for call in (refresher.open, refresher.refresh, refresher.login, refresher.close):
                with pytest.raises(ConfigurationError, match="event loop"):
                    await call()
            with pytest.raises(ConfigurationError, match="event loop"):
                refresher.reject(token)
            # A good token is a value, and no question of loops.
            assert await refresher.usable() is token

        await asyncio.to_thread(asyncio.run, elsewhere())
        assert refresher.reject(token)
        with pytest.raises(ConfigurationError, match="SessionToken"):
            refresher.reject("token")  # type: ignore[arg-type]  # the point of this test


FORKING = """
import asyncio, os, sys
from aiocloudauth import *
from aiocloudauth.testing import *

ADMIN = Password("admin", "secret")
QUICK = RenewalPolicy(min_interval=0.01)

async def child(cloud):
    names = []
    for call in (lambda: cloud.get("/x"), lambda: cloud.ws_connect("/ws"), lambda: cloud.http,
                 cloud.open, cloud.refresh, cloud.login, cloud.logout, cloud.close):
        try:
            async with asyncio.timeout(5):
                await call()
        except ConfigurationError:
            names.append("clear")
    # A session of its own is as good as any.
    async with CloudSession(str(cloud._refresher.endpoint.root), ADMIN, policy=QUICK) as own:
        async with own.get("/x") as response:
            names.append(str(response.status))
    return names

async def main():
    async with CloudServer() as server, CloudSession(server.url, ADMIN, policy=QUICK) as cloud:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            try:
                text = ""
                try:
                    cloud.get("/x")
                except ConfigurationError:
                    text = "clear "
                text += " ".join(asyncio.run(child(cloud)))
            except BaseException as error:
                text = repr(error)
            os.write(writing, text.encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = await asyncio.to_thread(pipe.read)
        os.waitpid(pid, 0)
        async with cloud.get("/x") as response:
            print(said.decode(), response.status, server.stats.logins, server.stats.logouts)

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_gets_a_clear_error_and_its_parent_goes_on() -> None:
    """The child has the parent's objects and not its loop; a session of its own works there."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(FORKING)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    said = "clear " * 9 + "200 200 2 1\n"
    assert (result.stderr, result.stdout, result.returncode) == ("", said, 0)
