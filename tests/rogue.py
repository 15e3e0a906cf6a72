"""An ECE on a raw socket that behaves, but for what a test makes it do at one endpoint."""

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
Misdeed: TypeAlias = "bytes | Callable[[Request, asyncio.StreamWriter], Awaitable[None]]"

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


def http(
    body: bytes = b"",
    *headers: str,
    status: int = 200,
    length: object = None,
    version: str = "1.1",
    reason: str = "Whatever",
) -> bytes:
    """Write an answer; with `length` one that promises so much."""
    fields = [f"Content-Length: {len(body) if length is None else length}", *headers]
    head = "\r\n".join([f"HTTP/{version} {status} {reason}", *fields, "", ""])
    return head.encode("latin-1") + body


def token_body(token: object = "token", **others: object) -> bytes:
    """Write what `_login` and `_refresh` answer with."""
    return json.dumps({"token": token, "session_expiration_time": EXPIRY} | others).encode()


def refusal(code: str, message: str = "No.") -> bytes:
    """Write an error body as the API does."""
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with a RST."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Rogue:
    """Answers as an ECE does: to log in, to renew, to log out, and `{}` to all else.

    Args:
        misdeeds: What it does instead, by the end of the path. They come after the whole
            request was read, but for those named in `early`.
        early: Endpoints that are answered as soon as the header is there.
        expiry: Whether tokens come with their expiry.
        keep: Whether a connection is kept after a misdeed.
        tls: A context to speak TLS with.
    """

    def __init__(
        self,
        misdeeds: Mapping[str, Misdeed] | None = None,
        *,
        early: tuple[str, ...] = (),
        expiry: bool = True,
        keep: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Listen once it is entered."""
        self.misdeeds = dict(misdeeds or {})
        self.received: list[Request] = []
        self.connections = 0
        self.issued = 0
        self.url = ""
        self.early = early
        self._expiry = expiry
        self._keep = keep
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, limit=2**22, ssl=self._tls, backlog=1024
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
        await asyncio.sleep(0)  # transports close at the loop's next turn

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
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines if line)
        headers = CIMultiDict((name, value) for name, value in pairs)
        method, target, _ = first.split(" ")
        misdeed = next((d for end, d in self.misdeeds.items() if target.endswith(end)), None)
        early = any(target.endswith(end) for end in self.early)
        size = 0 if early else int(headers.get("Content-Length", "0"))
        request = Request(method, target, headers, await reader.readexactly(size), head)
        self.received.append(request)
        if misdeed is None:
            writer.write(self._good(request))
        elif isinstance(misdeed, bytes):
            writer.write(misdeed)
        else:
            await misdeed(request, writer)
        await writer.drain()
        return self._keep or misdeed is None

    def _good(self, request: Request) -> bytes:
        if request.target.endswith((LOGIN, REFRESH)):
            self.issued += 1
            body = token_body(f"token-{self.issued}")
            return http(body if self._expiry else json.dumps({"token": "opaque"}).encode())
        return http(b"{}", "Content-Type: application/json")


async def silence(request: Request, writer: asyncio.StreamWriter) -> None:
    """Never answer, and keep the connection open until the client ends it."""
    while not writer.is_closing():  # noqa: ASYNC110 - nothing tells when the other end goes
        await asyncio.sleep(0.01)


def after(begun: bytes) -> Misdeed:
    """Begin an answer, and then never go on."""

    async def stall(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await silence(request, writer)

    return stall


def for_ever(begun: bytes, piece: bytes, *, pause: float = 0.0) -> Misdeed:
    """Begin an answer, and go on with `piece` until the client has had enough."""

    async def flood(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return flood
