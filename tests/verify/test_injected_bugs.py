"""The tests of the invariants can fail: each finds the bugs that break what it claims."""

# ruff: noqa: D103, ANN401 - a bug's name describes it, and it hands on whatever it is handed

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase
from multidict import CIMultiDict

from aiocloudauth import CloudSession, Secret
from aiocloudauth._http import responses
from aiocloudauth._http.connection import Stamp
from aiocloudauth._http.exchange import AuthExchange
from aiocloudauth._runtime.attempt import Attempts
from aiocloudauth._runtime.guard import Guard
from aiocloudauth._runtime.runner import NOTHING, Runner
from aiocloudauth._wire import schema
from aiocloudauth._wire.endpoint import Endpoint
from aiocloudauth.errors import CloudAuthError
from aiocloudauth.middleware import BearerMiddleware
from aiocloudauth.refresher import TokenRefresher
from tests.verify import test_invariants as invariants
from tests.verify.injected_bugs import BUGS, Patch
from tests.verify.stateful_loops import run_stateful_loops
from tests.verify.stateful_session import run_stateful_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def what_a_bug_leaves_open_is_forgotten() -> Iterator[None]:
    """A broken close leaves sessions and loops, which complain when they are collected."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.mark.parametrize(("number", "put"), BUGS)
def test_a_bug_in_any_course_is_found(
    number: int, put: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    """By the same state machine, and by what judges that very promise.

    Most are found in some ten examples, the rarest in a hundred; there are a thousand, so that none
    is missed by chance. The first that finds the bug is the last.
    """
    put(monkeypatch)
    with pytest.raises(AssertionError, match=f"invariant {number}: "):
        run_stateful_session(
            frozenset([number]), max_examples=1000, phases=[Phase.generate], derandomize=True
        )


# -- invariant 12 -------------------------------------------------------------------------


def no_loop_is_checked(patch: Patch) -> None:
    patch.setattr(Guard, "require_own_loop", lambda self: None)


def an_orphan_waits_for_its_flights(patch: Patch) -> None:
    patch.setattr(Guard, "orphaned", False)


def an_open_in_another_loop_is_let_in(patch: Patch) -> None:
    async def open_again(self: TokenRefresher, **_: object) -> TokenRefresher:
        return self

    patch.setattr(TokenRefresher, "open", open_again)


@pytest.mark.parametrize(
    "put", [no_loop_is_checked, an_orphan_waits_for_its_flights, an_open_in_another_loop_is_let_in]
)
def test_a_bug_about_loops_is_found(put: Callable[[Patch], None], monkeypatch: Patch) -> None:
    """Invariant 12, by its own machine; a hang would end with the guard's `TimeoutError`."""
    put(monkeypatch)
    with pytest.raises((AssertionError, CloudAuthError, RuntimeError, TimeoutError)):
        run_stateful_loops(max_examples=400, phases=[Phase.generate], derandomize=True)


# -- invariants 8, 9, 13 and 14 -----------------------------------------------------------


def every_origin_is_the_own(patch: Patch) -> None:
    patch.setattr(Endpoint, "owns", lambda self, url: True)


def plain_http_is_as_good_as_https(patch: Patch) -> None:
    owns = Endpoint.owns
    patch.setattr(
        Endpoint, "owns", lambda self, url: owns(self, url) or owns(self, url.with_scheme("https"))
    )


def a_proxy_gets_the_header_too(patch: Patch) -> None:
    call = BearerMiddleware.__call__

    async def open_hearted(self: BearerMiddleware, request: Any, handler: Any) -> Any:
        token = self._source.current
        if token is not None:
            request.proxy_headers = CIMultiDict(Authorization=token.authorization.reveal())
        return await call(self, request, handler)

    patch.setattr(BearerMiddleware, "__call__", open_hearted)


def a_secret_shows_itself(patch: Patch) -> None:
    patch.setattr(Secret, "__repr__", lambda self: f"Secret({self.reveal()!r})")


def a_secret_can_be_pickled(patch: Patch) -> None:
    patch.setattr(Secret, "__reduce__", lambda self: (Secret, (self.reveal(),)))


def what_the_server_quotes_is_passed_on(patch: Patch) -> None:
    patch.setattr(responses, "redacted", lambda failure, secrets: failure)


def renewals_share_the_callers_pool(patch: Patch) -> None:
    make = CloudSession.__init__

    def sharing(self: CloudSession, *args: Any, **options: Any) -> None:
        make(self, *args, **options, auth_connector=options.get("connector"))

    patch.setattr(CloudSession, "__init__", sharing)


def renewals_run_through_the_callers_middlewares(patch: Patch) -> None:
    make, stamp = CloudSession.__init__, Stamp.__call__
    theirs: list[Any] = []

    def noting(self: CloudSession, *args: Any, **options: Any) -> None:
        theirs[:] = options.get("middlewares", ())
        make(self, *args, **options)

    async def exposed(self: Stamp, request: Any, handler: Any) -> Any:
        async def inner(request: Any) -> Any:
            return await stamp(self, request, handler)

        return await theirs[0](request, inner)

    patch.setattr(CloudSession, "__init__", noting)
    patch.setattr(Stamp, "__call__", exposed)


def line_breaks_are_let_into_tokens(patch: Patch) -> None:
    patch.setattr("aiocloudauth.credentials.token_problem", lambda value: None)
    patch.setattr("aiocloudauth.credentials._text_problem", lambda value: None)


def line_breaks_are_let_in_from_the_server(patch: Patch) -> None:
    patch.setattr(schema, "token_problem", lambda value: None)


def a_bad_answer_loses_the_token(patch: Patch) -> None:
    fail = Runner._fail

    def harsh(self: Runner, effect: Any, error: CloudAuthError) -> None:
        fail(self, effect, error)
        self.served = NOTHING

    patch.setattr(Runner, "_fail", harsh)


def an_answer_of_any_size_is_read(patch: Patch) -> None:
    make = AuthExchange.__init__

    def greedy(self: AuthExchange, *args: Any, **options: Any) -> None:
        make(self, *args, **(options | {"max_body": 10**9}))

    patch.setattr(AuthExchange, "__init__", greedy)


def credentials_that_do_not_work_are_kept(patch: Patch) -> None:
    make_attempt = Attempts.make

    async def trusting(self: Attempts, effect: Any, trial: Any) -> Any:
        self.credentials = trial or self.credentials
        return await make_attempt(self, effect, trial)

    patch.setattr(Attempts, "make", trusting)


EIGHT = invariants.test_invariant_08_the_token_goes_to_its_own_origin_and_nowhere_else
NINE = invariants.test_invariant_09_no_secret_is_shown
THIRTEEN = (
    invariants.test_invariant_13_a_renewal_waits_for_no_traffic_and_runs_through_no_middleware
)
FOURTEEN = invariants.test_invariant_14_bad_input_is_a_typed_error_and_nothing_held_is_lost


@pytest.mark.parametrize(
    ("claim", "put"),
    [
        (EIGHT, every_origin_is_the_own),
        (EIGHT, plain_http_is_as_good_as_https),
        (EIGHT, a_proxy_gets_the_header_too),
        (NINE, a_secret_shows_itself),
        (NINE, a_secret_can_be_pickled),
        (NINE, what_the_server_quotes_is_passed_on),
        (THIRTEEN, renewals_share_the_callers_pool),
        (THIRTEEN, renewals_run_through_the_callers_middlewares),
        (FOURTEEN, line_breaks_are_let_into_tokens),
        (FOURTEEN, line_breaks_are_let_in_from_the_server),
        (FOURTEEN, a_bad_answer_loses_the_token),
        (FOURTEEN, an_answer_of_any_size_is_read),
        (FOURTEEN, credentials_that_do_not_work_are_kept),
    ],
)
async def test_a_bug_at_the_edge_is_found(
    claim: Callable[[], Any], put: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    """By the test that states the invariant, as it stands."""
    put(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, CloudAuthError)):
        await claim()
