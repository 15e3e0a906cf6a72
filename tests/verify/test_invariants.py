"""What a session promises whatever happens to it, each promise by its number."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from attrs import evolve
from yarl import URL

from aiocloudauth import (
    ApiError,
    ApiKey,
    Basic,
    Bearer,
    Clock,
    CloudAuthError,
    CloudSession,
    ConfigurationError,
    InvalidResponseError,
    Password,
    RenewalPolicy,
    SessionState,
)
from aiocloudauth.testing import Body, CloudServer, Endless, Fault, ManualClock, Redirect
from tests.siege import besiege
from tests.tap import tap
from tests.test_caller_credentials import noting
from tests.test_forks_and_loops import CLOSE_ELSEWHERE, ELSEWHERE, case, forks
from tests.test_origin import proxy
from tests.test_secrets import everything_about
from tests.test_secrets_errors import PASSWORD, Showing, refusals, token
from tests.wanderer import wander

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiocloudauth import Event

QUICK = RenewalPolicy(min_interval=0.001, max_body=20_000)
ADMIN = Password("admin", PASSWORD)

#: Is in each token and password of these tests, and in nothing else.
PLANTED = "Planted"


def server(**options: Any) -> CloudServer:
    """Make a server whose tokens and password can be found again."""
    return CloudServer({"admin": PASSWORD}, tokens=token, **options)


def test_invariant_01_at_most_one_renewal_is_in_flight_and_its_callers_share_the_outcome() -> None:
    """LESSONS: many refreshes at once (storm)."""
    besiege(1)


def test_invariant_02_cancelling_a_caller_cancels_only_that_caller() -> None:
    """LESSONS: cancelling one waiter fails all, for ever."""
    besiege(2)


def test_invariant_03_attempts_are_never_closer_than_min_interval() -> None:
    """LESSONS: backoff computed but never slept."""
    besiege(3)


def test_invariant_04_the_token_never_goes_back_to_an_older_generation() -> None:
    """LESSONS: renewal finishing after logout revives the session."""
    besiege(4)


def test_invariant_05_token_and_expiry_are_always_of_one_answer() -> None:
    """Looked at between all steps, and in the middle of every event."""
    besiege(5)


def test_invariant_06_a_failing_renewal_never_fails_a_request_while_the_token_is_good() -> None:
    """LESSONS: errors while the token is still good."""
    besiege(6)


def test_invariant_07_a_request_is_replayed_at_most_once_and_whole() -> None:
    """LESSONS: replay lost the body, or sent the old token."""
    besiege(7)


async def test_invariant_08_the_token_goes_to_its_own_origin_and_nowhere_else() -> None:
    """Not along a redirect, not to plain http, not to a proxy: all that they got is searched."""
    heard: list[bytes] = []
    async with server(tls=True) as cloud_server, server() as other:
        async with tap(cloud_server.url, heard) as url, proxy(heard) as through:
            ways: tuple[dict[str, Any], ...] = ({}, {"proxy": through})
            for options in ways:
                async with CloudSession(url, ADMIN, policy=QUICK, ssl=False, **options) as cloud:
                    await cloud.get("/x")
                    await cloud.refresh()
                    for status in (302, 307, 308):
                        there = Redirect(f"{other.url}/api/v1/x", status)
                        cloud_server.fail_next("/x", there)
                        with pytest.raises(ApiError, match="another origin"):
                            await cloud.post("/x", data=b"x")
                    with pytest.raises(ApiError, match="another origin"):
                        await cloud.get(f"{other.url}/api/v1/x")
                    plain = URL(url).with_scheme("http") / "api/v1/x"
                    with pytest.raises(aiohttp.ClientError):
                        await cloud.get(plain)
        with pytest.raises(ConfigurationError, match="clear text"):
            CloudSession("http://ece.example.com:12400", ADMIN)
        assert {arrival.user for arrival in cloud_server.log.to("/x")} == {"admin"}
        assert len(other.log) == 8
        assert other.log.carrying(PLANTED) == []
        assert b"GET /api/v1/x HTTP/1.1\r\n" in b"".join(heard)  # in the clear
        assert b"CONNECT 127.0.0.1:" in b"".join(heard)
        assert PLANTED.encode() not in b"".join(heard)


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """Collect every record of every logger at DEBUG, tracebacks included."""
    root, before, stream = logging.getLogger(), logging.getLogger().level, io.StringIO()
    handler = logging.StreamHandler(stream)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


async def test_invariant_09_no_secret_is_shown() -> None:
    """By values, errors, events, tracebacks, pickles or the log, though the server quotes all."""
    showing, events = Showing(), list[Any]()
    with everything_logged() as log:
        async with server() as cloud_server:
            cloud = CloudSession(cloud_server.url, ADMIN, policy=QUICK, on_event=events.append)
            await cloud.open()
            quoting = refusals(token(1), PASSWORD)["message"]
            fault = Fault("**", quoting, optional=True)
            cloud_server.script(fault)
            calls: dict[str, Callable[[], Any]] = {
                "refresh": cloud.refresh,
                "login": cloud.login,
                "call": lambda: cloud.get("/x"),
            }
            for where, call in calls.items():
                with pytest.raises(CloudAuthError) as caught:
                    await call()
                showing.error(where, caught.value)
            refresher = cloud._refresher
            for held in (cloud, cloud.token, ADMIN, refresher, refresher._runner.state):
                showing.add(type(held).__name__, everything_about(held))
            await cloud.close()  # whose logout is refused
    showing.add("events", f"{events!r} {[pickle.dumps(event) for event in events]!r}")
    showing.add("log", log.getvalue())
    assert events
    assert "_logout failed" in log.getvalue()
    assert showing.leaks() == {}


def test_invariant_10_after_close_nothing_is_pending_or_published() -> None:
    """LESSONS: loop survives close(); tasks pending at shutdown."""
    besiege(10)


def test_invariant_11_a_background_failure_is_never_silent() -> None:
    """LESSONS: background loop dies on an unexpected exception type."""
    besiege(11)


def test_invariant_12_another_loop_gets_a_clear_error_or_a_fresh_flight_and_no_hang() -> None:
    """A second loop; the first one closed with things under way."""
    wander()


@forks
async def test_invariant_12_a_forked_child_gets_a_clear_error_and_a_session_of_its_own() -> None:
    """A real fork; the parent's session goes on, and nobody else logged it out."""
    report = await case("fork_between_runs", "asyncio")
    told = [f"child: {line}" for line in (ELSEWHERE, CLOSE_ELSEWHERE, "own ok")]
    assert report.said == [*told, "parent: ok"]
    assert (report.stats.logins, report.stats.logouts) == (2, 2)


async def test_invariant_13_a_renewal_waits_for_no_traffic_and_runs_through_no_middleware() -> None:
    """A pool of one is busy while the background task, `refresh` and `login` get new tokens."""
    seen: list[str] = []
    clock = ManualClock()
    async with server(clock=clock, token_lifetime=60.0) as cloud_server:
        cloud = CloudSession(
            cloud_server.url,
            ADMIN,
            policy=QUICK,
            clock=clock,
            connector=aiohttp.TCPConnector(limit=1),
            middlewares=[noting("theirs", seen)],
        )
        await clock.drive(cloud.open())
        slow = asyncio.create_task(cloud.get("/x?delay=59").__aenter__())
        try:
            await clock.advance(55.0)
            assert cloud_server.generation == 2
            await clock.drive(cloud.refresh(), limit=1.0)
            await clock.drive(cloud.login(), limit=1.0)
            assert (cloud_server.generation, slow.done()) == (4, False)
            await clock.advance(4.0)
            assert (await slow).status == 200
        finally:
            slow.cancel()
            await clock.drive(cloud.close())
        assert seen == ["theirs in", "theirs out 200"]


#: What cannot work, by what makes it.
BAD: dict[str, Callable[[], object]] = {
    "no URL": lambda: CloudSession("", ADMIN),
    "a relative URL": lambda: CloudSession("/api/v1", ADMIN),
    "a URL with a password": lambda: CloudSession("https://a:b@ece.example.com", ADMIN),
    "no user": lambda: Password("", PASSWORD),
    "no password": lambda: Basic("admin", ""),
    "no key": lambda: ApiKey(""),
    "a line break in a token": lambda: Bearer("token\r\nX-Injected: 1"),
    "a naive time": lambda: Bearer("token", datetime(2030, 1, 1)),  # noqa: DTZ001 - as it says
    "a negative margin": lambda: RenewalPolicy(margin=-1.0),
    "a margin that is no number": lambda: RenewalPolicy(margin=float("nan")),
    "an interval of 0": lambda: RenewalPolicy(min_interval=0.0),
}

#: Renews when it is told to: what is tried again of itself comes an hour later.
ASKED = evolve(QUICK, backoff=3_600.0, backoff_max=3_600.0)


class Unhurried(Clock):
    """Draws the longest delay."""

    random = staticmethod(lambda: 0.999)


#: Answers to a renewal that the API does not promise.
MALFORMED = {
    "no token": Body('{"token": null}', 200),
    "a line break in a token": Body('{"token": "token\\r\\nX-Injected: 1"}', 200),
    "a naive time": Body('{"token": "t", "session_expiration_time": "2030-01-01T00:00:00"}', 200),
    "an oversized body": Body(f'{{"token": "t", "more": "{"x" * 30_000}"}}', 200),
    "an endless body": Endless(),
}


async def test_invariant_14_bad_input_is_a_typed_error_and_nothing_held_is_lost() -> None:
    """From the user, and from the server; the session then goes on with what it had."""
    for what, make in BAD.items():
        with pytest.raises(ConfigurationError) as caught:
            make()
        assert len(str(caught.value)) > 10, what
        assert PASSWORD not in str(caught.value), what
    events: list[Event] = []
    async with (
        server() as cloud_server,
        CloudSession(
            cloud_server.url, ADMIN, policy=ASKED, clock=Unhurried(), on_event=events.append
        ) as cloud,
    ):
        held = cloud.token
        anything: Any = 7
        for call in (
            lambda: cloud.login(anything),
            lambda: cloud.get(anything),
            lambda: cloud.get("//elsewhere.example.com/x"),
            lambda: cloud.get("/../../x"),
        ):
            with pytest.raises(ConfigurationError):
                await call()
        for what, answer in MALFORMED.items():
            cloud_server.fail_next("_refresh", answer)
            with pytest.raises(InvalidResponseError):
                await cloud.refresh()
            assert cloud.token is held, what
            cloud_server.fail_next("_login", answer)
            with pytest.raises(InvalidResponseError):
                await cloud.login(Password("nobody", PASSWORD))
            assert cloud.token is held, what
            async with cloud.get("/x") as response:
                assert (await response.json())["user"] == "admin"
        await cloud.refresh()
        await cloud.login()
        assert (cloud.state, cloud_server.generation) == (SessionState.ACTIVE, 3)
