"""Waiting for plans, on virtual time, against the kit's deployments and against odd answers."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import aiohttp
import pytest

from aiocloudauth import (
    ApiError,
    BadRequestError,
    ConfigurationError,
    GatewayError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    PlanFailedError,
    PlanTimeoutError,
    RateLimitedError,
    ServerError,
    SessionExpiredError,
)
from aiocloudauth.api.plans import Plans, PlanStep
from aiocloudauth.testing import (
    Fault,
    ManualClock,
    Plan,
    Silence,
    Step,
)
from tests.api.ece import ece

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocloudauth.api import Api

JSON: TypeAlias = Any


BROKEN = Step("grow", 2, status="error", message="No room.", failure_type="Capacity")


# -- plans as they go ---------------------------------------------------------------------


async def test_a_change_is_waited_for_to_its_end() -> None:
    """All of its plans, though they take different times; the deployment is what they made."""
    async with ece() as it:
        began = it.clock.monotonic()
        deployment = await it.create(
            Plan(["a", Step("b", 30)], resource="kibana"), Plan([Step("a", 9)])
        )
        made = await it.drive(it.plans.wait(deployment, timeout=60))
        assert made["healthy"]
        assert 31 <= it.clock.monotonic() - began <= 33
        before = await it.drive(it.plans.mark(deployment))
        await it.update(deployment, Plan([Step("a", 20)], resource="kibana"))
        made = await it.drive(it.plans.wait(deployment, timeout=60, since=before))
        (kibana,) = made["resources"]["kibana"]
        assert kibana["info"]["plan_info"]["current"]["plan"]["kibana"]["version"] == "8.19.1"


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("marked", [False, True])
async def test_a_failed_update_is_raised_though_the_old_plan_stays_current(
    *, at_once: bool, marked: bool
) -> None:
    """Also if it failed before the first look, and whether or not a mark was made."""
    async with ece() as it:
        deployment = await it.created()
        before = await it.drive(it.plans.mark(deployment)) if marked else None
        await it.update(deployment, Plan(["a", BROKEN], resource="kibana", at_once=at_once))
        failures = await it.failures(it.plans.wait(deployment, timeout=60, since=before))
        assert failures == [("kibana", "grow", "No room.")]


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_failed_creation_is_raised(*, at_once: bool) -> None:
    """What failed first comes first, and the message says what, where and why."""
    async with ece() as it:
        deployment = await it.create(
            Plan([Step("a", 20), BROKEN], resource="kibana", at_once=at_once),
            Plan(["a", BROKEN], at_once=at_once),
        )
        with pytest.raises(PlanFailedError) as caught:
            await it.drive(it.plans.wait(deployment, timeout=60))
        first, second = caught.value.failures
        assert {first.kind, second.kind} == {"elasticsearch", "kibana"}
        assert first.kind == "elasticsearch" or at_once
        assert (first.resource, first.failure_type) == (f"main-{first.kind}", "Capacity")
        for part in (deployment, "main-kibana", "grow", "No room."):
            assert part in str(caught.value)


async def test_a_plan_that_shows_late_is_waited_for_and_one_that_never_does_is_not() -> None:
    """Ten seconds after the call: only with a mark can it be known that something is to come."""
    async with ece() as it:
        deployment = await it.created()
        before = await it.drive(it.plans.mark(deployment))
        await it.update(deployment, Plan(["a", BROKEN], resource="kibana", shows_after=9))
        assert await it.failures(it.plans.wait(deployment, timeout=200, since=before, poll=60))
        before = await it.drive(it.plans.mark(deployment))
        for poll in (0.7, 7, 30):
            began = it.clock.monotonic()
            await it.drive(it.plans.wait(deployment, timeout=60, since=before, poll=poll))
            assert 10 <= it.clock.monotonic() - began < 11


async def test_after_a_creation_all_plans_are_its_own() -> None:
    """One that has not begun is waited for: there is nothing that a mark could hold."""
    async with ece() as it:
        deployment = await it.create(Plan([BROKEN], shows_after=5), Plan([BROKEN], shows_after=5))
        assert len(await it.failures(it.plans.wait(deployment, timeout=60, since=()))) == 2


@pytest.mark.parametrize("skew", [-86_400.0, 86_400.0])
async def test_clocks_that_differ_change_nothing(skew: float) -> None:
    """Every time that is compared is the server's."""
    async with ece(clock_skew=skew) as it:
        deployment = await it.create()
        await it.drive(it.plans.wait(deployment, timeout=60))
        before = await it.drive(it.plans.mark(deployment))
        await it.update(deployment, Plan(["a", BROKEN], resource="kibana"))
        assert await it.failures(it.plans.wait(deployment, timeout=60, since=before))
        assert await it.failures(it.plans.wait(deployment, timeout=60))


async def test_a_renewal_in_the_middle_is_not_noticed() -> None:
    """The wait is longer than a token's life."""
    async with ece(token_lifetime=30) as it:
        deployment = await it.create(Plan([Step("a", 120)]))
        await it.drive(it.plans.wait(deployment, timeout=600))
        assert it.server.stats.refreshes > 3
        assert it.server.stats.unauthorized == 0


async def test_only_the_resources_asked_for_count() -> None:
    """By kind or by name; one that there is not is an error, not a success."""
    async with ece() as it:
        plans = Plan([BROKEN], resource="elasticsearch"), Plan([Step("a", 20)])
        deployment = await it.create(*plans)
        for names in (["kibana"], {"main-kibana"}):
            await it.drive(it.plans.wait(deployment, timeout=60, resources=names))
        wait = it.plans.wait(deployment, timeout=60, resources=["main-elasticsearch", "kibana"])
        assert [kind for kind, *_ in await it.failures(wait)] == ["elasticsearch"]
        with pytest.raises(ConfigurationError, match="kibanna"):
            await it.drive(it.plans.wait(deployment, timeout=60, resources=["kibanna"]))


async def test_a_late_plan_of_the_resource_asked_for_is_waited_for() -> None:
    """What shows of another resource says nothing of it."""
    async with ece() as it:
        deployment = await it.created()
        before = await it.drive(it.plans.mark(deployment))
        late = Plan(["a", BROKEN], resource="kibana", shows_after=9)
        await it.update(deployment, Plan(["a"], resource="elasticsearch"), late)
        wait = it.plans.wait(deployment, timeout=60, since=before, resources=["kibana"])
        assert await it.failures(wait) == [("kibana", "grow", "No room.")]


async def test_several_waits_in_a_task_group() -> None:
    """Each for its own; the first that fails ends the others, as a `TaskGroup` does."""
    async with ece(token_lifetime=30) as it:
        good = await it.create(Plan([Step("a", 90)]), Plan([Step("a", 90)]))
        bad = await it.create(Plan(["a"]), Plan(["a", BROKEN]))
        before = tasks()

        async def both(*deployments: str) -> list[JSON]:
            async with asyncio.TaskGroup() as group:
                waits = [group.create_task(it.plans.wait(one, timeout=600)) for one in deployments]
            return [wait.result()["id"] for wait in waits]

        with pytest.raises(ExceptionGroup) as caught:
            await it.drive(both(good, bad))
        (error,) = caught.value.exceptions
        assert isinstance(error, PlanFailedError)
        assert bad in str(error)
        assert tasks() == before
        assert await it.drive(both(good, good)) == [good, good]
        assert it.server.stats.unauthorized == 0


# -- following ----------------------------------------------------------------------------


async def followed(steps: AsyncIterator[PlanStep]) -> tuple[list[tuple[str, str]], Any]:
    """Return the kind and the name of every step, and what is raised in the end."""
    shown: list[tuple[str, str]] = []
    try:
        async for step in steps:
            shown.append((step.kind, step.step))  # noqa: PERF401 - they count if it raises
    except PlanFailedError as error:
        return shown, error
    return shown, None


async def test_every_step_is_handed_out_once_and_the_last_one_too() -> None:
    """In the order in which they began, before the failure is raised."""
    async with ece() as it:
        deployment = await it.create(
            Plan(["a", "b"], resource="elasticsearch"),
            Plan([Step("a", 5), Step("b", 5, message=None), BROKEN], resource="kibana"),
        )
        shown, error = await it.drive(followed(it.plans.follow(deployment)))
        assert shown == [
            ("elasticsearch", "a"),
            ("kibana", "a"),
            ("elasticsearch", "b"),
            ("elasticsearch", "plan-completed"),
            ("kibana", "b"),
            ("kibana", "grow"),
            ("kibana", "plan-completed"),
        ]
        assert [one.step for one in error.failures] == ["grow"]


# -- time ---------------------------------------------------------------------------------


async def test_a_time_out_names_where_it_stood() -> None:
    """After exactly that time, by any way of giving it."""
    async with ece() as it:
        deployment = await it.create(Plan(["a", Step("b", 3600)], resource="kibana"))
        began = it.clock.monotonic()
        limit = timedelta(seconds=31)
        for call in (
            it.plans.wait(deployment, timeout=31, poll=timedelta(seconds=10)),
            followed(it.plans.follow(deployment, timeout=limit, poll=10)),
        ):
            with pytest.raises(PlanTimeoutError, match="kibana main-kibana at step b") as caught:
                await it.drive(call)
            assert isinstance(caught.value, TimeoutError)
            assert it.clock.monotonic() - began == pytest.approx(31)
            began = it.clock.monotonic()


async def test_a_look_that_hangs_does_not_outlast_the_time_out() -> None:
    """And the connection is given back."""
    async with ece(faults=[Fault("/deployments/*", [Silence()], skip=1)]) as it:
        deployment = await it.create()
        began = it.clock.monotonic()
        with pytest.raises(PlanTimeoutError):
            await it.drive(it.plans.wait(deployment, timeout=7))
        assert it.clock.monotonic() - began == pytest.approx(7)


def tasks() -> set[str]:
    """Return the names of the tasks there are, but for those of the server's connections."""
    return {task.get_name() for task in asyncio.all_tasks() if "RequestHandler" not in repr(task)}


async def test_cancelling_leaves_nothing() -> None:
    """In a pause, in the middle of a look, and when one stops following half-way."""
    async with ece(faults=[Fault("/deployments/*", [Silence()], after=30)]) as it:
        deployment = await it.create(Plan([Step("a", 3600)]), Plan(["a", Step("b", 3600)]))
        before = tasks()
        for waits in (1, 60):
            task = asyncio.ensure_future(it.plans.wait(deployment, timeout=3600))
            await it.clock.advance(waits)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert tasks() == before
        it.server.clear_faults()
        steps = it.plans.follow(deployment)
        assert (await it.drive(anext(aiter(steps)))).step == "a"
        assert tasks() == before


# -- answers that are none ----------------------------------------------------------------


@pytest.mark.parametrize(
    "document", [None, [], {}, "x", 1, {"resources": []}, {"resources": None}, {"errors": []}]
)
async def test_an_answer_that_is_no_deployment_is_outlived_and_no_mark(document: JSON) -> None:
    """Whatever JSON it is."""
    clock, api = ManualClock(), Scripted(document, document, GOOD, GOOD)
    assert await clock.drive(asked_by(api, clock).wait("d", timeout=60)) == GOOD
    api = Scripted(document)
    with pytest.raises(InvalidResponseError):
        await clock.drive(asked_by(api, clock).mark("d"))
    api = Scripted(*[document] * 30)
    with pytest.raises(PlanTimeoutError) as caught:
        await clock.drive(asked_by(api, clock).wait("d", timeout=9))
    assert isinstance(caught.value.__cause__, InvalidResponseError)


GOOD: JSON = {"id": "d", "resources": {}}


class Scripted:
    """What is asked, with answers and errors in a row."""

    def __init__(self, *answers: JSON) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, bool]] = []

    async def get_deployment(self, deployment_id: str, **options: bool) -> JSON:
        self.asked.append(options)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def asked_by(api: Scripted, clock: ManualClock) -> Plans:
    """Make the plans of a session that has these answers."""
    return Plans(cast("Api", api), clock=clock)


@pytest.mark.parametrize(
    "error",
    [
        RateLimitedError(status=429),
        ServerError(status=500),
        GatewayError(status=502),
        InvalidResponseError("HTML", retryable=False),
        InvalidResponseError("broken"),
        ApiError(status=200),
        PermissionDeniedError(status=200),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientPayloadError(),
        TimeoutError(),
    ],
    ids=lambda error: f"{type(error).__name__}",
)
async def test_errors_that_may_pass_are_outlived(error: Exception) -> None:
    """Those that say so, aiohttp's own, and an error in an answer that says that there is none."""
    clock = ManualClock()
    api = Scripted(error, GOOD, error, GOOD, GOOD)
    assert await clock.drive(asked_by(api, clock).wait("d", timeout=60)) == GOOD
    assert clock.monotonic() == pytest.approx(4)
    api = Scripted(error, GOOD, GOOD)
    assert await clock.drive(followed(asked_by(api, clock).follow("d"))) == ([], None)
    assert clock.monotonic() == pytest.approx(6)
    api = Scripted(*[error] * 30)
    with pytest.raises(PlanTimeoutError, match=type(error).__name__) as caught:
        await clock.drive(asked_by(api, clock).wait("d", timeout=9))
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError(status=404),
        PermissionDeniedError(status=403),
        BadRequestError(status=400),
        SessionExpiredError("lost"),
        ConfigurationError("no"),
        KeyError("a fault of the program"),
    ],
    ids=lambda error: f"{type(error).__name__}",
)
async def test_errors_that_do_not_pass_are_raised_at_once(error: Exception) -> None:
    """A refusal to tell is no news of the plans."""
    clock = ManualClock()
    for answers in ([error], [GOOD, error]):
        with pytest.raises(type(error)) as caught:
            await clock.drive(asked_by(Scripted(*answers), clock).wait("d", timeout=60))
        assert caught.value is error
    assert clock.monotonic() == 0


async def test_a_look_asks_for_the_history_only_when_nothing_is_pending() -> None:
    """Of what is waited for: then, and only then, can a failed attempt be judged."""
    pending = {"plan_attempt_id": "1", "attempt_start_time": "2026-01-01T00:00:00Z"}
    error = {"message": "No."}
    busy: JSON = {
        "resources": {
            "kibana": [{"ref_id": "k", "info": {"plan_info": {"pending": pending}}}],
            "apm": [{"ref_id": "a", "info": {"plan_info": {}}}],
        }
    }
    failed: JSON = {
        "resources": {
            "kibana": busy["resources"]["kibana"],
            "apm": [
                {"ref_id": "a", "info": {"plan_info": {"history": [pending | {"error": error}]}}}
            ],
        }
    }
    clock, api = ManualClock(), Scripted(busy)
    assert await asked_by(api, clock).mark("d") == {"1"}
    assert api.asked == [{"show_plans": True, "show_plan_history": True}]
    api = Scripted(busy, failed)
    with pytest.raises(PlanFailedError):
        await clock.drive(asked_by(api, clock).wait("d", timeout=60, resources=["apm"]))
    look = {"show_plans": True, "show_plan_logs": True}
    assert api.asked == [look, look | {"show_plan_history": True}]
    api = Scripted(busy, busy, GOOD, GOOD)
    await clock.drive(asked_by(api, clock).wait("d", timeout=60))
    assert api.asked == [look, look, look, look | {"show_plan_history": True}]
    api = Scripted(busy, busy)
    with pytest.raises(PlanTimeoutError):
        await clock.drive(asked_by(api, clock).wait("d", timeout=50, poll=30))
    assert api.asked == [look, look]  # and no look in between, nor one at the very end
    api = Scripted(ServerError(status=500), *[busy] * 30)
    with pytest.raises(PlanTimeoutError) as caught:
        await clock.drive(asked_by(api, clock).wait("d", timeout=9))
    assert caught.value.__cause__ is None  # what was overcome is not why


# -- arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": -1.0},
        {"timeout": math.nan},
        {"timeout": math.inf},
        {"timeout": True},
        {"timeout": "60"},
        {"poll": 0},
        {"poll": timedelta(seconds=-1)},
        {"resources": "kibana"},
        {"resources": []},
        {"resources": [None]},
        {"resources": 1},
        {"since": "abc"},
        {"since": [1]},
    ],
)
async def test_arguments_that_cannot_work_are_refused_before_anything_is_asked(
    wrong: dict[str, Any],
) -> None:
    """By `wait` and by `follow`, which need not be iterated for that."""
    api = Scripted()
    plans = asked_by(api, ManualClock())
    with pytest.raises(ConfigurationError):
        await plans.wait("d", **{"timeout": 60} | wrong)
    with pytest.raises(ConfigurationError):
        plans.follow("d", **wrong)
    assert api.asked == []
