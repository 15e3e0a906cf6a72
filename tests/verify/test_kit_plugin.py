"""The test kit in a project of a user: its plugin under every runner of coroutines, its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
    run(user, *options).assert_outcomes(passed=3)


PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
#: The programs of the page that are modules of tests.
TESTS = [
    program
    for program in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    if "def test_" in program
]


@pytest.mark.parametrize("program", TESTS, ids=range(len(TESTS)))
def test_the_tests_of_the_page_pass(user: pytest.Pytester, program: str) -> None:
    """Each as a file of its own."""
    user.makepyfile(program)
    outcomes = run(user, *ASYNCIO).parseoutcomes()
    assert outcomes == {"passed": program.count("def test_")}


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
