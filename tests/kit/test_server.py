"""Starting and closing, connections, TLS, values that cannot be."""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import CloudServer, Fault, Hangup, Late, ManualClock, Status
from tests.kit.client import ADMIN, LOGIN, Client, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"token_lifetime": 0}, "token_lifetime"),
        ({"token_lifetime": float("inf")}, "token_lifetime"),
        ({"token_lifetime": "60"}, "token_lifetime"),
        ({"token_lifetime": True}, "token_lifetime"),
        ({"max_session": 0}, "max_session"),
        ({"at_max_session": "explode"}, "at_max_session"),
        ({"tokens": "xml"}, "tokens"),
        ({"version": "4.0"}, "4.0"),
        ({"version": None}, "None"),
        ({"clock_skew": float("nan")}, "clock_skew"),
        ({"refused_code": "a\r\nb"}, "refused_code"),
        ({"idle_timeout": 0}, "idle_timeout"),
        ({"port": 65_536}, "port"),
        ({"port": "80"}, "port"),
        ({"host": ""}, "host"),
        ({"root": "/api/v1/"}, "root"),
        ({"log_size": -1}, "log_size"),
        ({"users": {"a:b": "x"}}, "user name"),
        ({"users": {"a": ""}}, "password"),
        ({"faults": ["nonsense"]}, "nonsense"),
    ],
    ids=str,
)
def test_a_server_refuses_what_cannot_be(options: dict[str, Any], named: str) -> None:
    """A typed error at construction, naming what is wrong."""
    with pytest.raises(ConfigurationError, match=named):
        CloudServer(**options)


async def test_a_request_is_made_of_what_any_aiohttp_hands_over() -> None:
    """Version 4 hands one part more over than version 3."""
    async with running() as client:
        assert client.server._listener is not None
        connections = client.server._listener.connections
        made: Any = connections.request_factory
        connections.request_factory = lambda *parts: made(*parts[:5], None)
        assert await client.status("GET /x", await client.login()) == 200


async def test_two_servers_at_once_share_nothing() -> None:
    """A token of one opens nothing at the other, and its log is its own."""
    async with running() as one, running() as two:
        assert await two.status("GET /x", await one.login()) == 401
        assert (one.server.stats.logins, two.server.stats.logins) == (1, 0)
        assert [len(one.server.log), len(two.server.log)] == [1, 1]


@pytest.mark.parametrize("tls", [False, True])
async def test_a_port_in_use_is_a_clear_error(*, tls: bool) -> None:
    """And leaves nothing behind: the same server can be started later."""
    async with CloudServer() as first:
        port = int(first.url.rpartition(":")[2])
        second = CloudServer(port=port, tls=tls)
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}"):
            await second.start()
        assert not second.running
    async with second:
        assert second.url.endswith(f":{port}")


async def test_start_and_close_may_be_called_again() -> None:
    """Both do nothing the second time; a closed server can be started once more."""
    server = CloudServer()
    with pytest.raises(ConfigurationError, match="before it is started"):
        _ = server.url
    with pytest.raises(ConfigurationError, match="before it is started"):
        server.accept()
    await server.close()
    assert await server.start() is await server.start() is server
    await server.close()
    await server.close()
    assert not server.running
    async with running(server) as client:
        assert await client.status() == 401


async def test_close_waits_for_nothing_that_never_ends() -> None:
    """Slow, silent and uploading connections all go at once."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        client, gate = Client(server, http), asyncio.Event()
        server.fail_next("/silent", "silence")
        token = await client.login()

        async def body() -> AsyncIterator[bytes]:
            yield b"x"
            await gate.wait()

        pending = [
            asyncio.create_task(client.ask("POST /upload", token, data=body())),
            asyncio.create_task(client.ask("GET /slow?delay=3600", token)),
            asyncio.create_task(client.ask("GET /silent")),
        ]
        while len(server.log) < 4:  # noqa: ASYNC110 - what is waited for is in the server
            await asyncio.sleep(0.001)
        await server.close()
        for outcome in await asyncio.gather(*pending, return_exceptions=True):
            assert isinstance(outcome, aiohttp.ClientError)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_close_does_not_wait_for_a_handshake_that_never_comes() -> None:
    """A client that connects to a TLS server and says nothing."""
    async with CloudServer(tls=True) as server:
        port = int(server.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await server.close()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_client_that_leaves_ends_what_was_held_back_for_it() -> None:
    """A late answer to nobody keeps no timer and no connection."""
    clock = ManualClock()
    async with running(clock=clock, faults=[Fault("/x", Late(3600))]) as client:
        assert client.server.open_connections == 0
        asked = asyncio.create_task(client.ask())
        await clock.settle()
        assert (clock.next_due, client.server.open_connections) == (3600, 1)
        asked.cancel()
        await clock.settle()
        assert (clock.next_due, client.server.open_connections) == (None, 0)
        assert client.server.log[-1].status is None
        assert client.server.stats.connections == 1


# -- idle connections -------------------------------------------------------------------------


class Talker(asyncio.Protocol):
    """A client that writes by hand, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended = False

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True


@pytest.mark.parametrize("asked", [False, True])
async def test_an_idle_connection_is_told_that_its_time_is_over(*, asked: bool) -> None:
    """408 with `Connection: close`, whether or not anything was asked on it before."""
    clock = ManualClock()
    async with CloudServer(clock=clock, idle_timeout=5) as server:
        port, loop = int(server.url.rpartition(":")[2]), asyncio.get_running_loop()
        transport, talker = await loop.create_connection(Talker, "127.0.0.1", port)
        await clock.advance(4)
        if asked:
            transport.write(b"GET /api/v1/users/auth/methods HTTP/1.1\r\nHost: x\r\n\r\n")
            await clock.advance(4)
            assert talker.heard.startswith(b"HTTP/1.1 200 ")
            talker.heard = b""
        assert not talker.heard
        await clock.advance(1)
        assert talker.heard.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"\r\nConnection: close\r\n" in talker.heard
        assert talker.ended
        assert (server.open_connections, clock.next_due) == (0, None)


async def test_a_connection_that_is_answered_is_not_idle() -> None:
    """However long that takes; and one that ends keeps no timer."""
    clock = ManualClock()
    async with running(clock=clock, idle_timeout=5) as client:
        client.server.fail_next("/x", Late(60))
        assert (await clock.drive(client.ask())).status == 401
        assert clock.monotonic() == 60
        client.server.fail_next("/x", Hangup(), Status(401))
        assert await client.status() == 401
        await clock.settle()
        assert (client.server.open_connections, clock.next_due) == (0, None)
        assert await client.status() == 401
        await client.http.close()
        await clock.settle()
        assert (client.server.open_connections, clock.next_due) == (0, None)


# -- addresses and TLS ------------------------------------------------------------------------


async def test_tls_with_a_throw_away_certificate() -> None:
    """`ca_file` is what a client trusts; it is gone after the server."""
    async with CloudServer(tls=True) as server:
        assert server.url.startswith("https://127.0.0.1:")
        path = server.ca_file
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=path))
        async with aiohttp.ClientSession(server.url, connector=connector) as http:
            assert (await Client(server, http).ask(LOGIN, json=ADMIN)).status == 200
        async with aiohttp.ClientSession(server.url) as http:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await Client(server, http).status()
    with pytest.raises(ConfigurationError, match="tls=True"):
        _ = server.ca_file
    with pytest.raises(FileNotFoundError):
        ssl.create_default_context(cafile=path)


async def test_tls_with_a_certificate_of_ones_own() -> None:
    """A context given is used as it is."""
    trustme = pytest.importorskip("trustme", reason="trustme is not installed")
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with CloudServer(tls=context) as server:
        connector = aiohttp.TCPConnector(ssl=trust)
        async with aiohttp.ClientSession(server.url, connector=connector) as http:
            assert await Client(server, http).status() == 401


async def test_tls_without_trustme_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ConfigurationError, match=r"aiocloudauth\[testing\]"):
        await CloudServer(tls=True).start()


async def test_an_ipv6_address_is_written_as_urls_write_it() -> None:
    """In brackets."""
    try:
        server = await CloudServer(host="::1").start()
    except ConfigurationError:
        pytest.skip("no IPv6 on this machine")
    async with server:
        assert server.url.startswith("http://[::1]:")
