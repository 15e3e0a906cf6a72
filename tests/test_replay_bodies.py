"""Which bodies are sent again after a refusal, and that a second one is never cut or empty."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import tempfile
import time
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import aiohttp
import pytest

from aiocloudauth import BodyNotReplayableError, CloudSession, Password, RenewalPolicy
from aiocloudauth._http.replay import can_send_again
from aiocloudauth.testing import CloudServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from aiocloudauth.testing import Arrival

QUICK = RenewalPolicy(min_interval=0.01)

#: Longer than any single read of aiohttp.
LARGE = bytes(range(256)) * 2_000


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), policy=QUICK, **options)


def digest(body: bytes) -> str:
    """Digest a body as the server's log does."""
    return hashlib.sha256(body).hexdigest()


async def pieces(count: int = 3) -> AsyncIterator[bytes]:
    """Give a body piece by piece, once."""
    for number in range(count):
        yield b"piece %d;" % number


async def refused_post(server: CloudServer, **options: Any) -> Arrival:
    """Post with a token that has been revoked, and return the request that was accepted."""
    async with session(server) as cloud:
        server.revoke_all()
        async with cloud.post("/x", **options) as response:
            assert response.status == 200
    first, second = server.log.to("/x")
    assert (first.status, first.generation) == (401, 1)
    assert (second.status, second.generation) == (200, 2)
    return second


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: LARGE, LARGE),
        (lambda: bytearray(b"bytes"), b"bytes"),
        (lambda: memoryview(b"bytes"), b"bytes"),
        (lambda: "Grüße", "Grüße".encode()),
        (lambda: io.BytesIO(LARGE), LARGE),
        (lambda: io.StringIO("Grüße"), "Grüße".encode()),
        (lambda: b"", b""),
        (lambda: None, b""),
    ],
    ids=["bytes", "bytearray", "memoryview", "str", "BytesIO", "StringIO", "empty", "none"],
)
async def test_a_body_in_memory_is_sent_again_whole(
    make: Callable[[], Any], expected: bytes
) -> None:
    """LESSONS: replay lost the body, or sent the old token."""
    async with CloudServer() as server:
        second = await refused_post(server, data=make())
        assert (second.body_size, second.body_sha256 or digest(b"")) == (
            len(expected),
            digest(expected),
        )
        assert int(second.headers.get("Content-Length", 0)) == len(expected)


async def test_json_and_forms_are_sent_again_whole() -> None:
    """What `json=` and a mapping in `data=` make is bytes in the end."""
    async with CloudServer() as server:
        second = await refused_post(server, json={"name": "Grüße"})
        assert json.loads(second.body) == {"name": "Grüße"}
        assert second.headers["Content-Type"] == "application/json"
    async with CloudServer() as server:
        second = await refused_post(server, data={"a": "1", "b": "x y"})
        assert parse_qs(second.body.decode()) == {"a": ["1"], "b": ["x y"]}


@pytest.mark.parametrize("start", [0, 1_000])
@pytest.mark.parametrize("mode", ["rb", "r+b", "unbuffered", "text", "temporary"])
async def test_a_seekable_file_is_sent_again_from_where_it_stood(
    tmp_path: Path, start: int, mode: str
) -> None:
    """The replay begins at the caller's position, not at the file's start or its end."""
    content = b"0123456789" * 5_000
    (tmp_path / "upload").write_bytes(content)
    async with CloudServer() as server:
        with contextlib.ExitStack() as stack:
            file: Any
            if mode == "unbuffered":
                file = stack.enter_context((tmp_path / "upload").open("rb", buffering=0))
            elif mode == "text":
                file = stack.enter_context((tmp_path / "upload").open(encoding="ascii"))
            elif mode == "temporary":
                file = stack.enter_context(tempfile.TemporaryFile())
                file.write(content)
            else:
                file = stack.enter_context((tmp_path / "upload").open(mode))
            file.seek(start)
            second = await refused_post(server, data=file)
    assert (second.body_size, second.body_sha256) == (
        len(content) - start,
        digest(content[start:]),
    )


async def test_a_multipart_with_a_file_is_sent_again_whole(tmp_path: Path) -> None:
    """A form with a file: every part can be sent again, so the whole can."""
    (tmp_path / "upload").write_bytes(LARGE)
    async with CloudServer() as server:
        with (tmp_path / "upload").open("rb") as file:
            form = aiohttp.FormData()
            form.add_field("name", "value")
            form.add_field("file", file, filename="upload")
            second = await refused_post(server, data=form)
        whole = aiohttp.MultipartWriter("mixed", boundary="b")
        whole.append("text")
        whole.append(io.BytesIO(LARGE))
        nested = aiohttp.MultipartWriter("mixed", boundary="c")
        nested.append_json({"a": 1})
        whole.append(nested)
        expected = await whole.as_bytes()
        with_nested = await refused_post_again(server, data=whole)
    boundary = second.headers["Content-Type"].partition("boundary=")[2].encode()
    assert second.body_size == int(second.headers["Content-Length"])
    assert second.body.startswith(b"--" + boundary)
    assert b'name="name"\r\n\r\nvalue\r\n' in second.body
    assert with_nested.body_sha256 == digest(expected)


async def refused_post_again(server: CloudServer, **options: Any) -> Arrival:
    """As `refused_post`, for a server that has seen requests before."""
    server.log.clear()
    async with session(server) as cloud:
        server.revoke_all()
        async with cloud.post("/x", **options) as response:
            assert response.status == 200
    first, second = server.log.to("/x")
    assert (first.status, second.status) == (401, 200)
    return second


@pytest.mark.parametrize("compress", ["deflate", "gzip"])
async def test_a_compressed_body_is_compressed_again(compress: str) -> None:
    """The compressor has a state; the replay gets a fresh one."""
    async with CloudServer() as server:
        second = await refused_post(server, data=LARGE, compress=compress)
        assert second.headers["Content-Encoding"] == compress
        # Only the first 64 KiB are kept, and compressed this is less.
        assert second.body_size == len(second.body)
        assert zlib.decompress(second.body, wbits=47) == LARGE


async def test_chunked_and_expect_100_are_kept() -> None:
    """`Expect: 100-continue` is waited for twice, and the body follows once."""
    async with CloudServer() as server:
        second = await refused_post(server, data=b"whole", chunked=True)
        assert second.headers["Transfer-Encoding"] == "chunked"
        assert second.body == b"whole"
        second = await refused_post_again(server, data=b"whole", expect100=True)
        assert second.headers["Expect"] == "100-continue"
        assert second.body == b"whole"
        assert server.log.to("/x")[0].body_size == 0


async def never_sent_again(server: CloudServer, body: object, **options: Any) -> None:
    """Post `body` with a revoked token: a typed error, and one arrival only."""
    async with session(server) as cloud:
        server.revoke_all()
        with pytest.raises(BodyNotReplayableError, match=r"POST .*/x: .*renewed") as caught:
            await cloud.post("/x?secret=1", data=body, **options)
        assert "secret=1" not in str(caught.value)
        # A new token is held: the caller may send the request with a fresh body.
        assert cloud.token is not None
        assert cloud.token.generation == 2
        async with cloud.post("/y", data=b"fresh") as response:
            assert response.status == 200
    assert [(a.status, a.generation) for a in server.log.to("/x")] == [(401, 1)]
    assert server.stats.logins == 2


async def test_a_generator_is_never_sent_again() -> None:
    """LESSONS: a consumed generator body replays as 0 bytes and gets 200."""
    async with CloudServer() as server:
        await never_sent_again(server, pieces())


async def test_a_generator_that_an_early_answer_interrupted_is_never_sent_again() -> None:
    """`consumed` alone is no proof: before aiohttp 3.14 it stays false for this one."""
    ended = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.get_running_loop().create_future()
            yield b"never"
        finally:
            ended.set()

    async with CloudServer() as server:
        await never_sent_again(server, slow())
        await asyncio.wait_for(ended.wait(), 5)


class OneWay(io.RawIOBase):
    """A pipe's end: it can be read once."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)


async def test_an_unseekable_file_is_never_sent_again() -> None:
    """What has been read of a pipe is gone."""
    async with CloudServer() as server:
        await never_sent_again(server, OneWay(b"once"))
    reading, writing = os.pipe()
    os.write(writing, b"once")
    os.close(writing)
    async with CloudServer() as server:
        with os.fdopen(reading, "rb") as pipe:
            await never_sent_again(server, pipe, headers={"Content-Length": "4"})


async def test_a_multipart_with_one_part_that_cannot_be_is_never_sent_again() -> None:
    """All parts, or nothing: the generator among them may be deep inside."""
    inner = aiohttp.MultipartWriter()
    inner.append("text")
    inner.append(pieces())
    outer = aiohttp.MultipartWriter()
    outer.append(b"bytes")
    outer.append(inner)
    async with CloudServer() as server:
        await never_sent_again(server, outer)


async def test_a_stream_of_another_answer_is_never_sent_again() -> None:
    """Piping an answer into a request reads it from the wire, once."""
    async with CloudServer() as server, session(server) as cloud, cloud.get("/y") as other:
        server.revoke_all()
        with pytest.raises(BodyNotReplayableError):
            await cloud.post("/x", data=other.content)


async def test_a_file_that_was_closed_or_consumed_is_not_sent_again(tmp_path: Path) -> None:
    """Aiohttp closes a file after a request is over; its type alone is no proof."""
    (tmp_path / "upload").write_bytes(b"content")
    file = (tmp_path / "upload").open("rb")
    closed = aiohttp.payload.BufferedReaderPayload(file)
    assert can_send_again(closed)
    file.close()
    assert not can_send_again(closed)
    with (tmp_path / "upload").open("rb", buffering=0) as unlocked:
        payload = aiohttp.payload.IOBasePayload(unlocked)
        assert can_send_again(payload)
        assert not can_send_again(payload, interrupted=True)
    with (tmp_path / "upload").open("rb") as opened:
        consumed = aiohttp.payload.BufferedReaderPayload(opened)
        await consumed.close()
        assert not can_send_again(consumed)


class Slow(io.RawIOBase):
    """A file on a slow disk, which no lock guards: reads go on while others seek."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        assert whence == 0
        self._at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        time.sleep(0.1)  # in aiohttp's thread
        piece = self._content[self._at : self._at + size]
        self._at += len(piece)
        return piece


async def test_a_file_that_a_thread_may_still_be_reading_is_not_sent_again() -> None:
    """An early refusal stops the task that writes the body, and not the thread that reads it."""
    async with CloudServer() as server, session(server, timeout=5) as cloud:
        server.revoke_all()
        with pytest.raises(BodyNotReplayableError):
            await cloud.post("/x", data=Slow(LARGE))
        assert len(server.log.to("/x")) == 1


async def test_a_large_file_is_sent_again_whole_after_an_early_refusal(tmp_path: Path) -> None:
    """A server that looks at the token before the body answers in the middle of it."""
    content = LARGE * 8
    (tmp_path / "upload").write_bytes(content)
    async with CloudServer() as server, session(server, timeout=10) as cloud:
        server.revoke_all()
        with (tmp_path / "upload").open("rb") as file:
            async with cloud.post("/x", data=file) as response:
                assert response.status == 200
        assert server.log.to("/x")[-1].body_sha256 == digest(content)
        assert len(server.log.to("/x")) == 2
