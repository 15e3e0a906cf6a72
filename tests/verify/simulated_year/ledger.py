"""What the server knows: when a token was valid, and when none could be.

Nothing here comes from the client. A failed request is excused only if the script made it
impossible to have a token, for any client that keeps to the renewal policy.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Final

from attrs import define, field

from tests.verify.simulated_year.plan import Interval

if TYPE_CHECKING:
    from aiocloudauth import RenewalPolicy
    from tests.verify.simulated_year.plan import Plan

#: Tokens that are kept: more than are issued while one request waits.
_KEPT: Final = 32

#: A client knows the server's clock from ``Date``, which has no fractions of a second, and has
#: to take the end of that second by which a token dies sooner.
_DATE: Final = 1.0


@define(eq=False)
class _Delivered:
    """A token whose answer reached the client; seconds of true time."""

    at: float
    #: From here on the policy demands that it is being renewed.
    due: float
    #: From here on the policy forbids to send it.
    last_use: float

    def revoked(self, at: float) -> None:
        """Nobody could know before, and nothing is left of it."""
        self.due = min(self.due, at)
        self.last_use = min(self.last_use, at)


@define(eq=False)
class Ledger:
    """Tokens and attempts as the server sees them."""

    policy: RenewalPolicy
    plan: Plan
    closest: float = math.inf
    attempts: int = 0
    #: Those of the script's intervals in which no valid token could exist for a while.
    windows: list[Interval] = field(factory=list, init=False)
    barred: tuple[Interval, ...] = field(default=(), init=False)
    _tokens: deque[_Delivered] = field(factory=lambda: deque(maxlen=_KEPT), init=False)
    _last_attempt: float = field(default=-math.inf, init=False)
    _refused_refresh: bool = field(default=False, init=False)
    _cut_off: float | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Work out from the script alone when no attempt can succeed."""
        outages = list(self.plan.outages)
        # After a refusal the next attempt may come as soon as `min_interval` has passed; so
        # much later than the vault a client may find out.
        gaps = [
            Interval(r.at, r.at + r.lag + self.policy.min_interval)
            for r in self.plan.rotations
            if r.ends_sessions
        ]
        self.barred = tuple(sorted(outages + gaps))

    # -- tokens ---------------------------------------------------------------------------

    def delivered(self, at: float, life: float) -> None:
        """Note a token that the client was given at `at` and that lives for `life` seconds."""
        policy = self.policy
        # The window of the policy, as documented, without the jitter that only adds to it.
        window = min(
            policy.margin, policy.margin_fraction * life, 0.9 * life / (1.0 + policy.jitter)
        )
        hard = min(policy.hard_margin, policy.hard_margin_fraction * life, window / 2.0)
        self._tokens.append(_Delivered(at, at + life - window, at + life - hard - _DATE))

    def revoked(self, at: float) -> None:
        """Note that every token so far is dead."""
        for token in self._tokens:
            token.revoked(at)

    # -- failures -------------------------------------------------------------------------

    def excuses(self, at: float) -> bool:
        """Tell whether no valid token could exist for a request that began at `at`.

        There is no grace after the script lets attempts succeed again: who asks from then
        on is made to wait for a token, and gets one.
        """
        index = bisect_right(self.barred, at, key=lambda interval: interval.start) - 1
        if index < 0 or at not in self.barred[index]:
            return False
        window = self.window(self.barred[index])
        return window is not None and at in window

    def window(self, barred: Interval) -> Interval | None:
        """Return when no valid token could exist because of `barred`; `None` if one could.

        It begins when the last token that was delivered before may no longer be sent. It is
        none if that token was overdue already: the renewal that would have carried a client
        further was not made in time, though it could have been. One attempt may have failed
        by the script just then, and the next one come too late.
        """
        tokens = [token for token in self._tokens if token.at < barred.start]
        if not tokens:
            return None
        overdue = barred.start - max(token.due for token in tokens)
        if overdue > self.policy.attempt_timeout + self.policy.min_interval + self.policy.backoff:
            return None
        start = max(barred.start, *(token.last_use for token in tokens))
        return Interval(start, barred.end) if start < barred.end else None

    def passed(self, barred: Interval) -> None:
        """Keep the window of an interval that is over."""
        window = self.window(barred)
        if window is not None:
            self.windows.append(window)

    # -- attempts -------------------------------------------------------------------------

    def attempted(self, at: float, *, login: bool) -> None:
        """Note an arrival at ``_refresh`` or ``_login``.

        A login right after a refused ``_refresh`` belongs to the same attempt; so does a call made
        again at once on another connection, since the one before may have been an old one.
        """
        same = (login and self._refused_refresh) or self._cut_off == at
        self._refused_refresh, self._cut_off = False, None
        if same:
            return
        self.attempts += 1
        self.closest = min(self.closest, at - self._last_attempt)
        self._last_attempt = at

    def cut_off(self, at: float) -> None:
        """Note that the last arrival's connection was ended without an answer."""
        self._cut_off = at

    def refused_refresh(self) -> None:
        """Note that the last arrival was a ``_refresh`` answered 401."""
        self._refused_refresh = True

    def stepped_forward(self) -> None:
        """Note a step of the client's clock: nothing tells it from a suspend of that length."""
        self._last_attempt = -math.inf
