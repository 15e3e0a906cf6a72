"""How a deployment's plans go: scripted as values, and played by the server's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import validators
from aiocloudauth.testing.instants import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Attempt", "Plan", "Step"]

#: With this step ECE ends every plan.
_END: Final = "plan-completed"


@frozen
class Step:
    """One step of a plan.

    It takes so many `seconds`, and ends with `status`: "success", "warning" or "error". Its log
    has one entry, the `message`; None for a step without a log.
    """

    step_id: str = field(validator=validators.line)
    seconds: float = field(default=1.0, validator=validators.seconds)
    status: str = field(default="success", validator=validators.line, kw_only=True)
    message: str | None = field(default="Done.", kw_only=True)
    failure_type: str | None = field(default=None, kw_only=True)


def _steps(given: Iterable[Step | str]) -> tuple[Step, ...]:
    if isinstance(given, str):
        raise ConfigurationError("steps are several, as in ('validate-plan',)")
    return tuple(Step(one) if isinstance(one, str) else one for one in given)


@frozen
class Plan:
    """How plans go; a name among the `steps` is a step of a second that succeeds.

    The plan fails if its last step ends with "error": with that step's message, and with what
    was current before still current. An error before that is overcome. With `at_once` all is
    over before anybody sees it pending.
    """

    steps: tuple[Step, ...] = field(
        default=("validate-plan-prerequisites", "wait-until-running"), converter=_steps
    )

    #: The kind or the `ref_id` of the resources this is for; None: any.
    resource: str | None = field(default=None, kw_only=True)

    #: Seconds from the request until the plan shows.
    shows_after: float = field(default=0.0, validator=validators.seconds, kw_only=True)
    at_once: bool = field(default=False, converter=bool, kw_only=True)

    @property
    def fails(self) -> bool:
        """Whether the plan fails in the end."""
        return bool(self.steps) and self.steps[-1].status == "error"

    @property
    def seconds(self) -> float:
        """How long it takes, once it shows."""
        return 0.0 if self.at_once else sum(step.seconds for step in self.steps)


@define(eq=False)
class Attempt:
    """One attempt at a plan: what it was asked for, and how it goes."""

    id: str
    plan: Plan

    #: What the API shows of the request: the plan's document, and its source.
    document: Mapping[str, Any]
    source: Mapping[str, Any]

    #: On the server's clock. It ends early if it is cancelled.
    began_at: float
    ended_at: float
    cancelled: bool = False

    def shown(self, now: float) -> bool:
        """Tell whether there is anything to see of it."""
        return now >= self.began_at

    def ended(self, now: float) -> bool:
        """Tell whether it is over."""
        return now >= self.ended_at

    @property
    def fails(self) -> bool:
        """Whether it fails in the end."""
        return self.cancelled or self.plan.fails

    def cancel(self, now: float) -> None:
        """End it now, as a failure."""
        self.ended_at, self.cancelled = now, True

    def info(self, now: float, *, logs: bool) -> dict[str, Any]:
        """Write it as the API does: ElasticsearchClusterPlanInfo, and so for every kind."""
        over = self.ended(now)
        info: dict[str, Any] = {
            "plan_attempt_id": self.id,
            "plan_attempt_name": f"attempt-{self.id[:8]}",
            "healthy": not (over and self.fails),
            "attempt_start_time": iso(self.began_at),
            "plan": self.document,
            "source": self.source,
            "warnings": [],
            "plan_attempt_log": self._log(now) if logs else [],
        }
        if over:
            info["attempt_end_time"] = iso(self.ended_at)
        if over and self.fails:
            info["error"] = {
                "timestamp": iso(self.ended_at),
                "details": {},
                **self._why(),
            }
        return info

    def _why(self) -> dict[str, Any]:
        if self.cancelled:
            return {"message": "The plan was cancelled.", "failure_type": "PlanCancelled"}
        last = self.plan.steps[-1]
        why = {"message": last.message or "The plan failed."}
        return why | ({"failure_type": last.failure_type} if last.failure_type else {})

    def _log(self, now: float) -> list[dict[str, Any]]:
        at, began, log = min(now, self.ended_at), self.began_at, []
        for step in self.plan.steps:
            if began > at:
                break
            ends = began + (0.0 if self.plan.at_once else step.seconds)
            log.append(_entry(step, began, ends, over=at >= ends))
            began = ends
        if self.ended(now):
            status = "error" if self.fails else "success"
            end = Step(_END, 0.0, status=status, message=f"Plan ended with {status}.")
            log.append(_entry(end, self.ended_at, self.ended_at, over=True))
        return log


def _entry(step: Step, began: float, ends: float, *, over: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "step_id": step.step_id,
        "started": iso(began),
        "stage": "completed" if over else "in_progress",
        "status": step.status if over else "pending",
        "info_log": [],
    }
    if over:
        entry |= {"completed": iso(ends), "duration_in_millis": round((ends - began) * 1000)}
    if step.message is not None:
        said = {
            "timestamp": iso(ends if over else began),
            "stage": entry["stage"],
            "message": step.message if over else "Begun.",
            "details": {},
        }
        if over and step.failure_type:
            said["failure_type"] = step.failure_type
        entry["info_log"].append(said)
    return entry
