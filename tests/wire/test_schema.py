"""JSON, header fields and dates to values and typed errors, however odd they are."""

from __future__ import annotations

import base64
import json
import time
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aiocloudauth._wire.schema import (
    AuthenticationInfo,
    EmptyResponse,
    TokenResponse,
    decode,
    http_date,
    jwt_expiry,
    key_expiration,
    parse,
    retry_after,
)
from aiocloudauth.errors import InvalidResponseError
from aiocloudauth.token import MAX_TOKEN, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

PLANTED = "pl4nted-secret"
NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in a zone that is nine hours from UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


# -- answers -------------------------------------------------------------------------------


def test_a_promised_answer_is_a_token_with_its_expiry() -> None:
    """Fields that nobody promised are left alone; a name given twice mixes no two answers."""
    body = b'{"token": "t0ken", "session_expiration_time": "2030-01-01T00:00:00Z", "later": {}}'
    assert parse(decode(body), TokenResponse) == TokenResponse(Secret("t0ken"), NEW_YEAR)
    assert parse(decode(b'{"token": "a", "token": "b"}'), TokenResponse).token == Secret("b")
    assert parse(decode(b'{"x": 1}'), EmptyResponse) == EmptyResponse()
    info = b'{"expires_at": "2030-01-01T00:00:00Z", "refresh_token_url": "https://evil.example"}'
    assert parse(decode(info), AuthenticationInfo) == AuthenticationInfo(NEW_YEAR)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "expected a string, not null @ $.token"),
        (12345, "expected a string, not int @ $.token"),
        ([PLANTED], "expected a string, not list @ $.token"),
        ("", "is empty @ $.token"),
        (f"{PLANTED}\r\nX-Injected: 1", "has characters other than visible ASCII @ $.token"),
        (PLANTED * 10_000, f"is longer than {MAX_TOKEN} characters @ $.token"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_an_unusable_token_is_an_error_and_never_a_text(value: object, problem: str) -> None:
    """`null` must not become the text "None"; what is wrong is said without showing it."""
    with pytest.raises(InvalidResponseError) as caught:
        parse({"token": value}, TokenResponse, "POST /x")
    error = caught.value
    assert error.problems == (problem,)
    assert str(error) == f"POST /x: not a usable TokenResponse: {problem}"
    assert error.retryable
    assert PLANTED not in "".join(traceback.format_exception(error))


def test_a_token_that_is_missing_or_of_an_unforeseen_shape_is_named() -> None:
    """And shown nowhere."""
    with pytest.raises(InvalidResponseError) as missing:
        parse({}, TokenResponse)
    assert missing.value.problems == ("required field missing @ $.token",)
    with pytest.raises(InvalidResponseError) as odd:
        parse([PLANTED], TokenResponse)  # type: ignore[arg-type]  # that it is refused is the claim
    assert odd.value.problems == ("unexpected value @ $.token",)
    assert PLANTED not in str(odd.value)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b" \r\n\t", "empty body @ $"),
        (b'{"token": "t0k', "not JSON @ $"),
        (b'{"token": "a"} {"token": "b"}', "not JSON @ $"),
        (b'{"token": "\xff\xfe"}', "not JSON @ $"),
        (b'{"token":' * 100_000, "not JSON @ $"),
        (b'{"x": ' + b"1" * 1_000_000 + b"}", "not JSON @ $"),
        (b"null", "expected an object, not null @ $"),
        (b'[{"token": "a"}]', "expected an object, not list @ $"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_body_that_is_no_json_object_is_an_invalid_response(body: bytes, problem: str) -> None:
    """Truncated, nested beyond reason, not UTF-8, or of another shape: one typed error."""
    with pytest.raises(InvalidResponseError, match="POST /x: the answer is") as caught:
        decode(body, "POST /x")
    assert caught.value.problems == (problem,)
    assert caught.value.retryable
    assert caught.value.__context__ is None  # it would keep the body alive, token and all


@pytest.mark.parametrize("page", [b"<html>", b"\n <!DOCTYPE html>", b"\xef\xbb\xbf<?xml ?>"])
def test_a_page_is_told_from_broken_json_since_no_retry_mends_it(page: bytes) -> None:
    """The URL leads to a console, or to somebody's front page."""
    with pytest.raises(InvalidResponseError, match="root") as caught:
        decode(page)
    assert caught.value.problems == ("a page, not JSON @ $",)
    assert not caught.value.retryable


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ANSWERS = st.fixed_dictionaries(
    {}, optional={"token": JSON, "session_expiration_time": JSON, "expires_at": JSON}
)


@given(st.binary(max_size=50) | (JSON | ANSWERS).map(lambda value: json.dumps(value).encode()))
@example('{"token": "a"}'.encode("utf-16"))
@example(b'{"token": "\xed\xa0\x80"}')
def test_any_body_gives_a_value_or_an_invalid_response(body: bytes) -> None:
    """No other exception, whatever arrives; a good token is never lost to a bad expiry."""
    for kind in (TokenResponse, AuthenticationInfo, EmptyResponse):
        try:
            found: object = parse(decode(body), kind)
        except InvalidResponseError as error:
            found = error
        if isinstance(found, InvalidResponseError):
            assert found.problems
            assert not any("expir" in problem for problem in found.problems)
        else:
            assert type(found) is kind


# -- expiries ------------------------------------------------------------------------------


#: However servers write an instant.
READ: dict[str | float, datetime] = {
    "2030-01-01T00:00:00Z": NEW_YEAR,
    " 2030-01-01t00:00:00.000z\n": NEW_YEAR,
    "2030-01-01T02:00:00+02:00": NEW_YEAR,
    "2029-12-31T18:30:00-0530": NEW_YEAR,
    "2030-01-01T00:00:00.123456789Z": NEW_YEAR + timedelta(microseconds=123_456),
    "2030-01-01T00:00:00Z[UTC]": NEW_YEAR,
    "2030-01-01T01:00:00+01:00[Europe/Berlin][u-ca=iso8601]": NEW_YEAR,
    "2029-12-31T23:59:60Z": NEW_YEAR,
    "2029-12-31 23:59:60.25Z": NEW_YEAR + timedelta(seconds=0.25),
    1_893_456_000: NEW_YEAR,
    1_893_456_000.5: NEW_YEAR + timedelta(seconds=0.5),
    "1893456000": NEW_YEAR,
    "1893456000.5": NEW_YEAR + timedelta(seconds=0.5),
    1e9: datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC),
    "9999-12-31T23:59:59Z": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
}
#: A local time, a duration, milliseconds, a date without its hyphens, ...
NO_INSTANT: list[object] = [
    *("2030-01-01T00:00:00", 3600, 1_893_456_000_000, "20300101", "2030-01-01", None, "", "soon"),
    *("2029-12-31T23:60:00Z", "2030-02-30T00:00:00Z", "9999-12-31T23:59:60Z"),
    *("0001-01-01T00:00:00+01:00", "[]" * 500_000 + "Z", float("nan"), float("inf"), 10**400),
    *(True, {}, ["2030-01-01T00:00:00Z"]),
]


def test_an_expiry_is_read_however_it_is_written_or_is_none(tokyo: None) -> None:
    """One that names no instant is as good as none: the login it came with is not refused."""
    for value, expected in [*READ.items(), *((odd, None) for odd in NO_INSTANT)]:
        answer = parse({"token": "t", "session_expiration_time": value}, TokenResponse)
        found = answer.session_expiration_time
        assert found == expected, repr(value)[:50]
        assert found is None or found.tzinfo is UTC


@given(st.datetimes(datetime(2002, 1, 1), datetime(9999, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_what_python_writes_is_read_back_as_the_same_instant(moment: datetime) -> None:
    """In text and in seconds, of whatever zone."""
    text, seconds = (
        parse({"expires_at": value}, AuthenticationInfo).expires_at
        for value in (moment.isoformat(), moment.timestamp())
    )
    assert text == moment.astimezone(UTC)
    assert seconds is not None
    assert abs(seconds - moment) < timedelta(milliseconds=1)


def jwt(payload: bytes) -> Secret:
    """Make something that looks like a JWT."""
    middle = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    return Secret(f"eyJhbGciOiJub25lIn0.{middle}.c2ln")


def test_the_exp_of_a_jwt_is_a_hint_where_there_is_one() -> None:
    """Claims are undocumented, so anything but a number of seconds says nothing."""
    # Each length that base64 pads in another way, and the letters of its URL alphabet.
    for rest in (*(b" " * length + b"}" for length in range(4)), b',"x":"\xc3\xbf\xc3\xbe??>>"}'):
        assert jwt_expiry(jwt(b'{"exp": 1893456000' + rest)) == NEW_YEAR
    for claims in (b"{}", b'{"exp": "1893456000"}', b'{"exp": NaN}', b'{"exp": 1e300}', b"[1]"):
        assert jwt_expiry(jwt(claims)) is None
    for endless in (b'{"exp": ' + b"9" * 5_000 + b"}", b"[" * 40_000):
        assert jwt_expiry(jwt(endless)) is None
    for token in ("opaque", "a.####.c", "a.eyJleHAiOjE4OTM0NTYwMDB9.c.d"):
        assert jwt_expiry(Secret(token)) is None


@given(
    st.text().map(Secret) | (st.binary(max_size=60) | JSON.map(json.dumps).map(str.encode)).map(jwt)
)
def test_no_token_is_odd_enough_to_raise(token: Secret) -> None:
    """The hint is looked for in every token of an ECE before 3.7."""
    found = jwt_expiry(token)
    assert found is None or found.tzinfo is UTC


# -- header fields -------------------------------------------------------------------------


def test_a_date_header_is_an_instant_or_nothing(tokyo: None) -> None:
    """All three forms of RFC 9110, wherever the client is; a broken one is as good as none."""
    for value in (
        "Tue, 01 Jan 2030 00:00:00 GMT",
        "Tuesday, 01-Jan-30 00:00:00 GMT",
        "Tue Jan  1 00:00:00 2030",
        "Tue, 01 Jan 2030 02:00:00 +0200",
        "Tue, 01 Jan 2030 00:00:00 -0000",
    ):
        found = http_date(value)
        assert (found, found and found.tzinfo) == (NEW_YEAR, UTC)
    for odd in (
        *(None, "", "0 0 0 0 0", "Tue, 32 Jan 2030 00:00:00 GMT"),
        *("Wed, 21 Oct 99999999999 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 -0100"),
    ):
        assert http_date(odd) is None


@given(
    st.text()
    | st.lists(st.sampled_from("0123456789:,+- GMTWedOct")).map("".join)
    | st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis wants naive bounds
        lambda moment: format_datetime(moment, usegmt=True)
    )
)
@example("Wed, 21 Oct 2015 07:28:00 +99999999999")
@example(" , , , ")
def test_no_date_header_is_odd_enough_to_raise(value: str) -> None:
    """A server's odd header never ends a renewal; what a server writes well is read back."""
    found = http_date(value)
    assert found is None or found.utcoffset() == timedelta(0)
    if found is not None and value.endswith(" GMT") and value[3] == ",":
        assert format_datetime(found, usegmt=True) == value


def test_the_end_of_a_key_is_an_instant_or_nothing() -> None:
    """As in an answer's body."""
    assert key_expiration("2030-01-01T00:00:00Z") == NEW_YEAR
    assert (key_expiration("soon"), key_expiration(None)) == (None, None)


LATER = "Tue, 01 Jan 2030 00:00:30 GMT"
DATE = "Tue, 01 Jan 2030 00:00:00 GMT"
NOW = NEW_YEAR.timestamp()


def test_retry_after_is_seconds_or_a_date() -> None:
    """A date is measured on the clock that wrote it, so a skewed client waits as long."""
    for value, wait in {" 7 ": 7.0, "1.5": 1.5, "9" * 10: 9_999_999_999.0}.items():
        assert retry_after(CIMultiDict({"retry-after": value})) == wait
    for odd in ("9" * 11, "-7", "1e3", "\u0667", "soon", ""):
        assert retry_after(CIMultiDict({"retry-after": odd}), now=NOW) is None
    assert retry_after(CIMultiDict(), now=NOW) is None
    later = CIMultiDict({"retry-after": LATER})
    assert retry_after(later) is None
    assert retry_after(later, now=NOW) == 30.0
    assert retry_after(later, now=NOW + 3600) == 0.0
    later["date"] = DATE
    assert retry_after(later, now=NOW + 3600) == 30.0
    later["date"] = "no date"
    assert retry_after(later, now=NOW) == 30.0
