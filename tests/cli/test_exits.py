"""Every error has its exit status, and one line."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import pytest

from aiocloudauth import errors
from aiocloudauth._cli.exits import EXITS, exit_code, line, report

EXPECTED = {
    "ApiError": 7,
    "AuthenticationClusterError": 9,
    "AuthenticationError": 4,
    "BadRequestError": 7,
    "BodyNotReplayableError": 4,
    "CloudAuthError": 1,
    "ConfigurationError": 3,
    "ConflictError": 7,
    "ElevatedPermissionsRequiredError": 5,
    "GatewayError": 9,
    "InvalidResponseError": 9,
    "NoAuthenticationClusterError": 9,
    "NotFoundError": 6,
    "PermissionDeniedError": 5,
    "PlanFailedError": 10,
    "PlanTimeoutError": 124,
    "PreconditionFailedError": 7,
    "RateLimitedError": 7,
    "RenewalTimeoutError": 124,
    "ServerError": 9,
    "SessionClosedError": 1,
    "SessionExpiredError": 4,
    "StoreError": 3,
    "TLSError": 8,
    "TransportError": 8,
    "UnauthenticatedError": 4,
    "UnauthorizedError": 4,
    "VersionConflictError": 7,
}


def test_every_error_has_its_status() -> None:
    """Also those that are added one day: they are missed here."""
    kinds = [getattr(errors, name) for name in errors.__all__]
    found = {
        kind.__name__: exit_code(kind("x"))
        for kind in kinds
        if issubclass(kind, errors.CloudAuthError)
    }
    assert found == EXPECTED
    assert set(found.values()) <= set(EXITS)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), 124),
        (ConnectionRefusedError(), 8),
        (KeyboardInterrupt(), 130),
        (KeyError("x"), 1),
        (OSError(errno.ENOSPC, "No space left on device"), 1),
        (errors.SessionExpiredError("x").because(errors.TransportError("y")), 8),
    ],
    ids=["time", "connection", "interrupt", "bug", "full disk", "cause"],
)
def test_other_errors_have_one_too(error: BaseException, expected: int) -> None:
    """The cause of a lost session counts for it."""
    assert exit_code(error) == expected


def test_a_servers_words_do_not_steer_the_terminal() -> None:
    """Nor do they make two lines of one."""
    told = line(errors.ApiError("a\x1b[2J\nb"))
    assert told.startswith("a?[2J b; ")


def test_an_error_that_ends_with_a_question_is_asked_no_second_one() -> None:
    """It says by itself what to look at."""
    asked = "https://ece: a page of HTML: does the URL lead to the API's root?"
    assert line(errors.InvalidResponseError(asked)) == asked
    assert line(errors.InvalidResponseError("no JSON.")).startswith("no JSON; does the URL lead")


def test_of_an_error_of_another_kind_json_has_less() -> None:
    """There was no answer that could have a status."""
    told = json.loads(report(errors.TransportError("x"), as_json=True))
    assert set(told) == {"error", "message", "exit_code", "retryable"}


def test_the_page_has_every_status() -> None:
    """As the help has them."""
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(status): what for status, what in rows} == EXITS
