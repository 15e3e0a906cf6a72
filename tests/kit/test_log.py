"""What the server remembers of what arrived."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime

import pytest

from aiocloudauth.testing import Arrival, Log, ManualClock, User
from tests.kit.client import LOGIN, running


async def test_the_log_records_what_arrived() -> None:
    """Method, path, credential, generation, body and connection of each request."""
    clock = ManualClock()
    async with running(clock=clock) as client:
        token = await client.refresh(await client.login())
        body = b"0123456789" * 30_000
        await clock.advance(5)
        await client.ask("POST /x?a=b", token, data=io.BytesIO(body))
        log = client.server.log
        arrival = log[-1]
        assert (arrival.number, arrival.method, arrival.path) == (3, "POST", "/api/v1/x")
        assert (arrival.query, arrival.at.isoformat()) == ("a=b", "2026-01-01T00:00:05+00:00")
        assert (arrival.credential, arrival.user, arrival.generation) == ("bearer", "admin", 2)
        assert (arrival.connection, arrival.status, arrival.fault) == (1, 200, None)
        assert (arrival.body_size, arrival.body) == (len(body), body[: 64 * 1024])
        assert arrival.body_sha256 == hashlib.sha256(body).hexdigest()
        assert [a.path for a in log.to("_login")] == ["/api/v1" + LOGIN.split()[1]]
        assert log.to("/x", method="GET") == []


async def test_the_log_can_be_searched_for_a_secret_and_shows_none() -> None:
    """No password or token in what people print."""
    async with running() as client:
        server, token = client.server, (await client.login()).removeprefix("Bearer ")
        await client.ask("POST /x?q=hidden", f"Bearer {token}", json={"a": "planted"})
        for secret, number in ((token, 2), ("hidden", 2), ("planted", 2), ('"secret"', 1)):
            assert [arrival.number for arrival in server.log.carrying(secret)] == [number]
            assert secret not in repr(list(server.log))
        assert [arrival.number for arrival in server.log.carrying("/_login")] == [1]
        assert token not in repr((server.log, server.stats, server.users, server.policy))
        assert repr(server.log) == "<Log of 2 arrivals>"
        assert "secret" not in repr(User("secret"))
        server.log.clear()
        assert len(server.log) == 0


async def test_the_log_keeps_the_latest_and_counts_the_others() -> None:
    """`log_size` bounds its length."""
    async with running(log_size=2) as client:
        for path in "abc":
            await client.ask(f"GET /{path}")
        log = client.server.log
        assert [arrival.path for arrival in log] == ["/api/v1/b", "/api/v1/c"]
        assert log.dropped == 1


@pytest.mark.parametrize(("size", "kept"), [(10_000, 256), (100, 100), (0, 0)])
def test_the_log_keeps_no_more_than_16_mib_of_bodies(size: int, kept: int) -> None:
    """The oldest bodies go first, and are counted."""
    log, now = Log(size), datetime(2026, 1, 1, tzinfo=UTC)
    arrivals = [Arrival(n, now, "PUT", "/x", "", 1, {}) for n in range(260)]
    for arrival in arrivals:
        log.append(arrival)
        log.keep(arrival, b"x" * 100_000)
    held = [len(arrival.body) for arrival in arrivals]
    assert held == [0] * (260 - kept) + [65_536] * kept
    assert log.bodies_dropped == 260 - kept
    log.clear()
    log.keep(arrivals[0], b"x")
    assert log.bodies_dropped == 260 - kept + (size == 0)
