"""A server on a raw socket: an ECE that behaves, but where a test says what it answers with."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeAlias

from attrs import field, frozen
from multidict import CIMultiDict

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping

#: Bytes to answer with before the connection is closed, or what answers.
Reply: TypeAlias = "bytes | Callable[[Request, asyncio.StreamWriter], Awaitable[None]]"

EXPIRY = "2099-01-01T00:00:00Z"
LOGIN, REFRESH, LOGOUT = (f"users/auth/{name}" for name in ("_login", "_refresh", "_logout"))
WHO = "users/auth"


@frozen
class Request:
    """A request as it arrived."""

    method: str
    target: str
    headers: CIMultiDict[str] = field(repr=False)
    body: bytes = field(repr=False)
    head: bytes = field(repr=False)

    def carries(self, secret: str) -> bool:
        """Tell whether a secret is anywhere in it."""
        return secret.encode() in self.head + self.body


def http(body: bytes = b"", *headers: str, status: int = 200, length: object = None) -> bytes:
    """Write an answer; with `length` one that promises so much."""
    fields = [f"Content-Length: {len(body) if length is None else length}", *headers]
    head = "\r\n".join([f"HTTP/1.1 {status} Whatever", *fields, "", ""])
    return head.encode("latin-1") + body


def chunked(*chunks: bytes, status: int = 200) -> bytes:
    """Write an answer whose end is not among these chunks."""
    head = b"HTTP/1.1 %d OK\r\nTransfer-Encoding: chunked\r\n\r\n" % status
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def token_body(token: object = "token", **others: object) -> bytes:
    """Write what `_login` and `_refresh` answer with."""
    return json.dumps({"token": token, "session_expiration_time": EXPIRY} | others).encode()


def refusal(*codes: str, message: str = "No.") -> bytes:
    """Write an error body as the API does."""
    return json.dumps({"errors": [{"code": code, "message": message} for code in codes]}).encode()


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with a RST."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class RawServer:
    """Answers as an ECE does: to log in, to renew, to log out, and `{}` to all else.

    Args:
        replies: What it answers with instead, by the end of the path. They come after the
            whole request was read, but for those named in `early`.
        early: Ends of paths that are answered as soon as the header is there.
        keep: Whether a connection is kept after such an answer.
        tls: A context to speak TLS with.
        mute: Whether a connection that begins with no HTTP is left open, and not closed.
    """

    def __init__(
        self,
        replies: Mapping[str, Reply] | None = None,
        *,
        early: tuple[str, ...] = (),
        keep: bool = False,
        tls: ssl.SSLContext | None = None,
        mute: bool = False,
    ) -> None:
        """Listen once it is entered."""
        self.replies = dict(replies or {})
        self.received: list[Request] = []
        self.connections = 0
        self.url = ""
        self.early = early
        self._issued = 0
        self._keep = keep
        self._tls = tls
        self._mute = mute
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, limit=2**22, ssl=self._tls
        )
        scheme = "https" if self._tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(set(self._tasks))

    def to(self, end: str) -> list[Request]:
        """Return what arrived at one endpoint."""
        return [request for request in self.received if request.target.endswith(end)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            # A cancellation is ours, from `__aexit__`: nobody else is to hear of it.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._answered(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if writer.is_closing() else writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request, and return whether the connection is kept."""
        first = await reader.readexactly(1)
        if not first.isalpha():  # no HTTP: the beginning of TLS
            if self._mute:
                await silence()
            return False
        head = first + await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        pairs = (text.split(": ", 1) for text in lines if text)
        headers = CIMultiDict((name, value) for name, value in pairs)
        method, target, _ = line.split(" ")
        reply = next((r for end, r in self.replies.items() if target.endswith(end)), None)
        early = any(target.endswith(end) for end in self.early)
        size = 0 if early else int(headers.get("Content-Length", "0"))
        request = Request(method, target, headers, await reader.readexactly(size), head)
        self.received.append(request)
        if reply is None:
            writer.write(self._good(request))
        elif isinstance(reply, bytes):
            writer.write(reply)
        else:
            await reply(request, writer)
        await writer.drain()
        return self._keep or reply is None

    def _good(self, request: Request) -> bytes:
        if request.target.endswith((LOGIN, REFRESH)):
            self._issued += 1
            return http(token_body(f"token-{self._issued}"))
        body = b"" if request.method == "HEAD" else b"{}"
        return http(body, "Content-Type: application/json")


async def silence(*_: object) -> None:
    """Never answer; the connection stays open until the server is left."""
    await asyncio.Event().wait()


def after(begun: bytes) -> Reply:
    """Begin an answer, and then never go on."""

    async def stall(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await silence()

    return stall


def resets(begun: bytes) -> Reply:
    """Begin an answer and reset the connection."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        reset(writer)

    return answer


def in_turn(*replies: Reply) -> Reply:
    """Answer each request with the next of these, and all after them with the last."""
    left = list(replies)

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        reply = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(reply, bytes):
            writer.write(reply)
        else:
            await reply(request, writer)

    return answer
