"""What a deployment's JSON says of its plans: which are waited for, and how they ended.

Pure. An answer may leave out, or send as ``null``, whatever the API describes; what is
missing is never an error here. Source: ECE 3.8 API, get-deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from aiocloudauth.errors import PlanFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PlanStep", "Watch", "attempt_ids", "is_deployment"]

#: The step with which the platform ends every plan, whichever way it went.
_END: Final = "plan-completed"

#: Who the platform names as the author of a plan that it made by itself.
_PLATFORM: Final = "constructor"

#: Before every date that is given. The API writes dates it does not know in the year 1.
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)

_Object = Mapping[str, Any]


@frozen(kw_only=True)
class PlanStep:
    """One step of a plan, as the platform tells of it.

    Attributes:
        kind: The resource's kind, such as ``elasticsearch``.
        resource: Its ``ref_id``.
        step: The step's ``step_id``. The set is open.
        status: ``success``, ``warning``, ``error``, ``pending``, or one not known yet.
        message: The last message of the step's log; empty if it has none.
        started: When it began by the server's clock, aware UTC; ``None`` if it does not say.
    """

    kind: str
    resource: str
    step: str
    status: str
    message: str
    started: datetime | None


@frozen(kw_only=True)
class _Attempt:
    """One attempt at a plan of one resource."""

    kind: str
    resource: str
    id: str
    pending: bool
    document: _Object = field(repr=False)

    @property
    def started(self) -> datetime | None:
        return _date(self.document.get("attempt_start_time"))

    @property
    def changed(self) -> datetime | None:
        """When the request was made that this belongs to, or the attempt began."""
        return _date(_object(self.document.get("source")).get("date")) or self.started

    @property
    def by_platform(self) -> bool:
        return _object(self.document.get("source")).get("facilitator") == _PLATFORM

    @property
    def log(self) -> list[_Object]:
        return _objects(self.document.get("plan_attempt_log"))


# -- reading JSON that may be anything ----------------------------------------------------


def _object(value: object) -> _Object:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[_Object]:
    entries = value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, Mapping)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _date(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        date = datetime.fromisoformat(value)
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return date if date.year > 1 else None


def _last(step: _Object, name: str) -> str:
    """Return the last text of this name in a step's log."""
    texts = [_text(entry.get(name)) for entry in _objects(step.get("info_log"))]
    return next((text for text in reversed(texts) if text), "")


# -- a deployment -------------------------------------------------------------------------


def is_deployment(document: object) -> bool:
    """Tell whether an answer is a deployment at all."""
    return isinstance(_object(document).get("resources"), Mapping)


def _resources(deployment: _Object) -> Iterator[tuple[str, str, _Object]]:
    """Yield the kind, the name and the plans of every resource."""
    for kind, entries in _object(deployment.get("resources")).items():
        for entry in _objects(entries):
            name = _text(entry.get("ref_id")) or _text(entry.get("id"))
            yield kind, name, _object(_object(entry.get("info")).get("plan_info"))


def _attempts(kind: str, name: str, plans: _Object) -> list[_Attempt]:
    """Read the attempts of one resource, each once, though it may stand in several places."""
    places = (plans.get("pending"), plans.get("current"), *_objects(plans.get("history")))
    found: dict[str, _Attempt] = {}
    for place, document in enumerate(places):
        if not document or not isinstance(document, Mapping):
            continue
        number = _text(document.get("plan_attempt_id"))
        attempt = _Attempt(
            kind=kind,
            resource=name,
            id=number or f"{kind}/{name}/{document.get('attempt_start_time')}",
            pending=place == 0,
            document=document,
        )
        held = found.get(attempt.id)
        if held is None or (attempt.log and not held.log and not held.pending):
            found[attempt.id] = attempt
    return list(found.values())


def attempt_ids(deployment: _Object) -> frozenset[str]:
    """Return the ids of all attempts in an answer."""
    return frozenset(
        attempt.id
        for kind, name, plans in _resources(deployment)
        for attempt in _attempts(kind, name, plans)
    )


# -- one attempt --------------------------------------------------------------------------


def _steps(attempt: _Attempt) -> Iterator[PlanStep]:
    for step in attempt.log:
        yield PlanStep(
            kind=attempt.kind,
            resource=attempt.resource,
            step=_text(step.get("step_id")),
            status=_text(step.get("status")),
            message=_last(step, "message"),
            started=_date(step.get("started")),
        )


def _failure(attempt: _Attempt) -> tuple[datetime, PlanFailure] | None:
    """Judge an attempt: when it failed, and how; ``None`` if it did not."""
    document, log = attempt.document, attempt.log
    ends = [step for step in log if step.get("step_id") == _END]
    end = ends[-1] if ends else {}
    error = document.get("error")
    if ends:
        failed = end.get("status") == "error"
    else:
        failed = error is not None or document.get("healthy") is False
    if not failed:
        return None
    error = _object(error)
    wrong = [step for step in log if step.get("status") == "error" and step not in ends]
    step = wrong[-1] if wrong else end
    failure = PlanFailure(
        kind=attempt.kind,
        resource=attempt.resource,
        step=_text(step.get("step_id")) or "unknown",
        message=_text(error.get("message")) or _last(step, "message") or _last(end, "message"),
        failure_type=_text(error.get("failure_type"))
        or _last(step, "failure_type")
        or _last(end, "failure_type")
        or None,
    )
    instants = (
        error.get("timestamp"),
        step.get("completed"),
        document.get("attempt_end_time"),
        step.get("started"),
        document.get("attempt_start_time"),
    )
    return next(filter(None, map(_date, instants)), _LATEST), failure


# -- all that was seen --------------------------------------------------------------------


@define(eq=False)
class Watch:
    """What a wait has seen of one deployment so far.

    Mine are the attempts that are waited for. With `since` they are those not in it;
    without, those of the earliest change that was pending at the first look, or, if none
    was, of the latest change that the platform did not make by itself, and all later ones.
    A change is one request to the API; the plans it led to share its date.

    Attributes:
        since: The ids of the attempts there were before the change, if that is known.
        resources: The kinds and ``ref_id``s that are waited for; ``None`` for all.
        pending: Whether any plan of these was pending at the last look.
    """

    since: frozenset[str] | None = None
    resources: frozenset[str] | None = None
    pending: bool = field(default=True, init=False)

    #: The first change that is mine, and the attempts pending at the first look.
    _change: datetime | None = field(default=None, init=False)
    _first: frozenset[str] | None = field(default=None, init=False)
    #: The attempts of mine by resource, from the last look that had the resource.
    _mine: dict[tuple[str, str], list[_Attempt]] = field(factory=dict, init=False)
    _given: set[tuple[str, str, datetime | None]] = field(factory=set, init=False)
    _names: set[str] = field(factory=set, init=False)

    @property
    def shown(self) -> bool:
        """Whether any attempt of mine was seen."""
        return any(self._mine.values())

    def is_pending(self, deployment: _Object) -> bool:
        """Tell whether any plan that is waited for is pending in an answer."""
        return any(
            _object(plans.get("pending"))
            for kind, name, plans in _resources(deployment)
            if self._is_wanted(kind, name)
        )

    def look(self, deployment: _Object) -> list[PlanStep]:
        """Take in an answer; return the steps of mine that are new, in order of their start."""
        found = {
            (kind, name): _attempts(kind, name, plans)
            for kind, name, plans in _resources(deployment)
        }
        self._names |= {*_object(deployment.get("resources")), *(name for _, name in found)}
        every = [attempt for attempts in found.values() for attempt in attempts]
        if self._first is None:
            self._first = frozenset(attempt.id for attempt in every if attempt.pending)
            self._change = _change(every)
        wanted = {key: found[key] for key in found if self._is_wanted(*key)}
        self.pending = self.is_pending(deployment)
        self._mine |= {key: list(filter(self._is_mine, held)) for key, held in wanted.items()}
        return self._new_steps([attempt for key in wanted for attempt in self._mine[key]])

    def failures(self) -> list[PlanFailure]:
        """Judge each resource by the latest of its attempts; first what failed first."""
        judged = [
            _failure(max(held, key=lambda attempt: attempt.started or _EARLIEST))
            for held in self._mine.values()
            if held
        ]
        failed = [verdict for verdict in judged if verdict is not None]
        return [failure for _, failure in sorted(failed, key=lambda verdict: verdict[0])]

    def stands_at(self) -> str:
        """Say which resources have a plan pending, and at which step each of them is."""
        return "; ".join(
            f"{attempt.kind} {attempt.resource} at step "
            f"{next((_text(step.get('step_id')) for step in reversed(attempt.log)), 'unknown')}"
            for held in self._mine.values()
            for attempt in held
            if attempt.pending
        )

    def unknown(self) -> tuple[list[str], list[str]]:
        """Return which `resources` were in no answer, and what was."""
        return sorted((self.resources or frozenset()) - self._names), sorted(self._names)

    def _is_wanted(self, kind: str, name: str) -> bool:
        return self.resources is None or not self.resources.isdisjoint((kind, name))

    def _is_mine(self, attempt: _Attempt) -> bool:
        if self.since is not None:
            return attempt.id not in self.since
        if self._first and attempt.id in self._first:
            return True
        changed = attempt.changed
        return changed is not None and self._change is not None and changed >= self._change

    def _new_steps(self, attempts: list[_Attempt]) -> list[PlanStep]:
        steps: list[PlanStep] = []
        for attempt in attempts:
            for step in _steps(attempt):
                key = (attempt.id, step.step, step.started)
                if key not in self._given:
                    self._given.add(key)
                    steps.append(step)
        return sorted(steps, key=lambda step: step.started or _LATEST)


def _change(attempts: list[_Attempt]) -> datetime | None:
    """Return the change from which on attempts are mine, as the first look shows it."""
    pending = [attempt.changed for attempt in attempts if attempt.pending]
    if pending:
        return min(filter(None, pending), default=None)
    asked_for = [attempt.changed for attempt in attempts if not attempt.by_platform]
    return max(filter(None, asked_for), default=None)
