"""Deployments, their resources and the plans that change them. Every call is told the time."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing.instants import iso
from aiocloudauth.testing.plans import Attempt, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["KINDS", "Deployment", "Deployments", "Refused", "Resource"]

#: The kinds of resources, in the order in which the API lists them.
KINDS: Final = (
    "elasticsearch",
    "kibana",
    "apm",
    "appsearch",
    "enterprise_search",
    "integrations_server",
)


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of the server's
    """A change that the state of the deployment does not allow: status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


@define(eq=False)
class Resource:
    """One Elasticsearch, Kibana or other part of a deployment."""

    kind: str
    ref_id: str
    id: str
    region: str

    #: What else the request said of it, as `elasticsearch_cluster_ref_id` and `settings`.
    payload: dict[str, Any]
    attempts: list[Attempt] = field(factory=list)

    #: The attempt that stops it, if the latest change is that.
    stopping: Attempt | None = None
    password: str = field(factory=lambda: secrets.token_urlsafe(18), repr=False)

    def pending(self, now: float) -> Attempt | None:
        """Return the attempt that is going on, and shows."""
        going = (one for one in self.attempts if one.shown(now) and not one.ended(now))
        return next(going, None)

    def current(self, now: float) -> Attempt | None:
        """Return the latest attempt that succeeded."""
        good = [one for one in self.attempts if one.ended(now) and not one.fails]
        return good[-1] if good else None

    def history(self, now: float) -> list[Attempt]:
        """Return the attempts that are over, oldest first."""
        return [one for one in self.attempts if one.ended(now)]

    def busy(self, now: float) -> bool:
        """Tell whether an attempt is going on, or is about to."""
        return any(not one.ended(now) for one in self.attempts)

    def stopped(self, now: float) -> bool:
        """Tell whether it was shut down."""
        stopping = self.stopping
        return stopping is not None and stopping.ended(now) and not stopping.fails

    def healthy(self, now: float) -> bool:
        """Tell whether it runs, and its latest plan went well."""
        over = self.history(now)
        return bool(over) and not over[-1].fails and not self.stopped(now)

    def status(self, now: float) -> str:
        """Return the status: one of ElasticsearchClusterInfo's."""
        if self.pending(now) is not None:
            if self.stopping is self.attempts[-1]:
                return "stopping"
            return "initializing" if self.current(now) is None else "reconfiguring"
        if self.stopped(now):
            return "stopped"
        return "initializing" if self.current(now) is None else "started"


@define(eq=False)
class Deployment:
    """One deployment."""

    id: str
    name: str
    owner: str
    alias: str | None
    settings: dict[str, Any]
    tags: list[dict[str, Any]]
    changed_at: float
    version: int = 1
    hidden: bool = False
    resources: list[Resource] = field(factory=list)

    def of(self, kind: str, ref_id: str) -> Resource | None:
        """Look a resource up."""
        found = (one for one in self.resources if (one.kind, one.ref_id) == (kind, ref_id))
        return next(found, None)


class Deployments:
    """The deployments of one server, and how their plans will go.

    `default` is how a plan goes that nothing was scripted for.
    """

    def __init__(self) -> None:
        self.default = Plan()
        self._by_id: dict[str, Deployment] = {}
        self._by_request: dict[str, str] = {}
        self._script: list[Plan] = []

    def script(self, *plans: Plan) -> None:
        """Say how the next plans go: each is for the first that it fits, once."""
        for plan in plans:
            if not isinstance(plan, Plan):
                raise ConfigurationError(f"a plan is a Plan, not a {type(plan).__name__}")
            self._script.append(plan)

    @property
    def unplayed(self) -> tuple[Plan, ...]:
        """The scripted plans that nothing was begun by so far."""
        return tuple(self._script)

    def __iter__(self) -> Iterator[Deployment]:
        return iter(tuple(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, deployment_id: str) -> Deployment | None:
        """Look a deployment up."""
        return self._by_id.get(deployment_id)

    def made_for(self, request_id: str | None) -> Deployment | None:
        """Look up what was made for a request that is sent again."""
        return self._by_id.get(self._by_request.get(request_id or "", ""))

    def create(
        self, body: Mapping[str, Any], user: str, now: float, *, request_id: str | None = None
    ) -> Deployment:
        """Make a deployment, and begin a plan for each of its resources."""
        made = Deployment(
            id=uuid.uuid4().hex,
            name=str(body.get("name") or "deployment"),
            owner=user,
            alias=body.get("alias"),
            settings={"auto_ops": {"status": "not_connected"}} | (body.get("settings") or {}),
            tags=list((body.get("metadata") or {}).get("tags") or []),
            changed_at=now,
        )
        self._by_id[made.id] = made
        if request_id:
            self._by_request[request_id] = made.id
        source = _source("deployments.create-deployment", user, now)
        for kind, payload in _payloads(body):
            self._add(made, kind, payload, source, now)
        return made

    def update(
        self, deployment: Deployment, body: Mapping[str, Any], user: str, now: float
    ) -> list[Resource]:
        """Change a deployment; return the resources that are shut down as it lacks them now.

        A resource whose plan is the current one already needs none. Raises `Refused` while a
        plan of it is going on.
        """
        payloads = list(_payloads(body))
        named = {(kind, str(payload.get("ref_id"))) for kind, payload in payloads}
        orphans = [
            one
            for one in deployment.resources
            if body.get("prune_orphans") and (one.kind, one.ref_id) not in named
        ]
        changed: list[tuple[Resource, Mapping[str, Any]]] = []
        for kind, payload in payloads:
            resource = deployment.of(kind, str(payload.get("ref_id")))
            if resource is not None and _needs_plan(resource, payload["plan"], now):
                changed.append((resource, payload))
        self._require_idle([*orphans, *(resource for resource, _ in changed)], now)
        source = _source("deployments.update-deployment", user, now)
        for resource, payload in changed:
            resource.payload = {**resource.payload, **payload}
            self._begin(resource, payload["plan"], source, now)
        for kind, payload in payloads:
            if deployment.of(kind, str(payload.get("ref_id"))) is None:
                self._add(deployment, kind, payload, source, now)
        self._stop(orphans, source, now)
        self._describe(deployment, body, now)
        return orphans

    def shut_down(
        self, deployment: Deployment, resources: Iterable[Resource], user: str, now: float
    ) -> None:
        """Begin the plans that stop these resources."""
        running = [one for one in resources if not one.stopped(now)]
        self._require_idle(running, now)
        self._stop(running, _source("deployments.shutdown-deployment", user, now), now)
        _touch(deployment, now)

    def restart(
        self,
        deployment: Deployment,
        resources: Iterable[Resource],
        user: str,
        now: float,
        *,
        action: str,
    ) -> None:
        """Begin plans that run these resources as they were last."""
        chosen = list(resources)
        self._require_idle(chosen, now)
        source = _source(f"deployments.{action}", user, now)
        for one in chosen:
            self._begin(one, one.payload.get("plan") or {}, source, now)
        _touch(deployment, now)

    def delete(self, deployment: Deployment, now: float) -> None:
        """Forget a deployment that is shut down; raises `Refused` if it is not."""
        if not all(one.stopped(now) for one in deployment.resources):
            raise Refused(400, "deployments.resource_has_instances")
        del self._by_id[deployment.id]

    def _add(
        self,
        deployment: Deployment,
        kind: str,
        payload: Mapping[str, Any],
        source: Mapping[str, Any],
        now: float,
    ) -> None:
        resource = Resource(
            kind=kind,
            ref_id=str(payload.get("ref_id")),
            id=uuid.uuid4().hex,
            region=str(payload.get("region")),
            payload=dict(payload),
        )
        deployment.resources.append(resource)
        self._begin(resource, payload["plan"], source, now)

    def _stop(self, resources: Iterable[Resource], source: Mapping[str, Any], now: float) -> None:
        for one in resources:
            one.stopping = self._begin(one, one.payload.get("plan") or {}, source, now)

    def _begin(
        self,
        resource: Resource,
        document: Mapping[str, Any],
        source: Mapping[str, Any],
        now: float,
    ) -> Attempt:
        plan = self._next_for(resource)
        began = now + plan.shows_after
        number = str(uuid.uuid4())
        attempt = Attempt(number, plan, document, source, began, began + plan.seconds)
        resource.attempts.append(attempt)
        resource.stopping = None
        return attempt

    def _next_for(self, resource: Resource) -> Plan:
        for place, plan in enumerate(self._script):
            if plan.resource in {None, resource.kind, resource.ref_id}:
                return self._script.pop(place)
        return self.default

    def _require_idle(self, resources: Iterable[Resource], now: float) -> None:
        if any(one.busy(now) for one in resources):
            raise Refused(400, "clusters.cluster_plan_state_error")

    def _describe(self, deployment: Deployment, body: Mapping[str, Any], now: float) -> None:
        if body.get("name"):
            deployment.name = body["name"]
        if body.get("alias") is not None:
            deployment.alias = body["alias"]
        deployment.settings |= body.get("settings") or {}
        metadata = body.get("metadata") or {}
        if metadata.get("tags") is not None:
            deployment.tags = metadata["tags"]
        if metadata.get("hidden") is not None:
            deployment.hidden = metadata["hidden"]
        _touch(deployment, now)


def _touch(deployment: Deployment, now: float) -> None:
    deployment.version += 1
    deployment.changed_at = now


def _source(action: str, user: str, now: float) -> dict[str, Any]:
    return {
        "facilitator": "adminconsole",
        "action": action,
        "date": iso(now),
        "user_id": user,
        "remote_addresses": ["127.0.0.1"],
    }


def _payloads(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    resources = body.get("resources") or {}
    for kind in KINDS:
        for payload in resources.get(kind) or ():
            yield kind, payload


def _needs_plan(resource: Resource, document: Mapping[str, Any], now: float) -> bool:
    current = resource.current(now)
    return (
        current is None
        or current.document != document
        or resource.busy(now)
        or resource.stopped(now)
    )
