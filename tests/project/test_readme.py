"""What the README says is so: its programs run, and each row of its table happens."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import textwrap
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aiocloudauth
from aiocloudauth import (
    AuthenticationClusterError,
    AuthenticationError,
    Bearer,
    BodyNotReplayableError,
    CloudAuthError,
    CloudSession,
    ConfigurationError,
    Credentials,
    NoAuthenticationClusterError,
    Password,
    PermissionDeniedError,
    RenewalFailed,
    SessionClosedError,
    SessionExpiredError,
    SessionState,
    UnauthenticatedError,
)
from aiocloudauth import errors as errors_module
from aiocloudauth import events as events_module
from aiocloudauth.testing import CloudServer, Fault, ManualClock, Redirect, Silence, User

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import Any

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")

PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
FIRST, OWN_SESSION, EVENTS, ERRORS, TEST = PROGRAMS

ADMIN = Password("admin", "secret")


def row_names() -> list[str]:
    """Return the first cells of the table “What happens when”."""
    (table,) = re.findall(r"\| when \| then \|\n\|---\|---\|\n(.*?)\n\n", README, re.DOTALL)
    return [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()]


# -- programs -----------------------------------------------------------------------------


def test_the_first_program_is_the_quickstart_and_has_15_lines_at_most() -> None:
    """What is read is what is run (`test_examples` runs it)."""
    assert (CHECKOUT / "examples" / "quickstart.py").read_text(encoding="utf-8") == FIRST
    assert len(FIRST.splitlines()) <= 15


async def test_the_program_with_ones_own_session_runs() -> None:
    """The public parts fit an aiohttp session as the README joins them."""
    async with CloudServer() as server:
        server.reply("/deployments", {"deployments": []})
        result = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-W", "error", "-c", OWN_SESSION],
            env=os.environ | {"EC_HOST": server.url, "EC_USER": "admin", "EC_PASS": "secret"},
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert (result.stdout, result.stderr) == (b"200 {'deployments': []}\n", b"")
        assert (server.stats.logins, server.stats.logouts) == (1, 1)


def executed(program: str) -> dict[str, Any]:
    """Run a snippet and return its names."""
    names: dict[str, Any] = {}
    exec(compile(program, "README.md", "exec"), names)
    return names


async def test_the_snippet_on_events_prints_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its callback gets the record that the README says it gets."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        for name, value in {"HOST": server.url, "USER": "admin", "PASS": "secret"}.items():
            monkeypatch.setenv(f"EC_{name}", value)
        monkeypatch.delenv("EC_API_KEY", raising=False)
        names = executed(EVENTS)
        assert isinstance(names["cloud"], CloudSession)
        async with session(server, clock, on_event=names["on_event"]):
            server.fail_next("_refresh", "html")
            await clock.advance(900)
    assert re.fullmatch(r"attempt 1 failed: .+; next at \d{4}-.+\n", capsys.readouterr().out)


async def test_the_snippet_on_errors_tells_each_from_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line each for what is missing, what may be tried again, and no session."""
    show: Callable[[CloudSession, str], Awaitable[None]] = executed(ERRORS)["show"]
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        server.reply("/deployments/d1", {"id": "d1"})
        await show(cloud, "d1")
        server.fail_next("/deployments/d1", status=404, code="deployments.deployment_not_found")
        await show(cloud, "d1")
        server.fail_next("/deployments/d1", status=500, code="deployments.broken")
        await show(cloud, "d1")
        server.fail_next("/deployments/d1", status=403, code="root.unauthorized.rbac")
        await show(cloud, "d1")
        server.script(Fault("/users/auth/**", ("html",)))
        server.revoke_all()
        await clock.drive(show(cloud, "d1"))
    assert re.fullmatch(
        r"\{'id': 'd1'\}\n"
        r"no such deployment\n"
        r"500 \('deployments.broken',\) try again\n"
        r"403 \('root.unauthorized.rbac',\) give up\n"
        r"no token, because of POST .+\n",
        capsys.readouterr().out,
    )


def test_the_test_in_the_readme_passes(tmp_path: Path) -> None:
    """With the plugin that the package brings, in a project of its own."""
    (tmp_path / "test_mine.py").write_text(TEST, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


# -- what is quoted -----------------------------------------------------------------------


def test_the_readmes_error_tree_is_that_of_the_errors_module() -> None:
    """And that is the one of the classes: `errors` draws what it defines."""
    (tree,) = re.findall(r"## Errors\n\n```\n(.*?)```", README, re.DOTALL)
    drawn = (errors_module.__doc__ or "").split("::\n\n")[1].split("\n\n")[0]
    assert tree.strip() == textwrap.dedent(drawn).strip()


def test_the_readme_names_every_event_and_every_kind_of_credentials() -> None:
    """A list that lacks one is worse than none."""
    (events,) = re.findall(r"\n(`LoggedIn`.*?); each has `at`", README, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", events)) == set(events_module.__all__) - {"Event"}
    kinds = set(re.findall(r"^- `(\w+)\(", README, re.MULTILINE))
    assert kinds == {kind.__name__ for kind in Credentials.__subclasses__()}


def test_every_link_leads_to_a_file_and_every_make_target_exists() -> None:
    """In the pages of the project, too."""
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    for page in (CHECKOUT / "README.md", CHECKOUT / "docs" / "architecture.md"):
        text = page.read_text(encoding="utf-8")
        links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {"#" + title.lower().replace(" ", "-") for title in titles}
        missing = [
            link
            for link in links
            if not (link in anchors if link.startswith("#") else (page.parent / link).is_file())
        ]
        assert missing == []
        for target in re.findall(r"\bmake (\w+)\b(?=`|\n)", text):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE)


# -- what happens when --------------------------------------------------------------------


@asynccontextmanager
async def session(
    server: CloudServer, clock: ManualClock, credentials: Credentials = ADMIN, **options: Any
) -> AsyncIterator[CloudSession]:
    """Open a session that reaches `server` in memory, on virtual time."""
    cloud = CloudSession(
        server.url,
        credentials,
        clock=clock,
        connector=server.connector(limit=options.pop("limit", 100)),
        auth_connector=server.connector(),
        **options,
    )
    await clock.drive(cloud.open())
    try:
        yield cloud
    finally:
        await clock.drive(cloud.close())


async def status(cloud: CloudSession, path: str = "/x", **options: Any) -> int:
    """Send a request and return its status."""
    async with cloud.get(path, **options) as response:
        await response.read()
        return response.status


async def near_the_end() -> None:
    """Not a minute early, not late, and nobody waits."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        await clock.advance(1200 - 361)
        assert server.stats.refreshes == 0
        await clock.advance(61)
        assert (server.stats.logins, server.stats.refreshes) == (1, 1)
        assert await status(cloud) == 200
    async with CloudServer(clock=clock, token_lifetime=60) as server, session(server, clock):
        await clock.advance(60 * 0.70 - 1)
        assert server.stats.refreshes == 0
        await clock.advance(60 * 0.05 + 1)
        assert server.stats.refreshes == 1


async def failing_while_good() -> None:
    """Twelve failures in a row, then an answer with a Retry-After."""
    clock, failures = ManualClock(), list[RenewalFailed]()

    def keep(event: aiocloudauth.Event) -> None:
        if isinstance(event, RenewalFailed):
            failures.append(event)

    async with (
        CloudServer(clock=clock, token_lifetime=7200) as server,
        session(server, clock, on_event=keep) as cloud,
    ):
        server.fail_next("_refresh", "html", times=4)
        server.fail_next("_refresh", times=1, status=429, code="x", retry_after=100)
        while len(failures) < 5:
            await clock.advance(1)
            assert await status(cloud) == 200
            if failures:
                assert cloud.state is SessionState.DEGRADED or server.stats.refreshes
                assert cloud.last_error is not None
        waits = [(f.retry_at - f.at).total_seconds() for f in failures if f.retry_at is not None]
        assert 1 <= waits[0] <= 2
        assert max(waits[:4]) <= 61
        assert waits[4] == pytest.approx(100)
        await clock.advance(120)
        assert (cloud.state, cloud.last_error) == (SessionState.ACTIVE, None)


async def failing_to_the_end() -> None:
    """From the hard limit on a request waits, for the renewal's time and no longer."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        server.script(Fault("/users/auth/_*", ("cluster_error",)))
        await clock.advance(1189)
        assert await status(cloud) == 200
        await clock.advance(2)
        began = clock.monotonic()
        with pytest.raises(SessionExpiredError) as caught:
            await clock.drive(status(cloud))
        assert isinstance(caught.value.__cause__, AuthenticationClusterError)
        assert clock.monotonic() - began == pytest.approx(30)
        assert server.stats.unauthorized == 0
        server.clear_faults()
        assert await clock.drive(status(cloud)) == 200


async def refused_token() -> None:
    """No more refusals than there are connections."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock, limit=10) as cloud:
        await clock.advance(5)
        server.revoke_all()
        answers = await clock.drive(asyncio.gather(*(status(cloud) for _ in range(200))))
        assert set(answers) == {200}
        assert (server.stats.logins, server.stats.refreshes) == (2, 0)
        assert 1 <= server.stats.unauthorized <= 10
        assert server.stats.requests == 200 + server.stats.unauthorized


async def spent_body() -> None:
    """The server never sees an empty second body."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"once"

    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        await clock.advance(5)
        server.revoke_all()
        with pytest.raises(BodyNotReplayableError):
            async with cloud.post("/x", data=parts()):
                pass
        assert len(server.log.to("/x")) == 1
        async with cloud.post("/x", data=parts()) as response:
            assert response.status == 200
        assert server.log.to("/x")[-1].body == b"once"


async def other_refusals() -> None:
    """A new token would not help."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        server.fail_next("/x", status=403, code="root.unauthorized.rbac")
        with pytest.raises(PermissionDeniedError):
            await status(cloud)
        server.fail_next("/x", status=401, code="user.not_found")
        with pytest.raises(AuthenticationError):
            await status(cloud)
        assert len(server.log.to("/x")) == 2
        assert (server.stats.login_attempts, server.stats.refresh_attempts) == (1, 0)


async def refused_refresh() -> None:
    """With a password nobody notices; without one there is nothing left."""
    clock = ManualClock()
    events: list[aiocloudauth.Event] = []
    async with (
        CloudServer(clock=clock) as server,
        session(server, clock, on_event=events.append) as cloud,
    ):
        server.fail_next("_refresh", status=401, code="root.unauthorized")
        await clock.advance(900)
        assert (server.stats.refresh_attempts, server.stats.logins) == (1, 2)
        assert not any(isinstance(event, RenewalFailed) for event in events)
        assert cloud.token is not None
        await cloud.refresh()
        bearer = Bearer(cloud.token.token.reveal(), cloud.session_expiration_time)
        async with session(server, clock, bearer) as without_password:
            server.fail_next("_refresh", status=401, code="root.unauthorized", times=2)
            await clock.advance(900)
            with pytest.raises(SessionExpiredError):
                await status(without_password)


async def refused_login() -> None:
    """One attempt, and then the password has to change."""
    clock = ManualClock()
    secrets = ["secret", "typo", "typo", "new"]

    async def secret() -> str:
        return secrets.pop(0) if len(secrets) > 1 else secrets[0]

    async with CloudServer(clock=clock) as server:
        async with session(server, clock) as cloud:
            server.users.put("admin", User("new"))
            await clock.advance(5)
            server.revoke_all()
            for _ in range(3):
                with pytest.raises(UnauthenticatedError):
                    await clock.drive(status(cloud))
                await clock.advance(3600)
            assert server.stats.login_attempts == 2
            await clock.drive(cloud.login(Password("admin", "new")))
            assert await status(cloud) == 200
        server.users.put("admin", User("secret"))
        async with session(server, clock) as cloud:
            server.fail_next("_login", status=403, code="root.unauthorized.rbac")
            server.revoke_all()
            await clock.advance(5)
            with pytest.raises(SessionExpiredError) as caught:
                await clock.drive(status(cloud))
            assert isinstance(caught.value.__cause__, PermissionDeniedError)
        before = server.stats.login_attempts
        async with session(server, clock, Password("admin", secret)) as cloud:
            server.users.put("admin", User("new"))
            await clock.advance(5)
            server.revoke_all()
            for _ in range(2):
                with pytest.raises(UnauthenticatedError):
                    await clock.drive(status(cloud))
                await clock.advance(2)
            await clock.advance(300)
            assert await clock.drive(status(cloud)) == 200
            assert server.stats.login_attempts == before + 3


async def no_cluster() -> None:
    """It will not grow one within a minute."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        server.script(Fault("/users/auth/_*", ("no_cluster",)))
        await clock.advance(900)
        tried = server.stats.refresh_attempts + server.stats.login_attempts
        assert tried == 2
        assert await status(cloud) == 200
        await clock.advance(230)
        assert server.stats.refresh_attempts + server.stats.login_attempts <= 3
        await clock.advance(70)
        began = clock.monotonic()
        with pytest.raises(NoAuthenticationClusterError):
            await clock.drive(status(cloud))
        assert clock.monotonic() == began


async def herd() -> None:
    """A thousand at once, after a night."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        clock.suspend(8 * 3600)
        answers = await clock.drive(asyncio.gather(*(status(cloud) for _ in range(1000))))
        assert set(answers) == {200}
        assert server.stats.logins + server.stats.refreshes == 2
        assert server.stats.unauthorized == 0


async def cancelled() -> None:
    """The renewal goes on, and the others get its token."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        clock.suspend(3600)
        requests = [asyncio.ensure_future(status(cloud)) for _ in range(5)]
        await asyncio.sleep(0)
        requests[2].cancel()
        answers = await clock.drive(asyncio.gather(*requests, return_exceptions=True))
        assert [answer for answer in answers if answer == 200] == [200] * 4
        assert isinstance(answers[2], asyncio.CancelledError)
        assert server.stats.logins == 2


async def asleep() -> None:
    """No request with the dead token reaches the server."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        clock.suspend(3600)
        assert cloud.token is None
        assert await clock.drive(status(cloud)) == 200
        assert (server.stats.logins, server.stats.unauthorized) == (2, 0)


async def skewed() -> None:
    """A quarter of an hour either way: no dead token, no storm."""
    for skew in (-900.0, 900.0):
        clock = ManualClock()
        async with (
            CloudServer(clock=clock, clock_skew=skew) as server,
            session(server, clock) as cloud,
        ):
            for _ in range(120):
                await clock.advance(60)
                assert await status(cloud) == 200
            assert server.stats.unauthorized == 0
            assert server.stats.logins + server.stats.refreshes <= 2 + 7200 / 840


async def nameless_expiry() -> None:
    """ECE 3.6 tells in `GET /users/auth`; a token of JWT shape by itself."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, version="3.6", tokens="opaque") as server,
        session(server, clock) as cloud,
    ):
        at = datetime.fromtimestamp(clock.time() + 1200, UTC)
        assert cloud.session_expiration_time is not None
        assert abs((cloud.session_expiration_time - at).total_seconds()) <= 1
        assert len(server.log.to("/users/auth")) == 1
    async with CloudServer(clock=clock, version="3.6") as server, session(server, clock) as cloud:
        assert cloud.session_expiration_time is not None
        assert server.log.to("/users/auth") == []
    hidden = Fault("/users/auth", ("html",))
    async with (
        CloudServer(clock=clock, version="3.6", tokens="opaque", faults=[hidden]) as server,
        session(server, clock) as cloud,
    ):
        assert cloud.session_expiration_time is None
        await clock.advance(120 * 0.70 - 1)
        assert server.stats.refreshes == 0
        await clock.advance(120 * 0.05 + 1)
        assert server.stats.refreshes == 1


async def capped() -> None:
    """An hour's cap, over four hours: a login before each end of it."""
    clock = ManualClock()
    async with (
        CloudServer(clock=clock, max_session=3600, at_max_session="stop") as server,
        session(server, clock) as cloud,
    ):
        for _ in range(240):
            await clock.advance(60)
            assert await status(cloud) == 200
        assert server.stats.unauthorized == 0
        assert server.stats.logins >= 4


async def redirected() -> None:
    """The other server is searched for the token."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as other, CloudServer(clock=clock) as server:
        cloud = CloudSession(server.url, ADMIN, clock=clock)
        async with cloud:
            server.fail_next("/x", Redirect(f"{other.url}/api/v1/x"))
            with pytest.raises(CloudAuthError):
                await status(cloud)
            assert cloud.token is not None
            assert len(other.log.to("/x")) == 1
            assert other.log.carrying(cloud.token.token.reveal()) == []


async def closed() -> None:
    """Also while `_logout` never answers."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        clock.suspend(3600)
        server.script(Fault("_login", Silence()))
        waiting = asyncio.ensure_future(status(cloud))
        await clock.settle()
        await clock.drive(cloud.close())
        with pytest.raises(SessionClosedError):
            await waiting
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:
        server.script(Fault("_logout", Silence()))
        began = clock.monotonic()
        await clock.drive(cloud.close())
        assert clock.monotonic() - began == pytest.approx(2)
        assert [task for task in asyncio.all_tasks() if "aiocloudauth" in task.get_name()] == []


async def other_loop() -> None:
    """Not a hang, and not a request on the wrong loop."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock) as cloud:

        def elsewhere() -> None:
            with pytest.raises(ConfigurationError, match="event loop"):
                asyncio.run(status(cloud))

        await asyncio.to_thread(elsewhere)
        assert server.stats.requests == 0


HAPPENINGS: dict[str, Callable[[], Awaitable[None]]] = {
    "the token nears its end": near_the_end,
    "a renewal fails while the token is good": failing_while_good,
    "it still fails when the token ends": failing_to_the_end,
    "the API refuses the token (401)": refused_token,
    "… and the body cannot be sent again": spent_body,
    "the answer is 403, or a 401 about something else": other_refusals,
    "`_refresh` answers 401": refused_refresh,
    "the login is refused (401, 403)": refused_login,
    "there is no authentication cluster (501)": no_cluster,
    "a thousand requests find the token expired": herd,
    "a request is cancelled while it waits": cancelled,
    "the laptop was asleep": asleep,
    "this machine's clock is wrong": skewed,
    "the server names no expiry (ECE before 3.7)": nameless_expiry,
    "the server caps the session": capped,
    "a redirect leads to another origin": redirected,
    "`close()` is called while requests wait": closed,
    "the session is used from another event loop": other_loop,
}


def test_every_row_of_the_table_has_its_test() -> None:
    """A row that nobody checks is a promise that nobody keeps."""
    assert row_names() == list(HAPPENINGS)


@pytest.mark.parametrize("row", HAPPENINGS)
async def test_the_table_is_true(row: str) -> None:
    """Each row of “What happens when” happens."""
    await HAPPENINGS[row]()
