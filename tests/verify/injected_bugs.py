"""Bugs to put into the package on purpose, each with the number of the invariant it breaks."""

# ruff: noqa: D103, ANN401 - a bug's name describes it, and it hands on whatever it is handed

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from aiocloudauth import (
    CloudSession,
    RenewalFailed,
    RenewalPolicy,
    SessionState,
    events,
    middleware,
)
from aiocloudauth._core.lifecycle import Machine
from aiocloudauth._core.states import Abandon, Conclude, Emit, Exchange, Login, Refresh
from aiocloudauth._runtime import subscribers
from aiocloudauth._runtime.attempt import Attempts
from aiocloudauth._runtime.log_records import LogRecords
from aiocloudauth._runtime.runner import NOTHING, Runner
from aiocloudauth._runtime.timer import Timer
from aiocloudauth._runtime.waiters import Waiters
from aiocloudauth._wire.failure import Refusal
from aiocloudauth.errors import CloudAuthError, SessionExpiredError
from aiocloudauth.middleware import BearerMiddleware, BearerRequest
from aiocloudauth.refresher import TokenRefresher

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet

Patch = pytest.MonkeyPatch

BUGS: list[ParameterSet] = []


def bug(number: int) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Say which invariant a bug breaks."""

    def noted(function: Callable[[Patch], None]) -> Callable[[Patch], None]:
        BUGS.append(pytest.param(number, function, id=f"{number}-{function.__name__}"))
        return function

    return noted


@bug(1)
def every_renewal_is_launched_twice(patch: Patch) -> None:
    launch = Runner._launch

    def twice(self: Runner, effect: Login | Refresh) -> None:
        launch(self, effect)
        launch(self, effect)

    patch.setattr(Runner, "_launch", twice)


@bug(1)
def whoever_asks_starts_a_renewal_of_his_own(patch: Patch) -> None:
    async def refresh(self: TokenRefresher) -> None:
        token = self.current
        if token is not None:
            await self._attempts._exchange.refresh(token)

    patch.setattr(TokenRefresher, "refresh", refresh)


@bug(1)
def one_of_those_who_wait_is_forgotten(patch: Patch) -> None:
    settle = Waiters.settle

    def forgetful(self: Waiters[Any], answer: Any) -> None:
        if len(self._futures) > 1:
            self._futures.popitem()
        settle(self, answer)

    patch.setattr(Waiters, "settle", forgetful)


@bug(1)
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


@bug(2)
def a_cancelled_caller_cancels_the_renewal(patch: Patch) -> None:
    def cancel(waiters: Waiters[Any]) -> None:
        del waiters
        for task in asyncio.all_tasks():
            if "attempt" in task.get_name():
                task.cancel()

    _patched_wait(patch, cancel)


@bug(2)
def a_cancelled_caller_cancels_those_who_wait_with_him(patch: Patch) -> None:
    def cancel(waiters: Waiters[Any]) -> None:
        for future in waiters._futures:
            future.cancel()

    _patched_wait(patch, cancel)


@bug(2)
def a_cancelled_caller_makes_the_others_wait_for_ever(patch: Patch) -> None:
    def forget(waiters: Waiters[Any]) -> None:
        waiters._futures.clear()

    _patched_wait(patch, forget)


def _with_policy(patch: Patch, **changes: Any) -> None:
    make = Machine.__init__

    def hasty(self: Machine, policy: RenewalPolicy, abilities: Any) -> None:
        make(self, evolve(policy, **changes), abilities)

    patch.setattr(Machine, "__init__", hasty)


@bug(3)
def the_least_interval_is_forgotten(patch: Patch) -> None:
    _with_policy(patch, min_interval=0.001)


@bug(3)
def the_least_interval_is_a_tenth_too_short(patch: Patch) -> None:
    _with_policy(patch, min_interval=0.9)


@bug(3)
def a_failure_is_followed_by_the_next_attempt_at_once(patch: Patch) -> None:
    # Not quite at once: the clock would never get on.
    patch.setattr(Machine, "retry_at", lambda self, record, event, by, **_: event.now + 0.2)


@bug(3)
def the_pause_begins_with_the_last_success(patch: Patch) -> None:
    start = Machine.start

    def forgetful(self: Machine, record: Any, now: float, *args: Any, **options: Any) -> Any:
        after, effects = start(self, record, now, *args, **options)
        return evolve(after, record=evolve(after.record, started_at=record.started_at)), effects

    patch.setattr(Machine, "start", forgetful)


@bug(4)
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


@bug(4)
def a_failure_brings_the_token_before_back(patch: Patch) -> None:
    publish, fail = Runner._publish, Runner._fail
    before: list[Any] = []

    def remembering(self: Runner, held: Any, adopted: Any) -> None:
        before[:] = [self.served]
        publish(self, held, adopted)

    def confused(self: Runner, number: int, error: CloudAuthError) -> None:
        fail(self, number, error)
        if before and before[0] is not NOTHING:
            self.served = before[0]

    patch.setattr(Runner, "_publish", remembering)
    patch.setattr(Runner, "_fail", confused)


@bug(4)
def two_tokens_are_of_one_generation(patch: Patch) -> None:
    publish = Runner._publish

    def confused(self: Runner, held: Any, adopted: Any) -> None:
        publish(self, evolve(held, token=evolve(held.token, generation=1)), adopted)

    patch.setattr(Runner, "_publish", confused)


@bug(5)
def the_expiry_is_that_of_the_token_before(patch: Patch) -> None:
    publish = Runner._publish

    def confused(self: Runner, held: Any, adopted: Any) -> None:
        before = self.served.token
        if before is not None:
            end = before.session_expiration_time
            held = evolve(held, token=evolve(held.token, session_expiration_time=end))
        publish(self, held, adopted)

    patch.setattr(Runner, "_publish", confused)


@bug(5)
def the_expiry_is_swapped_before_the_token(patch: Patch) -> None:
    publish = Runner._publish

    def in_two_steps(self: Runner, held: Any, adopted: Any) -> None:
        before = self.served
        publish(self, held, adopted)
        if before.token is not None:
            end, whole = held.token.session_expiration_time, self.served
            self.served = type(whole)(
                evolve(before.token, session_expiration_time=end), whole.until
            )
            asyncio.get_running_loop().call_soon(setattr, self, "served", whole)

    patch.setattr(Runner, "_publish", in_two_steps)


@bug(5)
def the_session_remembers_an_expiry_of_its_own(patch: Patch) -> None:
    def expiry(self: CloudSession) -> Any:
        token = self.token
        return vars(self).setdefault("_first", token and token.session_expiration_time)

    patch.setattr(CloudSession, "session_expiration_time", property(expiry))


@bug(6)
def a_failure_makes_callers_wait_for_another_token(patch: Patch) -> None:
    def harsh(self: Machine, record: Any, event: Any, good: Any, by: Any) -> Any:
        way = by or Exchange.LOGIN
        at = self.retry_at(record, event, way, good=False)
        after, effects = self.seek(record, event.now, good, at=at, by=way)
        return after, (Conclude(event.error), *effects, self.told(record, event, at))

    patch.setattr(Machine, "degrade", harsh)


@bug(6)
def requests_wait_for_the_renewal_of_a_good_token(patch: Patch) -> None:
    send = BearerRequest.send

    async def patient(self: BearerRequest, conn: Any) -> Any:
        runner = self.source and self.source._runner
        if runner and runner.state.shown is SessionState.RENEWING:
            with suppress(CloudAuthError):
                await runner.outcomes.wait(lambda: None)
        return await send(self, conn)

    patch.setattr(BearerRequest, "send", patient)


@bug(6)
def requests_fail_while_renewals_fail(patch: Patch) -> None:
    send = BearerRequest.send

    def strict(self: BearerRequest, conn: Any) -> Any:
        if self.source and self.source._runner.state.shown is SessionState.DEGRADED:
            raise SessionExpiredError("not renewed")
        return send(self, conn)

    patch.setattr(BearerRequest, "send", strict)


@bug(7)
def a_spent_body_is_sent_again(patch: Patch) -> None:
    patch.setattr(middleware, "can_send_again", lambda *_, **__: True)


@bug(7)
def a_second_refusal_is_answered_with_a_third_try(patch: Patch) -> None:
    call = BearerMiddleware.__call__

    async def stubborn(self: BearerMiddleware, request: Any, handler: Any, **more: Any) -> Any:
        response = await call(self, request, handler, **more)
        if response.status == 401:
            response.release()
            response = await call(self, request, handler, **more)
        return response

    patch.setattr(BearerMiddleware, "__call__", stubborn)


@bug(7)
def any_401_is_about_the_token(patch: Patch) -> None:
    async def about(*_: object) -> Refusal:
        return Refusal.CODED

    patch.setattr(middleware, "refusal_in", about)


@bug(7)
def a_403_is_replayed(patch: Patch) -> None:
    call = BearerMiddleware.__call__

    async def stubborn(self: BearerMiddleware, request: Any, handler: Any, **more: Any) -> Any:
        response = await call(self, request, handler, **more)
        if response.status == 403:
            response.release()
            response = await call(self, request, handler, **more)
        return response

    patch.setattr(BearerMiddleware, "__call__", stubborn)


@bug(7)
def a_refused_request_is_sent_again_with_the_same_token(patch: Patch) -> None:
    async def renewed(self: BearerMiddleware, request: Any, response: Any, *_: object) -> bool:
        response.release()
        await request.close()
        return True

    patch.setattr(BearerMiddleware, "_renewed", renewed)


@bug(10)
def nobody_is_logged_out(patch: Patch) -> None:
    async def nothing(*_: object) -> None:
        """Send nothing."""

    patch.setattr(Attempts, "log_out", nothing)


@bug(10)
def the_timer_is_left(patch: Patch) -> None:
    set_alarm = Timer.set

    def careless(self: Timer, at: float) -> None:
        if at != float("inf"):
            set_alarm(self, at)

    patch.setattr(Timer, "set", careless)


@bug(10)
def the_renewal_outlives_the_close(patch: Patch) -> None:
    perform = Runner._perform

    def lenient(self: Runner, effect: Any) -> None:
        if isinstance(effect, Abandon):
            self._flight = None
            self._flights.clear()
        else:
            perform(self, effect)

    patch.setattr(Runner, "_perform", lenient)


@bug(11)
def no_failure_is_told(patch: Patch) -> None:
    tell = subscribers.Subscribers.tell

    def discreet(self: subscribers.Subscribers, effect: Emit) -> None:
        if effect.kind is not RenewalFailed:
            tell(self, effect)

    patch.setattr(subscribers.Subscribers, "tell", discreet)


@bug(11)
def no_failure_is_logged(patch: Patch) -> None:
    patch.setattr(LogRecords, "write", lambda *_, **__: None)


@bug(11)
def the_loss_of_the_session_is_not_logged(patch: Patch) -> None:
    tell = LogRecords.tell

    def discreet(self: LogRecords, record: events.Event) -> None:
        if not isinstance(record, events.SessionLost):
            tell(self, record)

    patch.setattr(LogRecords, "tell", discreet)


@bug(11)
def the_last_error_is_not_kept(patch: Patch) -> None:
    patch.setattr(TokenRefresher, "last_error", None)


@bug(11)
def a_bug_ends_the_renewal(patch: Patch) -> None:
    fly = Runner._fly

    async def buggy(self: Runner, effect: Login | Refresh, trial: Any) -> None:
        if effect.number > 3:
            raise KeyError(effect.number)
        await fly(self, effect, trial)

    patch.setattr(Runner, "_fly", buggy)
