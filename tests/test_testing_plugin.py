"""The pytest plugin, as its users have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiocloudauth.credentials import Basic
from aiocloudauth.errors import CloudAuthError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from aiocloudauth.session import CloudSession
    from aiocloudauth.testing import CloudServer, ManualClock

pytest_plugins = ["pytester"]

#: One test of a user, for a plugin that runs coroutines; the mark is that plugin's.
USER = """
import pytest
from aiocloudauth import errors

{mark}

async def test_session(cloud_session):
    async with cloud_session as cloud, cloud.get("/x") as response:
        assert (await response.json())["user"] == "admin"

@pytest.mark.cloud_server(users={{"ann": "pw", "bob": "pw"}}, tls=True)
async def test_both(cloud_server, cloud_session):
    async with cloud_server as server:
        async with cloud_session as cloud:
            async with cloud.get("/x") as response:
                assert (await response.json())["user"] == "ann"
        assert server.running
        assert server.stats.logouts == 1
    assert not server.running

@pytest.mark.cloud_server(token_lifetime=60)
@pytest.mark.cloud_session(logout_on_close=False)
@pytest.mark.manual_clock(start=0)
async def test_clock(cloud_server, cloud_session, manual_clock):
    async with cloud_session as cloud:
        assert cloud.session_expiration_time.year == 1970
        await manual_clock.advance(600)
        assert cloud_server.stats.refreshes >= 10
        cloud_server.fail_next("/x", status=404, code="a.not_found")
        with pytest.raises(errors.NotFoundError):
            await cloud.get("/x")
    assert cloud_server.stats.logouts == 0

class TestNearest:
    pytestmark = pytest.mark.cloud_server(token_lifetime=5, version="3.6")

    @pytest.mark.cloud_server(token_lifetime=7)
    async def test_nearest(self, cloud_server, cloud_session):
        assert cloud_server.policy.token_lifetime == 7
        async with cloud_session as cloud:
            assert cloud_server.log[0].path.endswith("_login")
"""

#: Plugins by their entry points, and no others: this one, and one that runs coroutines.
OPTIONS = ("-p", "aiocloudauth", "-p", "no:cacheprovider", "-W", "error", "--strict-markers")
ASYNCIO = ("-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function")
ANYIO = ("-p", "anyio")

ON_ANYIO = """
pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


@pytest.fixture
def user(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of a user, whatever else is installed here."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("import asyncio\nasyncio.set_event_loop(None)\n")
    return pytester


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run that project's tests in a process of its own."""
    return pytester.runpytest_subprocess(*OPTIONS, *options)


@pytest.mark.parametrize(
    ("mark", "options"),
    [
        ("", (*ASYNCIO, "-o", "asyncio_mode=auto")),
        ("pytestmark = pytest.mark.asyncio", (*ASYNCIO, "-o", "asyncio_mode=strict")),
        (ON_ANYIO, ANYIO),
    ],
    ids=["asyncio-auto", "asyncio-strict", "anyio"],
)
def test_the_fixtures_work_under_any_plugin_that_runs_coroutines(
    user: pytest.Pytester, mark: str, options: tuple[str, ...]
) -> None:
    """pytest-asyncio in both modes, and anyio's plugin."""
    user.makepyfile(USER.format(mark=mark))
    run(user, *options).assert_outcomes(passed=4)


@pytest.mark.cloud_server(token_lifetime=30, tls=True)
async def test_the_session_and_the_server_live_on_the_manual_clock(
    cloud_server: CloudServer,
    cloud_session: AbstractAsyncContextManager[CloudSession],
    manual_clock: ManualClock,
) -> None:
    """Once a test asks for it: here, in this project's own tests."""
    async with cloud_session as cloud:
        assert cloud_server.running
        await manual_clock.advance(300)
        assert cloud_server.stats.refreshes >= 10
        assert cloud.session_expiration_time is not None
        assert cloud.session_expiration_time.year == 2026
    assert not cloud_server.running


@pytest.mark.cloud_server(users={"ann": "pw"})
@pytest.mark.cloud_session(credentials=Basic("ann", "pw"))
async def test_what_is_given_is_not_replaced(
    cloud_server: CloudServer, cloud_session: AbstractAsyncContextManager[CloudSession]
) -> None:
    """Neither credentials nor a server that runs."""
    cloud_server.fail_next("_login", status=500)
    async with cloud_server:
        with pytest.raises(CloudAuthError):
            async with cloud_session:
                pass
        assert cloud_server.running
        assert cloud_server.stats.login_attempts == 0
        cloud_server.clear_faults()


def test_nothing_is_imported_before_it_is_used(user: pytest.Pytester) -> None:
    """A project that has the plugin installed pays nothing for it."""
    user.makepyfile(
        "import sys\n"
        "def test_lazy(request):\n"
        "    assert 'aiocloudauth.testing.plugin' in sys.modules\n"
        "    assert 'aiohttp' not in sys.modules\n"
        "    request.getfixturevalue('manual_clock')\n"
        "    assert 'aiohttp' not in sys.modules\n"
        "    request.getfixturevalue('cloud_server')\n"
        "    assert 'aiohttp' in sys.modules\n"
    )
    run(user).assert_outcomes(passed=1)


def test_the_fixtures_and_markers_are_documented(user: pytest.Pytester) -> None:
    """`pytest --fixtures` and `pytest --markers` tell what there is."""
    user.makepyfile("")
    run(user, "--fixtures", "-v").stdout.fnmatch_lines(
        ["manual_clock -- *", "cloud_server -- *", "*CloudServer*", "cloud_session -- *"]
    )
    run(user, "--markers").stdout.fnmatch_lines(
        ["@pytest.mark.cloud_server*", "@pytest.mark.cloud_session*", "@pytest.mark.manual_clock*"]
    )


def test_a_marker_that_is_used_wrongly_says_so(user: pytest.Pytester) -> None:
    """Keyword arguments only; and what they are is checked."""
    user.makepyfile(
        "import pytest\n"
        "@pytest.mark.cloud_server(60)\n"
        "def test_positional(cloud_server): pass\n"
        "@pytest.mark.cloud_server(token_lifetime=-1)\n"
        "def test_value(cloud_server): pass\n"
    )
    result = user.runpytest_inprocess(*OPTIONS)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*keyword arguments only*", "*token_lifetime*above 0*"])
