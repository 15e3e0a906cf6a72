"""The view of a session: what it counts, and how it tells."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from aiocloudauth import (
    CloudSession,
    GatewayError,
    LoggedIn,
    LoggedOut,
    Password,
    RenewalFailed,
    SessionLost,
    TransportError,
)
from aiocloudauth._cli.monitor import Monitor


class Terminal(io.StringIO):
    """A terminal that keeps what it was sent."""

    def isatty(self) -> bool:
        return True


def test_the_monitor_tells_of_what_the_session_tells() -> None:
    """Each in one line, without a second one for an error's cause."""
    out = io.StringIO()
    monitor = Monitor(out)
    at = datetime.now(UTC)
    monitor.tell(LoggedIn(at=at, session_expiration_time=None))
    refused = TransportError("connection refused")
    monitor.tell(RenewalFailed(at=at, error=refused, attempt=3, retry_at=None))
    monitor.tell(RenewalFailed(at=at, error=refused, attempt=1, retry_at=at))
    monitor.tell(SessionLost(at=at, error=GatewayError("", status=503)))
    monitor.tell(SessionLost(at=at, error=TransportError()))
    monitor.tell(LoggedOut(at=at))
    monitor.finish()
    assert [line[10:] for line in out.getvalue().splitlines()] == [
        "logged in, no expiry",
        "renewal failed: TransportError: connection refused; no further attempt",
        "renewal failed: TransportError: connection refused; next in 0 ms",
        "no usable token is left: 503 GatewayError",
        "no usable token is left: TransportError",
        "",
    ]


def test_a_servers_words_do_not_steer_the_terminal() -> None:
    """An error code is the server's, and a terminal obeys escape sequences."""
    out = io.StringIO()
    monitor = Monitor(out)
    error = GatewayError("", status=502, codes=("\x1b[2J\x07oops\r\n",))
    monitor.tell(SessionLost(at=datetime.now(UTC), error=error))
    monitor.missed(error)
    monitor.finish()
    assert out.getvalue().count("502 ?[2J?oops??") == 2


async def test_a_session_without_a_token_is_shown_as_such() -> None:
    """Before the login there is nothing to expire."""
    monitor = Monitor(io.StringIO())
    cloud = CloudSession("https://ece.example.com", Password("a", "b"))
    monitor.sample()
    assert monitor.line(cloud).endswith("0 failed  no token  0 renewals  new")
