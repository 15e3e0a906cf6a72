"""What a session promises whatever happens to it, each promise by its number."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import traceback
from contextlib import asynccontextmanager, contextmanager
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
from tests.verify.stateful_loops import run_stateful_loops
from tests.verify.stateful_session import run_stateful_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aiocloudauth import Event

QUICK = RenewalPolicy(min_interval=0.001, max_body=20_000)

#: Is in each token and password of these tests, and in nothing else.
PLANTED = "Planted"
ADMIN = Password("admin", f"{PLANTED}Password")


def token(generation: int) -> str:
    """Write the token of a generation."""
    return f"{PLANTED}Token-{generation}"


def server(**options: Any) -> CloudServer:
    """Make a server whose tokens and password can be found again."""
    return CloudServer({"admin": f"{PLANTED}Password"}, tokens=token, **options)


def test_invariants_01_to_07_10_and_11_hold_in_any_course() -> None:
    """One flight, whose callers share its outcome; a cancelled caller is alone; no hot loop.

    No older token, and none with another's expiry; a good token is used while renewals fail; one
    replay, and whole; nothing after the close; nothing silent.
    """
    run_stateful_session()


def test_invariant_12_another_loop_gets_a_clear_error_or_a_fresh_flight_and_no_hang() -> None:
    """A second loop; the first one closed with things under way. Forks: `test_forks_and_loops`."""
    run_stateful_loops(max_examples=40)


# -- 8: where the token goes --------------------------------------------------------------


@asynccontextmanager
async def overheard(heard: list[bytes], server: str = "") -> AsyncIterator[str]:
    """Run what notes all that it is sent: a port in front of `server`, or without one a proxy."""
    pumps: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = await reader.read(65_536)
        heard.append(begun)
        method, target = begun.split(b" ")[:2]
        tunnel = not server and method == b"CONNECT"
        url = URL(server or (f"//{target.decode()}" if tunnel else target.decode()))
        there, onward = await asyncio.open_connection(url.host, url.port)
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        elif server:
            onward.write(begun)
        else:
            line = begun.replace(target, url.raw_path_qs.encode(), 1)
            onward.write(line.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        pumps.add(asyncio.create_task(pump(reader, onward)))
        pumps.add(asyncio.create_task(pump(there, writer)))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        yield str(URL(server or "http://127.0.0.1").with_port(port).origin())
        for one in pumps:
            one.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def test_invariant_08_the_token_goes_to_its_own_origin_and_nowhere_else() -> None:
    """Not along a redirect, not to plain http, not to a proxy: all that they got is searched."""
    heard: list[bytes] = []
    async with server(tls=True) as cloud_server, server() as other:
        async with overheard(heard, cloud_server.url) as url, overheard(heard) as proxy:
            ways: tuple[dict[str, Any], ...] = ({}, {"proxy": proxy})
            for options in ways:
                async with CloudSession(url, ADMIN, policy=QUICK, ssl=False, **options) as cloud:
                    await cloud.get("/x")
                    await cloud.refresh()
                    for status in (302, 307, 308):
                        there = Redirect(f"{other.url}/api/v1/x", status)
                        cloud_server.fail_next("/x", there)
                        with pytest.raises(ApiError):
                            await cloud.post("/x", data=b"x")
                    with pytest.raises(ApiError):
                        await cloud.get(f"{other.url}/api/v1/x")
                    plain = URL(url).with_scheme("http") / "api/v1/x"
                    with pytest.raises(aiohttp.ClientError):
                        await cloud.get(plain)
        with pytest.raises(ConfigurationError):
            CloudSession("http://ece.example.com:12400", ADMIN)
        assert {arrival.user for arrival in cloud_server.log.to("/x")} == {"admin"}
        assert len(other.log) == 8
        assert other.log.carrying(PLANTED) == []
        assert b"GET /api/v1/x HTTP/1.1\r\n" in b"".join(heard)  # in the clear
        assert b"CONNECT 127.0.0.1:" in b"".join(heard)
        assert PLANTED.encode() not in b"".join(heard)


# -- 9: what is shown ---------------------------------------------------------------------


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


def shown(thing: object) -> str:
    """Show a thing as a debugger, a log or a pickle does, the values in its slots included."""
    slots = {name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())}
    parts = [f"{thing!r} {thing!s} {[thing]!r}", repr(getattr(thing, "__dict__", None))]
    parts += [repr(getattr(thing, name, None)) for name in sorted(slots)]
    try:
        parts.append(pickle.dumps(thing).decode("latin-1"))
    except TypeError as error:
        parts.append(str(error))
    return "\n".join(parts)


def shown_error(error: CloudAuthError) -> str:
    """Show an error in every shape, with the local variables of the frames below the test's."""
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return f"{shown(error)} {''.join(told.format())}"


async def test_invariant_09_no_secret_is_shown() -> None:
    """By values, errors, events, tracebacks, pickles or the log, though the server quotes all."""
    all_shown: dict[str, str] = {}
    events: list[Event] = []
    quoting = Body(
        f'{{"errors": [{{"code": "a.b", "message": "{token(1)} and {PLANTED}Password"}}]}}', 401
    )
    with everything_logged() as log:
        async with server() as cloud_server:
            cloud = CloudSession(cloud_server.url, ADMIN, policy=QUICK, on_event=events.append)
            await cloud.open()
            cloud_server.script(Fault("**", quoting, optional=True))
            calls: dict[str, Callable[[], Any]] = {
                "refresh": cloud.refresh,
                "login": cloud.login,
                "call": lambda: cloud.get("/x"),
            }
            for where, call in calls.items():
                with pytest.raises(CloudAuthError) as caught:
                    await call()
                all_shown[where] = shown_error(caught.value)
            refresher = cloud._refresher
            for held in (cloud, cloud.token, ADMIN, refresher, refresher._runner.state):
                all_shown[type(held).__name__] = shown(held)
            await cloud.close()  # whose logout is refused
    all_shown["events"] = f"{events!r} {[pickle.dumps(event) for event in events]!r}"
    all_shown["log"] = log.getvalue()
    assert events
    assert "_logout failed" in log.getvalue()
    assert [where for where, text in all_shown.items() if PLANTED in text] == []


# -- 13: its own connection ---------------------------------------------------------------


async def test_invariant_13_a_renewal_waits_for_no_traffic_and_runs_through_no_middleware() -> None:
    """A pool of one is busy while the background task, `refresh` and `login` get new tokens."""
    seen: list[str] = []
    clock = ManualClock()

    async def noting(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        seen.append(request.url.path)
        return await handler(request)

    async with server(clock=clock, token_lifetime=60.0) as cloud_server:
        cloud = CloudSession(
            cloud_server.url,
            ADMIN,
            policy=QUICK,
            clock=clock,
            connector=aiohttp.TCPConnector(limit=1),
            middlewares=[noting],
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
        assert seen == ["/api/v1/x"]


# -- 14: bad input ------------------------------------------------------------------------

#: What cannot work, by what makes it.
BAD: dict[str, Callable[[], object]] = {
    "no URL": lambda: CloudSession("", ADMIN),
    "a relative URL": lambda: CloudSession("/api/v1", ADMIN),
    "a URL with a password": lambda: CloudSession("https://a:b@ece.example.com", ADMIN),
    "no user": lambda: Password("", "x"),
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


class LongestDelays(Clock):
    """Draws the longest delay."""

    random = staticmethod(lambda: 0.999)


#: Answers to a renewal that the API does not promise.
MALFORMED = {
    "no token": Body('{"token": null}', 200),
    "a line break in a token": Body('{"token": "token\\r\\nX-Injected: 1"}', 200),
    "a token that is a number": Body('{"token": 7}', 200),
    "an oversized body": Body(f'{{"token": "t", "more": "{"x" * 30_000}"}}', 200),
    "an endless body": Endless(),
}


async def test_invariant_14_bad_input_is_a_typed_error_and_nothing_held_is_lost() -> None:
    """From the user, and from the server; the session then goes on with what it had."""
    for what, make in BAD.items():
        with pytest.raises(ConfigurationError) as caught:
            make()
        assert str(caught.value), what
    async with (
        server() as cloud_server,
        CloudSession(cloud_server.url, ADMIN, policy=ASKED, clock=LongestDelays()) as cloud,
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
                await cloud.login(Password("nobody", "x"))
            assert cloud.token is held, what
            async with cloud.get("/x") as response:
                assert (await response.json())["user"] == "admin"
        await cloud.refresh()
        await cloud.login()
        assert (cloud.state, cloud_server.generation) == (SessionState.ACTIVE, 3)
