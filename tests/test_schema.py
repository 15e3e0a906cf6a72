"""JSON, headers and dates to values and typed errors, however odd they are."""

from __future__ import annotations

import base64
import json
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from aiocloudauth._wire.failure import Failure, error_class, failure_of, redacted
from aiocloudauth._wire.schema import (
    AuthenticationInfo,
    EmptyResponse,
    TokenResponse,
    decode,
    http_date,
    jwt_expiry,
    parse,
    retry_after,
)
from aiocloudauth.errors import ErrorDetail, InvalidResponseError
from aiocloudauth.token import MAX_TOKEN, Secret

#: A loaded machine is no defect; a hang is ended by the timeout of the suite.
UNHURRIED = settings(deadline=None)

PLANTED = "pl4nted-secret"


def token_answer(body: bytes) -> TokenResponse:
    """Read the body of a `_login` or `_refresh`."""
    return parse(decode(body), TokenResponse)


def answer(**values: object) -> bytes:
    """Write such a body."""
    return json.dumps({"token": "t0ken", **values}).encode()


# -- what is promised ----------------------------------------------------------------------


def test_a_promised_answer_is_a_token_with_its_expiry_in_utc() -> None:
    """Fields that nobody promised are left alone."""
    found = token_answer(answer(session_expiration_time="2030-01-01T00:00:00Z", later_field={}))
    assert found == TokenResponse(Secret("t0ken"), datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2030-01-01T00:00:00Z", datetime(2030, 1, 1, tzinfo=UTC)),
        ("2030-01-01T00:00:00.000Z", datetime(2030, 1, 1, tzinfo=UTC)),
        ("2030-01-01T00:00:00.5Z", datetime(2030, 1, 1, microsecond=500_000, tzinfo=UTC)),
        ("2030-01-01T00:00:00.123456789Z", datetime(2030, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2030-01-01T02:00:00+02:00", datetime(2030, 1, 1, tzinfo=UTC)),
        ("2029-12-31T18:30:00-05:30", datetime(2030, 1, 1, tzinfo=UTC)),
        ("2030-01-01t00:00:00z", datetime(2030, 1, 1, tzinfo=UTC)),
        ("2030-01-01 00:00:00Z", datetime(2030, 1, 1, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_every_spelling_of_rfc_3339_is_the_same_instant_in_utc(
    text: str, instant: datetime
) -> None:
    """LESSONS: "naive or local expiry": aware UTC only, whatever offset the server writes."""
    expiry = token_answer(answer(session_expiration_time=text)).session_expiration_time
    assert expiry == instant
    assert expiry is not None
    assert expiry.utcoffset() == timedelta(0)


@pytest.mark.parametrize("body", [answer(), answer(session_expiration_time=None)])
def test_an_expiry_may_be_missing(body: bytes) -> None:
    """ECE before 3.7 sends only the token."""
    assert token_answer(body) == TokenResponse(Secret("t0ken"), None)


@pytest.mark.parametrize(
    ("body", "expiry"),
    [
        (b"{}", None),
        (b'{"expires_at": null}', None),
        (
            b'{"expires_at": "2030-01-01T00:00:00Z", "refresh_token_url": "https://evil.example"}',
            datetime(2030, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_users_auth_is_read_for_its_expiry_alone(body: bytes, expiry: datetime | None) -> None:
    """`refresh_token_url` is never followed: it is not even kept."""
    assert parse(decode(body), AuthenticationInfo) == AuthenticationInfo(expiry)


def test_a_logout_answers_an_object() -> None:
    """`{}`, and whatever a later version adds."""
    assert parse(decode(b'{"x": 1}'), EmptyResponse) == EmptyResponse()


# -- what is not ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{}", "required field missing @ $.token"),
        (b'{"token": null}', "expected a string, not null @ $.token"),
        (b'{"token": 12345}', "expected a string, not int @ $.token"),
        (b'{"token": 1.5}', "expected a string, not float @ $.token"),
        (b'{"token": NaN}', "expected a string, not float @ $.token"),
        (b'{"token": true}', "expected a string, not bool @ $.token"),
        (b'{"token": ["x"]}', "expected a string, not list @ $.token"),
        (b'{"token": {"token": "x"}}', "expected a string, not dict @ $.token"),
        (b'{"token": ""}', "is empty @ $.token"),
        (b'{"token": " "}', "visible ASCII @ $.token"),
        (b'{"token": "a\\r\\nX-Injected: 1"}', "visible ASCII @ $.token"),
        (b'{"token": "t\\u00f6ken"}', "visible ASCII @ $.token"),
        (b'{"token": "\\ud800"}', "visible ASCII @ $.token"),
        (b'{"token": "\\u0000"}', "visible ASCII @ $.token"),
        (answer(token="x" * 1024 * 1024), "is longer than"),
        (answer(token="x" * (MAX_TOKEN + 1)), "is longer than"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_unusable_token_is_an_error_and_never_a_text(body: bytes, problem: str) -> None:
    """LESSONS: "null token becomes the text "None"": the strict converter refuses it."""
    with pytest.raises(InvalidResponseError) as caught:
        token_answer(body)
    assert len(caught.value.problems) == 1
    assert problem in caught.value.problems[0]
    assert "$.token" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("2030-01-01T00:00:00", "no UTC offset"),
        ("2030-01-01", "no UTC offset"),
        ("", "RFC 3339"),
        ("soon", "RFC 3339"),
        ("1893456000", "RFC 3339"),
        ("2030-13-01T00:00:00Z", "RFC 3339"),
        ("2030-02-30T00:00:00Z", "RFC 3339"),
        ("2030-01-01T00:00:00Z\n", "RFC 3339"),
        ("2030-01-01T00:00:00+24:00", "RFC 3339"),
        ("10000-01-01T00:00:00Z", "RFC 3339"),
        ("-2030-01-01T00:00:00Z", "RFC 3339"),
        ("9999-12-31T23:59:59-01:00", "RFC 3339"),
        ("0001-01-01T00:00:00+01:00", "RFC 3339"),
        ("٢٠٣٠-01-01T00:00:00Z", "RFC 3339"),
        ("Tue, 01 Jan 2030 00:00:00 GMT", "RFC 3339"),
        (1_893_456_000, "not int"),
        (1_893_456_000.5, "not float"),
        (0, "not int"),
        (False, "not bool"),
        (["2030-01-01T00:00:00Z"], "not list"),
        ({}, "not dict"),
    ],
)
def test_an_unusable_expiry_is_an_error_and_never_a_guess(value: object, problem: str) -> None:
    """Seconds or milliseconds, local or UTC: a number does not say, so it is refused."""
    with pytest.raises(InvalidResponseError) as caught:
        token_answer(answer(session_expiration_time=value))
    assert caught.value.problems == (caught.value.problems[0],)
    assert problem in caught.value.problems[0]
    assert caught.value.problems[0].endswith("@ $.session_expiration_time")
    with pytest.raises(InvalidResponseError, match=r"\$\.expires_at"):
        parse({"expires_at": value}, AuthenticationInfo)


def test_every_problem_is_named_at_once() -> None:
    """Whoever has to mend a server sees all there is to mend."""
    with pytest.raises(InvalidResponseError) as caught:
        token_answer(b'{"token": 1, "session_expiration_time": 1}')
    assert [problem.split(" @ ")[1] for problem in caught.value.problems] == [
        "$.token",
        "$.session_expiration_time",
    ]


def test_what_no_rule_foresaw_is_named_without_being_shown() -> None:
    """A value of another shape than `decode` gives is still only an invalid response."""
    with pytest.raises(InvalidResponseError) as caught:
        parse([PLANTED], TokenResponse)  # type: ignore[arg-type]  # that it is refused is the claim
    assert caught.value.problems[0] == "unexpected value @ $.token"
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty body @ $"),
        (b" \r\n\t", "empty body @ $"),
        (b"<html></html>", "not JSON @ $"),
        (b'{"token": "t0k', "not JSON @ $"),
        (b'{"token": "a"} {"token": "b"}', "not JSON @ $"),
        (b'{"token": "a",}', "not JSON @ $"),
        (b"{'token': 'a'}", "not JSON @ $"),
        (b'{"token": "\xff\xfe"}', "not JSON @ $"),
        (b"\x00", "not JSON @ $"),
        (b"\x1f\x8b\x08\x00", "not JSON @ $"),
        (b"[" * 1_000_000, "not JSON @ $"),
        (b'{"token":' * 100_000, "not JSON @ $"),
        (b"[" * 100_000 + b"]" * 100_000, "not JSON @ $"),
        (b'{"x": ' + b"1" * 1_000_000 + b"}", "not JSON @ $"),
        (b"null", "expected an object, not null @ $"),
        (b"true", "expected an object, not bool @ $"),
        (b"1", "expected an object, not int @ $"),
        (b'"token"', "expected an object, not str @ $"),
        (b'[{"token": "a"}]', "expected an object, not list @ $"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_body_that_is_no_json_object_is_an_invalid_response(body: bytes, problem: str) -> None:
    """Truncated, nested beyond reason, not UTF-8, or of another shape: one typed error."""
    with pytest.raises(InvalidResponseError) as caught:
        decode(body)
    assert caught.value.problems == (problem,)


def test_of_a_name_given_twice_one_value_is_taken_whole() -> None:
    """A duplicate is odd, but no mixture of two answers comes out of it."""
    assert token_answer(b'{"token": "a", "token": "b"}').token in {Secret("a"), Secret("b")}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.fixed_dictionaries(
    {}, optional={"token": JSON, "session_expiration_time": JSON, "errors": JSON, "message": JSON}
)


def read_all(body: bytes) -> None:
    """Read a body as everything it could be the answer to; only typed errors may come of it."""
    for kind in (TokenResponse, AuthenticationInfo, EmptyResponse):
        try:
            found: object = parse(decode(body), kind)
        except InvalidResponseError as error:
            found = error
        if isinstance(found, InvalidResponseError):
            assert found.problems
            assert found.__context__ is None  # it would keep the body alive, token and all
        else:
            assert type(found) is kind
    error_class(redacted(failure_of(502, {}, body), (Secret("x"),)))


@UNHURRIED
@given(st.binary(max_size=100))
@example(b"\xef\xbb\xbf{}")
@example(b'{"token": "\xed\xa0\x80"}')
@example('{"token": "a"}'.encode("utf-16"))
def test_arbitrary_bytes_give_a_value_or_an_invalid_response(body: bytes) -> None:
    """No other exception, whatever arrives."""
    read_all(body)


@UNHURRIED
@given(JSON | OBJECTS)
def test_arbitrary_json_gives_a_value_or_an_invalid_response(value: object) -> None:
    """No other exception, and no value of a type nobody promised."""
    read_all(json.dumps(value).encode())


@UNHURRIED
@given(OBJECTS)
def test_a_token_that_is_accepted_can_be_sent(value: dict[str, Any]) -> None:
    """It is a string of the answer, and visible ASCII; the expiry is aware."""
    try:
        found = parse(value, TokenResponse)
    except InvalidResponseError:
        return
    assert found.token.reveal() == value["token"]
    assert all("!" <= character <= "~" for character in found.token.reveal())
    assert (
        found.session_expiration_time is None
        or found.session_expiration_time.utcoffset() == timedelta(0)
    )


MARKED = st.recursive(
    st.text(max_size=5).map(lambda text: f"{PLANTED} {text}") | st.just(271_828_182_845),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.just("token") | st.text().map(lambda k: f"{PLANTED}{k}"), inner)
    ),
    max_leaves=4,
)


@UNHURRIED
@given(
    st.dictionaries(
        st.sampled_from(["token", "session_expiration_time", "expires_at", PLANTED]), MARKED
    )
    | MARKED
)
def test_problems_never_contain_a_value_of_the_body(value: object) -> None:
    """A malformed answer may hold a good token: what is wrong is said without quoting it."""
    body = json.dumps(value).encode()
    for kind in (TokenResponse, AuthenticationInfo):
        try:
            parse(decode(body), kind)
        except InvalidResponseError as error:
            said = f"{error.problems} {error} {error!r} {error.args}"
            said += "".join(traceback.format_exception(error))
            assert PLANTED not in said
            assert "271828182845" not in said


# -- error answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (
            {},
            b'{"errors": [{"code": "a.b", "message": "why", "fields": ["x", "y"]}]}',
            Failure(400, (ErrorDetail("a.b", "why", ("x", "y")),), ("a.b",)),
        ),
        (
            {"x-cloud-error-codes": "other.code"},
            b'{"errors": [{"code": "a.b"}, {"code": "c.d", "message": "m"}]}',
            Failure(400, (ErrorDetail("a.b"), ErrorDetail("c.d", "m")), ("a.b", "c.d")),
        ),
        (
            {"x-cloud-error-codes": "a.b"},
            b'{"errors": [{"message": "only words"}]}',
            Failure(400, (ErrorDetail("", "only words"),), ("a.b",)),
        ),
        (
            {},
            b'{"ok": false, "message": "old route"}',
            Failure(400, message="old route"),
        ),
        (
            {"x-cloud-error-codes": "a.b"},
            b'{"message": "old route"}',
            Failure(400, codes=("a.b",), message="old route"),
        ),
        ({"x-cloud-error-codes": "a.b"}, b"", Failure(400, codes=("a.b",))),
        ({"x-cloud-error-codes": "a.b"}, b"<html>", Failure(400, codes=("a.b",))),
        ({}, b"", Failure(400, from_api=False)),
        ({}, b"<html>", Failure(400, from_api=False)),
        ({}, b"{}", Failure(400, from_api=False)),
        ({}, b'{"errors": []}', Failure(400, from_api=False)),
        ({}, b'{"errors": "none"}', Failure(400, from_api=False)),
        ({}, b'{"errors": [null, 1, "x", [], {}]}', Failure(400, from_api=False)),
        ({}, b'{"errors": [{"code": 1, "message": 2, "fields": 3}]}', Failure(400, from_api=False)),
        ({}, b'{"message": 5}', Failure(400, from_api=False)),
        (
            {},
            b'{"errors": [{"code": "a.b", "message": null, "fields": ["x", 1, null]}]}',
            Failure(400, (ErrorDetail("a.b", "", ("x",)),), ("a.b",)),
        ),
        (
            {},
            b'{"errors": [{"code": "no code at all!", "message": "m"}]}',
            Failure(400, (ErrorDetail("", "m"),)),
        ),
    ],
)
def test_an_error_answer_is_read_from_the_list_then_the_message_then_the_header(
    headers: dict[str, str], body: bytes, expected: Failure
) -> None:
    """Whatever its shape; and what has none of these was written by something in front."""
    assert failure_of(400, headers, body) == expected


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ("a.b", ("a.b",)),
        ("a.b,c.d", ("a.b", "c.d")),
        ("a.b, c.d", ("a.b", "c.d")),
        ("a.b c.d", ("a.b", "c.d")),
        (" a.b ,\t, c.d ", ("a.b", "c.d")),
        ("", ()),
        (" , ", ()),
        ("<script>, a.b", ("a.b",)),
        ("x" * 201, ()),
    ],
)
def test_several_codes_come_as_one_string(value: str, codes: tuple[str, ...]) -> None:
    """The header is split on comma and white space; what cannot be a code is left out."""
    headers = CIMultiDict({"X-Cloud-Error-Codes": value})
    assert failure_of(401, headers, b"").codes == codes


def test_an_error_keeps_only_so_much_of_an_endless_list() -> None:
    """A hostile answer of 1 MiB does not end up in every log line."""
    entry = {"code": "a.b", "message": "m" * 2_000, "fields": ["f" * 2_000] * 100}
    failure = failure_of(400, {}, json.dumps({"errors": [entry] * 200}).encode())
    shown = redacted(failure, ())
    assert len(shown.errors) == len(shown.codes) == 50
    assert {len(detail.message) for detail in shown.errors} == {1_000}
    assert {len(detail.fields) for detail in shown.errors} == {50}
    assert {len(name) for detail in shown.errors for name in detail.fields} == {1_000}
    assert len(failure_of(400, {"x-cloud-error-codes": "a.b," * 200}, b"").codes) == 50
    assert len(redacted(failure_of(400, {}, json.dumps(entry).encode()), ()).message) == 1_000


def test_what_an_answer_quotes_of_the_secrets_is_taken_out_everywhere() -> None:
    """A server, or a proxy, may quote what it was sent."""
    entry = {"code": f"a.{PLANTED}", "message": f"<{PLANTED}>", "fields": [f"x{PLANTED}"]}
    body = json.dumps({"errors": [entry], "message": PLANTED}).encode()
    shown = redacted(failure_of(400, {}, body), (Secret("unrelated"), Secret(PLANTED)))
    assert shown.errors == (ErrorDetail("a.***", "<***>", ("x***",)),)
    assert shown.codes == ("a.***",)
    assert shown.message == "***"


@UNHURRIED
@given(st.integers(0, 1_010), st.sampled_from(["message", "fields"]))
def test_a_secret_is_taken_out_before_a_text_is_cut(before: int, where: str) -> None:
    """Cutting first would leave the beginning of a secret that lies across the cut."""
    text = "." * before + PLANTED
    entry = {"code": "a.b", "message": "m", where: text if where == "message" else [text]}
    body = json.dumps({"errors": [entry]}).encode()
    shown = redacted(failure_of(400, {}, body), (Secret(PLANTED),))
    assert "pl" not in repr(shown)


ODD = 'p"l/4 ä'


@pytest.mark.parametrize("quoted", [ODD, json.dumps({"password": ODD}), "p%22l%2F4%20%C3%A4"])
def test_a_secret_is_taken_out_however_it_is_quoted(quoted: str) -> None:
    """A server that quotes the request's body, or a URL, writes a password in its own way."""
    body = json.dumps({"message": f"<{quoted}>"}).encode()
    shown = redacted(failure_of(400, {}, body), (Secret(ODD),))
    assert "***" in shown.message
    assert "l/4" not in shown.message
    assert "l%2F4" not in shown.message


@pytest.mark.parametrize("order", [("abc", "abcdef"), ("abcdef", "abc")])
def test_of_two_secrets_that_begin_alike_no_rest_stays(order: tuple[str, str]) -> None:
    """A short password may be how a token begins."""
    shown = redacted(Failure(400, message="<abcdef>"), tuple(Secret(text) for text in order))
    assert shown.message == "<***>"


@pytest.mark.parametrize("password", ["root", "unauthenticated", "o", "."])
def test_a_code_that_the_api_is_known_to_use_stays_whatever_the_password(password: str) -> None:
    """Handlers compare codes; a known one gives nothing away."""
    failure = failure_of(401, {}, b'{"errors": [{"code": "root.unauthenticated"}]}')
    shown = redacted(failure, (Secret(password),))
    assert shown.codes == ("root.unauthenticated",)
    assert shown.errors == (ErrorDetail("root.unauthenticated"),)


def test_a_message_is_one_printable_line() -> None:
    """Line breaks would forge log lines, escapes steer a terminal, surrogates break `print`."""
    entry = rb'{"code": "a.b", "message": "x\r\ny\u001b[2J\ud800\u2028z", "fields": ["\n"]}'
    body = b'{"errors": [' + entry + b"]}"
    shown = redacted(failure_of(400, {}, body), ())
    assert shown.errors[0].message.isprintable()
    assert [shown.errors[0].message[0], shown.errors[0].message[-1]] == ["x", "z"]
    assert shown.errors[0].fields[0].isprintable()
    shown.errors[0].message.encode()


# -- dates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("Wed, 21 Oct 2015 07:28:00 GMT", datetime(2015, 10, 21, 7, 28, tzinfo=UTC)),
        ("Wednesday, 21-Oct-15 07:28:00 GMT", datetime(2015, 10, 21, 7, 28, tzinfo=UTC)),
        ("Wed Oct 21 07:28:00 2015", datetime(2015, 10, 21, 7, 28, tzinfo=UTC)),
        ("Wed, 21 Oct 2015 09:28:00 +0200", datetime(2015, 10, 21, 7, 28, tzinfo=UTC)),
        ("Wed, 21 Oct 2015 07:28:00 -0000", datetime(2015, 10, 21, 7, 28, tzinfo=UTC)),
        (None, None),
        ("", None),
        ("soon", None),
        ("1445412480", None),
        ("0 0 0 0 0", None),
        ("Wed, 32 Oct 2015 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 25:28:00 GMT", None),
        ("Wed, 21 Oct 99999999999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +9999", None),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
    ],
)
def test_a_date_header_is_an_instant_or_nothing(
    value: str | None, instant: datetime | None
) -> None:
    """All three forms of RFC 9110; a broken one is as good as none."""
    found = http_date(value)
    assert found == instant
    assert found is None or found.utcoffset() == timedelta(0)


@UNHURRIED
@given(st.text() | st.lists(st.sampled_from("0123456789:,+- GMTWedOct")).map("".join))
@example("Wed, 21 Oct 2015 07:28:00 +99999999999")
@example("21 Oct 2015 07:28:00 GMT GMT")
@example(" , , , ")
def test_any_date_header_is_an_instant_or_nothing(value: str) -> None:
    """A server's odd header never ends a renewal."""
    found = http_date(value)
    assert found is None or found.utcoffset() == timedelta(0)


@UNHURRIED
@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_a_date_as_servers_write_it_is_read_to_the_second(instant: datetime) -> None:
    """What the standard library writes is read back."""
    assert http_date(format_datetime(instant, usegmt=True)) == instant.replace(microsecond=0)


NOW = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "9999999999"}, 9_999_999_999.0),
        ({"Retry-After": "99999999999999999999"}, None),
        ({"Retry-After": "-7"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "1e3"}, None),
        ({"Retry-After": "\u0667"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": NOW}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:27:00 GMT", "Date": NOW}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "x"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_against_the_servers_own(
    headers: dict[str, str], expected: float | None
) -> None:
    """A date is measured on the clock that wrote it, so a skewed client waits as long."""
    assert retry_after(CIMultiDict(headers)) == expected


# -- the hint in a JWT ---------------------------------------------------------------------


def jwt(payload: bytes) -> Secret:
    """Make something that looks like a JWT."""
    middle = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    return Secret(f"eyJhbGciOiJub25lIn0.{middle}.c2ln")


@pytest.mark.parametrize(
    ("token", "expiry"),
    [
        (jwt(b'{"exp": 1893456000}'), datetime(2030, 1, 1, tzinfo=UTC)),
        (jwt(b'{"exp": 1893456000.5}'), datetime(2030, 1, 1, microsecond=500_000, tzinfo=UTC)),
        (jwt(b'{"exp": 1893456000, "x": "\xc3\xa4"}'), datetime(2030, 1, 1, tzinfo=UTC)),
        (jwt(b'{"exp": 1893456000, "pad": ""}'), datetime(2030, 1, 1, tzinfo=UTC)),
        (jwt(b"{}"), None),
        (jwt(b'{"exp": null}'), None),
        (jwt(b'{"exp": true}'), None),
        (jwt(b'{"exp": "1893456000"}'), None),
        (jwt(b'{"exp": [1]}'), None),
        (jwt(b'{"exp": NaN}'), None),
        (jwt(b'{"exp": Infinity}'), None),
        (jwt(b'{"exp": 1e300}'), None),
        (jwt(b'{"exp": -1e300}'), None),
        (jwt(b'{"exp": ' + b"9" * 400 + b"}"), None),
        (jwt(b'{"exp": ' + b"9" * 5_000 + b"}"), None),
        (jwt(b"[1]"), None),
        (jwt(b'"exp"'), None),
        (jwt(b"null"), None),
        (jwt(b"no json"), None),
        (jwt(b"\xff\xfe"), None),
        (jwt(b"[" * 40_000), None),
        (Secret("opaque"), None),
        (Secret("two.parts"), None),
        (Secret("a.b.c"), None),
        (Secret("..."), None),
        (Secret(".."), None),
        (Secret("a.####.c"), None),
        (Secret("a.eyJleHAiOjF9.c.d"), None),
    ],
    ids=lambda value: "" if isinstance(value, Secret) else str(value),
)
def test_the_exp_of_a_jwt_is_a_hint_where_there_is_one(
    token: Secret, expiry: datetime | None
) -> None:
    """Claims are undocumented, so anything but a number of seconds says nothing."""
    assert jwt_expiry(token) == expiry


@UNHURRIED
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_token_is_odd_enough_to_raise(payload: bytes) -> None:
    """The hint is looked for in every token of an ECE before 3.7."""
    found = jwt_expiry(jwt(payload))
    assert found is None or found.utcoffset() == timedelta(0)


@UNHURRIED
@given(st.text())
def test_no_text_is_odd_enough_to_raise(text: str) -> None:
    """A token may be anything, dots included."""
    found = jwt_expiry(Secret(text))
    assert found is None or found.utcoffset() == timedelta(0)
