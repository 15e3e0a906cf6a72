"""What the schema and the errors say to the last detail: messages, zones, paddings, limits."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from multidict import CIMultiDict

from aiocloudauth._wire.failure import Failure, error_class, redacted
from aiocloudauth._wire.schema import (
    AuthenticationInfo,
    TokenResponse,
    decode,
    http_date,
    jwt_expiry,
    parse,
    retry_after,
)
from aiocloudauth.errors import ApiError, GatewayError, InvalidResponseError
from aiocloudauth.token import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in a zone that is nine hours from UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    "text", ["Tue, 01 Jan 2030 12:00:00 GMT", "Tue, 01 Jan 2030 12:00:00 -0000"]
)
def test_a_date_header_is_utc_wherever_the_client_is(tokyo: None, text: str) -> None:
    """Also one whose zone is stated as unknown; the value's own zone is UTC as well."""
    instant = http_date(text)
    assert instant == NOON
    assert instant is not None
    assert instant.tzinfo is UTC


def test_an_expiry_is_utc_wherever_the_client_is(tokyo: None) -> None:
    """What people see of it is the same on every machine."""
    found = parse({"expires_at": "2030-01-01T13:00:00+01:00"}, AuthenticationInfo).expires_at
    assert found == NOON
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "problem"),
    [("soon", "not an RFC 3339 date-time"), ("2030-01-01T00:00:00", "has no UTC offset")],
)
def test_an_unusable_expiry_is_described_in_exactly_these_words(text: str, problem: str) -> None:
    """People search for a message as it stands."""
    with pytest.raises(InvalidResponseError) as caught:
        parse({"expires_at": text}, AuthenticationInfo)
    place = f"{problem} @ $.expires_at"
    assert caught.value.problems == (place,)
    assert str(caught.value) == f"JSON: not a usable AuthenticationInfo: {place}"


def test_several_problems_are_told_in_one_sentence() -> None:
    """Each with its place."""
    value = {"token": 1, "session_expiration_time": "2030-01-01T00:00:00"}
    with pytest.raises(InvalidResponseError) as caught:
        parse(value, TokenResponse)
    first, second = caught.value.problems
    assert str(caught.value) == f"JSON: not a usable TokenResponse: {first}; {second}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON: the answer is empty"),
        (b"<html>", "JSON: the answer is not JSON"),
        (b"[]", "JSON: the answer is not a JSON object"),
    ],
)
def test_a_body_of_unknown_origin_is_called_json(body: bytes, message: str) -> None:
    """A message never begins with nothing, and says what is wrong."""
    with pytest.raises(InvalidResponseError) as caught:
        decode(body)
    assert str(caught.value) == message


def test_a_line_break_in_a_server_s_message_becomes_one_space() -> None:
    """An error is of one line, with nothing added."""
    shown = redacted(Failure(500, (), (), "one\ntwo\x1bthree"), ())
    assert shown.message == "one two three"


def test_a_retry_after_of_more_than_ten_digits_is_none() -> None:
    """Three hundred years are an answer of sorts; beyond that is nonsense."""
    assert retry_after(CIMultiDict({"Retry-After": "9" * 10})) == 9_999_999_999.0
    assert retry_after(CIMultiDict({"Retry-After": "9" * 11})) is None


@pytest.mark.parametrize("filler", range(12))
def test_a_jwt_is_read_whatever_the_length_of_its_payload(filler: int) -> None:
    """Its base64 comes without padding, of which as much is put back as belongs there."""
    payload = json.dumps({"x": "y" * filler, "exp": NOON.timestamp()}).encode()
    encoded = base64.urlsafe_b64encode(payload).decode().rstrip("=")
    assert jwt_expiry(Secret(f"a.{encoded}.c")) == NOON


def test_an_error_without_a_message_says_nothing() -> None:
    """The default is an empty text, like that of every exception."""
    assert str(ApiError()) == ""
    assert str(InvalidResponseError()) == ""


def test_a_500_in_no_shape_of_the_api_is_a_gateway_s() -> None:
    """500 itself belongs to that class."""
    assert error_class(Failure(500, (), (), from_api=False)) is GatewayError
