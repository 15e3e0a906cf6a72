"""A fleet on virtual time calls as often as one process; `make fleet` has a thousand members."""

from __future__ import annotations

import pytest

from tests.verify.fleet.thousand import course


@pytest.mark.parametrize(("seed", "skew"), [(1, 0.0), (2, 600.0), (3, 600.0)])
async def test_a_fleet_renews_as_one_does(seed: int, skew: float) -> None:
    """Also after a partition, the loss of the store and a rolling restart.

    Where clocks are wrong: as the one whose clock is furthest ahead would alone.
    """
    found = await course(100, seed, skew=skew)
    assert found.met, str(found)
