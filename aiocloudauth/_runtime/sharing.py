"""Carries out what `_core.sharing` decides: loads the fleet's record and swaps it."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from attrs import evolve
from yarl import URL

from aiocloudauth import events
from aiocloudauth._core.lifecycle import dead_on_arrival, refused
from aiocloudauth._core.schedule import lifetime
from aiocloudauth._core.sharing import (
    LEASE_MARGIN,
    Adopt,
    Drop,
    Failure,
    Lease,
    Member,
    Need,
    NextStep,
    Publish,
    Rest,
    Shared,
    Take,
    Wait,
    adopted,
    age_of,
    conclude,
    failure_of,
    leased,
    logged_out,
    newer,
    next_step,
    offset_of,
    released,
    ttl_of,
)
from aiocloudauth._core.states import Emit, Exchange, Login, Refresh
from aiocloudauth._runtime.log_records import log
from aiocloudauth._runtime.waiters import again
from aiocloudauth._wire.record import LaterFormatError, MalformedError, from_bytes, to_bytes
from aiocloudauth.errors import CloudAuthError, StoreError
from aiocloudauth.stores.sealing import Seal, SealBrokenError, seal_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiocloudauth._core.states import Ask, Grant
    from aiocloudauth._runtime.subscribers import Subscribers
    from aiocloudauth.clock import Clock, Timeline, TimerHandle
    from aiocloudauth.credentials import Credentials
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.stores.protocol import TokenStore
    from aiocloudauth.token import Secret

__all__ = ["Sharing"]

_T = TypeVar("_T")

#: Renews a token, or logs in without one.
Call: TypeAlias = "Callable[[Secret | None], Awaitable[Grant]]"
#: Logs a token out, whatever the server answers.
Discard: TypeAlias = "Callable[[Secret], Awaitable[None]]"

#: Bounds of the pause before the record is loaded again, seconds.
_PAUSE: Final = (0.05, 0.25)
#: Steps in which the time of one operation of the store is counted.
_STEPS: Final = 10
#: How often a swap is tried again that somebody else was quicker than.
_TRIES: Final = 8
#: The longest value that is looked at, bytes: a token of the longest kind fits.
_LONGEST: Final = 256 * 1024


class _NoStoreError(Exception):
    """The store cannot be used: go alone."""


class Sharing:
    """One member's part in a fleet.

    Whatever the store does, a session that could get a token without it gets one.
    """

    __slots__ = (
        "_called_at",
        "_clock",
        "_down",
        "_member",
        "_policy",
        "_queue",
        "_root",
        "_seal",
        "_store",
        "_subscribers",
        "_timeline",
        "rest",
        "source",
    )

    def __init__(
        self,
        store: TokenStore,
        *,
        root: str,
        clock: Clock,
        timeline: Timeline,
        policy: RenewalPolicy,
        subscribers: Subscribers,
    ) -> None:
        """Share through `store`, which stays the caller's, a session of the API at `root`."""
        self._store = store
        self._root = root
        self._clock = clock
        self._timeline = timeline
        self._policy = policy
        self._subscribers = subscribers
        self._member = Member()
        self._seal: Seal | None = None
        self._down = False
        self._called_at = -math.inf
        self._queue: Any = getattr(store, "queue", nullcontext())
        #: The credentials that the record is for.
        self.source: Credentials | None = None
        #: For how long the fleet makes no other attempt, after one that failed, seconds.
        self.rest = 0.0

    # -- an attempt ---------------------------------------------------------------------------

    async def join(self, source: Credentials, resolved: Credentials) -> None:
        """Share what belongs to `resolved`, the present values of `source`.

        After a rotation that is another record: what is held of the one before is let go.
        """
        try:
            seal = await seal_of(self._root, resolved)
        except Exception as error:  # noqa: BLE001 - it takes 32 MiB, which may not be there
            self._seal = None
            self._tell(error)
            return
        if self._seal is None or seal.key != self._seal.key:
            await self.release()
            self._member = Member(session=secrets.token_hex(8), offset=self._member.offset)
        self._seal, self.source = seal, source

    async def make(self, effect: Login | Refresh, call: Call, discard: Discard) -> Grant:
        """Get a token: from the store, or by `call` if nobody else is at it.

        Raises:
            CloudAuthError: The call failed, or another member's did and the fleet rests.
        """
        own = effect.token.token if isinstance(effect, Refresh) else None
        dead = isinstance(effect, Login) and effect.dead
        need = Need(effect.want, own, dead, effect.timeout)
        until = self._clock.monotonic() + self._policy.attempt_timeout + LEASE_MARGIN
        with suppress(_NoStoreError):
            while self._clock.monotonic() < until:
                await self._rested()
                shared, version = await self._load()
                match self._next(shared, need):
                    case Adopt():
                        return self._adopt(shared)
                    case Rest(error, seconds):
                        self.rest = seconds
                        raise again(error)
                    case Wait(seconds):
                        await self._pause(seconds)
                    case taken:
                        done = await self._take(taken, version, need, call, discard)
                        if not isinstance(done, Need):
                            return done
                        need = done
        await self._rested()
        return await self._alone(need.token, call)

    async def ask(self, effect: Ask) -> Grant | None:
        """Return a newer token than the one that was refused, if another member has one.

        While one of them is at it, this waits; within the time of the question.
        """
        until = self._clock.monotonic() + effect.timeout
        with suppress(_NoStoreError):
            while self._clock.monotonic() < until:
                shared, _ = await self._load()
                now, wall = self._clock.monotonic(), self._clock.time()
                if newer(shared, self._member, now, wall, self._policy)[0]:
                    return self._adopt(shared)
                if not leased(shared, self._member, now, self._policy):
                    return None
                await self._pause()
        return None

    def _next(self, shared: Shared, need: Need) -> NextStep:
        return next_step(
            shared,
            self._member,
            need,
            now=self._clock.monotonic(),
            wall=self._clock.time(),
            policy=self._policy,
            name=secrets.token_hex(8),
        )

    async def _take(
        self, taken: Take, version: str | None, need: Need, call: Call, discard: Discard
    ) -> Grant | Need:
        """Take the lease, call, publish; return the token, or what is needed now."""
        lease = cast("Lease", taken.shared.lease)
        # Before the swap, which may land though it is cut off.
        self._member = evolve(self._member, lease=lease.name)
        since = self._clock.monotonic()
        mine = await self._swap(taken.shared, version)
        if mine is None:
            await self._pause()
            return need
        if self._clock.monotonic() - since > lease.seconds:
            return need  # it slept meanwhile: somebody else may be at it
        try:
            grant = await self._call(call, taken.token)
        except CloudAuthError as error:
            if taken.token is not None and refused(error, 401):
                newest = max(self._member.generation, taken.shared.generation)
                self._member = evolve(self._member, generation=newest)
                self._called_at = -math.inf  # the login after it belongs to it
                if need.token is None:
                    return evolve(need, dead=True)
                raise  # a login follows, under the same lease
            failure = failure_of(
                error,
                taken.shared,
                self._policy,
                name=secrets.token_hex(8),
                draw=self._clock.random(),
            )
            await self._publish(taken, mine, failure)
            self.rest = failure.rest
            raise
        end = await self._publish(taken, mine, grant)
        if isinstance(end, Shared):
            return self._adopt(end)
        if end is Drop:
            await discard(grant.secret)
            return evolve(need, token=None)
        return grant

    async def _call(self, call: Call, token: Secret | None) -> Grant:
        self._called_at = self._clock.monotonic()
        grant = await call(token)
        if lifetime(grant, self._policy) <= 0.0:
            raise dead_on_arrival(grant)
        self._member = evolve(self._member, offset=offset_of(grant))
        return evolve(grant, by=Exchange.LOGIN if token is None else Exchange.REFRESH)

    async def _publish(
        self, taken: Take, version: str, outcome: Grant | Failure
    ) -> Shared | type[Drop] | None:
        """Publish what a call came to; return whose token to use instead, or that none may be."""
        shared, current = taken.shared, cast("str | None", version)
        with suppress(_NoStoreError):
            for _ in range(_TRIES):
                now, wall = self._clock.monotonic(), self._clock.time()
                match conclude(
                    shared, self._member, taken, outcome, now=now, wall=wall, policy=self._policy
                ):
                    case Publish(new):
                        if await self._swap(new, current) is not None:
                            self._member = evolve(
                                self._member.at(new, now),
                                generation=max(self._member.generation, new.generation),
                                lease="",
                            )
                            break
                    case Adopt():
                        return shared
                    case Drop():
                        return Drop
                    case _:  # Keep
                        break
                shared, current = await self._load()
        if not isinstance(outcome, Failure):
            self._member = evolve(self._member, session=taken.session)
        return None

    def _adopt(self, shared: Shared) -> Grant:
        now, wall = self._clock.monotonic(), self._clock.time()
        age = age_of(shared, self._member, now, wall)
        self._member = evolve(self._member, generation=shared.generation, session=shared.session)
        return adopted(shared, age, self._timeline.now())

    async def _alone(self, own: Secret | None, call: Call) -> Grant:
        try:
            grant = await self._call(call, own)
        except CloudAuthError as error:
            if own is not None and refused(error, 401):
                self._called_at = -math.inf
            raise
        if own is None:
            self._member = evolve(self._member, session=secrets.token_hex(8))
        return grant

    # -- leaving --------------------------------------------------------------------------------

    async def log_out(self, source: Credentials) -> None:
        """Mark the session of the token in hand, so that nobody adopts or renews it."""
        session = self._member.session
        if source is not self.source or not session:
            return  # its token was never shared
        with suppress(_NoStoreError):
            for _ in range(_TRIES):
                shared, version = await self._load()
                if await self._swap(logged_out(shared, session), version) is not None:
                    return
                await self._pause()

    async def release(self) -> None:
        """Give the own lease back, if there is one; where that fails, it is still the own."""
        if not self._member.lease:
            return
        given = False
        with suppress(_NoStoreError, TimeoutError):
            async with self._clock.timeout(self._policy.store_timeout):
                shared, version = await self._load()
                without = released(shared, self._member)
                given = without is None or await self._swap(without, version) is not None
        if given:
            self._member = evolve(self._member, lease="")

    # -- the store --------------------------------------------------------------------------------

    def _sealed(self) -> Seal:
        if self._seal is None:
            raise _NoStoreError
        return self._seal

    async def _load(self) -> tuple[Shared, str | None]:
        """Return the record, an empty one if there is none, and its version."""
        seal = self._sealed()
        entry = await self._operation(lambda: self._store.load(seal.key))
        shared, version = Shared(), None
        if entry is not None:
            try:
                version = entry.version
                if len(entry.value) <= _LONGEST:
                    shared = from_bytes(seal.open(entry.value))
            except LaterFormatError:
                msg = "the record in the token store is of a later version: update this one"
                self._tell(StoreError(msg))
                raise _NoStoreError from None
            except (SealBrokenError, MalformedError, AttributeError, TypeError) as error:
                # Damaged, or hostile: the next swap repairs it.
                name = type(error).__name__
                message = "the record in the store is none of ours (%s)"
                log(logging.WARNING, message, name, host=URL(self._root).authority)
        self._down = False
        self._member = self._member.at(shared, self._clock.monotonic())
        return shared, version

    async def _swap(self, shared: Shared, version: str | None) -> str | None:
        seal = self._sealed()
        value, ttl = seal.close(to_bytes(shared)), ttl_of(shared)
        done = await self._operation(
            lambda: self._store.swap(seal.key, value, expected=version, ttl=ttl)
        )
        self._down = False
        return done

    async def _operation(self, start: Callable[[], Awaitable[_T]]) -> _T:
        """Carry out one operation of the store, within `store_timeout`.

        Raises:
            _NoStoreError: It cannot be used now. That has been told, once an outage.
        """
        try:
            async with self._queue, self._own_time(self._policy.store_timeout):
                return await start()
        except Exception as error:  # noqa: BLE001 - whatever a stranger's store raises
            self._tell(error)
            raise _NoStoreError from None

    @asynccontextmanager
    async def _own_time(self, limit: float) -> AsyncIterator[None]:
        """Bound the block as `Clock.timeout` does, in steps that follow one another.

        So a time in which this event loop was starved, and no timer fired, hardly counts: it
        says nothing about the store. A cancellation that does not mean this task is an error.
        """
        async with asyncio.timeout(None) as scope:  # noqa: TID251 - its end is the Clock's
            timer: TimerHandle

            def step(left: int) -> None:
                nonlocal timer
                if left == 0:
                    scope.reschedule(0.0)  # a time that has passed: at the loop's next turn
                else:
                    timer = self._clock.call_later(limit / _STEPS, partial(step, left - 1))

            step(_STEPS)
            try:
                yield
            except asyncio.CancelledError as error:
                task = cast("asyncio.Task[Any]", asyncio.current_task())
                if task.cancelling():
                    raise
                raise StoreError(
                    "the token store failed: a task of its own was cancelled"
                ) from error
            finally:
                timer.cancel()

    def _tell(self, error: Exception) -> None:
        if self._down:
            return
        self._down = True
        if not isinstance(error, CloudAuthError):
            why = type(error).__name__  # its text may hold what a stranger put there
            if isinstance(error, TimeoutError):
                why = f"no answer within {self._policy.store_timeout:g} s"
            error = StoreError(f"the token store failed: {why}").because(error)
        self._subscribers.tell(Emit(events.StoreFailed, {"error": error}))

    async def _rested(self) -> None:
        """Wait until `min_interval` after the last call.

        Who waited for the store has called later than its attempt began, and who dropped a token
        calls again in the same one.
        """
        early = self._called_at + self._policy.min_interval - self._clock.monotonic()
        if early > 0.0:
            await self._pause(early)

    async def _pause(self, seconds: float | None = None) -> None:
        least, most = _PAUSE
        await self._clock.sleep(
            least + (most - least) * self._clock.random() if seconds is None else seconds
        )
