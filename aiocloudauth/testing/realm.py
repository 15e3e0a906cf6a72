"""The state of one authentication server (users, sessions, keys, version, clock), and who asks."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from aiocloudauth.testing import validators
from aiocloudauth.testing.accounts import READING, ApiKeys
from aiocloudauth.testing.log import Stats

if TYPE_CHECKING:
    from aiocloudauth.clock import Clock
    from aiocloudauth.testing.accounts import Accounts, User
    from aiocloudauth.testing.deployments import Deployments
    from aiocloudauth.testing.sessions import IssuedToken, Sessions
    from aiocloudauth.testing.versions import Version

__all__ = ["Identity", "Realm"]


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


@define(eq=False, kw_only=True)
class Realm:
    """What the operations work on."""

    root: str = field(validator=validators.root)
    version: Version
    accounts: Accounts
    sessions: Sessions
    clock: Clock
    clock_skew: float = field(validator=validators.finite)
    refused_code: str | None = field(validator=validators.optional_line)
    basic_refresh: bool
    elevated_paths: tuple[str, ...]
    saml_key: bytes = field(factory=lambda: secrets.token_bytes(32), repr=False)
    keys: ApiKeys = field(factory=ApiKeys)
    deployments: Deployments
    stats: Stats = field(factory=Stats)

    def now(self) -> float:
        """Read the server's own wall clock: seconds since the epoch, skew included."""
        return self.clock.time() + self.clock_skew

    def wants_elevation(self, method: str, path: str) -> bool:
        """Tell whether this version asks for elevated permissions: to write below some paths."""
        return (
            self.version.elevation
            and method not in READING
            and any(path == area or path.startswith(area + "/") for area in self.elevated_paths)
        )

    def identify(self, header: str | None) -> Identity:
        """Find out who sent an `Authorization` header, and whether they may pass."""
        scheme, _, value = (header or "").partition(" ")
        value = value.strip()
        match scheme.lower():
            case "bearer":
                return self._bearer(value)
            case "apikey":
                return self._api_key(value)
            case "basic":
                return self._basic(value)
            case _:
                return _NOBODY

    def _bearer(self, value: str) -> Identity:
        token = self.sessions.find(value)
        if token is None:
            return Identity(credential="bearer", refused_with="root.unauthorized")
        user = self.accounts.get(token.user)
        refused = user is None or not token.alive(self.now())
        return Identity(
            credential="bearer",
            name=token.user,
            user=user,
            token=token,
            refused_with="root.unauthorized" if refused else None,
        )

    def _api_key(self, value: str) -> Identity:
        key = self.keys.find(value)
        user = self.accounts.get(key.user) if key and key.alive(self.now()) else None
        if key is None or user is None:
            return Identity(credential="apikey", refused_with="root.unauthenticated")
        return Identity(
            credential="apikey", name=key.user, user=user, key_expires_at=key.expires_at
        )

    def _basic(self, value: str) -> Identity:
        refused = Identity(credential="basic", refused_with="root.unauthenticated")
        try:
            # Not ASCII, not Base64, not UTF-8: each is a ValueError.
            name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return refused
        user = self.accounts.check(name, password) if colon else None
        return Identity(credential="basic", name=name, user=user) if user else refused
