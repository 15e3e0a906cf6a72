"""The API-key operations: one's own keys, everybody's, and one user's.

Source: ECE 3.8 API, tag Authentication.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiocloudauth.testing.answers import Answer, failure, json_answer
from aiocloudauth.testing.realm import iso

if TYPE_CHECKING:
    from aiocloudauth.testing.call import Call
    from aiocloudauth.testing.keys import ApiKeyRecord
    from aiocloudauth.testing.realm import Realm

__all__ = [
    "create_api_key",
    "delete_api_key",
    "delete_api_keys",
    "delete_user_api_key",
    "delete_user_api_keys",
    "delete_users_api_keys",
    "get_api_key",
    "get_api_keys",
    "get_user_api_key",
    "get_user_api_keys",
    "get_users_api_keys",
]

_ORGANIZATION: Final = "default"
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"(\d{1,9})(ms|s|m|h|d)")


async def get_api_keys(realm: Realm, call: Call) -> Answer:
    """`GET /users/auth/keys`."""
    return _listing(realm, call.identity.name)


async def create_api_key(realm: Realm, call: Call) -> Answer:
    """`POST /users/auth/keys`: the one answer that shows the key itself."""
    document = await call.json_object()
    if document is None or not isinstance(description := document.get("description"), str):
        return _invalid_input(realm, "description")
    expires_after: float | None = None
    if (expiration := document.get("expiration")) is not None:
        duration = _DURATION.fullmatch(expiration) if isinstance(expiration, str) else None
        if duration is None or not realm.version.key_expiration:
            return _invalid_input(realm, "expiration")
        expires_after = int(duration[1]) * _UNITS[duration[2]]
    roles = document.get("role_assignments")
    if roles is not None and not (realm.version.key_roles and isinstance(roles, dict)):
        return _invalid_input(realm, "role_assignments")
    record = realm.keys.create(
        call.identity.name,
        realm.now(),
        description=description,
        expires_after=expires_after,
        role_assignments=roles,
    )
    return json_answer({**_metadata(realm, record), "key": record.secret}, status=201)


async def delete_api_keys(realm: Realm, call: Call) -> Answer:
    """`DELETE /users/auth/keys`: what is not there is not missed."""
    document = await call.json_object()
    keys = document.get("keys") if document else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        return _invalid_input(realm, "keys")
    for key in keys:
        realm.keys.delete(key, user=call.identity.name)
    return json_answer({})


async def get_users_api_keys(realm: Realm, call: Call) -> Answer:
    """`GET /users/auth/keys/_all`."""
    del call
    return _listing(realm, None)


async def delete_users_api_keys(realm: Realm, call: Call) -> Answer:
    """`DELETE /users/auth/keys/_all`: keys of several users, named one by one."""
    document = await call.json_object()
    named = document.get("user_api_keys") if document else None
    if not isinstance(named, list):
        return _invalid_input(realm, "user_api_keys")
    pairs: list[tuple[str, str]] = []
    for entry in named:
        user = entry.get("user_id") if isinstance(entry, dict) else None
        key = entry.get("api_key_id") if isinstance(entry, dict) else None
        if not isinstance(user, str) or not isinstance(key, str):
            return _invalid_input(realm, "user_api_keys")
        pairs.append((user, key))
    for user, key in pairs:
        realm.keys.delete(key, user=user)
    return json_answer({})


async def get_api_key(realm: Realm, call: Call) -> Answer:
    """`GET /users/auth/keys/{api_key_id}`."""
    return _one(realm, call.parts["api_key_id"], call.identity.name)


async def delete_api_key(realm: Realm, call: Call) -> Answer:
    """`DELETE /users/auth/keys/{api_key_id}`."""
    return _delete(realm, call.parts["api_key_id"], call.identity.name)


async def get_user_api_keys(realm: Realm, call: Call) -> Answer:
    """`GET /users/{user_id}/auth/keys`."""
    user = call.parts["user_id"]
    if realm.accounts.get(user) is None:
        return failure(404, "api_keys.user_not_found", version=realm.version)
    return _listing(realm, user)


async def delete_user_api_keys(realm: Realm, call: Call) -> Answer:
    """`DELETE /users/{user_id}/auth/keys`: all keys of the user."""
    user = call.parts["user_id"]
    if realm.accounts.get(user) is None:
        return failure(404, "api_keys.user_not_found", version=realm.version)
    for record in realm.keys.list(user=user):
        realm.keys.delete(record.id)
    return json_answer({})


async def get_user_api_key(realm: Realm, call: Call) -> Answer:
    """`GET /users/{user_id}/auth/keys/{api_key_id}`."""
    return _one(realm, call.parts["api_key_id"], call.parts["user_id"])


async def delete_user_api_key(realm: Realm, call: Call) -> Answer:
    """`DELETE /users/{user_id}/auth/keys/{api_key_id}`."""
    return _delete(realm, call.parts["api_key_id"], call.parts["user_id"])


def _invalid_input(realm: Realm, field: str) -> Answer:
    return failure(400, "api_keys.invalid_input", fields=(field,), version=realm.version)


def _metadata(realm: Realm, record: ApiKeyRecord) -> dict[str, object]:
    metadata: dict[str, object] = {
        "id": record.id,
        "user_id": record.user,
        "description": record.description,
        "creation_date": iso(record.created_at),
    }
    if realm.version.key_expiration:
        metadata["organization_id"] = _ORGANIZATION
        if record.expires_at is not None:
            metadata["expiration_date"] = iso(record.expires_at)
    if record.role_assignments is not None:
        metadata["role_assignments"] = record.role_assignments
    return metadata


def _listing(realm: Realm, user: str | None) -> Answer:
    return json_answer({"keys": [_metadata(realm, key) for key in realm.keys.list(user=user)]})


def _one(realm: Realm, key_id: str, user: str | None) -> Answer:
    record = realm.keys.get(key_id, user=user)
    if record is None:
        return failure(404, "api_keys.key_not_found", version=realm.version)
    return json_answer(_metadata(realm, record))


def _delete(realm: Realm, key_id: str, user: str | None) -> Answer:
    if not realm.keys.delete(key_id, user=user):
        return failure(404, "api_keys.key_not_found", version=realm.version)
    return json_answer({})
