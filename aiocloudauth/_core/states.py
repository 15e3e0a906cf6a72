"""PURE: states, inputs, effects, and the table of which input may lead where. No decisions.

Times are seconds on one scale that never goes back; datetimes appear only where they
are passed through.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from attrs import field, frozen

from aiocloudauth.token import SessionState

if TYPE_CHECKING:
    from datetime import datetime

    from aiocloudauth import events
    from aiocloudauth.errors import CloudAuthError
    from aiocloudauth.token import Secret, SessionToken

FOREVER: Final = float("inf")


class Exchange(enum.Enum):
    """What an attempt is at: the question whether a token is good, or a way to a new one.

    `ADOPT` is how a token can come of any of the others: another member of the fleet got it.
    """

    ADOPT = "adopt"
    ASK = "ask"
    LOGIN = "login"
    REFRESH = "refresh"


class Want(enum.Enum):
    """What the user insisted on, which matters where a fleet shares one session."""

    #: Nothing: any good token will do.
    ANY = "any"
    #: `refresh()`: a new one, whoever gets it.
    FRESH = "fresh"
    #: `login()`: a login of one's own.
    LOGIN = "login"


class Verdict(enum.Enum):
    """What becomes of a request whose token was refused."""

    #: The refusal is the caller's answer.
    FINAL = "final"
    #: It is sent again at once.
    AGAIN = "again"
    #: It is sent again when the attempt that the refusal calls for is over.
    WAIT = "wait"


# -- values -------------------------------------------------------------------------------


@frozen(kw_only=True)
class Abilities:
    """What the credentials allow. `repeatable`: another login; `rotates`: asked anew."""

    repeatable: bool = True
    refreshable: bool = True
    rotates: bool = False


@frozen(kw_only=True)
class Grant:
    """A token as the server gave it.

    `received_at` is on the scale of ``now``; `sent_wall` and `received_wall` are this
    machine's wall clock around the exchange, and `server_wall` is the ``Date`` of the
    same answer, all in seconds since the epoch. A static grant never ends. `by`: how it was
    got, where that is not what the attempt set out for. `life`: seconds from `received_at`,
    where that was found out already. `source`: the call that it came from, for messages.
    """

    secret: Secret
    scheme: str
    expires_at: datetime | None
    received_at: float
    sent_wall: float = 0.0
    received_wall: float = 0.0
    server_wall: float | None = None
    static: bool = False
    by: Exchange | None = None
    life: float | None = None
    source: str = "the credentials"


@frozen
class Held:
    """A token, and its times on the scale of ``now``.

    `final`: ``_refresh`` does not prolong it, so only a login leads on. `confirmed`: the API
    said that it is good, of this one or of its predecessor. `dead`: it said that it is not.
    """

    token: SessionToken
    expires_at: float
    renew_at: float
    hard_at: float
    final: bool = False
    confirmed: bool = False
    dead: bool = False


@frozen
class Flight:
    """An attempt under way.

    Attributes:
        number: Names it, so that a late answer is known as such.
        by: What it is at.
        started_at: When it started.
        before: The state to go back to if a login on trial, with credentials that are not
            adopted yet, does not work, or if a token that was asked about is good.
        trial: Whether it is such a login.
        insisted: Whether the user asked for a renewal meanwhile.
        want: What the user insisted on when it started.
    """

    number: int
    by: Exchange
    started_at: float
    before: State | None = None
    trial: bool = False
    insisted: bool = False
    want: Want = Want.ANY


@frozen(kw_only=True)
class Record:
    """What outlives a state.

    Attributes:
        started_at: When the last attempt started.
        number: Attempts so far; names a flight, so that a late answer is known as such.
        generation: The number of the newest token.
        failures: Failed attempts since the last success.
        error: The last failure; ``None`` after a success.
        refused: The refusal of the credentials: no login before `barred_until`, unless
            they change or the user insists.
        barred_until: When they are tried again.
        bars: Refusals of the credentials since the last login that worked.
        asked_at: When a token was last asked about.
        called: Whether the attempt that is under way or planned is one that a refused
            token called for.
        calls: Such attempts since the last renewal that worked and was none.
        want: What the user insists on of the attempt that is planned.
    """

    started_at: float = -FOREVER
    number: int = 0
    generation: int = 0
    failures: int = 0
    error: CloudAuthError | None = None
    refused: CloudAuthError | None = None
    barred_until: float = -FOREVER
    bars: int = 0
    asked_at: float = -FOREVER
    called: bool = False
    calls: int = 0
    want: Want = Want.ANY


# -- states ---------------------------------------------------------------------------


@frozen
class State:
    """The base: every one carries the record.

    One without fields of its own inherits all its methods, which costs less at import.
    """

    record: Record

    @property
    def shown(self) -> SessionState:
        """What people are shown."""
        return SessionState.NEW if self.record.generation == 0 else SessionState.EXPIRED


class New(State):
    """Before `open`, or after one that failed."""

    __slots__ = ()


@frozen
class Active(State):
    """A good token; the next renewal is planned. `ask_at`: when to ask whether it is good."""

    held: Held
    next_at: float
    by: Exchange
    ask_at: float = FOREVER
    shown: ClassVar[SessionState] = SessionState.ACTIVE


@frozen
class Renewing(State):
    """A good token, and a renewal under way."""

    held: Held
    flight: Flight

    @property
    def shown(self) -> SessionState:
        """Degraded from the first failure to the next success."""
        return SessionState.DEGRADED if self.record.failures else SessionState.RENEWING


@frozen
class Degraded(State):
    """A good token; the last renewal failed and the next is planned. `ask_at`: as in `Active`."""

    held: Held
    next_at: float
    by: Exchange
    ask_at: float = FOREVER
    shown: ClassVar[SessionState] = SessionState.DEGRADED


@frozen
class Acquiring(State):
    """No usable token, and a renewal under way. `spent`: the last one, for ``_refresh``."""

    flight: Flight
    spent: Held | None = None


@frozen
class Starved(State):
    """No usable token; the next attempt is planned.

    `before`: the attempt begins by asking about `spent`, and this is the state to go back to
    if that is good.
    """

    next_at: float
    by: Exchange
    spent: Held | None = None
    before: Active | Degraded | None = None


@frozen
class Lost(State):
    """No usable token and nothing to try. `error` is what requests are answered with.

    `next_at`: when a refused login is tried again, or a callable is asked again, for its
    secret may have rotated.
    """

    error: CloudAuthError
    next_at: float = FOREVER


class LoggedOut(State):
    """`logout` was called; a login leads on."""

    __slots__ = ()
    shown: ClassVar[SessionState] = SessionState.LOGGED_OUT


class Closed(State):
    """The end."""

    __slots__ = ()
    shown: ClassVar[SessionState] = SessionState.CLOSED


# -- inputs -------------------------------------------------------------------------------


@frozen
class Input:
    """The base: every one carries the time. Without fields of its own: as a `State`."""

    now: float


class Opened(Input):
    """The owner wants the first token."""

    __slots__ = ()


class OpenGivenUp(Input):
    """The owner no longer waits for the first token."""

    __slots__ = ()


class Woken(Input):
    """The timer went off."""

    __slots__ = ()


class Wanted(Input):
    """A caller found no usable token, and waits."""

    __slots__ = ()


@frozen
class Rejected(Input):
    """The API refused the token of this generation. `coded`: in its own words."""

    generation: int
    coded: bool
    draw: float


class RenewalAsked(Input):
    """The user wants a renewal now."""

    __slots__ = ()


@frozen
class LoginAsked(Input):
    """The user wants a login now. `trial`: with other credentials."""

    trial: bool = False


@frozen
class Granted(Input):
    """Flight `number` brought a token. `abilities`: of the credentials under trial."""

    number: int
    grant: Grant
    draw: float
    abilities: Abilities | None = None


@frozen
class Failed(Input):
    """Flight `number` failed. `rest`: seconds for which the fleet makes no other attempt."""

    number: int
    error: CloudAuthError
    draw: float
    rest: float = 0.0


@frozen
class Confirmed(Input):
    """Flight `number` was told that the token is good."""

    number: int


@frozen
class Unconfirmed(Input):
    """Flight `number` was not told so. `dead`: it was told by the API that it is not."""

    number: int
    dead: bool


class LogoutAsked(Input):
    """The user wants the token forgotten."""

    __slots__ = ()


class CloseAsked(Input):
    """The owner is done."""

    __slots__ = ()


# -- effects ------------------------------------------------------------------------------


@frozen
class Ask:
    """Ask the API whether `token` is good, within `timeout` seconds."""

    number: int
    timeout: float
    token: SessionToken


@frozen
class Login:
    """Log in, within `timeout` seconds.

    `trial`: with the credentials under trial. `refusal`: only if they are not those that it
    was about. `want`: what the user insisted on. `dead`: the token before is of no use.
    """

    number: int
    timeout: float
    trial: bool = False
    refusal: CloudAuthError | None = None
    want: Want = Want.ANY
    dead: bool = False


@frozen
class Refresh:
    """Send `token` to ``_refresh``, within `timeout` seconds. `want`: as in `Login`."""

    number: int
    timeout: float
    token: SessionToken
    want: Want = Want.ANY


@frozen
class Abandon:
    """Drop the flight under way; its answer must not be published."""


@frozen
class WakeAt:
    """Bring `Woken` at this time; takes the place of the one before."""

    at: float


@frozen
class Serve:
    """Publish the token, then wake the callers who wait.

    `adopt`: keep the credentials that were on trial, since they gave it.
    """

    held: Held
    adopt: bool = False


@frozen
class Withhold:
    """Publish that there is no usable token; callers wait."""


@frozen
class Deny:
    """Answer the callers who wait with an error."""

    error: CloudAuthError


@frozen
class Conclude:
    """Answer those who wait for the end of the attempt; `None` is success.

    `trial`: only the one who brought the credentials under trial.
    """

    error: CloudAuthError | None
    trial: bool = False


@frozen
class Emit:
    """Tell the subscribers; `retry_at` is on the scale of ``now``."""

    kind: type[events.Event]
    details: dict[str, Any] = field(factory=dict)


Effect: TypeAlias = (
    Ask | Login | Refresh | Abandon | WakeAt | Serve | Withhold | Deny | Conclude | Emit
)
Step: TypeAlias = tuple[State, tuple[Effect, ...]]


# -- the table -----------------------------------------------------------------------------


class IllegalInputError(RuntimeError):
    """An input that the state has no place for: a fault of the caller."""


_LEFT: Final = (Acquiring, Starved, Lost)  # without a token
_ANY: Final = (Active, Degraded, Renewing, *_LEFT)
TRANSITIONS: Final[dict[type[State], dict[type[Input], tuple[type[State], ...]]]] = {
    New: {Opened: (Acquiring, Starved, New)},
    Active: {
        Woken: (Active, Renewing, *_LEFT),
        Wanted: (Active, *_LEFT),
        Rejected: (Active, Renewing, Acquiring),
        RenewalAsked: (Active, Renewing, Acquiring, Starved),
        LoginAsked: (Active, Renewing, Acquiring, Starved),
    },
    Renewing: {
        Woken: (Renewing, Acquiring),
        Wanted: (Renewing, Acquiring),
        Rejected: (Renewing, Acquiring),
        RenewalAsked: (Renewing,),
        LoginAsked: (Renewing,),
        Granted: _ANY,
        Failed: _ANY,
        Confirmed: _ANY,
        Unconfirmed: _ANY,
    },
    Degraded: {
        Woken: (Degraded, Renewing, *_LEFT),
        Wanted: (Degraded, *_LEFT),
        Rejected: (Degraded, Renewing, Acquiring),
        RenewalAsked: (Degraded, Renewing, Acquiring, Starved),
        LoginAsked: (Degraded, Renewing, Acquiring, Starved),
    },
    Acquiring: {
        Woken: (Acquiring,),
        Wanted: (Acquiring,),
        Rejected: (Acquiring,),
        RenewalAsked: (Acquiring,),
        LoginAsked: (Acquiring,),
        Granted: (Active, *_LEFT, LoggedOut),
        Failed: (Degraded, Renewing, *_LEFT, LoggedOut),
        Confirmed: _ANY,
        Unconfirmed: (Degraded, Renewing, *_LEFT),
    },
    Starved: {
        Woken: (Starved, Acquiring),
        Wanted: (Starved, Acquiring),
        Rejected: (Starved,),
        RenewalAsked: (Starved, Acquiring),
        LoginAsked: (Starved, Acquiring),
    },
    Lost: {
        Woken: _LEFT,
        Wanted: (Lost, Acquiring),
        Rejected: (Lost,),
        RenewalAsked: _LEFT,
        LoginAsked: _LEFT,
    },
    LoggedOut: {
        Woken: (LoggedOut,),
        Wanted: (LoggedOut,),
        Rejected: (LoggedOut,),
        RenewalAsked: (LoggedOut,),
        LoginAsked: (LoggedOut, Starved, Acquiring),
    },
    Closed: {Woken: (Closed,), CloseAsked: (Closed,)},
}
for _kind, _inputs in TRANSITIONS.items():
    if _kind is not Closed:
        _inputs[CloseAsked] = (Closed,)
        _inputs[OpenGivenUp] = (New,)
    if _kind not in {New, Closed}:
        _inputs[LogoutAsked] = (LoggedOut,)
    # A late answer of a flight that was dropped is no fault; it changes nothing.
    for _answer in (Granted, Failed, Confirmed, Unconfirmed):
        _inputs.setdefault(_answer, (_kind,))
