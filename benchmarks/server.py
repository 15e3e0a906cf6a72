"""The API that the benchmarks talk to: a bare protocol, so that the client is the bottleneck.

It checks the token of every request, speaks ``_login``, ``_refresh`` and ``_logout`` of the
ECE API and one OAuth 2.0 token route for the peers that know only that, and is steered
through ``/control/…``. Nothing of the package under test is used here.

``python -m benchmarks.server`` prints its port and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import sys
import time
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BODY = json.dumps(
    {"deployments": [{"id": secrets.token_hex(16), "name": f"cluster-{n}"} for n in range(4)]}
).encode()
_REFUSAL = (
    b'{"errors": [{"code": "root.unauthorized", "message": "The token is invalid or expired"}]}'
)
_TOKEN_BYTES = 192  # 256 characters, about what a small JWT has


class Realm:
    """The tokens that are good, what was asked, and how to answer."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget every token and count, and answer at once."""
        self.good: dict[bytes, float] = {}
        self.fixed: dict[bytes, float] = {}
        self.issued: dict[bytes, float] = {}
        self.lifetime = 3600.0
        self.delay = 0.0
        self.revoke = False
        self.zero()
        self.stamp()

    def zero(self) -> None:
        """Start to count anew."""
        self.count = {"requests": 0, "refused": 0, "logins": 0, "refreshes": 0}
        self.renewals: list[tuple[float, float, float]] = []

    def stamp(self) -> None:
        """Make the answer's head; called once a second."""
        self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()
        self.answer = message(200, _BODY, self.date)
        self.refusal = message(
            401, _REFUSAL, self.date + b"x-cloud-error-codes: root.unauthorized\r\n"
        )

    def issue(self) -> tuple[str, float]:
        """Make a token; the others die if the realm revokes."""
        token, now = secrets.token_urlsafe(_TOKEN_BYTES), time.time()
        if self.revoke:
            self.good = dict(self.fixed)
        self.good[token.encode()] = now + self.lifetime
        self.issued[token.encode()] = now
        return token, now + self.lifetime


def message(status: int, body: bytes, fields: bytes = b"") -> bytes:
    """Return an answer as it goes over the wire."""
    reason = {200: b"OK", 401: b"Unauthorized", 404: b"Not Found"}[status]
    return b"HTTP/1.1 %d %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        reason,
        fields,
        len(body),
        body,
    )


class Connection(asyncio.Protocol):
    """One connection; answers requests one after the other."""

    def __init__(self, realm: Realm) -> None:
        self.realm = realm
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        data = self.rest + data if self.rest else data
        while data:
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                break
            size = 0
            if not data.startswith(b"GET"):
                length = _LENGTH.search(data, 0, end)
                size = int(length[1]) if length else 0
                if len(data) < end + size:
                    break
            self.asked(data[:end], data[end : end + size])
            data = data[end + size :]
        self.rest = data

    def asked(self, head: bytes, body: bytes) -> None:
        """Answer one request."""
        if head.startswith(b"GET /api/v1/deployments "):
            self.transport.write(self.guarded(head))
            return
        target = head.split(b" ", 2)[1].decode()
        path, _, query = target.partition("?")
        if path.startswith("/control/"):
            self.control(path.removeprefix("/control/"), dict(parse_qsl(query)))
        elif path.startswith("/api/v1/slow/"):
            answer = self.guarded(head)
            self.later(float(path.rsplit("/", 1)[1]), lambda: answer)
        else:
            self.authenticate(path, head, body)

    def guarded(self, head: bytes) -> bytes:
        """Return the answer, or the refusal, to a request that needs a token."""
        realm = self.realm
        realm.count["requests"] += 1
        if realm.good.get(bearer(head), 0.0) > time.time():
            return realm.answer
        realm.count["refused"] += 1
        return realm.refusal

    def authenticate(self, path: str, head: bytes, body: bytes) -> None:
        """Answer a request for a token, or for its end."""
        realm = self.realm
        if path.endswith("/_logout"):
            realm.good.pop(bearer(head), None)
            self.transport.write(message(200, b"{}", realm.date))
        elif path.endswith("/_refresh"):
            if realm.good.get(bearer(head), 0.0) <= time.time():
                self.transport.write(realm.refusal)
                return
            realm.count["refreshes"] += 1
            self.renew(bearer(head), ece)
        elif path.endswith("/_login"):
            realm.count["logins"] += 1
            self.renew(b"", ece)
        elif path.endswith("/token"):
            realm.count["logins"] += 1
            # The peers that speak OAuth 2.0 name the old token as their refresh token.
            old = dict(parse_qsl(body.decode())).get("refresh_token", "")
            self.renew(old.encode(), oauth)
        else:
            self.transport.write(message(404, b"{}", realm.date))

    def renew(self, old: bytes, dialect: Callable[[str, float], object]) -> None:
        """Issue a token after the realm's delay."""
        realm, started = self.realm, time.time()
        age = started - realm.issued.get(old, started)

        def answer() -> bytes:
            realm.stamp()  # a client may take the `Date` of this answer for the server's clock
            told = dialect(*realm.issue())
            realm.renewals.append((started, time.time(), age))
            return message(200, json.dumps(told).encode(), realm.date)

        self.later(realm.delay, answer)

    def later(self, delay: float, answer: Callable[[], bytes]) -> None:
        """Write an answer that is made after `delay` seconds."""
        if delay <= 0:
            self.transport.write(answer())
            return

        def write() -> None:
            told = answer()
            if not self.transport.is_closing():
                self.transport.write(told)

        asyncio.get_running_loop().call_later(delay, write)

    def control(self, verb: str, options: dict[str, str]) -> None:
        """Do what the harness asks for."""
        realm = self.realm
        told: dict[str, object] = {}
        if verb == "reset":
            realm.reset()
        elif verb == "zero":
            realm.zero()
        elif verb == "fixed":
            token = secrets.token_urlsafe(_TOKEN_BYTES)
            realm.fixed[token.encode()] = realm.good[token.encode()] = float("inf")
            told = {"token": token}
        elif verb == "revoke":
            realm.good = dict(realm.fixed)
        elif verb == "stats":
            told = {**realm.count, "renewals": realm.renewals}
        for name, value in options.items():
            setattr(realm, name, json.loads(value))
        self.transport.write(message(200, json.dumps(told).encode()))


def bearer(head: bytes) -> bytes:
    """Return the token of a request, or nothing."""
    start = head.find(b"uthorization: Bearer ") + 21
    return head[start : head.find(b"\r\n", start)] if start > 20 else b""


def ece(token: str, ends_at: float) -> dict[str, object]:
    """Return an answer of the ECE API."""
    ends = datetime.fromtimestamp(ends_at, UTC).isoformat().replace("+00:00", "Z")
    return {"token": token, "session_expiration_time": ends}


def oauth(token: str, ends_at: float) -> dict[str, object]:
    """Return an answer of an OAuth 2.0 token route. Source: RFC 6749 section 5.1."""
    return {
        "access_token": token,
        "refresh_token": token,
        "token_type": "Bearer",
        "expires_in": max(1, round(ends_at - time.time())),
    }


async def serve() -> None:
    """Serve until standard input ends."""
    realm, loop = Realm(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(realm), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    while not ended.is_set():
        realm.stamp()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 1.0)


def main() -> None:
    """Run the server, on uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve())
    else:
        uvloop.run(serve())


if __name__ == "__main__":
    main()
