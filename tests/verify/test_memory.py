"""What a hostile answer may cost: memory, measured in a process of the client's own."""

from __future__ import annotations

import asyncio
import gzip
import re
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth import (
    CloudSession,
    InvalidResponseError,
    Password,
    RenewalPolicy,
    RenewalTimeoutError,
)
from tests.http.raw_server import LOGIN, LOGOUT, REFRESH, WHO, RawServer, Reply, http

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.http.raw_server import Request

#: What bad answers may cost beyond ordinary ones, MiB: the worst of them, and all that is kept.
LIMIT = 8.0

#: From which aiohttp on the number of header fields, and what is decompressed at once, is bounded.
BOUNDED = (3, 13, 4)

PROBE = Path(__file__).with_name("memory_peak.py")
CHUNKED = b"HTTP/1.1 %d OK\r\nTransfer-Encoding: chunked\r\n%s\r\n"
MEGABYTE = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"


def for_ever(begun: bytes, more: bytes, *, pause: float = 0.0) -> Reply:
    """Begin an answer, and go on with `more` until the client ends it."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        while not writer.is_closing():
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


def bomb(status: int, coding: str = "gzip") -> bytes:
    """Write an answer of a few kilobytes that is 256 MB once it is decompressed."""
    packer = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    packed = b"".join(packer.compress(b" " * 0x100000) for _ in range(256)) + packer.flush()
    return http(packed, f"Content-Encoding: {coding}", status=status)


def bombs(status: int) -> Reply:
    """Send one small bomb after another in an answer that never ends."""
    packed = gzip.compress(b" " * 0x1000000)
    head = CHUNKED % (status, b"Content-Encoding: gzip\r\n")
    return for_ever(head, b"%x\r\n%s\r\n" % (len(packed), packed))


ANSWERS: dict[str, Reply] = {
    "endless body": for_ever(CHUNKED % (200, b""), MEGABYTE),
    "endless body until the end of the connection": for_ever(
        b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 0x100000
    ),
    "endless body of one length": for_ever(http(length=10**15), b"a" * 0x100000),
    "endless error": for_ever(CHUNKED % (500, b""), MEGABYTE),
    "endless refusal": for_ever(CHUNKED % (401, b""), MEGABYTE),
    "endless refusal with its code": for_ever(
        CHUNKED % (401, b"x-cloud-error-codes: root.unauthorized\r\n"), MEGABYTE
    ),
    "endless refusal about something else": for_ever(
        CHUNKED % (401, b"x-cloud-error-codes: user.not_found\r\n"), MEGABYTE
    ),
    "endless redirect": for_ever(CHUNKED % (302, b"Location: /api/v1/z\r\n"), MEGABYTE),
    "endless chunks of a byte": for_ever(CHUNKED % (500, b""), b"1\r\n \r\n" * 50_000),
    "endless headers": for_ever(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 50_000),
    "endless header": for_ever(b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 0x100000),
    "endless status line": for_ever(b"HTTP/1.1 200 ", b"b" * 0x100000),
    "endless trailers": for_ever(
        CHUNKED % (500, b"") + b"2\r\n{}\r\n0\r\n", b"X-A: b\r\n" * 50_000
    ),
    "bomb": bomb(500),
    "bomb of deflate": bomb(500, "deflate"),
    "bomb of a refusal": bomb(401),
    "bombs": bombs(500),
    "bombs of refusals": bombs(401),
    "1 MiB of JSON in pieces": http(b'{"errors": [' + b"{}," * 349_000 + b"{}]}", status=500),
    "1 MiB of nothing but brackets": http(b"[" * 1_048_576, status=500),
    "1 MiB of keys": http(
        b"{" + b",".join(b'"%x":0' % n for n in range(110_000)) + b"}", status=500
    ),
}
ENDPOINTS = {
    "_login": LOGIN,
    "_refresh": REFRESH,
    "users_auth": WHO,
    "_logout": LOGOUT,
    "api": "/x",
}


async def peaks(url: str, endpoint: str, names: Mapping[str, object]) -> dict[str, float]:
    """Return by how much a client's memory grew at its peak, MiB, for each answer."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROBE), url, endpoint, *names, stdout=-1, stderr=-1
    )
    said, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    pairs = (line.rsplit(" ", 1) for line in said.decode().splitlines())
    return {name: float(peak) for name, peak in pairs}


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a process its peak"
)
@pytest.mark.skipif(
    tuple(map(int, re.findall(r"\d+", aiohttp.__version__)[:3])) < BOUNDED,
    reason="this aiohttp itself reads header fields, and unpacks, without a bound",
)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_no_answer_costs_more_than_8_mib(endpoint: str) -> None:
    """Of an endless body `max_body` is read, what is compressed stays so, and nothing is kept."""
    end = ENDPOINTS[endpoint]
    replies = {f"{n}/api/v1/{end.strip('/')}": one for n, one in enumerate(ANSWERS.values())}
    if end == WHO:  # which is asked when a token ends whose answer did not say it
        replies[LOGIN] = http(b'{"token": "opaque"}')
    async with RawServer(replies) as server:
        async with asyncio.timeout(200):
            measured = await peaks(server.url, endpoint, ANSWERS)
    assert measured.keys() == ANSWERS.keys()
    assert {name: peak for name, peak in measured.items() if peak > LIMIT} == {}


FLOODS: dict[str, Reply] = {
    "100": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "102 with headers": for_ever(b"", b"HTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n" * 500),
    "a chunk's extension": for_ever(CHUNKED % (200, b"") + b"5;", b"b" * 65_536),
    "a chunk's size": for_ever(CHUNKED % (200, b""), b"0" * 65_536),
    "white space": for_ever(http(length=10**15), b" ", pause=0.001),
}


@pytest.mark.parametrize("endpoint", [LOGIN, REFRESH])
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_that_never_comes_to_an_answer_ends_with_the_attempt(
    flood: str, endpoint: str
) -> None:
    """Whatever arrives, an attempt gets its time and no more; others are served meanwhile."""
    policy = RenewalPolicy(min_interval=0.05, attempt_timeout=0.3, renewal_timeout=0.4)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    async with RawServer({endpoint: FLOODS[flood]} if endpoint == LOGIN else {}) as server:
        cloud = CloudSession(server.url, Password("admin", "secret"), policy=policy)
        if endpoint == REFRESH:
            await cloud.open()
            server.replies[REFRESH] = FLOODS[flood]
        other = asyncio.create_task(others())
        try:
            async with asyncio.timeout(5):
                with pytest.raises((RenewalTimeoutError, InvalidResponseError)):
                    await (cloud.open() if endpoint == LOGIN else cloud.refresh())
            assert turns > 2
        finally:
            other.cancel()
            await cloud.close()
