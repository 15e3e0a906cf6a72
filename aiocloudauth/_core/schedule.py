"""PURE: how long a token lives, when it is renewed, and the pauses between attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiocloudauth._core.states import FOREVER, Grant, Held, Record
from aiocloudauth.errors import CloudAuthError, NoAuthenticationClusterError
from aiocloudauth.token import SessionToken

if TYPE_CHECKING:
    from aiocloudauth.policy import RenewalPolicy

__all__ = [
    "LONGEST_PAUSE",
    "backoff",
    "bar",
    "clock_offset",
    "held_of",
    "lifetime",
    "pace",
    "plan",
]


#: The longest pause between two attempts while there is no token, seconds; but for what the
#: server asks for in ``Retry-After``, and for the pace after a 501.
LONGEST_PAUSE: Final = 10.0
#: How often `refused_interval` is doubled at most.
_DOUBLED_BARS: Final = 4


def lifetime(grant: Grant, policy: RenewalPolicy) -> float:
    """Return how long the token lives from its receipt, seconds; 0 or less if it is dead.

    The expiry is an instant of the server's clock, whose offset to this machine's lies
    between ``Date`` minus the receipt and ``Date`` plus a second minus the sending, since
    ``Date`` has a resolution of one second. Where that holds 0 this machine's clock stands.
    Else one of the two is wrong, and which one cannot be known: a proxy may have written
    the ``Date``. So the token has two lives, and the shorter one counts that leaves time for
    a renewal; if neither does, the longer.

    Source: RFC 9110 section 6.6.1.
    """
    if grant.static:
        return FOREVER
    if grant.life is not None:
        return grant.life
    if grant.expires_at is None:
        return policy.assumed_lifetime
    ours = grant.expires_at.timestamp() - grant.received_wall
    if grant.server_wall is None:
        return ours
    low = grant.server_wall - grant.received_wall
    high = grant.server_wall + 1.0 - grant.sent_wall
    if low <= 0.0 <= high:
        return ours
    lives = (ours, ours - high)
    usable = [life for life in lives if life > 2.0 * policy.min_interval]
    return min(usable) if usable else max(lives)


def clock_offset(grant: Grant) -> float | None:
    """Return the seconds by which ``Date`` is ahead of this machine's clock.

    To within half a second and half the time that the exchange took; ``None`` if there is none.
    """
    if grant.server_wall is None:
        return None
    return grant.server_wall + 0.5 - (grant.sent_wall + grant.received_wall) / 2.0


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


def backoff(
    record: Record, error: CloudAuthError, policy: RenewalPolicy, draw: float, *, good: bool
) -> float:
    """Return the seconds to the next attempt after `error`, which `record` counts already.

    `good`: a token may be sent meanwhile; else no pause is longer than `LONGEST_PAUSE`.
    """
    if isinstance(error, NoAuthenticationClusterError):
        return max(policy.permanent_interval, policy.min_interval)
    asked = getattr(error, "retry_after", None) or 0.0
    asked = min(asked, policy.permanent_interval)
    bound = _doubled(policy, record.failures - 1)
    if not good:
        bound = min(bound, max(LONGEST_PAUSE - policy.min_interval, 0.0))
    return max(asked, policy.min_interval + draw * bound)


def pace(record: Record, policy: RenewalPolicy, draw: float) -> float:
    """Return when an attempt may start that a refusal of the token in hand calls for.

    Not the first of them: each one that `record` counts doubles the pause.
    """
    pause = policy.min_interval + _doubled(policy, record.calls) * (1.0 + 0.2 * draw)
    return max(record.started_at, record.asked_at) + pause


def bar(bars: int, policy: RenewalPolicy) -> float:
    """Return for how long refused credentials are not sent again, after `bars` refusals before."""
    if policy.refused_interval is None:
        return FOREVER
    return policy.refused_interval * 2.0 ** min(bars, _DOUBLED_BARS)


def _doubled(policy: RenewalPolicy, times: int) -> float:
    exponent = min(max(times, 0), 64)  # far past any bound, and still a float
    return min(policy.backoff_max, policy.backoff * 2.0**exponent)
