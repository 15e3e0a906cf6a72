"""PURE: which way leads to a token, when an attempt may start, and when to give up."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, frozen

from aiocloudauth import events
from aiocloudauth.errors import SessionExpiredError
from aiocloudauth.failure import for_request
from aiocloudauth.situations import (
    FOREVER,
    Acquiring,
    Conclude,
    Deny,
    Effect,
    Emit,
    Exchange,
    Flight,
    Held,
    Login,
    Lost,
    Record,
    Refresh,
    Renewing,
    Situation,
    Starved,
    WakeAt,
    Withhold,
)

if TYPE_CHECKING:
    from aiocloudauth.policy import RenewalPolicy
    from aiocloudauth.situations import Abilities

__all__ = ["Step", "Ways"]

Step: TypeAlias = tuple[Situation, tuple[Effect, ...]]


@frozen
class Ways:
    """How attempts are started, for one policy and one kind of credentials."""

    policy: RenewalPolicy
    abilities: Abilities

    @property
    def renewable(self) -> bool:
        """Whether a token can ever be followed by another."""
        return self.abilities.repeatable or self.abilities.refreshable

    def way(self, record: Record, held: Held | None, *, dead: bool) -> Exchange | None:
        """Choose: ``_refresh`` with a live token, else a login, else what is left."""
        barred = record.refused is not None and not self.abilities.rotates
        refresh = self.abilities.refreshable and held is not None and not held.final
        if refresh and not dead:
            return Exchange.REFRESH
        if self.abilities.repeatable and not barred:
            return Exchange.LOGIN
        return Exchange.REFRESH if refresh else None

    def earliest(self, record: Record, at: float) -> float:
        """Put a start off to `min_interval` after the last one."""
        return max(at, record.started_at + self.policy.min_interval)

    def allowance(self, now: float, good: Held | None) -> float:
        """Return what one exchange may take: less than a token in hand has left."""
        if good is None or good.hard_at == FOREVER:
            return self.policy.attempt_timeout
        half = (good.hard_at - now) / 2.0
        return max(min(self.policy.attempt_timeout, half), self.policy.min_interval)

    def start(
        self,
        record: Record,
        now: float,
        by: Exchange,
        *,
        good: Held | None = None,
        spent: Held | None = None,
        before: Situation | None = None,
    ) -> Step:
        """Start an attempt now, with the token in hand `good`, or `spent`."""
        record = evolve(record, started_at=now, number=record.number + 1)
        flight = Flight(record.number, by, now, before)
        timeout = self.allowance(now, good)
        offered = good or spent
        call: Effect = Login(record.number, timeout, trial=before is not None)
        if by is Exchange.REFRESH and offered is not None:
            call = Refresh(record.number, timeout, offered.token)
        if good is None:
            return Acquiring(record, flight, spent), (Withhold(), call, WakeAt(FOREVER))
        return Renewing(record, good, flight), (call, WakeAt(good.hard_at))

    def seek(
        self, record: Record, now: float, spent: Held | None, *, at: float, by: Exchange | None
    ) -> Step:
        """With no usable token: start at `at`, or give up where there is no way."""
        if by is None:
            return self.lose(record, now)
        at = self.earliest(record, at)
        if at <= now:
            return self.start(record, now, by, spent=spent)
        return Starved(record, at, by, spent), (Withhold(), WakeAt(at))

    def lose(self, record: Record, now: float) -> Step:
        """Give up, until the user or a rotated secret leads on."""
        expired = SessionExpiredError("the token has expired or was refused")
        error = for_request(record.refused or record.error or expired)
        at = now + self.policy.permanent_interval if self.abilities.rotates else FOREVER
        told = Emit(events.SessionLost, {"error": error})
        return Lost(record, error, at), (Withhold(), WakeAt(at), Deny(error), Conclude(error), told)
