"""Deployments as the API shows them.

Source: ECE 3.8 API, DeploymentGetResponse and what is in it.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from aiocloudauth.testing.catalogue import catalogue
from aiocloudauth.testing.deployments import KINDS, Deployment, Resource
from aiocloudauth.testing.instants import iso
from aiocloudauth.testing.samples import sample

if TYPE_CHECKING:
    from aiocloudauth.testing.asked import Asked
    from aiocloudauth.testing.messages import Answer

__all__ = [
    "deployment_document",
    "metadata",
    "orphaned",
    "resource_document",
    "short_resources",
    "versioned",
]


def _cloud_id(resource: Resource) -> str:
    text = f"ece.example.com$${resource.id}$"
    return f"{resource.ref_id}:{base64.b64encode(text.encode()).decode()}"


def _plan_info(asked: Asked, resource: Resource) -> dict[str, Any]:
    now, logs = asked.now, asked.flag("show_plan_logs")
    info: dict[str, Any] = {"healthy": resource.healthy(now), "history": []}
    if asked.flag("show_plan_history"):
        info["history"] = [one.info(now, logs=logs) for one in resource.history(now)]
    for name, attempt in (("current", resource.current(now)), ("pending", resource.pending(now))):
        if attempt is not None and asked.flag("show_plans", default=True):
            info[name] = attempt.info(now, logs=logs)
    return info


def resource_document(asked: Asked, deployment: Deployment, resource: Resource) -> dict[str, Any]:
    """Write a resource: ElasticsearchResourceInfo, KibanaResourceInfo and so on."""
    types, now = catalogue(), asked.now
    (kind,) = types.fields("DeploymentResources")[resource.kind]
    info_type = types.fields(kind)["info"]
    healthy = resource.healthy(now)
    info: dict[str, Any] = sample(types, info_type, now=iso(deployment.changed_at), whole=False)
    identity = "cluster_id" if "cluster_id" in info else "id"
    info |= {
        identity: resource.id,
        identity.replace("id", "name"): deployment.name,
        "deployment_id": deployment.id,
        "region": resource.region,
        "healthy": healthy,
        "status": resource.status(now),
        "plan_info": _plan_info(asked, resource),
        "topology": {"healthy": healthy, "instances": _instances(resource, now)},
    }
    if resource.kind == "elasticsearch":
        info["metadata"] |= {
            "cloud_id": _cloud_id(resource),
            "endpoint": f"{resource.id}.ece.example.com",
            "ports": {"http": 9200, "https": 9243, "transport_passthrough": 9400},
        }
    written = {
        "ref_id": resource.ref_id,
        "id": resource.id,
        "region": resource.region,
        "info": info,
    }
    if resource.kind != "elasticsearch":
        written["elasticsearch_cluster_ref_id"] = resource.payload["elasticsearch_cluster_ref_id"]
    return written


def _instances(resource: Resource, now: float) -> list[dict[str, Any]]:
    if resource.current(now) is None or resource.stopped(now):
        return []
    instance = {
        "instance_name": "instance-0000000000",
        "healthy": True,
        "container_started": True,
        "service_running": True,
        "maintenance_mode": False,
    }
    return [instance]


def deployment_document(asked: Asked, deployment: Deployment) -> dict[str, Any]:
    """Write a deployment: DeploymentGetResponse, and DeploymentSearchResponse."""
    resources: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for one in deployment.resources:
        resources[one.kind].append(resource_document(asked, deployment, one))
    written: dict[str, Any] = {
        "id": deployment.id,
        "name": deployment.name,
        "healthy": all(one.healthy(asked.now) for one in deployment.resources),
        "resources": resources,
    }
    if deployment.alias is not None:
        written["alias"] = deployment.alias
    return written


def metadata(deployment: Deployment) -> dict[str, Any]:
    """Write what else is known of a deployment: DeploymentMetadata."""
    return {
        "owner_id": deployment.owner,
        "system_owned": False,
        "hidden": deployment.hidden,
        "last_modified": iso(deployment.changed_at),
        "last_resource_plan_modified": iso(deployment.changed_at),
        "tags": deployment.tags,
    }


def short_resources(deployment: Deployment, *, secret: bool = False) -> list[dict[str, Any]]:
    """Write the resources of a deployment: a list of DeploymentResource."""
    written = []
    for one in deployment.resources:
        short: dict[str, Any] = {
            "ref_id": one.ref_id,
            "id": one.id,
            "kind": one.kind,
            "region": one.region,
        }
        if one.kind == "elasticsearch":
            short["cloud_id"] = _cloud_id(one)
            if secret:
                short["credentials"] = {"username": "elastic", "password": one.password}
        else:
            short["elasticsearch_cluster_ref_id"] = one.payload["elasticsearch_cluster_ref_id"]
            if secret and one.kind in {"apm", "integrations_server"}:
                short["secret_token"] = one.password
        written.append(short)
    return written


def orphaned(resources: list[Resource]) -> dict[str, list[Any]]:
    """Write the resources that a change left behind: Orphaned."""
    listed: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for one in resources:
        elastic = one.kind == "elasticsearch"
        listed[one.kind].append({"id": one.id, "dependents": []} if elastic else one.id)
    return listed


def versioned(answer: Answer, deployment: Deployment) -> Answer:
    """Add the fields that say which version of the deployment an answer shows."""
    changed = iso(deployment.changed_at)
    return answer.with_headers(
        ("x-cloud-resource-version", str(deployment.version)),
        ("x-cloud-resource-created", changed),
        ("x-cloud-resource-last-modified", changed),
    )
