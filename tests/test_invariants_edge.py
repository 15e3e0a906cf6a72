"""The promises about what is around a session: origins, secrets, forks, the pool, bad input.

Each by its number, beside those of `test_invariants`, over real sockets.
"""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth import (
    ApiError,
    ApiKey,
    Bearer,
    CloudAuthError,
    CloudSession,
    ConfigurationError,
    InvalidResponseError,
    Password,
    RenewalPolicy,
    UnauthenticatedError,
)
from aiocloudauth.testing import Body, Change, CloudServer, Endless, ManualClock, Redirect
from tests.test_forks_and_loops import ELSEWHERE, case
from tests.test_origin import proxy, token_of
from tests.test_secrets import PASSWORD, everything_about, leaks, token

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from aiocloudauth import Event

QUICK = RenewalPolicy(min_interval=0.01, renewal_timeout=0.5)


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), **({"policy": QUICK} | options))


async def test_invariant_08_the_token_goes_to_the_configured_origin_and_to_no_other() -> None:
    """LESSONS: token follows a redirect to another host."""
    async with (
        CloudServer(tls=True) as server,
        CloudServer() as elsewhere,
        session(server, ssl=server.ca_file) as cloud,
    ):
        plain = server.url.replace("https://", "http://")
        for number, status in enumerate((301, 302, 303, 307, 308)):
            server.fail_next(f"/away/{number}", Redirect(f"{elsewhere.url}/api/v1/x", status))
            with pytest.raises(ApiError, match="another origin"):
                await cloud.get(f"/away/{number}")
        with pytest.raises(ApiError, match="another origin"):
            await cloud.get(f"{elsewhere.url}/api/v1/x")
        with pytest.raises(ApiError):
            await cloud.ws_connect(f"{elsewhere.url}/api/v1/ws")
        with pytest.raises(ConfigurationError):
            await cloud.get(f"//{elsewhere.url.removeprefix('http://')}/x")
        # Plain http on the very port of the server, and a redirect to it: no TLS, no token.
        server.fail_next("/plain", Redirect(f"{plain}/api/v1/x"))
        for path in (f"{plain}/api/v1/x", "/plain"):
            with pytest.raises(aiohttp.ClientError):
                await cloud.get(path)
        assert len(server.log.to("/x")) == 0
        assert len(elsewhere.log) == 7
        assert not elsewhere.log.carrying(token_of(cloud))
        assert {arrival.credential for arrival in elsewhere.log} == {None}


async def test_invariant_08_a_proxy_is_sent_no_token_in_its_headers() -> None:
    """It tunnels what is https."""
    heads: list[bytes] = []
    async with (
        CloudServer(tls=True) as server,
        proxy(heads) as through,
        session(server, ssl=server.ca_file, proxy=through) as cloud,
    ):
        async with cloud.get("/x") as response:
            assert response.status == 200
        secret = token_of(cloud).encode()
    assert heads
    assert not any(secret in head or b"authorization" in head.lower() for head in heads)


async def test_invariant_09_no_secret_shows_in_anything_that_a_session_leaves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LESSONS: password or token in debug logs."""
    caplog.set_level(logging.DEBUG)
    told: list[Event] = []
    raised: list[CloudAuthError] = []
    async with CloudServer({"admin": PASSWORD}, tokens=token) as server:
        quoting = Body(f"{PASSWORD} {token(1)} {token(2)}", status=400, content_type="text/html")
        server.fail_next("/quotes", quoting)
        server.fail_next("/quotes/json", status=400, code="a.b", message=f"not {token(1)}")
        cloud = CloudSession(
            server.url, Password("admin", PASSWORD), policy=QUICK, on_event=told.append
        )
        async with cloud:
            for path in ("/quotes", "/quotes/json"):
                with pytest.raises(ApiError) as caught:
                    await cloud.post(path, data=b"x")
                raised.append(caught.value)
            server.fail_next("_refresh", status=502)
            with pytest.raises(ApiError) as caught:
                await cloud.refresh()
            raised.append(caught.value)
            server.revoke_all()
            async with cloud.get("/x"):
                pass
            held: list[Any] = [cloud, cloud.token, cloud._bearer, cloud._refresher, *told, *raised]
            shown = [everything_about(thing) for thing in held]
    with pytest.raises(UnauthenticatedError) as refused:
        async with (
            CloudServer() as server,
            CloudSession(server.url, Password("admin", PASSWORD), policy=QUICK),
        ):
            pass
    raised.append(refused.value)
    shown += ["".join(traceback.format_exception(error)) for error in raised]
    assert len(told) >= 5
    assert leaks("\n".join([*shown, caplog.text])) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
async def test_invariant_12_a_forked_child_is_told_or_opens_a_session_of_its_own() -> None:
    """Other loops are tested by `test_invariants`; each case is a process under a guard of 5 s."""
    report = await case("fork_between_runs", "asyncio")
    assert report.said[0] == f"child: {ELSEWHERE}"
    assert report.said[2:] == ["child: own ok", "parent: ok"]
    assert report.complaints == ""


async def test_invariant_13_a_renewal_waits_for_no_traffic_and_runs_through_no_middleware() -> None:
    """LESSONS: token expired while queued for a connection."""
    clock = ManualClock()
    seen: list[str] = []

    async def outer(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        seen.append(request.url.path)
        return await handler(request)

    async def traced(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(params.url.path)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(traced)
    async with CloudServer(token_lifetime=60.0, clock=clock, revoke_on_refresh=True) as server:
        cloud = session(
            server,
            clock=clock,
            connector=aiohttp.TCPConnector(limit=1),
            middlewares=(outer,),
            trace_configs=[trace],
            timeout=aiohttp.ClientTimeout(total=None),
        )
        async with cloud:
            slow = asyncio.create_task(_status(cloud, "/slow?delay=600"))
            await clock.settle()
            queued = [asyncio.create_task(_status(cloud, "/queued")) for _ in range(5)]
            await clock.advance(590.0)
            assert not slow.done()
            assert server.stats.refreshes >= 10
            assert cloud.token is not None
            assert await clock.drive(asyncio.gather(slow, *queued)) == [200] * 6
            assert server.stats.unauthorized == 0
    assert set(seen) == {"/api/v1/slow", "/api/v1/queued"}


async def _status(cloud: CloudSession, path: str) -> int:
    async with cloud.get(path) as response:
        return response.status


#: What a caller may get wrong, and how it is told.
MISTAKES: dict[str, Callable[[], object]] = {
    "url without a host": lambda: CloudSession("https://", ApiKey("k")),
    "plain http beyond loopback": lambda: CloudSession("http://ece.example.com", ApiKey("k")),
    "no user": lambda: Password("", "secret"),
    "no password": lambda: Password("admin", ""),
    "no key": lambda: ApiKey(""),
    "line break in a token": lambda: Bearer("a\r\nX-Evil: 1"),
    "token beyond ASCII": lambda: Bearer("t\u00f6ken"),
    "time without a zone": lambda: Bearer("t", datetime(2030, 1, 1)),  # noqa: DTZ001 - the mistake
    "negative margin": lambda: RenewalPolicy(margin=-1.0),
    "no interval": lambda: RenewalPolicy(min_interval=0.0),
    "password for the hosted service": lambda: CloudSession(
        "https://api.elastic-cloud.com", Password("admin", "secret")
    ),
    "option that nobody knows": lambda: CloudSession("https://h", ApiKey("k"), retries=3),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_invariant_14_bad_input_is_a_clear_typed_error(mistake: str) -> None:
    """At once, where the mistake is made."""
    with pytest.raises(ConfigurationError):
        MISTAKES[mistake]()


@pytest.mark.parametrize(
    "answer",
    [Change({"token": "a\r\nX-Evil: 1"}), Change({"token": None}), Endless(65_536)],
    ids=["line break in a token", "no token", "endless body"],
)
async def test_invariant_14_a_bad_answer_is_typed_and_nothing_held_is_lost(answer: Any) -> None:  # noqa: ANN401 - an effect
    """LESSONS: null token becomes the text "None"."""
    async with CloudServer() as server, session(server) as cloud:
        held = cloud.token
        server.fail_next("_refresh", answer)
        with pytest.raises(InvalidResponseError):
            await cloud.refresh()
        with pytest.raises(ConfigurationError):
            await cloud.login("admin:secret")  # type: ignore[arg-type]  # the mistake
        with pytest.raises(ConfigurationError):
            await cloud.get("/../../x")
        assert cloud.token is held
        assert await _status(cloud, "/x") == 200
        assert server.stats.logins == 1
