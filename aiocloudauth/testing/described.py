"""From a request to the answer of an operation that the facts describe.

What is asked is checked by the facts: a query the API does not have, a body that does not fit,
is 400. Deployments have a state; every other operation answers with a value that fits its type.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from aiocloudauth.testing.asked import Asked
from aiocloudauth.testing.catalogue import Described, catalogue
from aiocloudauth.testing.deployment_operations import DEPLOYMENT_OPERATIONS
from aiocloudauth.testing.deployments import Refused
from aiocloudauth.testing.instants import iso
from aiocloudauth.testing.messages import Answer, failure, json_answer
from aiocloudauth.testing.samples import misfits, sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocloudauth.testing.messages import Call
    from aiocloudauth.testing.realm import Realm

__all__ = ["described_answer", "without_region"]

#: The kit's own field of a query, which every operation takes.
_DELAY: Final = "delay"

_REGION: Final = re.compile(r"/regions/[^/]+(?=/(?!users(?:/|$)))")

_BINARY: Final = "string:byte"


def without_region(path: str) -> str:
    """Return a path as the API describes it: Elastic's SDK puts a region in front of some."""
    return _REGION.sub("", path, count=1) if path.startswith("/regions/") else path


def described_answer(realm: Realm, call: Call, body: bytes) -> Answer | None:
    """Answer a request to an operation that the facts describe; None if there is none."""
    found = catalogue().find(call.method, call.path)
    if found is None:
        return None
    operation, parts = found
    query = {name: value for name, value in call.request.query.items() if name != _DELAY}
    document, wrong = _document(operation, body)
    wrong += _wrong_params(operation, call, query, parts, body)
    if wrong:
        message = f"{operation.name} does not take this: {', '.join(wrong)}"
        return failure(
            400, "root.invalid_data", message=message, fields=wrong, version=realm.version
        )
    carry_out = DEPLOYMENT_OPERATIONS.get(operation.name)
    if carry_out is None:
        return _sampled(realm, operation, parts)
    asked = Asked(
        realm=realm,
        user=call.identity.name,
        parts=parts,
        query=query,
        document=document,
        now=realm.now(),
    )
    try:
        return carry_out(asked)
    except Refused as refused:
        return failure(refused.status, refused.code, version=realm.version)


def _sampled(realm: Realm, operation: Described, parts: Mapping[str, str]) -> Answer:
    now = iso(realm.now())
    status, kind = operation.answer
    value = sample(catalogue(), kind, now=now, named=parts)
    if kind == _BINARY:
        answer = Answer(status, b"PK\x05\x06", "application/octet-stream")
    else:
        answer = json_answer(value, status=status)
    values = {"x-cloud-resource-version": "1"}
    names = operation.facts.get("headers", {}).get(str(status), ())
    return answer.with_headers(*((name, values.get(name, now)) for name in names))


# -- what does not fit --------------------------------------------------------------------


def _document(operation: Described, body: bytes) -> tuple[Any, list[str]]:
    """Read the body; return it, and what in it does not fit."""
    wanted = operation.facts.get("body")
    if wanted is None or (not body and not wanted["required"]):
        return None, []
    if wanted["type"] == "string":
        return body, [] if body or not wanted["required"] else [wanted["name"]]
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None, [wanted["name"]]
    wrong = misfits(catalogue(), wanted["type"], document)
    return document, [one or wanted["name"] for one in wrong]


def _wrong_params(
    operation: Described,
    call: Call,
    query: Mapping[str, str],
    parts: Mapping[str, str],
    body: bytes,
) -> list[str]:
    given = {"query": query, "path": parts, "header": call.request.headers}
    described = {(one["in"], one["name"]) for one in operation.params}
    wrong = [name for name in query if ("query", name) not in described]
    if "proxy_path" in parts:
        wrong = []  # the query is the deployment's own
    for one in operation.params:
        if one["in"] == "formData":
            form = call.request.content_type == "multipart/form-data"
            if one.get("required") and not (form and f'name="{one["name"]}"'.encode() in body):
                wrong.append(one["name"])
            continue
        value = given[one["in"]].get(one["name"])
        if value is None:
            wrong += [one["name"]] if one.get("required") else []
        elif not _fits(one["type"], value):
            wrong.append(one["name"])
    return wrong


def _fits(kind: object, text: str) -> bool:
    """Tell whether a text is of the type of a parameter."""
    if isinstance(kind, dict):
        return text in kind["enum"]
    if isinstance(kind, list):
        return all(text.split(","))
    match str(kind).partition(":")[0]:
        case "boolean":
            return text in {"true", "false"}
        case "integer":
            return re.fullmatch(r"-?[0-9]+", text, re.ASCII) is not None
        case _:
            return True
