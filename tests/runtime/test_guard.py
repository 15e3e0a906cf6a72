"""Where and when a session may be used: its event loop, between `open` and `close`."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth import (
    CloudSession,
    ConfigurationError,
    NoAuthenticationClusterError,
    Password,
    RenewalPolicy,
    SessionClosedError,
    SessionState,
    TokenRefresher,
)
from aiocloudauth.testing import CloudServer, Fault, NoCluster, Trickle
from tests.manual_refresher import ADMIN, OTHER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NOWHERE = "http://127.0.0.1:9"
QUICK = RenewalPolicy(min_interval=0.01)

#: Seconds; each case is over by then, or hangs.
GUARD = 10.0


def calls(one: CloudSession | TokenRefresher) -> list[Callable[[], Any]]:
    """Return all that needs an open session, in its own loop."""
    own: list[Callable[[], Any]] = [
        one.refresh,
        one.login,
        lambda: one.login(OTHER),
        one.logout,
    ]
    if isinstance(one, TokenRefresher):
        return [*own, one.usable]
    return [*own, lambda: one.get("/x"), lambda: one.ws_connect("/ws"), lambda: one.http]


async def errors(calls: list[Callable[[], Any]]) -> set[type[BaseException]]:
    """Make all calls, which must fail, and collect the classes of what they raise."""
    raised: set[type[BaseException]] = set()
    for call in calls:
        with pytest.raises(
            (ConfigurationError, SessionClosedError), match=r"event loop|open|closed"
        ) as caught:
            await asyncio.wait_for(call(), GUARD)
        raised.add(caught.type)
    return raised


@pytest.mark.parametrize("kind", [CloudSession, TokenRefresher])
async def test_before_open_and_after_close_every_call_says_so(
    kind: type[CloudSession | TokenRefresher],
) -> None:
    """Nothing is sent and nothing hangs; closing what was never opened ends it, too."""
    async with CloudServer() as server:
        for opened in (False, True):
            one = kind(server.url, ADMIN, policy=QUICK)
            assert one.state is SessionState.NEW
            assert await errors(calls(one)) == {SessionClosedError}
            assert server.stats.connections == 0
            if opened:
                await one.open()
            await one.close()
            await one.close()
            arrived = len(server.log)
            assert await errors([*calls(one), one.open]) == {SessionClosedError}
            assert len(server.log) == arrived
            assert [state for state in SessionState if one.state is state] == [SessionState.CLOSED]
        assert (server.stats.logins, server.stats.logouts) == (1, 1)


@pytest.mark.parametrize("kind", [CloudSession, TokenRefresher])
async def test_another_threads_loop_and_a_thread_without_one_get_a_clear_error(
    kind: type[CloudSession | TokenRefresher],
) -> None:
    """And the session goes on in its own loop; what is held can be looked at from anywhere."""
    async with CloudServer() as server, kind(server.url, ADMIN, policy=QUICK) as one:
        clock_calls = [call for call in calls(one) if call != getattr(one, "usable", None)]
        elsewhere = errors([*clock_calls, one.open, one.close])
        assert await asyncio.to_thread(asyncio.run, elsewhere) == {ConfigurationError}
        assert await asyncio.to_thread(lambda: one.state) is SessionState.ACTIVE
        refresher = one if isinstance(one, TokenRefresher) else one._refresher
        token = await refresher.usable()
        # A good token is a value, and no question of loops.
        assert await asyncio.to_thread(asyncio.run, refresher.usable()) is token

        async def reject() -> None:
            refresher.reject(token)

        with pytest.raises(ConfigurationError, match="event loop"):
            await asyncio.to_thread(asyncio.run, reject())
        await one.refresh()
        assert server.generation == 2


async def test_reject_after_close_does_nothing_and_takes_a_token_of_this_package_alone() -> None:
    """Late refusals come from requests that were under way."""
    async with CloudServer() as server:
        async with TokenRefresher(server.url, ADMIN, policy=QUICK) as closed:
            token = await closed.usable()
        closed.reject(token)
        assert closed.state is SessionState.CLOSED
    refresher = TokenRefresher(NOWHERE, ADMIN)
    with pytest.raises(ConfigurationError, match="not str"):
        refresher.reject("token")  # type: ignore[arg-type]  # that is the mistake
    await refresher.close()


def test_a_call_made_while_the_loop_rests_runs_in_it_later() -> None:
    """`loop.run_until_complete(cloud.get(…))`, and `run_coroutine_threadsafe` from a thread."""
    loop = asyncio.new_event_loop()
    server = CloudServer()
    loop.run_until_complete(server.start())
    cloud = loop.run_until_complete(CloudSession(server.url, ADMIN, policy=QUICK).open())
    assert loop.run_until_complete(cloud.get("/x")).status == 200

    async def from_a_thread() -> int:
        def ask() -> int:
            asked = asyncio.run_coroutine_threadsafe(cloud.post("/x", data=b"x"), loop)
            return asked.result(GUARD).status

        return await asyncio.to_thread(ask)

    assert loop.run_until_complete(from_a_thread()) == 200
    never = cloud.get("/x")
    never.close()
    loop.run_until_complete(cloud.close())
    late = asyncio.new_event_loop()
    try:
        with pytest.raises(SessionClosedError):
            late.run_until_complete(cloud.open())
    finally:
        late.close()
    loop.run_until_complete(server.close())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def test_a_request_outside_a_task_fails_at_once() -> None:
    """For its time limits aiohttp needs one, and says so."""
    async with CloudServer() as server, CloudSession(server.url, ADMIN) as cloud:
        asked = cloud.get("/x")
        ends: list[BaseException] = []

        def step() -> None:
            try:
                asked.send(None)
            except BaseException as error:  # noqa: BLE001 - it is what is looked at
                ends.append(error)

        asyncio.get_running_loop().call_soon(step)
        await asyncio.sleep(0)
        assert [type(end) for end in ends] == [RuntimeError]
        assert server.log.to("/x") == []


class Background:
    """A server in a loop of its own, in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.server = CloudServer()
        self.loop.run_until_complete(self.server.start())
        self._pool = ThreadPoolExecutor(1)
        self._running = self._pool.submit(self.loop.run_forever)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self.loop).result(GUARD)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._running.result(GUARD)
        self._pool.shutdown()
        self.loop.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # connections were lost with their loop
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", [CloudSession, TokenRefresher])
def test_after_its_loop_a_session_can_be_closed_and_another_opened(
    kind: type[CloudSession | TokenRefresher],
) -> None:
    """A second `asyncio.run`: a clear error, never a hang, also with callers still pending."""
    with ThreadPoolExecutor(1) as pool:
        background = pool.submit(Background).result(GUARD)
    try:
        asked = 0

        async def once() -> str:
            nonlocal asked
            asked += 1
            if asked > 1:
                await asyncio.Event().wait()
            return "secret"

        async def leave() -> CloudSession | TokenRefresher:
            one = kind(background.server.url, Password("admin", once), policy=QUICK)
            await one.open()
            for call in (one.login, one.login):
                asyncio.ensure_future(call())  # noqa: RUF006 - the loop ends before it does
            while asked < 2:  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0)  # until the credentials are asked for
            return one

        loop = asyncio.new_event_loop()
        one = loop.run_until_complete(leave())
        pending = asyncio.all_tasks(loop)
        loop.close()
        for task in pending:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # left on purpose

        async def in_the_next(old: CloudSession | TokenRefresher) -> None:
            later = [call for call in calls(old) if call != getattr(old, "usable", None)]
            assert await errors([*later, old.open]) == {ConfigurationError}
            await old.close()
            assert old.state is SessionState.CLOSED
            async with kind(background.server.url, ADMIN, policy=QUICK) as fresh:
                await fresh.refresh()

        asyncio.run(in_the_next(one))
        # What it lost is to be collected here, where nobody minds the warnings.
        del pending, task, one, loop
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            gc.collect()
        assert not [one for one in seen if "Unclosed" in str(one.message)]  # aiohttp's
    finally:
        background.stop()


def test_an_open_that_failed_in_one_loop_may_be_tried_again_in_the_next() -> None:
    """With rivals in both: a lock that was waited for is bound to its loop."""

    async def fail() -> TokenRefresher:
        async with CloudServer(faults=[Fault("_login", NoCluster())]) as server:
            refresher = TokenRefresher(server.url, ADMIN, policy=QUICK)
            rivals = (refresher.open(), refresher.open())
            for answer in await asyncio.gather(*rivals, return_exceptions=True):
                assert isinstance(answer, NoAuthenticationClusterError)
            return refresher

    async def succeed(refresher: TokenRefresher) -> None:
        async with CloudServer(port=refresher._source.endpoint.root.port or 0):
            opened = await asyncio.gather(refresher.open(), refresher.open())
            assert set(opened) == {refresher}
            await refresher.close()

    asyncio.run(succeed(asyncio.run(fail())))


@pytest.mark.parametrize("kind", [CloudSession, TokenRefresher])
async def test_it_can_be_neither_pickled_nor_copied_and_says_who_it_is(
    kind: type[CloudSession | TokenRefresher],
) -> None:
    """It holds connections and secrets; its representation holds neither."""
    one = kind(NOWHERE, ADMIN)
    ways: list[Callable[[object], object]] = [pickle.dumps, copy.copy, copy.deepcopy]
    for way in ways:
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            way(one)
    assert repr(one) == f"<{kind.__name__} {NOWHERE}/api/v1/ new>"
    await one.close()


# -- forgotten without `close` ------------------------------------------------------------


class Service:
    """What programs do: the subscriber is a method of who holds the session."""

    def __init__(self, url: str) -> None:
        self.cloud = CloudSession(url, ADMIN, policy=QUICK, on_event=self.on_event)

    def on_event(self, record: object) -> None:
        """Hear of it."""


async def session(server: CloudServer) -> object:
    """Open a session and use it."""
    cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
    (await cloud.get("/x")).release()
    return cloud


async def refresher(server: CloudServer) -> object:
    """Open the headless part."""
    return await TokenRefresher(server.url, ADMIN, policy=QUICK)


async def in_a_circle(server: CloudServer) -> object:
    """Open a session that only the garbage collector finds."""
    service = Service(server.url)
    await service.cloud.open()
    return service


async def renewing(server: CloudServer) -> object:
    """Open a session that is left while it renews."""
    cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
    server.fail_next("_refresh", status=503, retry_after=60)  # longer than this test takes
    await asyncio.gather(cloud.refresh(), return_exceptions=True)
    return cloud


FORGOTTEN: dict[str, tuple[Callable[[CloudServer], Awaitable[object]], str]] = {
    "a session": (session, "unclosed CloudSession"),
    "a refresher": (refresher, "unclosed TokenRefresher"),
    "a session in a circle": (in_a_circle, "unclosed CloudSession"),
    "a session between two attempts": (renewing, "unclosed CloudSession"),
}


@pytest.mark.parametrize("name", FORGOTTEN)
async def test_those_that_are_forgotten_leave_no_connection_task_or_timer(name: str) -> None:
    """Dropped without close, renews for ever (comet-ml/opik#7250): it warns, and stops."""
    make, words = FORGOTTEN[name]
    count = 50 if name == "a session" else 10
    loop: Any = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # aiohttp's own complaints, in a circle
    async with CloudServer() as server:
        before = asyncio.all_tasks()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for _ in range(count):
                await make(server)
            await asyncio.sleep(0)  # the last one's answer is what woke this task
            gc.collect()
        told = [str(one.message) for one in warned]
        assert told.count(f"{words} {server.url}/api/v1/") == count
        async with asyncio.timeout(GUARD):
            while server.open_connections or asyncio.all_tasks() - before:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)
        pending = [handle for handle in loop._scheduled if not handle.cancelled()]
        assert not [one for one in pending if "aiocloudauth" in repr(one)]
        attempts = server.stats.login_attempts + server.stats.refresh_attempts
        assert attempts == count * (2 if name == "a session between two attempts" else 1)


async def test_one_that_is_forgotten_in_another_thread_stops_in_its_own_loop() -> None:
    """The garbage collector runs wherever it likes."""
    async with CloudServer() as server:
        held = [await CloudSession(server.url, ADMIN, policy=QUICK)]
        with pytest.warns(ResourceWarning, match="unclosed CloudSession"):
            await asyncio.to_thread(held.clear)
        async with asyncio.timeout(GUARD):
            while server.open_connections:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)


async def test_who_reads_an_answer_of_one_that_is_forgotten_is_told() -> None:
    """Of itself aiohttp leaves it waiting."""
    async with CloudServer() as server:
        held = [await CloudSession(server.url, ADMIN, policy=QUICK)]
        server.fail_next("/x", Trickle())
        reading = asyncio.create_task((await held[0].get("/x")).read())
        await asyncio.sleep(0)
        with pytest.warns(ResourceWarning, match="unclosed CloudSession"):
            held.clear()
        with pytest.raises(aiohttp.ClientConnectionError):
            await asyncio.wait_for(reading, GUARD)


def test_one_whose_loop_is_closed_only_warns() -> None:
    """With its loop went all that it had."""

    async def leave() -> list[TokenRefresher]:
        async with CloudServer() as server:
            one = await TokenRefresher(server.url, ADMIN, policy=QUICK)
            await one._exchange.stop()  # or aiohttp's connector complains as well
            return [one]

    held = asyncio.run(leave())
    with pytest.warns(ResourceWarning, match="unclosed TokenRefresher"):
        held.clear()


def test_what_was_never_opened_or_could_not_be_made_is_forgotten_in_silence() -> None:
    """There is nothing to close."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CloudSession(NOWHERE, ADMIN)
        with pytest.raises(ConfigurationError):
            TokenRefresher("", ADMIN)
        gc.collect()


async def test_what_is_built_from_a_refresher_keeps_it() -> None:
    """A client session with its middleware is all that a program may hold."""
    async with CloudServer(token_lifetime=600) as server:
        options = (await TokenRefresher(server.url, ADMIN, policy=QUICK)).client_options()
        gc.collect()
        async with aiohttp.ClientSession(server.url, **options) as http:
            server.revoke_all()
            async with http.get("/api/v1/x") as response:
                assert response.status == 200
        refresher = options.pop("middlewares")[0]._refresher
        await refresher.close()
