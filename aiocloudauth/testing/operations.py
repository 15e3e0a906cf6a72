"""The operations of the tag Authentication, and the echo that all other paths are.

Source: ECE 3.8 API, tag Authentication, and its history for older versions.
"""

from __future__ import annotations

import base64
import hmac
import math
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote, urlencode

from aiocloudauth.testing.described import described_answer
from aiocloudauth.testing.instants import iso
from aiocloudauth.testing.messages import Answer, failure, json_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiocloudauth.testing.accounts import ApiKeyRecord
    from aiocloudauth.testing.messages import Call
    from aiocloudauth.testing.realm import Identity, Realm
    from aiocloudauth.testing.sessions import IssuedToken

    Operation = Callable[[Realm, Call], Awaitable[Answer]]

__all__ = [
    "Operation",
    "authentication_info",
    "create_api_key",
    "delete_api_key",
    "delete_api_keys",
    "delete_user_api_key",
    "delete_user_api_keys",
    "delete_users_api_keys",
    "echo",
    "echo_messages",
    "get_api_key",
    "get_api_keys",
    "get_user_api_key",
    "get_user_api_keys",
    "get_users_api_keys",
    "login",
    "logout",
    "methods",
    "refresh",
    "refuse",
    "reply",
    "saml_callback",
    "saml_init",
    "saml_response",
]

_COOKIE: Final = "ec-sso-session-id"

_ORGANIZATION: Final = "default"
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"(\d{1,9})(ms|s|m|h|d)")

_PROVIDER: Final = "https://idp.example/sso"
_REQUEST: Final = base64.b64encode(b"<AuthnRequest/>").decode()


def refuse(realm: Realm, identity: Identity) -> Answer:
    """Answer 401 to a guarded request, with the code this server was told to use."""
    code = identity.refused_with
    if identity.credential == "bearer":
        code = realm.refused_code
    return failure(401, code, version=realm.version)


def _invalid_data(realm: Realm, *fields: str, message: str | None = None) -> Answer:
    """Answer 400 to a body that is not what the operation takes."""
    return failure(400, "root.invalid_data", message=message, fields=fields, version=realm.version)


async def login(realm: Realm, call: Call) -> Answer:
    """`POST /users/auth/_login`."""
    document = await call.json_object()
    if document is None:
        return _invalid_data(realm, message="The body has to be a JSON object.")
    name, password = document.get("username"), document.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        return _invalid_data(realm, "username", "password")
    call.arrival.user = name
    if realm.accounts.check(name, password) is None:
        return failure(401, "root.unauthenticated", version=realm.version)
    token = realm.sessions.login(name, realm.now())
    realm.stats.logins += 1
    state = document.get("login_state")
    path = state.get("path") if isinstance(state, dict) else None
    if isinstance(path, str):
        return _redirect_with_token(token, path)
    return _token_answer(realm, token, first=True)


def _redirect_with_token(token: IssuedToken, state: str | None) -> Answer:
    """Answer 302 to the user interface, with the token in the fragment."""
    location = f"/sso/token#{token.secret}"
    if state is not None:
        # What a client sent must not end the header.
        location += f"?state={quote(state, safe='/:?&=', errors='surrogatepass')}"
    return Answer(status=302).with_headers(("Location", location))


async def refresh(realm: Realm, call: Call) -> Answer:
    """`POST /users/auth/_refresh`."""
    await call.read()
    identity, now = call.identity, realm.now()
    token: IssuedToken | None = None
    if identity.token is not None and identity.refused_with is None:
        token = realm.sessions.renew(identity.token, now)
    elif identity.credential == "basic" and realm.basic_refresh:
        if identity.refused_with is not None:
            return failure(401, identity.refused_with, version=realm.version)
        token = realm.sessions.login(identity.name, now)
    if token is None:
        return failure(401, "root.unauthorized", version=realm.version)
    realm.stats.refreshes += 1
    return _token_answer(realm, token, first=False)


async def logout(realm: Realm, call: Call) -> Answer:
    """`POST /users/auth/_logout`: 200 whether or not there was a session to end."""
    await call.read()
    token = call.identity.token
    session = token.session if token else None
    if session is None and realm.version.session_cookie:
        cookie = call.cookie(_COOKIE)
        session = realm.sessions.find_by_cookie(cookie) if cookie else None
    if session is not None and not session.ended:
        session.ended = True
        realm.stats.logouts += 1
    return json_answer({})


async def authentication_info(realm: Realm, call: Call) -> Answer:
    """`GET /users/auth`."""
    identity, version = call.identity, realm.version
    info: dict[str, object] = {
        "has_elevated_permissions": bool(identity.user and identity.user.elevated)
    }
    if version.totp_required:
        info |= {"has_totp_device": False, "totp_device_source": "native"}
    if version.refresh_token_url:
        info["refresh_token_url"] = f"{realm.root}/users/auth/_refresh"
    if version.expires_at and identity.token is not None:
        info["expires_at"] = iso(identity.token.expires_at)
    return json_answer(info)


async def methods(realm: Realm, call: Call) -> Answer:
    """`GET /users/auth/methods`."""
    del call
    answer: dict[str, object] = {"password": True, "saml": True}
    if realm.version.sso_methods:
        url = f"{realm.root}/users/auth/saml/_init"
        answer |= {
            "openid": False,
            "sso_methods": [{"sso_type": "saml", "name": "saml", "url": url}],
        }
    return json_answer(answer)


def _token_answer(realm: Realm, token: IssuedToken, *, first: bool) -> Answer:
    document: dict[str, object] = {"token": token.secret}
    if realm.version.session_expiration_time:
        document["session_expiration_time"] = iso(token.expires_at)
    answer = json_answer(document)
    if first and realm.version.session_cookie:
        cookie = f"{_COOKIE}={token.session.cookie}; Path=/; HttpOnly"
        answer = answer.with_headers(("Set-Cookie", cookie))
    return answer


# -- API keys: one's own, everybody's, and one user's -----------------------------------------


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


# -- SAML: the redirect to an identity provider, which is played here, and its answer --------


def saml_response(key: bytes, user: str) -> str:
    """Make the message in which the identity provider vouches for `user`."""
    signature = hmac.new(key, user.encode(), "sha256").hexdigest()
    message = f"<Response><NameID>{user}</NameID><Signature>{signature}</Signature></Response>"
    return base64.b64encode(message.encode()).decode()


async def saml_init(realm: Realm, call: Call) -> Answer:
    """`GET /users/auth/saml/_init`: 302 to the identity provider."""
    del realm
    query = {"SAMLRequest": _REQUEST}
    if (state := call.query("state")) is not None:
        query["RelayState"] = state
    return Answer(302).with_headers(("Location", f"{_PROVIDER}?{urlencode(query)}"))


async def saml_callback(realm: Realm, call: Call) -> Answer:
    """`POST /users/auth/saml/_callback`: 302 with a token, or 401."""
    form = parse_qs((await call.read()).decode("utf-8", "replace"))
    given = form.get("SAMLResponse", [""])[0]
    for user, _ in realm.accounts:
        if hmac.compare_digest(saml_response(realm.saml_key, user).encode(), given.encode()):
            token = realm.sessions.login(user, realm.now())
            return _redirect_with_token(token, form.get("RelayState", [None])[0])
    return failure(401, "root.unauthenticated", version=realm.version)


# -- all other paths ------------------------------------------------------------------------


async def echo(realm: Realm, call: Call) -> Answer:
    """Any other path below the API root: what the API describes, else what was asked, by whom.

    `?delay=2` answers two seconds later on the server's clock.
    """
    body = await call.read()
    if (refused := await _wait(realm, call)) is not None:
        return refused
    if (answer := described_answer(realm, call, body)) is not None:
        return answer
    told = {"method": call.method, "path": realm.root + call.path, "user": call.identity.name}
    return json_answer(told)


async def echo_messages(realm: Realm, call: Call) -> Answer:
    """`/ws`: a WebSocket that says what it is told; without a handshake as any other path."""
    if call.header("Upgrade").lower() == "websocket":
        return Answer().delivered(websocket=True)
    return await echo(realm, call)


def reply(answer: Answer) -> Operation:
    """Make an operation that gives this answer, in place of the echo."""

    async def replied(realm: Realm, call: Call) -> Answer:
        await call.read()
        return await _wait(realm, call) or answer

    return replied


async def _wait(realm: Realm, call: Call) -> Answer | None:
    """Wait for as long as the query says; 400 if that is no time."""
    if call.arrival.query and (delay := call.query("delay")) is not None:
        if (seconds := _seconds(delay)) is None:
            return _invalid_data(realm, "delay")
        await realm.clock.sleep(seconds)
    return None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
