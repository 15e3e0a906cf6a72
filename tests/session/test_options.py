"""What a session and a refresher are made with: each option, what it does, what it cannot be."""

from __future__ import annotations

import asyncio
import base64
import gc
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from aiocloudauth import (
    BearerRequest,
    CloudSession,
    ConfigurationError,
    LoggedIn,
    NoAuthenticationClusterError,
    Password,
    RenewalFailed,
    RenewalPolicy,
    RenewalTimeoutError,
    SessionState,
    TLSError,
    TokenRefresher,
)
from aiocloudauth.testing import CloudServer, NoCluster, Silence
from tests.http.clients import QUICK, session
from tests.manual_refresher import ADMIN, manual_refresher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp.connector import Connection

    from aiocloudauth import Event

HOST = "https://ece.example.com:12443"


# -- bad input ----------------------------------------------------------------------------

BAD: dict[str, Callable[..., object]] = {
    "no credentials": lambda: CloudSession(HOST, "admin:secret"),  # type: ignore[arg-type]  # the mistake itself
    "a class of credentials": lambda: CloudSession(HOST, Password),  # type: ignore[arg-type]  # as above
    "a bad URL": lambda: CloudSession("https://admin:secret@ece.example.com", ADMIN),
    "http beyond loopback": lambda: CloudSession("http://ece.example.com:12400", ADMIN),
    "a password for Elastic Cloud": lambda: CloudSession("https://api.elastic-cloud.com", ADMIN),
    "no policy": lambda: CloudSession(HOST, ADMIN, policy={"margin": 3}),  # type: ignore[arg-type]  # as above
    "no subscriber": lambda: CloudSession(HOST, ADMIN, on_event=7),  # type: ignore[arg-type]  # as above
    "an async subscriber": lambda: CloudSession(HOST, ADMIN, on_event=asyncio.sleep),  # type: ignore[arg-type]  # as above
    "no time at all": lambda: CloudSession(HOST, ADMIN, timeout=0),
    "no clock": lambda: CloudSession(HOST, ADMIN, clock=7),  # type: ignore[arg-type]  # as above
    "no connector": lambda: CloudSession(HOST, ADMIN, auth_connector=7),  # type: ignore[arg-type]  # as above
    "clear text in words": lambda: CloudSession("http://ece.example.com", ADMIN, allow_http="no"),  # type: ignore[arg-type]  # as above
    "a logout in words": lambda: CloudSession(HOST, ADMIN, logout_on_close="no"),  # type: ignore[arg-type]  # as above
    "the environment in words": lambda: CloudSession(HOST, ADMIN, trust_env="no"),  # type: ignore[arg-type]  # as above
    "no header fields": lambda: CloudSession(HOST, ADMIN, headers=7),  # type: ignore[arg-type]  # as above
    "half a header field": lambda: CloudSession(HOST, ADMIN, headers=[("secret",)]),  # type: ignore[list-item]  # as above
    "no middlewares": lambda: CloudSession(HOST, ADMIN, middlewares=7),  # type: ignore[arg-type]  # as above
    "no middleware": lambda: CloudSession(HOST, ADMIN, middlewares=[7]),  # type: ignore[list-item]  # as above
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_are_configuration_errors_at_construction(name: str) -> None:
    """Each is a `ValueError`, too, and shows no secret."""
    with pytest.raises(ConfigurationError) as caught:
        BAD[name]()
    assert isinstance(caught.value, ValueError)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeouts": 3}, "no option 'timeouts'"),
        ({"auth": ("a", "b")}, "takes no auth: pass credentials"),
        ({"base_url": HOST}, "takes no base_url: pass the API root"),
        ({"loop": None}, "takes no loop"),
        ({"request_class": aiohttp.ClientRequest}, "subclass of BearerRequest"),
        ({"request_class": BearerRequest.send}, "subclass of BearerRequest"),
        ({"headers": {"authorization": "Basic eA=="}}, "no Authorization header"),
        ({"headers": [("AUTHORIZATION", "Basic eA==")]}, "no Authorization header"),
    ],
    ids=["unknown", "auth", "base_url", "loop", "class", "no class", "header", "header pair"],
)
def test_client_options_that_cannot_be_meant_are_refused(
    options: dict[str, Any], said: str
) -> None:
    """A typing error, or something that would take the token's place."""
    with pytest.raises(ConfigurationError, match=said):
        CloudSession(HOST, ADMIN, **options)


@pytest.mark.parametrize("root", ["/users", "/deployments"])
async def test_the_api_root_may_begin_as_the_paths_of_the_api_do(root: str) -> None:
    """Those of logins and operations are below it all the same."""
    async with CloudServer(root=root) as server, session(server) as cloud:
        await cloud.api.list_deployments()
        await cloud.refresh()
    paths = [arrival.path for arrival in server.log]
    assert paths == [
        f"{root}/users/auth/_login",
        f"{root}/deployments",
        f"{root}/users/auth/_refresh",
        f"{root}/users/auth/_logout",
    ]


@pytest.mark.parametrize("given", [True, False], ids=["own connector", "no connector"])
async def test_an_option_that_aiohttp_refuses_fails_the_opening_and_leaves_nothing(
    *, given: bool
) -> None:
    """It is found before the login: no task, no connection, no session on the server."""
    async with CloudServer() as server:
        before = asyncio.all_tasks()
        # A connector of the caller's stays open for another try.
        connector = aiohttp.TCPConnector() if given else None
        cloud = session(server, connector=connector, trace_configs=[None])
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
async def test_a_connector_of_another_loop_fails_the_opening(option: str) -> None:
    """It could serve no request; that is said before anything is sent."""

    async def made_elsewhere() -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector()

    connector = await asyncio.to_thread(asyncio.run, made_elsewhere())
    async with CloudServer() as server:
        cloud = session(server, **{option: connector})
        with pytest.raises(ConfigurationError, match="made in another event loop"):
            await cloud.open()
        assert server.stats.connections == 0
        await cloud.close()


# -- what they do -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "total"),
    [
        (None, 300.0),
        (1.5, 1.5),
        (timedelta(minutes=1), 60.0),
        (aiohttp.ClientTimeout(total=9, sock_read=3), 9.0),
        (aiohttp.ClientTimeout(total=None), None),
    ],
    ids=["aiohttp's default", "seconds", "timedelta", "ClientTimeout", "no limit"],
)
async def test_a_timeout_may_be_seconds_a_timedelta_or_aiohttps_own(
    given: float | timedelta | aiohttp.ClientTimeout | None, total: float | None
) -> None:
    """Nothing given is aiohttp's default."""
    async with CloudServer() as server, session(server, timeout=given) as cloud:
        assert cloud.http.timeout.total == total


async def test_a_call_has_its_own_timeout_or_the_sessions_and_the_login_has_neither() -> None:
    """A renewal has the policy's bounds."""
    async with CloudServer() as server, session(server, timeout=0.05) as cloud:
        with pytest.raises(TimeoutError):
            await cloud.get("/x?delay=5")
        with pytest.raises(TimeoutError):
            await cloud.get("/x?delay=5", timeout=timedelta(milliseconds=20))
        for longer in (5, None):  # aiohttp takes `None` for no limit
            assert (await cloud.get("/x?delay=0.1", timeout=longer)).status == 200


async def test_without_a_path_the_root_is_api_v1_and_with_one_it_is_that() -> None:
    """A reverse proxy may put the API elsewhere; the URL may be a `yarl.URL`."""
    async with CloudServer() as server:
        for url in (server.url, URL(server.url + "/")):
            async with CloudSession(url, ADMIN, policy=QUICK) as cloud:
                for path in ("x", "/api/v1/x"):
                    assert (await cloud.get(path)).url.path == "/api/v1/x"
    async with CloudServer(root="/ece/api") as server, session(server) as cloud:
        assert (await cloud.get("/x")).url.path == "/ece/api/x"


async def test_the_encoding_of_a_path_is_kept_and_params_are_added() -> None:
    """What the caller wrote arrives, from `str` and from `URL`."""
    async with CloudServer() as server, session(server) as cloud:
        for path in ("/a%2Fb/c%20d?q=%2B", URL("/a%2Fb/c%20d?q=%2B", encoded=True)):
            await cloud.get(path, params={"p": "1"})
            assert server.log[-1].path == "/api/v1/a%2Fb/c%20d"
            assert server.log[-1].query == "q=%2B&p=1"


async def test_client_options_reach_the_one_aiohttp_session() -> None:
    """Headers, cookies and the jar are the caller's; cookies are not sent with a login."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with CloudServer(version="3.6") as server:
        options: dict[str, Any] = {"cookies": {"c": "1"}, "cookie_jar": jar}
        async with session(server, headers={"X-Team": "t"}, **options) as cloud:
            assert cloud.http.cookie_jar is jar
            await cloud.get("/x", headers={"X-Call": "u"})
            arrived = server.log[-1].headers
            assert (arrived["X-Team"], arrived["X-Call"]) == ("t", "u")
            assert arrived["Cookie"] == "c=1"
        assert all("Cookie" not in arrival.headers for arrival in server.log.to("_login"))


async def test_the_session_ends_on_the_server_unless_told_otherwise() -> None:
    """Logged out if we logged in, and wanted; a subscriber given first hears the first login."""
    async with CloudServer() as server:
        for wanted in (False, True):
            heard: list[object] = []
            async with session(server, logout_on_close=wanted, on_event=heard.append):
                assert [type(event) for event in heard] == [LoggedIn]
            assert server.stats.logouts == wanted


class Counting(aiohttp.TCPConnector):
    """A connector that notes which paths asked it for a connection."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[str] = []

    async def connect(self, req: aiohttp.ClientRequest, *args: Any, **options: Any) -> Connection:
        self.asked.append(req.url.name)
        return await super().connect(req, *args, **options)


async def test_the_callers_connector_is_for_the_calls_and_auth_connector_for_the_renewals() -> None:
    """Neither is used for the other's; an opening that fails closes neither, `close` both."""
    calls, renewals = Counting(), Counting()
    async with CloudServer() as server:
        cloud = session(server, connector=calls, auth_connector=renewals)
        server.fail_next("_login", NoCluster())
        with pytest.raises(NoAuthenticationClusterError):
            await cloud.open()
        assert not calls.closed
        assert not renewals.closed
        server.clear_faults()
        renewals.asked.clear()
        async with cloud:
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
        async with (
            listener,
            CloudSession(
                "http://localhost",
                ADMIN,
                policy=QUICK,
                connector=aiohttp.UnixConnector(path),
                auth_connector=aiohttp.UnixConnector(path),
            ) as cloud,
        ):
            assert (await cloud.get("/x")).status == 200
            await cloud.refresh()
        assert server.stats.refreshes == 1


# -- the refresher alone ------------------------------------------------------------------


async def test_a_proxy_is_the_way_out_with_credentials_of_its_own() -> None:
    """The headless part has no client session whose proxy it could share."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp 3.14 and later
        auth = aiohttp.BasicAuth("user", "password")
    elsewhere = "http://ece.localhost:12400"  # reached through a proxy alone
    async with CloudServer() as proxy:
        async with TokenRefresher(elsewhere, ADMIN, proxy=proxy.url, proxy_auth=auth) as refresher:
            assert refresher.current is not None
        (arrival,) = proxy.log.to("_login")
    assert arrival.headers["Host"] == elsewhere.removeprefix("http://")
    pair = base64.b64encode(b"user:password").decode()
    assert arrival.headers["Proxy-Authorization"] == f"Basic {pair}"


async def test_the_environments_proxy_is_used_only_if_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not by default, as with aiohttp."""
    for name in ("https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    async with CloudServer() as server, CloudServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        async with TokenRefresher(server.url, ADMIN):
            assert (server.stats.logins, proxy.stats.logins) == (1, 0)
        async with TokenRefresher(server.url, ADMIN, trust_env=True):
            assert (server.stats.logins, proxy.stats.logins) == (1, 1)


async def test_a_refreshers_timeout_bounds_each_call_besides_the_policy() -> None:
    """Whichever is the shorter one."""
    seen: list[Event] = []
    policy = RenewalPolicy(min_interval=0.001, backoff=0.001)
    async with CloudServer() as server:
        server.fail_next("_login", Silence())
        timeout = aiohttp.ClientTimeout(total=0.02)
        async with TokenRefresher(
            server.url, ADMIN, on_event=seen.append, policy=policy, timeout=timeout
        ):
            pass
    failed = seen[0]
    assert isinstance(failed, RenewalFailed)
    assert isinstance(failed.error, RenewalTimeoutError)
    assert LoggedIn in map(type, seen)


async def test_a_certificate_that_nobody_vouches_for_is_refused_by_default() -> None:
    """What would leak otherwise is the password."""
    async with manual_refresher(opened=False, server={"tls": True}, auth_connector=None) as run:
        with pytest.raises(TLSError, match="certificate"):
            await run.drive(run.refresher.open())
        assert run.server.stats.login_attempts == 0
