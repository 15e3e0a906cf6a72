"""One attempt at a token: which calls it makes, and within which time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from attrs import evolve

from aiocloudauth._core.lifecycle import refused
from aiocloudauth._core.schedule import lifetime
from aiocloudauth._core.states import Refresh
from aiocloudauth._runtime.subscribers import log
from aiocloudauth._runtime.waiters import again
from aiocloudauth._wire.schema import jwt_expiry
from aiocloudauth.errors import CloudAuthError, RenewalTimeoutError

if TYPE_CHECKING:
    from aiocloudauth._core.states import Grant, Login
    from aiocloudauth._http.exchange import AuthExchange
    from aiocloudauth.clock import Clock
    from aiocloudauth.credentials import Credentials
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.token import SessionToken

__all__ = ["Attempts"]


class Attempts:
    """Makes the attempts of one refresher, and remembers which secret was refused."""

    __slots__ = ("_clock", "_exchange", "_policy", "_refused_with", "credentials")

    def __init__(
        self, credentials: Credentials, exchange: AuthExchange, clock: Clock, policy: RenewalPolicy
    ) -> None:
        """Use `exchange`, which the caller opens and closes."""
        self.credentials = credentials
        self._exchange = exchange
        self._clock = clock
        self._policy = policy
        self._refused_with: Credentials | None = None

    async def make(
        self, effect: Login | Refresh, trial: Credentials | None, refusal: CloudAuthError | None
    ) -> Grant:
        """Carry out `effect`, a login with `trial` if there is one.

        Args:
            effect: The call and its time.
            trial: Credentials that are not adopted yet.
            refusal: Bars credentials that are still the ones it was about.

        Raises:
            CloudAuthError: It failed.
        """
        try:
            async with self._clock.timeout(effect.timeout) as scope:
                if isinstance(effect, Refresh):
                    grant = await self._exchange.refresh(effect.token)
                elif trial is not None:
                    grant = await self._exchange.login(await trial.resolve())
                else:
                    grant = await self._login(refusal)
        except TimeoutError:
            if not scope.expired():
                raise
            raise RenewalTimeoutError(f"no answer within {effect.timeout:g} s") from None
        if grant.expires_at is None and not grant.static:
            grant = await self._with_expiry(grant, effect.timeout)
        return grant

    async def log_out(self, token: SessionToken, within: float) -> None:
        """End the server's session; a failure, or `within` seconds without one, is logged."""
        try:
            async with self._clock.timeout(within):
                await self._exchange.logout(token)
        except (CloudAuthError, TimeoutError) as error:
            log(logging.WARNING, "the token is forgotten here, but _logout failed: %s", error)

    async def _login(self, refusal: CloudAuthError | None) -> Grant:
        credentials = await self.credentials.resolve()
        if refusal is not None and credentials == self._refused_with:
            raise again(refusal)  # asked anew, but the value is the same
        try:
            return await self._exchange.login(credentials)
        except CloudAuthError as error:
            if refused(error, 401, 403):
                self._refused_with = credentials
            raise

    async def _with_expiry(self, grant: Grant, within: float) -> Grant:
        """Find the end of a token whose answer did not name it; else one is assumed."""
        hint = evolve(grant, expires_at=jwt_expiry(grant.secret))
        if hint.expires_at is not None and lifetime(hint, self._policy) > 0:
            return hint
        try:
            # A wait of that order would leave nothing of an assumed life.
            limit = min(within, self._policy.assumed_lifetime / 4.0)
            async with self._clock.timeout(limit):
                told = evolve(grant, expires_at=await self._exchange.expires_at(grant))
        except (CloudAuthError, TimeoutError) as error:
            log(logging.DEBUG, "GET /users/auth did not tell when the token ends: %s", error)
            return grant
        return told if lifetime(told, self._policy) > 0 else grant
