"""Which attempts a wait is for, and how each of them is judged: decided from JSON alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from aiocloudauth import PlanFailure
from aiocloudauth.api.plan_attempts import Watch, attempt_ids, is_deployment

JSON: TypeAlias = Any


def at(second: int) -> str:
    """Write an instant as the API does."""
    return f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}.000Z"


def step(name: str, second: int = 0, status: str = "success", *said: str, **more: Any) -> JSON:
    """Make a step of a plan's log."""
    log = [{"message": message, "failure_type": more.get("failure_type")} for message in said]
    return {"step_id": name, "status": status, "started": at(second), "info_log": log} | more


def attempt(number: str, second: int, *steps: Any, change: int | None = None, **more: Any) -> JSON:
    """Make an attempt at a plan that began in this second, for a request of another."""
    source = {"date": at(second if change is None else change), "facilitator": "adminconsole"}
    return {
        "plan_attempt_id": number,
        "attempt_start_time": at(second),
        "source": source,
        "plan_attempt_log": list(steps),
    } | more


GOOD = step("plan-completed", 50)
BAD = step("plan-completed", 50, "error", "Plan failed.")


def by_platform(number: str, second: int, *steps: JSON, change: int | None = None) -> JSON:
    """Make an attempt that the platform made by itself."""
    made = attempt(number, second, *steps, change=change)
    made["source"]["facilitator"] = "constructor"
    return made


def deployment(**plans: Any) -> dict[str, Any]:
    """Make a deployment with one resource of each of these kinds."""
    return {
        "id": "d",
        "resources": {
            kind: [{"ref_id": f"main-{kind}", "info": {"plan_info": plan}}]
            for kind, plan in plans.items()
        },
    }


def judged(plan: JSON) -> PlanFailure | None:
    """Judge the only attempt of a deployment."""
    watch = Watch()
    watch.look(deployment(kibana={"history": [plan]}))
    return next(iter(watch.failures()), None)


def failed(watch: Watch) -> list[str]:
    """Return the kinds that failed."""
    return [failure.kind for failure in watch.failures()]


# -- how an attempt is judged -------------------------------------------------------------


def test_the_end_decides_whatever_the_steps_before_it_say() -> None:
    """A step that went wrong and was overcome is no failure, nor are `healthy` and `error`."""
    wrong = step("grow", 10, "error", "No capacity.")
    assert judged(attempt("1", 0, wrong, GOOD, healthy=False, error={"message": "?"})) is None
    assert judged(attempt("1", 0, wrong, step("plan-completed", 50, "warning"))) is None
    assert judged(attempt("1", 0, wrong, step("plan-completed", 50, "unheard-of"))) is None
    assert judged(attempt("1", 0, step("grow"), BAD, healthy=True)) is not None


def test_without_an_end_the_error_and_the_health_decide() -> None:
    """Old systems, and plans that were refused at once, write no end."""
    assert judged(attempt("1", 0, step("grow", 1, "error"))) is None
    assert judged(attempt("1", 0, healthy=True)) is None
    assert judged(attempt("1", 0, healthy=None, error=None)) is None
    assert judged(attempt("1", 0, healthy=False)) == PlanFailure(
        "kibana", "main-kibana", "unknown", ""
    )
    refused = {"message": "No such version.", "failure_type": "Rejected"}
    assert judged(attempt("1", 0, error=refused)) == PlanFailure(
        "kibana", "main-kibana", "unknown", "No such version.", "Rejected"
    )


def test_a_failure_names_the_last_erroneous_step_before_the_end() -> None:
    """With the attempt's own message, else the step's last one, else the end's."""
    first = step("grow", 1, "error", "First.")
    second = step("move", 2, "error", "Begun.", "No room.", failure_type="Capacity")
    mute = step("move", 2, "error")
    after = step("clean", 3)
    assert judged(attempt("1", 0, first, second, after, BAD)) == PlanFailure(
        "kibana", "main-kibana", "move", "No room.", "Capacity"
    )
    typed = step("plan-completed", 50, "error", failure_type="Capacity") | {
        "info_log": [{"failure_type": "Capacity"}]
    }
    assert judged(attempt("1", 0, mute, typed)) == PlanFailure(
        "kibana", "main-kibana", "move", "", "Capacity"
    )
    told = attempt("1", 0, first, second, BAD, error={"message": "Told.", "failure_type": "T"})
    assert judged(told) == PlanFailure("kibana", "main-kibana", "move", "Told.", "T")
    assert judged(attempt("1", 0, mute, after, BAD)) == PlanFailure(
        "kibana", "main-kibana", "move", "Plan failed."
    )
    assert judged(attempt("1", 0, after, BAD)) == PlanFailure(
        "kibana", "main-kibana", "plan-completed", "Plan failed."
    )


@pytest.mark.parametrize("log", [{}, {"info_log": None}, {"info_log": [None, {"message": 1}]}])
def test_a_step_without_a_log_has_no_message(log: dict[str, Any]) -> None:
    """It is handed out, and may be what failed."""
    bare = {"step_id": "grow", "status": "error"} | log
    watch = Watch()
    (_, shown) = watch.look(deployment(kibana={"history": [attempt("1", 0, bare, BAD)]}))
    assert (shown.step, shown.status, shown.message, shown.started) == ("grow", "error", "", None)
    assert watch.failures()[0].step == "grow"


# -- which attempts are mine --------------------------------------------------------------


def test_a_failed_update_is_found_though_the_old_plan_is_the_current_one() -> None:
    """Judging by `current` alone reports it as a success."""
    before = deployment(elasticsearch={"current": attempt("1", 0, GOOD)})
    after = deployment(
        elasticsearch={
            "current": attempt("1", 0, GOOD),
            "history": [attempt("1", 0, GOOD), attempt("2", 60, BAD)],
        }
    )
    watch = Watch(since=attempt_ids(before))
    watch.look(after)
    assert (watch.shown, watch.pending, failed(watch)) == (True, False, ["elasticsearch"])
    watch = Watch()
    watch.look(after)
    assert failed(watch) == ["elasticsearch"]


def test_what_was_before_the_mark_is_not_judged() -> None:
    """An old failure says nothing of a change that needed no plan."""
    before = deployment(kibana={"history": [attempt("1", 0, BAD)]})
    watch = Watch(since=attempt_ids(before))
    assert watch.look(before) == []
    assert (watch.shown, watch.failures()) == (False, [])


def test_without_a_mark_what_counts_begins_with_the_earliest_pending_change() -> None:
    """Two changes are under way; what failed before them is the past."""
    watch = Watch()
    watch.look(
        deployment(
            elasticsearch={"pending": attempt("3", 20, change=15)},
            kibana={"pending": attempt("2", 30, change=10), "history": [attempt("1", 5, BAD)]},
        )
    )
    assert watch.pending
    watch.look(
        deployment(
            elasticsearch={"current": attempt("3", 20, GOOD, change=15)},
            kibana={
                "history": [attempt("1", 5, BAD), attempt("2", 30, BAD, change=10)],
            },
            apm={"history": [attempt("4", 12, BAD, change=10)]},
            appsearch={"history": [attempt("5", 8, BAD, change=9)]},
        )
    )
    assert not watch.pending
    assert sorted(failed(watch)) == ["apm", "kibana"]


def test_without_a_mark_and_nothing_pending_the_latest_change_asked_for_counts() -> None:
    """What the platform did by itself after it belongs to it; what it did before does not."""
    watch = Watch()
    watch.look(
        deployment(
            elasticsearch={"history": [attempt("2", 21, BAD, change=20)]},
            kibana={"history": [by_platform("3", 40, BAD, change=39)]},
            apm={"history": [by_platform("1", 10, BAD, change=9)]},
            appsearch={"history": [attempt("0", 4, BAD, change=3)]},
        )
    )
    assert sorted(failed(watch)) == ["elasticsearch", "kibana"]


def test_a_replaced_attempt_is_not_judged() -> None:
    """Somebody mended the change before it was waited for to the end."""
    plans = [attempt("3", 40, GOOD), attempt("2", 20, BAD)]
    watch = Watch(since=frozenset({"1"}))
    watch.look(deployment(kibana={"current": plans[0], "history": plans}))
    assert watch.failures() == []
    watch = Watch(since=frozenset({"1", "3"}))
    watch.look(deployment(kibana={"current": plans[0], "history": plans}))
    assert failed(watch) == ["kibana"]


def test_what_failed_first_comes_first() -> None:
    """Kibana fell because Elasticsearch did, and stands first in the answer."""
    watch = Watch()
    watch.look(
        deployment(
            kibana={"history": [attempt("1", 0, BAD, attempt_end_time=at(90))]},
            apm={"history": [attempt("2", 0, healthy=False)]},
            elasticsearch={
                "history": [attempt("3", 0, BAD, error={"timestamp": at(60), "message": "x"})]
            },
        )
    )
    assert failed(watch) == ["apm", "elasticsearch", "kibana"]


@pytest.mark.parametrize(
    "early",
    [
        {"error": {"timestamp": at(20), "message": "x"}},
        {"plan_attempt_log": [step("grow", 90, "error", completed=at(20)), BAD]},
        {"attempt_end_time": at(20), "healthy": False},
        {"plan_attempt_log": [step("grow", 20, "error"), BAD]},
        {"attempt_start_time": at(20), "healthy": False},
    ],
    ids=lambda early: next(iter(early)),
)
def test_when_an_attempt_failed_is_told_by_the_nearest_instant(early: dict[str, Any]) -> None:
    """What has none at all comes last, and is no error."""
    undated = attempt("1", 0, change=0, attempt_start_time=None, healthy=False)
    late = attempt("2", 60, change=0, healthy=False)
    watch = Watch()
    watch.look(
        deployment(
            appsearch={"history": [undated]},
            kibana={"history": [late]},
            elasticsearch={"history": [attempt("3", 70, change=0) | early]},
        )
    )
    assert failed(watch) == ["elasticsearch", "kibana", "appsearch"]


def test_a_date_in_the_year_one_is_no_instant() -> None:
    """Nothing failed that early: what else there is decides which was first."""
    never = "0001-01-01T00:00:00.000Z"
    watch = Watch()
    watch.look(
        deployment(
            kibana={"history": [attempt("1", 30, change=0, healthy=False, attempt_end_time=never)]},
            elasticsearch={
                "history": [attempt("2", 5, change=0, healthy=False, attempt_end_time=at(20))]
            },
        )
    )
    assert failed(watch) == ["elasticsearch", "kibana"]


def test_a_resource_that_is_gone_counts_by_its_last_attempt() -> None:
    """It was removed by its plan, or because of it."""
    watch = Watch()
    pending = attempt("1", 0, step("stop", 1))
    watch.look(deployment(elasticsearch={"pending": attempt("2", 0)}, kibana={"pending": pending}))
    watch.look(deployment(elasticsearch={"current": attempt("2", 0, GOOD)}))
    assert (watch.pending, watch.failures()) == (False, [])
    watch = Watch()
    pending |= {"error": {"message": "No."}}
    watch.look(deployment(elasticsearch={"pending": attempt("2", 0)}, kibana={"pending": pending}))
    watch.look(deployment(elasticsearch={"current": attempt("2", 0, GOOD)}))
    assert failed(watch) == ["kibana"]
    watch = Watch(since=frozenset())
    watch.look(deployment(kibana={"pending": pending}))
    watch.look({"resources": {}})
    assert watch.shown
    watch = Watch(resources=frozenset({"kibana"}))
    watch.look(deployment(kibana={}))
    watch.look({"resources": {}})
    assert watch.unknown() == ([], ["kibana", "main-kibana"])


def test_only_the_resources_asked_for_are_waited_for_and_judged() -> None:
    """By kind or by name; the change that they belong to may be another's."""
    both = deployment(
        elasticsearch={"pending": attempt("2", 20, step("grow", 21))},
        kibana={"history": [attempt("1", 10, step("grow", 11), BAD)]},
    )
    for name in ("elasticsearch", "main-elasticsearch"):
        watch = Watch(resources=frozenset({name}))
        assert [shown.kind for shown in watch.look(both)] == ["elasticsearch"]
        assert watch.pending
    watch = Watch(resources=frozenset({"kibana"}))
    watch.look(both)
    assert (watch.pending, watch.failures()) == (False, [])  # the change under way began later
    assert watch.unknown() == (
        [],
        ["elasticsearch", "kibana", "main-elasticsearch", "main-kibana"],
    )


# -- steps --------------------------------------------------------------------------------


def test_a_step_is_handed_out_once_and_in_order_of_its_start() -> None:
    """Across resources; with the last step, and with one that began anew."""
    watch = Watch()
    grow, move = step("grow", 10, "pending"), step("move", 20, "success", "Half.", "Done.")
    first = watch.look(
        deployment(
            kibana={"pending": attempt("1", 0, move)},
            elasticsearch={"pending": attempt("2", 0, grow)},
        )
    )
    assert [(shown.kind, shown.step, shown.status, shown.message) for shown in first] == [
        ("elasticsearch", "grow", "pending", ""),
        ("kibana", "move", "success", "Done."),
    ]
    assert first[0].resource == "main-elasticsearch"
    assert first[0].started == datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
    last = watch.look(
        deployment(
            kibana={"current": attempt("1", 0, move, step("move", 25), GOOD)},
            elasticsearch={"current": attempt("2", 0, step("grow", 10), GOOD)},
        )
    )
    assert [(shown.kind, shown.step) for shown in last] == [
        ("kibana", "move"),
        ("kibana", "plan-completed"),
        ("elasticsearch", "plan-completed"),
    ]


def test_two_attempts_that_look_alike_are_two() -> None:
    """A plan that was replaced as soon as it began: its steps were shown once, too."""
    plans = [attempt("1", 0, step("grow", 1)), attempt("2", 0, step("grow", 1))]
    watch = Watch()
    assert len(watch.look(deployment(kibana={"history": plans}))) == 2


def test_where_it_stands_names_the_resource_and_its_last_step() -> None:
    """For the message of a time-out."""
    watch = Watch()
    watch.look(deployment(kibana={"pending": attempt("1", 0, step("grow"), step("move"))}))
    assert watch.stands_at() == "kibana main-kibana at step move"
    watch = Watch()
    watch.look(deployment(kibana={"pending": attempt("1", 0)}))
    assert watch.stands_at() == "kibana main-kibana at step unknown"


# -- answers as they come -----------------------------------------------------------------


def test_an_attempt_in_two_places_is_one_and_keeps_its_log() -> None:
    """The history repeats the current plan, at times without its steps, or only with them."""
    bare, full = attempt("1", 0), attempt("1", 0, step("grow"), BAD)
    for current, history in ((bare, full), (full, bare)):
        watch = Watch()
        shown = watch.look(deployment(kibana={"current": current, "history": [history]}))
        assert [one.step for one in shown] == ["grow", "plan-completed"]
        assert failed(watch) == ["kibana"]


def test_an_attempt_that_is_pending_is_so_wherever_else_it_stands() -> None:
    """Its last step is that of the pending one, too."""
    pending, history = attempt("1", 0, step("grow"), step("move")), attempt("1", 0, step("grow"))
    watch = Watch()
    watch.look(deployment(kibana={"pending": pending, "history": [history]}))
    assert watch.stands_at() == "kibana main-kibana at step move"


def test_a_resource_without_a_ref_id_goes_by_its_id() -> None:
    """The API requires the one; some answers have the other alone."""
    document = deployment(kibana={"history": [attempt("1", 0, BAD)]})
    (entry,) = document["resources"]["kibana"]
    entry["id"] = entry.pop("ref_id")
    watch = Watch(resources=frozenset({"main-kibana"}))
    watch.look(document)
    assert [failure.resource for failure in watch.failures()] == ["main-kibana"]


def test_attempts_without_an_id_are_told_apart_by_their_start() -> None:
    """The id is optional in the API."""
    old, new = attempt("", 0, GOOD), attempt("", 10, BAD)
    watch = Watch(since=attempt_ids(deployment(kibana={"current": old})))
    watch.look(deployment(kibana={"current": old}))
    assert not watch.shown
    watch.look(deployment(kibana={"current": old, "history": [old, new]}))
    assert failed(watch) == ["kibana"]


def test_dates_in_any_spelling_compare_and_those_of_year_one_are_none() -> None:
    """Offsets, none at all, and what Go writes for a date that it does not know."""
    early = attempt("1", 0, BAD) | {"attempt_start_time": "2026-01-01T01:00:00+02:00"}
    late = attempt("2", 0, GOOD) | {"attempt_start_time": "2025-12-31T23:30:00"}
    unknown = attempt("3", 0, BAD) | {"attempt_start_time": "0001-01-01T00:00:00.000Z"}
    for plan in (early, late, unknown):
        plan["source"]["date"] = at(0)
    watch = Watch()
    watch.look(deployment(kibana={"history": [late, early, unknown]}))
    assert watch.failures() == []


@pytest.mark.parametrize("odd", [None, [], {}, 1, "x", [None], [[]], {"a": {}}])
def test_what_is_missing_null_or_of_another_type_is_overlooked(odd: JSON) -> None:
    """Anywhere in an answer: then it says nothing of plans."""
    plan = attempt("1", 0, step("grow"))
    for document in (
        {"resources": odd},
        {"resources": {"kibana": odd}},
        {"resources": {"kibana": [odd]}},
        {"resources": {"kibana": [{"info": odd}]}},
        {"resources": {"kibana": [{"info": {"plan_info": odd}}]}},
        deployment(kibana={"history": odd}),
        deployment(kibana={} if isinstance(odd, dict) else {"pending": odd, "current": odd}),
        deployment(kibana={"current": plan | {"plan_attempt_log": odd, "source": odd}}),
        deployment(kibana={"current": plan | {"attempt_start_time": odd}}),
        deployment(kibana={"current": plan | {"error": None, "plan_attempt_log": [odd]}}),
    ):
        watch = Watch()
        assert [shown.step for shown in watch.look(document)] in ([], ["grow"], [""])
        assert watch.failures() == []
        assert not watch.pending
    assert not is_deployment(odd)
    assert is_deployment({"resources": {}})


def test_a_pending_attempt_without_any_date_is_mine() -> None:
    """It is under way, after all."""
    bare = {"plan_attempt_id": "1", "plan_attempt_log": [step("grow")]}
    watch = Watch()
    assert [shown.step for shown in watch.look(deployment(kibana={"pending": bare}))] == ["grow"]
    watch.look(deployment(kibana={"history": [bare | {"healthy": False}]}))
    assert failed(watch) == ["kibana"]
