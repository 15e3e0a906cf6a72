"""PURE: which inputs a situation takes, and where each may lead.

What is not in the table is illegal. The diagram in ``docs/architecture.md`` is drawn
from it.
"""

from __future__ import annotations

from typing import Final

from aiocloudauth.situations import (
    Acquiring,
    Active,
    CloseAsked,
    Closed,
    Degraded,
    Failed,
    Granted,
    Input,
    LoggedOut,
    LoginAsked,
    LogoutAsked,
    Lost,
    New,
    Opened,
    OpenGivenUp,
    Rejected,
    RenewalAsked,
    Renewing,
    Situation,
    Starved,
    Wanted,
    Woken,
)

__all__ = ["TRANSITIONS", "IllegalInputError"]


class IllegalInputError(RuntimeError):
    """An input that the situation has no place for: a fault of the caller."""


_IDLE: Final = (Active, Degraded, Renewing, Acquiring, Starved, Lost)
_UNDER_WAY: Final = (Acquiring, Starved, Lost, LoggedOut)
TRANSITIONS: Final[dict[type[Situation], dict[type[Input], tuple[type[Situation], ...]]]] = {
    New: {Opened: (Acquiring, Starved, New)},
    Active: {
        Woken: (Active, Renewing, Acquiring, Starved, Lost),
        Wanted: (Active, Acquiring, Starved, Lost),
        Rejected: (Active, Acquiring, Starved, Lost),
        RenewalAsked: (Active, Renewing, Acquiring, Starved),
        LoginAsked: (Active, Renewing, Acquiring, Starved),
    },
    Renewing: {
        Woken: (Renewing, Acquiring),
        Wanted: (Renewing, Acquiring),
        Rejected: (Renewing, Acquiring),
        RenewalAsked: (Renewing,),
        LoginAsked: (Renewing,),
        Granted: (Renewing, Acquiring, Active, Degraded, Starved, Lost),
        Failed: _IDLE,
    },
    Degraded: {
        Woken: (Degraded, Renewing, Acquiring, Starved, Lost),
        Wanted: (Degraded, Acquiring, Starved, Lost),
        Rejected: (Degraded, Acquiring, Starved, Lost),
        RenewalAsked: (Degraded, Renewing, Acquiring, Starved),
        LoginAsked: (Degraded, Renewing, Acquiring, Starved),
    },
    Acquiring: {
        Woken: (Acquiring,),
        Wanted: (Acquiring,),
        Rejected: (Acquiring,),
        RenewalAsked: (Acquiring,),
        LoginAsked: (Acquiring,),
        Granted: (Acquiring, Active, Starved, Lost, LoggedOut),
        Failed: _UNDER_WAY,
    },
    Starved: {
        Woken: (Starved, Acquiring),
        Wanted: (Starved, Acquiring),
        Rejected: (Starved,),
        RenewalAsked: (Starved, Acquiring),
        LoginAsked: (Starved, Acquiring),
    },
    Lost: {
        Woken: (Lost, Starved, Acquiring),
        Wanted: (Lost, Acquiring),
        Rejected: (Lost,),
        RenewalAsked: (Lost, Starved, Acquiring),
        LoginAsked: (Lost, Starved, Acquiring),
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
for _situation, _inputs in TRANSITIONS.items():
    if _situation is not Closed:
        _inputs[CloseAsked] = (Closed,)
        _inputs[OpenGivenUp] = (New,)
    if _situation not in {New, Closed}:
        _inputs[LogoutAsked] = (LoggedOut,)
    # A late answer of a flight that was dropped is no fault; it changes nothing.
    _inputs.setdefault(Granted, (_situation,))
    _inputs.setdefault(Failed, (_situation,))
