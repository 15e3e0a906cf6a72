"""What subscribers receive."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

import aiocloudauth
from aiocloudauth import events
from aiocloudauth.errors import GatewayError, StoreError

AT = datetime(2030, 1, 1, tzinfo=UTC)

#: Every record, and an example of each of its details.
RECORDS: dict[str, dict[str, Any]] = {
    "LoggedIn": {"session_expiration_time": AT},
    "TokenRenewed": {"generation": 2, "session_expiration_time": None, "took": 0.25},
    "TokenAdopted": {"generation": 3, "session_expiration_time": AT},
    "RenewalFailed": {"error": GatewayError("502", status=502), "attempt": 1, "retry_at": AT},
    "SessionDegraded": {},
    "SessionLost": {"error": GatewayError("502", status=502)},
    "RequestReplayed": {"method": "GET", "url": "https://ece.example.com/api/v1/x"},
    "StoreFailed": {"error": StoreError("no answer within 1 s")},
    "KeyExpiring": {"session_expiration_time": AT},
    "LoggedOut": {},
    "SessionClosed": {},
}


def test_there_are_exactly_the_documented_records() -> None:
    """A `match` over them can be complete."""
    assert set(events.__all__) == {"Event", *RECORDS}
    assert {kind.__name__ for kind in events.Event.__subclasses__()} == set(RECORDS)
    assert all(getattr(aiocloudauth, name) is getattr(events, name) for name in events.__all__)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_a_frozen_value_of_the_documented_details(name: str) -> None:
    """The names are part of the contract; none has a default, none is given by position."""
    kind, filled = getattr(events, name), {"at": AT, **RECORDS[name]}
    record = kind(**filled)
    assert attrs.asdict(record, recurse=False) == filled
    assert record == kind(**filled)
    assert repr(record).startswith(f"{name}(at=")
    for left_out in filled:
        with pytest.raises(TypeError, match=left_out):
            kind(**{key: value for key, value in filled.items() if key != left_out})
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(record, left_out, None)  # all subscribers see the same object
    with pytest.raises(TypeError, match="positional"):
        kind(*filled.values())
