"""What refused tokens cost, at length: the crowds and the courses of `refusals`."""

from __future__ import annotations

import pytest

from tests.verify.refusals import bad_node, revocations


@pytest.mark.parametrize("age", [0.0, 0.5, 3.0])
async def test_a_crowd_of_5000_survives_three_revocations_in_a_row(age: float) -> None:
    """A pool of 401s each, the questions, one login; nothing fails."""
    lines = await revocations(age)
    assert len(lines) == 3
    assert [str(line) for line in lines if not line.kept] == []


@pytest.mark.parametrize(("one_in", "share"), [(20, 0.98), (3, 0.85)])
async def test_a_bad_node_is_lived_with_by_several_callers(one_in: int, share: float) -> None:
    """For ten minutes."""
    line = await bad_node(one_in, share)
    assert line.kept, line
