"""The fleet's record is read as it was written, and what is malformed is no record."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from aiocloudauth import (
    AuthenticationClusterError,
    CloudAuthError,
    InvalidResponseError,
    TransportError,
    UnauthenticatedError,
)
from aiocloudauth._core.sharing import MARKS, Failure, Lease, Shared
from aiocloudauth._wire.record import LaterFormatError, MalformedError, from_bytes, to_bytes
from aiocloudauth.token import Secret

REFUSED = UnauthenticatedError(
    "refused",
    status=401,
    codes=["root.unauthenticated"],
    method="POST",
    url="https://ece.example.com:12443/api/v1/users/auth/_login",
)
RECORD = Shared(
    generation=2**53 - 1,
    session="s" * 64,
    token=Secret("theirs"),
    expires_at=datetime(2026, 1, 1, 0, 20, tzinfo=UTC),
    issued_at=1_767_225_600.5,
    life=1199.5,
    offset=-60.25,
    lease=Lease("lease", 11.0),
    failure=Failure("failure", REFUSED, 3, 0.5),
    ended=tuple(f"s{number}" for number in range(MARKS)),
    dead=2,
)


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationClusterError("down", status=502, retry_after=7.0),
        REFUSED,
        TransportError("reset"),
        InvalidResponseError("html", retryable=False),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("rest", [0.5, math.inf])
def test_a_record_is_what_was_written(error: CloudAuthError, rest: float) -> None:
    """With the typed error of its failure."""
    failure = Failure("failure", error, 3, rest)
    read = from_bytes(to_bytes(evolve(RECORD, failure=failure)))
    assert read.failure is not None
    found = read.failure.error
    assert evolve(read, failure=None) == evolve(RECORD, failure=None)
    assert evolve(read.failure, error=error) == failure
    assert (type(found), str(found), found.retryable) == (type(error), str(error), error.retryable)
    for name in ("status", "codes", "method", "url", "retry_after"):
        assert getattr(found, name, None) == getattr(error, name, None)


def test_an_empty_record_is_what_was_written() -> None:
    """That of an account that nobody logged in to yet."""
    assert from_bytes(to_bytes(Shared())) == Shared()


WRONG: dict[str, tuple[str, Any]] = {
    "no number": ("life", "1200"),
    "not finite": ("life", math.nan),
    "endless": ("life", math.inf),
    "too long": ("life", 3.2e11),
    "negative": ("generation", -1),
    "no whole number": ("generation", 5.0),
    "more than a number holds": ("generation", 2**53),
    "a bool": ("generation", True),
    "a broken token": ("token", "the\r\nirs"),
    "a number for a token": ("token", 5),
    "a long name": ("session", "s" * 65),
    "no list": ("ended", {}),
    "a bad mark": ("ended", [5]),
    "too many marks": ("ended", ["a"] * (MARKS + 1)),
    "a bad lease": ("lease", []),
    "a bad failure": ("failure", 5),
    "a bad expiry": ("expires_at", 3.1e11),
    "missing": ("dead", None),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_malformed_is_no_record(wrong: str) -> None:
    """Each part by itself."""
    name, value = WRONG[wrong]
    data = json.loads(to_bytes(RECORD))
    assert data[name] != value
    with pytest.raises(MalformedError):
        from_bytes(json.dumps(data | {name: value}).encode())


@pytest.mark.parametrize("answer", [None, [], {"status": 401}], ids=["none", "a list", "no codes"])
def test_an_error_without_its_answer_is_no_error(answer: object) -> None:
    """It is hostile, since every one that is written has one."""
    data = json.loads(to_bytes(RECORD))
    data["failure"]["answer"] = answer
    with pytest.raises(MalformedError):
        from_bytes(json.dumps(data).encode())


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"[" * 100_000, b"{}"], ids=len)
def test_what_is_no_json_object_is_no_record(content: bytes) -> None:
    """Nor what is too deep."""
    with pytest.raises(MalformedError):
        from_bytes(content)


def test_a_rest_that_is_negative_is_none() -> None:
    """It bars nobody."""
    data = json.loads(to_bytes(RECORD))
    data["failure"]["rest"] = -5.0
    read = from_bytes(json.dumps(data).encode())
    assert read.failure is not None
    assert read.failure.rest == 0.0


def test_a_later_format_is_left_alone() -> None:
    """It is somebody's."""
    with pytest.raises(LaterFormatError):
        from_bytes(b'{"format": 2}')


def test_an_unknown_error_is_the_plain_one() -> None:
    """Of a later version, say."""
    written = to_bytes(RECORD).replace(b"UnauthenticatedError", b"NovelError")
    read = from_bytes(written)
    assert read.failure is not None
    assert type(read.failure.error) is CloudAuthError
