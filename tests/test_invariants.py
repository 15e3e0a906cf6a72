"""What a session promises whatever happens to it, each promise by its number."""

from __future__ import annotations

from tests.siege import besiege
from tests.wanderer import wander


def test_invariant_01_at_most_one_renewal_is_in_flight_and_its_callers_share_the_outcome() -> None:
    """LESSONS: many refreshes at once (storm)."""
    besiege(1)


def test_invariant_02_cancelling_a_caller_cancels_only_that_caller() -> None:
    """LESSONS: cancelling one waiter fails all, for ever."""
    besiege(2)


def test_invariant_03_attempts_are_never_closer_than_min_interval() -> None:
    """LESSONS: backoff computed but never slept."""
    besiege(3)


def test_invariant_04_the_token_never_goes_back_to_an_older_generation() -> None:
    """LESSONS: renewal finishing after logout revives the session."""
    besiege(4)


def test_invariant_05_token_and_expiry_are_always_of_one_answer() -> None:
    """Looked at between all steps, and in the middle of every event."""
    besiege(5)


def test_invariant_06_a_failing_renewal_never_fails_a_request_while_the_token_is_good() -> None:
    """LESSONS: errors while the token is still good."""
    besiege(6)


def test_invariant_07_a_request_is_replayed_at_most_once_and_whole() -> None:
    """LESSONS: replay lost the body, or sent the old token."""
    besiege(7)


def test_invariant_10_after_close_nothing_is_pending_or_published() -> None:
    """LESSONS: loop survives close(); tasks pending at shutdown."""
    besiege(10)


def test_invariant_11_a_background_failure_is_never_silent() -> None:
    """LESSONS: background loop dies on an unexpected exception type."""
    besiege(11)


def test_invariant_12_another_loop_gets_a_clear_error_or_a_fresh_flight_and_no_hang() -> None:
    """Forks are tested with processes, in `test_forks_and_loops`."""
    wander()
