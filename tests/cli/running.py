"""A server in a thread, since a command wants this one for its own loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiocloudauth.testing import CloudServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@contextmanager
def serving(**options: Any) -> Iterator[CloudServer]:
    """Run a server for the length of a block."""
    server = CloudServer(**options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
