"""A test kit: an ECE authentication server in this process, with faults and virtual time.

Nothing is imported before it is used: `import aiocloudauth.testing` does not load aiohttp.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiocloudauth.testing.accounts import User
    from aiocloudauth.testing.clock import ManualClock
    from aiocloudauth.testing.contract import store_contract
    from aiocloudauth.testing.effects import (
        Body,
        Change,
        ClusterError,
        Dated,
        Effect,
        EmptyReply,
        Endless,
        Gzip,
        Hangup,
        Headers,
        Html,
        Late,
        NoCluster,
        NotReady,
        PastExpiry,
        Proceed,
        Raw,
        Redirect,
        Reset,
        SecurityException,
        Silence,
        Status,
        TooManyRequests,
        Trickle,
        Truncated,
    )
    from aiocloudauth.testing.faults import Fault
    from aiocloudauth.testing.log import Arrival, Log, Stats
    from aiocloudauth.testing.memory import MemoryConnector
    from aiocloudauth.testing.messages import Answer
    from aiocloudauth.testing.mock import MockedResponse, mocked_cloud
    from aiocloudauth.testing.notation import fault_from_data, fault_to_data, read_faults
    from aiocloudauth.testing.plans import Plan, Step
    from aiocloudauth.testing.realm import Realm
    from aiocloudauth.testing.server import CloudServer, UnusedFaultWarning
    from aiocloudauth.testing.sessions import SessionPolicy
else:
    # At run time only: a type checker shall find a wrong name.
    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


__all__ = [
    "Answer",
    "Arrival",
    "Body",
    "Change",
    "CloudServer",
    "ClusterError",
    "Dated",
    "Effect",
    "EmptyReply",
    "Endless",
    "Fault",
    "Gzip",
    "Hangup",
    "Headers",
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
    "SecurityException",
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
    "store_contract",
]

#: Which module a public name lives in; loaded when the name is first used.
_HOMES: Final = {
    "Answer": "messages",
    "Arrival": "log",
    "Body": "effects",
    "Change": "effects",
    "CloudServer": "server",
    "ClusterError": "effects",
    "Dated": "effects",
    "Effect": "effects",
    "EmptyReply": "effects",
    "Endless": "effects",
    "Fault": "faults",
    "Gzip": "effects",
    "Hangup": "effects",
    "Headers": "effects",
    "Html": "effects",
    "Late": "effects",
    "Log": "log",
    "ManualClock": "clock",
    "MemoryConnector": "memory",
    "MockedResponse": "mock",
    "NoCluster": "effects",
    "NotReady": "effects",
    "PastExpiry": "effects",
    "Plan": "plans",
    "Proceed": "effects",
    "Raw": "effects",
    "Realm": "realm",
    "Redirect": "effects",
    "Reset": "effects",
    "SecurityException": "effects",
    "SessionPolicy": "sessions",
    "Silence": "effects",
    "Stats": "log",
    "Status": "effects",
    "Step": "plans",
    "TooManyRequests": "effects",
    "Trickle": "effects",
    "Truncated": "effects",
    "UnusedFaultWarning": "server",
    "User": "accounts",
    "fault_from_data": "notation",
    "fault_to_data": "notation",
    "mocked_cloud": "mock",
    "read_faults": "notation",
    "store_contract": "contract",
}


def __dir__() -> list[str]:
    return __all__
