"""What the server remembers of what arrived."""

from __future__ import annotations

import hashlib
import io

import aiohttp

from aiocloudauth.testing import (
    CloudServer,
    ManualClock,
    User,
)
from tests.calls import LOGIN, bearer, log_in, refresh, status


async def test_the_log_records_what_arrived() -> None:
    """Method, path, credential, generation, body and connection of each request."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, aiohttp.ClientSession(server.url) as http:
        token = await refresh(http, await log_in(http))
        body = b"0123456789" * 30_000
        await clock.advance(5)
        async with http.post("/api/v1/x?a=b", headers=token, data=io.BytesIO(body)):
            pass
        arrival = server.log[-1]
        assert (arrival.number, arrival.method, arrival.path) == (3, "POST", "/api/v1/x")
        assert arrival.query == "a=b"
        assert arrival.at.isoformat() == "2026-01-01T00:00:05+00:00"
        assert (arrival.credential, arrival.user, arrival.generation) == ("bearer", "admin", 2)
        assert arrival.body_size == len(body)
        assert arrival.body_sha256 == hashlib.sha256(body).hexdigest()
        assert arrival.body == body[: 64 * 1024]
        assert (arrival.connection, arrival.status, arrival.fault) == (1, 200, None)
        assert server.stats.connections == 1
        assert [a.path for a in server.log.to("_login")] == [LOGIN]
        assert server.log.to("/x", method="GET") == []


async def test_the_log_can_be_searched_for_a_secret_and_shows_none() -> None:
    """requests/requests-oauthlib#536: no password or token in what people print."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        token = (await log_in(http))["Authorization"].removeprefix("Bearer ")
        async with http.post("/api/v1/x?q=hidden", headers=bearer(token), json={"a": "planted"}):
            pass
        for secret, number in ((token, 2), ("hidden", 2), ("planted", 2), ('"secret"', 1)):
            assert [arrival.number for arrival in server.log.carrying(secret)] == [number]
            assert secret not in repr(list(server.log))
        assert [arrival.number for arrival in server.log.carrying("/_login")] == [1]
        assert token not in repr((server.log, server.stats, server.users, server.policy))
        assert repr(server.log) == "<Log of 2 arrivals>"
        assert "secret" not in repr(User("secret"))
        server.log.clear()
        assert len(server.log) == 0


async def test_the_log_keeps_the_latest() -> None:
    """`log_size` bounds its memory."""
    async with CloudServer(log_size=2) as server, aiohttp.ClientSession(server.url) as http:
        for path in "abc":
            await status(http, {}, f"/{path}")
        assert [arrival.path for arrival in server.log] == ["/api/v1/b", "/api/v1/c"]
