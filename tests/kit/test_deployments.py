"""The test kit's deployments: a state that requests change, and plans that go as scripted."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from attrs import frozen

from aiocloudauth import (
    BadRequestError,
    CloudSession,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    Password,
)
from aiocloudauth.testing import CloudServer, ManualClock, Plan, Step
from aiocloudauth.testing.catalogue import catalogue
from aiocloudauth.testing.samples import misfits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

JSON: TypeAlias = Any

REGION = "ece-region"


def elasticsearch(version: str = "8.19.0") -> dict[str, Any]:
    """Make the part of a request that is about Elasticsearch."""
    plan = {"cluster_topology": [], "elasticsearch": {"version": version}}
    return {"ref_id": "main-elasticsearch", "region": REGION, "plan": plan}


def kibana(version: str = "8.19.0") -> dict[str, Any]:
    """Make the part of a request that is about Kibana."""
    return {
        "ref_id": "main-kibana",
        "elasticsearch_cluster_ref_id": "main-elasticsearch",
        "region": REGION,
        "plan": {"kibana": {"version": version}},
    }


def body(version: str = "8.19.0", **more: Any) -> dict[str, Any]:
    """Make a request for Elasticsearch and Kibana."""
    resources = {"elasticsearch": [elasticsearch(version)], "kibana": [kibana(version)]}
    return {"name": "d", "resources": resources} | more


@frozen
class Ece:
    """A server, a session, and the clock of both."""

    server: CloudServer
    cloud: CloudSession
    clock: ManualClock

    async def ask(self, method: str, path: str, **options: Any) -> JSON:
        """Send a request; return the JSON."""
        response = await self.clock.drive(self.cloud.request(method, path, **options))
        return await self.clock.drive(response.json())

    async def create(self, **more: Any) -> str:
        """Create a deployment; return its id."""
        made = await self.ask("POST", "/deployments", json=body(**more))
        return str(made["id"])

    async def plans(self, deployment: str, kind: str = "elasticsearch") -> JSON:
        """Return what there is to see of a resource's plans."""
        query = {"show_plan_logs": "true", "show_plan_history": "true"}
        shown = await self.ask("GET", f"/deployments/{deployment}", params=query)
        assert not list(misfits(catalogue(), "DeploymentGetResponse", shown))
        return shown["resources"][kind][0]["info"]["plan_info"]

    async def status(self, deployment: str, kind: str = "elasticsearch") -> str:
        """Return the status of a resource."""
        shown = await self.ask("GET", f"/deployments/{deployment}")
        return str(shown["resources"][kind][0]["info"]["status"])


@asynccontextmanager
async def ece() -> AsyncIterator[Ece]:
    """Start a server, and log in."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = CloudSession(server.url, Password("admin", "secret"), clock=clock)
        await clock.drive(cloud.open())
        try:
            yield Ece(server, cloud, clock)
        finally:
            await clock.drive(cloud.close())


def steps(plan: JSON) -> list[tuple[str, str]]:
    """Return the steps of a plan, and the status of each."""
    return [(step["step_id"], step["status"]) for step in plan["plan_attempt_log"]]


# -- a deployment's life ------------------------------------------------------------------


async def test_a_deployment_lives_from_its_creation_to_its_deletion() -> None:
    """Created, listed, updated, shut down, restored, shut down, deleted: each is to be seen."""
    async with ece() as it:
        made = await it.ask("POST", "/deployments", json=body())
        assert made["created"]
        (elastic, _) = made["resources"]
        assert elastic["credentials"]["username"] == "elastic"
        number = made["id"]
        path = f"/deployments/{number}"
        listed = await it.ask("GET", "/deployments")
        assert [one["id"] for one in listed["deployments"]] == [number]
        assert "credentials" not in listed["deployments"][0]["resources"][0]
        assert await it.status(number) == "initializing"
        await it.clock.advance(5)
        shown = await it.ask("GET", path, params={"show_metadata": "true"})
        assert (shown["healthy"], shown["metadata"]["owner_id"]) == (True, "admin")
        assert await it.status(number) == "started"

        update = body("8.19.1", name="e", prune_orphans=False)
        assert (await it.ask("PUT", path, json=update))["name"] == "e"
        assert await it.status(number) == "reconfiguring"
        await it.clock.advance(5)
        current = (await it.plans(number))["current"]
        assert current["plan"]["elasticsearch"]["version"] == "8.19.1"
        assert current["source"]["action"] == "deployments.update-deployment"

        await it.ask("POST", f"{path}/_shutdown")
        assert await it.status(number) == "stopping"
        with pytest.raises(BadRequestError) as caught:
            await it.ask("DELETE", path)
        assert caught.value.codes == ("deployments.resource_has_instances",)
        await it.clock.advance(5)
        assert await it.status(number, "kibana") == "stopped"
        await it.ask("POST", f"{path}/_restore")
        await it.clock.advance(5)
        assert await it.status(number) == "started"
        with pytest.raises(BadRequestError):
            await it.ask("POST", f"{path}/_restore")

        await it.ask("POST", f"{path}/_shutdown")
        await it.clock.advance(5)
        assert (await it.ask("DELETE", path))["id"] == number
        with pytest.raises(NotFoundError) as gone:
            await it.ask("GET", path)
        assert gone.value.codes == ("deployments.deployment_not_found",)
        assert await it.ask("GET", "/deployments") == {"deployments": []}


async def test_a_request_that_is_sent_again_makes_nothing_new() -> None:
    """`request_id` makes a creation safe to repeat; `validate_only` makes nothing at all."""
    async with ece() as it:
        assert not (await it.ask("POST", "/deployments?validate_only=true", json=body()))["created"]
        assert len(it.server.deployments) == 0
        first = await it.ask("POST", "/deployments?request_id=r", json=body())
        again = await it.ask("POST", "/deployments?request_id=r", json=body())
        assert (first["id"], first["created"]) == (again["id"], True)
        assert not again["created"]
        assert "credentials" not in again["resources"][0]


async def test_what_is_said_of_a_deployment_is_shown() -> None:
    """Its settings, tags and whether it is hidden; an update that is tried out changes nothing."""
    async with ece() as it:
        number = await it.create(alias="a")
        path = f"/deployments/{number}"
        said = {
            "prune_orphans": False,
            "alias": "b",
            "settings": {"autoscaling_enabled": True},
            "metadata": {"hidden": True, "tags": [{"key": "k", "value": "v"}]},
        }
        for query, expected in (("?validate_only=true", "a"), ("", "b")):
            await it.ask("PUT", path + query, json=said)
            assert (await it.ask("GET", path))["alias"] == expected
        shown = await it.ask("GET", f"{path}?show_settings=true&show_metadata=true")
        assert not list(misfits(catalogue(), "DeploymentGetResponse", shown))
        assert shown["settings"]["autoscaling_enabled"]
        assert shown["metadata"]["hidden"]
        assert shown["metadata"]["tags"] == [{"key": "k", "value": "v"}]


async def test_a_resource_can_be_added() -> None:
    """By an update that has it; what was there needs no plan."""
    async with ece() as it:
        number = await it.create(resources={"elasticsearch": [elasticsearch()]})
        await it.clock.advance(5)
        await it.ask("PUT", f"/deployments/{number}", json=body(prune_orphans=False))
        assert await it.status(number, "kibana") == "initializing"
        assert await it.status(number) == "started"


async def test_what_an_update_lacks_is_pruned_if_it_says_so() -> None:
    """And a version that is not the latest is refused."""
    async with ece() as it:
        number = await it.create()
        await it.clock.advance(5)
        path = f"/deployments/{number}"
        update = {"prune_orphans": False, "resources": {"elasticsearch": [elasticsearch()]}}
        with pytest.raises(ConflictError):
            await it.ask("PUT", f"{path}?version=7", json=update)
        kept = await it.ask("PUT", f"{path}?version=1", json=update)
        assert kept["shutdown_resources"]["kibana"] == []
        pruned = await it.ask("PUT", path, json=update | {"prune_orphans": True})
        assert len(pruned["shutdown_resources"]["kibana"]) == 1
        await it.clock.advance(5)
        assert await it.status(number, "kibana") == "stopped"
        assert await it.status(number) == "started"


async def test_a_search_finds_by_its_query_page_by_page() -> None:
    """With a cursor as long as there is more; a query it does not know is refused."""
    async with ece() as it:
        for name in ("ann", "bob", "anton"):
            await it.create(name=name)

        async def names(**asked: Any) -> tuple[list[str], str | None]:
            found = await it.ask("POST", "/deployments/_search", json=asked)
            assert not list(misfits(catalogue(), "DeploymentsSearchResponse", found))
            return [one["name"] for one in found["deployments"]], found.get("cursor")

        first, cursor = await names(size=2)
        assert first == ["ann", "bob"]
        assert await names(size=2, cursor=cursor) == (["anton"], None)
        assert (await names(query={"prefix": {"name": {"value": "an"}}}))[0] == ["ann", "anton"]
        both = {"bool": {"must_not": [{"match": {"name": {"query": "bob"}}}]}}
        assert (await names(query=both))[0] == ["ann", "anton"]
        region = {"term": {"resources.kibana.region": {"value": REGION}}}
        either = {"bool": {"filter": [region], "should": [], "must": [{"match_all": {}}]}}
        assert len((await names(query=either))[0]) == 3
        least = {"bool": {"should": [{"match_all": {}}], "minimum_should_match": 1, "must": None}}
        assert len((await names(query=least))[0]) == 3
        some = {"bool": {"should": [{"exists": {"field": "alias"}}, {"match_none": {}}]}}
        assert (await names(query=some))[0] == []
        with pytest.raises(BadRequestError) as caught:
            await names(query={"query_string": {"query": "x"}})
        assert caught.value.errors[0].fields == ("query",)


async def test_a_resource_is_stopped_restored_restarted_upgraded_and_deleted_alone() -> None:
    """Kibana, while Elasticsearch runs."""
    async with ece() as it:
        number = await it.create()
        await it.clock.advance(5)
        path = f"/deployments/{number}/kibana/main-kibana"
        for method, change in (("DELETE", ""), ("POST", "/_restore")):
            with pytest.raises(BadRequestError):
                await it.ask(method, path + change)
        await it.ask("POST", f"{path}/_upgrade?validate_only=true")
        assert "pending" not in await it.plans(number, "kibana")
        for change, expected in (
            ("_shutdown", "stopped"),
            ("_restore", "started"),
            ("_restart", "started"),
            ("_upgrade", "started"),
            ("_shutdown", "stopped"),
        ):
            await it.ask("POST", f"{path}/{change}")
            await it.clock.advance(5)
            assert await it.status(number, "kibana") == expected
            assert await it.status(number) == "started"
        assert (await it.ask("GET", path))["ref_id"] == "main-kibana"
        await it.ask("DELETE", path)
        with pytest.raises(NotFoundError) as gone:
            await it.ask("GET", path)
        assert gone.value.codes == ("deployments.deployment_resource_not_found",)
        reset = f"/deployments/{number}/elasticsearch/main-elasticsearch/_reset-password"
        assert (await it.ask("POST", reset))["username"] == "elastic"


# -- plans --------------------------------------------------------------------------------


async def test_a_plan_goes_step_by_step_on_the_servers_clock() -> None:
    """Pending with the steps so far, then current with all of them and an end."""
    async with ece() as it:
        it.server.deployments.script(Plan(["a", Step("b", 10, message=None)]))
        number = await it.create()
        assert steps((await it.plans(number))["pending"]) == [("a", "pending")]
        await it.clock.advance(1)
        pending = (await it.plans(number))["pending"]
        assert steps(pending) == [("a", "success"), ("b", "pending")]
        assert pending["plan_attempt_log"][1]["info_log"] == []
        await it.clock.advance(9.9)
        assert "current" not in await it.plans(number)
        await it.clock.advance(0.1)
        plans = await it.plans(number)
        assert "pending" not in plans
        ended = [("a", "success"), ("b", "success"), ("plan-completed", "success")]
        assert steps(plans["current"]) == ended
        assert [one["plan_attempt_id"] for one in plans["history"]] == [
            plans["current"]["plan_attempt_id"]
        ]


async def test_a_failed_update_leaves_the_old_plan_current() -> None:
    """The attempt stands in the history, and says why."""
    async with ece() as it:
        number = await it.create()
        await it.clock.advance(5)
        broken = Step("grow", 2, status="error", message="No room.", failure_type="Capacity")
        it.server.deployments.script(
            Plan(
                [
                    "a",
                    broken,
                ],
                resource="kibana",
            )
        )
        update = body("8.19.1", prune_orphans=False)
        await it.ask("PUT", f"/deployments/{number}", json=update)
        await it.clock.advance(5)
        plans = await it.plans(number, "kibana")
        assert plans["current"]["plan"]["kibana"]["version"] == "8.19.0"
        failed = plans["history"][-1]
        assert steps(failed) == [("a", "success"), ("grow", "error"), ("plan-completed", "error")]
        assert (failed["error"]["message"], failed["error"]["failure_type"]) == (
            "No room.",
            "Capacity",
        )
        assert not (await it.ask("GET", f"/deployments/{number}"))["healthy"]
        assert (await it.plans(number))["healthy"]  # the other resource, in parallel


async def test_a_creation_that_fails_has_no_current_plan() -> None:
    """And the deployment can be tried again."""
    async with ece() as it:
        it.server.deployments.script(Plan([Step("a", status="error")], resource="main-kibana"))
        number = await it.create()
        await it.clock.advance(5)
        plans = await it.plans(number, "kibana")
        assert "current" not in plans
        assert plans["history"][0]["error"]["message"] == "Done."
        assert it.server.deployments.unplayed == ()


async def test_a_plan_may_end_before_it_is_seen_or_show_late() -> None:
    """What makes judging a change hard."""
    async with ece() as it:
        it.server.deployments.script(
            Plan(["a", Step("b", 60, status="error")], at_once=True, resource="kibana"),
            Plan(shows_after=3),
        )
        number = await it.create()
        assert steps((await it.plans(number, "kibana"))["history"][0])[-1][1] == "error"
        assert "pending" not in await it.plans(number)
        with pytest.raises(BadRequestError) as busy:
            await it.ask("PUT", f"/deployments/{number}", json=body("9", prune_orphans=False))
        assert busy.value.codes == ("clusters.cluster_plan_state_error",)
        path = f"/deployments/{number}/kibana/main-kibana"
        it.server.deployments.default = Plan()
        await it.ask("POST", f"{path}/_restart")
        with pytest.raises(BadRequestError):
            await it.ask("POST", f"{path}/_upgrade")
        await it.clock.advance(3)
        assert "pending" in await it.plans(number)


async def test_an_update_that_changes_nothing_needs_no_plan() -> None:
    """There is nothing to wait for then."""
    async with ece() as it:
        number = await it.create()
        await it.clock.advance(5)
        await it.ask("PUT", f"/deployments/{number}", json=body(prune_orphans=False))
        assert len((await it.plans(number))["history"]) == 1


async def test_a_pending_plan_can_be_cancelled() -> None:
    """It ends as a failure; one that is not there is refused."""
    async with ece() as it:
        number = await it.create()
        path = f"/deployments/{number}/elasticsearch/main-elasticsearch"
        await it.ask("DELETE", f"{path}/plan/pending")
        plans = await it.plans(number)
        assert "pending" not in plans
        assert plans["history"][0]["error"]["failure_type"] == "PlanCancelled"
        with pytest.raises(BadRequestError):
            await it.ask("DELETE", f"{path}/plan/pending")
        await it.ask("DELETE", f"{path}/plan/pending?ignore_missing=true")
        await it.ask("POST", f"{path}/_restart")
        await it.ask("POST", f"{path}/_restart?cancel_pending=true")
        assert len((await it.plans(number))["history"]) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Plan("validate"),
        lambda: Plan([Step("a", -1)]),
        lambda: Plan(shows_after=-1),
        lambda: CloudServer().deployments.script("a"),  # type: ignore[arg-type]  # the claim
    ],
)
def test_a_script_that_cannot_work_is_refused(wrong: Callable[[], object]) -> None:
    """When it is written."""
    with pytest.raises(ConfigurationError):
        wrong()
