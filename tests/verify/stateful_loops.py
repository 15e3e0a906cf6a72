"""A session that is carried from one event loop to another: a Hypothesis state machine.

The server runs in a thread of its own, behind real sockets, so that it outlives the loops. What a
call must come to is told by a small model; that it comes to something is told by a guard.
"""

from __future__ import annotations

import asyncio
import gc
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aiocloudauth import (
    CloudSession,
    ConfigurationError,
    Password,
    RenewalPolicy,
    SessionClosedError,
    SessionExpiredError,
)
from tests.cli.running import serving

if TYPE_CHECKING:
    from collections.abc import Coroutine

#: Seconds in which every call ends, whatever was done to its loop.
GUARD: Final = 5.0

QUICK: Final = RenewalPolicy(min_interval=0.001, backoff=0.001, backoff_max=0.002)

LOOPS: Final = 3

USES: Final = ("get", "refresh", "login", "usable", "websocket")


class StatefulLoops(RuleBasedStateMachine):
    """One session at a time, and some loops."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.loops = [asyncio.new_event_loop() for _ in range(LOOPS)]

    @initialize()
    def a_session_is_made(self) -> None:
        """It belongs to no loop yet."""
        self.cloud = CloudSession(self.url, Password("admin", "secret"), policy=QUICK)
        self.owner: asyncio.AbstractEventLoop | None = None
        self.closed = False
        self.logged_out = False

    def run(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it returns
        """Run a call in a loop; it ends in time, or this fails."""
        return loop.run_until_complete(asyncio.wait_for(work, GUARD))

    async def use(self, how: str) -> None:
        """Use the session."""
        if how == "get":
            async with self.cloud.get("/x") as response:
                assert response.status == 200
        elif how == "websocket":
            async with self.cloud.ws_connect("/ws"):
                pass
        elif how == "usable":
            await self.cloud._refresher.usable()
        else:
            await getattr(self.cloud, how)()

    def expected(self, loop: asyncio.AbstractEventLoop, how: str) -> set[type[Exception] | None]:
        """Return what a use in that loop may raise; `None` is nothing."""
        if self.closed or self.owner is None:
            return {SessionClosedError}
        if loop is not self.owner:
            # A token in hand is for everybody; one that has to be got is not.
            held = how == "usable" and self.cloud.token is not None
            return {None} if held else {ConfigurationError}
        return {SessionExpiredError} if self.logged_out and how != "login" else {None}

    @rule(number=st.integers(0, LOOPS - 1))
    def it_is_opened(self, number: int) -> None:
        """In the loop that it then belongs to."""
        loop = self.loops[number]
        try:
            self.run(loop, self.cloud.open())
        except SessionClosedError:
            assert self.closed
        except ConfigurationError:
            assert self.owner not in {None, loop}
        else:
            assert self.owner in {None, loop}
            self.owner = loop

    @rule(number=st.integers(0, LOOPS - 1), how=st.sampled_from(USES))
    def it_is_used(self, number: int, how: str) -> None:
        """There, or elsewhere."""
        loop = self.loops[number]
        expected = self.expected(loop, how)
        try:
            self.run(loop, self.use(how))
        except (SessionClosedError, ConfigurationError, SessionExpiredError) as error:
            met: type[Exception] | None = type(error)
        else:
            met = None
        assert met in expected
        if met is None and how == "login":
            self.logged_out = False

    @precondition(lambda self: self.owner is not None and not self.closed)
    @rule()
    def it_is_logged_out(self) -> None:
        """Where it belongs."""
        assert self.owner is not None
        if not self.owner.is_closed():
            self.run(self.owner, self.cloud.logout())
            self.logged_out = True

    @rule(number=st.integers(0, LOOPS - 1), how=st.lists(st.sampled_from(USES), max_size=3))
    def a_loop_is_closed_with_things_under_way(self, number: int, how: list[str]) -> None:
        """And another one takes its place."""
        loop = self.loops[number]
        tasks = [loop.create_task(self.use(one)) for one in how]
        with suppress(RuntimeError):
            loop.call_soon(loop.stop)
            loop.run_forever()
        loop.close()
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # left on purpose
            if task.done():
                # Seen: the log would keep its traceback, and all that was open there.
                with suppress(asyncio.CancelledError):
                    task.exception()
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # as above
        self.loops[number] = asyncio.new_event_loop()

    @rule(number=st.integers(0, LOOPS - 1))
    def it_is_closed(self, number: int) -> None:
        """There, or elsewhere once that loop is gone."""
        loop = self.loops[number]
        allowed = self.owner in {None, loop} or self.owner.is_closed()
        try:
            self.run(loop, self.cloud.close())
        except ConfigurationError:
            assert not allowed
        else:
            assert allowed
            self.closed = True

    @precondition(lambda self: self.closed)
    @rule()
    def another_session_is_made(self) -> None:
        """A fresh one works wherever it is opened."""
        self.a_session_is_made()

    def teardown(self) -> None:
        """Close what can be closed."""
        try:
            if not self.closed:
                owner = self.owner
                home = self.loops[0] if owner is None or owner.is_closed() else owner
                self.run(home, self.cloud.close())
        finally:
            for loop in self.loops:
                loop.close()


def run_stateful_loops(*, steps: int = 12, **options: Any) -> None:
    """Run the state machine; `options` are Hypothesis' settings."""
    with serving() as server, warnings.catch_warnings():
        # What a closed loop leaves open can be closed by nobody.
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)

        class Here(StatefulLoops):
            pass

        Here.url = server.url
        run_state_machine_as_test(
            Here,
            settings=settings(
                stateful_step_count=steps,
                database=None,
                suppress_health_check=list(HealthCheck),
                **options,
            ),
        )
        gc.collect()
