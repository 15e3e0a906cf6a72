"""The kit under the client it is made for: a day of faults and of a clock that misbehaves."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aiocloudauth.credentials import Password
from aiocloudauth.errors import CloudAuthError
from aiocloudauth.session import CloudSession
from aiocloudauth.testing import (
    CloudServer,
    ClusterError,
    EmptyReply,
    Fault,
    Late,
    ManualClock,
    Reset,
    Silence,
)

if TYPE_CHECKING:
    import aiohttp

DAY = 86_400.0

FAULTS = (
    Fault("_refresh", Silence(), probability=0.02, optional=True),
    Fault("_refresh", Late(3), probability=0.05, optional=True),
    Fault("_refresh", Reset(after_work=True), probability=0.02, optional=True),
    Fault("_refresh", EmptyReply(), probability=0.02, optional=True),
    Fault("**", ClusterError(), after=DAY / 4, until=DAY / 4 + 600),
    Fault("_refresh", ClusterError(), after=DAY / 2, until=DAY / 2 + 3600, down=300, up=60),
)


async def a_day(seed: int, *, in_memory: bool) -> list[tuple[float, str, int | None, str | None]]:
    """Live a day with tokens of ten minutes; return what arrived at the server, and when."""
    clock = ManualClock(seed=seed)
    start = clock.time()
    server = CloudServer(
        clock=clock,
        token_lifetime=600,
        revoke_on_refresh=True,
        max_session=DAY / 3,
        faults=FAULTS,
        log_size=100_000,
    )

    def connector() -> aiohttp.BaseConnector | None:
        return server.connector() if in_memory else None

    async with server:
        session = CloudSession(
            server.url,
            Password("admin", "secret"),
            clock=clock,
            connector=connector(),
            auth_connector=connector(),
        )
        async with session as cloud:

            async def work() -> None:
                while True:
                    with suppress(CloudAuthError):
                        async with cloud.get("/deployments") as response:
                            await response.read()
                    await clock.sleep(60)

            worker = asyncio.create_task(work())
            for _ in range(4):
                await clock.advance(DAY / 4 - 1800)
                clock.suspend(900)
                clock.step(-30)
                await clock.advance(900)
            worker.cancel()
            await clock.settle()
        return [
            (arrival.at.timestamp() - start, arrival.path, arrival.generation, arrival.fault)
            for arrival in server.log
        ]


async def test_a_day_over_sockets_is_the_day_in_memory() -> None:
    """The kernel adds nothing that a client could tell, whichever fault a request meets."""
    day = await a_day(3, in_memory=False)
    assert day == await a_day(3, in_memory=True)
    met = {fault for _, _, _, fault in day}
    assert {"silence", "late", "reset", "empty_reply", "cluster_error", None} <= met
