"""`CloudSession`: opened, used, asked about, closed."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

import aiocloudauth
from aiocloudauth import (
    ApiKey,
    AuthenticationClusterError,
    Bearer,
    BearerMiddleware,
    CloudSession,
    InvalidResponseError,
    LoggedOut,
    NoAuthenticationClusterError,
    Password,
    RenewalPolicy,
    SessionClosed,
    SessionClosedError,
    SessionExpiredError,
    SessionState,
    TokenRefresher,
    TransportError,
    UnauthenticatedError,
)
from aiocloudauth.testing import (
    Change,
    CloudServer,
    EmptyReply,
    Fault,
    ManualClock,
    Redirect,
    Reset,
    Silence,
    Status,
)

if TYPE_CHECKING:
    from aiocloudauth.testing import Effect

QUICK = RenewalPolicy(min_interval=0.01, attempt_timeout=0.1, renewal_timeout=0.2)
ADMIN = Password("admin", "secret")


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, ADMIN, **({"policy": QUICK} | options))


async def test_the_first_program_works() -> None:
    """Log in, request, read the expiry: what the front page shows."""
    async with CloudServer(token_lifetime=600) as server:
        async with CloudSession(server.url, ADMIN) as cloud:
            async with cloud.get("/deployments") as response:
                assert await response.json() == {"deployments": []}
            expires = cloud.session_expiration_time
            assert expires is not None
            assert expires.tzinfo is UTC
            assert timedelta(seconds=590) < expires - datetime.now(UTC) <= timedelta(seconds=600)
        assert server.stats.logouts == 1


async def test_it_can_be_awaited_and_closed_by_hand() -> None:
    """As a notebook does."""
    async with CloudServer() as server:
        cloud = await session(server)
        assert isinstance(cloud, CloudSession)
        async with cloud.get("/x") as response:
            assert response.status == 200
        await cloud.close()
        assert cloud.state is SessionState.CLOSED


async def test_every_method_sends_what_its_name_says() -> None:
    """Awaited and entered, with aiohttp's own keywords."""
    async with CloudServer() as server, session(server) as cloud:
        for name in ("get", "head", "options", "post", "put", "patch", "delete"):
            async with getattr(cloud, name)("/x", params={"a": "1"}) as entered:
                assert entered.status == 200
            awaited = await getattr(cloud, name)("/x")
            awaited.release()
            assert [a.method for a in server.log][-2:] == [name.upper()] * 2
            assert server.log[-2].query == "a=1"
        async with cloud.request("PROPFIND", "/x", data=b"q") as response:
            assert response.status == 200
        assert (server.log[-1].method, server.log[-1].body) == ("PROPFIND", b"q")


async def test_a_request_is_a_coroutine_as_aiohttps_is() -> None:
    """Fit for tasks, task groups, `gather`, `wait_for` and `close` without a warning."""
    async with CloudServer() as server, session(server) as cloud:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(cloud.get("/x"))
        assert (await task).status == 200
        first, second = await asyncio.gather(cloud.get("/x"), cloud.post("/x"))
        assert (first.status, second.status) == (200, 200)
        assert (await asyncio.wait_for(cloud.get("/x"), 5)).status == 200
        pending = cloud.get("/x")
        pending.close()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cloud.get("/x?delay=5"), 0.05)
        cancelled = asyncio.create_task(cloud.get("/x?delay=5"))
        await asyncio.sleep(0.02)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled


async def test_head_follows_no_redirect_unless_asked_to() -> None:
    """As aiohttp's own does not."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Redirect("/api/v1/y"), times=2)
        assert (await cloud.head("/x")).status == 302
        assert (await cloud.head("/x", allow_redirects=True)).status == 200


async def test_opening_and_closing_twice_is_as_good_as_once() -> None:
    """Idempotent, also when two do it at the same time."""
    events: list[object] = []
    async with CloudServer() as server:
        cloud = session(server, on_event=events.append)
        opened = await asyncio.gather(*(cloud.open() for _ in range(5)))
        assert all(one is cloud for one in opened)
        http = cloud.http
        assert await cloud.open() is cloud
        assert cloud.http is http
        async with cloud.get("/x") as response:
            assert response.status == 200
        await asyncio.gather(*(cloud.close() for _ in range(5)))
        await cloud.close()
        assert http.closed
        assert (server.stats.logins, server.stats.logouts) == (1, 1)
    assert sum(isinstance(event, SessionClosed) for event in events) == 1


async def use(cloud: CloudSession) -> list[Any]:
    """Try everything that needs a session, and collect the errors."""
    errors: list[Any] = []
    for call in (
        lambda: cloud.get("/x"),
        lambda: cloud.post("/x", data=b"x"),
        lambda: cloud.ws_connect("/ws"),
        lambda: cloud.http,
        cloud.refresh,
        cloud.login,
        cloud.logout,
    ):
        try:
            result: Any = call()
            await result
        except SessionClosedError as error:
            errors.append(error)
    return errors


async def test_use_before_open_and_after_close_is_a_typed_error() -> None:
    """Nothing is sent, and nothing hangs."""
    async with CloudServer() as server:
        cloud = session(server)
        assert cloud.state is SessionState.NEW
        assert len(await use(cloud)) == 7
        assert cloud.token is None
        assert cloud.session_expiration_time is None
        assert server.stats.connections == 0
        async with cloud:
            assert cloud.state.value == "active"
        arrived = len(server.log)
        assert len(await use(cloud)) == 7
        assert (cloud.token, cloud.state) == (None, SessionState.CLOSED)
        with pytest.raises(SessionClosedError):
            await cloud.open()
        assert len(server.log) == arrived


async def test_closing_what_was_never_opened_ends_it() -> None:
    """No login, no logout, and no opening afterwards."""
    async with CloudServer() as server:
        cloud = session(server)
        await cloud.close()
        assert cloud.state is SessionState.CLOSED
        with pytest.raises(SessionClosedError):
            await cloud.open()
        assert server.stats.connections == 0


@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        (Status(401, "root.unauthenticated"), UnauthenticatedError),
        (Status(502, "authc.authentication_cluster_error"), AuthenticationClusterError),
        (Status(501, "authc.no_authentication_cluster"), NoAuthenticationClusterError),
        (Change(drop=("token",)), InvalidResponseError),
        (Redirect("/elsewhere"), InvalidResponseError),
        (EmptyReply(), TransportError),
        (Reset(), TransportError),
        (Silence(), TimeoutError),
    ],
    ids=str,
)
async def test_a_failing_open_closes_all_it_opened_and_may_be_tried_again(
    effect: Effect, kind: type[Exception]
) -> None:
    """The error is the last attempt's own; no task and no connection is left."""
    async with CloudServer() as server:
        before = asyncio.all_tasks()
        cloud = session(server)
        server.script(Fault("_login", effect))
        with pytest.raises(kind):
            await cloud.open()
        assert cloud.state is SessionState.NEW
        assert len(await use(cloud)) == 7
        await asyncio.sleep(0.02)
        tasks = {task for task in asyncio.all_tasks() - before if "aiocloudauth" in task.get_name()}
        assert not tasks
        assert not server._service.connections
        server.clear_faults()
        if kind is UnauthenticatedError:
            # Refused credentials are not offered again, lest the account be locked.
            with pytest.raises(UnauthenticatedError):
                await cloud.open()
            assert server.stats.login_attempts == 1
        else:
            async with cloud:
                assert (await cloud.get("/x")).status == 200


async def test_an_open_that_is_cancelled_or_closed_at_any_step_leaves_nothing() -> None:
    """Wherever the opening stands, ending it ends all of it, and it may be tried again."""
    async with CloudServer() as server:
        for steps in range(0, 60, 3):
            cloud = session(server, policy=RenewalPolicy(min_interval=1e-3))
            opening = asyncio.create_task(cloud.open())
            for _ in range(steps):
                await asyncio.sleep(0)
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            async with cloud:
                assert (await cloud.get("/x")).status == 200

            cloud = session(server, logout_on_close=False)
            opening = asyncio.create_task(cloud.open())
            for _ in range(steps):
                await asyncio.sleep(0)
            await cloud.close()
            (end,) = await asyncio.gather(opening, return_exceptions=True)
            assert end is cloud or isinstance(end, SessionClosedError)
            with pytest.raises(SessionClosedError):
                _ = cloud.http
        gc.collect()  # what was left open would warn now
        await asyncio.sleep(0.02)
        assert not server._service.connections


async def test_the_state_tells_how_the_session_stands() -> None:
    """NEW, ACTIVE, RENEWING, DEGRADED, EXPIRED, ACTIVE again, CLOSED."""
    clock = ManualClock()
    policy = RenewalPolicy(jitter=0)
    async with CloudServer(token_lifetime=600.0, clock=clock) as server:
        server.script(
            Fault("_refresh", Silence(), times=1),
            Fault("_refresh", Status(502)),
            Fault("_login", Status(502), skip=1),
        )
        cloud = session(server, clock=clock, policy=policy)
        states = [cloud.state]
        await clock.drive(cloud.open())
        states.append(cloud.state)
        await clock.advance(455.0)  # due at 450, and given 10 seconds
        states.append(cloud.state)
        assert cloud.token is not None
        await clock.advance(20.0)
        states.append(cloud.state)
        assert cloud.token is not None
        assert cloud.last_error is not None
        await clock.advance(120.0)  # not sent any more from 590 on
        states.append(cloud.state)
        assert cloud.token is None
        server.clear_faults()
        await clock.advance(70.0)
        states.append(cloud.state)
        assert cloud.last_error is None
        await clock.drive(cloud.close())
        states.append(cloud.state)
    assert [state.name for state in states] == [
        "NEW",
        "ACTIVE",
        "RENEWING",
        "DEGRADED",
        "EXPIRED",
        "ACTIVE",
        "CLOSED",
    ]


async def test_refresh_login_and_logout_do_what_they_say() -> None:
    """A logout forgets the token whatever comes; a login leads on."""
    events: list[object] = []
    async with (
        CloudServer({"admin": "secret", "bob": "builder"}) as server,
        session(server, on_event=events.append) as cloud,
    ):
        await cloud.refresh()
        assert (server.stats.refreshes, server.generation) == (1, 2)
        await cloud.login()
        assert (server.stats.logins, server.generation) == (2, 3)
        await cloud.login(Password("bob", "builder"))
        async with cloud.get("/x") as response:
            assert (await response.json())["user"] == "bob"
        with pytest.raises(UnauthenticatedError):
            await cloud.login(Password("bob", "wrong"))
        async with cloud.get("/x") as response:
            assert (await response.json())["user"] == "bob"
        await cloud.logout()
        assert (cloud.token, cloud.session_expiration_time) == (None, None)
        assert server.stats.logouts == 1
        with pytest.raises(SessionExpiredError, match="logged out"):
            await cloud.get("/x")
        await cloud.login()
        async with cloud.get("/x") as response:
            assert (await response.json())["user"] == "bob"
    assert sum(isinstance(event, LoggedOut) for event in events) == 1


async def test_a_session_on_a_key_or_a_given_token_has_what_it_was_given() -> None:
    """An API key never ends; a token of one's own ends when one said so."""
    async with CloudServer() as server:
        async with CloudSession(server.url, ApiKey("k"), policy=QUICK) as cloud:
            assert cloud.session_expiration_time is None
            assert cloud.token is not None
            assert cloud.token.scheme == "ApiKey"
        ends = datetime.now(UTC) + timedelta(hours=1)
        async with CloudSession(server.url, Bearer("t", ends), policy=QUICK) as cloud:
            assert cloud.session_expiration_time == ends
        # Neither was ours to end, and neither needed the server to begin.
        assert len(server.log) == 0


async def test_two_sessions_in_one_loop_are_strangers() -> None:
    """Their tokens, renewals and ends are their own."""
    async with CloudServer({"admin": "secret", "bob": "builder"}) as server, session(server) as one:
        async with CloudSession(server.url, Password("bob", "builder"), policy=QUICK) as two:
            for cloud, name in ((one, "admin"), (two, "bob")):
                async with cloud.get("/x") as response:
                    assert (await response.json())["user"] == name
            await two.logout()
            assert one.token is not None
        async with one.get("/x") as response:
            assert response.status == 200


async def test_it_is_built_from_the_two_public_parts() -> None:
    """A refresher, a middleware, and one aiohttp session around them."""
    async with CloudServer() as server, session(server) as cloud:
        assert isinstance(cloud._refresher, TokenRefresher)
        assert isinstance(cloud._bearer, BearerMiddleware)
        assert isinstance(cloud.http, aiohttp.ClientSession)
        assert cloud.http._middlewares[-1] is cloud._bearer
        # What is sent through it directly carries the token, too.
        async with cloud.http.get(f"{server.url}/api/v1/x") as response:
            assert response.status == 200


async def test_it_can_be_neither_pickled_nor_copied_and_says_who_it_is() -> None:
    """It holds connections and secrets; its representation holds neither."""
    async with CloudServer() as server, session(server) as cloud:
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled or copied"):
                attempt(cloud)
        assert repr(cloud) == f"<CloudSession {server.url}/api/v1/ active>"


def test_the_package_makes_the_session_a_name_of_its_own() -> None:
    """`from aiocloudauth import CloudSession` is the one import that a program needs."""
    assert aiocloudauth.CloudSession is CloudSession
