"""A test kit: an ECE authentication server in this process, with faults and virtual time.

Nothing is imported before it is used: `import aiocloudauth.testing` does not load aiohttp.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiocloudauth.testing.accounts import User
    from aiocloudauth.testing.answers import Answer
    from aiocloudauth.testing.clock import ManualClock
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
    from aiocloudauth.testing.faults import Fault
    from aiocloudauth.testing.memory import MemoryConnector
    from aiocloudauth.testing.mock import MockedResponse, mocked_cloud
    from aiocloudauth.testing.notation import fault_from_data, fault_to_data, read_faults
    from aiocloudauth.testing.plans import Plan, Step
    from aiocloudauth.testing.realm import Realm
    from aiocloudauth.testing.records import Arrival, Log, Stats
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
    from aiocloudauth.testing.server import CloudServer, UnusedFaultWarning
    from aiocloudauth.testing.sessions import SessionPolicy

__all__ = [
    "Answer",
    "Arrival",
    "Body",
    "Change",
    "CloudServer",
    "ClusterError",
    "Effect",
    "EmptyReply",
    "Endless",
    "Fault",
    "Html",
    "Late",
    "Log",
    "ManualClock",
    "MemoryConnector",
    "MockedResponse",
    "NoCluster",
    "NotReady",
    "PastExpiry",
    "Plan",
    "Proceed",
    "Raw",
    "Realm",
    "Redirect",
    "Reset",
    "SessionPolicy",
    "Silence",
    "Stats",
    "Status",
    "Step",
    "TooManyRequests",
    "Trickle",
    "Truncated",
    "UnusedFaultWarning",
    "User",
    "fault_from_data",
    "fault_to_data",
    "mocked_cloud",
    "read_faults",
]

_HOMES: Final = {
    "Answer": "answers",
    "Arrival": "records",
    "Body": "replacements",
    "Change": "disturbances",
    "CloudServer": "server",
    "ClusterError": "replacements",
    "Effect": "effect",
    "EmptyReply": "disturbances",
    "Endless": "replacements",
    "Fault": "faults",
    "Html": "replacements",
    "Late": "disturbances",
    "Log": "records",
    "ManualClock": "clock",
    "MemoryConnector": "memory",
    "MockedResponse": "mock",
    "NoCluster": "replacements",
    "NotReady": "replacements",
    "PastExpiry": "disturbances",
    "Plan": "plans",
    "Proceed": "effect",
    "Raw": "replacements",
    "Realm": "realm",
    "Redirect": "replacements",
    "Reset": "disturbances",
    "SessionPolicy": "sessions",
    "Silence": "disturbances",
    "Stats": "records",
    "Status": "replacements",
    "Step": "plans",
    "TooManyRequests": "replacements",
    "Trickle": "disturbances",
    "Truncated": "disturbances",
    "UnusedFaultWarning": "server",
    "User": "accounts",
    "fault_from_data": "notation",
    "fault_to_data": "notation",
    "mocked_cloud": "mock",
    "read_faults": "notation",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
