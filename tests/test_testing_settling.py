"""When an instant is over: client and server have done all they can."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth.testing import CloudServer, ManualClock
from tests.calls import ADMIN, LOGIN, REFRESH

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path


def on_uvloop(main: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run a coroutine on uvloop, where there is one."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def test_what_never_rests_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that polls with `sleep(0)` would hold time still for ever."""
    from aiocloudauth.testing import settling

    monkeypatch.setattr(settling, "_MOST_TURNS", 100)

    async def poll() -> None:
        while True:  # noqa: ASYNC110 - what one should not do
            await asyncio.sleep(0)

    task = asyncio.create_task(poll())
    with pytest.raises(RuntimeError, match="does not come to rest"):
        await ManualClock().advance(1)
    task.cancel()


def test_what_never_rests_is_a_clear_error_on_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is seen by its looks at the clock."""
    from aiocloudauth.testing import settling

    monkeypatch.setattr(settling, "_MOST_TURNS", 100)

    async def main() -> None:
        clock = ManualClock(sockets=False)

        async def poll() -> None:
            while True:
                clock.time()
                await asyncio.sleep(0)

        task = asyncio.create_task(poll())
        with pytest.raises(RuntimeError, match="does not come to rest"):
            await clock.advance(1)
        task.cancel()

    on_uvloop(main)


async def test_a_thread_at_work_is_waited_for(tmp_path: Path) -> None:
    """A file that is uploaded is read by a thread, in real time."""
    clock, steps = ManualClock(), []
    loop = asyncio.get_running_loop()

    async def read() -> None:
        await clock.sleep(1)
        await loop.run_in_executor(None, time.sleep, 0.05)
        steps.append(clock.monotonic())

    task = asyncio.create_task(read())
    await clock.advance(60)
    assert steps == [1]
    await task


async def test_a_thread_that_never_ends_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than a test that hangs."""
    from aiocloudauth.testing import settling

    monkeypatch.setattr(settling, "_MOST_LOOKS", 3)
    ended = asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.2)
    with pytest.raises(RuntimeError, match="a thread"):
        await ManualClock().settle()
    await ended


async def renewals(
    clock: ManualClock,
    count: int,
    connector: Callable[[CloudServer], aiohttp.BaseConnector] | None = None,
) -> list[float]:
    """Renew a token that lives 60 s every 45 s, `count` times; return when."""
    async with CloudServer(clock=clock, token_lifetime=60, revoke_on_refresh=True) as server:
        chosen = connector(server) if connector else None
        async with aiohttp.ClientSession(server.url, connector=chosen) as http:

            async def client() -> None:
                async with http.post(LOGIN, json=ADMIN) as answer:
                    token = (await answer.json())["token"]
                while True:
                    await clock.sleep(45)
                    sent = clock.time()
                    headers = {"Authorization": f"Bearer {token}"}
                    async with clock.timeout(10), http.post(REFRESH, headers=headers) as answer:
                        assert answer.status == 200
                        token = (await answer.json())["token"]
                    assert clock.time() == sent

            task = asyncio.create_task(client())
            await clock.advance(45 * count)
            assert not task.done()
            task.cancel()
            await clock.settle()
        return [arrival.at.timestamp() - server.log[0].at.timestamp() for arrival in server.log]


async def test_client_and_server_do_all_they_can_at_each_instant() -> None:
    """Over real sockets: every renewal goes out and is answered at its very instant."""
    assert await renewals(ManualClock(), 1000) == [45.0 * n for n in range(1001)]


async def test_a_thousand_token_lifetimes_pass_in_a_moment() -> None:
    """10,000 take less than 10 s; a tenth of that gets as long here, for busy machines."""
    began = time.perf_counter()
    await renewals(ManualClock(), 1000)
    assert time.perf_counter() - began < 10


def test_every_instant_is_complete_on_uvloop_too() -> None:
    """Over sockets, where each takes some real milliseconds, and in memory, where none does."""

    async def main() -> None:
        expected = [45.0 * n for n in range(11)]
        assert await renewals(ManualClock(), 10) == expected
        in_memory = ManualClock(sockets=False)
        assert await renewals(in_memory, 10, CloudServer.connector) == expected

    on_uvloop(main)
