"""PURE: how long a token lives, when it is renewed, and the delay after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocloudauth._core.states import FOREVER, Grant, Held, Record
from aiocloudauth.errors import CloudAuthError, NoAuthenticationClusterError
from aiocloudauth.token import SessionToken

if TYPE_CHECKING:
    from aiocloudauth.policy import RenewalPolicy

__all__ = ["backoff", "held_of", "lifetime", "plan", "skew"]


def skew(grant: Grant) -> float:
    """Return the server's clock minus this machine's, seconds, to be subtracted.

    ``Date`` has a resolution of one second, so the offset lies between ``Date`` minus
    the receipt and ``Date`` plus a second minus the sending. Where that holds 0 this
    machine's clock stands; else the upper end is used, so that tokens die sooner.

    Source: RFC 9110 section 6.6.1.
    """
    if grant.server_wall is None:
        return 0.0
    low = grant.server_wall - grant.received_wall
    high = grant.server_wall + 1.0 - grant.sent_wall
    return 0.0 if low <= 0.0 <= high else high


def lifetime(grant: Grant, policy: RenewalPolicy) -> float:
    """Return how long the token lives from its receipt, seconds; 0 or less if it is dead."""
    if grant.static:
        return FOREVER
    if grant.expires_at is None:
        return policy.assumed_lifetime
    return grant.expires_at.timestamp() - skew(grant) - grant.received_wall


def plan(life: float, policy: RenewalPolicy, draw: float) -> tuple[float, float]:
    """Return when to renew and when to stop sending, in seconds after the issue.

    The first never lies before the issue, nor the second before the first, however
    short the life.
    """
    if life == FOREVER:
        return FOREVER, FOREVER
    window = min(policy.margin, policy.margin_fraction * life, 0.9 * life / (1.0 + policy.jitter))
    hard = min(policy.hard_margin, policy.hard_margin_fraction * life, window / 2.0)
    return life - window * (1.0 + policy.jitter * draw), life - hard


def held_of(grant: Grant, generation: int, policy: RenewalPolicy, draw: float) -> Held:
    """Return the token of `grant` with its times."""
    life = lifetime(grant, policy)
    renew_after, hard_after = plan(life, policy, draw)
    token = SessionToken(grant.secret, grant.expires_at, generation, scheme=grant.scheme)
    issued = grant.received_at
    return Held(token, issued + life, issued + renew_after, issued + hard_after)


def backoff(record: Record, error: CloudAuthError, policy: RenewalPolicy, draw: float) -> float:
    """Return the seconds to the next attempt after `error`, which `record` counts already."""
    asked = getattr(error, "retry_after", None) or 0.0
    asked = min(asked, policy.permanent_interval)
    if isinstance(error, NoAuthenticationClusterError):
        return max(asked, policy.permanent_interval, policy.min_interval)
    exponent = min(max(record.failures - 1, 0), 64)  # far past any bound, and still a float
    bound = min(policy.backoff_max, policy.backoff * 2.0**exponent)
    return max(asked, policy.min_interval + draw * bound)
