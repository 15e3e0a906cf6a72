"""Connections without sockets."""

from __future__ import annotations

import asyncio
import errno
import io
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth.testing import Endless, ManualClock, MemoryConnector
from aiocloudauth.testing.memory import _End
from tests.kit.client import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def test_a_client_reaches_the_server_without_a_socket() -> None:
    """On one connection that is kept alive, with a body larger than any buffer."""
    async with running() as client:
        body = io.BytesIO(b"x" * 5_000_000)
        assert (await client.ask("POST /x", await client.login(), data=body)).status == 200
        assert client.server.log[-1].body_size == 5_000_000
        assert client.server.stats.connections == 1


async def test_a_client_that_does_not_read_makes_the_server_wait() -> None:
    """Flow control, as a wire has it: an endless body fills no memory."""
    clock = ManualClock()
    async with running(clock=clock) as client:
        client.server.fail_next("/x", Endless())
        async with client.http.get("/api/v1/x") as answer:
            await clock.settle()
            start = answer.content.total_bytes
            assert 65_536 <= start < 2_000_000
            await answer.content.readexactly(1_000_000)
            await clock.settle()
            assert answer.content.total_bytes > start


async def test_an_upload_into_a_refusal_ends() -> None:
    """The 401 comes at once, and the rest of the body goes nowhere."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100_000

    async with running() as client:
        assert (await client.ask("POST /x", data=body())).status == 401


async def test_a_server_that_closes_is_noticed() -> None:
    """By a request that it has not answered."""
    async with running() as client:
        client.server.fail_next("/x", "silence")
        asked = asyncio.create_task(client.ask())
        await ManualClock().settle()
        await client.server.close()
        with pytest.raises(aiohttp.ClientError):
            await asked


async def test_a_connector_reaches_its_own_servers_alone() -> None:
    """Any other address refuses the connection; its options are aiohttp's own."""
    async with running() as one, running() as two, running() as other:
        connector = MemoryConnector(one.server, two.server, limit=1)
        assert connector.limit == 1
        async with aiohttp.ClientSession(connector=connector) as http:
            for client in (one, two, one):
                async with http.get(client.server.url + "/api/v1/x") as answer:
                    assert answer.status == 401
            assert (one.server.stats.requests, two.server.stats.requests) == (2, 1)
            closed = two.server.url
            await two.server.close()
            for url in (other.server.url, one.server.url.replace("127.0.0.1", "localhost"), closed):
                with pytest.raises(aiohttp.ClientConnectorError) as refused:
                    await http.get(url + "/api/v1/x")
                assert refused.value.errno == errno.ECONNREFUSED


# -- the two ends of a connection -------------------------------------------------------------


class Heard(asyncio.Protocol):
    """Notes what a transport tells it."""

    def __init__(self, *, stay: bool = False) -> None:
        self.seen: list[Any] = []
        self.stay = stay

    def connection_lost(self, exc: Exception | None) -> None:
        self.seen.append(exc)

    def pause_writing(self) -> None:
        self.seen.append("pause")

    def resume_writing(self) -> None:
        self.seen.append("resume")

    def data_received(self, data: bytes) -> None:
        self.seen.append(len(data))

    def eof_received(self) -> bool:
        self.seen.append("eof")
        return self.stay


def joined(*, stay: bool = False) -> tuple[_End, Heard, _End, Heard]:
    """Join two ends."""
    loop = asyncio.get_running_loop()
    here, there = Heard(), Heard(stay=stay)
    near, far = _End(loop, here), _End(loop, there)
    near.join(far)
    return near, here, far, there


async def test_writers_are_paused_while_readers_are() -> None:
    """Above 64 KiB on their way; and go on below 16."""
    near, here, far, there = joined()
    far.pause_reading()
    for size in (0, 65_537, 1):
        near.write(b"x" * size)
    await ManualClock().settle()
    assert (here.seen, there.seen, near.get_write_buffer_size()) == (["pause"], [], 65_538)
    far.resume_reading()
    await ManualClock().settle()
    assert (here.seen, there.seen) == (["pause", "resume"], [65_537, 1])


@pytest.mark.parametrize("stay", [False, True])
async def test_an_end_that_closes_is_read_to_its_end(*, stay: bool) -> None:
    """What was written arrives, then the end of it; the other end may stay open."""
    near, here, far, there = joined(stay=stay)
    near.write(b"last")
    near.close()
    near.close()
    near.write(b"ignored")
    assert near.is_closing()
    await ManualClock().settle()
    assert (here.seen, there.seen) == ([None], [4, "eof"] + [None] * (not stay))
    far.write(b"to nobody")
    for end in (near, far):
        end.abort()
    await ManualClock().settle()
    assert (here.seen, there.seen) == ([None], [4, "eof", None])


async def test_a_reset_is_seen_after_what_was_written_before() -> None:
    """As over a loopback wire, where the bytes were there already."""
    near, here, _, there = joined()
    near.write(b"first")
    near.abort()
    await ManualClock().settle()
    assert (here.seen, there.seen[0]) == ([None], 5)
    assert isinstance(there.seen[1], ConnectionResetError)
