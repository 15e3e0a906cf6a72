"""API keys: what they open, for how long, and for whom."""

from __future__ import annotations

import aiohttp
import pytest

from aiocloudauth.testing import CloudServer, ManualClock, User
from tests.calls import signed_in


async def test_a_key_authenticates_until_it_is_deleted() -> None:
    """`Authorization: ApiKey <key>`, verbatim."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        caller = await signed_in(server, http)
        made = await caller.key()
        authorization = f"ApiKey {made['key']}"
        answer = await caller.call("get-api-keys", authorization=authorization)
        (listed,) = (await answer.json())["keys"]
        assert listed == {name: made[name] for name in made if name != "key"}
        assert server.log[-1].credential == "apikey"
        assert server.log[-1].user == "admin"
        await caller.call("delete-api-key", api_key_id=made["id"])
        refused = await caller.call("get-api-keys", authorization=authorization)
        assert refused.status == 401
        assert refused.headers["x-cloud-error-codes"] == "root.unauthenticated"


async def test_a_key_ends_when_it_said() -> None:
    """`expiration` is a duration such as `3h`."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, token_lifetime=1e6) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        caller = await signed_in(server, http)
        document = {"description": "short", "expiration": "3h", "role_assignments": {"a": []}}
        made = await (await caller.call("create-api-key", json=document)).json()
        assert made["creation_date"] == "2026-01-01T00:00:00.000Z"
        assert made["expiration_date"] == "2026-01-01T03:00:00.000Z"
        assert made["role_assignments"] == {"a": []}
        authorization = f"ApiKey {made['key']}"
        await clock.advance(3 * 3600 - 1)
        answer = await caller.call("get-api-keys", authorization=authorization)
        assert answer.status == 200
        assert answer.headers["X-Elastic-Api-Key-Expiration"] == made["expiration_date"]
        await clock.advance(1)
        assert (await caller.call("get-api-keys", authorization=authorization)).status == 401


async def test_a_key_dies_with_its_user() -> None:
    """A user who is gone opens nothing: neither by key, nor by token, nor by password."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        caller = await signed_in(server, http)
        made = await caller.key()
        server.users.remove("admin")
        for authorization in (f"ApiKey {made['key']}", None, "Basic YWRtaW46c2VjcmV0"):
            answer = await caller.call("get-authentication-info", authorization=authorization)
            assert answer.status == 401


@pytest.mark.parametrize(
    ("operation", "document"),
    [
        ("create-api-key", []),
        ("create-api-key", {"description": 1}),
        ("create-api-key", {"description": "x", "expiration": "soon"}),
        ("create-api-key", {"description": "x", "expiration": 3}),
        ("create-api-key", {"description": "x", "role_assignments": []}),
        ("delete-api-keys", {}),
        ("delete-api-keys", []),
        ("delete-api-keys", {"keys": [1]}),
        ("delete-users-api-keys", {"user_api_keys": {}}),
        ("delete-users-api-keys", {"user_api_keys": [{}]}),
        ("delete-users-api-keys", {"user_api_keys": ["x"]}),
        ("delete-users-api-keys", []),
    ],
)
async def test_a_key_operation_refuses_a_body_that_breaks_the_contract(
    operation: str, document: object
) -> None:
    """400 `api_keys.invalid_input`, naming the field."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        answer = await (await signed_in(server, http)).call(operation, json=document)
        assert answer.status == 400
        (error,) = (await answer.json())["errors"]
        assert error["code"] == "api_keys.invalid_input"
        assert len(error["fields"]) == 1


async def test_a_user_sees_no_other_users_keys() -> None:
    """One's own operations know one's own keys only, and deleting misses nothing."""
    users: dict[str, str | User] = {"admin": "secret", "ann": User("pw", roles=())}
    async with CloudServer(users) as server, aiohttp.ClientSession(server.url) as http:
        caller = await signed_in(server, http)
        key = await caller.key()
        ann = "Basic YW5uOnB3"
        listed = await caller.call("get-api-keys", authorization=ann)
        assert await listed.json() == {"keys": []}
        asked = await caller.call("get-api-key", api_key_id=key["id"], authorization=ann)
        assert asked.status == 404
        await caller.call("delete-api-keys", json={"keys": [key["id"]]}, authorization=ann)
        assert (await caller.call("get-api-key", api_key_id=key["id"])).status == 200
        deleted = await caller.call("delete-user-api-keys", user_id="admin")
        assert deleted.status == 200
        assert (await caller.call("get-api-key", api_key_id=key["id"])).status == 404
