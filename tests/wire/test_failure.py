"""From an error answer to its class, held to everything the API is known to answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from aiocloudauth import errors
from aiocloudauth._wire.failure import (
    Failure,
    Refusal,
    api_error,
    error_class,
    failure_of,
    header_codes,
    redacted,
    refusal_of,
)
from aiocloudauth.errors import (
    ApiError,
    AuthenticationError,
    ErrorDetail,
    ServerError,
    VersionConflictError,
)
from aiocloudauth.token import Secret

PLANTED = "pl4nted-secret"
OLD_ROUTE = b'{"ok": false, "message": "broken"}'
PROXY = b'{"message": "Forbidden"}'
#: What a proxy in front, or a service behind the API, answers.
FOREIGN = (
    *(b"", b"denied", b"<html><h1>Bad Gateway</h1></html>", PROXY, b'["no object"]'),
    b'{"error": {"type": "security_exception"}, "status": 401}',
)
HTML = FOREIGN[2]

#: Every error code of the API description: status, code, the class it stands for.
CODES = [
    (int(status), code, kind)
    for status, kinds in json.loads((Path(__file__).parent / "data_error_codes.json").read_text())[
        "codes"
    ].items()
    for kind, codes in kinds.items()
    for code in codes
]


def body_of(*codes: str, message: str = "It failed.") -> bytes:
    """Write an error body as the API does."""
    return json.dumps({"errors": [{"code": code, "message": message} for code in codes]}).encode()


def class_of(status: int, body: bytes, call: str = "call") -> type[ApiError]:
    """Choose the class: of a call of the user's, or of one elsewhere, of `_login`, `_refresh`."""
    failure = evolve(
        failure_of(status, {}, body),
        authentication=call in {"login", "refresh"},
        token_sent=call in {"refresh", "call"},
    )
    return error_class(failure)


def rows(table: str) -> list[str]:
    """Split a table; `bodies` reads the last cells of a row."""
    return [row.strip() for row in table.splitlines() if row.strip() and "#" not in row]


def bodies(cells: list[str]) -> list[bytes]:
    """Return the answers: FOREIGN ones, OLD_ROUTE, EMPTY, or one of the API with these codes."""
    named = {"FOREIGN": FOREIGN, "OLD_ROUTE": (OLD_ROUTE,), "EMPTY": (b"",)}
    return [b for cell in cells for b in named.get(cell, (body_of(*cell.split("+")),))]


# -- the class -----------------------------------------------------------------------------


def test_every_code_of_the_api_has_its_class_from_the_body_and_from_the_header() -> None:
    """What the API is known to answer is classified by what it means, not by its status alone."""
    assert len(CODES) == 171
    for status, code, kind in CODES:
        by_body = failure_of(status, {}, body_of(code))
        by_header = failure_of(status, {"x-cloud-error-codes": code}, b"")
        expected = getattr(errors, kind)
        found = (by_body.codes, error_class(by_body), by_header.codes, error_class(by_header))
        assert found == ((code,), expected, (code,), expected), (status, code)


#: Which call, the status, the class, and the answers.
LOOKS = """
    # a wrong password; an expired bearer: either code, or none
    login      401  UnauthenticatedError  root.unauthenticated OLD_ROUTE
    refresh    401  UnauthorizedError     root.unauthenticated root.unauthorized OLD_ROUTE
    call       401  UnauthorizedError     root.unauthenticated root.unauthorized OLD_ROUTE FOREIGN
    elsewhere  401  UnauthorizedError     FOREIGN
    call       401  AuthenticationError   user.not_found
    login      401  AuthenticationError   user.not_found
    # a proxy's refusal says nothing about credentials
    login      401  GatewayError          FOREIGN
    login      403  GatewayError          FOREIGN
    refresh    401  GatewayError          FOREIGN
    refresh    403  GatewayError          FOREIGN
    refresh    403  PermissionDeniedError root.unauthorized.rbac OLD_ROUTE
    call       403  PermissionDeniedError root.permission_denied FOREIGN
    # other statuses mean the same whoever answers
    login      404  NotFoundError         OLD_ROUTE FOREIGN brand.new
    login      429  RateLimitedError      OLD_ROUTE FOREIGN
    # but those from 500 on
    call       500  GatewayError          FOREIGN
    login      503  GatewayError          FOREIGN
    call       500  ServerError           OLD_ROUTE
    call       501  ServerError           OLD_ROUTE brand.new
    call       503  ServerError           OLD_ROUTE
    call       599  ServerError           brand.new
    login      501  ServerError           things.not_implemented
    login      501  NoAuthenticationClusterError  OLD_ROUTE
    login      503  AuthenticationClusterError    OLD_ROUTE authc.authentication_cluster_error
    # the console starts; ECE up to 3.6 wants elevated permissions
    login      200  ServerError           controller_route.controller_not_ready
    call       449  ElevatedPermissionsRequiredError  root.unauthorized.rbac.elevated_permissions_required
    # families of codes beat the status; the first code that says something decides
    call       404  PermissionDeniedError root.unauthorized.rbac.new things.unauthorised x.no_user_id
    call       400  VersionConflictError  things.version_conflict
    call       400  ConflictError         things.already_exists_here new.thing+a.b_conflict+user.x
    # the status, and its class
    call       418  ApiError              brand.new OLD_ROUTE FOREIGN
"""  # noqa: E501 - a table is read in rows


@pytest.mark.parametrize("row", rows(LOOKS))
def test_what_failures_really_look_like(row: str) -> None:
    """Answers that real installations, and what stands in front of them, are known to give."""
    call, status, kind, *cells = row.split()
    for body in bodies(cells):
        assert class_of(int(status), body, call).__name__ == kind, body


@given(
    status=st.integers(100, 999),
    codes=st.lists(st.text(max_size=20) | st.sampled_from([c for _, c, _ in CODES]), max_size=3),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_any_answer_has_a_class_and_without_a_code_it_is_the_status_s(
    status: int, codes: list[str], flags: tuple[bool, bool, bool]
) -> None:
    """Classification never fails, and what no rule names lands in the status's own class."""
    from_api, authentication, token_sent = flags
    kind = error_class(
        Failure(
            status,
            codes=tuple(codes),
            from_api=from_api,
            authentication=authentication,
            token_sent=token_sent,
        )
    )
    assert issubclass(kind, ApiError)
    foreign = authentication and not from_api and status in {401, 403}
    if not codes:
        assert issubclass(kind, ServerError) == (status >= 500 or foreign)
        assert issubclass(kind, AuthenticationError) == (status == 401 and not foreign)


# -- is this 401 about our token? ----------------------------------------------------------


#: How the token is refused, the status, the header field's codes, and the bodies.
REFUSALS = """
    CODED    401  -                      root.unauthorized root.unauthenticated+root.unauthorized
    CODED    401  root.unauthorized      EMPTY comments.unauthorised
    UNCODED  401  -                      OLD_ROUTE FOREIGN
    -        401  comments.unauthorised  EMPTY root.unauthorized
    -        401  -                      root.unauthorized+user.not_found user.not_found
    -        401  -                      root.unauthorized.rbac
    -        403  root.unauthorized      EMPTY root.unauthorized
    -        403  -                      OLD_ROUTE FOREIGN
    -        200  -                      EMPTY root.unauthorized
"""


@pytest.mark.parametrize("row", rows(REFUSALS))
def test_a_401_refuses_the_token_if_it_names_just_that_or_nothing(row: str) -> None:
    """Any other answer is about something that a new token does not change."""
    refusal, status, named, *cells = row.split()
    headers = {"x-cloud-error-codes": named.removeprefix("-")}
    for body in bodies(cells):
        expected = None if refusal == "-" else Refusal[refusal]
        assert refusal_of(int(status), headers, body) is expected, body


# -- what the answer says ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "body", "expected"),
    [
        (
            "other.code",
            b'{"errors": [{"code": "a.b", "message": "why", "fields": ["x", 1]}, {"code": "c.d"}]}',
            Failure(400, (ErrorDetail("a.b", "why", ("x",)), ErrorDetail("c.d")), ("a.b", "c.d")),
        ),
        (
            "a.b",
            b'{"errors": [{"code": "no code!", "message": "words"}]}',
            Failure(400, (ErrorDetail("", "words"),), ("a.b",)),
        ),
        ("a.b", PROXY, Failure(400, codes=("a.b",), message="Forbidden")),
        ("a.b", HTML, Failure(400, codes=("a.b",))),
        ("", OLD_ROUTE, Failure(400, message="broken")),
        ("", PROXY, Failure(400, message="Forbidden", from_api=False)),
        ("", b'{"ok": true, "message": 5}', Failure(400, from_api=False)),
        ("", b'{"errors": [null, 1, [], {}, {"code": 1}]}', Failure(400, from_api=False)),
        ("", b'{"errors": "none"}', Failure(400, from_api=False)),
        ("", HTML, Failure(400, from_api=False)),
        ("", b"", Failure(400, from_api=False)),
    ],
    ids=range(11),
)
def test_an_answer_is_read_from_the_list_then_the_message_then_the_header(
    codes: str, body: bytes, expected: Failure
) -> None:
    """Whatever its shape; and what has no code, no list and no `"ok": false` is not the API's."""
    assert failure_of(400, {"x-cloud-error-codes": codes}, body) == expected


def test_several_codes_come_as_one_string() -> None:
    """The header is split on comma and white space; what cannot be a code is left out."""
    text = f" a.b ,\t, c.d e.f,<script>,{'x' * 201}"
    assert header_codes({"x-cloud-error-codes": text}) == ("a.b", "c.d", "e.f")


# -- the error itself ----------------------------------------------------------------------


def made(status: int, body: bytes, call: str = "call", **options: Any) -> ApiError:
    """Build the error for a failing `GET`."""
    failure = failure_of(status, {}, body)
    url = "https://h/api/v1/x"
    return api_error(class_of(status, body, call), failure, method="GET", url=url, **options)


def test_the_error_carries_every_part_of_the_answer() -> None:
    """Handlers need not look at the response again."""
    body = body_of("roles.version_conflict", message="read it again")
    error = made(409, body, headers={"X-Request-Id": "7"}, retry_after=3.0)
    assert type(error) is VersionConflictError
    assert (error.status, error.codes) == (409, ("roles.version_conflict",))
    assert error.errors == (ErrorDetail("roles.version_conflict", "read it again"),)
    assert (error.method, error.url) == ("GET", "https://h/api/v1/x")
    assert (error.headers["x-request-id"], error.retry_after) == ("7", 3.0)


@pytest.mark.parametrize(
    ("status", "body", "call", "said"),
    [
        (400, body_of("a.b", "c.d", message="Why."), "call", "400 (a.b: Why.; c.d: Why.)"),
        (400, b'{"errors": [{"code": "a.b"}, {"message": "m"}]}', "call", "400 (a.b; m)"),
        (404, OLD_ROUTE, "call", "404 (broken)"),
        (417, b"{}", "call", "417"),
        (401, b"", "call", "401 (the token is invalid or has expired)"),
        (502, OLD_ROUTE, "login", "502 (broken)"),
        (403, PROXY, "login", "403 (not the API but a proxy in front of it answered: Forbidden)"),
        (502, HTML, "call", "502 (not the API but a proxy in front of it answered)"),
    ],
    ids=range(8),
)
def test_the_message_says_what_was_asked_and_what_was_answered(
    status: int, body: bytes, call: str, said: str
) -> None:
    """A person can act on it, also where the answer says nothing or is not the API's."""
    assert str(made(status, body, call)) == f"GET https://h/api/v1/x answered {said}"
    assert str(made(status, body, call, note="Look.")).endswith(f"answered {said}. Look.")
    header = Failure(418, codes=("a.b", "c.d"))
    assert (
        str(api_error(ApiError, header, method="GET", url="/x")) == "GET /x answered 418 (a.b, c.d)"
    )


def test_an_error_keeps_only_so_much_of_an_endless_answer() -> None:
    """A hostile answer of 1 MiB does not end up in every log line."""
    entry = {"code": "a.b", "message": "m" * 2_000, "fields": ["f" * 2_000] * 100}
    failure = failure_of(400, {}, json.dumps({"errors": [entry] * 200, **entry}).encode())
    shown = redacted(failure, ())
    assert (len(shown.errors), len(shown.codes), len(shown.message)) == (50, 50, 1_000)
    assert {(len(d.message), len(d.fields), len(d.fields[0])) for d in shown.errors} == {
        (1_000, 50, 1_000)
    }
    assert len(header_codes({"x-cloud-error-codes": "a.b," * 200})) == 50


def test_a_message_is_one_printable_line() -> None:
    """Line breaks would forge log lines, escapes steer a terminal, surrogates break `print`."""
    entry = rb'{"message": "x\ry\n\u001b[2J\ud800\u2028z", "fields": ["\n"]}'
    shown = redacted(failure_of(400, {}, b'{"errors": [' + entry + b"]}"), ()).errors[0]
    assert (shown.message, shown.fields) == ("x y  [2J  z", (" ",))


# -- secrets that an answer quotes ---------------------------------------------------------


def test_what_an_answer_quotes_of_the_secrets_is_taken_out_everywhere() -> None:
    """A server, or a proxy, may quote what it was sent."""
    entry = {"code": f"a.{PLANTED}", "message": f"<{PLANTED}>", "fields": [f"x{PLANTED}"]}
    body = json.dumps({"errors": [entry], "message": PLANTED}).encode()
    shown = redacted(failure_of(400, {}, body), (Secret("unrelated"), Secret(PLANTED)))
    assert shown == Failure(400, (ErrorDetail("a.***", "<***>", ("x***",)),), ("a.***",), "***")


@given(st.integers(0, 1_010), st.sampled_from(["message", "fields"]))
def test_a_secret_is_taken_out_before_a_text_is_cut(before: int, where: str) -> None:
    """Cutting first would leave the beginning of a secret that lies across the cut."""
    text = "." * before + PLANTED
    entry = {"code": "a.b", "message": "m", where: text if where == "message" else [text]}
    body = json.dumps({"errors": [entry]}).encode()
    assert "pl" not in repr(redacted(failure_of(400, {}, body), (Secret(PLANTED),)))


@pytest.mark.parametrize("order", [("abc", "abcdef"), ("abcdef", "abc")])
def test_of_two_secrets_that_begin_alike_no_rest_stays(order: tuple[str, str]) -> None:
    """A short password may be how a token begins."""
    shown = redacted(Failure(400, message="<abcdef>"), tuple(Secret(text) for text in order))
    assert shown.message == "<***>"


def test_a_code_that_the_api_is_known_to_use_stays_whatever_the_password() -> None:
    """Whoever has the password `root` still learns what the answer means."""
    shown = redacted(
        failure_of(401, {}, body_of("root.unauthenticated", "root.new")), (Secret("root"),)
    )
    assert shown.codes == ("root.unauthenticated", "***.new")
    assert [detail.code for detail in shown.errors] == ["root.unauthenticated", "***.new"]
