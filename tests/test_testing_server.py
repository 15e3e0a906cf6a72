"""Starting and closing, TLS, faults that met nothing, values that cannot be."""

from __future__ import annotations

import asyncio
import ssl
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import (
    CloudServer,
    Fault,
    Late,
    ManualClock,
    UnusedFaultWarning,
)
from tests.calls import ADMIN, LOGIN, bearer, log_in, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"token_lifetime": 0}, "token_lifetime"),
        ({"token_lifetime": -1}, "token_lifetime"),
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
        ({"port": -1}, "port"),
        ({"port": 65_536}, "port"),
        ({"port": "80"}, "port"),
        ({"host": ""}, "host"),
        ({"root": "api/v1"}, "root"),
        ({"root": "/api/v1/"}, "root"),
        ({"log_size": -1}, "log_size"),
        ({"users": {"": "x"}}, "user name"),
        ({"users": {"a:b": "x"}}, "user name"),
        ({"users": {"a": ""}}, "password"),
        ({"users": {"a": None}}, "password"),
        ({"faults": ["nonsense"]}, "nonsense"),
    ],
)
def test_a_server_refuses_what_cannot_be(options: dict[str, Any], named: str) -> None:
    """A typed error at construction, naming what is wrong."""
    with pytest.raises(ConfigurationError, match=named):
        CloudServer(**options)


async def test_two_servers_at_once_share_nothing() -> None:
    """A token of one opens nothing at the other, and its log is its own."""
    async with CloudServer() as one, CloudServer() as two:
        async with aiohttp.ClientSession() as http:
            async with http.post(one.url + LOGIN, json=ADMIN) as answer:
                token = bearer((await answer.json())["token"])
            async with http.get(two.url + "/api/v1/x", headers=token) as answer:
                assert answer.status == 401
        assert (one.stats.logins, two.stats.logins) == (1, 0)
        assert [len(one.log), len(two.log)] == [1, 1]


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


async def test_open_connections_are_counted() -> None:
    """So that a test can tell whether a client left any behind."""
    async with CloudServer() as server:
        async with aiohttp.ClientSession(server.url, connector=server.connector()) as http:
            assert server.open_connections == 0
            await log_in(http)
            assert server.open_connections == 1
        await ManualClock().settle()
        assert server.open_connections == 0
        assert server.stats.connections == 1


async def test_start_and_close_may_be_called_again() -> None:
    """Both do nothing the second time; a closed server can be started once more."""
    server = CloudServer()
    with pytest.raises(ConfigurationError, match="before it is started"):
        _ = server.url
    with pytest.raises(ConfigurationError, match="before it is started"):
        server.accept()
    await server.close()
    assert await server.start() is server
    url = server.url
    assert await server.start() is server
    assert server.url == url
    await server.close()
    await server.close()
    assert not server.running
    async with server, aiohttp.ClientSession(server.url) as http:
        assert await status(http, {}) == 401


async def test_close_does_not_wait_for_what_never_ends() -> None:
    """Idle, slow, silent and uploading connections all go at once."""
    server = await CloudServer().start()
    server.fail_next("/silent", "silence")
    async with aiohttp.ClientSession(server.url) as http:
        token = await log_in(http)
        gate = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b"x"
            await gate.wait()

        async def upload() -> None:
            async with http.post("/api/v1/upload", headers=token, data=body()):
                pass

        pending = [
            asyncio.create_task(upload()),
            asyncio.create_task(status(http, token, "/slow?delay=3600")),
            asyncio.create_task(status(http, {}, "/silent")),
        ]
        while len(server.log) < 4:  # noqa: ASYNC110 - what is waited for is in the server
            await asyncio.sleep(0.001)
        began = time.perf_counter()
        await server.close()
        assert time.perf_counter() - began < 0.5
        for outcome in await asyncio.gather(*pending, return_exceptions=True):
            assert isinstance(outcome, aiohttp.ClientError)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others


async def test_close_does_not_wait_for_a_handshake_that_never_comes() -> None:
    """A client that connects to a TLS server and says nothing."""
    async with CloudServer(tls=True) as server:
        port = int(server.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.01)
        began = time.perf_counter()
        await server.close()
        assert time.perf_counter() - began < 1
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_starting_and_stopping_takes_no_time() -> None:
    """20 ms at most, the median of 51: it goes into every test of every user."""
    took = []
    for _ in range(51):
        began = time.perf_counter()
        async with CloudServer():
            pass
        took.append(time.perf_counter() - began)
    assert statistics.median(took) < 0.020


async def test_a_client_that_leaves_ends_what_was_held_back_for_it() -> None:
    """A late answer to nobody keeps no task."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, faults=[Fault("/x", Late(3600))]) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        asked = asyncio.create_task(status(http, {}))
        await clock.settle()
        assert clock.next_due == 3600
        asked.cancel()
        await clock.settle()
        assert clock.next_due is None
        assert server.log[-1].status is None


async def test_a_fault_that_met_nothing_is_reported_at_the_end() -> None:
    """A script that never fires tests nothing, and its author should know."""
    server = await CloudServer(faults=[Fault("_login", "html")]).start()
    with pytest.warns(UnusedFaultWarning, match="met no request: html at _login$"):
        await server.close()
    await server.close()

    async def as_a_block() -> None:
        async with CloudServer() as server:
            server.fail_next("_refresh", status=502)
            server.fail_next("/x", Late(1), method="GET")
            server.script(Fault("/y", "silence", optional=True))
            assert [fault.path for fault in server.unfired] == ["_refresh", "/x"]

    with pytest.warns(UnusedFaultWarning, match=r": status at _refresh; late at GET /x$"):
        await as_a_block()


async def test_a_fault_that_met_nothing_is_not_reported_over_a_failure() -> None:
    """What failed inside the block says more; and faults taken back are not missed."""
    with pytest.raises(ZeroDivisionError):
        async with CloudServer(faults=[Fault("_login", "html")]):
            raise ZeroDivisionError
    async with CloudServer(faults=[Fault("_login", "html")]) as server:
        server.clear_faults()
        assert server.unfired == ()


async def test_tls_with_a_throw_away_certificate() -> None:
    """`ca_file` is what a client trusts; it is gone after the server."""
    async with CloudServer(tls=True) as server:
        assert server.url.startswith("https://127.0.0.1:")
        path = server.ca_file
        trust = ssl.create_default_context(cafile=path)
        connector = aiohttp.TCPConnector(ssl=trust)
        async with aiohttp.ClientSession(server.url, connector=connector) as http:
            assert await status(http, await log_in(http)) == 200
        async with aiohttp.ClientSession(server.url) as http:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await status(http, {})
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
            assert await status(http, await log_in(http)) == 200


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


def test_the_server_leaves_nothing_to_warn_of() -> None:
    """Under `-X dev -W error`: no task, socket or file is left, faults and TLS included."""
    program = """
import asyncio, aiohttp
from aiocloudauth.testing import CloudServer

async def main():
    asyncio.get_running_loop().slow_callback_duration = 10  # a busy machine is no matter
    async with CloudServer(tls=True) as server:
        server.fail_next("/x", "silence")
        server.fail_next("/x", "endless")
        server.fail_next("/x", "reset")
        connector = aiohttp.TCPConnector(ssl=False)
        async with aiohttp.ClientSession(server.url, connector=connector) as http:
            for _ in range(3):
                try:
                    async with asyncio.timeout(0.1), http.get("/api/v1/x") as answer:
                        await answer.read()
                except (TimeoutError, aiohttp.ClientError):
                    pass

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
