"""A Hypothesis state machine: the client against a server and a clock that do what they like.

Each rule does one thing to a `CloudSession`, or to a `TokenRefresher` with a client of one's own,
whose requests and renewals reach a `CloudServer` in memory, on virtual time.
"""

from __future__ import annotations

import asyncio
import io
import logging
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aiocloudauth import Password, RenewalFailed, SessionState
from aiocloudauth.testing import Late
from tests.verify.stateful_values import (
    BODY,
    EFFECTS,
    ENDINGS,
    KINDS,
    ODD_PATHS,
    TRANSIENT,
    Call,
)
from tests.verify.watched_session import WatchedSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from aiocloudauth.testing import Effect


class StatefulSession(WatchedSession, RuleBasedStateMachine):
    """One session, from its opening to its close."""

    # -- set-up ---------------------------------------------------------------------------

    @initialize(
        kind=st.sampled_from(["password", "password", "callable", "bearer"]),
        life=st.sampled_from([1200.0, 300.0, 60.0]),
        skew=st.sampled_from([0.0, 0.0, 900.0, -900.0, 1.6]),
        revoking=st.booleans(),
        cap=st.sampled_from([None, None, 1500.0]),
        at_cap=st.sampled_from(["stop", "refuse"]),
        first=st.lists(st.sampled_from(EFFECTS[:2] + EFFECTS[7:11]), max_size=2),
        own=st.booleans(),
        hasty=st.none() | st.integers(0, 40),
        ending=st.sampled_from(ENDINGS),
        seed=st.integers(0, 2**32),
    )
    def opens(
        self,
        kind: str,
        life: float,
        skew: float,
        revoking: bool,  # noqa: FBT001 - Hypothesis calls with keywords
        cap: float | None,
        at_cap: Literal["stop", "refuse"],
        first: list[Effect],
        own: bool,  # noqa: FBT001 - Hypothesis calls with keywords
        hasty: int | None,
        ending: str,
        seed: int,
    ) -> None:
        """Start the server and open the session."""
        self.hasty = hasty
        self.ending = ending
        self.stage(
            seed,
            life,
            clock_skew=skew,
            revoke_on_refresh=revoking,
            max_session=cap,
            at_max_session=at_cap,
        )
        self.do(self.open(kind, first, hasty, own=own))

    # -- rules: callers -------------------------------------------------------------------

    @precondition(lambda self: not self.closed)
    @rule(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4), turns=st.integers(0, 30))
    def callers_send(self, kinds: list[str], turns: int) -> None:
        """Some at once, all on their way by so many turns of the loop."""
        self.do(self.send(kinds, turns))

    @rule(
        kind=st.sampled_from(KINDS),
        odd=st.sampled_from(sorted(ODD_PATHS)),
        turns=st.integers(0, 60),
        seconds=st.sampled_from([0.0, 2.0, 2.0]),
    )
    def a_caller_sends_what_the_api_refuses(
        self, kind: str, odd: str, turns: int, seconds: float
    ) -> None:
        """Forbidden; unauthorised in another sense; a token that it does not like."""

        async def send() -> None:
            self.request(kind, odd)
            await self._turn(turns)
            if seconds:
                await self.clock.advance(seconds)

        self.do(send())

    @rule(asked=st.sampled_from(["refresh", "refresh", "login"]), count=st.integers(1, 3))
    def callers_ask_for_a_renewal(self, asked: str, count: int) -> None:
        """At once: they share its outcome."""

        async def ask() -> None:
            self.groups += 1
            for _ in range(count):
                self.ask_for(asked)
            await self.clock.settle()

        self.do(ask())

    @rule(count=st.integers(1, 3), turns=st.integers(0, 30))
    def callers_take_tokens_by_hand(self, count: int, turns: int) -> None:
        """By `usable` and `reject`, for a client that knows no aiohttp."""

        async def take() -> None:
            for _ in range(count):
                self.call("by hand", self.by_hand())
            await self._turn(turns)

        self.do(take())

    @rule(
        asked=st.sampled_from(["refresh", "login", "request", "by hand"]),
        beside=st.integers(1, 3),
        turns=st.integers(0, 60),
        slow=st.booleans(),
    )
    def one_of_several_callers_is_cancelled(
        self,
        asked: str,
        beside: int,
        turns: int,
        slow: bool,  # noqa: FBT001 - Hypothesis calls with keywords
    ) -> None:
        """At any of its waits; the renewal that it waited for goes on, and so do the others."""

        async def cancel() -> None:
            if slow:
                self.faults.appendleft(Late(3.0))
            self.groups += 1
            started = [self.ask_for(asked) for _ in range(1 + beside)]
            await self._turn(turns)
            self.cancel(started[:1])
            await self.clock.settle()

        self.do(cancel())

    @precondition(lambda self: all(call.name != "trial" for call in self.calls))
    @rule(right=st.booleans(), turns=st.integers(0, 30))
    def a_caller_logs_in_with_other_credentials(self, right: bool, turns: int) -> None:  # noqa: FBT001 - Hypothesis calls with keywords
        """They are kept if they work. One such login at a time."""

        async def log_in() -> None:
            password = self.password if right else "wrong"
            self.logged_out = False
            self.trials += 1
            self.call("trial", self.cloud.login(Password("admin", password)))
            await self._turn(turns)

        self.do(log_in())

    @precondition(lambda self: not self.logged_out)
    @rule(turns=st.integers(0, 30), busy=st.booleans(), hasty=st.booleans())
    def a_caller_logs_out(self, turns: int, busy: bool, hasty: bool) -> None:  # noqa: FBT001 - Hypothesis calls with keywords
        """What is under way is dropped and brings nothing back; the caller may be in haste."""

        async def log_out() -> None:
            if busy:
                await self._begin_a_renewal()
            self.abandoned += 1
            call = self.call("logout", self.cloud.logout())
            await asyncio.sleep(0)
            self.logged_out = True
            self.spared.clear()
            self._all_dead(self.now())
            await self._turn(turns)
            if hasty:
                self.cancel([call])
            if busy:  # until it would have been answered
                await self.clock.advance(4.0)
            await self.clock.settle()

        self.do(log_out())

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), turns=st.integers(0, 40))
    def callers_are_cancelled(self, data: st.DataObject, turns: int) -> None:
        """Wherever they are; nobody else notices, least of all the renewal."""
        chosen = data.draw(st.lists(st.sampled_from(range(len(self.calls))), min_size=1))

        async def cancel() -> None:
            await self._turn(turns)
            self.cancel([self.calls[index] for index in set(chosen)])
            await self.clock.settle()

        self.do(cancel())

    @precondition(
        lambda self: self.cloud.token is None and all(call.name != "trial" for call in self.calls)
    )
    @rule()
    def all_is_well_again(self) -> None:
        """The server takes the password, and a caller logs in with it."""
        self.faults.clear()
        self.out = False
        self.vault = self.password
        self.logged_out = False
        self.trials += 1
        credentials = Password("admin", self.ask if self.kind == "callable" else self.password)
        call = self.call("trial", self.cloud.login(credentials))
        self.do(self.clock.advance(60.0))
        if not call.task.done():
            self.violated(11, "a login waits for ever, and nobody says why")

    # -- rules: the server ----------------------------------------------------------------

    @precondition(lambda self: self.cloud.token is not None)
    @rule(
        effect=st.sampled_from(TRANSIENT) | st.just(Late(3.0)),
        kinds=st.lists(st.sampled_from(KINDS), min_size=1),
    )
    def a_renewal_fails_while_the_token_is_good(self, effect: Effect, kinds: list[str]) -> None:
        """Callers who send then notice nothing."""
        self.faults.appendleft(effect)
        self.do(self._fail_and_send(kinds))

    async def _fail_and_send(self, kinds: list[str]) -> None:
        told = len(self.events)
        for _ in range(50):
            await self.clock.advance(min(self.clock.next_due or 0.0, self.life))
            failed = any(isinstance(event, RenewalFailed) for event in self.events[told:])
            if failed or self.cloud.state in {SessionState.RENEWING, SessionState.DEGRADED}:
                break
        await self.send(kinds, 0)
        await self.clock.advance(4.0)  # longer than the late answer takes

    @rule(effects=st.lists(st.sampled_from(EFFECTS), min_size=1, max_size=4))
    def the_next_attempts_fail(self, effects: list[Effect]) -> None:
        """One after the other."""
        self.faults.extend(effects)

    @rule(out=st.booleans())
    def the_authentication_cluster_fails(self, out: bool) -> None:  # noqa: FBT001 - Hypothesis calls with keywords
        """Or recovers."""
        self.out = out

    @rule()
    def all_tokens_are_revoked(self) -> None:
        """By an administrator, or by a restart."""
        self.server.revoke_all()
        self._all_dead(self.now())

    @rule(password=st.sampled_from(["secret", "other"]), vault=st.booleans())
    def the_password_changes(self, password: str, vault: bool) -> None:  # noqa: FBT001 - Hypothesis calls with keywords
        """The vault may know, or not yet."""
        self.password = password
        self.server.users.put("admin", password)
        if vault:
            self.vault = password

    # -- rules: time ----------------------------------------------------------------------

    @rule(share=st.sampled_from([0.0, 0.002, 0.02, 0.3, 0.72, 0.78, 0.96, 1.1]))
    def time_passes(self, share: float) -> None:
        """A share of a token's life."""
        self.do(self.clock.advance(share * self.life))

    @rule(seconds=st.sampled_from([0.3, 1.0, 2.0, 10.0, 31.0]))
    def seconds_pass(self, seconds: float) -> None:
        """Some."""
        self.do(self.clock.advance(seconds))

    @rule(share=st.sampled_from([0.1, 0.8, 2.0]))
    def the_machine_is_suspended(self, share: float) -> None:
        """The monotonic clock stands still, the wall clock jumps."""
        self.do(self._suspend(share * self.life))

    async def _suspend(self, seconds: float) -> None:
        # Nobody can act meanwhile; what is under way was not made to wait by the client.
        for call in self.calls:
            call.held = None
        if self.flights() and not self.under_way:
            self.started_at = self.now()
        self.clock.suspend(seconds)
        await self.clock.settle()

    @rule(by=st.sampled_from([-3600.0, -900.0, -20.0, 20.0, 900.0, 3600.0]))
    def the_wall_clock_is_stepped(self, by: float) -> None:
        """Nothing tells a step forward from a suspend."""

        async def step() -> None:
            self.clock.step(by)
            if by > 0:
                self._all_dead(self.now())
                self.last_attempt = -math.inf
                if self.flights() and not self.under_way:
                    self.started_at = -math.inf
            await self.clock.settle()

        self.do(step())

    # -- who calls ------------------------------------------------------------------------

    def call(self, name: str, work: Coroutine[Any, Any, Any], **details: Any) -> Call:
        """Start a caller."""
        held = self.held if not self.logged_out else None
        call = Call(name, self.loop.create_task(work), self.now(), held=held, **details)

        def ended(_: object) -> None:
            call.ended = self.now()
            call.closed_meanwhile = self.closing

        call.task.add_done_callback(ended)
        self.calls.append(call)
        return call

    def request(self, kind: str, odd: str = "") -> Call:
        """Start a request whose path names it."""
        number = self.numbered = getattr(self, "numbered", 0) + 1
        path = f"/{odd or kind}/{number}"
        options: dict[str, Any] = {}
        if kind == "bytes":
            options["data"] = BODY
        elif kind == "json":
            options["json"] = {"name": "cluster"}
        elif kind == "file":
            options["data"] = io.BytesIO(BODY)
        elif kind == "generator":
            options["data"] = _generated()
        elif kind == "slow":
            path += "?delay=0.5"
        method = "POST" if options else "GET"

        async def send() -> None:
            async with self.cloud.request(method, path, **options) as response:
                await response.read()

        return self.call("request", send(), number=number, kind=kind, odd=odd)

    async def send(self, kinds: list[str], turns: int) -> None:
        for kind in kinds:
            self.request(kind)
        await self._turn(turns)

    async def by_hand(self) -> None:
        refresher, path = self.refresher, "/by/hand"
        for last in (False, True):
            token = await refresher.usable()
            value = token.authorization.reveal()
            async with self.cloud.request(
                "GET", path, headers={"Authorization": value}, raise_for_status=False
            ) as response:
                if response.status != 401 or last or not refresher.reject(token):
                    return

    def ask_for(self, what: str) -> Call:
        if what == "request":
            return self.request("get")
        if what == "by hand":
            return self.call(what, self.by_hand())
        if what == "login":
            self.logged_out = False
        method: Callable[[], Coroutine[Any, Any, None]] = getattr(self.cloud, what)
        return self.call(what, method(), group=self.groups)

    def cancel(self, calls: list[Call]) -> None:
        for call in calls:
            call.cancelled = not call.task.done()
            call.task.cancel()
        self.spared.update(flight for flight in self.flights() if not flight.cancelling())

    # -- the end --------------------------------------------------------------------------

    def teardown(self) -> None:
        """Everybody is answered; then nothing is left of the session."""
        try:
            if hasattr(self, "cloud"):
                self._end()
        finally:
            self.log.removeHandler(self.records)
            self.log.setLevel(logging.NOTSET)
            try:
                self.loop.run_until_complete(self._leave())
            finally:
                self.loop.close()

    async def _leave(self) -> None:
        """Take apart what is left, whatever went wrong."""
        with suppress(Exception):  # what is to be told was told
            if hasattr(self, "cloud") and not self.closed:
                await self.clock.drive(self.cloud.close())
        if hasattr(self, "server"):
            await self.server._shut()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        await self.loop.shutdown_asyncgens()

    def _end(self) -> None:
        if self.ending == "busy":
            self.do(self._begin_a_renewal())
        if self.ending == "patient":
            # Nobody waits for ever: 30 s for a token each, and the pace of a refused login.
            self.do(self.clock.advance(90.0))
            left = [call.name for call in self.calls if not call.task.done()]
            for number in (1, 2):
                if left:
                    self.violated(number, f"{left} still wait")
        self.do(self._close())
        self.do(self.clock.advance(3600.0))

    async def _begin_a_renewal(self) -> None:
        """Have one under way, if one can start at all."""
        await self.clock.advance(2.0)
        self.faults.appendleft(Late(3.0))
        self.groups += 1
        self.ask_for("login" if self.cloud.token is None else "refresh")
        await self.clock.settle()

    async def _close(self) -> None:
        silent = bool(self.faults)
        began = self.clock.monotonic()
        # Before the close begins: one that is cancelled at once does not even do that.
        token, told = self.cloud.token, self.logouts_told
        self.closing = True
        self.spared.clear()
        self.abandoned += 1

        async def close() -> None:
            await self.cloud.close()
            if self.flights():
                self.violated(10, f"closed, and {self.flights()} goes on")

        closing = self.loop.create_task(close())
        if self.hasty is not None:  # whoever closed it is cancelled, and closes it again
            await self._turn(self.hasty)
            closing.cancel()
        await self.clock.drive(asyncio.wait({closing}))
        if closing.cancelled():
            token = None  # a logout that was cut short is not sent again
            await self.clock.drive(self.cloud.close())
        else:
            await closing
        ours = token is not None and self.kind != "bearer" and not silent
        if ours and self.logouts_told != told + 1:
            self.violated(10, "not logged out")
        self._check_wire()
        self.closed = True
        await self.clock.settle()
        self.check_closed(self.clock.monotonic() - began)


async def _generated() -> AsyncIterator[bytes]:
    for start in range(0, len(BODY), 100):
        yield BODY[start : start + 100]
        await asyncio.sleep(0)


def run_stateful_session(
    judged: frozenset[int] = WatchedSession.judged, *, steps: int = 40, **options: Any
) -> None:
    """Run the state machine, and judge these promises; `options` are Hypothesis' settings."""

    class Judged(StatefulSession):
        pass

    Judged.judged = judged
    run_state_machine_as_test(
        Judged,
        settings=settings(
            stateful_step_count=steps,
            database=None,
            report_multiple_bugs=False,
            # Not explained: that takes minutes.
            phases=options.pop("phases", [Phase.generate, Phase.shrink]),
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )
