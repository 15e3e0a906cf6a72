"""One attempt at a token: which calls it makes, and within which time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from attrs import evolve

from aiocloudauth._core.lifecycle import refused
from aiocloudauth._core.schedule import lifetime
from aiocloudauth._core.states import Refresh
from aiocloudauth._runtime.journal import log
from aiocloudauth._wire.schema import jwt_expiry
from aiocloudauth.credentials import Bearer
from aiocloudauth.errors import CloudAuthError, RenewalTimeoutError
from aiocloudauth.token import SessionToken

if TYPE_CHECKING:
    from aiocloudauth._core.states import Ask, Grant, Login
    from aiocloudauth._http.exchange import Asked, AuthExchange
    from aiocloudauth.clock import Clock
    from aiocloudauth.credentials import Credentials
    from aiocloudauth.policy import RenewalPolicy

__all__ = ["Attempts"]


class Attempts:
    """Makes the attempts of one refresher, and remembers which secret was refused."""

    __slots__ = (
        "_clock",
        "_exchange",
        "_host",
        "_policy",
        "_refused_with",
        "awaited",
        "credentials",
    )

    def __init__(
        self,
        credentials: Credentials,
        exchange: AuthExchange,
        *,
        clock: Clock,
        policy: RenewalPolicy,
        host: str,
    ) -> None:
        """Use `exchange`, which the caller opens and closes; messages name `host`."""
        self.credentials = credentials
        self._exchange = exchange
        self._host = host
        self._clock = clock
        self._policy = policy
        self._refused_with: Credentials | None = None
        #: Whom an attempt waits for that is none of the API's.
        self.awaited = ""

    async def make(self, effect: Login | Refresh, trial: Credentials | None) -> Grant:
        """Carry out `effect`, a login with `trial` if there is one.

        Raises:
            CloudAuthError: It failed.
        """
        if isinstance(effect, Refresh):
            grant = await self._bounded(effect.timeout, "_refresh", effect.token)
        else:
            grant = await self._login(effect, trial)
        if grant.expires_at is None and not grant.static:
            grant = await self._with_expiry(grant, effect.timeout)
        return grant

    async def ask(self, effect: Ask) -> bool | None:
        """Return whether the token is good; `None` if that could not be learned."""
        try:
            async with self._clock.timeout(effect.timeout):
                await self._exchange.ask(effect.token)
        except (CloudAuthError, TimeoutError) as error:
            message = "asked whether a refused token is good, it gave no yes: %s"
            log(logging.DEBUG, message, error, host=self._host)
            return False if isinstance(error, CloudAuthError) and refused(error, 401) else None
        log(logging.DEBUG, "GET /users/auth says that a refused token is good", host=self._host)
        return True

    async def log_out(self, token: SessionToken, within: float) -> None:
        """End the server's session; a failure, or `within` seconds without one, is logged."""
        try:
            async with self._clock.timeout(within):
                await self._exchange.logout(token)
        except (CloudAuthError, TimeoutError) as error:
            why = str(error) or f"{self._host} gave no answer within {within:g} s"
            message = "the token is forgotten here, but _logout failed: %s"
            log(logging.WARNING, message, why, host=self._host)

    async def _login(self, effect: Login, trial: Credentials | None) -> Grant:
        credentials = await self._resolved(trial or self.credentials)
        if effect.refusal is not None and credentials == self._refused_with:
            raise effect.refusal  # asked anew, but the value is the same
        try:
            grant = await self._bounded(effect.timeout, "_login", credentials)
        except CloudAuthError as error:
            if trial is None and refused(error, 401, 403):
                self._refused_with = credentials
            raise
        if isinstance(credentials, Bearer):
            grant = await self._looked_up(grant, effect.timeout)
        return grant

    async def _resolved(self, credentials: Credentials) -> Credentials:
        """Ask the callables; a vault may take longer than the API does."""
        limit = self._policy.renewal_timeout
        self.awaited = f"the callable for a value of {type(credentials).__name__}"
        try:
            async with self._clock.timeout(limit) as scope:
                return await credentials.resolve()
        except TimeoutError:
            if not scope.expired():
                raise
            msg = f"{self.awaited} gave nothing within {limit:g} s"
            raise RenewalTimeoutError(msg) from None
        finally:
            self.awaited = ""

    async def _bounded(self, limit: float, call: str, subject: SessionToken | Credentials) -> Grant:
        try:
            async with self._clock.timeout(limit) as scope:
                if isinstance(subject, SessionToken):
                    return await self._exchange.refresh(subject)
                return await self._exchange.login(subject)
        except TimeoutError:
            if not scope.expired():
                raise
            msg = f"{self._host} {call}: no answer within {limit:g} s"
            raise RenewalTimeoutError(msg) from None

    # -- when it ends ---------------------------------------------------------------------

    async def _looked_up(self, grant: Grant, within: float) -> Grant:
        """Ask about a token from elsewhere: the server's clock, and the expiry it came without."""
        asked = await self._asked(grant, within)
        if asked is None:
            return grant
        return evolve(
            grant,
            expires_at=grant.expires_at or jwt_expiry(grant.secret) or asked.expires_at,
            received_at=asked.received_at,
            sent_wall=asked.sent_wall,
            received_wall=asked.received_wall,
            server_wall=asked.server_wall,
        )

    async def _with_expiry(self, grant: Grant, within: float) -> Grant:
        """Find the end of a token whose answer did not name it; else one is assumed."""
        hint = evolve(grant, expires_at=jwt_expiry(grant.secret))
        if hint.expires_at is not None and lifetime(hint, self._policy) > 0:
            return hint
        asked = await self._asked(grant, within)
        if asked is None:
            return grant
        told = evolve(grant, expires_at=asked.expires_at)
        return told if lifetime(told, self._policy) > 0 else grant

    async def _asked(self, grant: Grant, within: float) -> Asked | None:
        token = SessionToken(grant.secret, None, 0, scheme=grant.scheme)
        # A wait of that order would leave nothing of an assumed life.
        limit = min(within, self._policy.assumed_lifetime / 4.0)
        try:
            async with self._clock.timeout(limit):
                return await self._exchange.ask(token)
        except (CloudAuthError, TimeoutError) as error:
            message = "GET /users/auth did not tell when the token ends: %s"
            log(logging.DEBUG, message, error, host=self._host)
            return None
