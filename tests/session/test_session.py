"""`CloudSession`: opened, used, asked about, closed; and that it is made of the public parts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth import (
    AuthenticationClusterError,
    CloudSession,
    Password,
    RenewalPolicy,
    SessionClosed,
    SessionClosedError,
    SessionExpiredError,
    SessionState,
    TokenRenewed,
    UnauthenticatedError,
)
from aiocloudauth.testing import (
    CloudServer,
    Fault,
    ManualClock,
    Redirect,
    Silence,
    Status,
    Trickle,
)
from tests.http.clients import session

if TYPE_CHECKING:
    from aiocloudauth.testing import Effect

ADMIN = Password("admin", "secret")


# -- requests -----------------------------------------------------------------------------


async def test_the_first_program_works() -> None:
    """Log in, request, read the expiry: what the front page shows, and a notebook's way."""
    async with CloudServer(token_lifetime=600) as server:
        async with CloudSession(server.url, ADMIN) as cloud:
            async with cloud.get("/deployments") as response:
                assert await response.json() == {"deployments": []}
            expires = cloud.session_expiration_time
            assert expires is not None
            assert expires.tzinfo is UTC
            assert timedelta(seconds=590) < expires - datetime.now(UTC) <= timedelta(seconds=600)
        cloud = await session(server)
        assert (await cloud.get("/x")).status == 200
        await cloud.close()
        assert server.stats.logouts == 2


async def test_every_method_sends_what_its_name_says() -> None:
    """Awaited and entered, with aiohttp's own keywords; HEAD follows no redirect unasked."""
    async with CloudServer() as server, session(server) as cloud:
        for name in ("get", "head", "options", "post", "put", "patch", "delete"):
            async with getattr(cloud, name)("/x", params={"a": "1"}) as entered:
                assert entered.status == 200
            (await getattr(cloud, name)("/x")).release()
            assert [a.method for a in server.log][-2:] == [name.upper()] * 2
            assert server.log[-2].query == "a=1"
        async with cloud.request("PROPFIND", "/x", data=b"q") as response:
            assert response.status == 200
        assert (server.log[-1].method, server.log[-1].body) == ("PROPFIND", b"q")
        async with cloud.ws_connect("/ws") as websocket:
            await websocket.send_str("hello")
            assert (await websocket.receive()).data == "hello"
        server.fail_next("/x", Redirect("/api/v1/y"), times=2)
        assert (await cloud.head("/x")).status == 302
        assert (await cloud.head("/x", allow_redirects=True)).status == 200


async def test_what_is_sent_through_its_client_session_carries_the_token_too() -> None:
    """`http` is the `aiohttp.ClientSession` itself, built from the public parts."""
    async with CloudServer() as server, session(server) as cloud:
        assert isinstance(cloud.http, aiohttp.ClientSession)
        async with cloud.http.get(f"{server.url}/api/v1/x") as response:
            assert response.status == 200


# -- open and close -----------------------------------------------------------------------


async def test_opening_and_closing_twice_is_as_good_as_once() -> None:
    """Idempotent, also when many do it at the same time."""
    events: list[object] = []
    async with CloudServer() as server:
        cloud = session(server, on_event=events.append)
        opened = await asyncio.gather(*(cloud.open() for _ in range(100)))
        assert all(one is cloud for one in opened)
        http = cloud.http
        assert (await cloud.open()).http is http
        assert (await cloud.get("/x")).status == 200
        await asyncio.gather(*(cloud.close() for _ in range(5)))
        assert http.closed
        assert (server.stats.logins, server.stats.logouts) == (1, 1)
    assert sum(isinstance(event, SessionClosed) for event in events) == 1


@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        (Status(401, "root.unauthenticated"), UnauthenticatedError),
        (Status(502, "authc.authentication_cluster_error"), AuthenticationClusterError),
        (Silence(), TimeoutError),
    ],
    ids=["refused", "502", "silent"],
)
async def test_a_failing_open_closes_all_it_opened_and_may_be_tried_again(
    effect: Effect, kind: type[Exception]
) -> None:
    """The error is the last attempt's own; no task and no connection is left."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        before = asyncio.all_tasks()
        cloud = session(server, clock=clock)
        server.script(Fault("_login", effect))
        with pytest.raises(kind):
            await clock.drive(cloud.open())
        assert cloud.state is SessionState.NEW
        with pytest.raises(SessionClosedError):
            cloud.get("/x")
        async with asyncio.timeout(5):
            while server.open_connections:  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0.005)
        left = {task for task in asyncio.all_tasks() - before if "aiocloudauth" in task.get_name()}
        assert not left
        server.clear_faults()
        if kind is not UnauthenticatedError:  # lest the account be locked
            await clock.drive(cloud.open())
            assert (await cloud.get("/x")).status == 200
        await clock.drive(cloud.close())


async def test_open_without_waiting_boots_while_the_ece_is_down() -> None:
    """Requests then behave as in an outage until there is a token."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        server.script(Fault("_login", Status(502), until=40.0))
        cloud = session(server, clock=clock, policy=RenewalPolicy(renewal_timeout=20.0))
        assert await cloud.open(wait=False) is cloud
        with pytest.raises(SessionExpiredError) as caught:
            await clock.drive(cloud.get("/x"))
        assert isinstance(caught.value.__cause__, AuthenticationClusterError)
        assert cloud.retry_at is not None
        await clock.advance(60.0)
        assert (await cloud.get("/x")).status == 200
        await clock.drive(cloud.close())
        assert cloud.retry_at is None


async def test_the_close_ends_the_reading_of_an_answer() -> None:
    """Of itself aiohttp leaves who reads one waiting. One that is here already can be read."""

    class Unhashable(aiohttp.ClientResponse):
        """As any class that says what is equal."""

        __hash__ = None  # type: ignore[assignment]  # Python's own way

    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = session(server, clock=clock, response_class=Unhashable)
        await cloud.open()
        server.fail_next("/x", Trickle(piece=64))
        here = await cloud.get("/x")
        await clock.advance(60.0)  # it has come, and nobody has read it
        server.fail_next("/x", Trickle())
        response = await cloud.get("/x")
        reading = asyncio.create_task(response.read())
        await clock.settle()
        await clock.drive(cloud.close())
        with pytest.raises(aiohttp.ClientConnectionError):
            await asyncio.wait_for(reading, 5)
        assert (await here.json())["user"] == "admin"


async def test_a_close_that_is_cancelled_still_closes_the_connections() -> None:
    """Whoever cancels it does not want to wait for the server, and gets no leak for it."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = session(server, clock=clock)
        await cloud.open()
        await cloud.get("/x")
        http = cloud.http
        server.script(Fault("_logout", Silence()))
        closing = asyncio.create_task(cloud.close())
        await clock.settle()
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await cloud.close()
        assert http.closed
        await clock.settle()
        assert server.open_connections == 0


@pytest.mark.parametrize("kind", [KeyError, asyncio.CancelledError])
async def test_an_exception_in_the_block_closes_all_the_same(kind: type[BaseException]) -> None:
    """Also a cancellation, as `asyncio.run` sends it on Ctrl-C."""
    async with CloudServer() as server:
        with pytest.raises(kind):
            async with session(server) as cloud:
                raise kind
        assert cloud.state is SessionState.CLOSED
        assert server.stats.logouts == 1


# -- what it tells and does ---------------------------------------------------------------


async def test_the_state_tells_how_the_session_stands() -> None:
    """NEW, ACTIVE, RENEWING, DEGRADED, EXPIRED, ACTIVE, LOGGED_OUT, CLOSED; and what is held."""
    clock, told = ManualClock(), list[tuple[str, bool, bool]]()

    def tell() -> None:
        held = cloud.token is not None
        told.append((cloud.state.name, held, cloud.last_error is not None))

    async with CloudServer(token_lifetime=600.0, clock=clock) as server:
        server.script(
            Fault("_refresh", Silence(), times=1),
            Fault("_refresh", Status(502)),
            Fault("_login", Status(502), skip=1),
        )
        cloud = session(server, clock=clock, policy=RenewalPolicy(jitter=0))
        tell()
        await clock.drive(cloud.open())
        # Due at 450, and given 10 seconds; not sent any more from 590 on.
        for passed in (0.0, 455.0, 20.0, 120.0):
            await clock.advance(passed)
            tell()
        server.clear_faults()
        await clock.advance(70.0)
        tell()
        await cloud.logout()
        tell()
        await clock.drive(cloud.close())
        tell()
    assert told == [
        ("NEW", False, False),
        ("ACTIVE", True, False),
        ("RENEWING", True, False),
        ("DEGRADED", True, True),
        ("EXPIRED", False, True),
        ("ACTIVE", True, False),
        ("LOGGED_OUT", False, False),
        ("CLOSED", False, False),
    ]


async def test_refresh_login_and_logout_do_what_they_say() -> None:
    """A logout forgets the token whatever comes; a login leads on; unsubscribing ends hearing."""
    events: list[object] = []
    async with CloudServer({"admin": "secret", "bob": "builder"}) as server:

        async def whoami() -> str:
            async with cloud.get("/x") as response:
                name: str = (await response.json())["user"]
                return name

        async with session(server) as cloud:
            unsubscribe = cloud.subscribe(events.append)
            await cloud.refresh()
            assert (server.stats.refreshes, server.generation) == (1, 2)
            unsubscribe()
            await cloud.login()
            assert (server.stats.logins, server.generation) == (2, 3)
            await cloud.login(Password("bob", "builder"))
            assert await whoami() == "bob"
            with pytest.raises(UnauthenticatedError):
                await cloud.login(Password("bob", "wrong"))
            assert await whoami() == "bob"
            await cloud.logout()
            assert (cloud.token, cloud.session_expiration_time) == (None, None)
            assert server.stats.logouts == 1
            with pytest.raises(SessionExpiredError, match="logged out"):
                await cloud.get("/x")
            await cloud.login()
            assert await whoami() == "bob"
    assert [type(event) for event in events] == [TokenRenewed]
