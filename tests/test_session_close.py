"""After `close`: no task, no socket, no warning, in programs under `-X dev -W error`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from typing import Any

import aiohttp
import pytest

from aiocloudauth import (
    CloudSession,
    LoggedIn,
    Password,
    RenewalPolicy,
    SessionClosed,
    SessionClosedError,
    TokenRenewed,
)
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Silence

QUICK = RenewalPolicy(min_interval=0.01)

#: What each program starts with. `ended` checks that nothing is left but the server's own.
PRELUDE = """
import asyncio, gc, os, time
import aiohttp
from aiocloudauth import *
from aiocloudauth.testing import *

QUICK = RenewalPolicy(min_interval=0.01, renewal_timeout=0.1)
ADMIN = Password("admin", "secret")

def run(program):
    async def main():
        # A slow machine is no leak: asyncio in debug mode would tell of every slow step.
        asyncio.get_running_loop().slow_callback_duration = 60.0
        await program
    asyncio.run(main())

def sockets():
    gc.collect()
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found

async def ended(server, before):
    # The server notices a moment after its client.
    for _ in range(100):
        if not server._service.connections and len(asyncio.all_tasks()) == 1:
            break
        await asyncio.sleep(0.01)
    assert sockets() == before, "a socket is left"
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert not tasks, tasks
"""


def run(program: str, *, stdout: str = "") -> None:
    """Run a program under `-X dev -W error`; it must end well, and say nothing else."""
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PRELUDE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (result.stderr, result.stdout, result.returncode) == ("", stdout, 0)


needs_proc = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="open files are counted in /proc"
)


@needs_proc
def test_close_leaves_no_task_no_socket_and_no_warning() -> None:
    """LESSONS: tasks pending at shutdown; unclosed session warnings, unclear ownership."""
    run(
        """
        async def main():
            async with CloudServer(token_lifetime=2.0) as server:
                before = sockets()
                async with CloudSession(server.url, ADMIN, policy=QUICK) as cloud:
                    for _ in range(3):
                        async with cloud.get("/x") as response:
                            assert response.status == 200
                        server.fail_next("/x", status=404)
                        try:
                            await cloud.get("/x")
                        except NotFoundError:
                            pass
                        await cloud.refresh()
                    server.revoke_all()
                    await asyncio.gather(*(cloud.post("/x", data=b"x") for _ in range(20)))
                    async with cloud.ws_connect("/ws") as websocket:
                        await websocket.send_str("hello")
                await ended(server, before)
                # By hand, without leaving a block; with requests still in flight.
                cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
                flying = [asyncio.create_task(cloud.get("/x?delay=9")) for _ in range(5)]
                await asyncio.sleep(0.05)
                await cloud.close()
                ends = await asyncio.gather(*flying, return_exceptions=True)
                assert all(isinstance(end, (aiohttp.ClientError, SessionClosedError))
                           for end in ends), ends
                del ends, flying
                await ended(server, before)
        run(main())
        """
    )


@needs_proc
def test_close_in_the_middle_of_a_renewal_that_never_answers_takes_its_time_and_no_more() -> None:
    """`_logout` gets 2 seconds at most; the renewal none."""
    run(
        """
        async def main():
            async with CloudServer() as server:
                before = sockets()
                # The token is good: the renewal is dropped, the session ended on the server.
                server.script(Fault("_refresh", Silence()), Fault("_login", Silence(), skip=1))
                cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
                renewing = asyncio.create_task(cloud.refresh())
                while not server.stats.refresh_attempts:
                    await asyncio.sleep(0.01)
                began = time.monotonic()
                await cloud.close()
                assert time.monotonic() - began < 1.5
                assert server.stats.logouts == 1
                (end,) = await asyncio.gather(renewing, return_exceptions=True)
                assert isinstance(end, SessionClosedError), end
                del end, renewing
                await ended(server, before)

                # Nothing answers any more, `_logout` neither.
                server.clear_faults()
                cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
                server.script(Fault("**", Silence()))
                renewing = asyncio.create_task(cloud.refresh())
                waiting = asyncio.create_task(cloud.get("/x"))
                while server.stats.refresh_attempts < 2:
                    await asyncio.sleep(0.01)
                began = time.monotonic()
                import logging
                logging.disable(logging.WARNING)  # that the logout failed is said, and rightly
                await cloud.close()
                assert 1.9 < time.monotonic() - began < 4.0
                await asyncio.gather(renewing, waiting, return_exceptions=True)
                del renewing, waiting
                await ended(server, before)
        run(main())
        """
    )


@needs_proc
def test_a_failing_open_leaves_no_task_no_socket_and_no_warning() -> None:
    """Refused, silent, reset, no server at all, and an option that aiohttp refuses."""
    run(
        """
        import logging
        logging.disable(logging.ERROR)  # failures are said, and rightly

        async def fails(server, **options):
            try:
                async with CloudSession(server.url, ADMIN, policy=QUICK, **options):
                    raise AssertionError("it opened")
            except CloudAuthError:
                pass

        async def main():
            async with CloudServer() as server:
                before = sockets()
                for effect in (Status(401, "root.unauthenticated"), Status(502), Silence(), Reset(),
                               EmptyReply(), Endless(), Redirect("/x"), Truncated()):
                    server.script(Fault("_login", effect))
                    await fails(server)
                    server.clear_faults()
                await fails(server, proxy="http://127.0.0.1:1")
                await fails(server, trace_configs=[None])
                await ended(server, before)
                opening = asyncio.create_task(CloudSession(server.url, ADMIN).open())
                await asyncio.sleep(0)
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
                del opening
                await ended(server, before)
            await fails(server)
        run(main())
        """
    )


def test_an_exception_in_the_block_closes_all_the_same() -> None:
    """Also a cancellation, as `asyncio.run` sends it on Ctrl-C."""
    run(
        """
        async def main():
            async with CloudServer() as server:
                for kind in (KeyError, asyncio.CancelledError):
                    try:
                        async with CloudSession(server.url, ADMIN, policy=QUICK) as cloud:
                            await cloud.get("/x")
                            raise kind
                    except kind:
                        print(kind.__name__, cloud.state.name)
        run(main())
        """,
        stdout="KeyError CLOSED\nCancelledError CLOSED\n",
    )


# -- in this process ----------------------------------------------------------------------


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), **({"policy": QUICK} | options))


async def test_a_close_that_the_server_does_not_answer_takes_2_seconds() -> None:
    """Not one more, by the session's own clock, and the same for those who wait for it."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = session(server, clock=clock)
        await cloud.open()
        server.script(Fault("**", Silence()))
        renewing = asyncio.create_task(cloud.refresh())
        await clock.advance(0.1)
        assert server.stats.refresh_attempts == 1
        began = clock.monotonic()
        await clock.drive(asyncio.gather(cloud.close(), cloud.close()))
        assert clock.monotonic() - began == pytest.approx(2.0)
        with pytest.raises(SessionClosedError):
            await renewing


async def test_nothing_is_published_after_the_close() -> None:
    """LESSONS: renewal finishing after logout revives the session."""
    clock = ManualClock()
    events: list[object] = []
    async with CloudServer(clock=clock) as server:
        cloud = session(server, clock=clock, on_event=events.append)
        await cloud.open()
        server.script(Fault("_refresh", Late(5.0)))
        renewing = asyncio.create_task(cloud.refresh())
        await clock.advance(0.1)
        assert server.stats.refreshes == 1
        await cloud.close()
        await clock.advance(60.0)
        assert cloud.token is None
        with pytest.raises(SessionClosedError):
            await renewing
    assert [type(event) for event in events] == [LoggedIn, SessionClosed]
    assert not any(isinstance(event, TokenRenewed) for event in events)


async def test_a_close_that_is_cancelled_still_closes_the_connections() -> None:
    """Whoever cancels it does not want to wait for the server, and gets no leak for it."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = session(server, clock=clock)
        await cloud.open()
        await cloud.get("/x")
        http = cloud.http
        server.script(Fault("_logout", Silence()))
        closing = asyncio.create_task(cloud.close())
        await clock.settle()
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await cloud.close()
        assert http.closed
        await clock.settle()
        assert not server._service.connections


async def test_an_idle_session_is_renewed_and_its_end_ends_that() -> None:
    """LESSONS: idle client not renewed; loop survives close(), two after reconnect."""
    clock = ManualClock()
    async with CloudServer(token_lifetime=600.0, clock=clock) as server:
        for _ in range(2):
            async with session(server, clock=clock):
                await clock.advance(3_600.0)
            renewed = server.stats.refreshes
            await clock.advance(3_600.0)
            assert server.stats.refreshes == renewed
        assert 12 <= renewed <= 18
        assert clock.next_due is None or clock.next_due > 0.0


@pytest.mark.parametrize("turns", range(6))
async def test_close_beside_cancelled_callers_leaves_nobody_in_the_queue(turns: int) -> None:
    """Each that is cancelled calls up another; `close` comes before or after those have begun."""
    async with CloudServer() as server:
        pool = aiohttp.TCPConnector(limit=2)
        cloud = await CloudSession(server.url, Password("admin", "secret"), connector=pool)

        async def get(path: str) -> int:
            async with cloud.get(path) as response:
                return response.status

        busy = [asyncio.create_task(get("/x?delay=30")) for _ in range(2)]
        async with asyncio.timeout(5):
            while len(server.log.to("/x")) < 2:  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0)
        queued = [asyncio.create_task(get("/x")) for _ in range(20)]
        await asyncio.sleep(0)
        for task in (*busy, *queued[:8]):
            task.cancel()
        for _ in range(turns):
            await asyncio.sleep(0)
        await cloud.close()
        async with asyncio.timeout(5):
            ends = await asyncio.gather(*queued, return_exceptions=True)
        # Those that were called up find the pool closed: aiohttp's own word for it.
        told = [end for end in ends if not isinstance(end, asyncio.CancelledError)]
        assert len(told) == 12
        assert all(
            isinstance(end, SessionClosedError | aiohttp.ClientConnectionError) for end in told
        )
