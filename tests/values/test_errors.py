"""The error tree: what it holds, catches, and keeps in a pickle or a copy."""

from __future__ import annotations

import copy
import pickle
import re
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import aiocloudauth
from aiocloudauth import errors
from aiocloudauth.errors import (
    ApiError,
    CloudAuthError,
    ErrorDetail,
    GatewayError,
    InvalidResponseError,
    NoAuthenticationClusterError,
    PlanFailedError,
    PlanFailure,
    ServerError,
    SessionExpiredError,
    TransportError,
    UnauthorizedError,
    chain,
    frameless,
)

if TYPE_CHECKING:
    from collections.abc import Callable

#: Every class, what it is made of, and whether the same call may succeed later.
TREE: dict[str, tuple[str, bool]] = {
    "CloudAuthError": ("Exception", False),
    "ConfigurationError": ("CloudAuthError,ValueError", False),
    "TransportError": ("CloudAuthError,ConnectionError", True),
    "TLSError": ("TransportError", False),
    "RenewalTimeoutError": ("CloudAuthError,TimeoutError", True),
    "InvalidResponseError": ("CloudAuthError", True),
    "ApiError": ("CloudAuthError", False),
    "AuthenticationError": ("ApiError", False),
    "UnauthenticatedError": ("AuthenticationError", False),
    "UnauthorizedError": ("AuthenticationError", False),
    "PermissionDeniedError": ("ApiError", False),
    "ElevatedPermissionsRequiredError": ("PermissionDeniedError", False),
    "BadRequestError": ("ApiError", False),
    "NotFoundError": ("ApiError", False),
    "ConflictError": ("ApiError", False),
    "VersionConflictError": ("ConflictError", False),
    "PreconditionFailedError": ("ApiError", False),
    "RateLimitedError": ("ApiError", True),
    "ServerError": ("ApiError", True),
    "NoAuthenticationClusterError": ("ServerError", False),
    "AuthenticationClusterError": ("ServerError", True),
    "GatewayError": ("ServerError", True),
    "SessionExpiredError": ("CloudAuthError", False),
    "SessionClosedError": ("CloudAuthError", False),
    "BodyNotReplayableError": ("CloudAuthError", True),
    "PlanFailedError": ("CloudAuthError", False),
    "PlanTimeoutError": ("CloudAuthError,TimeoutError", True),
    "StoreError": ("CloudAuthError", True),
}

API_DETAILS: dict[str, Any] = {
    "status": 449,
    "errors": [ErrorDetail("a.b", "why", ("name",)), ErrorDetail("c.d")],
    "codes": ["a.b", "c.d"],
    "method": "PUT",
    "url": "https://ece.example.com/api/v1/x",
    "headers": {"X-Cloud-Error-Codes": "a.b,c.d"},
    "retry_after": 2.5,
}


def example(kind: type[CloudAuthError]) -> CloudAuthError:
    """Make an error of this class with every detail set."""
    if issubclass(kind, ApiError):
        return kind("what happened", **API_DETAILS)
    if issubclass(kind, InvalidResponseError):
        return kind("what happened", problems=["empty body @ $"], retryable=False)
    if issubclass(kind, PlanFailedError):
        failures = [PlanFailure("kibana", "main-kibana", "plan-completed", "It fell.", "Infra")]
        return kind("what happened", failures=failures)
    return kind("what happened")


def details(error: BaseException | None) -> object:
    """Spread an error, and its causes, so that two of them can be compared."""
    if error is None:
        return None
    return type(error), error.args, str(error), vars(error), details(error.__cause__)


WAYS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle 0": lambda error: pickle.loads(pickle.dumps(error, 0)),
    "pickle": lambda error: pickle.loads(pickle.dumps(error, pickle.HIGHEST_PROTOCOL)),
}


def test_the_tree_is_exactly_the_documented_one() -> None:
    """No class is missing, none is extra, and each stands where callers expect it."""
    found = {
        name: ",".join(base.__name__ for base in value.__bases__)
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, CloudAuthError)
    }
    assert found == {name: bases for name, (bases, _) in TREE.items()}
    assert set(errors.__all__) == {*TREE, "ErrorDetail", "PlanFailure"}
    assert all(getattr(aiocloudauth, name) is getattr(errors, name) for name in errors.__all__)
    assert set(errors.__all__) <= set(aiocloudauth.__all__)


def test_the_tree_drawn_at_the_top_of_the_module_is_the_real_one() -> None:
    """The picture that people read first is held to the classes."""
    assert errors.__doc__ is not None
    drawn: dict[str, str] = {}
    stack: list[str] = []
    tree = re.compile(
        r"^    (?P<trunk>[│├└ ]*)(?P<name>\w+Error)(\((?P<second>\w+)\))?$", re.MULTILINE
    )
    for match in tree.finditer(errors.__doc__):
        del stack[len(match["trunk"]) // 2 :]
        parent = stack[-1] if stack else "Exception"
        drawn[match["name"]] = ",".join(filter(None, (parent, match["second"])))
        stack.append(match["name"])
    assert drawn == {name: bases for name, (bases, _) in TREE.items()}


@pytest.mark.parametrize("name", TREE)
def test_every_error_keeps_its_details_and_our_cause_in_a_pickle_or_copy(name: str) -> None:
    """Errors cross process pools and queues: nothing of what they say gets lost."""
    kind: type[CloudAuthError] = getattr(errors, name)
    # Doubles and subclasses need to know no detail; class and error say whether to retry.
    assert (str(kind("what happened")), str(kind())) == ("what happened", "")
    assert kind.retryable is kind().retryable is TREE[name][1]
    cause = UnauthorizedError("refused", **API_DETAILS).because(TransportError("reset"))
    error = example(kind).because(cause)
    error.add_note("seen on the way")
    for way, make in WAYS.items():
        again = make(error)
        assert again is not error, way
        assert details(again) == details(error), way


def test_a_foreign_cause_does_not_stop_a_pickle_or_copy() -> None:
    """Those of aiohttp cannot always be pickled; ours still are, without them."""

    class UnpicklableError(Exception):
        def __reduce__(self) -> tuple[Any, ...]:
            raise TypeError("no")

    for make in WAYS.values():
        again = make(TransportError("reset").because(UnpicklableError()))
        assert details(again) == details(TransportError("reset"))


def test_some_statuses_say_by_themselves_whether_to_try_again() -> None:
    """A 408 asks for another try, and what is not implemented stays so."""
    assert [ApiError(status=status).retryable for status in (408, 425, 405)] == [True, True, False]
    assert not ServerError(status=501).retryable
    assert not NoAuthenticationClusterError(status=501).retryable
    assert GatewayError(status=401).retryable


def test_a_lost_session_is_as_retryable_as_what_lost_it() -> None:
    """After an outage it comes back by itself; after a refused password it does not."""
    assert SessionExpiredError("x").because(TransportError("reset")).retryable
    assert not SessionExpiredError("x").because(UnauthorizedError("no")).retryable
    assert not SessionExpiredError("x").because(ConnectionError("somebody else's")).retryable
    assert not SessionExpiredError("x").because(TransportError("x")).because(None).retryable


def test_an_error_s_parts_are_plain_and_immutable() -> None:
    """Status is an `int` (`http.HTTPStatus(449)` raises), lists become tuples."""
    error = ApiError("refused", **API_DETAILS)
    assert (type(error.status), error.status) == (int, 449)
    assert (error.errors[0].fields, error.codes) == (("name",), ("a.b", "c.d"))
    assert error.headers["x-cloud-error-codes"] == "a.b,c.d"
    assert InvalidResponseError(problems=["a"]).problems == ("a",)
    assert PlanFailedError(failures=[PlanFailure("k", "r", "s")]).failures[0].failure_type is None
    empty = ApiError()
    assert (empty.status, empty.errors, empty.codes, empty.retry_after) == (0, (), (), None)
    assert (empty.method, empty.url, dict(empty.headers)) == ("", "", {})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        error.errors[0].code = "c.d"  # type: ignore[misc]  # that it is refused is the claim


def test_a_cause_is_set_without_raising_and_shown_as_one() -> None:
    """`SessionExpiredError.__cause__` says why, also where it was never raised from."""
    cause, error = TransportError("reset"), SessionExpiredError("the token ran out")
    assert error.because(cause) is error
    assert (error.__cause__, error.__suppress_context__) == (cause, True)
    assert error.because(None).__cause__ is None


def test_an_error_of_another_library_can_be_kept_without_its_frames() -> None:
    """Their local variables may hold a proxy's password; those behind a `from None` too."""

    def fails() -> None:
        try:
            int("no number")
        except ValueError as error:
            raise OSError("broken") from error

    def suppressed() -> None:
        try:
            fails()
        except OSError:
            raise ValueError("no") from None

    with pytest.raises(ValueError, match="no") as caught:
        suppressed()
    error = frameless(caught.value)
    assert error is caught.value
    links = list(chain(error))
    assert [type(link) for link in links] == [ValueError, OSError, ValueError]
    assert [link.__traceback__ for link in links] == [None, None, None]


def test_a_chain_of_errors_that_is_a_ring_comes_to_an_end() -> None:
    """Two errors may be each other's cause; nobody hangs over that."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert list(chain(one)) == [one, other]
