"""Every operation of the tag Authentication, every status it declares."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth.testing import CloudServer, ClusterError, Fault, NoCluster
from tests.calls import CONTRACT, OPERATIONS, Caller, signed_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Provoke = Callable[[Caller], Awaitable[aiohttp.ClientResponse]]

DEFINITIONS = CONTRACT["definitions"]

#: Statuses that say more than a code.
CODES_HEADER = "x-cloud-error-codes"


def violations(value: object, schema: dict[str, Any], at: str = "$") -> list[str]:
    """List where a JSON value breaks a schema."""
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool}
    if not isinstance(value, kinds[schema["type"]]):
        return [f"{at} is no {schema['type']}"]
    found = []
    if isinstance(value, dict):
        found += violations_of_members(value, schema, at)
    if isinstance(value, list):
        for number, item in enumerate(value):
            found += violations(item, schema["items"], f"{at}[{number}]")
    if value not in schema.get("enum", [value]):
        found.append(f"{at} is none of the enum")
    if schema.get("format") == "date-time" and zoneless(value):
        found.append(f"{at} has no zone")
    return found


def violations_of_members(value: dict[str, object], schema: dict[str, Any], at: str) -> list[str]:
    """List what an object lacks, and what of it breaks its schema."""
    known = schema.get("properties", {})
    found = [f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value]
    for name, member in value.items():
        if name in known:
            found += violations(member, known[name], f"{at}.{name}")
        elif known:
            found.append(f"{at}.{name} is not in the contract")
    return found


def zoneless(value: object) -> bool:
    """Tell whether a date-time leaves open which zone it is of."""
    return datetime.fromisoformat(str(value)).tzinfo is None


async def login_with_state(caller: Caller) -> aiohttp.ClientResponse:
    """Ask for a redirect after the login."""
    return await caller.call(
        "login",
        json={"username": "admin", "password": "secret", "login_state": {"path": "/deployments"}},
    )


async def refresh_with_a_dead_token(caller: Caller) -> aiohttp.ClientResponse:
    """Have the token revoked, then offer it."""
    caller.server.revoke_all()
    return await caller.call("refresh-token")


async def one_key(caller: Caller) -> aiohttp.ClientResponse:
    """Ask for a key that there is."""
    return await caller.call("get-api-key", api_key_id=(await caller.key())["id"])


async def delete_one_key(caller: Caller) -> aiohttp.ClientResponse:
    """Delete a key that there is."""
    return await caller.call("delete-api-key", api_key_id=(await caller.key())["id"])


async def delete_keys(caller: Caller) -> aiohttp.ClientResponse:
    """Delete a list of keys."""
    return await caller.call("delete-api-keys", json={"keys": [(await caller.key())["id"]]})


async def delete_keys_of_users(caller: Caller) -> aiohttp.ClientResponse:
    """Delete a list of keys of users."""
    named = {"user_id": "admin", "api_key_id": (await caller.key())["id"]}
    return await caller.call("delete-users-api-keys", json={"user_api_keys": [named]})


async def one_key_of_a_user(caller: Caller) -> aiohttp.ClientResponse:
    """Ask for a key of a user."""
    key = await caller.key()
    return await caller.call("get-user-api-key", user_id="admin", api_key_id=key["id"])


async def delete_one_key_of_a_user(caller: Caller) -> aiohttp.ClientResponse:
    """Delete a key of a user."""
    key = await caller.key()
    return await caller.call("delete-user-api-key", user_id="admin", api_key_id=key["id"])


async def keys_after_one_was_made(caller: Caller) -> aiohttp.ClientResponse:
    """List one's own keys."""
    await caller.key()
    return await caller.call("get-api-keys")


async def all_keys_after_one_was_made(caller: Caller) -> aiohttp.ClientResponse:
    """List everybody's keys."""
    await caller.key()
    return await caller.call("get-users-api-keys")


async def keys_of_a_user_after_one_was_made(caller: Caller) -> aiohttp.ClientResponse:
    """List a user's keys."""
    await caller.key()
    return await caller.call("get-user-api-keys", user_id="admin")


async def signed_saml_callback(caller: Caller) -> aiohttp.ClientResponse:
    """Come back from the identity provider."""
    vouched = caller.server.saml_response("admin")
    form = {"SAMLResponse": vouched, "RelayState": "here"}
    return await caller.call("saml-callback", data=form)


def failing(operation: str, effect: ClusterError | NoCluster) -> Provoke:
    """Have the authentication cluster fail an operation."""

    async def provoke(caller: Caller) -> aiohttp.ClientResponse:
        path = OPERATIONS[operation]["path"]
        caller.server.script(Fault(path, effect, times=1))
        return await caller.call(operation, json={} if "body" in OPERATIONS[operation] else None)

    return provoke


#: How each answer that the contract declares comes about.
PROVOKE: dict[tuple[str, int], Provoke] = {
    ("get-authentication-info", 200): lambda c: c.call("get-authentication-info"),
    ("login", 200): lambda c: c.call("login", json={"username": "admin", "password": "secret"}),
    ("login", 302): login_with_state,
    ("login", 401): lambda c: c.call("login", json={"username": "admin", "password": "wrong"}),
    ("logout", 200): lambda c: c.call("logout"),
    ("refresh-token", 200): lambda c: c.call("refresh-token"),
    ("refresh-token", 401): refresh_with_a_dead_token,
    ("get-api-keys", 200): keys_after_one_was_made,
    ("create-api-key", 201): lambda c: c.call("create-api-key", json={"description": "one"}),
    ("create-api-key", 400): lambda c: c.call("create-api-key", json={"expiration": "1d"}),
    ("delete-api-keys", 200): delete_keys,
    ("get-users-api-keys", 200): all_keys_after_one_was_made,
    ("delete-users-api-keys", 200): delete_keys_of_users,
    ("get-api-key", 200): one_key,
    ("get-api-key", 404): lambda c: c.call("get-api-key", api_key_id="none"),
    ("delete-api-key", 200): delete_one_key,
    ("delete-api-key", 404): lambda c: c.call("delete-api-key", api_key_id="none"),
    ("methods", 200): lambda c: c.call("methods"),
    ("saml-callback", 302): signed_saml_callback,
    ("saml-callback", 401): lambda c: c.call("saml-callback", data={"SAMLResponse": "forged"}),
    ("saml-init", 302): lambda c: c.call("saml-init", params={"state": "here"}),
    ("get-user-api-keys", 200): keys_of_a_user_after_one_was_made,
    ("get-user-api-keys", 404): lambda c: c.call("get-user-api-keys", user_id="nobody"),
    ("delete-user-api-keys", 200): lambda c: c.call("delete-user-api-keys", user_id="admin"),
    ("delete-user-api-keys", 404): lambda c: c.call("delete-user-api-keys", user_id="nobody"),
    ("get-user-api-key", 200): one_key_of_a_user,
    ("get-user-api-key", 404): lambda c: c.call("get-user-api-key", user_id="x", api_key_id="y"),
    ("delete-user-api-key", 200): delete_one_key_of_a_user,
    ("delete-user-api-key", 404): lambda c: c.call(
        "delete-user-api-key", user_id="x", api_key_id="y"
    ),
} | {
    (operation, status): failing(operation, effect)
    for operation in ("login", "logout", "refresh-token", "saml-callback", "saml-init")
    for status, effect in ((501, NoCluster()), (502, ClusterError()))
}

DECLARED = [
    (operation["id"], int(status))
    for operation in CONTRACT["operations"]
    for status in [*operation["success"], *operation["failures"]]
]


def test_every_declared_answer_has_a_test() -> None:
    """The contract has 18 operations; what it declares and what is provoked are the same."""
    assert len(OPERATIONS) == 18
    assert sorted(DECLARED) == sorted(PROVOKE)


@pytest.mark.parametrize(("operation", "status"), DECLARED)
async def test_a_declared_answer_is_as_declared(operation: str, status: int) -> None:
    """Status, codes header and body of an answer are those of the ECE 3.8 API description."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        answer = await PROVOKE[operation, status](await signed_in(server, http))
        body = await answer.json()
        facts = OPERATIONS[operation]
        assert answer.status == status
        assert answer.content_type == "application/json"
        if (definition := facts["success"].get(str(status))) is not None:
            assert violations(body, DEFINITIONS[definition]) == []
            assert CODES_HEADER not in answer.headers
        else:
            assert violations(body, DEFINITIONS["BasicFailedReply"]) == []
            assert answer.headers[CODES_HEADER] in facts["failures"][str(status)]
            assert [error["code"] for error in body["errors"]] == [answer.headers[CODES_HEADER]]


def test_the_checker_of_schemas_finds_what_is_wrong() -> None:
    """A checker that finds nothing would let every answer pass."""
    schema = DEFINITIONS["TokenResponse"]
    assert violations({"token": 1}, schema) == [
        "$.session_expiration_time is missing",
        "$.token is no string",
    ]
    naive = {"token": "t", "session_expiration_time": "2026-01-01T00:00:00"}
    assert violations(naive, schema) == ["$.session_expiration_time has no zone"]
    assert violations({"errors": [{}]}, DEFINITIONS["BasicFailedReply"]) == [
        "$.errors[0].code is missing",
        "$.errors[0].message is missing",
    ]
    methods = {"password": True, "saml": True, "openid": False, "extra": 1}
    assert violations(methods, DEFINITIONS["AvailableAuthenticationMethods"]) == [
        "$.sso_methods is missing",
        "$.extra is not in the contract",
    ]


@pytest.mark.parametrize("location", ["login", "saml-callback", "saml-init"])
async def test_a_redirect_says_where_to(location: str) -> None:
    """Tokens are handed on in the fragment, the state in the query."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        answer = await PROVOKE[location, 302](await signed_in(server, http))
        to = answer.headers["Location"]
        if location == "saml-init":
            assert to.startswith("https://idp.example/sso?SAMLRequest=")
            assert to.endswith("&RelayState=here")
        else:
            token = to.removeprefix("/sso/token#").partition("?")[0]
            assert to.endswith("?state=/deployments" if location == "login" else "?state=here")
            headers = {"Authorization": f"Bearer {token}"}
            assert (await http.get("/api/v1/users/auth", headers=headers)).status == 200


async def test_a_saml_redirect_without_a_state_has_none() -> None:
    """RelayState is optional, both ways."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        caller = await signed_in(server, http)
        form = {"SAMLResponse": server.saml_response("admin")}
        assert "?" not in (await caller.call("saml-callback", data=form)).headers["Location"]
        assert "RelayState" not in (await caller.call("saml-init")).headers["Location"]


async def test_a_state_cannot_end_the_header() -> None:
    """What a client sends as its state comes back encoded."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        caller = await signed_in(server, http)
        state = {"path": "/x\r\nSet-Cookie: a=b"}
        document = {"username": "admin", "password": "secret", "login_state": state}
        answer = await caller.call("login", json=document)
        assert answer.headers["Location"].endswith("?state=/x%0D%0ASet-Cookie:%20a=b")
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"username": "admin"}',
        b'{"username": 1, "password": null}',
        b"[" * 100_000,
        b" " * 1_100_000 + b'{"username": "admin", "password": "secret"}',
    ],
)
async def test_login_refuses_a_body_that_breaks_the_contract(body: bytes) -> None:
    """400 in ECE's shape, however wrong the body is; nothing is logged in."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        answer = await http.post("/api/v1/users/auth/_login", data=io.BytesIO(body))
        assert answer.status == 400
        assert violations(await answer.json(), DEFINITIONS["BasicFailedReply"]) == []
        assert (server.stats.login_attempts, server.stats.logins) == (1, 0)


async def test_a_method_that_a_path_does_not_have_is_405() -> None:
    """An answer that says which methods there are."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        answer = await http.get("/api/v1/users/auth/_login")
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
