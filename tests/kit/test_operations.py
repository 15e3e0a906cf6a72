"""Every operation of the tag Authentication, and every status that the API declares for it."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aiocloudauth.testing import ClusterError, Effect, Fault, ManualClock, NoCluster, User
from tests.kit.client import ADMIN, LOGIN, Client, Seen, basic, running

if TYPE_CHECKING:
    from collections.abc import Callable

#: The operations, from the ECE 3.8 API description.
CONTRACT = json.loads((Path(__file__).parent / "auth_contract.json").read_text())
OPERATIONS = {operation["id"]: operation for operation in CONTRACT["operations"]}
DEFINITIONS = CONTRACT["definitions"]

DECLARED = [
    (operation["id"], int(status))
    for operation in CONTRACT["operations"]
    for status in [*operation["success"], *operation["failures"]]
]


def violations(value: object, schema: dict[str, Any], at: str = "$") -> list[str]:
    """List where a JSON value breaks a schema."""
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool}
    if not isinstance(value, kinds[schema["type"]]):
        return [f"{at} is no {schema['type']}"]
    found = []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [
            f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value
        ]
        for name, member in value.items():
            if name in known:
                found += violations(member, known[name], f"{at}.{name}")
            elif known:
                found.append(f"{at}.{name} is not in the contract")
    if isinstance(value, list):
        for number, item in enumerate(value):
            found += violations(item, schema["items"], f"{at}[{number}]")
    if value not in schema.get("enum", [value]):
        found.append(f"{at} is none of the enum")
    if schema.get("format") == "date-time" and datetime.fromisoformat(str(value)).tzinfo is None:
        found.append(f"{at} has no zone")
    return found


def test_the_checker_of_schemas_finds_what_is_wrong() -> None:
    """A checker that finds nothing would let every answer pass."""
    naive = {"token": 1, "session_expiration_time": "2026-01-01T00:00:00", "extra": 1}
    assert violations(naive, DEFINITIONS["TokenResponse"]) == [
        "$.token is no string",
        "$.session_expiration_time has no zone",
        "$.extra is not in the contract",
    ]
    assert violations({"errors": [{"code": "a"}]}, DEFINITIONS["BasicFailedReply"]) == [
        "$.errors[0].message is missing"
    ]


#: What a request carries whose answer depends on that; `key` is the id of a key that exists.
SENT: dict[tuple[str, int], Callable[[Client, str], dict[str, Any]]] = {
    ("create-api-key", 201): lambda c, key: {"json": {"description": "one"}},
    ("create-api-key", 400): lambda c, key: {"json": {"expiration": "1d"}},
    ("delete-api-keys", 200): lambda c, key: {"json": {"keys": [key]}},
    ("delete-users-api-keys", 200): lambda c, key: {
        "json": {"user_api_keys": [{"user_id": "admin", "api_key_id": key}]}
    },
    ("login", 200): lambda c, key: {"json": ADMIN},
    ("login", 302): lambda c, key: {"json": ADMIN | {"login_state": {"path": "/deployments"}}},
    ("login", 401): lambda c, key: {"json": ADMIN | {"password": "wrong"}},
    ("saml-callback", 302): lambda c, key: {
        "data": {"SAMLResponse": c.server.saml_response("admin"), "RelayState": "here"}
    },
    ("saml-callback", 401): lambda c, key: {"data": {"SAMLResponse": "forged"}},
    ("saml-init", 302): lambda c, key: {"params": {"state": "here"}},
}


async def provoke(client: Client, operation: str, status: int) -> Seen:
    """Bring about an answer that the contract declares."""
    facts, token = OPERATIONS[operation], await client.login()
    made = await client.ask("POST /users/auth/keys", token, json={"description": "made"})
    named = status != 404
    path = facts["path"].format(
        user_id="admin" if named else "nobody", api_key_id=made.json["id"] if named else "none"
    )
    body = SENT.get((operation, status))
    sent = body(client, made.json["id"]) if body else {}
    effects: dict[int, Effect] = {501: NoCluster(), 502: ClusterError()}
    if status in effects:
        client.server.script(Fault(path, effects[status], times=1))
    if operation == "refresh-token" and status == 401:
        client.server.revoke_all()
    return await client.ask(f"{facts['method']} {path}", token, **sent)


@pytest.mark.parametrize(("operation", "status"), DECLARED)
async def test_a_declared_answer_is_as_declared(operation: str, status: int) -> None:
    """Status, codes header and body of an answer are those of the ECE 3.8 API description."""
    async with running() as client:
        seen = await provoke(client, operation, status)
    assert (seen.status, seen.headers["Content-Type"]) == (status, "application/json")
    facts = OPERATIONS[operation]
    if (definition := facts["success"].get(str(status))) is not None:
        assert violations(seen.json, DEFINITIONS[definition]) == []
        assert seen.code is None
    else:
        assert violations(seen.json, DEFINITIONS["BasicFailedReply"]) == []
        assert seen.code in facts["failures"][str(status)]
        assert [error["code"] for error in seen.json["errors"]] == [seen.code]


@pytest.mark.parametrize(
    ("operation", "state"), [("login", "/deployments"), ("saml-callback", "here")]
)
async def test_a_redirect_hands_the_token_on_in_the_fragment(operation: str, state: str) -> None:
    """And the state in the query."""
    async with running() as client:
        location = (await provoke(client, operation, 302)).headers["Location"]
        token, _, query = location.removeprefix("/sso/token#").partition("?")
        assert query == f"state={state}"
        assert await client.status("GET /users/auth", f"Bearer {token}") == 200


async def test_a_state_is_optional_and_cannot_end_the_header() -> None:
    """What a client sends as its state comes back encoded, however odd it is."""
    async with running() as client:
        seen = await client.ask("GET /users/auth/saml/_init", params={"state": "a b"})
        assert seen.headers["Location"].endswith("&RelayState=a+b")
        assert (
            "RelayState" not in (await client.ask("GET /users/auth/saml/_init")).headers["Location"]
        )
        form = {"SAMLResponse": client.server.saml_response("admin")}
        seen = await client.ask("POST /users/auth/saml/_callback", data=form)
        assert "?" not in seen.headers["Location"]
        for state, written in (
            ("/x\r\nSet-Cookie: a=b", "/x%0D%0ASet-Cookie:%20a=b"),
            ("\ud800", "%ED%A0%80"),
        ):
            document = ADMIN | {"login_state": {"path": state}}
            seen = await client.ask(LOGIN, json=document)
            assert seen.headers["Location"].endswith(f"?state={written}")
            assert "Set-Cookie" not in seen.headers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b'{"username": 1, "password": null}', 400),
        (b"[" * 100_000, 400),
        (b" " * 1_100_000 + json.dumps(ADMIN).encode(), 400),
        (b'{"username": "admin", "password": "\\ud800"}', 401),
    ],
    ids=["empty", "cut", "list", "bytes", "types", "deep", "long", "half a surrogate pair"],
)
async def test_a_login_that_cannot_be_is_answered_in_eces_shape(body: bytes, status: int) -> None:
    """However wrong the body is; nothing is logged in."""
    async with running() as client:
        seen = await client.ask(LOGIN, data=io.BytesIO(body))
        assert seen.status == status
        assert violations(seen.json, DEFINITIONS["BasicFailedReply"]) == []
        stats = client.server.stats
        assert (stats.login_attempts, stats.logins) == (1, 0)


async def test_a_method_that_a_path_does_not_have_is_405() -> None:
    """An answer that says which methods there are."""
    async with running() as client:
        seen = await client.ask("GET /users/auth/_login")
        assert (seen.status, seen.headers["Allow"]) == (405, "POST")


# -- API keys ---------------------------------------------------------------------------------


async def test_a_key_opens_what_its_user_may_until_it_ends() -> None:
    """`Authorization: ApiKey <key>`, verbatim; `expiration` is a duration such as `3h`."""
    clock = ManualClock()
    async with running(clock=clock, token_lifetime=1e6) as client:
        document = {"description": "x", "expiration": "3h", "role_assignments": {"a": []}}
        made = (await client.ask("POST /users/auth/keys", await client.login(), json=document)).json
        assert made["creation_date"] == "2026-01-01T00:00:00.000Z"
        assert made["expiration_date"] == "2026-01-01T03:00:00.000Z"
        key = f"ApiKey {made.pop('key')}"
        await clock.advance(3 * 3600 - 1)
        seen = await client.ask("GET /users/auth/keys", key)
        assert seen.json["keys"] == [made]
        assert seen.headers["X-Elastic-Api-Key-Expiration"] == made["expiration_date"]
        arrival = client.server.log[-1]
        assert (arrival.credential, arrival.user) == ("apikey", "admin")
        await clock.advance(1)
        assert (await client.ask("GET /users/auth/keys", key)).code == "root.unauthenticated"


async def test_a_key_ends_when_it_is_deleted_or_its_user_is() -> None:
    """A user who is gone opens nothing: neither by key, nor by token, nor by password."""
    async with running() as client:
        token = await client.login()
        keys = [
            (await client.ask("POST /users/auth/keys", token, json={"description": "x"})).json
            for _ in range(2)
        ]
        one, two = (f"ApiKey {key['key']}" for key in keys)
        await client.ask(f"DELETE /users/auth/keys/{keys[0]['id']}", token)
        assert [await client.status("GET /x", key) for key in (one, two)] == [401, 200]
        client.server.users.remove("admin")
        for authorization in (two, token, basic("admin", "secret")):
            assert await client.status("GET /users/auth", authorization) == 401


async def test_a_user_sees_no_other_users_keys() -> None:
    """One's own operations know one's own keys only, and deleting misses nothing."""
    async with running(users={"admin": "secret", "ann": User("pw", roles=())}) as client:
        ann, token = basic("ann", "pw"), await client.login()
        made = await client.ask("POST /users/auth/keys", token, json={"description": "x"})
        key = made.json["id"]
        assert (await client.ask("GET /users/auth/keys", ann)).json == {"keys": []}
        assert await client.status(f"GET /users/auth/keys/{key}", ann) == 404
        await client.ask("DELETE /users/auth/keys", ann, json={"keys": [key]})
        assert await client.status(f"GET /users/auth/keys/{key}", token) == 200
        assert await client.status("DELETE /users/admin/auth/keys", token) == 200
        assert await client.status(f"GET /users/auth/keys/{key}", token) == 404


@pytest.mark.parametrize(
    ("request_", "document"),
    [
        ("POST /users/auth/keys", []),
        ("POST /users/auth/keys", {"description": 1}),
        ("POST /users/auth/keys", {"description": "x", "expiration": "soon"}),
        ("POST /users/auth/keys", {"description": "x", "expiration": 3}),
        ("POST /users/auth/keys", {"description": "x", "role_assignments": []}),
        ("DELETE /users/auth/keys", []),
        ("DELETE /users/auth/keys", {"keys": [1]}),
        ("DELETE /users/auth/keys/_all", []),
        ("DELETE /users/auth/keys/_all", {"user_api_keys": {}}),
        ("DELETE /users/auth/keys/_all", {"user_api_keys": [{"user_id": "x"}]}),
        ("DELETE /users/auth/keys/_all", {"user_api_keys": ["x"]}),
    ],
)
async def test_a_key_operation_refuses_what_breaks_the_contract(
    request_: str, document: object
) -> None:
    """400 `api_keys.invalid_input`, naming the field."""
    async with running() as client:
        seen = await client.ask(request_, basic("admin", "secret"), json=document)
        assert (seen.status, seen.code) == (400, "api_keys.invalid_input")
        assert len(seen.json["errors"][0]["fields"]) == 1
