"""What refused tokens cost a crowd: the largest case of `refusals`."""

from __future__ import annotations

from tests.verify.refusals import revocations


async def test_a_crowd_of_5000_survives_three_revocations_in_a_row() -> None:
    """A pool of 401s each, the questions, one login; nothing fails."""
    lines = await revocations(0.5)
    assert len(lines) == 3
    assert [str(line) for line in lines if not line.kept] == []
