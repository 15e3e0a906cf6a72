"""The operations of the tag Authentication but the API keys', and the guard of all others.

Source: ECE 3.8 API, tag Authentication, and its history for older versions.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiocloudauth.testing.answers import Answer, failure, json_answer
from aiocloudauth.testing.described import described_answer
from aiocloudauth.testing.realm import iso

if TYPE_CHECKING:
    from aiocloudauth.testing.call import Call
    from aiocloudauth.testing.identity import Identity
    from aiocloudauth.testing.realm import Realm
    from aiocloudauth.testing.sessions import IssuedToken

__all__ = [
    "authentication_info",
    "echo",
    "invalid_data",
    "login",
    "logout",
    "methods",
    "redirect_with_token",
    "refresh",
    "refuse",
]

_COOKIE: Final = "ec-sso-session-id"


def refuse(realm: Realm, identity: Identity) -> Answer:
    """Answer 401 to a guarded request, with the code this server was told to use."""
    code = identity.refused_with
    if identity.credential == "bearer":
        code = realm.refused_code
    return failure(401, code, version=realm.version)


def invalid_data(realm: Realm, *fields: str, message: str | None = None) -> Answer:
    """Answer 400 to a body that is not what the operation takes."""
    return failure(400, "root.invalid_data", message=message, fields=fields, version=realm.version)


async def login(realm: Realm, call: Call) -> Answer:
    """`POST /users/auth/_login`."""
    document = await call.json_object()
    if document is None:
        return invalid_data(realm, message="The body has to be a JSON object.")
    name, password = document.get("username"), document.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        return invalid_data(realm, "username", "password")
    call.arrival.user = name
    if realm.accounts.check(name, password) is None:
        return failure(401, "root.unauthenticated", version=realm.version)
    token = realm.sessions.login(name, realm.now())
    realm.stats.logins += 1
    state = document.get("login_state")
    path = state.get("path") if isinstance(state, dict) else None
    if isinstance(path, str):
        return redirect_with_token(token, path)
    return _token_answer(realm, token, first=True)


def redirect_with_token(token: IssuedToken, state: str | None) -> Answer:
    """Answer 302 to the user interface, with the token in the fragment."""
    location = f"/sso/token#{token.secret}"
    if state is not None:
        # What a client sent must not end the header.
        location += f"?state={quote(state, safe='/:?&=')}"
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


async def echo(realm: Realm, call: Call) -> Answer:
    """Any other path below the API root: what the API describes, else an echo.

    An echo tells what was asked, and by whom.

    `?delay=2` answers two seconds later on the server's clock. `/ws` echoes a WebSocket.
    """
    if call.path == "/ws" and call.header("Upgrade").lower() == "websocket":
        return Answer().delivered(websocket=True)
    body = await call.read()
    if call.arrival.query:
        delay = call.query("delay")
        if delay is not None:
            if (seconds := _seconds(delay)) is None:
                return invalid_data(realm, "delay")
            await realm.clock.sleep(seconds)
    if realm.replies and (reply := realm.reply_to(call.method, call.path)) is not None:
        return reply
    if (answer := described_answer(realm, call, body)) is not None:
        return answer
    echoed = {"method": call.method, "path": realm.root + call.path, "user": call.identity.name}
    return Answer(body=json.dumps(echoed, separators=(",", ":")).encode())


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
