"""All operations, each called against a server that knows them from their description."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from aiocloudauth import ApiKey, CloudSession, ConfigurationError
from tests.api.described import Described, session_with
from tests.api.facts import Fact, Json, example, facts

OPERATIONS = facts()["operations"]
SESSION = {"login": "login", "logout": "logout", "refresh-token": "refresh"}


def python_name(name: str) -> str:
    """Spell a name as the documentation says: snake case, and keywords get an underscore."""
    special = {"from": "from_", "SAMLResponse": "saml_response", "RelayState": "relay_state"}
    return special.get(name) or name.replace("-", "_").lower()


def argument(one: Fact) -> Json:
    """Return a value for a parameter."""
    kind = one["type"]
    if isinstance(kind, dict):
        return kind["enum"][-1]
    if isinstance(kind, list):
        return ["a b", "c"]
    if kind == "file":
        return io.BytesIO(b"content")
    return {"boolean": False, "integer": 30}.get(kind, "a/ü?&%.")


def read(one: Fact, value: Json) -> str:
    """Return how a server reads that value."""
    if isinstance(value, io.BytesIO):
        return "content"
    if isinstance(value, list):
        return "a b,c"
    return {False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def arguments(fact: Fact, *, whole: bool) -> tuple[list[Any], dict[str, Any], dict[str, str]]:
    """Return what to pass by position and by keyword, and the values a server should read."""
    given, named, expected = [], {}, {}
    for one in fact.get("params", ()):
        value = argument(one)
        if one["in"] == "path":
            if one["name"] == "proxy_path":
                value = "_cat/indices"
            given.append(value)
        elif (one.get("required") and one["in"] != "header") or whole:
            named[python_name(one["name"])] = value = "text" if one["in"] == "header" else value
        else:
            continue
        expected[one["name"]] = read(one, value)
    if "body" in fact and (fact["body"]["required"] or whole):
        kind = fact["body"]["type"]
        named["body"] = "-----BEGIN" if kind == "string" else example(kind, whole=whole)
        if kind == "string":
            expected["body"] = named["body"]
    return given, named, expected


@pytest.mark.parametrize("which", ["every argument", "required ones"])
async def test_every_operation_is_sent_as_it_is_described(which: str) -> None:
    """Method, path, query, header fields and body are the description's; so is the answer."""
    server = Described()
    async with session_with(server) as cloud:
        for identifier in OPERATIONS.keys() - SESSION.keys():
            given, named, expected = arguments(
                OPERATIONS[identifier], whole=which == "every argument"
            )
            call = getattr(cloud.api, python_name(identifier))(*given, **named)
            data, response = await call.with_response()
            assert identifier in server.operations, identifier
            assert (identifier, server.problems) == (identifier, [])
            assert {key: server.values[key] for key in expected} == expected, identifier
            assert data == server.answer, identifier
            if response.status != 302:
                assert response.version == "12"


async def test_arguments_of_the_path_go_by_keyword_too_in_any_order() -> None:
    """Position is the path's order; keywords have none."""
    server = Described()
    async with session_with(server) as cloud:
        for identifier, fact in OPERATIONS.items():
            names = re.findall(r"{(\w+)}", fact["path"])
            if len(names) < 2 or identifier in SESSION:
                continue
            given, named, expected = arguments(fact, whole=False)
            by_name = dict(reversed(list(zip(names, given, strict=True))))
            await getattr(cloud.api, python_name(identifier))(**named, **by_name)
            assert {key: server.values[key] for key in expected} == expected, identifier


async def test_what_the_management_header_says_unless_it_is_said() -> None:
    """Elastic requires the field; `true` is what its own clients send."""
    server = Described()
    async with session_with(server) as cloud:
        ask = cloud.api.operation("get_deployment_resource_proxy_requests")
        await ask("d", "elasticsearch", "main", "_search")
        assert server.values["X-Management-Request"] == "true"
        await ask("d", "elasticsearch", "main", "_search", x_management_request="no")
        assert server.values["X-Management-Request"] == "no"


def test_both_spellings_name_an_operation_and_all_are_listed() -> None:
    """`dir` has every one; an operation tells its method and path."""
    api = CloudSession("https://ece.example.com", ApiKey("key")).api
    assert {python_name(name) for name in OPERATIONS} <= set(dir(api))
    for identifier, fact in OPERATIONS.items():
        for name in (identifier, python_name(identifier)):
            operation = api.operation(name)
            assert (operation.id, operation.name) == (identifier, python_name(identifier))
            assert (operation.method, operation.path) == (fact["method"], fact["path"])
            assert list(operation.positional) == re.findall(r"{(\w+)}", fact["path"])
            named = {python_name(one["name"]) for one in fact.get("params", ())}
            assert named <= set(operation.arguments)
            assert operation.path in repr(operation)


@pytest.mark.parametrize(("identifier", "method"), SESSION.items())
def test_what_the_session_does_itself_is_refused(identifier: str, method: str) -> None:
    """A token that the session does not know of would be lost; the message names the way."""
    cloud = CloudSession("https://ece.example.com", ApiKey("key"))
    with pytest.raises(ConfigurationError, match=rf"cloud\.{method}\(\)"):
        cloud.api.operation(identifier)()
