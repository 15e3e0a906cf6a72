"""The two SAML operations: the redirect to an identity provider, and its answer.

The identity provider is played, too: `Realm.saml_response` is what it would have sent.
Source: ECE 3.8 API, saml-init and saml-callback.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlencode

from aiocloudauth.testing.answers import Answer, failure
from aiocloudauth.testing.operations import redirect_with_token

if TYPE_CHECKING:
    from aiocloudauth.testing.call import Call
    from aiocloudauth.testing.realm import Realm

__all__ = ["saml_callback", "saml_init", "saml_response"]

_PROVIDER: Final = "https://idp.example/sso"
_REQUEST: Final = base64.b64encode(b"<AuthnRequest/>").decode()


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
            return redirect_with_token(token, form.get("RelayState", [None])[0])
    return failure(401, "root.unauthenticated", version=realm.version)
