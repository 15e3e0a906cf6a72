"""A soak of seconds; `make soak` takes a minute for each loop, or as long as it is told to."""

from __future__ import annotations

import pytest

from tests.verify.soak.__main__ import LOOPS, main


@pytest.mark.parametrize("loop", LOOPS)
def test_no_request_fails_and_the_process_does_not_grow(
    loop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """200 workers over TLS; tokens of two seconds; renewals that fail; revocations."""
    pytest.importorskip(loop, reason=f"{loop} is not installed")
    status = main(["--seconds", "10", "--loop", loop])
    assert status == 0, capsys.readouterr().out
