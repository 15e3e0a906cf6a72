"""Drives the pure lifecycle by hand: for tests of its rows, numbers and tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from aiocloudauth._core.lifecycle import Machine
from aiocloudauth._core.states import (
    FOREVER,
    Abilities,
    Effect,
    Emit,
    Exchange,
    Failed,
    Grant,
    Granted,
    Input,
    Login,
    New,
    Opened,
    Record,
    Refresh,
    Rejected,
    State,
    Unconfirmed,
    WakeAt,
    Woken,
)
from aiocloudauth.errors import (
    AuthenticationClusterError,
    GatewayError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    RateLimitedError,
    RenewalTimeoutError,
    ServerError,
    TransportError,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth.policy import RenewalPolicy
from aiocloudauth.token import Secret, SessionState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiocloudauth import events
    from aiocloudauth.errors import CloudAuthError

T = TypeVar("T")
Effects = tuple[Effect, ...]

#: What the wall clock shows when `LifecycleDriver.now` is 0.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
REFUSED = UnauthenticatedError("refused", status=401)
EXPIRED = UnauthorizedError("expired", status=401)
NO_CLUSTER = NoAuthenticationClusterError("none", status=501)
TRANSIENT = [
    TransportError("reset"),
    RenewalTimeoutError("late"),
    RateLimitedError("slow down", status=429),
    ServerError("broken", status=500),
    AuthenticationClusterError("down", status=502),
    GatewayError("<html>", status=503),
    GatewayError("<html>", status=401),
    InvalidResponseError("malformed"),
]


def of(kind: type[T], effects: Iterable[Effect]) -> list[T]:
    """Return the effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]


def told(effects: Iterable[Effect]) -> list[type[events.Event]]:
    """Return what subscribers are told of."""
    return [effect.kind for effect in of(Emit, effects)]


def calls(effects: Iterable[Effect]) -> list[Login | Refresh]:
    """Return the calls for a token."""
    return [effect for effect in effects if isinstance(effect, Login | Refresh)]


@define
class LifecycleDriver:
    """One machine, fed by hand; it keeps what the effects say."""

    machine: Machine
    state: State = field(factory=lambda: New(Record()))
    now: float = 0.0
    wake_at: float = FOREVER

    def feed(self, kind: type[Input], *details: Any, after: float = 0.0, **more: Any) -> Effects:
        """Let time pass, feed an input, and return the effects."""
        self.now += after
        self.state, effects = self.machine.step(self.state, kind(self.now, *details, **more))
        for wake in of(WakeAt, effects):
            self.wake_at = wake.at
        return effects

    def grant(self, life: float | None, *, after: float = 0.0, draw: float = 0.0) -> Effects:
        """Bring the flight a token that lives so long; `None` names no end."""
        self.now += after
        end = None if life is None else EPOCH + timedelta(seconds=self.now + life)
        return self.bring(end, draw=draw)

    def bring(
        self,
        expires_at: datetime | None,
        *,
        draw: float = 0.0,
        static: bool = False,
        by: Exchange | None = None,
        abilities: Abilities | None = None,
    ) -> Effects:
        """Bring the flight a token with this end; a static one has none."""
        wall = EPOCH.timestamp() + self.now
        grant = Grant(
            secret=Secret("token"),
            scheme="ApiKey" if static else "Bearer",
            expires_at=expires_at,
            received_at=self.now,
            sent_wall=wall,
            received_wall=wall,
            static=static,
            by=by,
        )
        return self.feed(Granted, self.state.record.number, grant, draw, abilities)

    def fail(self, error: CloudAuthError, *, after: float = 0.0, draw: float = 0.0) -> Effects:
        """Let the flight fail."""
        return self.feed(Failed, self.state.record.number, error, draw, after=after)

    def revoke(self, *, after: float = 0.0) -> Effects:
        """Let a request be refused, and the API say that the token is dead."""
        generation = self.state.record.generation
        first = self.feed(Rejected, generation, coded=True, draw=0.0, after=after)
        number = self.state.record.number
        return (*first, *self.feed(Unconfirmed, number, dead=True))

    def wake(self) -> Effects:
        """Wait for the timer, which goes off once."""
        at, self.wake_at = self.wake_at, FOREVER
        assert at < FOREVER
        self.now = max(self.now, at)
        return self.feed(Woken)

    @property
    def shown(self) -> SessionState:
        """What people are shown."""
        return self.state.shown


def lifecycle(policy: RenewalPolicy | None = None, **abilities: bool) -> LifecycleDriver:
    """Return a new machine; with a password unless told otherwise."""
    return LifecycleDriver(Machine(policy or RenewalPolicy(), Abilities(**abilities)))


def active(life: float | None = 1200.0, **options: Any) -> LifecycleDriver:
    """Return a machine that holds a token since 0."""
    made = lifecycle(**options)
    made.feed(Opened)
    made.grant(life)
    return made


def lost_with_a_callable() -> LifecycleDriver:
    """Return a machine whose callable gave a password that was refused at 0."""
    run = lifecycle(rotates=True)
    run.feed(Opened)
    run.fail(REFUSED)
    return run
