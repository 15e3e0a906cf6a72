"""What `CloudSession` is made with: each option, what it does, and what it cannot be."""

from __future__ import annotations

import asyncio
import gc
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from aiocloudauth import (
    ApiKey,
    Basic,
    Bearer,
    BearerRequest,
    CloudSession,
    ConfigurationError,
    LoggedIn,
    Password,
    RenewalPolicy,
    ServerError,
    SessionState,
    TokenRefresher,
)
from aiocloudauth.testing import CloudServer, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp.connector import Connection

QUICK = RenewalPolicy(min_interval=0.01)
URL_ = "https://ece.example.com:12443"
ADMIN = Password("admin", "secret")


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, ADMIN, **({"policy": QUICK} | options))


# -- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "ece.example.com",
        "ece.example.com:12443",
        "/api/v1",
        "ftp://ece.example.com",
        "https://",
        "https://admin:secret@ece.example.com",
        "https://admin@ece.example.com",
        "https://ece.example.com/?a=1",
        "https://ece.example.com/#part",
        "http://ece.example.com:12400",
        "http://192.0.2.1:12400",
        "https://ece.example.com:99999",
        "https://[::1",
        None,
        7,
        b"https://ece.example.com",
    ],
    ids=repr,
)
def test_a_url_that_cannot_work_is_refused_at_construction(url: Any) -> None:  # noqa: ANN401 - no URL
    """Bad input: a clear typed error, before anything is made or sent."""
    with pytest.raises(ConfigurationError) as caught:
        CloudSession(url, ADMIN)
    assert "URL" in str(caught.value) or "http" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigurationError):
        TokenRefresher(url, ADMIN)


def test_http_beyond_loopback_needs_to_be_asked_for() -> None:
    """Credentials in clear text are nobody's default."""
    CloudSession("http://ece.example.com:12400", ADMIN, allow_http=True)
    for loopback in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"):
        CloudSession(loopback, ADMIN)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Password("", "x"),
        lambda: Password("x", ""),
        lambda: Password("x", None),  # type: ignore[arg-type]  # the point of this test
        lambda: Basic("a:b", "x"),
        lambda: Bearer(""),
        lambda: Bearer("a\r\nX-Evil: 1"),
        lambda: Bearer("ab\n"),
        lambda: Bearer("t", datetime(2030, 1, 1)),  # noqa: DTZ001 - naive is what is tested
        lambda: ApiKey(""),
        lambda: ApiKey("key\r\n"),
        lambda: ApiKey("schlüssel"),
        lambda: CloudSession(URL_, "admin:secret"),  # type: ignore[arg-type]  # the point of it
        lambda: CloudSession(URL_, None),  # type: ignore[arg-type]  # the point of it
        lambda: CloudSession(URL_, Password),  # type: ignore[arg-type]  # the point of it
        lambda: CloudSession("https://api.elastic-cloud.com", ADMIN),
        lambda: CloudSession("https://eu.api.elastic-cloud.com", ADMIN),
        lambda: RenewalPolicy(margin=-1),
        lambda: RenewalPolicy(margin=0),
        lambda: RenewalPolicy(jitter=-0.1),
        lambda: RenewalPolicy(min_interval=math.nan),
        lambda: CloudSession(URL_, ADMIN, policy=None),  # type: ignore[arg-type]  # the point
        lambda: CloudSession(URL_, ADMIN, policy={"margin": 3}),  # type: ignore[arg-type]  # the mistake itself
        lambda: CloudSession(URL_, ADMIN, on_event=7),  # type: ignore[arg-type]  # the point of it
        lambda: CloudSession(URL_, ADMIN, on_event=asyncio.sleep),  # type: ignore[arg-type]  # the mistake itself
        lambda: CloudSession(URL_, ADMIN, timeout=0),
        lambda: CloudSession(URL_, ADMIN, timeout=-1.5),
        lambda: CloudSession(URL_, ADMIN, timeout=math.nan),
        lambda: CloudSession(URL_, ADMIN, timeout="30"),  # type: ignore[arg-type]  # the point of it
        lambda: CloudSession(URL_, ADMIN, timeout=True),
        lambda: CloudSession(URL_, ADMIN, timeout=timedelta(0)),
    ],
)  # fmt: skip
def test_bad_values_are_configuration_errors_at_construction(make: Callable[[], object]) -> None:
    """Each is a `ValueError`, too, and shows no secret."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert isinstance(caught.value, ValueError)
    assert "secret" not in str(caught.value)
    assert "Evil" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeouts": 3}, "no option 'timeouts'"),
        ({"Headers": {}}, "no option 'Headers'"),
        ({"auth": ("a", "b")}, "takes no auth: pass credentials"),
        ({"base_url": URL_}, "takes no base_url: pass the API root"),
        ({"loop": None}, "takes no loop"),
        ({"request_class": aiohttp.ClientRequest}, "subclass of BearerRequest"),
        ({"request_class": None}, "subclass of BearerRequest"),
        ({"request_class": BearerRequest.send}, "subclass of BearerRequest"),
        ({"headers": {"authorization": "Basic eA=="}}, "no Authorization header"),
        ({"headers": [("AUTHORIZATION", "Basic eA==")]}, "no Authorization header"),
    ],
)
def test_client_options_that_cannot_be_meant_are_refused(
    options: dict[str, Any], said: str
) -> None:
    """A typing error, or something that would take the token's place."""
    with pytest.raises(ConfigurationError, match=said):
        CloudSession(URL_, ADMIN, **options)


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    "options", [{"trace_configs": [None]}, {"cookies": 3}, {"skip_auto_headers": 3}], ids=str
)
async def test_an_option_that_aiohttp_refuses_fails_the_opening_and_leaves_nothing(
    options: dict[str, Any],
    given: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """It is found before the login: no task, no connection, no session on the server."""
    async with CloudServer() as server:
        before = asyncio.all_tasks()
        # A connector of the caller's stays open for another try.
        connector = aiohttp.TCPConnector() if given else None
        cloud = session(server, connector=connector, **options)
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="aiohttp refuses a client option"):
                await cloud.open()
            assert cloud.state is SessionState.NEW
        assert asyncio.all_tasks() == before
        assert server.stats.connections == 0
        await cloud.close()
        gc.collect()  # what was left open would warn now
        if connector is not None:
            assert not connector.closed
            await connector.close()


@pytest.mark.parametrize("option", ["connector", "auth_connector"])
async def test_a_connector_of_another_loop_fails_the_opening_and_leaves_nothing(
    option: str,
) -> None:
    """It could serve no request; that is said before anything is sent."""

    async def made_elsewhere() -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector()

    connector = await asyncio.to_thread(asyncio.run, made_elsewhere())
    async with CloudServer() as server:
        cloud = session(server, **{option: connector})
        with pytest.raises(ConfigurationError, match="loop"):
            await cloud.open()
        assert server.stats.connections == 0
        await cloud.close()


# -- what they do -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "total"),
    [
        (None, 300.0),
        (7, 7.0),
        (1.5, 1.5),
        (timedelta(minutes=1), 60.0),
        (aiohttp.ClientTimeout(total=9, sock_read=3), 9.0),
        (aiohttp.ClientTimeout(total=None), None),
    ],
    ids=str,
)
async def test_a_timeout_may_be_seconds_a_timedelta_or_aiohttps_own(
    given: float | timedelta | aiohttp.ClientTimeout | None, total: float | None
) -> None:
    """Nothing given is aiohttp's default."""
    async with CloudServer() as server, session(server, timeout=given) as cloud:
        assert cloud.http.timeout.total == total
        if isinstance(given, aiohttp.ClientTimeout):
            assert cloud.http.timeout is given


async def test_the_timeout_bounds_calls_and_not_the_login() -> None:
    """A renewal has the policy's bounds; a call's own timeout beats the session's."""
    async with CloudServer() as server, session(server, timeout=0.1) as cloud:
        with pytest.raises(TimeoutError):
            await cloud.get("/x?delay=5")
        async with cloud.get("/x?delay=0.2", timeout=aiohttp.ClientTimeout(total=5)) as response:
            assert response.status == 200


@pytest.mark.parametrize("path", ["", "/"])
async def test_without_a_path_the_root_is_api_v1_and_with_one_it_is_that(path: str) -> None:
    """A reverse proxy may put the API elsewhere; the URL may be a `yarl.URL`."""
    async with CloudServer() as server:
        for url in (server.url + path, URL(server.url + path)):
            async with CloudSession(url, ADMIN, policy=QUICK) as cloud:
                async with cloud.get("x") as response:
                    assert response.url.path == "/api/v1/x"
                async with cloud.get("/api/v1/x") as response:
                    assert response.url.path == "/api/v1/x"
    async with (
        CloudServer(root="/ece/api") as server,
        CloudSession(server.url + path, ADMIN, policy=QUICK) as cloud,
        cloud.get("/x") as response,
    ):
        assert response.url.path == "/ece/api/x"


async def test_the_encoding_of_a_path_is_kept_and_params_are_added() -> None:
    """What the caller wrote arrives, from `str` and from `URL`."""
    async with CloudServer() as server, session(server) as cloud:
        for path in ("/a%2Fb/c%20d?q=%2B", URL("/a%2Fb/c%20d?q=%2B", encoded=True)):
            async with cloud.get(path, params={"p": "1"}) as response:
                assert response.status == 200
            assert server.log[-1].path == "/api/v1/a%2Fb/c%20d"
            assert server.log[-1].query == "q=%2B&p=1"


async def test_client_options_reach_the_one_aiohttp_session() -> None:
    """Headers, cookies and the jar are the caller's, and are not sent with a login."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with CloudServer(version="3.6") as server:
        async with session(
            server, headers={"X-Team": "t"}, cookies={"c": "1"}, cookie_jar=jar
        ) as cloud:
            assert cloud.http.cookie_jar is jar
            await cloud.get("/x", headers={"X-Call": "u"})
            arrived = server.log[-1].headers
            assert (arrived["X-Team"], arrived["X-Call"]) == ("t", "u")
            assert arrived["Cookie"] == "c=1"
        for arrival in server.log.to("_login"):
            assert "Cookie" not in arrival.headers
            assert "X-Team" not in arrival.headers


async def test_a_subscriber_may_be_given_at_construction() -> None:
    """It hears the first login, which none that subscribes later could."""
    heard: list[object] = []
    async with CloudServer() as server, session(server, on_event=heard.append) as cloud:
        assert [type(event) for event in heard] == [LoggedIn]
        later: list[object] = []
        unsubscribe = cloud.subscribe(later.append)
        await cloud.refresh()
        unsubscribe()
        await cloud.refresh()
        assert (len(heard), len(later)) == (3, 1)


@pytest.mark.parametrize("logout", [True, False])
async def test_the_session_ends_on_the_server_unless_told_otherwise(
    logout: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """Logged out if we logged in, and wanted."""
    async with CloudServer() as server:
        async with session(server, logout_on_close=logout):
            pass
        assert server.stats.logouts == (1 if logout else 0)


class Counting(aiohttp.TCPConnector):
    """A connector that notes which paths asked it for a connection."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[str] = []

    async def connect(self, req: aiohttp.ClientRequest, *args: Any, **options: Any) -> Connection:
        self.asked.append(req.url.name)
        return await super().connect(req, *args, **options)


async def test_the_callers_connector_is_for_the_calls_and_auth_connector_for_the_renewals() -> None:
    """Neither is used for the other's; both are closed with the session."""
    calls, renewals = Counting(), Counting()
    async with CloudServer() as server:
        async with session(server, connector=calls, auth_connector=renewals) as cloud:
            await cloud.get("/x")
            await cloud.refresh()
        assert calls.asked == ["x"]
        assert renewals.asked == ["_login", "_refresh", "_logout"]
        assert calls.closed
        assert renewals.closed


async def test_a_connector_that_is_not_owned_is_left_open() -> None:
    """Aiohttp's own option: the caller closes what the caller keeps."""
    async with CloudServer() as server, aiohttp.TCPConnector() as shared:
        for _ in range(2):
            async with session(server, connector=shared, connector_owner=False) as cloud:
                await cloud.get("/x")
        assert not shared.closed


async def test_a_socket_path_can_serve_for_both(tmp_path: Path) -> None:
    """A special connector for the calls wants one for the renewals, too."""
    path = str(tmp_path / "ece.sock")
    async with CloudServer() as server:
        listener = await asyncio.get_running_loop().create_unix_server(server.accept, path)
        async with listener:
            async with CloudSession(
                "http://localhost",
                ADMIN,
                policy=QUICK,
                connector=aiohttp.UnixConnector(path),
                auth_connector=aiohttp.UnixConnector(path),
            ) as cloud:
                async with cloud.get("/x") as response:
                    assert response.status == 200
                await cloud.refresh()
            assert server.stats.refreshes == 1


async def test_an_auth_connector_survives_an_opening_that_fails() -> None:
    """It is the caller's, and the next try needs it."""
    async with CloudServer() as server:
        renewals = aiohttp.TCPConnector()
        calls = aiohttp.TCPConnector()
        policy = RenewalPolicy(min_interval=0.01, renewal_timeout=0.05)
        cloud = session(server, policy=policy, auth_connector=renewals, connector=calls)
        server.fail_next("_login", status=500, times=1_000)
        with pytest.raises(ServerError, match="500"):
            await cloud.open()
        assert not renewals.closed
        assert not calls.closed
        server.clear_faults()
        async with cloud:
            await cloud.get("/x")
        assert renewals.closed
        assert calls.closed


async def test_a_clock_drives_the_renewals() -> None:
    """A working day of tokens of 20 minutes passes at once, and nothing lapses."""
    clock = ManualClock()
    async with (
        CloudServer(token_lifetime=1_200.0, clock=clock) as server,
        session(server, clock=clock, policy=RenewalPolicy()) as cloud,
    ):
        for _ in range(16):
            await clock.advance(1_800.0)
            async with cloud.get("/x") as response:
                assert response.status == 200
            expires = cloud.session_expiration_time
            assert expires is not None
            assert expires > datetime.fromtimestamp(clock.time(), UTC)
        assert server.stats.unauthorized == 0
        assert server.stats.logins == 1
        assert 24 <= server.stats.refreshes <= 36
