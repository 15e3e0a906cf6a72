"""The API that the benchmarks talk to: a bare protocol, so that the client is the bottleneck.

It checks the token of every request, speaks ``_login``, ``_refresh`` and ``_logout`` of the
ECE API and one OAuth 2.0 token route for the clients that know only that. Nothing of the
package under test is used here.

``python -m benchmarks.server`` prints its port, then reads orders and writes what it counted,
a line of JSON each, until its standard input ends: see `benchmarks.steering`.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
import time
from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BODY = json.dumps(
    {"deployments": [{"id": secrets.token_hex(16), "name": f"cluster-{n}"} for n in range(4)]}
).encode()
#: One deployment, of about 20 kB.
_ONE = json.dumps(
    {"id": "d", "instances": [{"name": f"i-{n}", "healthy": True} for n in range(530)]}
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
        self.lifetime = 3600.0
        self.delay = 0.0
        self.revoke = False
        self.down = False
        self.zero()
        self.stamp()

    def zero(self) -> None:
        """Start to count anew."""
        self.count = {"requests": 0, "refused": 0, "renewals": 0, "connections": 0}

    def stamp(self) -> None:
        """Make the answers' heads; called once a second, and before a token is handed out."""
        self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()
        self.answer = message(200, _BODY, self.date)
        self.one = message(200, _ONE.encode(), self.date)
        self.refusal = self.error(401, "root.unauthorized")
        self.outage = self.error(502, "authc.authentication_cluster_error")

    def error(self, status: int, code: str) -> bytes:
        """Return an error answer of the ECE API."""
        body = json.dumps({"errors": [{"code": code, "message": "No."}]}).encode()
        return message(status, body, self.date + f"x-cloud-error-codes: {code}\r\n".encode())

    def issue(self) -> tuple[str, float]:
        """Make a token; the others die if the realm revokes."""
        token, ends_at = secrets.token_urlsafe(_TOKEN_BYTES), time.time() + self.lifetime
        if self.revoke:
            self.good = dict(self.fixed)
        self.good[token.encode()] = ends_at
        return token, ends_at

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what the harness asks for, and return the counts."""
        told: dict[str, Any] = dict(self.count)
        match order.pop("verb"):
            case "reset":
                self.reset()
            case "zero":
                self.zero()
            case "revoke":
                self.good = dict(self.fixed)
            case "fixed":
                told["token"] = secrets.token_urlsafe(_TOKEN_BYTES)
                self.fixed[told["token"].encode()] = float("inf")
                self.good |= self.fixed
        for name, value in order.items():
            setattr(self, name, value)
        return told


def message(status: int, body: bytes, fields: bytes = b"") -> bytes:
    """Return an answer as it goes over the wire."""
    return b"HTTP/1.1 %d %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        HTTPStatus(status).phrase.encode(),
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
        self.realm.count["connections"] += 1

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
            self.transport.write(self.guarded(head, self.realm.answer))
            return
        path = head.split(b" ", 2)[1].decode()
        if path.startswith("/api/v1/deployments/"):
            self.transport.write(self.guarded(head, self.realm.one))
        elif path.startswith("/api/v1/slow/"):
            answer = self.guarded(head, self.realm.answer)
            self.later(float(path.rsplit("/", 1)[1]), lambda: answer)
        elif self.realm.down:
            self.transport.write(self.realm.outage)
        else:
            self.authenticate(path, head, body)

    def guarded(self, head: bytes, answer: bytes) -> bytes:
        """Return `answer`, or the refusal, to a request that needs a token."""
        realm = self.realm
        realm.count["requests"] += 1
        if self.welcome(head):
            return answer
        realm.count["refused"] += 1
        return realm.refusal

    def welcome(self, head: bytes) -> bool:
        """Return whether a request's token is good."""
        start = head.find(b"uthorization: Bearer ") + 21
        token = head[start : head.find(b"\r\n", start)] if start > 20 else b""
        return self.realm.good.get(token, 0.0) > time.time()

    def authenticate(self, path: str, head: bytes, body: bytes) -> None:
        """Answer a call about tokens."""
        realm = self.realm
        if path == "/api/v1/users/auth":
            fine = message(200, b"{}", realm.date)
            self.transport.write(fine if self.welcome(head) else realm.refusal)
        elif path.endswith("/_logout"):
            self.transport.write(message(200, b"{}", realm.date))
        elif path.endswith("/_refresh"):
            if self.welcome(head):
                self.renew(ece)
            else:
                self.transport.write(realm.refusal)
        elif path.endswith("/_login"):
            self.renew(ece)
        elif path.endswith("/token") and dict(parse_qsl(body.decode())).get("grant_type"):
            self.renew(oauth)
        else:
            self.transport.write(realm.error(404, "root.resource_not_found"))

    def renew(self, dialect: Callable[[str, float], object]) -> None:
        """Issue a token after the realm's delay."""
        realm = self.realm
        realm.count["renewals"] += 1

        def answer() -> bytes:
            realm.stamp()  # a client may take the `Date` of this answer for the server's clock
            return message(200, json.dumps(dialect(*realm.issue())).encode(), realm.date)

        self.later(realm.delay, answer)

    def later(self, delay: float, answer: Callable[[], bytes]) -> None:
        """Write an answer that is made after `delay` seconds."""

        def write() -> None:
            if not self.transport.is_closing():
                self.transport.write(answer())

        asyncio.get_running_loop().call_later(delay, write)


def ece(token: str, ends_at: float) -> dict[str, object]:
    """Return an answer of the ECE API."""
    ends = datetime.fromtimestamp(ends_at, UTC).isoformat().replace("+00:00", "Z")
    return {"token": token, "session_expiration_time": ends}


def oauth(token: str, ends_at: float) -> dict[str, object]:
    """Return an answer of an OAuth 2.0 token route. Source: RFC 6749 section 5.1."""
    expires_in = max(1, round(ends_at - time.time()))
    return {"access_token": token, "token_type": "Bearer", "expires_in": expires_in}


async def serve() -> None:
    """Serve until standard input ends."""
    realm, loop = Realm(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(realm), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def order() -> None:
        line = sys.stdin.readline()  # the harness writes whole lines, and waits for the answer
        if line:
            print(json.dumps(realm.obey(json.loads(line))), flush=True)
        else:
            loop.remove_reader(sys.stdin)
            ended.set()

    def stamp() -> None:
        realm.stamp()
        loop.call_later(1.0, stamp)

    stamp()
    loop.add_reader(sys.stdin, order)
    await ended.wait()


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
