"""Every effect there is, by name, and what they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiocloudauth.testing.disturbances import (
    Change,
    EmptyReply,
    Late,
    PastExpiry,
    Reset,
    Silence,
    Trickle,
    Truncated,
)
from aiocloudauth.testing.effect import Effect, Proceed
from aiocloudauth.testing.replacements import (
    Body,
    ClusterError,
    Endless,
    Html,
    NoCluster,
    NotReady,
    Raw,
    Redirect,
    Status,
    TooManyRequests,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EFFECTS", "Effect", "Proceed"]

#: Every effect by the name that a script written as data uses.
EFFECTS: Final[Mapping[str, type[Effect]]] = {
    effect.name: effect
    for effect in (
        Body,
        Change,
        ClusterError,
        EmptyReply,
        Endless,
        Html,
        Late,
        NoCluster,
        NotReady,
        PastExpiry,
        Raw,
        Redirect,
        Reset,
        Silence,
        Status,
        TooManyRequests,
        Trickle,
        Truncated,
    )
}
