"""How soon a session without a token has one again after an outage. No event loop."""

from __future__ import annotations

import statistics
from random import Random
from typing import TYPE_CHECKING

import pytest

from aiocloudauth._core.states import Acquiring, Active, Opened
from tests.core.lifecycle_driver import TRANSIENT, LifecycleDriver, active, lifecycle

if TYPE_CHECKING:
    from aiocloudauth.errors import CloudAuthError


def recovery(run: LifecycleDriver, outage: float, chance: Random, error: CloudAuthError) -> float:
    """Let every attempt fail for so long; return the seconds from then to the next token."""
    end = run.now + outage
    while not isinstance(run.state, Active):
        if not isinstance(run.state, Acquiring):
            run.wake()
        elif run.now < end:
            run.fail(error, draw=chance.random())
        else:
            run.grant(1200.0)
    return run.now - end


@pytest.mark.parametrize("error", [TRANSIENT[0], TRANSIENT[5]], ids=["reset", "page"])
@pytest.mark.parametrize("started", ["closed", "revoked"])
@pytest.mark.parametrize("outage", [20.0, 60.0, 300.0])
def test_after_an_outage_a_token_is_had_again_within_seconds(
    outage: float, started: str, error: CloudAuthError
) -> None:
    """Of 100 seeds: 5 s on the average, 11 s at most."""
    waits = []
    for seed in range(100):
        chance = Random(f"{outage} {seed}")
        if started == "closed":
            run = lifecycle()
            run.feed(Opened)
        else:
            run = active()
            run.revoke(after=60.0)
        waits.append(recovery(run, outage, chance, error))
    assert statistics.mean(waits) <= 5.0
    assert max(waits) <= 11.0
