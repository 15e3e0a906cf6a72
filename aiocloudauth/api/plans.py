"""Waiting until a deployment's plans are done, and saying why one failed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import aiohttp
from attrs import define, field

from aiocloudauth.api.plan_attempts import PlanStep, Watch, attempt_ids, is_deployment
from aiocloudauth.errors import (
    ApiError,
    CloudAuthError,
    ConfigurationError,
    InvalidResponseError,
    PlanFailedError,
    PlanTimeoutError,
    frameless,
)
from aiocloudauth.policy import seconds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterator
    from datetime import timedelta

    from aiocloudauth.api import types
    from aiocloudauth.api.client import Api
    from aiocloudauth.clock import Clock

__all__ = ["PlanStep", "Plans"]

#: How long after a change its first plan may take to show, in seconds.
_GRACE: Final = 10.0

#: How much of a plan's message an error's own message repeats, in characters.
_SHOWN: Final = 300


class Plans:
    """The plans of deployments: a change to one is done once its plans are.

    ::

        before = await cloud.plans.mark(deployment_id)
        await cloud.api.update_deployment(deployment_id, body=...)
        deployment = await cloud.plans.wait(deployment_id, timeout=1800, since=before)

    Without `since` what is waited for is the earliest change that is pending at the first
    look, or the latest that somebody asked for, if none is; and all that follows from it. A
    plan that has not begun yet, or has failed already, can be told from an older one by
    `since` alone; after a creation, which has no older ones, that is ``since=()``.
    """

    def __init__(self, api: Api, *, clock: Clock) -> None:
        """Ask `api` for deployments, and wait by `clock`."""
        self._api = api
        self._clock = clock

    async def mark(self, deployment_id: str) -> frozenset[str]:
        """Note which attempts at plans there are, before a change; for `since`.

        Raises:
            ApiError: As `cloud.api.get_deployment` does.
            InvalidResponseError: The answer is no deployment.
        """
        document = await self._api.get_deployment(
            deployment_id, show_plans=True, show_plan_history=True
        )
        if not is_deployment(document):
            raise InvalidResponseError(f"the answer for {deployment_id} is no deployment")
        return attempt_ids(document)

    async def wait(
        self,
        deployment_id: str,
        *,
        timeout: float | timedelta,  # noqa: ASYNC109 - it says where it stood, and is on our clock
        poll: float | timedelta = 2.0,
        resources: Iterable[str] | None = None,
        since: Collection[str] | None = None,
    ) -> types.DeploymentGetResponse:
        """Wait until no plan is pending; return the deployment, with its plans' history.

        Cancelling this touches nothing on the server.

        Args:
            deployment_id: The deployment.
            timeout: The most that this takes: seconds above 0.
            poll: From one look to the next: seconds above 0. While nothing is pending, a
                look is two requests, else one.
            resources: Kinds or ``ref_id``s to wait for; all if not given.
            since: What `mark` returned before the change. If no plan shows within 10 s of
                the call the change needed none.

        Raises:
            PlanFailedError: A plan failed; `failures` says which, where and why.
            PlanTimeoutError: Plans are pending still.
            ApiError: The API refuses to tell, as for a deployment that does not exist.
            ConfigurationError: A value cannot work, or `resources` names none there is.
        """
        waiting = self._waiting(deployment_id, seconds("timeout", timeout), poll, resources, since)
        while not waiting.over:
            await waiting.look()
        return waiting.result()

    def follow(
        self,
        deployment_id: str,
        *,
        timeout: float | timedelta | None = None,
        poll: float | timedelta = 2.0,
        resources: Iterable[str] | None = None,
        since: Collection[str] | None = None,
    ) -> AsyncGenerator[PlanStep, None]:
        """Yield each step of the plans once, as it shows, until no plan is pending.

        Steps of one look come in the order in which they began. Raises at its end what `wait`
        raises, and takes the same arguments; without `timeout` it waits for ever.
        """
        limit = None if timeout is None else seconds("timeout", timeout)
        return _follow(self._waiting(deployment_id, limit, poll, resources, since))

    def _waiting(
        self,
        deployment_id: str,
        limit: float | None,
        poll: float | timedelta,
        resources: Iterable[str] | None,
        since: Collection[str] | None,
    ) -> _Waiting:
        watch = Watch(_names("since", since), _names("resources", resources))
        if watch.resources is not None and not watch.resources:
            raise ConfigurationError("resources must name at least one kind or ref_id")
        return _Waiting(self._api, self._clock, deployment_id, watch, limit, seconds("poll", poll))


def _names(argument: str, given: Iterable[str] | None) -> frozenset[str] | None:
    if given is None:
        return None
    several = isinstance(given, Iterable) and not isinstance(given, str)
    names = list(given) if several else []
    if not several or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(f"{argument} must be several str, as in ('kibana',)")
    return frozenset(names)


async def _follow(waiting: _Waiting) -> AsyncGenerator[PlanStep, None]:
    while not waiting.over:
        for step in await waiting.look():
            yield step
    waiting.result()


@define(eq=False)
class _Waiting:
    """One wait. Nothing is held between two looks: no task, no timer, no connection."""

    api: Api
    clock: Clock
    deployment_id: str
    watch: Watch

    #: Seconds; `limit` is for the whole, from the first look on.
    limit: float | None
    poll: float

    over: bool = field(default=False, init=False)
    _deployment: types.DeploymentGetResponse | None = field(default=None, init=False)
    _began: float | None = field(default=None, init=False)
    _trouble: BaseException | None = field(default=None, init=False)

    async def look(self) -> list[PlanStep]:
        """Look once, `poll` after the last time; return the steps that are new."""
        if self._began is None:
            self._began = self.clock.monotonic()
        else:
            await self.clock.sleep(min((self.poll, *self._ahead())))
        left = None if self.limit is None else self.limit - self._passed()
        if left is not None and left <= 0:
            raise self._late() from self._trouble
        try:
            async with nullcontext() if left is None else self.clock.timeout(left):
                document = await self._fetch()
        except TimeoutError:
            raise self._late() from self._trouble
        if document is None:
            return []
        self._deployment = document
        steps = self.watch.look(document)
        settled = self.watch.since is None or self.watch.shown or self._passed() >= _GRACE
        self.over = settled and not self.watch.pending
        return steps

    def result(self) -> types.DeploymentGetResponse:
        """Return the deployment, or raise what went wrong."""
        missing, known = self.watch.unknown()
        if missing:
            raise ConfigurationError(
                f"resources: the deployment {self.deployment_id} has no "
                f"{' and no '.join(missing)}; there is {', '.join(known)}"
            )
        if failures := self.watch.failures():
            told = "; ".join(
                f"{failure.kind} {failure.resource} at step {failure.step}: "
                + textwrap.shorten(failure.message or "no message", _SHOWN)
                for failure in failures
            )
            message = f"a plan of the deployment {self.deployment_id} failed: {told}"
            raise PlanFailedError(message, failures=failures)
        return cast("types.DeploymentGetResponse", self._deployment)

    def _passed(self) -> float:
        return self.clock.monotonic() - (self._began or 0.0)

    def _ahead(self) -> Iterator[float]:
        """Yield the seconds to what must not be slept through."""
        passed = self._passed()
        if self.limit is not None:
            yield max(0.0, self.limit - passed)
        if self.watch.since is not None and not self.watch.shown and passed < _GRACE:
            yield _GRACE - passed

    async def _fetch(self) -> types.DeploymentGetResponse | None:
        """Ask for the deployment; `None` if something stands in the way that may pass."""
        ask = partial(
            self.api.get_deployment, self.deployment_id, show_plans=True, show_plan_logs=True
        )
        try:
            document = await ask()
            if is_deployment(document) and not self.watch.is_pending(document):
                # A plan that failed need not be the current one, nor one that ended at once.
                document = await ask(show_plan_history=True)
        except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
            if not _passes(error):
                raise
            self._trouble = frameless(error)  # its frames may hold what was sent
            return None
        if not is_deployment(document):
            self._trouble = InvalidResponseError("the answer is no deployment")
            return None
        self._trouble = None
        return document

    def _late(self) -> PlanTimeoutError:
        where = self.watch.stands_at() or "no pending plan was seen"
        if self._trouble is not None:
            where += f"; the last look failed with {type(self._trouble).__name__}"
        return PlanTimeoutError(
            f"the plans of the deployment {self.deployment_id} did not end within "
            f"{self.limit:g} s: {where}"
        )


def _passes(error: Exception) -> bool:
    """Tell whether the next look may succeed where this one failed."""
    if isinstance(error, InvalidResponseError) or (
        isinstance(error, ApiError) and error.status < 300
    ):
        return True  # no deployment, in an answer that says that all is well
    return error.retryable if isinstance(error, CloudAuthError) else True
