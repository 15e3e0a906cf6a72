"""The operations on deployments, and on their resources, that the server keeps a state for.

Source: ECE 3.8 API, tag Deployments.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from aiocloudauth.testing.deployment_documents import (
    deployment_document,
    metadata,
    orphaned,
    resource_document,
    short_resources,
    versioned,
)
from aiocloudauth.testing.deployments import Refused, Resource
from aiocloudauth.testing.messages import Answer, failure, json_answer
from aiocloudauth.testing.search import UnknownQuery, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocloudauth.testing.asked import Asked

__all__ = ["DEPLOYMENT_OPERATIONS"]

#: How many deployments a search returns that does not say.
_PAGE: Final = 100


# -- operations on deployments ------------------------------------------------------------


def _list(asked: Asked) -> Answer:
    listed = [
        {"id": one.id, "name": one.name, "resources": short_resources(one)}
        for one in asked.realm.deployments
    ]
    return json_answer({"deployments": listed})


def _create(asked: Asked) -> Answer:
    deployments, request_id = asked.realm.deployments, asked.query.get("request_id")
    body = asked.document
    if asked.flag("validate_only"):
        plain: dict[str, Any] = {
            "id": "",
            "name": body.get("name") or "",
            "created": False,
            "resources": [],
        }
        return json_answer({**plain, "diagnostics": {}})
    made = deployments.made_for(request_id)
    created = made is None
    if made is None:
        made = deployments.create(body, asked.user, asked.now, request_id=request_id)
    answer = json_answer(
        {
            "id": made.id,
            "name": made.name,
            "created": created,
            "resources": short_resources(made, secret=created),
        },
        status=201 if created else 202,
    )
    return versioned(answer, made)


def _search(asked: Asked) -> Answer:
    body = asked.document or {}
    try:
        found = [
            one
            for one in asked.realm.deployments
            if matches(
                body.get("query"), deployment_document(asked, one) | {"metadata": metadata(one)}
            )
        ]
    except UnknownQuery as unknown:
        message = f"this server knows no query of the kind {unknown}"
        return failure(400, "root.invalid_data", message=message, fields=["query"])
    size = _PAGE if body.get("size") is None else body["size"]
    cursor = body.get("cursor") or ""
    first = int(cursor) if cursor.isdecimal() else body.get("from") or 0
    page = found[first : first + size]
    answer: dict[str, Any] = {
        "return_count": len(page),
        "match_count": len(found),
        "deployments": [
            deployment_document(asked, one) | {"metadata": metadata(one), "settings": one.settings}
            for one in page
        ],
    }
    if first + len(page) < len(found):
        answer["cursor"] = str(first + len(page))
    return json_answer(answer)


def _get(asked: Asked) -> Answer:
    deployment = asked.deployment
    written = deployment_document(asked, deployment)
    if asked.flag("show_metadata"):
        written["metadata"] = metadata(deployment)
    if asked.flag("show_settings"):
        written["settings"] = deployment.settings
    return versioned(json_answer(written), deployment)


def _update(asked: Asked) -> Answer:
    deployment = asked.deployment
    wanted = asked.query.get("version")
    if wanted is not None and wanted != str(deployment.version):
        raise Refused(409, "deployments.version_conflict")
    orphans: list[Resource] = []
    if not asked.flag("validate_only"):
        deployments = asked.realm.deployments
        orphans = deployments.update(deployment, asked.document, asked.user, asked.now)
    answer: dict[str, Any] = {
        "id": deployment.id,
        "name": deployment.name,
        "resources": short_resources(deployment),
        "shutdown_resources": orphaned(orphans),
    }
    return versioned(json_answer(answer), deployment)


def _shut_down(asked: Asked) -> Answer:
    deployment = asked.deployment
    resources = deployment.resources
    asked.realm.deployments.shut_down(deployment, resources, asked.user, asked.now)
    deployment.hidden = deployment.hidden or asked.flag("hide")
    answer = {"id": deployment.id, "name": deployment.name, "orphaned": orphaned([])}
    return json_answer(answer)


def _restore(asked: Asked) -> Answer:
    deployment = asked.deployment
    stopped = [one for one in deployment.resources if one.stopped(asked.now)]
    if not stopped:
        raise Refused(400, "deployments.resource_not_shutdown")
    _run(asked, stopped, "restore-deployment")
    deployment.hidden = False
    return json_answer({"id": deployment.id})


def _delete(asked: Asked) -> Answer:
    deployment = asked.deployment
    asked.realm.deployments.delete(deployment, asked.now)
    answer = {"id": deployment.id, "name": deployment.name, "orphaned": orphaned([])}
    return json_answer(answer)


# -- operations on resources --------------------------------------------------------------


def _run(asked: Asked, resources: list[Resource], action: str) -> None:
    asked.realm.deployments.restart(
        asked.deployment, resources, asked.user, asked.now, action=action
    )


def _identity(resource: Resource) -> dict[str, Any]:
    return {"id": resource.id, "kind": resource.kind, "ref_id": resource.ref_id}


def _get_resource(kind: str) -> Callable[[Asked], Answer]:
    def get(asked: Asked) -> Answer:
        resource = asked.resource(kind)
        return json_answer(resource_document(asked, asked.deployment, resource))

    return get


def _restart_elasticsearch(asked: Asked) -> Answer:
    resource = asked.resource("elasticsearch")
    pending = resource.pending(asked.now)
    if pending is not None and asked.flag("cancel_pending"):
        pending.cancel(asked.now)
    _run(asked, [resource], "restart-deployment-es-resource")
    return json_answer({}, status=202)


def _restart_stateless(asked: Asked) -> Answer:
    _run(asked, [asked.resource()], "restart-deployment-stateless-resource")
    return json_answer({}, status=202)


def _shut_down_resource(kind: str | None) -> Callable[[Asked], Answer]:
    def shut_down(asked: Asked) -> Answer:
        resource = asked.resource(kind)
        asked.realm.deployments.shut_down(asked.deployment, [resource], asked.user, asked.now)
        return json_answer({})

    return shut_down


def _restore_resource(asked: Asked) -> Answer:
    resource = asked.resource()
    if not resource.stopped(asked.now):
        raise Refused(400, "deployments.resource_not_shutdown")
    _run(asked, [resource], "restore-deployment-resource")
    return json_answer(_identity(resource))


def _delete_stateless(asked: Asked) -> Answer:
    resource = asked.resource()
    if not resource.stopped(asked.now):
        raise Refused(400, "deployments.resource_has_instances")
    asked.deployment.resources.remove(resource)
    return json_answer(_identity(resource))


def _upgrade(asked: Asked) -> Answer:
    resource, deployment = asked.resource(), asked.deployment
    versions = [
        (one.payload["plan"].get("elasticsearch") or {}).get("version")
        for one in deployment.resources
        if one.kind == "elasticsearch"
    ]
    version = next(filter(None, versions), "")
    if not asked.flag("validate_only"):
        plan = resource.payload["plan"]
        own = {**(plan.get(resource.kind) or {}), "version": version}
        before = resource.payload
        resource.payload = {**before, "plan": {**plan, resource.kind: own}}
        try:
            _run(asked, [resource], "upgrade-deployment-stateless-resource")
        except Refused:
            resource.payload = before
            raise
    return json_answer({"resource_id": resource.id, "stack_version": version}, status=202)


def _cancel(asked: Asked) -> Answer:
    resource = asked.resource()
    pending = resource.pending(asked.now)
    if pending is not None:
        pending.cancel(asked.now)
    elif not asked.flag("ignore_missing"):
        raise Refused(400, "deployments.resource_does_not_have_a_pending_plan")
    return json_answer(_identity(resource))


def _reset_password(asked: Asked) -> Answer:
    resource = asked.resource("elasticsearch")
    resource.password = secrets.token_urlsafe(18)
    return json_answer({"username": "elastic", "password": resource.password})


#: What is carried out, by the operation's name in the API.
DEPLOYMENT_OPERATIONS: Final[Mapping[str, Callable[[Asked], Answer]]] = {
    "cancel-deployment-resource-pending-plan": _cancel,
    "create-deployment": _create,
    "delete-deployment": _delete,
    "delete-deployment-stateless-resource": _delete_stateless,
    "get-deployment": _get,
    "get-deployment-apm-resource-info": _get_resource("apm"),
    "get-deployment-appsearch-resource-info": _get_resource("appsearch"),
    "get-deployment-enterprise-search-resource-info": _get_resource("enterprise_search"),
    "get-deployment-es-resource-info": _get_resource("elasticsearch"),
    "get-deployment-integrations-server-resource-info": _get_resource("integrations_server"),
    "get-deployment-kib-resource-info": _get_resource("kibana"),
    "list-deployments": _list,
    "reset-elasticsearch-user-password": _reset_password,
    "restart-deployment-es-resource": _restart_elasticsearch,
    "restart-deployment-stateless-resource": _restart_stateless,
    "restore-deployment": _restore,
    "restore-deployment-resource": _restore_resource,
    "search-deployments": _search,
    "shutdown-deployment": _shut_down,
    "shutdown-deployment-es-resource": _shut_down_resource("elasticsearch"),
    "shutdown-deployment-stateless-resource": _shut_down_resource(None),
    "update-deployment": _update,
    "upgrade-deployment-stateless-resource": _upgrade,
}
