"""Who may sign in: users, what their roles let them do, and their API keys."""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["READING", "ROLES", "Accounts", "ApiKeyRecord", "ApiKeys", "User"]

#: Methods that change nothing.
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

#: What the deployment roles do not reach.
_ADMINISTRATION: Final = ("/platform", "/users")

#: The platform roles that ECE is shipped with.
ROLES: Final = frozenset(
    {
        "ece_platform_admin",
        "ece_platform_viewer",
        "ece_deployment_manager",
        "ece_deployment_viewer",
    }
)


def _roles(given: Iterable[str]) -> tuple[str, ...]:
    roles = (given,) if isinstance(given, str) else tuple(given)
    if unknown := sorted(set(roles) - ROLES):
        message = f"unknown role {unknown[0]!r}; known are {', '.join(sorted(ROLES))}"
        raise ConfigurationError(message)
    return roles


@frozen
class User:
    """A user of the server.

    `ece_platform_admin` may do everything, `ece_platform_viewer` may read everything. The
    deployment roles reach nothing below `/platform` and `/users`; elsewhere
    `ece_deployment_manager` may write, and `ece_deployment_viewer` may read. Without a role a
    user may sign in, and see to their own authentication. `elevated` matters up to ECE 3.6.
    """

    password: str = field(repr=False)
    roles: tuple[str, ...] = field(default=("ece_platform_admin",), converter=_roles, kw_only=True)
    elevated: bool = field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse what could never sign in."""
        if not isinstance(self.password, str) or not self.password:
            message = "a user needs a password: a str that is not empty"
            raise ConfigurationError(message)

    def may(self, method: str, path: str) -> bool:
        """Tell whether the user's roles cover an operation; `path` is below the API root."""
        if "ece_platform_admin" in self.roles:
            return True
        reading = method in READING or path.endswith("/_search")
        if "ece_platform_viewer" in self.roles and reading:
            return True
        if path in _ADMINISTRATION or path.startswith(
            tuple(f"{area}/" for area in _ADMINISTRATION)
        ):
            return False
        return "ece_deployment_manager" in self.roles or (
            "ece_deployment_viewer" in self.roles and reading
        )


def _bytes(text: str) -> bytes:
    # JSON can hold half of a surrogate pair, which is no character and still a password.
    return text.encode("utf-8", "surrogatepass")


class Accounts:
    """The server's users by name."""

    def __init__(self, users: Mapping[str, str | User]) -> None:
        self._users: dict[str, User] = {}
        for name, user in users.items():
            self.put(name, user)

    def put(self, name: str, user: str | User) -> None:
        """Add a user, or replace one; a `str` is the password of an administrator."""
        if not isinstance(name, str) or not name or ":" in name:
            message = "a user name is a str that is not empty and holds no colon"
            raise ConfigurationError(message)
        self._users[name] = user if isinstance(user, User) else User(user)

    def remove(self, name: str) -> None:
        """Remove a user; nothing happens if there is none of that name."""
        self._users.pop(name, None)

    def __iter__(self) -> Iterator[tuple[str, User]]:
        return iter(tuple(self._users.items()))

    def get(self, name: str) -> User | None:
        """Look a user up."""
        return self._users.get(name)

    def check(self, name: str, password: str) -> User | None:
        """Return the user if the password is theirs."""
        user = self._users.get(name)
        if user is None or not hmac.compare_digest(_bytes(user.password), _bytes(password)):
            return None
        return user

    def __repr__(self) -> str:
        return f"<Accounts of {', '.join(self._users) or 'nobody'}>"


@define(eq=False)
class ApiKeyRecord:
    """One API key. The key itself is told only at its making."""

    id: str
    user: str
    description: str
    created_at: float
    expires_at: float | None
    role_assignments: object | None
    secret: str = field(repr=False)

    def alive(self, now: float) -> bool:
        """Tell whether the key opens doors at `now`."""
        return self.expires_at is None or now < self.expires_at


class ApiKeys:
    """The API keys of one server."""

    def __init__(self) -> None:
        self._by_id: dict[str, ApiKeyRecord] = {}
        self._by_secret: dict[str, ApiKeyRecord] = {}

    def create(
        self,
        user: str,
        now: float,
        *,
        description: str,
        expires_after: float | None = None,
        role_assignments: object | None = None,
    ) -> ApiKeyRecord:
        """Make a key; `expires_after` in seconds, None for one that never ends."""
        key_id = secrets.token_urlsafe(15)
        secret = base64.b64encode(f"{key_id}:{secrets.token_urlsafe(18)}".encode()).decode()
        expires_at = None if expires_after is None else now + expires_after
        record = ApiKeyRecord(key_id, user, description, now, expires_at, role_assignments, secret)
        self._by_id[key_id] = record
        self._by_secret[secret] = record
        return record

    def find(self, secret: str) -> ApiKeyRecord | None:
        """Look a key up by what a client sends."""
        return self._by_secret.get(secret)

    def get(self, key_id: str, *, user: str | None = None) -> ApiKeyRecord | None:
        """Look a key up by its ID, of anybody or of one user."""
        record = self._by_id.get(key_id)
        return record if record and user in (None, record.user) else None

    def list(self, *, user: str | None = None) -> list[ApiKeyRecord]:
        """List the keys of anybody or of one user, oldest first."""
        return [record for record in self._by_id.values() if user in (None, record.user)]

    def delete(self, key_id: str, *, user: str | None = None) -> bool:
        """Delete a key; False if there is none of that ID (and user)."""
        record = self.get(key_id, user=user)
        if record is None:
            return False
        del self._by_id[record.id], self._by_secret[record.secret]
        return True
