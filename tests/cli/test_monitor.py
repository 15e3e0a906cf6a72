"""The view of a session: what it counts, and how it tells."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from aiocloudauth import (
    CloudSession,
    GatewayError,
    LoggedIn,
    LoggedOut,
    Password,
    RenewalFailed,
    SessionExpiredError,
    SessionLost,
    StoreError,
    StoreFailed,
    TokenAdopted,
    TokenRenewed,
    TransportError,
)
from aiocloudauth._cli.monitor import Monitor
from aiocloudauth.testing import ManualClock


class Terminal(io.StringIO):
    """A terminal that keeps what it was sent."""

    def isatty(self) -> bool:
        return True


def test_the_monitor_tells_of_what_the_session_tells() -> None:
    """Each in one line: a login is called one, and why there is no session is said."""
    out = io.StringIO()
    monitor = Monitor(out)
    at = datetime.now(UTC)
    refused = TransportError("connection refused")
    monitor.tell(RenewalFailed(at=at, error=refused, attempt=1, retry_at=at))
    monitor.tell(LoggedIn(at=at, session_expiration_time=None))
    monitor.tell(RenewalFailed(at=at, error=refused, attempt=3, retry_at=None))
    monitor.tell(RenewalFailed(at=at, error=refused, attempt=1, retry_at=at))
    monitor.tell(SessionLost(at=at, error=GatewayError("", status=503)))
    monitor.tell(SessionLost(at=at, error=TransportError()))
    expired = SessionExpiredError("no usable token").because(refused)
    monitor.tell(SessionLost(at=at, error=expired))
    monitor.tell(LoggedIn(at=at, session_expiration_time=None))
    monitor.tell(TokenAdopted(at=at, generation=2, session_expiration_time=None))
    monitor.tell(StoreFailed(at=at, error=StoreError("no answer")))
    for generation in (3, 4):
        monitor.tell(
            TokenRenewed(at=at, generation=generation, session_expiration_time=None, took=0.012)
        )
    monitor.tell(LoggedOut(at=at))
    monitor.finish()
    assert [line[10:] for line in out.getvalue().splitlines()] == [
        "login failed: TransportError: connection refused",
        "logged in, no expiry",
        "renewal failed: TransportError: connection refused; no further attempt",
        "renewal failed: TransportError: connection refused; next in 0 ms",
        "no session: 503 GatewayError",
        "no session: TransportError",
        "no session: TransportError: connection refused",
        "took a token from the store, no expiry",
        "the session goes on without the store: StoreError: no answer",
        "token 3 by a login in 12 ms, no expiry",
        "token 4 by a renewal in 12 ms, no expiry",
        "",
    ]


@pytest.mark.parametrize("columns", [200, 80, 60, 40, 20, 5])
def test_a_narrow_terminal_gets_what_matters_most(columns: int) -> None:
    """The state last of all; what does not fit goes whole."""
    monitor = Monitor(io.StringIO())
    cloud = CloudSession("https://ece.example.com", Password("a", "b"))
    monitor.sample()
    monitor.tell(SessionLost(at=datetime.now(UTC), error=TransportError("refused")))
    line = monitor.line(cloud, columns)
    assert len(line) < columns
    assert line.endswith("new" if columns < 100 else "  new  TransportError: refused")
    assert ("no token" in line) == (columns >= 20)
    assert ("0 failed" in line) == (columns >= 40)
    assert ("renewals" in line) == (columns >= 60)


def test_a_servers_words_do_not_steer_the_terminal() -> None:
    """An error code is the server's, and a terminal obeys escape sequences."""
    out = io.StringIO()
    monitor = Monitor(out)
    error = GatewayError("", status=502, codes=("\x1b[2J\x07oops\r\n",))
    monitor.tell(SessionLost(at=datetime.now(UTC), error=error))
    monitor.missed(error)
    monitor.finish()
    assert out.getvalue().count("502 ?[2J?oops??") == 2


async def test_a_closed_session_is_shown_no_more() -> None:
    """What stands there last is how it was."""
    clock, out = ManualClock(), io.StringIO()
    monitor = Monitor(out, clock)
    cloud = CloudSession("https://ece.example.com", Password("a", "b"))
    async with monitor.shown(cloud):
        await clock.advance(1.5)
        await cloud.close()
        told = out.getvalue()
        assert told.count("\n") == 1
        await clock.advance(5)
        assert out.getvalue() == told


async def test_a_session_without_a_token_is_shown_as_such() -> None:
    """Before the login there is nothing to expire."""
    monitor = Monitor(io.StringIO())
    cloud = CloudSession("https://ece.example.com", Password("a", "b"))
    monitor.sample()
    assert monitor.line(cloud).endswith("0 failed  no token  0 renewals  new")
