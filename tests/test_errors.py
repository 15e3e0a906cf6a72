"""The error tree: what it holds, catches, and keeps in a pickle or a copy."""

from __future__ import annotations

import copy
import pickle
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import aiocloudauth
from aiocloudauth import errors
from aiocloudauth.errors import (
    ApiError,
    CloudAuthError,
    ErrorDetail,
    InvalidResponseError,
    NoAuthenticationClusterError,
    PlanFailedError,
    PlanFailure,
    RateLimitedError,
    SessionExpiredError,
    TransportError,
    UnauthorizedError,
    chain,
    frameless,
)

if TYPE_CHECKING:
    from collections.abc import Callable

#: Every class, and what it is made of.
TREE: dict[str, tuple[str, ...]] = {
    "CloudAuthError": ("Exception",),
    "ConfigurationError": ("CloudAuthError", "ValueError"),
    "TransportError": ("CloudAuthError", "ConnectionError"),
    "RenewalTimeoutError": ("CloudAuthError", "TimeoutError"),
    "InvalidResponseError": ("CloudAuthError",),
    "ApiError": ("CloudAuthError",),
    "AuthenticationError": ("ApiError",),
    "UnauthenticatedError": ("AuthenticationError",),
    "UnauthorizedError": ("AuthenticationError",),
    "PermissionDeniedError": ("ApiError",),
    "ElevatedPermissionsRequiredError": ("PermissionDeniedError",),
    "BadRequestError": ("ApiError",),
    "NotFoundError": ("ApiError",),
    "ConflictError": ("ApiError",),
    "VersionConflictError": ("ConflictError",),
    "PreconditionFailedError": ("ApiError",),
    "RateLimitedError": ("ApiError",),
    "ServerError": ("ApiError",),
    "NoAuthenticationClusterError": ("ServerError",),
    "AuthenticationClusterError": ("ServerError",),
    "GatewayError": ("ServerError",),
    "SessionExpiredError": ("CloudAuthError",),
    "SessionClosedError": ("CloudAuthError",),
    "BodyNotReplayableError": ("CloudAuthError",),
    "PlanFailedError": ("CloudAuthError",),
    "PlanTimeoutError": ("CloudAuthError", "TimeoutError"),
    "StoreError": ("CloudAuthError",),
}

#: Those after which the same call may work later.
RETRYABLE = {
    "TransportError",
    "RenewalTimeoutError",
    "InvalidResponseError",
    "RateLimitedError",
    "ServerError",
    "AuthenticationClusterError",
    "GatewayError",
    "BodyNotReplayableError",
    "PlanTimeoutError",
}

CLASSES: list[type[CloudAuthError]] = [getattr(errors, name) for name in TREE]

API_DETAILS: dict[str, Any] = {
    "status": 449,
    "errors": (ErrorDetail("a.b", "why", ("name",)), ErrorDetail("c.d")),
    "codes": ("a.b", "c.d"),
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
        return kind("what happened", problems=["empty body @ $"])
    if issubclass(kind, PlanFailedError):
        return kind("what happened", failures=[PlanFailure("kibana", "main-kibana", "a", "b", "c")])
    return kind("what happened")


def details(error: BaseException | None) -> object:
    """Spread an error, and its causes, so that two of them can be compared."""
    if error is None:
        return None
    return type(error), error.args, str(error), vars(error), details(error.__cause__)


def pickled(protocol: int, error: CloudAuthError) -> CloudAuthError:
    """Send an error through pickle."""
    again = pickle.loads(pickle.dumps(error, protocol))
    assert isinstance(again, CloudAuthError)
    return again


WAYS: dict[str, Callable[[CloudAuthError], CloudAuthError]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": partial(pickled, n) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
}


def test_the_tree_is_exactly_the_documented_one() -> None:
    """No class is missing, none is extra, and each stands where callers expect it."""
    found = {
        name: tuple(base.__name__ for base in value.__bases__)
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, CloudAuthError)
    }
    assert found == TREE


def test_the_tree_drawn_at_the_top_of_the_module_is_the_real_one() -> None:
    """The picture that people read first is held to the classes."""
    assert errors.__doc__ is not None
    drawn: dict[str, str] = {}
    stack: list[str] = []
    for line in errors.__doc__.splitlines():
        match = re.fullmatch(
            r"    (?P<trunk>[│├└ ]*)(?P<name>\w+Error)(\((?P<second>\w+)\))?", line
        )
        if match is None:
            continue
        depth = len(match["trunk"]) // 2
        del stack[depth:]
        parent = stack[-1] if stack else "Exception"
        drawn[match["name"]] = ",".join(filter(None, (parent, match["second"])))
        stack.append(match["name"])
    assert drawn == {name: ",".join(bases) for name, bases in TREE.items()}


def test_the_module_and_the_package_export_every_error() -> None:
    """`from aiocloudauth import SomeError` works for all of them."""
    assert set(errors.__all__) == {*TREE, "ErrorDetail", "PlanFailure"}
    assert set(errors.__all__) <= set(aiocloudauth.__all__)
    assert all(getattr(aiocloudauth, name) is getattr(errors, name) for name in errors.__all__)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_can_be_made_with_a_message_alone(kind: type[CloudAuthError]) -> None:
    """Doubles and subclasses need to know no detail; the message is what `str` gives."""
    assert str(kind("what happened")) == "what happened"
    assert isinstance(kind(), CloudAuthError)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_keeps_its_details_and_our_cause_in_a_pickle_or_copy(
    kind: type[CloudAuthError], way: str
) -> None:
    """Errors cross process pools and queues: nothing of what they say gets lost."""
    error = example(kind).because(
        UnauthorizedError("refused", **API_DETAILS).because(TransportError("reset"))
    )
    error.add_note("seen on the way")
    again = WAYS[way](error)
    assert again is not error
    assert details(again) == details(error)


@pytest.mark.parametrize("way", WAYS)
def test_a_foreign_cause_does_not_stop_a_pickle_or_copy(way: str) -> None:
    """Those of aiohttp cannot always be pickled; ours still are, without them."""

    class UnpicklableError(Exception):
        def __reduce__(self) -> tuple[Any, ...]:
            raise TypeError("no")

    again = WAYS[way](example(TransportError).because(UnpicklableError()))
    assert again.__cause__ is None
    assert details(again) == details(example(TransportError))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_retryable_is_an_attribute_of_the_class(kind: type[CloudAuthError]) -> None:
    """A retry decorator asks the class, without an error in hand."""
    assert kind.retryable is (kind.__name__ in RETRYABLE)
    assert "retryable" not in vars(example(kind))


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        ("ConfigurationError", ValueError),
        ("TransportError", ConnectionError),
        ("TransportError", OSError),
        ("RenewalTimeoutError", TimeoutError),
    ],
)
def test_the_builtin_equivalents_catch_ours(kind: str, builtin: type[Exception]) -> None:
    """Code that knows nothing of this package handles these as what they are."""
    with pytest.raises(builtin, match="what happened"):
        raise getattr(errors, kind)("what happened")


def test_an_api_error_holds_plain_immutable_parts() -> None:
    """Status is an `int` (`http.HTTPStatus(449)` raises), lists become tuples."""
    error = ApiError(
        "refused",
        status=449,
        errors=[ErrorDetail("a.b")],
        codes=["a.b"],
        method="GET",
        url="https://h/x",
        headers={"Retry-After": "3"},
        retry_after=3.0,
    )
    assert (type(error.status), error.status) == (int, 449)
    assert error.errors == (ErrorDetail("a.b", "", ()),)
    assert error.codes == ("a.b",)
    assert (error.method, error.url, error.retry_after) == ("GET", "https://h/x", 3.0)
    assert error.headers["retry-after"] == error.headers["RETRY-AFTER"] == "3"


def test_an_api_error_made_without_details_has_empty_ones() -> None:
    """Handlers read the attributes of any `ApiError` without asking whether they are there."""
    error = ApiError()
    assert (error.status, error.errors, error.codes) == (0, (), ())
    assert (error.method, error.url, dict(error.headers), error.retry_after) == ("", "", {}, None)


def test_problems_become_a_tuple_and_default_to_none_at_all() -> None:
    """`problems` can be logged, compared and pickled."""
    assert InvalidResponseError("odd", problems=["a", "b"]).problems == ("a", "b")
    assert InvalidResponseError().problems == ()


def test_an_error_detail_cannot_be_changed() -> None:
    """What the server said stays what it said."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ErrorDetail("a.b").code = "c.d"  # type: ignore[misc]  # that it is refused is the claim


def test_a_cause_is_set_without_raising_and_shown_as_one() -> None:
    """`SessionExpiredError.__cause__` says why, also where it was never raised from."""
    cause = NoAuthenticationClusterError("none set up")
    error = SessionExpiredError("the token ran out")
    assert error.because(cause) is error
    assert error.__cause__ is cause
    assert error.__suppress_context__ is True
    assert error.because(None).__cause__ is None


def test_the_one_error_of_its_family_that_is_not_worth_a_retry_says_so() -> None:
    """A 501 stays a `ServerError` to catch, but waiting does not set a cluster up."""
    assert NoAuthenticationClusterError.retryable is False
    assert RateLimitedError.retryable is True


def test_an_error_of_another_library_can_be_kept_without_its_frames() -> None:
    """Their local variables may hold a proxy's password, or what a server sent."""

    def fails(kind: type[Exception]) -> None:
        secret = "pl4nted"  # what such a frame holds
        raise kind(len(secret))

    def chained() -> None:
        try:
            fails(KeyError)
        except KeyError as error:
            raise OSError("broken") from error

    def suppressed() -> None:
        try:
            chained()
        except OSError:
            raise ValueError("no") from None

    with pytest.raises(ValueError, match="no") as caught:
        suppressed()
    error = frameless(caught.value)
    assert error is caught.value
    chain = [error, error.__context__, error.__context__ and error.__context__.__cause__]
    assert [type(link) for link in chain] == [ValueError, OSError, KeyError]
    assert [link.__traceback__ for link in chain if link is not None] == [None, None, None]


def test_a_chain_of_errors_that_is_a_ring_comes_to_an_end() -> None:
    """Two errors may be each other's cause; nobody hangs over that."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert list(chain(one)) == [one, other]
    assert frameless(one) is one
