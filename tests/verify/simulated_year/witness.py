"""The server's side of a simulated year: plays the script, and writes the ledger."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from aiocloudauth.testing import (
    Body,
    ClusterError,
    Dated,
    Effect,
    EmptyReply,
    Fault,
    Html,
    Reset,
    SecurityException,
    Silence,
    Status,
    TooManyRequests,
    Truncated,
)

if TYPE_CHECKING:
    import random

    from aiocloudauth import Clock
    from aiocloudauth.testing.effects import Proceed
    from aiocloudauth.testing.messages import Answer
    from aiocloudauth.testing.realm import Realm
    from tests.verify.simulated_year.ledger import Ledger
    from tests.verify.simulated_year.plan import Plan

#: The share of attempts that fail beside the outages.
FAILING: Final = 0.03

#: What an attempt may meet, whatever else is well. Some end after the work was done: the new
#: token is lost, and the old one revoked where the server does so.
FAILURES: Final[tuple[Effect, ...]] = (
    ClusterError(),
    Status(503, retry_after=5.0),
    TooManyRequests(retry_after=8.0),
    Html(504, "504 Gateway Time-out"),
    Html(401),
    Body('{"message": "Forbidden"}', 403),
    Reset(),
    Reset(at=20, after_work=True),
    EmptyReply(after_work=True),
    Silence(),
    Truncated(0.5),
)

#: What the authentication API answers while its cluster is out of order.
OUT_OF_ORDER: Final[tuple[Effect, ...]] = (ClusterError(), Status(503), Html(502))

#: A path through to a deployment, where Elasticsearch refuses every request.
FOREIGN: Final = "/deployments/a/elasticsearch/b/proxy/_search"

_DAY: Final = 86_400.0
#: A refusal in the API's own words.
REFUSED: Final = Status(401, "root.unauthorized")
#: Good tokens are refused in so many ways: while they are new, by another server, by a bad node.
_KINDS: Final = 3
#: Seconds for which a new token is refused, and the share of good ones that a bad node refuses.
_LAG: Final = 0.4
_BAD_NODE: Final = 25
#: So far ahead is the ``Date`` of the proxy that stands in front every other week, seconds. What
#: it makes of a token's life is less than the true one, however wrong the client's clock is too.
_DATE_AHEAD: Final = 300.0
_PROXY: Final = 7 * _DAY

#: Seconds after which the server changes its mind about what `_refresh` does to the old token.
_REVOKING: Final = 7 * 86_400.0


class Witness:
    """Stands in front of ``_login`` and ``_refresh``."""

    def __init__(self, plan: Plan, ledger: Ledger, rng: random.Random, wall: Clock) -> None:
        """Play `plan`; `wall`: the client machine's clock."""
        self._wall = wall
        self._plan = plan
        self._ledger = ledger
        self._rng = rng
        self._spare = False
        #: Attempts that the script let fail outside of outages.
        self.failed = 0

    def faults(self) -> tuple[Fault, ...]:
        """Return what a `CloudServer` is scripted with."""
        lag = _Doubtful(self, 0, REFUSED)
        return (
            Fault("/users/auth/_login", _Watched(self, login=True), optional=True),
            Fault("/users/auth/_refresh", _Watched(self, login=False), optional=True),
            Fault("/deployments", lag, credential="bearer", younger=_LAG, optional=True),
            Fault("/users/auth", lag, credential="bearer", younger=_LAG, optional=True),
            Fault(FOREIGN, _Doubtful(self, 1, SecurityException()), optional=True),
            Fault("/deployments", _Doubtful(self, 2, REFUSED), every=_BAD_NODE, optional=True),
        )

    def doubts(self, at: float, kind: int) -> bool:
        """Tell whether answers may refuse good tokens at `at`, in one of three ways.

        In turn, a day each. Not while tokens really die early: a request that is refused for two
        reasons in a row is lost, since it is sent again once.
        """
        if self.revokes(at) or int(at / _DAY) % _KINDS != kind:
            return False
        return all(abs(r.at - at) > _DAY for r in self._plan.rotations if r.ends_sessions)

    @staticmethod
    def revokes(at: float) -> bool:
        """Tell whether `_refresh` kills the token that it is sent."""
        return int(at / _REVOKING) % 2 == 0

    async def watch(self, realm: Realm, proceed: Proceed, *, login: bool) -> Answer:
        """Play the script for one call, and note what came of it."""
        at = realm.clock.monotonic()
        realm.sessions.policy.revoke_on_refresh = self.revokes(at)
        self._ledger.attempted(at, login=login)
        effect = self._effect(at)

        async def noted(*, work: bool = True) -> Answer:
            answer = await proceed(work=work)
            if work and answer.status == 200:
                if not login and realm.sessions.policy.revoke_on_refresh:
                    self._ledger.revoked(at)
                if effect is None:
                    self._deliver(realm, answer, at)
            return answer

        answer = await (noted() if effect is None else effect.apply(realm, noted))
        proxys = isinstance(effect, Html | Body)
        if answer.status == 401 and answer.delivery is None and not proxys and not login:
            self._ledger.refused_refresh()
        if answer.delivery is not None:
            self._ledger.cut_off(at)
        if self._date_ahead(at):

            async def made(*, work: bool = True) -> Answer:
                return answer

            return await Dated(_DATE_AHEAD).apply(realm, made)
        return answer

    @staticmethod
    def _date_ahead(at: float) -> float:
        return _DATE_AHEAD if int(at / _PROXY) % 2 else 0.0

    def _effect(self, at: float) -> Effect | None:
        if self._plan.is_out(at):
            return self._rng.choice(OUT_OF_ORDER)
        # Never twice in a row: how long a client can be kept from a token stays known.
        if not self._spare and self._rng.random() < FAILING:
            self._spare = True
            self.failed += 1
            return self._rng.choice(FAILURES)
        self._spare = False
        return None

    def _deliver(self, realm: Realm, answer: Answer, at: float) -> None:
        document = json.loads(answer.body)
        expires_at = datetime.fromisoformat(document["session_expiration_time"]).timestamp()
        # By the answer's `Date`, and by the client's clock: where they differ nobody there can know
        # which of the two is right, and has to go by the shorter life that leaves time to renew.
        date = realm.now() + self._date_ahead(at)
        lives = (expires_at - date, expires_at - self._wall.time())
        usable = [life for life in lives if life > 2.0 * self._ledger.policy.min_interval]
        self._ledger.delivered(at, min(usable, default=max(lives)))


class _Doubtful(Effect):
    name: ClassVar[str] = "doubtful"

    def __init__(self, witness: Witness, kind: int, effect: Effect) -> None:
        self._witness = witness
        self._kind = kind
        self._effect = effect

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        if self._witness.doubts(realm.clock.monotonic(), self._kind):
            return await self._effect.apply(realm, proceed)
        return await proceed()


class _Watched(Effect):
    name: ClassVar[str] = "watched"

    def __init__(self, witness: Witness, *, login: bool) -> None:
        self._witness = witness
        self._login = login

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        return await self._witness.watch(realm, proceed, login=self._login)
