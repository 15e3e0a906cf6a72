"""What is held and what works shows no secret: values, parts, logs, frames; and who may look."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

import aiocloudauth
from aiocloudauth import (
    ApiKey,
    Basic,
    Bearer,
    CloudSession,
    Password,
    RenewalPolicy,
    Secret,
    SessionToken,
    TokenRefresher,
)
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    TraceParams = aiohttp.TraceRequestStartParams | aiohttp.TraceRequestEndParams

QUICK = RenewalPolicy(min_interval=0.01)

PASSWORD = "PlantedPassword-7f3a"
KEY = "PlantedKey-91bc"


def token(generation: int) -> str:
    """Write the token of a generation."""
    return f"PlantedToken-{generation}-e55d"


def leaks(text: str) -> list[str]:
    """Name the secrets that a text gives away."""
    return re.findall(r"Planted\w+", text)


@pytest.fixture
def everything_logged() -> Iterator[Callable[[], str]]:
    """Collect every record of every logger at DEBUG, tracebacks included."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream.getvalue
    root.removeHandler(handler)
    root.setLevel(before)


def server(**options: Any) -> CloudServer:
    """Make a server whose tokens and password can be found again."""
    return CloudServer({"admin": PASSWORD}, tokens=token, **options)


def session(cloud_server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    credentials = Password("admin", PASSWORD)
    return CloudSession(cloud_server.url, credentials, **({"policy": QUICK} | options))


def everything_about(thing: object) -> str:
    """Show a thing as a debugger, a notebook, a log or a pickle does, its parts included."""
    shown = [f"{thing!r} {thing!s} {[thing]!r} { ({'a': thing})!r} {thing:}"]
    shown.append(repr(getattr(thing, "__dict__", None)))
    slots = {n for kind in type(thing).__mro__ for n in getattr(kind, "__slots__", ())}
    if isinstance(thing, Secret):
        slots.remove("_value")  # the one place where the text itself is
    shown.extend(repr(getattr(thing, name, None)) for name in slots)
    for hook in ("_repr_html_", "_repr_pretty_", "_repr_mimebundle_"):
        assert not hasattr(type(thing), hook)
    try:
        shown.append(pickle.dumps(thing).decode("latin-1"))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        shown.append(f"{error!r}")
    return "\n".join(shown)


async def test_what_is_held_shows_nothing_of_itself() -> None:
    """`repr`, `str`, `format`, `vars`, slots, notebooks' hooks, pickles."""
    held: list[Any] = [
        Secret(PASSWORD),
        Password("admin", PASSWORD),
        Basic("admin", PASSWORD),
        Bearer(token(1)),
        ApiKey(KEY),
        SessionToken(Secret(token(1)), None, 1),
    ]
    async with server(version="3.6") as cloud_server, session(cloud_server) as cloud:
        credentials = Password("admin", PASSWORD)
        async with TokenRefresher(cloud_server.url, credentials, policy=QUICK) as refresher:
            runner, exchange = refresher._runner, refresher._exchange
            held += [cloud, cloud.token, cloud._bearer, refresher, refresher.current]
            held += [refresher.secrets, runner, runner.state, runner.served, runner.machine]
            held += [exchange, refresher._attempts, refresher._guard, refresher._subscribers]
            for thing in held:
                assert leaks(everything_about(thing)) == [], type(thing)


async def test_the_debug_log_of_a_working_session_shows_nothing(
    everything_logged: Callable[[], str],
) -> None:
    """Asyncio in debug mode, aiohttp and this package at DEBUG, a trace that logs its names."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0  # every step is slow, and is logged
    trace = aiohttp.TraceConfig()

    async def note(_: object, context: object, params: TraceParams) -> None:
        logging.getLogger("app").debug("%s %s", type(params).__name__, params.url)

    trace.on_request_start.append(note)
    trace.on_request_end.append(note)
    async with server() as cloud_server, session(cloud_server, trace_configs=[trace]) as cloud:
        await cloud.get("/x")
        await cloud.refresh()
        cloud_server.revoke_all()
        await cloud.post("/x", data=b"x")
        await cloud.logout()
        await cloud.login()
    text = everything_logged()
    for word in ("TokenRenewed", "RequestReplayed", "TraceRequestStartParams", "Executing <"):
        assert word in text
    assert leaks(text) == []


async def test_the_authorization_is_off_the_request_once_it_is_written() -> None:
    """Whoever keeps the answer, or aiohttp's error, keeps no token with it."""
    async with server() as cloud_server, session(cloud_server) as cloud:
        for _ in range(2):
            async with cloud.get("/x") as response:
                assert "Authorization" not in response.request_info.headers
            cloud_server.revoke_all()
        sent = [arrival.headers["Authorization"] for arrival in cloud_server.log.to("/x")]
        assert sent == [f"Bearer {token(n)}" for n in (1, 1, 2)]


async def test_no_task_that_waits_shows_a_secret() -> None:
    """What a debugger prints of a session in the middle of everything."""
    clock = ManualClock()
    async with server(clock=clock) as cloud_server, session(cloud_server, clock=clock) as cloud:
        cloud_server.script(Fault("_login", Late(5.0)), Fault("/y", Late(5.0)))
        waiting = [asyncio.create_task(cloud.get("/y").__aenter__())]
        await clock.settle()
        cloud_server.revoke_all()
        waiting += [asyncio.create_task(cloud.get("/x").__aenter__()) for _ in range(3)]
        await clock.advance(0.1)
        assert cloud_server.stats.login_attempts == 2
        for task in asyncio.all_tasks():
            stack = io.StringIO()
            task.print_stack(file=stack)
            assert leaks(f"{task!r} {stack.getvalue()}") == []
        await clock.advance(10.0)
        for response in await asyncio.gather(*waiting):
            assert response.status == 200


#: Where `Secret.reveal` may be called; nowhere else is a secret a plain string.
REVEALING = {
    "credentials.py",  # checks the values it is given
    "exchange.py",  # sends the credentials
    "middleware.py",  # stamps the token
    "schema.py",  # looks into a JWT for its expiry
    "token.py",  # writes the header's value, and takes secrets out of messages
}


def test_secrets_are_revealed_in_a_few_modules_only() -> None:
    """The list is short, and growing it is a decision."""
    package = Path(aiocloudauth.__file__).parent
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"\breveal\b", path.read_text(encoding="utf-8"))
    }
    assert found == REVEALING


def test_the_search_for_secrets_finds_them() -> None:
    """The tests above would also pass if it saw nothing."""
    assert leaks(f"Bearer {token(7)}") == ["PlantedToken"]
    assert leaks(everything_about({"a": PASSWORD})) != []
