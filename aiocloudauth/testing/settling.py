"""When an event loop has done all it can do at this instant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

__all__ = ["settled"]

#: asyncio's own loops show what is ready to run, and look at their sockets once a turn. An
#: idle turn may come right after one that wrote to a socket; after a second one, none did.
_IDLE_TURNS: Final = 2

#: Of other loops (uvloop) only what happens on the clock is seen. The longest way that client
#: and server go without a look at it, opening a connection in memory, takes fewer turns.
_QUIET_TURNS: Final = 60

#: Real seconds in which a kernel and a thread that resolves an address have to get somewhere,
#: and how often in a row they must not have.
_PAUSE: Final = 0.002
_PAUSES: Final = 4

#: Turns after which something evidently spins.
_MOST_TURNS: Final = 100_000

#: Real seconds between looks at a thread that works for the loop, and the most of them.
_THREAD_PAUSE: Final = 0.0005
_MOST_LOOKS: Final = 20_000


async def settled(activity: Callable[[], int], *, sockets: bool) -> None:
    """Give way to all other tasks until none of them can go on before time passes.

    `activity` grows with what happens on the clock. A thread of asyncio's default executor
    that is at work (a file being read, a name being resolved) is waited for. Of a loop that
    does not show what is ready, sockets are given real time to deliver.
    Raises `RuntimeError` if something never comes to rest.
    """
    loop = asyncio.get_running_loop()
    ready: Sized | None = getattr(loop, "_ready", None)
    for _ in range(_MOST_LOOKS):
        await (_quiet(activity, sockets=sockets) if ready is None else _idle(ready))
        if not _threads_at_work(loop):
            return
        await asyncio.sleep(_THREAD_PAUSE)  # noqa: TID251 - a thread works in real time
    raise RuntimeError("a thread of the event loop does not come to an end")


async def _idle(ready: Sized) -> None:
    idle = 0
    for _ in range(_MOST_TURNS):
        await asyncio.sleep(0)  # noqa: TID251 - gives way, waits for nothing
        idle = 0 if ready else idle + 1
        if idle == _IDLE_TURNS:
            return
    raise RuntimeError(_RESTLESS)


async def _quiet(activity: Callable[[], int], *, sockets: bool) -> None:
    pause, least = (_PAUSE, _PAUSES) if sockets else (0, _QUIET_TURNS)
    seen, quiet = activity(), 0
    for _ in range(_MOST_TURNS):
        await asyncio.sleep(pause)  # noqa: TID251 - gives way; the kernel works in real time
        now = activity()
        seen, quiet = now, quiet + 1 if now == seen else 0
        if quiet == least:
            return
    raise RuntimeError(_RESTLESS)


_RESTLESS: Final = (
    "the event loop does not come to rest: something yields, or reads the clock, over and over "
    "without waiting for anything"
)


def _threads_at_work(loop: asyncio.AbstractEventLoop) -> bool:
    executor: Any = getattr(loop, "_default_executor", None)
    if executor is None:
        return False
    # ThreadPoolExecutor keeps one permit for each of its threads that has nothing to do.
    idle: int = executor._idle_semaphore._value  # noqa: SLF001 - it is shown nowhere else
    return len(executor._threads) > idle  # noqa: SLF001 - as above
