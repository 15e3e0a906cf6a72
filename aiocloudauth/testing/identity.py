"""From an `Authorization` header to who is asking."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from aiocloudauth.testing.accounts import Accounts, User
    from aiocloudauth.testing.keys import ApiKeys
    from aiocloudauth.testing.sessions import IssuedToken, Sessions

__all__ = ["Identity", "identify"]


@frozen(kw_only=True)
class Identity:
    """What a request's credentials amount to.

    `refused_with` is the code of the 401 that follows, or None if the credentials hold.
    """

    credential: str | None = None

    #: The user's name; empty if that is not known.
    name: str = ""
    user: User | None = None
    token: IssuedToken | None = field(default=None, repr=False)

    #: When an API key ends, if it does.
    key_expires_at: float | None = None
    refused_with: str | None = None


_NOBODY = Identity(refused_with="root.unauthenticated")


def identify(
    header: str | None, now: float, *, accounts: Accounts, sessions: Sessions, keys: ApiKeys
) -> Identity:
    """Find out who sent the `Authorization` header, and whether they may pass at `now`."""
    if not header:
        return _NOBODY
    scheme, _, value = header.partition(" ")
    value = value.strip()
    match scheme.lower():
        case "bearer":
            return _bearer(value, now, accounts, sessions)
        case "apikey":
            key = keys.find(value)
            if key is None or not key.alive(now) or (user := accounts.get(key.user)) is None:
                return Identity(credential="apikey", refused_with="root.unauthenticated")
            return Identity(
                credential="apikey", name=key.user, user=user, key_expires_at=key.expires_at
            )
        case "basic":
            return _basic(value, accounts)
        case _:
            return _NOBODY


def _bearer(value: str, now: float, accounts: Accounts, sessions: Sessions) -> Identity:
    token = sessions.find(value)
    if token is None:
        return Identity(credential="bearer", refused_with="root.unauthorized")
    user = accounts.get(token.user)
    refused = user is None or not token.alive(now)
    return Identity(
        credential="bearer",
        name=token.user,
        user=user,
        token=token,
        refused_with="root.unauthorized" if refused else None,
    )


def _basic(value: str, accounts: Accounts) -> Identity:
    refused = Identity(credential="basic", refused_with="root.unauthenticated")
    try:
        name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return refused
    user = accounts.check(name, password) if colon else None
    return Identity(credential="basic", name=name, user=user) if user else refused
