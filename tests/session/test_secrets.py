"""Nothing shows a secret: values, parts, logs, frames, tasks; and only a few modules may look."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import io
import json
import logging
import pickle
import pprint
import re
import traceback
import types
import warnings
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
import pytest

import aiocloudauth
from aiocloudauth import (
    ApiError,
    ApiKey,
    Basic,
    Bearer,
    CloudAuthError,
    CloudSession,
    ConfigurationError,
    Password,
    RenewalPolicy,
    Secret,
    SessionToken,
    TransportError,
)
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Silence, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Is in every secret of these tests, and in nothing else.
PLANTED = "Pl4nted"
PASSWORD = f"{PLANTED}-password"
KEY = f"{PLANTED}-key"
TOKEN = f"{PLANTED}-token"

QUICK = RenewalPolicy(min_interval=0.01)
HASTY = RenewalPolicy(min_interval=0.01, attempt_timeout=0.1, renewal_timeout=0.2)


def server(**options: Any) -> CloudServer:
    """Make a server whose tokens and password can be found again."""
    return CloudServer({"admin": PASSWORD}, tokens=lambda n: f"{TOKEN}-{n}", **options)


def session(cloud_server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    credentials = Password("admin", PASSWORD)
    return CloudSession(cloud_server.url, credentials, **({"policy": QUICK} | options))


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    """Collect every record of every logger at DEBUG, tracebacks included."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


# -- values and parts ---------------------------------------------------------------------


def displays(thing: Any) -> str:  # noqa: ANN401 - as those who are to display it
    """Show a value as a debugger, a console, a log of structures and a pickle would."""
    shown = [f"{thing!r} {thing!s} {[thing]!r} {thing:}", pprint.pformat(thing)]
    shown.append(json.dumps([thing], default=str))
    if not isinstance(thing, Secret):
        shown.append(repr(getattr(thing, "__dict__", None)))
        slots = {name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())}
        shown.extend(repr(getattr(thing, name, None)) for name in slots)
    if attrs.has(type(thing)):
        shown += [repr(attrs.asdict(thing)), repr(attrs.astuple(thing))]
    if attrs.has(type(thing)) or isinstance(thing, CloudSession | CloudAuthError):
        for copying in (copy.copy, copy.deepcopy):
            with suppress(TypeError):
                shown.append(repr(copying(thing)))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with suppress(TypeError, AttributeError, pickle.PicklingError):
            shown.append(pickle.dumps(thing, protocol).decode("latin-1"))
    for hook in ("_repr_html_", "_repr_pretty_", "_repr_mimebundle_"):
        if hasattr(type(thing), hook):
            shown.append(getattr(thing, hook)())
    return "\n".join(shown)


async def test_nothing_that_displays_values_displays_a_secret() -> None:
    """`repr`, `str`, `format`, `vars`, slots, attrs, JSON, copies, notebooks' hooks, pickles."""
    events: list[object] = []
    async with server() as cloud_server, session(cloud_server, on_event=events.append) as cloud:
        cloud_server.script(Fault("_refresh", Status(500, "a.b", f"You sent {TOKEN}-1."), times=1))
        with suppress(CloudAuthError):
            await cloud.refresh()
        refresher = cloud._refresher
        things: list[object] = [
            *(Password("admin", PASSWORD), Basic("admin", PASSWORD), ApiKey(KEY)),
            *(Bearer(TOKEN), Secret(TOKEN), SessionToken(Secret(TOKEN), None, 1)),
            *(cloud, cloud.token, cloud._bearer, cloud.last_error, *events),
            *(refresher, refresher._runner, refresher._exchange, refresher._runner.state),
        ]
        for thing in things:
            assert PLANTED not in displays(thing), type(thing)
    assert PLANTED in displays({"a": PASSWORD})  # the search finds what there is


def test_a_secret_does_not_come_out_by_the_usual_doors() -> None:
    """Formatting, iteration, concatenation, JSON, pickle: an error, or three stars."""
    secret = Secret(TOKEN)
    assert PLANTED not in f"{secret} {secret!r} {secret!s:>30} {secret!a} { {secret: [secret]} }"
    doors: list[Any] = [list, bytes, len, iter, float, json.dumps, pickle.dumps, vars]
    for door in (*doors, lambda one: one + "x"):
        with pytest.raises(TypeError) as caught:
            door(secret)
        assert PLANTED not in str(caught.value)


#: What leads out of a session to the rest of the program.
STRANGERS = (
    types.ModuleType,
    type,
    types.FrameType,
    types.BuiltinFunctionType,
    contextvars.Context,
    weakref.ReferenceType,
    logging.Logger,
    asyncio.AbstractEventLoop,
    asyncio.BaseTransport,
    asyncio.BaseProtocol,  # its parser keeps the header of the last answer, as it came
)


def holders(root: object) -> Iterator[tuple[str, object]]:
    """Walk all that an object is made of; give each text with what holds it."""
    rest, seen = [root], set[int]()
    while rest:
        holder = rest.pop()
        if isinstance(holder, types.FunctionType):  # its closure, and not its module
            cells = holder.__closure__ or ()
            parts = [cell.cell_contents for cell in cells if cell != types.CellType()]
        else:
            parts = gc.get_referents(holder)
        for held in parts:
            if isinstance(held, str | bytes | bytearray):
                yield (held if isinstance(held, str) else held.decode("latin-1")), holder
            elif id(held) not in seen and not isinstance(held, STRANGERS):
                seen.add(id(held))
                rest.append(held)


async def test_a_secret_is_held_by_nothing_but_secrets() -> None:
    """The session's whole object graph, aiohttp's part of it too, after all that it can do."""
    async with server(version="3.6") as cloud_server, session(cloud_server) as cloud:
        for _ in range(3):
            cloud_server.fail_next("/401", Status(401, "a.b"))
            with suppress(ApiError):
                await cloud.get("/401")
            await cloud.post("/x", data=b"body")
            await cloud.refresh()
        await cloud.logout()
        await cloud.login()
        async with cloud.get("/y") as response:
            kept = [cloud, response, response.request_info, response.headers]
            found = {type(one).__name__ for text, one in holders(kept) if PLANTED in text}
    assert found == {"Secret"}


def test_bad_values_are_not_quoted_back() -> None:
    """What a constructor refuses may be a secret in the wrong place."""
    attempts: list[Callable[[], object]] = [
        lambda: CloudSession(f"https://admin:{PLANTED}@h", ApiKey(KEY)),
        lambda: CloudSession(f"https://h:{PLANTED}/", ApiKey(KEY)),
        lambda: CloudSession(f"https://h?token={PLANTED}", ApiKey(KEY)),
        lambda: CloudSession("https://h", PLANTED),  # type: ignore[arg-type]  # the mistake itself
        lambda: ApiKey(f"{PLANTED}\r\n"),
        lambda: Bearer(f"{PLANTED}ö"),
        lambda: Basic(f"{PLANTED}:x", PASSWORD),
        lambda: Password("admin", f"{PLANTED}\ud800"),
        lambda: Secret(PLANTED.encode()),  # type: ignore[arg-type]  # the mistake itself
        lambda: CloudSession("https://h", ApiKey(KEY), headers={"Authorization": PLANTED}),
        lambda: CloudSession("https://h", ApiKey(KEY), auth=PLANTED),  # type: ignore[call-arg]  # as above
    ]
    for attempt in attempts:
        with pytest.raises(ConfigurationError) as caught:
            attempt()
        assert PLANTED not in "".join(traceback.format_exception(caught.value))
        assert PLANTED not in repr(vars(caught.value))


#: Where `Secret.reveal` may be called; nowhere else is a secret a plain string.
REVEALING = {
    "_http/connection.py",  # stamps the fields of an authentication call
    "_http/exchange.py",  # sends the credentials
    "_wire/record.py",  # writes the token into a record that is sealed
    "_wire/schema.py",  # looks into a JWT for its expiry
    "credentials.py",  # checks the values it is given
    "middleware.py",  # stamps the token
    "stores/sealing.py",  # derives the key of a record from the password
    "token.py",  # writes the header's value, and takes secrets out of messages
}


def test_secrets_are_revealed_in_a_few_modules_only() -> None:
    """The list is short, and growing it is a decision."""
    package = Path(aiocloudauth.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\breveal\b", path.read_text(encoding="utf-8"))
    }
    assert {name for name in found if not name.startswith(("_cli/", "testing/"))} == REVEALING


# -- what asyncio, logging and aiohttp say by themselves ----------------------------------


async def test_the_debug_log_of_a_working_session_shows_nothing(heard: io.StringIO) -> None:
    """Asyncio in debug mode, aiohttp and this package at DEBUG, and tracing of every step."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0  # every step is slow, and is logged
    shown: dict[str, list[str]] = {}
    trace = aiohttp.TraceConfig()

    def noting(name: str) -> Callable[..., Any]:
        async def note(_: aiohttp.ClientSession, __: object, params: object) -> None:
            parts = [getattr(params, part, "") for part in ("url", "headers", "chunk", "exception")]
            shown.setdefault(name, []).append(f"{params!r} {parts!r}")

        return note

    for name, signal in vars(trace).items():
        if name.startswith("_on_"):
            signal.append(noting(name.removeprefix("_")))
    async with server() as cloud_server, session(cloud_server, trace_configs=[trace]) as cloud:
        await cloud.get("/x")
        await cloud.refresh()
        cloud_server.revoke_all()
        await cloud.post("/x", data=b"x")
        await cloud.logout()
        await cloud.login()
    text = heard.getvalue()
    assert "renewed; the token ends in" in text
    assert "is sent again with another token" in text
    assert "Executing <" in text
    assert PLANTED not in text
    # The documented exception: tracing sees what API calls write, and no other calls.
    assert {name for name, said in shown.items() if PLANTED in "".join(said)} == {
        "on_request_headers_sent"
    }
    assert PASSWORD not in str(shown)
    assert "users/auth" not in str(shown)


async def test_the_authorization_is_off_the_request_once_it_is_written() -> None:
    """Whoever keeps the answer, or aiohttp's error, keeps no token with it."""
    async with server() as cloud_server, session(cloud_server) as cloud:
        for _ in range(2):
            async with cloud.get("/x") as response:
                assert "Authorization" not in response.request_info.headers
            cloud_server.revoke_all()
        sent = [arrival.headers["Authorization"] for arrival in cloud_server.log.to("/x")]
        assert sent == [f"Bearer {TOKEN}-{n}" for n in (1, 1, 2)]


async def test_no_task_that_waits_shows_a_secret() -> None:
    """What a debugger prints of a session in the middle of everything."""
    clock = ManualClock()
    async with server(clock=clock) as cloud_server, session(cloud_server, clock=clock) as cloud:
        cloud_server.script(Fault("_login", Late(5.0)), Fault("/y", Late(5.0)))
        waiting = [asyncio.ensure_future(cloud.get("/y"))]
        await clock.settle()
        cloud_server.revoke_all()
        waiting += [asyncio.ensure_future(cloud.get("/x")) for _ in range(3)]
        await clock.advance(0.1)
        assert cloud_server.stats.login_attempts == 2
        for task in asyncio.all_tasks():
            stack = io.StringIO()
            task.print_stack(file=stack)
            assert PLANTED not in f"{task!r} {stack.getvalue()} {task.get_coro()!r}"
        await clock.advance(10.0)
        assert {response.status for response in await asyncio.gather(*waiting)} == {200}


async def test_what_asyncio_says_of_tasks_that_nobody_minds_shows_no_secret(
    heard: io.StringIO,
) -> None:
    """Never retrieved, never awaited."""
    async with server() as cloud_server, session(cloud_server) as cloud:
        cloud_server.fail_next("/x", Status(400, "a.b", f"You sent {TOKEN}-1."))
        forgotten = asyncio.ensure_future(cloud.get("/x"))
        await asyncio.wait({forgotten})
        said = repr(forgotten)
        del forgotten
        gc.collect()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            cloud.get("/x")
            gc.collect()
        said += "".join(str(warning.message) for warning in warned)
    assert "never awaited" in said
    assert "never retrieved" in heard.getvalue()
    assert PLANTED not in heard.getvalue() + said


async def test_a_proxys_password_is_a_secret_too() -> None:
    """In what comes of a proxy that cannot be reached, or refuses."""
    async with CloudServer() as proxy:
        proxy.script(Fault("**", Status(407)), Fault("**", Silence()))
        for url in (proxy.url, "http://127.0.0.1:1"):
            with_user = url.replace("://", f"://me:{PLANTED}@")
            credentials = Password("a", "b")
            cloud = CloudSession("https://h", credentials, policy=HASTY, proxy=with_user)
            with pytest.raises((TransportError, TimeoutError)) as caught:
                await cloud.open()
            shown = "".join(traceback.format_exception(caught.value))
            assert PLANTED not in f"{shown} {cloud!r} {cloud.last_error!r} {vars(caught.value)!r}"
            await cloud.close()
        proxy.clear_faults()
