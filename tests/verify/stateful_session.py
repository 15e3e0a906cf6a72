"""A session under siege: the real client against a server and a clock that do what they like.

`Siege` is a Hypothesis state machine. Each of its rules does one thing to a `CloudSession`, or to a
`TokenRefresher` with a client of one's own, on virtual time, whose requests and renewals reach a
`CloudServer` in memory. What is promised is judged by the server's side of the story and by what
callers get; each promise has a number, and a run judges those it is told to.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Final, Literal

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
from tests.cast import EFFECTS, ENDINGS, KINDS, ODD_PATHS, TRANSIENT
from tests.ending import Ending

if TYPE_CHECKING:
    from aiocloudauth.testing import Effect

__all__ = ["Siege", "besiege"]


#: What says nothing about a token or a password; often only that it takes long.
_TRANSIENT: Final = st.sampled_from(TRANSIENT) | st.just(Late(3.0))


class Siege(Ending, RuleBasedStateMachine):
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


def besiege(*numbers: int, examples: int = 60, steps: int = 40, **options: Any) -> None:
    """Run the state machine, and judge these promises; `options` are Hypothesis' settings."""

    class Judged(Siege):
        judged = frozenset(numbers)

    run_state_machine_as_test(
        Judged,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            # Not explained: that takes minutes, of which a test has one.
            phases=options.pop("phases", [Phase.generate, Phase.shrink]),
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )
