"""Uses of `cloud.api` as users type them: type checkers read this file, nothing runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from aiocloudauth.api import Api, ApiResponse, Call, Operation, types

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import timedelta

    from aiocloudauth import CloudSession


async def reads(cloud: CloudSession, second: timedelta) -> None:
    """An answer has its type, with its response too."""
    assert_type(cloud.api, Api)
    call = cloud.api.get_deployment("id", show_plans=True, show_system_alerts=5, timeout=second)
    assert_type(call, Call[types.DeploymentGetResponse])
    deployment = await call
    assert_type(deployment, types.DeploymentGetResponse)
    assert_type(deployment["id"], str)
    assert_type(deployment.get("alias"), str | None)
    for elasticsearch in deployment["resources"]["elasticsearch"]:
        current = elasticsearch["info"]["plan_info"].get("current")
        assert_type(current, types.ElasticsearchClusterPlanInfo | None)
    data, response = await cloud.api.list_deployments().with_response()
    assert_type(data, types.DeploymentsListResponse)
    assert_type(response, ApiResponse)
    assert_type(response.version, str | None)
    assert_type(
        await cloud.api.get_deployment_templates_v2(region="r"),
        list[types.DeploymentTemplateInfoV2],
    )
    assert_type(
        await cloud.api.download_deployment_instance_heap_dump("d", "elasticsearch", "r", "i"),
        bytes,
    )


async def writes(cloud: CloudSession) -> None:
    """A body is written as it is, and a dictionary's keys are checked."""
    body: types.DeploymentUpdateRequest = {"prune_orphans": False, "name": None}
    await cloud.api.update_deployment("id", body=body, version="12")
    await cloud.api.update_deployment("id", body='{"prune_orphans": false}', version=12)
    await cloud.api.create_deployment(body={"name": "d", "resources": None}, validate_only=True)
    await cloud.api.move_clusters("a", body={}, region="r")
    key = await cloud.api.create_api_key(body={"description": "d"})
    assert_type(key.get("key"), str | None)


async def pages(cloud: CloudSession) -> None:
    """What is handed out has its type."""
    async for deployment in cloud.api.iter_deployments(body={"size": 50}):
        assert_type(deployment, types.DeploymentSearchResponse)
    async for allocator in cloud.api.iter_allocators(q="zone_id:a", size=50):
        assert_type(allocator, types.AllocatorInfo)


def by_name(cloud: CloudSession) -> Coroutine[Any, Any, Any]:
    """An operation that is known by its name alone takes anything, and gives anything."""
    operation = cloud.api.operation("get-deployment")
    assert_type(operation, Operation)
    assert_type(operation.method, str)
    return operation("id", show_plans=True)


async def mistakes(cloud: CloudSession) -> None:
    """Each line is an error to a type checker; an ignored one that is none is an error too."""
    cloud.api.get_deploymnet("id")  # type: ignore[attr-defined]  # no such operation
    cloud.api.get_deployment()  # type: ignore[call-arg]  # an id is needed
    cloud.api.get_deployment("id", True)  # type: ignore[call-arg] # noqa: FBT003 # by keyword alone
    cloud.api.get_deployment("id", show_plan=True)  # type: ignore[call-arg]  # no such argument
    cloud.api.get_deployment("id", show_plans="yes")  # type: ignore[arg-type]  # it must be a bool
    cloud.api.get_deployment(7)  # type: ignore[arg-type]  # it must be a str
    cloud.api.get_deployment("id", body={})  # type: ignore[call-arg]  # it has no body
    cloud.api.create_deployment()  # type: ignore[call-arg]  # its body is needed
    cloud.api.create_deployment(body={"nam": "d"})  # type: ignore[arg-type]  # a wrong key
    cloud.api.cancel_deployment_resource_pending_plan("d", "elastic", "r")  # type: ignore[arg-type]  # outside the enum
    deployment = await cloud.api.get_deployment("id")
    deployment["idd"]  # type: ignore[typeddict-item]  # no such key
