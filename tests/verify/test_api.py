"""`cloud.api` and the kit agree."""

from __future__ import annotations

import re
from typing import Any

from aiocloudauth import CloudSession, Password
from aiocloudauth.testing import CloudServer, Plan
from tests.api.facts import differences
from tests.api.test_every_operation import OPERATIONS, SESSION, arguments, python_name

#: What a deployment has to be for an operation to be allowed, if not running.
STOPPED = {
    "delete-deployment",
    "delete-deployment-stateless-resource",
    "restore-deployment",
    "restore-deployment-resource",
}
BUSY = {"cancel-deployment-resource-pending-plan"}


async def a_deployment(cloud: CloudSession) -> str:
    """Create a deployment with a resource of every kind."""
    plan: Any = {"cluster_topology": [], "elasticsearch": {"version": "8.19.0"}}
    resources: Any = {"elasticsearch": [{"ref_id": "main", "region": "r", "plan": plan}]}
    for kind in ("kibana", "apm", "appsearch", "enterprise_search", "integrations_server"):
        payload = {"ref_id": "main", "elasticsearch_cluster_ref_id": "main", "region": "r"}
        resources[kind] = [payload | {"plan": {kind: {}}}]
    return (await cloud.api.create_deployment(body={"resources": resources}))["id"]


async def test_the_kit_answers_every_operation_as_the_facts_have_it() -> None:
    """What the client makes of the table fits what the kit checks by the facts, and the reverse."""
    async with (
        CloudServer() as server,
        CloudSession(server.url, Password("admin", "secret")) as cloud,
    ):
        for identifier in sorted(OPERATIONS.keys() - SESSION.keys()):
            fact = OPERATIONS[identifier]
            server.deployments.default = Plan(at_once=identifier not in BUSY)
            known = {"ref_id": "main", "user_id": "admin"}
            if "{deployment_id}" in fact["path"]:
                known["deployment_id"] = await a_deployment(cloud)
            if identifier in STOPPED:
                await cloud.api.shutdown_deployment(known["deployment_id"])
            if "{api_key_id}" in fact["path"]:
                key = await cloud.api.create_api_key(body={"description": "k"})
                known["api_key_id"] = key["id"]
            given, named, _ = arguments(fact, whole=False)
            if identifier == "saml-callback":
                named["saml_response"] = server.saml_response("admin")
            names = re.findall(r"{(\w+)}", fact["path"])
            given = [known.get(name, value) for name, value in zip(names, given, strict=True)]
            call = getattr(cloud.api, python_name(identifier))(*given, **named)
            data, response = await call.with_response()
            kind = fact["answers"][str(response.status)]
            if kind == "string:byte":
                assert isinstance(data, bytes)
            elif response.status != 302:
                assert not list(differences(kind, data)), identifier
