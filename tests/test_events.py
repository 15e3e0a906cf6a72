"""What subscribers receive."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

import aiocloudauth
from aiocloudauth import events
from aiocloudauth.errors import GatewayError

AT = datetime(2030, 1, 1, tzinfo=UTC)

#: Every record, and an example of each of its details.
RECORDS: dict[str, dict[str, Any]] = {
    "KeyExpiring": {"session_expiration_time": AT},
    "LoggedIn": {"session_expiration_time": AT},
    "TokenRenewed": {"generation": 2, "session_expiration_time": None, "took": 0.25},
    "RenewalFailed": {"error": GatewayError("502", status=502), "attempt": 1, "retry_at": AT},
    "SessionDegraded": {},
    "SessionLost": {"error": GatewayError("502", status=502)},
    "RequestReplayed": {"method": "GET", "url": "https://ece.example.com/api/v1/x"},
    "LoggedOut": {},
    "SessionClosed": {},
}


def record(name: str) -> events.Event:
    """Make a record with every detail set."""
    made = getattr(events, name)(at=AT, **RECORDS[name])
    assert isinstance(made, events.Event)
    return made


def test_there_are_exactly_the_documented_records() -> None:
    """A `match` over them can be complete."""
    assert set(events.__all__) == {"Event", *RECORDS}
    assert {kind.__name__ for kind in events.Event.__subclasses__()} == set(RECORDS)
    assert set(events.__all__) <= set(aiocloudauth.__all__)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_holds_its_time_and_the_documented_details(name: str) -> None:
    """The field names are part of the contract."""
    assert attrs.asdict(record(name), recurse=False) == {"at": AT, **RECORDS[name]}


@pytest.mark.parametrize("name", RECORDS)
def test_no_detail_of_a_record_has_a_default(name: str) -> None:
    """A record that somebody forgot to fill in cannot be made; nor one by position."""
    for left_out in ("at", *RECORDS[name]):
        details = {"at": AT, **RECORDS[name]}
        del details[left_out]
        with pytest.raises(TypeError, match=left_out):
            getattr(events, name)(**details)
    with pytest.raises(TypeError, match="positional"):
        getattr(events, name)(AT, *RECORDS[name].values())


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_cannot_be_changed_by_one_subscriber_under_another(name: str) -> None:
    """All subscribers see the same object."""
    for field in attrs.fields(type(record(name))):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(record(name), field.name, None)


@pytest.mark.parametrize("name", RECORDS)
def test_records_are_values_with_a_readable_repr(name: str) -> None:
    """A log line of a record says which one it is, and tests can compare them."""
    details = {"at": AT, **RECORDS[name]}
    assert getattr(events, name)(**details) == getattr(events, name)(**details)
    assert repr(record(name)).startswith(f"{name}(at=")
