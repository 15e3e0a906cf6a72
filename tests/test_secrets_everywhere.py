"""The places where secrets come to light that nobody thinks of: frames, heaps, notebooks, crashes.

What people print themselves (errors, logs, events, pickles) is searched in `test_secrets`.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import faulthandler
import gc
import io
import json
import logging
import os
import pickle
import pprint
import sys
import traceback
import types
import warnings
import weakref
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import attrs
import pytest
import rich.pretty
from IPython.core.formatters import DisplayFormatter
from IPython.core.ultratb import AutoFormattedTB
from rich.console import Console

from aiocloudauth import (
    ApiError,
    ApiKey,
    Basic,
    Bearer,
    CloudAuthError,
    CloudSession,
    ConfigurationError,
    Event,
    Password,
    RenewalPolicy,
    Secret,
    SessionToken,
    TransportError,
)
from tests.rogue import LOGIN, REFRESH, Misdeed, Request, Rogue, after, http, token_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aiocloudauth import Credentials

#: Is in every secret of these tests, and in nothing else.
PLANTED = "Pl4nted"
PASSWORD = f"{PLANTED}-password"
TOKEN = f"{PLANTED}-token"
KEY = f"{PLANTED}-key"

QUICK = RenewalPolicy(
    min_interval=0.01, backoff=0.01, backoff_max=0.02, attempt_timeout=0.1, renewal_timeout=0.15
)
GOOD = http(token_body(TOKEN))
WITH_COOKIE = http(token_body(TOKEN), f"Set-Cookie: ec-sso-session-id={PLANTED}-cookie")


def session(server: Rogue, credentials: Credentials | None = None, **options: Any) -> CloudSession:
    """Make a session with planted secrets."""
    server.misdeeds.setdefault(LOGIN, WITH_COOKIE)
    return CloudSession(
        server.url, credentials or Password("admin", PASSWORD), policy=QUICK, **options
    )


# -- what a debugger, a notebook or a crash reporter prints of an exception ------------------


def chain(error: BaseException) -> Iterator[BaseException]:
    """Walk to every exception that can be reached from one."""
    seen: set[int] = set()
    rest: list[BaseException | None] = [error]
    while rest:
        link = rest.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        rest += [link.__cause__, link.__context__]
        if isinstance(link, BaseExceptionGroup):
            rest += link.exceptions
        rest += [value for value in vars(link).values() if isinstance(value, BaseException)]


def attributes(error: BaseException) -> Iterator[str]:
    """Show every attribute of every exception that can be reached, by whatever name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp's older names
        for link in chain(error):
            for name in dir(link):
                if not name.startswith("__") or name == "__notes__":
                    yield f"{type(link).__name__}.{name} = {getattr(link, name, None)!r}"


def frames(error: BaseException) -> Iterator[str]:
    """Show the local variables of every frame, and what those that are ours are made of."""
    for link in chain(error):
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if frame.f_code.co_filename == __file__:
                continue  # a test knows its secrets
            for name, value in frame.f_locals.items():
                try:
                    yield f"{frame.f_code.co_name}: {name} = {value!r}"
                except AttributeError:
                    continue  # half made: its constructor is what failed


def notebook(error: BaseException) -> str:
    """Format an exception as a notebook does when it is told to be verbose."""
    shown = io.StringIO()
    formatter: Any = AutoFormattedTB(mode="Verbose", ostream=shown)  # type: ignore[no-untyped-call]  # IPython has no types here
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename == __file__:
        found = found.tb_next
    formatter(type(error), error, found)
    return shown.getvalue()


def leaks(error: BaseException) -> list[str]:
    """Name what shows a secret."""
    shown = [*attributes(error), *frames(error), *traceback.format_exception(error)]
    return [text[:300] for text in shown if PLANTED in text]


def echo(*, status: int = 400, broken: bool = False) -> Misdeed:
    """Answer with what was sent in every field, as it came, escaped and percent-encoded."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        sent = f"{request.headers.get('Authorization')} {request.body.decode()}"
        values = json.loads(request.body).values() if request.body.startswith(b"{") else [sent]
        plain = " ".join(values)
        spelled = [sent, plain, quote(plain), quote(plain, safe=""), f"<{plain}>"]
        entries = [{"code": "a.b", "message": one, "fields": spelled} for one in spelled]
        body = json.dumps({"errors": entries, "message": sent}).encode()
        fields = [f"X-{n}: {one}" for n, one in enumerate(spelled) if one.isascii()]
        writer.write(http(body, *fields, status=status, length=len(body) + 9 * broken))

    return answer


MISDEEDS: dict[str, Misdeed] = {
    "nothing": b"",
    "silence": after(b""),
    "half an answer": after(GOOD[:-3]),
    "an answer cut short": GOOD[:-3],
    "quoted": echo(),
    "quoted at 401": echo(status=401),
    "quoted at 200": echo(status=200),
    "quoted at 503": echo(status=503),
    "quoted and cut short": echo(broken=True),
    "no JSON": http(token_body(TOKEN)[:-1]),
    "a list": http(b"[" + token_body(TOKEN) + b"]"),
    "two lines of token": http(token_body(f"{TOKEN}\r\n")),
    "a token without an end": http(b'{"token": "' + TOKEN.encode()),
    "a token as a number of times": http(token_body([TOKEN])),
    "an expiry that is a token": http(token_body(TOKEN, session_expiration_time=TOKEN)),
    "a redirect": http(b"", f"Location: http://{PLANTED}:{PLANTED}@127.0.0.1:1/", status=302),
}
CREDENTIALS: dict[str, Credentials] = {
    "Password": Password("admin", PASSWORD),
    "Basic": Basic("admin", PASSWORD),
    "a password of odd letters": Password("admin", f'"{PLANTED}\\ö€/&%\t"'),
    "a password from a callable": Password("admin", lambda: asyncio.sleep(0, PASSWORD)),
}


@pytest.mark.parametrize("credentials", CREDENTIALS)
@pytest.mark.parametrize("name", MISDEEDS)
async def test_no_attribute_and_no_frame_of_a_failed_open_holds_a_secret(
    name: str, credentials: str
) -> None:
    """`JSONDecodeError.doc`, `UnicodeError.object`, a local variable: whatever is reachable."""
    async with Rogue({LOGIN: MISDEEDS[name], REFRESH: MISDEEDS[name]}) as server:
        cloud = session(server, CREDENTIALS[credentials])
        with pytest.raises(CloudAuthError) as caught:
            await cloud.open()
        assert leaks(caught.value) == []
        assert cloud.last_error is not None
        assert leaks(cloud.last_error) == []
        await cloud.close()


#: Answers in which a token is only if the server quotes it.
QUOTED = ["nothing", "silence", *(name for name in MISDEEDS if name.startswith("quoted"))]


@pytest.mark.parametrize("name", QUOTED)
@pytest.mark.parametrize("method", ["GET", "POST", "WebSocket"])
async def test_no_attribute_and_no_frame_of_a_failed_request_holds_a_secret(
    method: str, name: str
) -> None:
    """Whoever raises it: the request and its answer are in those frames."""
    async with Rogue({"/x": MISDEEDS[name]}) as server, session(server) as cloud:
        try:
            if method == "WebSocket":
                async with asyncio.timeout(0.2):
                    await cloud.ws_connect("/x")
            else:
                data = BytesIO(b"body") if method == "POST" else None
                await cloud.request(method, "/x", data=data, timeout=0.2)
        except aiohttp.WSServerHandshakeError as error:
            assert error.status == 200  # noqa: PT017 - aiohttp's own, with the server's words
        except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
            assert leaks(error) == []  # noqa: PT017 - not all of them fail
        else:
            assert name == "quoted at 200"


@pytest.mark.parametrize("name", ["quoted", "half an answer", "silence"])
async def test_a_notebook_that_is_told_to_be_verbose_shows_no_secret(name: str) -> None:
    """IPython's own traceback, with the values of what each line mentions."""
    async with Rogue({LOGIN: MISDEEDS[name], "/x": MISDEEDS["quoted"]}) as server:
        cloud = session(server)
        with pytest.raises(CloudAuthError) as caught:
            await cloud.open()
        assert type(caught.value).__name__ in notebook(caught.value)
        assert PLANTED not in notebook(caught.value)
        server.misdeeds[LOGIN] = GOOD
        async with cloud:
            with pytest.raises(ApiError) as refused:
                await cloud.get("/x")
            assert PLANTED not in notebook(refused.value)


async def test_a_group_of_failed_tasks_shows_no_secret() -> None:
    """`TaskGroup` keeps the exceptions of all, and their frames."""
    async with Rogue({"/x": echo()}) as server, session(server) as cloud:

        async def crowd() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(cloud.get("/x"))

        with pytest.raises(ExceptionGroup) as caught:
            await crowd()
        assert len(list(chain(caught.value))) >= 4
        assert leaks(caught.value) == []


async def test_no_living_exception_of_the_whole_heap_holds_a_secret() -> None:
    """Those that nobody raised to anybody, too: kept by a task, a future or a record."""
    gc.collect()
    known = {id(one) for one in gc.get_objects() if isinstance(one, BaseException)}
    async with Rogue() as server:
        cloud = session(server)
        await cloud.open()
        for misdeed in MISDEEDS.values():
            server.misdeeds |= {REFRESH: misdeed, "/x": misdeed}
            get = partial(cloud.get, "/x", timeout=0.05, allow_redirects=False)
            for call in (cloud.refresh, get):
                with suppress(CloudAuthError, aiohttp.ClientError, TimeoutError):
                    await call()
        living = [one for one in gc.get_objects() if isinstance(one, BaseException)]
        assert cloud.last_error in living
        for one in living:
            if id(one) not in known:
                assert [text for text in attributes(one) if PLANTED in text] == []
        del living
        await cloud.close()


# -- what the objects themselves are made of -------------------------------------------------


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


def held_by(holder: object) -> list[Any]:
    """Return what an object refers to; of a function its closure, and not its module."""
    if isinstance(holder, types.FunctionType):
        return [cell.cell_contents for cell in holder.__closure__ or () if cell != types.CellType()]
    return gc.get_referents(holder)


def holders(root: object) -> Iterator[tuple[str, object]]:
    """Walk all that an object of ours is made of; give each text with what holds it."""
    rest, seen = [root], set[int]()
    while rest:
        holder = rest.pop()
        for held in held_by(holder):
            if isinstance(held, str | bytes | bytearray):
                yield (held if isinstance(held, str) else held.decode("latin-1")), holder
            elif id(held) not in seen and not isinstance(held, STRANGERS):
                seen.add(id(held))
                rest.append(held)


async def test_a_secret_is_held_by_nothing_but_secrets() -> None:
    """The session's whole object graph, aiohttp's part of it too, after all that it can do."""
    async with Rogue({"/401": http(b"", status=401)}, keep=True) as server:
        async with session(server) as cloud:
            for _ in range(3):
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


def displays(thing: Any) -> str:  # noqa: ANN401 - as those who are to display it
    """Show a value as a notebook, a console and a log of structures would."""
    formatter: Any = DisplayFormatter()
    data, _ = formatter.format(thing)
    console = Console(file=io.StringIO(), width=500)
    console.print(thing)
    rich.pretty.pprint(thing, console=console, max_depth=9)
    rich.inspect(thing, console=console)
    assert isinstance(console.file, io.StringIO)
    shown = [str(data), console.file.getvalue(), pprint.pformat(thing)]
    shown.append(json.dumps([thing], default=str))
    if attrs.has(type(thing)):
        shown += [repr(attrs.asdict(thing)), repr(attrs.astuple(thing))]
    if attrs.has(type(thing)) or isinstance(thing, CloudSession | CloudAuthError):
        for copying in (copy.copy, copy.deepcopy):
            with suppress(TypeError):
                shown.append(repr(copying(thing)))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with suppress(TypeError, AttributeError, pickle.PicklingError):
            shown.append(pickle.dumps(thing, protocol).decode("latin-1"))
    return "\n".join(shown)


async def test_nothing_that_displays_values_displays_a_secret() -> None:
    """IPython's formatters (HTML among them), rich, pprint, attrs, JSON, copies, pickles."""
    events: list[Event] = []
    async with (
        Rogue({REFRESH: echo()}) as server,
        session(server, on_event=events.append) as cloud,
    ):
        with suppress(CloudAuthError):
            await cloud.refresh()
        refresher = cloud._refresher
        things: list[object] = [
            *(Password("admin", PASSWORD), Basic("admin", PASSWORD), ApiKey(KEY)),
            *(Bearer(TOKEN), Secret(TOKEN), SessionToken(Secret(TOKEN), None, 1)),
            *(cloud, cloud.token, cloud.http, cloud.last_error, *events),
            *(refresher, refresher._runner, refresher._exchange, refresher._runner.state),
        ]
        for thing in things:
            assert PLANTED not in displays(thing), type(thing)


def test_a_secret_does_not_come_out_by_the_usual_doors() -> None:
    """Formatting, iteration, concatenation, JSON, pickle: an error, or three stars."""
    secret = Secret(TOKEN)
    assert f"{secret} {secret!r} {secret!s:>30} {secret!a}".count(PLANTED) == 0
    assert f"{'%s %r'}" % (secret, secret) == "Secret('***') Secret('***')"
    doors: list[Any] = [list, bytes, len, iter, float, json.dumps, pickle.dumps, vars]
    for door in doors:
        with pytest.raises(TypeError) as caught:
            door(secret)
        assert PLANTED not in str(caught.value)
    with pytest.raises(TypeError):
        secret + "x"  # type: ignore[operator]  # what the test is about
    assert PLANTED not in repr({secret: [secret]})


# -- what asyncio, Python and aiohttp say by themselves --------------------------------------


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    """Collect every log record at DEBUG, with its traceback and stack."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


async def test_what_asyncio_says_of_tasks_that_nobody_minds_shows_no_secret(
    heard: io.StringIO,
) -> None:
    """Never retrieved, never awaited, destroyed while pending, slow, and dumped."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    said: list[str] = []
    async with Rogue({"/x": echo(), "/silent": after(b"")}) as server, session(server) as cloud:
        forgotten = loop.create_task(cloud.get("/x"))
        await asyncio.wait({forgotten})
        said.append(repr(forgotten))
        del forgotten
        gc.collect()
        waiting = [loop.create_task(cloud.get("/silent")), loop.create_task(cloud.refresh())]
        await asyncio.sleep(0.005)
        for task in asyncio.all_tasks():
            stack = io.StringIO()
            task.print_stack(file=stack)
            said += [repr(task), stack.getvalue(), repr(task.get_coro())]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            cloud.get("/x")
            gc.collect()
        said += [str(warning.message) for warning in warned]
        assert "never awaited" in "".join(said)
    text = heard.getvalue()
    assert "never retrieved" in text
    assert "Executing" in text
    assert PLANTED not in text + "".join(said)


async def test_a_dump_of_all_stacks_shows_no_secret(tmp_path: Path) -> None:
    """`faulthandler` at a crash or a signal names functions and lines, in the middle of a login."""
    path = tmp_path / "dump"

    async def dump(request: Request, writer: asyncio.StreamWriter) -> None:
        with path.open("w") as file:
            faulthandler.dump_traceback(file)
        writer.write(GOOD)

    async with Rogue({LOGIN: dump}) as server, session(server):
        assert PLANTED not in path.read_text()


async def test_tracing_sees_the_token_where_it_is_written_and_nowhere_else() -> None:
    """The documented exception: `on_request_headers_sent` of API calls, and of no others."""
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
    async with Rogue() as server, session(server, trace_configs=[trace]) as cloud:
        for call in (cloud.refresh, cloud.login, lambda: cloud.get("/y"), cloud.logout):
            await call()
        await cloud.login()
        await cloud.post("/x", data=b"body")
    showing = {name for name, said in shown.items() if PLANTED in "".join(said)}
    assert showing == {"on_request_headers_sent"}
    assert len(shown["on_request_headers_sent"]) == 2
    assert PASSWORD not in str(shown)
    assert "users/auth" not in str(shown)


async def test_a_proxys_password_is_a_secret_too() -> None:
    """In the URL, as an option and in what comes of a proxy that cannot be reached or refuses."""
    async with Rogue({":1": http(b"", "Proxy-Authenticate: Basic", status=407)}) as proxy:
        for url in (proxy.url, "http://127.0.0.1:1"):
            with_user = url.replace("://", f"://me:{PLANTED}@")
            cloud = CloudSession(
                "https://ece.example.com:1", ApiKey(KEY), policy=QUICK, proxy=with_user
            )
            cloud = CloudSession(
                "https://ece.example.com:1", Password("a", "b"), policy=QUICK, proxy=with_user
            )
            with pytest.raises(TransportError) as caught:
                await cloud.open()
            assert leaks(caught.value) == []
            assert PLANTED not in f"{cloud!r} {cloud.last_error!r}"
            await cloud.close()
        assert proxy.received[0].carries("Proxy-Authorization")


def test_bad_values_are_not_quoted_back() -> None:
    """What a constructor refuses may be a secret in the wrong place."""
    attempts: list[Callable[[], object]] = [
        lambda: CloudSession(f"https://admin:{PLANTED}@h", ApiKey(KEY)),
        lambda: CloudSession(f"https://h:{PLANTED}/", ApiKey(KEY)),
        lambda: CloudSession(f"https://h?token={PLANTED}", ApiKey(KEY)),
        lambda: CloudSession(f"{PLANTED} {PLANTED}", ApiKey(KEY)),
        lambda: CloudSession("https://h", PLANTED),  # type: ignore[arg-type]  # the mistake itself
        lambda: ApiKey(f"{PLANTED}\r\n"),
        lambda: Bearer(f"{PLANTED}ö"),
        lambda: Basic(f"{PLANTED}:x", PASSWORD),
        lambda: Password("admin", f"{PLANTED}\ud800"),
        lambda: Secret(PLANTED.encode()),  # type: ignore[arg-type]  # the mistake itself
        lambda: CloudSession("https://h", ApiKey(KEY), headers={"Authorization": PLANTED}),
        lambda: CloudSession("https://h", ApiKey(KEY), auth=PLANTED),
        lambda: CloudSession("https://h", ApiKey(KEY), ssl=object()),  # type: ignore[arg-type]  # as above
    ]
    for attempt in attempts:
        with pytest.raises(ConfigurationError) as caught:
            attempt()
        shown = [*attributes(caught.value), *traceback.format_exception(caught.value)]
        assert [text for text in shown if PLANTED in text] == []


async def test_a_crash_of_the_interpreter_prints_no_secret() -> None:
    """A child that ends with an uncaught error, in development mode."""
    program = """
import asyncio, os, sys
from aiocloudauth import CloudSession, Password
async def main():
    async with CloudSession(sys.argv[1], Password("admin", os.environ["PASSWORD"])) as cloud:
        await cloud.get("/x")
asyncio.run(main(), debug=True)
"""
    async with Rogue({LOGIN: WITH_COOKIE, "/x": echo()}) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-c", program, server.url),
            env=os.environ | {"PASSWORD": PASSWORD},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complaints = await process.communicate()
    assert process.returncode == 1
    assert b"BadRequestError" in complaints
    assert PLANTED.encode() not in said + complaints
