"""A deployment's life: created, its credentials read, made larger, and deleted.

Each change is waited for, and a plan that fails says where and why. EC_HOST with EC_USER and
EC_PASS (or EC_API_KEY) say where the ECE is, EC_CA_FILE what it is trusted by; EC_REGION,
EC_TEMPLATE and EC_VERSION what is made.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Final

from aiocloudauth import CloudAuthError, CloudSession, PlanFailedError

if TYPE_CHECKING:
    from aiocloudauth.api import types

#: The most that a change may take, in seconds.
PATIENCE: Final = 1800.0

ELASTICSEARCH: Final = "main-elasticsearch"
KIBANA: Final = "main-kibana"


def size(megabytes: int) -> types.TopologySize:
    """Return a size in memory."""
    return {"resource": "memory", "value": megabytes}


def request(name: str) -> types.DeploymentCreateRequest:
    """Return the request for a deployment: Elasticsearch in one zone, and Kibana."""
    region = os.environ.get("EC_REGION", "ece-region")
    version = os.environ.get("EC_VERSION", "8.19.0")
    return {
        "name": name,
        "resources": {
            "elasticsearch": [
                {
                    "ref_id": ELASTICSEARCH,
                    "region": region,
                    "plan": {
                        "elasticsearch": {"version": version},
                        "deployment_template": {"id": os.environ.get("EC_TEMPLATE", "default")},
                        "cluster_topology": [
                            {
                                "id": "hot_content",
                                "instance_configuration_id": "data.default",
                                "size": size(1024),
                                "zone_count": 1,
                            }
                        ],
                    },
                }
            ],
            "kibana": [
                {
                    "ref_id": KIBANA,
                    "elasticsearch_cluster_ref_id": ELASTICSEARCH,
                    "region": region,
                    "plan": {"kibana": {"version": version}},
                }
            ],
        },
    }


async def create(cloud: CloudSession, name: str) -> tuple[str, types.ClusterCredentials | None]:
    """Create a deployment, and wait until it runs; return its id and its credentials.

    The credentials are told once, in the answer to the creation.
    """
    # With a request_id a creation that is sent again makes nothing twice.
    made = await cloud.api.create_deployment(body=request(name), request_id=f"provision-{name}")
    credentials = next(
        filter(None, (resource.get("credentials") for resource in made["resources"])), None
    )
    async for step in cloud.plans.follow(made["id"], timeout=PATIENCE, since=()):
        print(f"{step.kind}: {step.step} {step.status}", flush=True)
    return made["id"], credentials


async def enlarge(cloud: CloudSession, deployment_id: str, megabytes: int) -> None:
    """Give every instance of Elasticsearch this much memory, and wait until it has it."""
    deployment = await cloud.api.get_deployment(deployment_id)
    resource = deployment["resources"]["elasticsearch"][0]
    current = resource["info"]["plan_info"].get("current")
    plan = current.get("plan") if current else None
    if not plan:
        raise SystemExit(f"{deployment_id} has no plan to start from")
    for element in plan["cluster_topology"]:
        element["size"] = size(megabytes)
    body: types.DeploymentUpdateRequest = {
        "prune_orphans": False,
        "resources": {
            "elasticsearch": [
                {"ref_id": resource["ref_id"], "region": resource["region"], "plan": plan}
            ]
        },
    }
    # What was there before the change tells its plans from older ones, however fast they end.
    before = await cloud.plans.mark(deployment_id)
    await cloud.api.update_deployment(deployment_id, body=body)
    await cloud.plans.wait(deployment_id, timeout=PATIENCE, since=before)


async def delete(cloud: CloudSession, deployment_id: str) -> None:
    """Shut a deployment down, wait until it has, and delete it."""
    before = await cloud.plans.mark(deployment_id)
    await cloud.api.shutdown_deployment(deployment_id, skip_snapshot=True)
    await cloud.plans.wait(deployment_id, timeout=PATIENCE, since=before)
    await cloud.api.delete_deployment(deployment_id)


async def main() -> None:
    """Go through a deployment's life."""
    ssl = os.environ.get("EC_CA_FILE") or True
    async with CloudSession.from_environment(ssl=ssl, timeout=60) as cloud:
        deployment_id, credentials = await create(cloud, "example")
        if credentials:
            print(f"{deployment_id}: log in as {credentials['username']}", flush=True)
        await enlarge(cloud, deployment_id, 2048)
        print(f"{deployment_id}: enlarged", flush=True)
        await delete(cloud, deployment_id)
        print(f"{deployment_id}: deleted", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except PlanFailedError as error:
        for failure in error.failures:
            print(f"{failure.kind} failed at {failure.step}: {failure.message}", file=sys.stderr)
        sys.exit(10)
    except CloudAuthError as error:
        sys.exit(str(error))
