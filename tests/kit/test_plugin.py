"""The fixtures of the pytest plugin, here in this project's own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiocloudauth.credentials import Basic
from aiocloudauth.errors import CloudAuthError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from aiocloudauth.session import CloudSession
    from aiocloudauth.testing import CloudServer, ManualClock

    Opening = AbstractAsyncContextManager[CloudSession]

pytest_plugins = ["pytester"]


@pytest.mark.cloud_server(token_lifetime=30, tls=True)
@pytest.mark.cloud_session(logout_on_close=False)
async def test_the_session_and_the_server_live_on_the_manual_clock(
    cloud_server: CloudServer, cloud_session: Opening, manual_clock: ManualClock
) -> None:
    """Once a test asks for it; the session starts the server, and takes the markers' options."""
    async with cloud_session as cloud:
        assert cloud_server.running
        await manual_clock.advance(300)
        assert cloud_server.stats.refreshes >= 10
        assert cloud.session_expiration_time is not None
        assert cloud.session_expiration_time.year == 2026
    assert not cloud_server.running
    assert cloud_server.stats.logouts == 0


@pytest.mark.cloud_server(users={"ann": "pw"})
@pytest.mark.cloud_session(credentials=Basic("ann", "pw"))
async def test_what_is_given_is_not_replaced(
    cloud_server: CloudServer, cloud_session: Opening
) -> None:
    """Neither credentials nor a server that runs."""
    async with cloud_server:
        with pytest.raises(CloudAuthError):
            async with cloud_session:
                pass
        assert cloud_server.running
        assert cloud_server.stats.login_attempts == 0


def test_a_session_that_is_not_opened_says_how(cloud_session: CloudSession) -> None:
    """Whoever forgets `async with` is told of it."""
    with pytest.raises(AttributeError, match="async with cloud_session as cloud"):
        cloud_session.get("/deployments")


class TestNearest:
    """A marker of a class, and one of a test in it."""

    pytestmark = pytest.mark.cloud_server(token_lifetime=5, version="3.6")

    @pytest.mark.cloud_server(token_lifetime=7)
    async def test_the_nearest_marker_wins(
        self, cloud_server: CloudServer, cloud_session: Opening
    ) -> None:
        """Option by option."""
        assert cloud_server.policy.token_lifetime == 7
        async with cloud_session as cloud:
            assert cloud.token is not None


def test_a_marker_that_is_used_wrongly_says_so(pytester: pytest.Pytester) -> None:
    """Keyword arguments only; and what they are is checked."""
    pytester.makepyfile(
        "import pytest\n"
        "@pytest.mark.cloud_server(60)\n"
        "def test_positional(cloud_server): pass\n"
        "@pytest.mark.cloud_server(token_lifetime=-1)\n"
        "def test_value(cloud_server): pass\n"
    )
    scope = "asyncio_default_fixture_loop_scope=function"
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-o", scope)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*keyword arguments only*", "*token_lifetime*above 0*"])
