"""Each judge of the invariants bites: with a fault put into the package, its test fails."""

# ruff: noqa: D103, ANN401 - a fault's name describes it, and it hands on whatever it is handed

from __future__ import annotations

import asyncio
import gc
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from hypothesis import Phase

from aiocloudauth import RenewalFailed, RenewalPolicy, SessionState, events, middleware, subscribers
from aiocloudauth.alarm import Alarm
from aiocloudauth.attempt import Attempts
from aiocloudauth.errors import CloudAuthError, SessionExpiredError
from aiocloudauth.guard import Guard
from aiocloudauth.lifecycle import Machine
from aiocloudauth.middleware import BearerMiddleware, BearerRequest
from aiocloudauth.refresher import TokenRefresher
from aiocloudauth.runner import NOTHING, Runner
from aiocloudauth.situations import Abandon, Emit, Login, Refresh, Rejected
from aiocloudauth.waiters import Waiters
from tests.siege import besiege
from tests.wanderer import wander

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _pytest.mark import ParameterSet

Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def what_a_fault_leaves_open_is_forgotten() -> Iterator[None]:
    """A broken close leaves sessions and loops, which complain when they are collected."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


FAULTS: list[ParameterSet] = []


def fault(number: int) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Say which invariant a fault breaks."""

    def noted(function: Callable[[Patch], None]) -> Callable[[Patch], None]:
        FAULTS.append(pytest.param(number, function, id=f"{number}-{function.__name__}"))
        return function

    return noted


@fault(1)
def every_renewal_is_launched_twice(patch: Patch) -> None:
    launch = Runner._launch

    def twice(self: Runner, effect: Login | Refresh) -> None:
        launch(self, effect)
        launch(self, effect)

    patch.setattr(Runner, "_launch", twice)


@fault(1)
def whoever_asks_starts_a_renewal_of_his_own(patch: Patch) -> None:
    async def refresh(self: TokenRefresher) -> None:
        token = self.current
        if token is not None:
            await self._attempts._exchange.refresh(token)

    patch.setattr(TokenRefresher, "refresh", refresh)


@fault(1)
def one_of_those_who_wait_is_forgotten(patch: Patch) -> None:
    settle = Waiters.settle

    def forgetful(self: Waiters[Any], answer: Any) -> None:
        if len(self._futures) > 1:
            self._futures.popitem()
        settle(self, answer)

    patch.setattr(Waiters, "settle", forgetful)


@fault(1)
def one_of_those_who_wait_is_told_something_else(patch: Patch) -> None:
    settle = Waiters.settle

    def lying(self: Waiters[Any], answer: Any) -> None:
        if len(self._futures) > 1:
            self._futures.popitem()[0].set_result(CloudAuthError("something else"))
        settle(self, answer)

    patch.setattr(Waiters, "settle", lying)


def _patched_wait(patch: Patch, after: Callable[[Waiters[Any]], None]) -> None:
    wait = Waiters.wait

    async def waiting(self: Waiters[Any], begin: Callable[[], None]) -> Any:
        try:
            return await wait(self, begin)
        except asyncio.CancelledError:
            after(self)
            raise

    patch.setattr(Waiters, "wait", waiting)


@fault(2)
def a_cancelled_caller_cancels_the_renewal(patch: Patch) -> None:
    def cancel(waiters: Waiters[Any]) -> None:
        del waiters
        for task in asyncio.all_tasks():
            if "renewal" in task.get_name():
                task.cancel()

    _patched_wait(patch, cancel)


@fault(2)
def a_cancelled_caller_cancels_those_who_wait_with_him(patch: Patch) -> None:
    def cancel(waiters: Waiters[Any]) -> None:
        for future in waiters._futures:
            future.cancel()

    _patched_wait(patch, cancel)


@fault(2)
def a_cancelled_caller_makes_the_others_wait_for_ever(patch: Patch) -> None:
    def forget(waiters: Waiters[Any]) -> None:
        waiters._futures.clear()

    _patched_wait(patch, forget)


def _with_policy(patch: Patch, **changes: Any) -> None:
    make = Machine.__init__

    def hasty(self: Machine, policy: RenewalPolicy, abilities: Any) -> None:
        make(self, evolve(policy, **changes), abilities)

    patch.setattr(Machine, "__init__", hasty)


@fault(3)
def the_least_interval_is_forgotten(patch: Patch) -> None:
    _with_policy(patch, min_interval=0.001)


@fault(3)
def the_least_interval_is_a_tenth_too_short(patch: Patch) -> None:
    _with_policy(patch, min_interval=0.9)


@fault(4)
def a_renewal_that_ends_after_the_logout_revives_the_session(patch: Patch) -> None:
    publish, perform, fly = Runner._publish, Runner._perform, Runner._fly
    last: list[Any] = []

    def remembering(self: Runner, held: Any, adopted: Any) -> None:
        publish(self, held, adopted)
        last[:] = [self.served]

    def lenient(self: Runner, effect: Any) -> None:
        if not isinstance(effect, Abandon):
            perform(self, effect)

    async def late(self: Runner, effect: Login | Refresh, trial: Any) -> None:
        await fly(self, effect, trial)
        if last and self.served is NOTHING:
            self.served = last[0]

    patch.setattr(Runner, "_publish", remembering)
    patch.setattr(Runner, "_perform", lenient)
    patch.setattr(Runner, "_fly", late)


@fault(4)
def a_failure_brings_the_token_before_back(patch: Patch) -> None:
    publish, fail = Runner._publish, Runner._fail
    before: list[Any] = []

    def remembering(self: Runner, held: Any, adopted: Any) -> None:
        before[:] = [self.served]
        publish(self, held, adopted)

    def confused(self: Runner, effect: Any, error: CloudAuthError) -> None:
        fail(self, effect, error)
        if before and before[0] is not NOTHING:
            self.served = before[0]

    patch.setattr(Runner, "_publish", remembering)
    patch.setattr(Runner, "_fail", confused)


@fault(4)
def two_tokens_are_of_one_generation(patch: Patch) -> None:
    publish = Runner._publish

    def confused(self: Runner, held: Any, adopted: Any) -> None:
        publish(self, evolve(held, token=evolve(held.token, generation=1)), adopted)

    patch.setattr(Runner, "_publish", confused)


@fault(5)
def the_expiry_is_that_of_the_token_before(patch: Patch) -> None:
    publish = Runner._publish

    def confused(self: Runner, held: Any, adopted: Any) -> None:
        before = self.served.token
        if before is not None:
            end = before.session_expiration_time
            held = evolve(held, token=evolve(held.token, session_expiration_time=end))
        publish(self, held, adopted)

    patch.setattr(Runner, "_publish", confused)


@fault(6)
def a_failure_makes_callers_wait_for_another_token(patch: Patch) -> None:
    fail = Runner._fail

    def harsh(self: Runner, effect: Any, error: CloudAuthError) -> None:
        fail(self, effect, error)
        if self.served.token is not None:
            self.feed(Rejected(self._timeline.now(), self.served.token.generation))

    patch.setattr(Runner, "_fail", harsh)


@fault(6)
def requests_wait_for_the_renewal_of_a_good_token(patch: Patch) -> None:
    send = BearerRequest.send

    async def patient(self: BearerRequest, conn: Any) -> Any:
        if self.refresher and self.refresher.state is SessionState.RENEWING:
            with suppress(CloudAuthError):
                await self.refresher.refresh()
        return await send(self, conn)

    patch.setattr(BearerRequest, "send", patient)


@fault(6)
def requests_fail_while_renewals_fail(patch: Patch) -> None:
    send = BearerRequest.send

    def strict(self: BearerRequest, conn: Any) -> Any:
        if self.refresher and self.refresher.state is SessionState.DEGRADED:
            raise SessionExpiredError("not renewed")
        return send(self, conn)

    patch.setattr(BearerRequest, "send", strict)


@fault(7)
def a_spent_body_is_sent_again(patch: Patch) -> None:
    patch.setattr(middleware, "can_send_again", lambda *_, **__: True)


@fault(7)
def a_second_refusal_is_answered_with_a_third_try(patch: Patch) -> None:
    written = BearerMiddleware._written

    async def stubborn(self: BearerMiddleware, request: Any, handler: Any) -> Any:
        response = await written(self, request, handler)
        if response.status == 401:
            response.release()
            response = await written(self, request, handler)
        return response

    patch.setattr(BearerMiddleware, "_written", stubborn)


@fault(7)
def any_401_is_about_the_token(patch: Patch) -> None:
    async def about(*_: object) -> bool:
        return True

    patch.setattr(middleware, "is_refusal", about)


@fault(10)
def nobody_is_logged_out(patch: Patch) -> None:
    async def nothing(*_: object) -> None:
        """Send nothing."""

    patch.setattr(Attempts, "log_out", nothing)


@fault(10)
def the_timer_is_left(patch: Patch) -> None:
    set_alarm = Alarm.set

    def careless(self: Alarm, at: float) -> None:
        if at != float("inf"):
            set_alarm(self, at)

    patch.setattr(Alarm, "set", careless)


@fault(10)
def the_renewal_outlives_the_close(patch: Patch) -> None:
    perform = Runner._perform

    def lenient(self: Runner, effect: Any) -> None:
        if isinstance(effect, Abandon):
            self._flight = None
            self._flights.clear()
        else:
            perform(self, effect)

    patch.setattr(Runner, "_perform", lenient)


@fault(11)
def no_failure_is_told(patch: Patch) -> None:
    tell = subscribers.Subscribers.tell

    def discreet(self: subscribers.Subscribers, effect: Emit) -> None:
        if effect.kind is not RenewalFailed:
            tell(self, effect)

    patch.setattr(subscribers.Subscribers, "tell", discreet)


@fault(11)
def no_failure_is_logged(patch: Patch) -> None:
    patch.setattr(subscribers, "_report", lambda record: None)


@fault(11)
def the_loss_of_the_session_is_not_logged(patch: Patch) -> None:
    report = subscribers._report

    def discreet(record: events.Event) -> None:
        if not isinstance(record, events.SessionLost):
            report(record)

    patch.setattr(subscribers, "_report", discreet)


@fault(11)
def the_last_error_is_not_kept(patch: Patch) -> None:
    patch.setattr(TokenRefresher, "last_error", None)


@fault(11)
def a_bug_ends_the_renewal(patch: Patch) -> None:
    fly = Runner._fly

    async def buggy(self: Runner, effect: Login | Refresh, trial: Any) -> None:
        if effect.number > 3:
            raise KeyError(effect.number)
        await fly(self, effect, trial)

    patch.setattr(Runner, "_fly", buggy)


@pytest.mark.parametrize(("number", "put"), FAULTS)
def test_a_fault_in_the_package_is_found(
    number: int, put: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    """By the same machine and the same judge, for which it is the only one to look out for."""
    put(monkeypatch)
    with pytest.raises(AssertionError, match=f"invariant {number}: "):
        besiege(number, examples=500, phases=[Phase.generate], derandomize=True)


def no_loop_is_checked(patch: Patch) -> None:
    patch.setattr(Guard, "require_own_loop", lambda self: None)


def an_orphan_waits_for_its_flights(patch: Patch) -> None:
    patch.setattr(Guard, "orphaned", False)


def an_open_in_another_loop_is_let_in(patch: Patch) -> None:
    async def open_again(self: TokenRefresher) -> TokenRefresher:
        return self

    patch.setattr(TokenRefresher, "open", open_again)


@pytest.mark.parametrize(
    "put", [no_loop_is_checked, an_orphan_waits_for_its_flights, an_open_in_another_loop_is_let_in]
)
def test_a_fault_about_loops_is_found(put: Callable[[Patch], None], monkeypatch: Patch) -> None:
    """Invariant 12, by its own machine; a hang would end with the guard's `TimeoutError`."""
    put(monkeypatch)
    with pytest.raises((AssertionError, CloudAuthError, RuntimeError, TimeoutError)):
        wander(phases=[Phase.generate], derandomize=True)
