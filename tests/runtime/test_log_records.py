"""What the log says of an outage, a loss and the rest: how often, how loudly, in one line."""

from __future__ import annotations

import ast
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aiocloudauth
from aiocloudauth import CloudAuthError, RenewalPolicy, StoreError, TransportError, events
from aiocloudauth._runtime.log_records import LogRecords, span
from aiocloudauth.clock import Timeline
from aiocloudauth.testing import ClusterError, ManualClock, NoCluster, Status
from tests.manual_refresher import OTHER, manual_refresher

if TYPE_CHECKING:
    from collections.abc import Iterator

STEADY = RenewalPolicy(jitter=0.0)
LOST = (
    "no token is left to send: TransportError; requests wait for it, then fail; "
    "see whether the host is up and can be reached from here"
)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """All records of the package; every one names the host, once, in one line."""
    caplog.set_level(logging.DEBUG, logger="aiocloudauth")
    yield caplog
    for record in ours(caplog):
        line, host = record.getMessage(), record.__dict__["ece_host"]
        assert "\n" not in line
        assert line.startswith(f"{host}: ")


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return the package's own records."""
    return [one for one in caplog.records if one.name == "aiocloudauth"]


def loud(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return level and text, without the host, of what a default configuration shows."""
    return [
        (one.levelname, one.getMessage().partition(": ")[2])
        for one in ours(caplog)
        if one.levelno >= logging.WARNING
    ]


async def test_a_mended_outage_begins_and_ends_with_one_warning_and_has_few_between(
    logged: pytest.LogCaptureFixture,
) -> None:
    """Eleven attempts in five minutes are one record at the start, one a minute, one at the end."""
    async with manual_refresher(server={"token_lifetime": 2400.0}, policy=STEADY) as run:
        run.server.fail_next("*", ClusterError(), times=1000)
        await run.clock.advance(2100 + 180)
        run.server.clear_faults()
        await run.clock.advance(115)
        told = loud(logged)
        assert {level for level, _ in told} == {"WARNING"}
        first, *between, last = (line for _, line in told)
        assert first.startswith("renewal failed: POST http://")
        assert "; requests go on with the token in hand; the next attempt is in 1" in first
        assert 2 <= len(between) <= 3
        assert all(line.startswith("renewal attempt ") for line in between)
        assert all(" min" in line.partition(" into the outage: POST ")[0] for line in between)
        assert last.startswith("renewed after 3 min ")
        assert last.endswith("; 0 requests waited")
        attempts = [one for one in run.seen if isinstance(one, events.RenewalFailed)]
        assert len(attempts) > len(between) + 1


async def test_a_loss_that_waiting_does_not_mend_says_so(
    logged: pytest.LogCaptureFixture,
) -> None:
    """No authentication cluster: nobody waits for what somebody has to set up."""
    async with manual_refresher(server={"token_lifetime": 60.0}, policy=STEADY) as run:
        run.server.fail_next("*", NoCluster(), times=1000)
        await run.clock.advance(70)
        (error,) = (line for level, line in loud(logged) if level == "ERROR")
        assert error.startswith("no token is left to send: ")
        assert error.endswith("; mend what is named here; login() then tries at once")
        run.server.clear_faults()


async def test_requests_that_waited_are_counted_at_the_end(
    logged: pytest.LogCaptureFixture,
) -> None:
    """One error when no token is left, and the recovery at a level that shows."""
    async with manual_refresher(server={"token_lifetime": 60.0}, policy=STEADY) as run:
        run.server.fail_next("*", ClusterError(), times=1000)
        await run.clock.advance(58)
        waiting = [await run.start(run.refresher.usable()) for _ in range(3)]
        run.server.clear_faults()
        for one in waiting:
            await run.drive(one)
        told = loud(logged)
        assert [level for level, _ in told] == ["WARNING", "ERROR", "WARNING"]
        assert told[1][1].startswith("no token is left to send: POST http://")
        assert told[1][1].endswith(
            "; requests wait for it, then fail; "
            "see whether the host is up and can be reached from here"
        )
        assert told[2][1].startswith(("renewed after ", "logged in after "))
        assert told[2][1].endswith("; 3 requests waited")
        assert ours(logged)[-1].__dict__["ece_event"] == "TokenRenewed"


async def test_a_login_that_fails_after_the_token_ended_is_called_a_login(
    logged: pytest.LogCaptureFixture,
) -> None:
    """Until then it was a renewal."""
    async with manual_refresher(server={"token_lifetime": 60.0}, policy=STEADY) as run:
        run.server.fail_next("*", ClusterError(), times=1000)
        await run.clock.advance(180)
        lines = [line for _, line in loud(logged)]
        assert lines[0].startswith("renewal failed: ")
        assert lines[-1].startswith("login attempt ")
        assert "/_login answered" in lines[-1]
        run.server.clear_faults()


async def test_a_refused_login_is_one_error_that_says_what_to_do(
    logged: pytest.LogCaptureFixture,
) -> None:
    """The failure and the loss are one record: the pager rings once."""
    async with manual_refresher(policy=STEADY) as run:
        run.server.fail_next("_login", Status(401, "root.unauthenticated"))
        await run.revoke()
        await run.clock.advance(5)
        ((level, line),) = loud(logged)
        assert level == "ERROR"
        assert line.startswith("no token is left to send: login failed: POST ")
        assert line.endswith(
            "; requests fail; the next attempt is in 15 min; "
            "to try other credentials at once, call login(credentials)"
        )
        record = next(one for one in ours(logged) if one.levelno == logging.ERROR)
        assert record.__dict__["ece_error_type"] == "UnauthenticatedError"
        assert record.__dict__["ece_attempt"] == 1
        assert record.__dict__["ece_retry_in"] == pytest.approx(900, abs=1)
        await run.clock.advance(60)
        await run.drive(run.refresher.login(OTHER))
        assert loud(logged)[-1] == ("WARNING", "logged in after 1 min 5 s; 0 requests waited")


@pytest.mark.parametrize(
    "fault", [Status(401, "root.unauthenticated"), NoCluster()], ids=["refused", "no cluster"]
)
async def test_an_open_that_fails_announces_nothing(
    fault: Status | NoCluster, logged: pytest.LogCaptureFixture
) -> None:
    """It raises; nobody tries again, and the next `open` begins a new story."""
    async with manual_refresher(opened=False, policy=STEADY) as run:
        run.server.fail_next("_login", fault)
        with pytest.raises(CloudAuthError):
            await run.drive(run.refresher.open())
        ((level, line),) = loud(logged)
        assert level == "WARNING"
        assert line.startswith("login failed: POST ")
        assert "attempt" not in line
        record = next(one for one in ours(logged) if one.levelno == logging.WARNING)
        assert record.__dict__["ece_attempt"] == 1
        await run.clock.advance(3600)
        await run.drive(run.refresher.open())
        assert len(loud(logged)) == 1
        assert ours(logged)[-1].getMessage().endswith("logged in; the token ends in 20 min")


async def test_an_open_in_the_background_announces_the_next_attempt(
    logged: pytest.LogCaptureFixture,
) -> None:
    """It goes on, and says so."""
    async with manual_refresher(opened=False, policy=STEADY) as run:
        run.server.fail_next("_login", ClusterError(), times=2)
        await run.drive(run.refresher.open(wait=False))
        await run.clock.advance(30)
        told = loud(logged)
        assert len(told) == 2
        assert told[0][1].startswith("login failed: POST ")
        assert "; the next attempt is in " in told[0][1]
        assert told[1][1].startswith("logged in after ")


async def test_an_uneventful_life_is_told_in_sentences_to_who_debugs(
    logged: pytest.LogCaptureFixture,
) -> None:
    """Nothing above DEBUG, and no repr of a record."""
    async with manual_refresher(policy=STEADY) as run:
        await run.clock.advance(1000)
        await run.drive(run.refresher.logout())
    lines = [one.getMessage().partition(": ")[2] for one in ours(logged)]
    assert lines == [
        "logged in; the token ends in 20 min",
        "renewed; the token ends in 20 min",
        "logged out",
        "the session is closed",
    ]
    assert loud(logged) == []


def test_what_else_may_happen_is_told_too(logged: pytest.LogCaptureFixture) -> None:
    """A replay to who debugs; a store and a key that somebody should see to, as warnings."""
    clock = ManualClock(sockets=False)
    log_records = LogRecords("ece.example.com", clock, Timeline(clock))
    at = datetime.fromtimestamp(clock.time(), UTC)
    end = datetime.fromtimestamp(clock.time() + 90_000, UTC)
    for event in (
        events.RequestReplayed(at=at, method="GET", url="https://ece.example.com/x"),
        events.StoreFailed(at=at, error=StoreError("the file\nis locked")),
        events.KeyExpiring(at=at, session_expiration_time=end),
        events.TokenAdopted(at=at, generation=2, session_expiration_time=None),
        *[events.SessionLost(at=at, error=TransportError())] * 3,
    ):
        log_records.tell(event)
        log_records.write(None)
    assert [
        (one.levelname, one.getMessage().removeprefix("ece.example.com: ")) for one in ours(logged)
    ] == [
        ("DEBUG", "GET https://ece.example.com/x is sent again with another token"),
        (
            "WARNING",
            "the token store cannot be used, and the session goes on alone: the file is locked",
        ),
        ("WARNING", "the API key ends in 1 d 1 h, and nothing renews it: make another one"),
        ("DEBUG", "took a newer token from the store; the token ends at an unknown time"),
        ("ERROR", LOST),
        ("DEBUG", LOST),
        ("DEBUG", LOST),
    ]


@pytest.mark.parametrize(
    ("ahead", "told"),
    [
        (5.0, "requests wait for it, then fail; the next attempt is in 5 s"),
        (None, "requests fail; no further attempt by itself"),
    ],
)
async def test_a_failure_that_loses_the_token_is_one_record(
    ahead: float | None, told: str, logged: pytest.LogCaptureFixture
) -> None:
    """With what a program that reads the log asks for; the failures after it are quiet."""
    clock = ManualClock(sockets=False)
    log_records = LogRecords("ece.example.com", clock, Timeline(clock))
    for attempt in (1, 2, 3):
        at = datetime.fromtimestamp(clock.time(), UTC)
        due = None if ahead is None else at + timedelta(seconds=ahead)
        error = TransportError("down")
        log_records.tell(events.RenewalFailed(at=at, error=error, attempt=attempt, retry_at=due))
        if attempt == 2:
            log_records.tell(events.SessionLost(at=at, error=error))
        log_records.write(None)
        await clock.advance(5.25)
    _, lost, after = ours(logged)
    assert [one.levelname for one in (lost, after)] == ["ERROR", "DEBUG"]
    begun = "no token is left to send: login attempt 2 failed, 5.2 s into the outage: down"
    remedy = "see whether the host is up and can be reached from here"
    assert lost.getMessage() == f"ece.example.com: {begun}; {told}; {remedy}"
    for one, event, attempt, lasted in (
        (lost, "SessionLost", 2, 5.25),
        (after, "RenewalFailed", 3, 10.5),
    ):
        fields = {name: value for name, value in vars(one).items() if name.startswith("ece_")}
        assert fields == {
            "ece_host": "ece.example.com",
            "ece_event": event,
            "ece_error_type": "TransportError",
            "ece_attempt": attempt,
            "ece_retry_in": ahead,
            "ece_outage_seconds": lasted,
        }


def test_the_page_has_every_event() -> None:
    """What is logged is explained."""
    page = (Path(__file__).parents[2] / "docs" / "records.md").read_text(encoding="utf-8")
    assert [name for name in events.__all__ if name != "Event" and f"`{name}`" not in page] == []


def messages() -> set[str]:
    """Return what the package's modules log, as their sources have it."""
    found: set[str] = set()
    package = Path(aiocloudauth.__file__).parent
    for path in sorted({*package.rglob("*.py")} - {*package.glob("testing/*.py")}):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="log") | ast.Name(id="log")):
                    found |= {str(one.value) for one in node.args if isinstance(one, ast.Constant)}
                case ast.Assign(targets=[ast.Name(id="message")], value=ast.Constant(value=text)):
                    found.add(str(text))
    # The longest piece without a value.
    return {max(text.split("%s"), key=len).strip(": ()") for text in found}


def test_the_page_has_every_record() -> None:
    """Whoever is woken by one finds it."""
    page = (Path(__file__).parents[2] / "docs" / "records.md").read_text(encoding="utf-8")
    found = messages()
    assert len(found) > 10
    assert {text for text in found if text not in page} == set()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0 ms"),
        (0.24, "240 ms"),
        (2.4, "2.4 s"),
        (9.96, "10 s"),
        (12.3, "12 s"),
        (60.0, "1 min"),
        (200.0, "3 min 20 s"),
        (3600.0, "1 h"),
        (7500.0, "2 h 5 min"),
        (90_000.0, "1 d 1 h"),
    ],
)
def test_a_span_is_told_as_people_say_it(seconds: float, told: str) -> None:
    """Two units at most."""
    assert span(seconds) == told
