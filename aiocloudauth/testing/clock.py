"""Time that a test drives by hand: a day passes in milliseconds, the same way every time."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import math
import random  # noqa: TID251 - this is a clock: its draws come from a Random of its own
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary

from attrs import define, field

from aiocloudauth.clock import Clock
from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sized

    from aiocloudauth.clock import TimerHandle

__all__ = ["ManualClock"]

_T = TypeVar("_T")

#: 2026-01-01T00:00:00Z.
_START: Final = 1_767_225_600.0

#: The least that a timer waits, if it waits at all, in seconds: a remainder that rounding
#: swallows must not fire at the same instant over and over.
_TICK: Final = 1e-6

#: Below this many timers taken back, a heap is not worth cleaning.
_FEW: Final = 64


@define(eq=False)
class _Timer:
    owner: _Timers
    loop: asyncio.AbstractEventLoop
    callback: Callable[[], None] | None
    handle: asyncio.Handle | None = None
    context: contextvars.Context = field(factory=contextvars.copy_context)

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            self.owner.one_cancelled()
        if self.handle is not None:  # due, and not yet run: as the loop's own timers
            self.handle.cancel()

    def fire(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None and not self.loop.is_closed():
            self.handle = self.loop.call_soon(callback, context=self.context)


class _Timers:
    """A heap of timers on one scale of time."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, _Timer]] = []
        self._count = 0
        self._cancelled = 0

    def add(self, now: float, delay: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(self, asyncio.get_running_loop(), callback)
        due = now + (max(delay, _TICK) if delay > 0 else 0.0)
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, timer))
        return timer

    def one_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > _FEW and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def next_due(self) -> float:
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else math.inf

    def fire_due(self, now: float, behind: float = 0.0) -> None:
        # Subtracted as the search for the next instant does: with the sum on the other
        # side, rounding could leave a timer due and never fired.
        while self.next_due() - behind <= now:
            heapq.heappop(self._heap)[2].fire()


@define(eq=False)
class _Course:
    """How far time has come, for both clocks. In seconds."""

    start: float
    passed: float = 0.0
    suspended: float = 0.0
    stepped: float = 0.0

    #: Grows with everything that happens on either clock.
    activity: int = 0
    moving: bool = False


class _Remote(Clock):
    """The clock of a machine that is neither suspended nor stepped."""

    def __init__(self, course: _Course, seed: int) -> None:
        self._course = course
        self._random = random.Random(f"remote {seed}")  # noqa: S311 - not for cryptography
        self.timers = _Timers()

    def time(self) -> float:
        return self._course.start + self.monotonic()

    def monotonic(self) -> float:
        self._course.activity += 1
        return self._course.passed + self._course.suspended

    def random(self) -> float:
        return self._random.random()

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        return self.timers.add(self.monotonic(), delay, callback)


class ManualClock(Clock):
    """A clock that stands still until it is told to move.

    It is the clock of one machine, the client's. `remote` is that of another one, which
    passes equally but is neither suspended nor stepped: what a `CloudServer` that is given
    this clock goes by. `random` is seeded with `seed`, and so is that of `remote`.

    Args:
        start: what the wall clock shows at first: seconds since the epoch, or an aware
            datetime.
        seed: of `random`.
        sockets: whether anything in the test talks over sockets. Under asyncio's own event
            loop that makes no difference; on another (uvloop) each instant then takes some
            real milliseconds, in which the kernel delivers. Not needed for connections made
            by `CloudServer.connector`.

    What runs in a thread (`asyncio.to_thread`, a name being resolved) is waited for, in real
    time: a loop in which this clock is moved gets a default executor that tells what it is at,
    in place of its own. Other threads are not seen.
    """

    def __init__(
        self, start: float | datetime = _START, *, seed: int = 0, sockets: bool = True
    ) -> None:
        if isinstance(start, datetime):
            if start.tzinfo is None:
                raise ConfigurationError("ManualClock: start has to be an aware datetime")
            start = start.timestamp()
        self._course = _Course(_seconds("start", start, least=-math.inf))
        self._sockets = sockets
        self._timers = _Timers()
        self._random = random.Random(seed)  # noqa: S311 - not for cryptography
        self.remote = _Remote(self._course, seed)

    def time(self) -> float:
        """Read the wall clock: seconds since the epoch."""
        course = self._course
        course.activity += 1
        return course.start + course.passed + course.suspended + course.stepped

    def monotonic(self) -> float:
        """Read the monotonic clock: seconds since this clock was made, without suspends."""
        self._course.activity += 1
        return self._course.passed

    def random(self) -> float:
        """Draw from [0, 1)."""
        return self._random.random()

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        """Call `callback` in the running loop once time has moved on by `delay` seconds.

        A delay above 0 is 1 µs at least.
        """
        return self._timers.add(self.monotonic(), delay, callback)

    @property
    def next_due(self) -> float | None:
        """Seconds until the next timer, here or at `remote`; None if there is none."""
        due = self._next()
        return None if due == math.inf else max(0.0, due - self._course.passed)

    async def advance(self, seconds: float) -> None:
        """Let time pass: fire every timer due on the way, in order, each at its instant.

        After each instant the loop runs until nothing more can happen at it.
        """
        await self._advance(self._course.passed + _seconds("seconds", seconds))

    async def drive(self, awaitable: Awaitable[_T], *, limit: float = 86_400.0) -> _T:
        """Move from timer to timer until `awaitable` is done, and return its result.

        Raises `TimeoutError`, and cancels `awaitable`, if that takes more than `limit` seconds
        of this clock, or would take for ever as no timer is left.
        """
        began = self._course.passed
        end = began + _seconds("limit", limit)
        task = asyncio.ensure_future(awaitable)
        try:
            await self.settle()
            while not task.done():
                due = self._next()
                if due > end:
                    why = "no timer is left" if due == math.inf else f"the limit is {limit:g} s"
                    took = self._course.passed - began
                    raise TimeoutError(f"not done after {took:g} s of the clock: {why}")  # noqa: TRY301 - the task has to be cancelled for this, too
                await self._advance(due)
        except BaseException:
            task.cancel()
            await self.settle()
            raise
        return await task

    async def settle(self) -> None:
        """Run the loop until nothing more can happen at this instant."""
        await _settled(lambda: self._course.activity, sockets=self._sockets)

    def suspend(self, seconds: float) -> None:
        """Sleep as a closed laptop does: the wall clock runs on, `monotonic` stands still.

        Timers of this machine fire that much later. What `remote` had to do meanwhile it does
        at the end.
        """
        self._course.suspended += _seconds("seconds", seconds)
        self._fire_remote()

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or, with a negative number, back."""
        self._course.stepped += _seconds("seconds", seconds, least=-math.inf)
        self._course.activity += 1

    def _next(self) -> float:
        remote = self.remote.timers.next_due() - self._course.suspended
        return min(self._timers.next_due(), remote)

    def _fire_remote(self) -> None:
        self._course.activity += 1
        self.remote.timers.fire_due(self._course.passed, self._course.suspended)

    async def _advance(self, target: float) -> None:
        course = self._course
        if course.moving:
            raise RuntimeError("the clock is being moved already, by another task")
        course.moving = True
        try:
            await self.settle()
            while (due := self._next()) <= target:
                course.passed = max(course.passed, due)
                self._timers.fire_due(course.passed)
                self._fire_remote()
                await self.settle()
            course.passed = max(course.passed, target)
        finally:
            course.moving = False


def _seconds(name: str, value: float, *, least: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigurationError(f"ManualClock: {name} is a finite number, not {value!r}")
    if value < least:
        raise ConfigurationError(f"ManualClock: {name} cannot be negative, as {value!r} is")
    return float(value)


# -- when the event loop has done all it can at this instant ----------------------------------

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


async def _settled(activity: Callable[[], int], *, sockets: bool) -> None:
    """Give way to all other tasks until none of them can go on before time passes.

    `activity` grows with what happens on the clock. A thread of asyncio's default executor
    that is at work (a file being read, a name being resolved) is waited for. Of a loop that
    does not show what is ready, sockets are given real time to deliver.
    Raises `RuntimeError` if something never comes to rest.
    """
    loop = asyncio.get_running_loop()
    threads = _threads_of(loop)
    # Private: nothing public tells what a loop is about to run. Without it the loop is taken
    # for one of those that do not show it.
    ready: Sized | None = getattr(loop, "_ready", None)
    for _ in range(_MOST_LOOKS):
        await (_quiet(activity, sockets=sockets) if ready is None else _idle(ready))
        # In this order: a thread has brought what it brings before it is finished.
        if not threads.unfinished and not ready:
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


class _Threads(ThreadPoolExecutor):
    """Threads that tell what they are at: a loop's default executor."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix="asyncio")
        #: What was handed in and has not come to its end.
        self.unfinished: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        future: Future[_T] = Future()

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    done = fn(*args, **kwargs)
                except BaseException as error:  # noqa: BLE001 - it is whoever waits who gets it
                    future.set_exception(error)
                else:
                    future.set_result(done)
            # Last: whoever waits for the future has been told by now.
            self.unfinished.discard(future)

        self.unfinished.add(future)
        super().submit(work)
        return future


#: The threads that each loop was given.
_threads: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Threads]] = WeakKeyDictionary()


def _threads_of(loop: asyncio.AbstractEventLoop) -> _Threads:
    threads = _threads.get(loop)
    if threads is None:
        threads = _threads[loop] = _Threads()
        loop.set_default_executor(threads)
    return threads
