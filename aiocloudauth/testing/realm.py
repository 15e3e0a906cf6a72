"""The state of one authentication server: users, sessions, keys, version, clock."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from aiocloudauth.testing import checks
from aiocloudauth.testing.accounts import READING
from aiocloudauth.testing.identity import Identity, identify
from aiocloudauth.testing.keys import ApiKeys
from aiocloudauth.testing.records import Stats

if TYPE_CHECKING:
    import re

    from aiocloudauth.clock import Clock
    from aiocloudauth.testing.accounts import Accounts
    from aiocloudauth.testing.answers import Answer
    from aiocloudauth.testing.deployments import Deployments
    from aiocloudauth.testing.sessions import Sessions
    from aiocloudauth.testing.versions import Version

__all__ = ["Realm", "Reply", "instant", "iso"]

_LATEST: Final = datetime.max.replace(tzinfo=UTC)
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


def instant(seconds: float) -> datetime:
    """Turn seconds since the epoch into aware UTC; held at the ends of what a date can say."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return _LATEST if seconds > 0 else _EARLIEST


def iso(seconds: float) -> str:
    """Write an instant the way ECE does: UTC, milliseconds, `Z`."""
    at = instant(seconds)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z".rjust(24, "0")


@frozen
class Reply:
    """An answer that stands in for the echo."""

    path: str = field(validator=checks.path)
    method: str | None = field(validator=checks.optional_line)
    answer: Answer
    pattern: re.Pattern[str] = field(init=False, repr=False)

    @pattern.default
    def _compiled(self) -> re.Pattern[str]:
        return checks.path_pattern(self.path)

    def fits(self, method: str, path: str) -> bool:
        """Tell whether this is the answer to a request."""
        return self.method in (None, method) and self.pattern.fullmatch(path) is not None


@define(eq=False, kw_only=True)
class Realm:
    """What the operations work on."""

    root: str = field(validator=checks.root)
    version: Version
    accounts: Accounts
    sessions: Sessions
    clock: Clock
    clock_skew: float = field(validator=checks.finite)
    refused_code: str | None = field(validator=checks.optional_line)
    basic_refresh: bool
    elevated_paths: tuple[str, ...]
    saml_key: bytes = field(factory=lambda: secrets.token_bytes(32), repr=False)
    keys: ApiKeys = field(factory=ApiKeys)
    deployments: Deployments
    stats: Stats = field(factory=Stats)
    replies: list[Reply] = field(factory=list)

    def now(self) -> float:
        """Read the server's own wall clock: seconds since the epoch, skew included."""
        return self.clock.time() + self.clock_skew

    def reply_to(self, method: str, path: str) -> Answer | None:
        """Find the answer that was set for a request, the latest one first."""
        return next((r.answer for r in self.replies if r.fits(method, path)), None)

    def wants_elevation(self, method: str, path: str) -> bool:
        """Tell whether this version asks for elevated permissions: to write below some paths."""
        return (
            self.version.elevation
            and method not in READING
            and any(path == area or path.startswith(area + "/") for area in self.elevated_paths)
        )

    def identify(self, header: str | None) -> Identity:
        """Find out who sent an `Authorization` header."""
        return identify(
            header,
            self.now(),
            accounts=self.accounts,
            sessions=self.sessions,
            keys=self.keys,
        )
