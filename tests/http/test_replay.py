"""What makes the middleware send a request again, which bodies it can, and on which connection."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import tempfile
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import aiohttp
import pytest

from aiocloudauth import (
    ApiError,
    ApiKey,
    BodyNotReplayableError,
    CloudSession,
    Password,
    PermissionDeniedError,
    RenewalPolicy,
    RequestReplayed,
    SessionExpiredError,
    SessionState,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth._http.replay import can_send_again
from aiocloudauth.testing import (
    Body,
    CloudServer,
    Fault,
    ManualClock,
    Raw,
    Reset,
    Silence,
    Status,
)
from tests.http.clients import QUICK, session
from tests.http.raw_server import RawServer, Request, http, refusal, silence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from aiocloudauth.testing import Arrival, Effect

CODES = "x-cloud-error-codes"
#: Longer than any single read of aiohttp.
LARGE = bytes(range(256)) * 2_000


def digest(body: bytes) -> str:
    """Digest a body as the server's log does."""
    return hashlib.sha256(body).hexdigest()


# -- which answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refused",
    [
        Status(401, "root.unauthorized"),
        Status(401),
        Body("", 401, "text/plain", {CODES: "root.unauthenticated, root.unauthorized"}),
        Body(refusal("root.unauthenticated"), 401),
        Body("<html>Who are you?</html>", 401, "text/html"),
        Body(b"\xff\xfe{", 401),
        Body(b"", 401),
        # Longer than is read of it: what it says does not count.
        Body(refusal("templates.region_not_allowed").ljust(1_001), 401),
        # Cut short, and not what its Content-Encoding says.
        Raw(b"HTTP/1.1 401 No\r\nContent-Length: 50\r\n\r\nabc"),
        Raw(b"HTTP/1.1 401 No\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
    ],
    ids=["code", "none", "header", "body", "html", "binary", "empty", "long", "short", "gzip"],
)
async def test_a_refused_request_is_sent_once_more(refused: Effect) -> None:
    """The code may be in the header, only in the body, or nowhere."""
    told: list[Any] = []
    policy = RenewalPolicy(min_interval=0.01, max_body=1_000)
    async with CloudServer() as server, session(server, policy=policy) as cloud:
        cloud.subscribe(told.append)
        server.fail_next("/x", refused)
        async with cloud.get("/x?secret=1") as response:
            assert (await response.json())["user"] == "admin"
        assert len(server.log.to("/x")) == 2
    replayed = [event for event in told if isinstance(event, RequestReplayed)]
    assert [(event.method, event.url) for event in replayed] == [("GET", f"{server.url}/api/v1/x")]


@pytest.mark.parametrize(
    ("status", "codes", "kind"),
    [
        (401, ["comments.unauthorised"], PermissionDeniedError),
        (401, ["templates.region_not_allowed"], PermissionDeniedError),
        (401, ["root.unauthorized", "templates.region_not_allowed"], ApiError),
        (401, ["user.not_found"], ApiError),
        (403, ["root.unauthorized"], UnauthorizedError),
        (403, [], PermissionDeniedError),
    ],
    ids=lambda value: "+".join(value) or "none" if isinstance(value, list) else None,
)
@pytest.mark.parametrize("place", ["header", "body"])
async def test_other_answers_are_the_callers_and_stay_whole(
    status: int, codes: list[str], kind: type[ApiError], place: str
) -> None:
    """Invariant: never a replay for an answer that no new token changes."""
    said = refusal(*codes).decode() if codes else "{}"
    fields = {CODES: ", ".join(codes)} if place == "header" and codes else {}
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Body(said, status, headers=fields), times=2)
        with pytest.raises(kind) as caught:
            await cloud.get("/x")
        assert caught.value.codes == tuple(codes)
        # What was read for its code is still there for the caller.
        async with cloud.get("/x", raise_for_status=False) as response:
            assert await response.text() == said
        assert len(server.log.to("/x")) == 2
        assert len(server.log.to("users/auth")) == 0
        assert server.generation == 1


@pytest.mark.parametrize("raising", [True, False], ids=["raising", "as it is"])
async def test_a_401_that_persists_after_the_replay_is_the_answer(*, raising: bool) -> None:
    """Exactly two requests."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", status=401, code="root.unauthorized", times=2)
        if raising:
            with pytest.raises(UnauthorizedError):
                await cloud.get("/x")
        else:
            async with cloud.get("/x", raise_for_status=False) as response:
                assert response.status == 401
                assert "errors" in await response.json()
        assert len(server.log.to("/x")) == 2


async def test_a_static_key_has_no_successor_and_its_401_stays_whole() -> None:
    """The answer is the caller's, with its body unread."""
    async with (
        CloudServer() as server,
        CloudSession(server.url, ApiKey("k"), policy=QUICK) as cloud,
    ):
        with pytest.raises(UnauthenticatedError):
            await cloud.get("/x")
        server.fail_next("/x", Body(b"y" * 3_000_000, 401))
        async with cloud.get("/x", raise_for_status=False) as response:
            assert await response.read() == b"y" * 3_000_000
        assert len(server.log.to("/x")) == 2


async def test_the_time_for_reading_a_refusal_counts_against_the_callers_total() -> None:
    """A 401 without a code whose body never ends is bounded by the caller's own timeout."""

    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(http(status=401, length=50))
        await silence()

    async with (
        RawServer({"/x": endless}) as server,
        CloudSession(server.url, ApiKey("key"), timeout=0.1) as cloud,
    ):
        with pytest.raises(TimeoutError):
            await cloud.get("/x")


async def test_a_connection_lost_in_the_replay_is_the_callers_error() -> None:
    """A replay is one more sending and not one more chance: its failures are passed on."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", status=401, code="root.unauthorized")
        server.fail_next("/x", Reset())
        with pytest.raises(aiohttp.ClientConnectionError):
            await cloud.post("/x", data=b"x")
        assert len(server.log.to("/x")) == 2


async def test_a_replay_can_be_cancelled() -> None:
    """As a first sending can."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock=clock) as cloud:
        server.revoke_all()
        task = asyncio.create_task(cloud.post("/x?delay=5", data=b"x").__aenter__())
        await clock.advance(0.1)
        assert len(server.log.to("/x")) == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with cloud.get("/y") as response:
            assert response.status == 200


# -- on which connection -------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1_000_000])
@pytest.mark.parametrize("fields", [{CODES: "root.unauthorized"}, {}], ids=["coded", "uncoded"])
@pytest.mark.parametrize("body", [None, b"whole"], ids=["GET", "POST"])
async def test_a_refusal_with_a_large_body_does_not_block_a_pool_of_one(
    size: int, fields: dict[str, str], body: bytes | None
) -> None:
    """LESSONS: 401 retry without releasing the response deadlocks (`limit=1`, 1 MB body)."""
    async with CloudServer() as server:
        pool = aiohttp.TCPConnector(limit=1)
        async with session(server, connector=pool, timeout=5) as cloud:
            server.fail_next("/x", Body(b"x" * size, 401, headers=fields))
            async with cloud.request("POST" if body else "GET", "/x", data=body) as response:
                assert response.status == 200
            assert server.log.to("/x")[-1].body == (body or b"")


@pytest.mark.parametrize("size", [5, 3_000_000])
async def test_a_replay_with_a_body_takes_another_connection(size: int) -> None:
    """The server refused early; it may not want the rest, and may close without saying so."""
    first: list[asyncio.StreamWriter] = []

    async def reply(_: Request, writer: asyncio.StreamWriter) -> None:
        if first:
            writer.write(http(b"{}"))
            return
        first.append(writer)
        server.early = ()
        writer.write(http(refusal("root.unauthorized"), status=401))
        await silence()  # whatever comes on this connection

    async with (
        RawServer({"/x": reply}, early=("/x",)) as server,
        CloudSession(server.url, Password("a", "b"), policy=QUICK) as cloud,
        cloud.post("/x", data=io.BytesIO(bytes(size)), timeout=5) as response,
    ):
        assert response.status == 200
    assert [len(request.body) for request in server.to("/x")] == [0, size]


async def test_a_replay_without_a_body_keeps_its_connection() -> None:
    """After a revocation a pool does not have to be made anew."""
    async with CloudServer() as server, session(server) as cloud:
        server.revoke_all()
        async with cloud.get("/x") as response:
            assert response.status == 200
        # One for the renewals, at least, and one for all of these.
        assert len({arrival.connection for arrival in server.log.to("/x")}) == 1


@pytest.mark.parametrize("status", [200, 401, 500])
async def test_an_answer_before_the_body_that_is_no_refusal_is_the_answer(status: int) -> None:
    """Nothing is sent again, and the next request finds a connection that is in step."""

    async def reply(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(http(refusal("a.b"), status=status))
        await writer.drain()
        await silence()

    async with (
        RawServer({"/x": reply}, early=("/x",)) as server,
        CloudSession(server.url, Password("a", "b"), policy=QUICK) as cloud,
    ):
        body = io.BytesIO(bytes(20_000_000))
        async with cloud.post("/x", data=body, raise_for_status=False, timeout=5) as response:
            assert response.status == status
        assert len(server.to("/x")) == 1
        async with cloud.get("/y", timeout=5) as response:
            assert response.status == 200


# -- which bodies --------------------------------------------------------------------------


async def refused_post(server: CloudServer, **options: Any) -> Arrival:
    """Post with a token that has been revoked, and return the request that was accepted."""
    server.log.clear()
    async with session(server) as cloud:
        server.revoke_all()
        async with cloud.post("/x", **options) as response:
            assert response.status == 200
    first, second = server.log.to("/x")
    assert (first.status, second.status) == (401, 200)
    assert (first.generation or 0) < (second.generation or 0)
    return second


async def test_a_body_in_memory_is_sent_again_whole() -> None:
    """LESSONS: replay lost the body, or sent the old token."""
    text = "Grüße"
    bodies: list[tuple[Any, bytes]] = [
        (LARGE, LARGE),
        (bytearray(b"bytes"), b"bytes"),
        (memoryview(b"bytes"), b"bytes"),
        (text, text.encode()),
        (io.BytesIO(LARGE), LARGE),
        (io.StringIO(text), text.encode()),
        (b"", b""),
        (None, b""),
    ]
    async with CloudServer() as server:
        for data, expected in bodies:
            second = await refused_post(server, data=data)
            assert second.body_size == len(expected)
            assert (second.body_sha256 or digest(b"")) == digest(expected)
            assert int(second.headers.get("Content-Length", 0)) == len(expected)


async def test_json_and_forms_are_sent_again_whole() -> None:
    """What `json=` and a mapping in `data=` make is bytes in the end."""
    async with CloudServer() as server:
        second = await refused_post(server, json={"name": "Grüße"})
        assert json.loads(second.body) == {"name": "Grüße"}
        assert second.headers["Content-Type"] == "application/json"
        second = await refused_post(server, data={"a": "1", "b": "x y"})
        assert parse_qs(second.body.decode()) == {"a": ["1"], "b": ["x y"]}


@pytest.mark.parametrize("mode", ["rb", "r+b", "unbuffered", "text", "temporary"])
async def test_a_seekable_file_is_sent_again_from_where_it_stood(tmp_path: Path, mode: str) -> None:
    """The replay begins at the caller's position, not at the file's start or its end."""
    content = b"0123456789" * 5_000
    path = tmp_path / "upload"
    path.write_bytes(content)
    async with CloudServer() as server:
        for start in (0, 1_000):
            with contextlib.ExitStack() as stack:
                file: Any
                if mode == "unbuffered":
                    file = stack.enter_context(path.open("rb", buffering=0))
                elif mode == "text":
                    file = stack.enter_context(path.open(encoding="ascii"))
                elif mode == "temporary":
                    file = stack.enter_context(tempfile.TemporaryFile())
                    file.write(content)
                else:
                    file = stack.enter_context(path.open(mode))
                file.seek(start)
                second = await refused_post(server, data=file)
            assert second.body_sha256 == digest(content[start:])


async def test_a_multipart_with_a_file_is_sent_again_whole(tmp_path: Path) -> None:
    """A form with a file: every part can be sent again, so the whole can."""
    (tmp_path / "upload").write_bytes(LARGE)
    async with CloudServer() as server:
        with (tmp_path / "upload").open("rb") as file:
            form = aiohttp.FormData()
            form.add_field("name", "value")
            form.add_field("file", file, filename="upload")
            second = await refused_post(server, data=form)
        assert second.body_size == int(second.headers["Content-Length"])
        assert b'name="name"\r\n\r\nvalue\r\n' in second.body
        whole = aiohttp.MultipartWriter("mixed", boundary="b")
        whole.append("text")
        whole.append(io.BytesIO(LARGE))
        nested = aiohttp.MultipartWriter("mixed", boundary="c")
        nested.append_json({"a": 1})
        whole.append(nested)
        expected = await whole.as_bytes()
        second = await refused_post(server, data=whole)
    assert second.body_sha256 == digest(expected)


async def test_compression_chunks_and_expect_are_kept() -> None:
    """The compressor has a state; `Expect: 100-continue` is waited for twice."""
    async with CloudServer() as server:
        second = await refused_post(server, data=LARGE, compress="gzip")
        assert second.headers["Content-Encoding"] == "gzip"
        assert zlib.decompress(second.body, wbits=47) == LARGE
        second = await refused_post(server, data=b"whole", chunked=True)
        assert second.headers["Transfer-Encoding"] == "chunked"
        assert second.body == b"whole"
        second = await refused_post(server, data=b"whole", expect100=True)
        assert second.headers["Expect"] == "100-continue"
        assert second.body == b"whole"
        assert server.log.to("/x")[0].body_size == 0


async def pieces() -> AsyncIterator[bytes]:
    """Give a body piece by piece, once."""
    for number in range(3):
        yield b"piece %d;" % number


async def endless_pieces() -> AsyncIterator[bytes]:
    """Give a body that an early answer interrupts."""
    yield b"first"
    await asyncio.get_running_loop().create_future()


class OneWay(io.RawIOBase):
    """A pipe's end: it can be read once."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)


def nested_pieces() -> aiohttp.MultipartWriter:
    """Put a generator deep into a multipart."""
    inner = aiohttp.MultipartWriter()
    inner.append("text")
    inner.append(pieces())
    outer = aiohttp.MultipartWriter()
    outer.append(b"bytes")
    outer.append(inner)
    return outer


ONCE: dict[str, Callable[[], Any]] = {
    "a generator": pieces,
    # `consumed` is no proof: before aiohttp 3.14 it stays false for this one.
    "an interrupted generator": endless_pieces,
    "a pipe": lambda: OneWay(b"once"),
    "a multipart with one of these": nested_pieces,
}


@pytest.mark.parametrize("kind", ONCE)
async def test_what_can_be_read_once_is_never_sent_again(kind: str) -> None:
    """LESSONS: a consumed generator body replays as 0 bytes and gets 200."""
    async with CloudServer() as server, session(server) as cloud:
        server.revoke_all()
        with pytest.raises(BodyNotReplayableError, match=r"POST .*/x: ") as caught:
            await cloud.post("/x?secret=1", data=ONCE[kind]())
        assert "secret=1" not in str(caught.value)
        # The caller may send the request with a fresh body.
        async with cloud.post("/y", data=b"fresh") as response:
            assert response.status == 200
        assert len(server.log.to("/x")) == 1


async def test_a_refusal_in_other_words_of_a_body_that_is_gone_is_the_answer() -> None:
    """The caller needs to see whose it is; the token is asked about, and stays in use."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Body("<html>Who are you?</html>", 401, "text/html"))
        async with cloud.post("/x", data=pieces(), raise_for_status=False) as response:
            assert (response.status, await response.text()) == (401, "<html>Who are you?</html>")
        assert cloud.state is not SessionState.EXPIRED
        await cloud.refresh()  # after the question
        asked = [len(server.log.to(path)) for path in ("/x", "/users/auth", "_login")]
        assert asked == [1, 1, 1]


@pytest.mark.parametrize("of", ["session", "call"])
async def test_the_wait_for_the_outcome_of_a_refusal_counts_against_the_callers_total(
    of: str,
) -> None:
    """The caller hears why, and not of a timeout that has no reason."""
    limit: dict[str, Any] = {"timeout": 5}
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        options = limit if of == "session" else {}
        cloud = CloudSession(server.url, Password("admin", "secret"), clock=clock, **options)
        async with cloud:
            await clock.advance(2.0)
            server.script(Fault("/users/auth", Silence(), method="GET"), Fault("_login", Silence()))
            server.revoke_all()
            began = clock.monotonic()
            with pytest.raises(SessionExpiredError):
                await clock.drive(cloud.get("/x", **(limit if of == "call" else {})))
            assert clock.monotonic() - began <= 5.0


async def test_a_pipe_and_a_stream_of_another_answer_are_never_sent_again() -> None:
    """What has been read of them is gone."""
    reading, writing = os.pipe()
    os.write(writing, b"once")
    os.close(writing)
    async with CloudServer() as server, session(server) as cloud, cloud.get("/y") as other:
        server.revoke_all()
        with os.fdopen(reading, "rb") as pipe, pytest.raises(BodyNotReplayableError):
            await cloud.post("/x", data=pipe, headers={"Content-Length": "4"})
        server.fail_next("/x", status=401, code="root.unauthorized")
        with pytest.raises(BodyNotReplayableError):
            await cloud.post("/x", data=other.content)
        assert len(server.log.to("/x")) == 2


async def test_a_file_that_was_closed_consumed_or_is_still_being_read_is_not_sent_again(
    tmp_path: Path,
) -> None:
    """Aiohttp closes a file after a request; a thread may go on reading one after an answer."""
    (tmp_path / "upload").write_bytes(b"content")
    file = (tmp_path / "upload").open("rb")
    closed = aiohttp.payload.BufferedReaderPayload(file)
    assert can_send_again(closed, interrupted=True)
    file.close()
    assert not can_send_again(closed)
    with (tmp_path / "upload").open("rb", buffering=0) as unlocked:
        payload = aiohttp.payload.IOBasePayload(unlocked)
        assert can_send_again(payload)
        assert not can_send_again(payload, interrupted=True)
        parts = aiohttp.MultipartWriter()
        parts.append_payload(payload)
        assert can_send_again(parts)
        assert not can_send_again(parts, interrupted=True)
    with (tmp_path / "upload").open("rb") as opened:
        consumed = aiohttp.payload.BufferedReaderPayload(opened)
        await consumed.close()
        assert not can_send_again(consumed)


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


@pytest.mark.parametrize(
    ("answer", "error"),
    [(refusal("root.unauthorized"), BodyNotReplayableError), (b"<html>", UnauthorizedError)],
    ids=["coded", "uncoded"],
)
async def test_a_file_without_a_lock_is_not_sent_again_after_an_early_refusal(
    tmp_path: Path, answer: bytes, error: type[Exception]
) -> None:
    """A thread may still be reading it. Somebody else's words are then the answer."""

    async def reply(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(http(answer, status=401))
        await writer.drain()
        await silence()

    (tmp_path / "upload").write_bytes(LARGE * 8)
    async with (
        RawServer({"/x": reply}, early=("/x",)) as server,
        CloudSession(server.url, Password("a", "b"), policy=QUICK) as cloud,
    ):
        with (tmp_path / "upload").open("rb", buffering=0) as file, pytest.raises(error):
            await cloud.post("/x", data=file, timeout=5)
        assert len(server.to("/x")) == 1
