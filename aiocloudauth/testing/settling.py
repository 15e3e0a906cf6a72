"""When a loop has done all it can do at this instant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiocloudauth.testing.clock import ManualClock

__all__ = ["settled"]

#: Turns after which something evidently spins.
_TOO_MANY: Final = 1_000_000

#: Turns in a row that have to pass idly. asyncio's own loops show what is ready to run, and
#: poll their sockets once a turn: one idle turn may still have written to a socket, and the
#: next one then finds it readable. Of other loops only the traffic on the clock is seen;
#: the longest stretch without any, opening a TLS connection, is below this.
_IDLE_TURNS: Final = 2
_QUIET_TURNS: Final = 60

#: Real seconds between looks at a thread that works for the loop, and the most of them.
_THREAD_PAUSE: Final = 0.0005
_THREAD_LOOKS: Final = 20_000


async def settled(clock: ManualClock) -> None:
    """Give way to all other tasks until none of them can go on without time passing.

    A thread of the loop's default executor that is at work (a file being read, a name being
    resolved) is waited for. Raises `RuntimeError` if something never comes to rest.
    """
    loop: Any = asyncio.get_running_loop()
    ready = getattr(loop, "_ready", None)
    looks = 0
    while True:
        if ready is None:
            await _quiet(clock)
        else:
            await _idle(ready)
        if not _threads_at_work(loop):
            return
        looks += 1
        if looks > _THREAD_LOOKS:
            message = "a thread of the event loop does not come to an end"
            raise RuntimeError(message)
        await asyncio.sleep(_THREAD_PAUSE)


async def _idle(ready: Any) -> None:
    idle = 0
    for _ in range(_TOO_MANY):
        await asyncio.sleep(0)
        if ready:
            idle = 0
        else:
            idle += 1
            if idle == _IDLE_TURNS:
                return
    raise RuntimeError(_RESTLESS)


async def _quiet(clock: ManualClock) -> None:
    seen, quiet = clock.activity, 0
    for _ in range(_TOO_MANY):
        await asyncio.sleep(0)
        if clock.activity != seen:
            seen, quiet = clock.activity, 0
        else:
            quiet += 1
            if quiet == _QUIET_TURNS:
                return
    raise RuntimeError(_RESTLESS)


_RESTLESS: Final = (
    "the event loop does not come to rest: something reads the clock or yields without "
    "waiting for anything"
)


def _threads_at_work(loop: Any) -> bool:
    executor = getattr(loop, "_default_executor", None)
    threads = getattr(executor, "_threads", ())
    idle = getattr(executor, "_idle_semaphore", None)
    return bool(threads) and idle is not None and len(threads) > idle._value
