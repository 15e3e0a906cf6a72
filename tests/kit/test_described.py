"""The test kit answers every operation of the API, and refuses what the API does not describe."""

from __future__ import annotations

import json
from base64 import b64encode
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest

from aiocloudauth.testing import CloudServer, Plan, User
from aiocloudauth.testing.catalogue import catalogue
from aiocloudauth.testing.samples import misfits, sample

if TYPE_CHECKING:
    from collections.abc import Mapping


def basic(user: str, password: str) -> dict[str, str]:
    """Make the header that signs a request in."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


ADMIN = basic("admin", "secret")
FACTS: Final[Mapping[str, Any]] = json.loads(
    (files("aiocloudauth") / "api" / "facts.json").read_text(encoding="utf-8")
)
NOW = "2026-01-01T00:00:00.000Z"

#: What the server plays for real; that has tests of its own.
PLAYED = {"Authentication"}


def request(operation: Mapping[str, Any], parts: Mapping[str, str]) -> dict[str, Any]:
    """Make a request that fits: every parameter there is, and a body of the type."""
    path, query, headers, form = operation["path"], {}, {}, aiohttp.FormData()
    for one in operation.get("params", ()):
        name, kind = one["name"], one["type"]
        value = "1"
        if isinstance(kind, dict):
            value = kind["enum"][0]
        elif kind == "boolean":
            value = "false"
        match one["in"]:
            case "path":
                path = path.replace(f"{{{name}}}", parts.get(name, value))
            # 1 is the latest version of what was just made, and of nothing else.
            case "query":
                query[name] = value
            case "header":
                headers[name] = value
            case "formData":
                form.add_field(name, b"x", filename="x")
    sent: dict[str, Any] = {"params": query, "headers": headers}
    if "multipart/form-data" in operation.get("consumes", ()):
        sent["data"] = form
    elif "body" in operation:
        kind = operation["body"]["type"]
        body = sample(catalogue(), kind, now=NOW)
        sent |= {"data": b"{}"} if kind == "string" else {"json": body}
    return {"method": operation["method"], "url": f"/api/v1{path}", **sent}


async def created(http: aiohttp.ClientSession) -> str:
    """Create a deployment, and return its id."""
    plan = {"cluster_topology": [], "elasticsearch": {"version": "8.19.0"}}
    resources: dict[str, Any] = {
        "elasticsearch": [{"ref_id": "main", "region": "r", "plan": plan}],
    }
    for kind in ("kibana", "apm", "appsearch", "enterprise_search", "integrations_server"):
        payload = {"ref_id": "main", "elasticsearch_cluster_ref_id": "main", "region": "r"}
        resources[kind] = [payload | {"plan": {kind: {}}}]
    async with http.post("/api/v1/deployments", json={"resources": resources}) as answer:
        assert answer.status == 201
        return str((await answer.json())["id"])


#: What a deployment has to be for an operation to be allowed: running, stopped or busy.
STATES = {
    "cancel-deployment-resource-pending-plan": "busy",
    "delete-deployment": "stopped",
    "delete-deployment-stateless-resource": "stopped",
    "restore-deployment": "stopped",
    "restore-deployment-resource": "stopped",
}


async def test_every_operation_answers_with_what_fits_its_type() -> None:
    """All of the API: with the status that the facts name, and the headers."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url, headers=ADMIN) as http:
        asked = 0
        for name, operation in FACTS["operations"].items():
            if operation["tag"] in PLAYED:
                continue
            state = STATES.get(name, "running")
            server.deployments.default = Plan(at_once=state != "busy")
            parts = {"ref_id": "main", "deployment_id": await created(http)}
            if state == "stopped":
                stop = f"/api/v1/deployments/{parts['deployment_id']}/_shutdown"
                assert (await http.post(stop)).status == 200
            async with http.request(**request(operation, parts)) as answer:
                assert str(answer.status) in operation["answers"], (name, await answer.text())
                kind = operation["answers"][str(answer.status)]
                if kind == "string:byte":
                    assert answer.content_type == "application/octet-stream", name
                else:
                    wrong = list(misfits(catalogue(), kind, await answer.json()))
                    assert wrong == [], name
                for header in operation.get("headers", {}).get(str(answer.status), ()):
                    if operation["path"] != "/deployments/_search":
                        assert header in answer.headers, name
            asked += 1
        assert asked == len(FACTS["operations"]) - 18


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("GET", "/deployments/d?show_plan=true", None, "show_plan"),
        ("GET", "/deployments/d?show_plans=True", None, "show_plans"),
        ("GET", "/deployments/d?show_system_alerts=1.5", None, "show_system_alerts"),
        ("GET", "/deployments/templates", None, "region"),
        ("POST", "/deployments/d/nonsense/main/_restore", None, "resource_kind"),
        ("POST", "/deployments/d/kibana/main/diagnostics/_capture?mode=Full", None, "mode"),
        ("POST", "/deployments", None, "body"),
        ("POST", "/deployments", [], "body"),
        ("POST", "/deployments", {"name": 1}, "name"),
        ("POST", "/deployments", {"resources": {"kibana": {}}}, "resources.kibana"),
        (
            "POST",
            "/deployments",
            {"resources": {"elasticsearch": [{"ref_id": "a", "region": "r"}]}},
            "resources.elasticsearch[0].plan",
        ),
        ("PUT", "/deployments/d", {"prune_orphans": 1}, "prune_orphans"),
        ("PUT", "/deployments/d", {"name": "x"}, "prune_orphans"),
        ("POST", "/deployments/_search", {"size": True}, "size"),
        ("POST", "/stack/versions", {}, "file"),
        (
            "PUT",
            "/deployments/d",
            {"prune_orphans": False, "metadata": {"tags": [1]}},
            "metadata.tags[0]",
        ),
        (
            "POST",
            "/deployments",
            {
                "resources": {
                    "elasticsearch": [
                        {
                            "ref_id": "a",
                            "region": "r",
                            "plan": {
                                "cluster_topology": [{"node_roles": ["master", "x"]}],
                                "elasticsearch": {},
                            },
                        }
                    ]
                }
            },
            "resources.elasticsearch[0].plan.cluster_topology[0].node_roles[1]",
        ),
        ("GET", "/deployments/d/kibana/main/proxy/x?y=z", None, "X-Management-Request"),
    ],
)
async def test_what_the_api_does_not_describe_is_refused_by_name(
    method: str, path: str, body: object, field: str
) -> None:
    """400 with the field: a parameter that is not known, missing, or of another type."""
    async with (
        CloudServer() as server,
        aiohttp.ClientSession(server.url, headers=ADMIN) as http,
        http.request(method, f"/api/v1{path}", json=body) as answer,
    ):
        (error,) = (await answer.json())["errors"]
        assert (answer.status, error["code"]) == (400, "root.invalid_data")
        assert error["fields"] == [field]


async def test_null_and_unknown_fields_of_a_body_are_overlooked() -> None:
    """As by ECE: what was read can be sent back."""
    body = {"prune_orphans": False, "name": None, "resources": {"kibana": None}, "new": 1}
    async with CloudServer() as server, aiohttp.ClientSession(server.url, headers=ADMIN) as http:
        path = f"/api/v1/deployments/{await created(http)}"
        assert (await http.put(path, json=body)).status == 200


async def test_an_answer_repeats_the_path() -> None:
    """A user that is asked for by name has that name."""
    async with (
        CloudServer() as server,
        aiohttp.ClientSession(server.url, headers=ADMIN) as http,
        http.get("/api/v1/users/b%2Fc") as answer,
    ):
        assert (await answer.json())["user_name"] == "b/c"


async def test_a_region_may_stand_in_front() -> None:
    """Elastic's SDK sends it so; the roles guard what is behind it."""
    users: dict[str, str | User] = {
        "ann": User("pw", roles="ece_deployment_manager"),
        "admin": "secret",
    }
    async with (
        CloudServer(users) as server,
        aiohttp.ClientSession(server.url, headers=ADMIN) as http,
    ):
        for path in ("/api/v1/platform", "/api/v1/regions/r/platform"):
            async with http.get(path) as answer:
                assert set(await answer.json()) >= {"services", "eula_accepted"}
        headers = basic("ann", "pw")
        async with http.get("/api/v1/regions/r/platform", headers=headers) as answer:
            assert answer.status == 403
        async with http.get("/api/v1/regions/r/users/auth") as answer:
            assert "refresh_token_url" not in await answer.json()


async def test_a_reply_and_a_delay_still_come_first() -> None:
    """A test's own answer wins over the described one."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url, headers=ADMIN) as http:
        async with http.get("/api/v1/deployments?delay=0") as answer:
            assert await answer.json() == {"deployments": []}
        server.reply("/deployments", {"mine": True})
        async with http.get("/api/v1/deployments?nonsense=1") as answer:
            assert await answer.json() == {"mine": True}
