"""After `close`: no task, no socket, no warning, in programs under `-X dev -W error`."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

#: What each program starts with. `ended` checks that nothing is left but the server's own.
PRELUDE = """
import asyncio, gc, logging, os
import aiohttp
from aiocloudauth import *
from aiocloudauth.testing import *

QUICK = RenewalPolicy(min_interval=0.01)
HASTY = RenewalPolicy(min_interval=0.01, renewal_timeout=0.1)
ADMIN = Password("admin", "secret")
logging.disable(logging.ERROR)  # failures are said, and rightly

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
    async with asyncio.timeout(10):
        while server.open_connections or len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.01)
    assert sockets() == before, "a socket is left"
"""

PROGRAMS = {
    "a day's work": """
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
        run(main())
        """,
    "requests in flight": """
        async def main():
            async with CloudServer() as server:
                before = sockets()
                cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
                flying = [asyncio.create_task(cloud.get("/x?delay=9")) for _ in range(5)]
                await asyncio.sleep(0.05)
                await cloud.close()
                ends = await asyncio.gather(*flying, return_exceptions=True)
                assert all(isinstance(end, SessionClosedError) for end in ends), ends
                del ends, flying
                await ended(server, before)
        run(main())
        """,
    "a renewal that is never answered": """
        async def main():
            async with CloudServer() as server:
                before = sockets()
                for silent in ("_refresh", "**"):
                    cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
                    server.script(Fault(silent, Silence()))
                    seen = server.stats.refresh_attempts
                    renewing = asyncio.create_task(cloud.refresh())
                    while server.stats.refresh_attempts == seen:
                        await asyncio.sleep(0.01)
                    await cloud.close()
                    (end,) = await asyncio.gather(renewing, return_exceptions=True)
                    assert isinstance(end, SessionClosedError), end
                    server.clear_faults()
                    del end, renewing
                    await ended(server, before)
        run(main())
        """,
    "an opening that fails": """
        async def fails(server, **options):
            try:
                async with CloudSession(server.url, ADMIN, policy=HASTY, **options):
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
        """,
}


def run(program: str, *options: str) -> tuple[str, str]:
    """Run a program that has to end well; return what it wrote to stdout and to stderr."""
    result = subprocess.run(
        [sys.executable, *options, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="open files are counted in /proc")
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_is_left_after(name: str) -> None:
    """LESSONS: tasks pending at shutdown; unclosed session warnings, unclear ownership."""
    code = PRELUDE + textwrap.dedent(PROGRAMS[name])
    assert run(code, "-X", "dev", "-W", "error") == ("", "")


def test_a_program_that_ends_without_close_says_so_once_and_ends() -> None:
    """A global in a script, and one that its `main` forgets."""
    program = """
        cloud = None

        async def main():
            global cloud
            async with CloudServer() as server:
                cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
                forgotten = await CloudSession(server.url, ADMIN, policy=QUICK)
                (await forgotten.get("/x")).release()

        asyncio.run(main())
        """
    _, err = run(PRELUDE + textwrap.dedent(program), "-W", "always")
    assert err.count("ResourceWarning: unclosed CloudSession") == 2
    assert "Traceback" not in err


def test_importing_the_package_loads_nothing_that_a_program_does_not_use() -> None:
    """Neither aiohttp nor attrs; with a session, neither cattrs, the test kit, nor stores.

    Nor the operations, until its `api` is used; then the types stay unread all the same.
    """
    program = """
import sys

def read(*names):
    return [name for name in names if name in sys.modules]

import aiocloudauth
print(read("aiohttp", "attrs", "cattrs"))
from aiocloudauth import CloudSession, Password
cloud = CloudSession("https://ece.example.com", Password("admin", "secret"))
print(read("cattrs", "rich", "aiocloudauth.testing", "aiocloudauth.stores"))
print(read("aiocloudauth._core.sharing", "cryptography", "filelock", "redis"))
print([name for name in sys.modules if name.startswith("aiocloudauth.api")])
cloud.api.get_deployment
print(read("aiocloudauth.api.client", "aiocloudauth.api.types"))
from aiocloudauth import *
print(sorted(set(aiocloudauth.__all__) - set(globals())))
"""
    out, err = run(program, "-W", "error")
    said = ["[]", "[]", "[]", "[]", "['aiocloudauth.api.client']", "[]"]
    assert (out.splitlines(), err) == (said, "")
