"""One attempt at a token: which calls it makes, and within which time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from attrs import evolve

from aiocloudauth._core.lifecycle import refused
from aiocloudauth._core.schedule import lifetime
from aiocloudauth._core.states import Login, Refresh
from aiocloudauth._runtime.log_records import log
from aiocloudauth._wire.schema import jwt_expiry
from aiocloudauth.credentials import Bearer
from aiocloudauth.errors import CloudAuthError, RenewalTimeoutError
from aiocloudauth.token import SessionToken

if TYPE_CHECKING:
    from aiocloudauth._core.states import Ask, Grant
    from aiocloudauth._http.exchange import Asked, AuthExchange
    from aiocloudauth._runtime.sharing import Sharing
    from aiocloudauth.clock import Clock
    from aiocloudauth.credentials import Credentials
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.token import Secret

__all__ = ["Attempts"]


class Attempts:
    """Makes the attempts of one refresher, and remembers which secret was refused."""

    __slots__ = (
        "_clock",
        "_exchange",
        "_host",
        "_policy",
        "_refused_with",
        "_sharing",
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
        sharing: Sharing | None = None,
    ) -> None:
        """Use `exchange`, which the caller opens and closes; messages name `host`.

        `sharing`: the part in a fleet, if there is one.
        """
        self.credentials = credentials
        self._exchange = exchange
        self._host = host
        self._clock = clock
        self._policy = policy
        self._refused_with: Credentials | None = None
        self._sharing = sharing
        #: Whom an attempt waits for that is none of the API's.
        self.awaited = ""

    async def make(self, effect: Login | Refresh, trial: Credentials | None) -> Grant:
        """Carry out `effect`, a login with `trial` if there is one.

        Raises:
            CloudAuthError: It failed.
        """
        if self._sharing is not None and trial is None:
            return await self._shared(self._sharing, effect)
        if isinstance(effect, Refresh):
            return await self._renewed(effect.token, effect.timeout)
        credentials = await self._resolved(trial or self.credentials)
        self._require_changed(effect, credentials)
        return await self._logged_in(credentials, effect.timeout, trial=trial is not None)

    @property
    def rest(self) -> float:
        """For how long the fleet makes no attempt, after the last one failed, seconds."""
        return 0.0 if self._sharing is None else self._sharing.rest

    async def ask(self, effect: Ask) -> Grant | bool | None:
        """Return whether the token is good; `None` if that could not be learned.

        Or a newer one, if another member of the fleet has it.
        """
        if self._sharing is not None and self._sharing.source is self.credentials:
            grant = await self._sharing.ask(effect)
            if grant is not None:
                return grant
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

    async def leave(self, *, logged_out: bool) -> None:
        """Tell the fleet that the session is over, if it was `logged_out`; give back its lease."""
        if self._sharing is not None:
            if logged_out:
                await self._sharing.log_out(self.credentials)
            await self._sharing.release()

    async def _shared(self, sharing: Sharing, effect: Login | Refresh) -> Grant:
        """Carry out `effect` as one member of a fleet."""
        sharing.rest, source = 0.0, self.credentials
        plain: Credentials | None = None
        if isinstance(effect, Login) or sharing.source is not source:
            plain = await self._resolved(source)
            self._require_changed(effect, plain)
            await sharing.join(source, plain)

        async def call(token: Secret | None) -> Grant:
            if token is not None:
                return await self._renewed(SessionToken(token, None, 0), effect.timeout)
            return await self._logged_in(plain or await self._resolved(source), effect.timeout)

        async def discard(token: Secret) -> None:
            await self.log_out(SessionToken(token, None, 0), effect.timeout)

        return await sharing.make(effect, call, discard)

    def _require_changed(self, effect: Login | Refresh, credentials: Credentials) -> None:
        """Raise the refusal of `credentials` if they were asked anew and are the same."""
        refusal = effect.refusal if isinstance(effect, Login) else None
        if refusal is not None and credentials == self._refused_with:
            raise refusal

    async def _renewed(self, token: SessionToken, limit: float) -> Grant:
        return await self._complete(await self._bounded(limit, "_refresh", token), limit)

    async def _logged_in(
        self, credentials: Credentials, limit: float, *, trial: bool = False
    ) -> Grant:
        try:
            grant = await self._bounded(limit, "_login", credentials)
        except CloudAuthError as error:
            if not trial and refused(error, 401, 403):
                self._refused_with = credentials
            raise
        if isinstance(credentials, Bearer):
            grant = await self._looked_up(grant, limit)
        return await self._complete(grant, limit)

    async def _complete(self, grant: Grant, limit: float) -> Grant:
        if grant.expires_at is None and not grant.static:
            return await self._with_expiry(grant, limit)
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
        token = SessionToken(grant.secret, None, 0)
        # A wait of that order would leave nothing of an assumed life.
        limit = min(within, self._policy.assumed_lifetime / 4.0)
        try:
            async with self._clock.timeout(limit):
                return await self._exchange.ask(token)
        except (CloudAuthError, TimeoutError) as error:
            message = "GET /users/auth did not tell when the token ends: %s"
            log(logging.DEBUG, message, error, host=self._host)
            return None
