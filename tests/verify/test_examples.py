"""The examples, each run as its user would run it, against a server on a real port."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth.testing import CloudServer, Fault, Late, Status, User
from tests.verify import programs
from tests.verify.programs import (
    PATIENCE,
    answering,
    ended,
    environment,
    free_port,
    until,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager

    Running = AbstractContextManager[subprocess.Popen[str]]


def running(example: str, server: CloudServer, **more: str) -> Running:
    """Run an example in a process of its own, with warnings as errors."""
    return programs.running(sys.executable, "-W", "error", example, env=environment(server, **more))


# -- quickstart ---------------------------------------------------------------------------


async def test_the_quickstart_prints_the_deployments_and_logs_out() -> None:
    """The first program that anybody runs works as it stands."""
    async with CloudServer() as server:
        with running("quickstart.py", server) as process:
            server.reply("/deployments", {"deployments": []})
            status, out, err = await ended(process)
            assert (status, err) == (0, "")
            assert re.fullmatch(r"\{'deployments': \[\]\}\nrenewed before \d{4}-.*\+00:00\n", out)
            assert (server.stats.logins, server.stats.logouts) == (1, 1)


# -- service ------------------------------------------------------------------------------


@asynccontextmanager
async def service(
    server: CloudServer, **more: str
) -> AsyncIterator[tuple[subprocess.Popen[str], aiohttp.ClientSession]]:
    """Run the service and give a client of it."""
    port = free_port()
    with running("service.py", server, PORT=str(port), **more) as process:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            await answering(client, "/health", process)
            yield process, client


async def fetched(client: aiohttp.ClientSession, path: str) -> tuple[int, dict[str, object]]:
    """Return the status and the body of a GET."""
    async with client.get(path) as response:
        return response.status, await response.json()


async def test_the_service_serves_over_renewals_and_a_revocation_from_one_session() -> None:
    """One login for its whole life, but for the one that a revocation asks for."""
    async with CloudServer(token_lifetime=4.0) as server, service(server) as (process, client):
        server.reply("/deployments", {"deployments": [{"id": "d1"}]})
        expected = (200, {"deployments": [{"id": "d1"}]})
        async with asyncio.timeout(PATIENCE):
            while not server.stats.refreshes:
                assert await fetched(client, "/deployments") == expected
                await asyncio.sleep(0.01)
        assert server.stats.logins == 1
        server.revoke_all()
        assert await fetched(client, "/deployments") == expected
        status, health = await fetched(client, "/health")
        assert (status, health["session"]) == (200, "active")
        assert isinstance(health["expires"], str)
        assert isinstance(health["retry_at"], str)
        process.send_signal(signal.SIGTERM)
        code, _, err = await ended(process)
        assert (code, err) == (0, "")
        assert (server.stats.logins, server.stats.logouts) == (2, 1)


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (Status(404, "deployments.deployment_not_found"), 404, "NotFoundError"),
        (Status(403, "root.unauthorized.rbac"), 403, "PermissionDeniedError"),
        (Status(400, "deployments.bad"), 400, "BadRequestError"),
        (Status(409, "deployments.version_conflict"), 409, "VersionConflictError"),
        (Status(429, "root.rate_limited", retry_after=7), 503, "RateLimitedError"),
        (Status(401, "user.not_found"), 503, "AuthenticationError"),
        (Status(500, "deployments.broken"), 502, "ServerError"),
        (Status(418, "deployments.teapot"), 502, "ApiError"),
    ],
    ids=lambda value: str(value) if isinstance(value, int | str) else value.code,
)
async def test_the_service_answers_for_the_ece(fault: Status, status: int, body: str) -> None:
    """Each typed error is a status that the service's own callers can act on."""
    async with CloudServer() as server, service(server) as (_, client):
        server.script(Fault("/deployments/*", fault))
        async with client.get("/deployments/d1") as response:
            assert response.status == status
            answer = await response.json()
            assert answer == {"error": body, "codes": [fault.code]}
            assert response.headers.get("Retry-After") == ("7" if fault.retry_after else None)


async def test_the_service_says_503_when_its_session_is_lost_and_lives_on() -> None:
    """A password that was changed is the operator's affair: no crash, no endless logins."""
    async with CloudServer() as server, service(server) as (_, client):
        server.users.put("admin", User("another"))
        server.revoke_all()
        status, body = await fetched(client, "/deployments")
        assert (status, body["error"]) == (503, "UnauthenticatedError")
        status_of_health, health = await fetched(client, "/health")
        assert (status_of_health, health["session"]) == (503, "expired")
        assert (health["expires"], isinstance(health["retry_at"], str)) == (None, True)
        assert await fetched(client, "/deployments") == (status, body)
        assert server.stats.login_attempts == 2


async def test_the_service_says_502_when_the_ece_says_nothing() -> None:
    """An empty reply is nobody's error code."""
    async with CloudServer() as server, service(server) as (_, client):
        server.script(Fault("/deployments", ("empty_reply",)))
        assert (await fetched(client, "/deployments"))[0] == 502


async def test_the_service_trusts_a_ca_file() -> None:
    """EC_CA_FILE is for an ECE with a certificate of its own making."""
    async with (
        CloudServer(tls=True) as server,
        service(server, EC_CA_FILE=server.ca_file) as (
            _,
            client,
        ),
    ):
        assert (await fetched(client, "/deployments"))[0] == 200


# -- worker -------------------------------------------------------------------------------


def deployments(*names: str) -> dict[str, object]:
    """Return a list of deployments as the ECE gives it."""
    return {"deployments": [{"id": name} for name in names]}


async def test_the_worker_finishes_what_it_has_in_hand_on_sigterm_and_ends_with_0() -> None:
    """Two are in hand and finish; the third is not begun; nothing is lost silently."""
    slow = Fault("/deployments/*", Late(1.0))
    async with CloudServer(faults=[slow]) as server:
        with running("worker.py", server) as process:
            server.reply("/deployments", deployments("d1", "d2", "d3"))
            server.reply("/deployments/*", {"healthy": True})
            await until(lambda: len(server.log.to("/deployments/d2")) == 1)
            process.send_signal(signal.SIGTERM)
            code, out, err = await ended(process)
            assert (code, err) == (0, "")
            lines = [f"looked at {name}: healthy=True" for name in ("d1", "d2")]
            assert sorted(out.splitlines()) == ["drained", *lines]
            assert out.endswith("drained\n")
            assert server.log.to("/deployments/d3") == []
            assert server.stats.logouts == 1


async def test_the_worker_goes_on_after_a_failure() -> None:
    """One item that fails does not end the group, and its warning says why."""
    broken = Fault("/deployments/d1", Status(500, "deployments.broken"))
    async with CloudServer(faults=[broken]) as server:
        with running("worker.py", server) as process:
            server.reply("/deployments", deployments("d1", "d2", "d3"))
            server.reply("/deployments/*", {"healthy": True})
            await until(lambda: len(server.log.to("/deployments/d3")) == 1)
            process.send_signal(signal.SIGTERM)
            code, out, err = await ended(process)
            assert code == 0
            assert "looked at d3" in out
            assert re.search(r"WARNING:worker:d1: GET \S+ answered 500 \(deployments.broken", err)


async def test_the_worker_outlives_a_list_that_fails_and_ends_at_once_while_idle() -> None:
    """With nothing in hand there is nothing to wait for."""
    down = Fault("/deployments", Status(503, "deployments.down"))
    async with CloudServer(faults=[down]) as server:
        with running("worker.py", server) as process:
            assert process.stderr is not None
            assert "no list of deployments" in await asyncio.to_thread(process.stderr.readline)
            process.send_signal(signal.SIGTERM)
            code, out, err = await ended(process)
            assert (code, out, err) == (0, "drained\n", "")


async def test_the_worker_runs_against_an_answer_without_deployments() -> None:
    """An ECE without any may leave the field out."""
    async with CloudServer() as server:
        with running("worker.py", server) as process:
            server.reply("/deployments", {})
            await until(lambda: len(server.log.to("/deployments")) == 1)
            process.send_signal(signal.SIGTERM)
            assert await ended(process) == (0, "drained\n", "")
