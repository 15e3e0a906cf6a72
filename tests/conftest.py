"""What holds for every test."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# asyncio's policy makes a loop for whoever asks for the current one before any was set, and nobody
# closes that one: where sync and async tests mix, its ResourceWarning ends the run with status 1.
# Once this has said that there is none, asking is an error instead.
asyncio.set_event_loop(None)

# A shell script has what it starts in the background ignore Ctrl-C, and its children too: the tests
# about Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's affair: no test here is about time that passes.
# `make verify` asks for its profile on pytest's command line, which comes after this.
for name, examples in {"test": 30, "verify": 200, "fuzz": 10_000}.items():
    settings.register_profile(
        name,
        deadline=None,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("test")


@pytest.fixture(autouse=True)
def log_level_kept() -> Iterator[None]:
    """Set the log's level back: a program that a test runs in this process may silence it."""
    logger = logging.getLogger("aiocloudauth")
    level = logger.level
    yield
    logger.setLevel(level)
