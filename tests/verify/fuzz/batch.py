"""A batch of answers: drawn, mutated and checked."""

from __future__ import annotations

import traceback
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.verify.fuzz.answers import Answer, answers, mutations
from tests.verify.fuzz.properties import check

#: Answers made of each that Hypothesis draws.
MUTATIONS: Final = 99

#: What a worker gets at a time: draws of Hypothesis.
BATCH: Final = 250


def run_batch(number: int, draws: int) -> tuple[int, str]:
    """Check the answers of some draws; return how many there were, and what was found."""
    checked = 0

    @seed(number)
    @settings(
        max_examples=draws,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(answers(), st.integers(0, 2**32))
    def one(answer: Answer, mutation: int) -> None:
        nonlocal checked
        for candidate in (answer, *mutations(answer, mutation, MUTATIONS)):
            checked += 1
            check(candidate)

    try:
        one()
    except BaseException:  # noqa: BLE001 - whatever is raised is what is looked for
        return checked, traceback.format_exc()
    return checked, ""
