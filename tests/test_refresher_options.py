"""What a refresher is made with reaches the calls of the authentication API."""

from __future__ import annotations

import base64
import warnings

import aiohttp
import pytest

from aiocloudauth import RenewalPolicy, RenewalTimeoutError, TokenRefresher, TransportError, events
from aiocloudauth.testing import CloudServer, Silence
from tests.rig import ADMIN, rig

#: Reached through a proxy alone.
ELSEWHERE = "http://ece.localhost:12400"


async def test_a_proxy_is_the_way_out_with_credentials_of_its_own() -> None:
    """The headless part has no client session whose proxy it could share."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp 3.14 and later
        auth = aiohttp.BasicAuth("user", "password")
    async with CloudServer() as proxy:
        options = {"proxy": proxy.url, "proxy_auth": auth}
        async with TokenRefresher(ELSEWHERE, ADMIN, **options) as refresher:  # type: ignore[arg-type]  # of several types
            assert refresher.current is not None
        (arrival,) = proxy.log.to("_login")
    assert arrival.headers["Host"] == ELSEWHERE.removeprefix("http://")
    pair = base64.b64encode(b"user:password").decode()
    assert arrival.headers["Proxy-Authorization"] == f"Basic {pair}"


@pytest.mark.parametrize("trust_env", [True, False])
async def test_the_environments_proxy_is_used_if_asked_for(
    monkeypatch: pytest.MonkeyPatch, *, trust_env: bool
) -> None:
    """Not by default, as with aiohttp."""
    for name in ("https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    async with CloudServer() as server, CloudServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        asked = {"trust_env": True} if trust_env else {}
        async with TokenRefresher(server.url, ADMIN, **asked):  # type: ignore[arg-type]  # one option
            pass
        assert proxy.stats.login_attempts == trust_env
        assert server.stats.login_attempts == (not trust_env)


async def test_a_timeout_bounds_each_call_besides_the_policy() -> None:
    """Whichever is the shorter one."""
    options = {
        "timeout": aiohttp.ClientTimeout(total=0.02),
        "policy": RenewalPolicy(min_interval=0.001, backoff=0.001),
    }
    seen: list[events.Event] = []
    async with CloudServer() as server:
        server.fail_next("_login", Silence())
        async with TokenRefresher(server.url, ADMIN, on_event=seen.append, **options):  # type: ignore[arg-type]  # of several types
            pass
    failed = seen[0]
    assert isinstance(failed, events.RenewalFailed)
    assert isinstance(failed.error, RenewalTimeoutError)
    assert "in time" in str(failed.error)
    assert events.LoggedIn in map(type, seen)


async def test_a_certificate_that_nobody_vouches_for_is_refused_by_default() -> None:
    """What would leak otherwise is the password."""
    async with rig(opened=False, server={"tls": True}) as run:
        with pytest.raises(TransportError, match="certificate"):
            await run.drive(run.refresher.open())
        assert run.server.stats.login_attempts == 0
