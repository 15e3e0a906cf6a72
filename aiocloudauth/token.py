"""A secret that does not show itself, the snapshot of a token, and how a session stands."""

from __future__ import annotations

import enum
import hmac
import json
import re
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import quote, quote_plus

from attrs import field, frozen

from aiocloudauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

__all__ = ["Secret", "SessionState", "SessionToken"]

#: Longest token or key that is accepted, in characters. Servers refuse header fields
#: far below this; it keeps a hostile answer from being carried on every request.
MAX_TOKEN: Final = 65_536

_TOKEN = re.compile(r"[\x21-\x7e]+")


def token_problem(value: str) -> str | None:
    """Say why `value` cannot stand in an ``Authorization`` header, or ``None``.

    Source: RFC 9110 section 5.5 (field values), RFC 6750 section 2.1.
    """
    if not value:
        return "is empty"
    if len(value) > MAX_TOKEN:
        return f"is longer than {MAX_TOKEN} characters"
    if _TOKEN.fullmatch(value) is None:
        return "has characters other than visible ASCII"
    return None


class Secret:
    """A string that shows itself in no ``repr``, ``str``, format, pickle or ``vars``.

    `reveal` gives the string, of a ``(str, Enum)`` its value. Two secrets are compared in
    constant time.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Hold `value`.

        Raises:
            ConfigurationError: `value` is no ``str``.
        """
        if not isinstance(value, str):
            msg = f"a secret must be a str, not {type(value).__name__}"
            raise ConfigurationError(msg)
        self._value = str.__str__(value)  # formatted, a (str, Enum) would be its name

    def reveal(self) -> str:
        """Return the string itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        ours, theirs = (s.encode("utf-8", "surrogatepass") for s in (self._value, other._value))
        return hmac.compare_digest(ours, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        msg = "a secret cannot be pickled or copied into another process"
        raise TypeError(msg)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self


def spellings(secrets: Iterable[Secret]) -> list[str]:
    """Return the ways in which an answer may quote `secrets`, the longest first.

    As they are, as JSON writes them, and percent-encoded.
    """
    found = set()
    for secret in secrets:
        plain = secret.reveal()
        found |= {plain, quote_plus(plain, errors="replace")}
        found |= {json.dumps(plain, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
        found |= {quote(plain, safe=safe, errors="replace") for safe in ("", "/")}
    return sorted(found, key=len, reverse=True)


@frozen
class SessionToken:
    """A token as it was when it was read: token, expiry and generation of one answer.

    Attributes:
        token: The bearer token or API key.
        session_expiration_time: The server's instant of expiry, aware UTC; ``None`` if
            it named none.
        generation: 1 for the first token of a session, one more for each later one.
        scheme: The ``Authorization`` scheme it is sent with.
        authorization: The whole value of that header.
    """

    token: Secret
    session_expiration_time: datetime | None
    generation: int
    scheme: str = field(default="Bearer", kw_only=True)
    # Built once, since every request needs it.
    authorization: Secret = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        header = Secret(f"{self.scheme} {self.token.reveal()}")
        object.__setattr__(self, "authorization", header)


class SessionState(enum.Enum):
    """How a session stands, for people and dashboards.

    `NEW`: no token yet. `ACTIVE`: a good one. `RENEWING`: a good one, and a renewal under way.
    `DEGRADED`: a good one, and renewal fails. `EXPIRED`: none may be sent now. `LOGGED_OUT`:
    after `logout`. `CLOSED`: after `close`.
    """

    NEW = "new"
    ACTIVE = "active"
    RENEWING = "renewing"
    DEGRADED = "degraded"
    EXPIRED = "expired"
    LOGGED_OUT = "logged_out"
    CLOSED = "closed"
