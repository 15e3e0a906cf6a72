"""Connections without sockets."""

from __future__ import annotations

import asyncio
import errno
import io
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth.testing import (
    CloudServer,
    Effect,
    EmptyReply,
    Endless,
    Late,
    ManualClock,
    MemoryConnector,
    Raw,
    Reset,
)
from aiocloudauth.testing.memory import _End
from tests.calls import ADMIN, LOGIN, log_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def test_a_client_reaches_the_server_without_a_socket() -> None:
    """Requests, connections kept alive, a body larger than any buffer, a WebSocket."""
    async with (
        CloudServer() as server,
        aiohttp.ClientSession(server.url, connector=server.connector()) as http,
    ):
        token = await log_in(http)
        body = io.BytesIO(b"x" * 5_000_000)
        async with http.post("/api/v1/x", data=body, headers=token) as answer:
            assert answer.status == 200
        assert server.log[-1].body_size == 5_000_000
        assert server.stats.connections == 1
        async with http.ws_connect("/api/v1/ws", headers=token) as socket:
            for size in (1, 100_000):
                await socket.send_bytes(b"x" * size)
                assert await socket.receive_bytes() == b"x" * size
        assert server.stats.connections == 1


async def test_a_client_that_does_not_read_makes_the_server_wait() -> None:
    """Flow control, as a wire has it: an endless body fills no memory."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock) as server,
        aiohttp.ClientSession(server.url, connector=server.connector()) as http,
    ):
        server.fail_next("/x", Endless())
        async with http.get("/api/v1/x") as answer:
            await clock.settle()
            start = answer.content.total_bytes
            assert 65_536 <= start < 2_000_000
            await answer.content.readexactly(1_000_000)
            await clock.settle()
            assert answer.content.total_bytes > start


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        (EmptyReply(), aiohttp.ServerDisconnectedError),
        (Reset(), aiohttp.ClientOSError),
        (Reset("after_headers"), aiohttp.ClientPayloadError),
        (Reset(1, after_work=True), aiohttp.ClientPayloadError),
        (Raw("nonsense"), aiohttp.ClientResponseError),
    ],
)
async def test_a_broken_connection_breaks_as_over_a_wire(
    effect: Effect, error: type[Exception]
) -> None:
    """The same error at the client, with and without sockets."""
    for connector in (CloudServer.connector, no_connector):
        async with (
            CloudServer() as server,
            aiohttp.ClientSession(server.url, connector=connector(server)) as http,
        ):
            server.fail_next("_login", effect)
            with pytest.raises(error):
                async with http.post(LOGIN, json=ADMIN) as answer:
                    await answer.read()
            await log_in(http)


async def test_a_client_that_leaves_is_noticed() -> None:
    """And so is a server that closes."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock) as server,
        aiohttp.ClientSession(server.url, connector=server.connector()) as http,
    ):
        server.fail_next("/x", Late(60), times=2)
        asked = asyncio.create_task(http.get("/api/v1/x").__aenter__())
        await clock.settle()
        assert clock.next_due == 60
        asked.cancel()
        await clock.settle()
        assert clock.next_due is None
        asked = asyncio.create_task(http.get("/api/v1/x").__aenter__())
        await clock.settle()
        await server.close()
        with pytest.raises(aiohttp.ClientError):
            await asked
        assert clock.next_due is None


async def test_any_other_address_refuses_the_connection() -> None:
    """A redirect to another host does not reach this server, nor does a closed one answer."""
    async with (
        CloudServer() as server,
        CloudServer() as other,
        aiohttp.ClientSession(connector=server.connector()) as http,
    ):
        for url in (other.url, server.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(aiohttp.ClientConnectorError) as refused:
                await http.get(url + "/api/v1/x")
            assert refused.value.errno == errno.ECONNREFUSED
        url = server.url
        await server.close()
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(url + "/api/v1/x")


async def test_one_connector_can_reach_several_servers() -> None:
    """Its options are aiohttp's own."""
    async with CloudServer() as one, CloudServer() as two:
        connector = MemoryConnector(one, two, limit=1)
        assert connector.limit == 1
        async with aiohttp.ClientSession(connector=connector) as http:
            for server in (one, two, one):
                async with http.get(server.url + "/api/v1/x") as answer:
                    assert answer.status == 401
        assert (one.stats.requests, two.stats.requests) == (2, 1)


async def test_an_upload_into_a_refusal_ends() -> None:
    """The 401 comes at once, and the rest of the body goes nowhere."""
    async with (
        CloudServer() as server,
        aiohttp.ClientSession(server.url, connector=server.connector()) as http,
    ):

        async def body() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 100_000

        async with http.post("/api/v1/x", data=body()) as answer:
            assert answer.status == 401


def no_connector(server: CloudServer) -> None:
    """Use aiohttp's own."""


class Protocol(asyncio.Protocol):
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


def connection(*, stay: bool = False) -> tuple[_End, Protocol, _End, Protocol]:
    """Join two ends."""
    loop = asyncio.get_running_loop()
    here, there = Protocol(), Protocol(stay=stay)
    near, far = _End(loop, here), _End(loop, there)
    near.join(far)
    return near, here, far, there


async def turns() -> None:
    """Let the loop do what it has to do."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_writers_are_paused_while_readers_are() -> None:
    """Above 64 KiB on their way; and go on below 16."""
    near, here, far, there = connection()
    far.pause_reading()
    near.write(b"")
    near.write(b"x" * 65_537)
    near.write(b"x")
    await turns()
    assert (here.seen, there.seen, near.get_write_buffer_size()) == (["pause"], [], 65_538)
    far.resume_reading()
    await turns()
    assert (here.seen, there.seen) == (["pause", "resume"], [65_537, 1])


async def test_an_end_that_closes_is_read_to_its_end() -> None:
    """What was written arrives, then the end of it; then the other end closes, too."""
    near, here, _, there = connection()
    near.write(b"last")
    near.close()
    near.close()
    near.write(b"ignored")
    assert near.is_closing()
    await turns()
    assert (here.seen, there.seen) == ([None], [4, "eof", None])
    near.abort()
    await turns()
    assert here.seen == [None]


async def test_an_end_may_stay_open_when_the_other_one_has_closed() -> None:
    """If its protocol says so."""
    near, here, far, there = connection(stay=True)
    near.close()
    await turns()
    assert there.seen == ["eof"]
    far.write(b"to nobody")
    far.abort()
    await turns()
    assert (here.seen, there.seen) == ([None], ["eof", None])


async def test_a_reset_is_seen_after_what_was_written_before() -> None:
    """As over a loopback wire, where the bytes were there already."""
    near, here, _, there = connection()
    near.write(b"first")
    near.abort()
    await turns()
    assert here.seen == [None]
    assert there.seen[0] == 5
    assert isinstance(there.seen[1], ConnectionResetError)
