"""Programs that use a session where it does not belong: ``misplaced_sessions.py CASE URL [LOOP]``.

Each prints one line a result. One that hangs ends itself after `GUARD` seconds, with the stacks.
"""

from __future__ import annotations

import asyncio
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from aiocloudauth import CloudSession, Password, RenewalPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

T = TypeVar("T")

#: Seconds a case may take, its imports aside.
GUARD = 30.0

QUICK = RenewalPolicy(min_interval=0.01, backoff=0.01, backoff_max=0.02)

#: What each program may use.
CASES: dict[str, Callable[[str], None]] = {}


def case(function: Callable[[str], None]) -> Callable[[str], None]:
    """Make a function a program."""
    CASES[function.__name__] = function
    return function


def session(url: str) -> CloudSession:
    """Make a session that is not opened yet."""
    return CloudSession(url, Password("admin", "secret"), policy=QUICK)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as `asyncio.run` does, on the loop that was asked for."""
    if LOOP == "uvloop":
        import uvloop

        return uvloop.run(main)
    return asyncio.run(main)


def new_loop() -> asyncio.AbstractEventLoop:
    """Make a loop that runs when it is told to."""
    if LOOP == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()


async def outcome(call: Callable[[], Awaitable[Any]]) -> str:
    """Say what comes of a call: ok, or an error and its first words."""
    try:
        await call()
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - any is to be seen
        return f"{type(error).__name__}: {' '.join(str(error).split()[:5])}"
    return "ok"


async def tried(cloud: CloudSession) -> str:
    """Say what comes of each thing that a session can be asked for."""
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "get": lambda: cloud.get("/x"),
        "open": cloud.open,
        "refresh": cloud.refresh,
        "login": cloud.login,
        "logout": cloud.logout,
        "ws": lambda: cloud.ws_connect("/ws"),
    }
    said = {name: await outcome(call) for name, call in calls.items()}
    return " | ".join(f"{name} {what}" for name, what in said.items())


def say(who: str, what: object) -> None:
    """Print a line at once: a child may end without flushing."""
    os.write(1, f"{who}: {what}\n".encode())


def in_child(work: Callable[[], None]) -> None:
    """Do `work` in a forked child, and wait for it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - any is to be seen
            say("child", f"died of {type(error).__name__}: {error}")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


# -- forks ---------------------------------------------------------------------------------


@case
def fork_in_the_loop(url: str) -> None:
    """A coroutine forks; both go on from there."""

    async def child(cloud: CloudSession) -> None:
        say("child", await tried(cloud))
        say("child", f"close {await outcome(cloud.close)}")

    async def main() -> None:
        async with session(url) as cloud:
            pid = os.fork()
            if pid == 0:
                # The loop of the parent is not to be waited in, so nothing here may suspend.
                coroutine = child(cloud)
                try:
                    coroutine.send(None)
                except StopIteration:
                    pass
                else:
                    say("child", "waits in the parent's loop")
                os._exit(0)
            await asyncio.to_thread(os.waitpid, pid, 0)
            say("parent", await outcome(lambda: cloud.get("/x")))

    run(main())


@case
def fork_between_runs(url: str) -> None:
    """The loop stands still at the fork; the child runs one of its own."""
    loop = new_loop()
    cloud = session(url)
    loop.run_until_complete(cloud.open())

    def child() -> None:
        say("child", run(tried(cloud)))
        say("child", f"close {run(outcome(cloud.close))}")

        async def afresh() -> str:
            async with session(url) as own:
                return await outcome(lambda: own.get("/child"))

        say("child", f"own {run(afresh())}")

    in_child(child)
    say("parent", loop.run_until_complete(outcome(lambda: cloud.get("/parent"))))
    loop.run_until_complete(cloud.close())
    loop.close()


@case
def fork_before_open(url: str) -> None:
    """A session that was made and not opened belongs to nobody yet."""
    cloud = session(url)

    async def use() -> str:
        async with cloud:
            return await outcome(lambda: cloud.get("/x"))

    in_child(lambda: say("child", run(use())))
    say("parent", run(use()))


@case
def multiprocessing_spawn(url: str) -> None:
    """The child would have to be sent the object, and its secrets."""
    for what in (session(url), Password("admin", "secret")):
        process = multiprocessing.get_context("spawn").Process(target=say, args=("child", what))
        try:
            process.start()
        except TypeError as error:
            say("parent", error)
        else:
            process.join()


# -- loops ---------------------------------------------------------------------------------


@case
def run_twice(url: str) -> None:
    """`asyncio.run` with an open session, and again."""
    cloud = session(url)
    say("first", run(outcome(cloud.open)))
    say("second", run(tried(cloud)))
    say("second", f"state {cloud.state.value}")
    say("third", run(outcome(cloud.close)))
    say("third", f"state {cloud.state.value}, closed again: {run(outcome(cloud.close))}")
    say("fourth", run(tried(cloud)))


@case
def many_threads(url: str) -> None:
    """Ten threads ask the one loop for things at once, renewals among them."""

    async def main() -> None:
        async with session(url) as cloud:
            loop = asyncio.get_running_loop()

            async def get() -> int:
                async with cloud.get("/x") as response:
                    return response.status

            def work() -> list[Any]:
                asked = [asyncio.run_coroutine_threadsafe(get(), loop) for _ in range(10)]
                renewed = asyncio.run_coroutine_threadsafe(cloud.refresh(), loop)
                return [future.result(GUARD) for future in asked] + [renewed.result(GUARD)]

            results = await asyncio.gather(*(asyncio.to_thread(work) for _ in range(10)))
            say("statuses", sorted({str(one) for result in results for one in result}))

    run(main())


@case
def loop_closed_in_the_middle_of_close(url: str) -> None:
    """`_logout` does not answer, and the loop ends meanwhile."""
    loop = new_loop()
    cloud = session(url)
    loop.run_until_complete(cloud.open())
    closing = loop.create_task(cloud.close())
    loop.run_until_complete(asyncio.sleep(0.05))
    say("closing", "done" if closing.done() else "under way")
    loop.close()
    say("again", run(outcome(cloud.close)))
    say("state", cloud.state.value)


@case
def loop_closed_in_the_middle_of_open(url: str) -> None:
    """`_login` does not answer, and the loop ends meanwhile."""
    loop = new_loop()
    cloud = session(url)
    opening = loop.create_task(cloud.open())
    loop.run_until_complete(asyncio.sleep(0.05))
    say("opening", "done" if opening.done() else "under way")
    loop.close()
    say("open", run(outcome(cloud.open)))
    say("close", run(outcome(cloud.close)))
    say("state", cloud.state.value)


@case
def eager_tasks(url: str) -> None:
    """With eager tasks a renewal may end before the call that started it returns."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(getattr(asyncio, "eager_task_factory", None))
        async with session(url) as cloud:
            await asyncio.gather(*(cloud.refresh() for _ in range(3)))
            say("get", await outcome(lambda: cloud.get("/x")))
            given = Password("admin", "secret")
            say("login", await outcome(lambda: cloud.login(given)))

    run(main())


# -- interrupts ----------------------------------------------------------------------------


def _interrupted(main: Coroutine[Any, Any, Any]) -> None:
    try:
        run(main)
    except KeyboardInterrupt:
        say("main", "KeyboardInterrupt")


def _interrupt_after(delay: float) -> None:
    threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()


@case
def interrupt_while_open(url: str) -> None:
    """Ctrl-C in a worker's loop: the session is closed on the way out."""

    async def main() -> None:
        async with session(url) as cloud:
            _interrupt_after(0.1)
            try:
                while True:
                    await cloud.get("/x")
                    await asyncio.sleep(0.01)
            finally:
                say("worker", cloud.state.value)

    _interrupted(main())


@case
def interrupt_while_closing(url: str) -> None:
    """Ctrl-C while `_logout` does not answer."""

    async def main() -> None:
        async with session(url) as cloud:
            _interrupt_after(0.1)
            say("worker", cloud.state.value)

    _interrupted(main())


if __name__ == "__main__":
    LOOP = sys.argv[3] if len(sys.argv) > 3 else "asyncio"
    faulthandler.dump_traceback_later(GUARD, exit=True)
    # The guard is a thread, of which Python warns a program that forks; it holds no lock.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    CASES[sys.argv[1]](sys.argv[2])
    faulthandler.cancel_dump_traceback_later()
