"""Logins and the tokens issued for them. No HTTP, no clock: every call is told the time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Literal

from attrs import define, field, frozen

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import validators

if TYPE_CHECKING:
    from collections.abc import Callable

    TokenFormat = Literal["jwt", "opaque"] | Callable[[int], str]

__all__ = ["IssuedToken", "Session", "SessionPolicy", "Sessions"]

#: How many tokens are remembered after they died, so that the log can name them.
_REMEMBERED: Final = 10_000


@define(eq=False)
class Session:
    """What one login started."""

    user: str
    started_at: float
    cookie: str = field(repr=False)
    ended: bool = False


@define(eq=False)
class IssuedToken:
    """A token, from issue to expiry or revocation."""

    secret: str = field(repr=False)
    generation: int
    session: Session
    issued_at: float
    expires_at: float
    revoked: bool = False

    @property
    def user(self) -> str:
        """Whose token it is."""
        return self.session.user

    def alive(self, now: float) -> bool:
        """Tell whether the token opens doors at `now`."""
        return now < self.expires_at and not self.revoked and not self.session.ended


@define(eq=False, kw_only=True)
class SessionPolicy:
    """How long tokens live and what renewal does to the old one. Durations in seconds."""

    token_lifetime: float = field(validator=validators.duration)
    max_session: float | None = field(validator=validators.optional_duration)
    at_max_session: Literal["refuse", "stop"] = field(
        validator=validators.check("'refuse' or 'stop'", lambda value: value in ("refuse", "stop"))
    )
    revoke_on_refresh: bool = field(converter=bool)
    tokens: TokenFormat = field(
        validator=validators.check(
            "'jwt', 'opaque' or a function",
            lambda value: callable(value) or value in ("jwt", "opaque"),
        )
    )


@frozen
class _Signer:
    key: bytes = field(factory=lambda: secrets.token_bytes(32), repr=False)

    def digest(self, text: str) -> str:
        mac = hmac.new(self.key, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    def jwt(self, claims: dict[str, object]) -> str:
        head, body = (
            base64.urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode())
            .rstrip(b"=")
            .decode()
            for part in ({"alg": "HS256", "typ": "JWT"}, claims)
        )
        return f"{head}.{body}.{self.digest(f'{head}.{body}')}"


class Sessions:
    """Every session and token of one server."""

    def __init__(self, policy: SessionPolicy) -> None:
        self.policy = policy
        self._signer = _Signer()
        self._tokens: OrderedDict[str, IssuedToken] = OrderedDict()
        self._issued = 0

    @property
    def issued(self) -> int:
        """How many tokens were issued; the generation of the latest."""
        return self._issued

    def login(self, user: str, now: float) -> IssuedToken:
        """Start a session and issue its first token."""
        return self._issue(Session(user, now, secrets.token_hex(16)), now)

    def renew(self, token: IssuedToken, now: float) -> IssuedToken | None:
        """Issue the next token of the session; None once the session's cap is reached."""
        policy = self.policy
        capped = policy.max_session is not None and (
            now >= token.session.started_at + policy.max_session
        )
        if capped and policy.at_max_session == "refuse":
            return None
        if policy.revoke_on_refresh:
            token.revoked = True
        return self._issue(token.session, now)

    def find(self, secret: str) -> IssuedToken | None:
        """Look a token up, dead ones included."""
        return self._tokens.get(secret)

    def find_by_cookie(self, cookie: str) -> Session | None:
        """Look up the session that a cookie names."""
        for token in self._tokens.values():
            if token.session.cookie == cookie:
                return token.session
        return None

    def revoke_all(self, now: float) -> int:
        """Make every token issued so far invalid; return how many were alive."""
        alive = [token for token in self._tokens.values() if token.alive(now)]
        for token in alive:
            token.revoked = True
        return len(alive)

    def revoke(self, secret: str, now: float) -> bool:
        """Make one token invalid; tell whether it was alive."""
        token = self._tokens.get(secret)
        if token is None or not token.alive(now):
            return False
        token.revoked = True
        return True

    def _issue(self, session: Session, now: float) -> IssuedToken:
        policy = self.policy
        self._issued += 1
        expires_at = now + policy.token_lifetime
        if policy.max_session is not None and policy.at_max_session == "stop":
            expires_at = min(expires_at, session.started_at + policy.max_session)
        token = IssuedToken(
            self._secret(session.user, now, expires_at), self._issued, session, now, expires_at
        )
        self._tokens.pop(token.secret, None)
        self._tokens[token.secret] = token
        while len(self._tokens) > _REMEMBERED:
            oldest = next(iter(self._tokens.values()))
            if oldest.alive(now):
                break
            self._tokens.popitem(last=False)
        return token

    def _secret(self, user: str, now: float, expires_at: float) -> str:
        tokens = self.policy.tokens
        if callable(tokens):
            made = tokens(self._issued)
            if not isinstance(made, str) or not made:
                message = "tokens() has to return a non-empty str"
                raise ConfigurationError(message)
            return made
        if tokens == "opaque":
            return self._signer.digest(str(self._issued))
        return self._signer.jwt(
            {
                "sub": user,
                "iat": math.floor(now),
                "exp": math.floor(expires_at),
                "jti": str(self._issued),
            }
        )
