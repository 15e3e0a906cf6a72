"""The server of a soak, in a process of its own: ``python -m tests.verify.soak.server``.

Speaks TLS, fails by a random script, prints its URL and the file of its CA as one line of
JSON, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from contextlib import suppress
from typing import Final

from aiocloudauth.testing import (
    CloudServer,
    ClusterError,
    Effect,
    EmptyReply,
    Endless,
    Fault,
    Html,
    Late,
    PastExpiry,
    Reset,
    Silence,
    TooManyRequests,
    Truncated,
)

TOKEN_LIFETIME: Final = 2.0

#: What an attempt at a token may meet, each this often.
FAILURES: Final[tuple[Effect, ...]] = (
    ClusterError(),
    TooManyRequests(),
    Html(502),
    Reset(),
    Reset(at=20, after_work=True),
    EmptyReply(after_work=True),
    Silence(),
    Late(0.3),
    Truncated(0.5),
    PastExpiry(60.0),
    Endless(),
)
EACH: Final = 0.01

#: The authentication cluster is out of order for longer than a token lives, and well again,
#: in turn. Requests wait meanwhile; none of them has to fail. Seconds.
DOWN: Final = 2.5
UP: Final = 4.0

#: Mean seconds between two moments at which every token is revoked.
REVOKED: Final = 3.0


async def _revoke(server: CloudServer, rng: random.Random) -> None:
    while True:
        await asyncio.sleep(rng.expovariate(1.0 / REVOKED))
        server.revoke_all()
        server.policy.revoke_on_refresh = not server.policy.revoke_on_refresh


async def _ended(stream: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        await stream.read()


async def serve() -> None:
    """Serve until standard input ends."""
    faults = [
        Fault("/users/auth/_*", ClusterError(), after=UP, down=DOWN, up=UP, optional=True),
        *(Fault("/users/auth/_*", one, probability=EACH, optional=True) for one in FAILURES),
    ]
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), sys.stdin)
    async with CloudServer(
        token_lifetime=TOKEN_LIFETIME, tls=True, faults=faults, log_size=0
    ) as server:
        print(json.dumps({"url": server.url, "ca": server.ca_file}), flush=True)
        revoking = asyncio.create_task(_revoke(server, random.Random(0)))
        await _ended(stream)
        revoking.cancel()


if __name__ == "__main__":
    asyncio.run(serve())
