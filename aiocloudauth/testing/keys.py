"""API keys: made, listed and taken back. Every call is told the time."""

from __future__ import annotations

import base64
import secrets

from attrs import define, field

__all__ = ["ApiKeyRecord", "ApiKeys"]


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
