"""A server that quotes what it was sent: no error, event, traceback, frame, log or pickle does."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import os
import pickle
import subprocess
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from IPython.core.ultratb import AutoFormattedTB
from rich.traceback import Traceback

from aiocloudauth import (
    ApiKey,
    Basic,
    BearerMiddleware,
    BearerRequest,
    CloudAuthError,
    CloudSession,
    Credentials,
    Event,
    Password,
    RenewalPolicy,
    TokenRefresher,
)
from aiocloudauth.testing import (
    Body,
    CloudServer,
    EmptyReply,
    Endless,
    Fault,
    Html,
    Raw,
    Redirect,
    Reset,
    Silence,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiocloudauth.testing import Effect

QUICK = RenewalPolicy(min_interval=0.01, attempt_timeout=0.5, renewal_timeout=0.5, max_body=20_000)

PASSWORD = "PlantedPassword-7f3a"
KEY = "PlantedKey-91bc"

#: As the credentials of `Basic` are sent.
BASIC = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()

#: A part of each that nothing else contains.
TRACES = ("PlantedPassword", "PlantedToken", "PlantedKey", BASIC[8:-4])


def token(generation: int) -> str:
    """Write the token of a generation."""
    return f"PlantedToken-{generation}-e55d"


def server(**options: Any) -> CloudServer:
    """Make a server whose tokens and password can be found again."""
    return CloudServer({"admin": PASSWORD}, tokens=token, basic_refresh=True, **options)


def with_locals(error: BaseException) -> str:
    """Show the local variables of every frame as `rich` does, in values of attrs, too."""
    trace = Traceback.extract(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=10_000,
        locals_max_string=100_000,
    )
    return "\n".join(
        f"{frame.name}: {name} = {node.render(max_width=10_000)}"
        for stack in trace.stacks
        for frame in stack.frames
        for name, node in (frame.locals or {}).items()
    )


def notebook(error: BaseException) -> str:
    """Format an exception as a notebook does when it is told to be verbose."""
    shown = io.StringIO()
    formatter: Any = AutoFormattedTB(mode="Verbose", ostream=shown)  # type: ignore[no-untyped-call]  # IPython has no types here
    formatter(type(error), error, error.__traceback__)
    return shown.getvalue()


def attributes(error: BaseException) -> Iterator[str]:
    """Show every attribute of every exception that can be reached: `JSONDecodeError.doc`, say."""
    rest: list[BaseException | None] = [error]
    seen = set[int]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp's older names
        while rest:
            link = rest.pop()
            if link is None or id(link) in seen:
                continue
            seen.add(id(link))
            rest += [link.__cause__, link.__context__]
            rest += [value for value in vars(link).values() if isinstance(value, BaseException)]
            for name in dir(link):
                if not name.startswith("__") or name == "__notes__":
                    yield f"{type(link).__name__}.{name} = {getattr(link, name, None)!r}"


class Showing:
    """Collects what is shown where, and says where a secret was among it."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def add(self, where: str, text: str) -> None:
        self._shown[where] = text

    def error(self, where: str, error: BaseException, *, verbose: bool = False) -> None:
        """Take up an error in every shape, without the test's own frame."""
        assert error.__traceback__ is not None
        error.__traceback__ = error.__traceback__.tb_next
        shapes = {
            "str": f"{error} {error!r} {vars(error)!r}",
            "pickle": repr(pickle.dumps(error)) if isinstance(error, CloudAuthError) else "",
            "traceback": "".join(traceback.format_exception(error)),
            "attributes": "\n".join(attributes(error)),
            "rich": with_locals(error),
            "locals": "".join(
                traceback.TracebackException.from_exception(error, capture_locals=True).format()
            ),
        }
        for shape, text in shapes.items():
            self.add(f"{where}: {type(error).__name__}: {shape}", text)
        if verbose:  # it takes long
            self.add(f"{where}: notebook", notebook(error))
        logging.getLogger("app").error(where, exc_info=error)

    def leaks(self) -> dict[str, list[str]]:
        found = {w: [t for t in TRACES if t in text] for w, text in self._shown.items()}
        return {where: traces for where, traces in found.items() if traces}


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


def refusals(*secrets: str) -> dict[str, Effect]:
    """Make answers of 400 and more that quote what was sent, in every place that they have."""
    quote, dashed = " ".join(secrets), "-".join(secrets)
    cut = "z" * 990 + dashed
    return {
        "message": Status(400, "a.b", f"You sent {quote}."),
        "401": Status(401, "root.unauthenticated", f"{quote} is wrong."),
        "cut message": Body(f'{{"errors": [{{"code": "a", "message": "{cut}"}}]}}', 500),
        "fields": Body(f'{{"errors": [{{"code": "a", "fields": ["{quote}", "{dashed}"]}}]}}', 409),
        "code": Body(f'{{"errors": [{{"code": "{dashed}"}}]}}', 409),
        "old route": Body(f'{{"ok": false, "message": "{quote}"}}', 409),
        "page": Html(502, quote),
        "header": Body("{}", 503, headers={"X-Quote": f"<{quote}>"}),
        "header name": Body("{}", 503, headers={f"X-{dashed}": "1"}),
        "codes header": Body("{}", 503, headers={"x-cloud-error-codes": ", ".join(secrets)}),
        "retry": Body("{}", 429, headers={"Retry-After": dashed}),
    }


def malformed(*secrets: str) -> dict[str, Effect]:
    """Make answers that are none, and quote what was sent."""
    quote, dashed = " ".join(secrets), "-".join(secrets)
    ok = "HTTP/1.1 200 OK\r\n"
    return {
        "text": Body(quote, 200, "text/plain"),
        "list": Body(f'["{quote}"]', 200),
        "no token": Body(f'{{"token": null, "{quote}": "{quote}"}}', 200),
        "crlf token": Body(f'{{"token": "{secrets[0]}\\r\\nX: 1"}}', 200),
        "expiry": Body(f'{{"token": "", "session_expiration_time": "{quote}"}}', 200),
        "errors": Body(f'{{"errors": [{{"code": "a.b", "message": "{quote}"}}]}}', 200),
        "half": Body(f'{{"token": "{quote}', 200),
        "redirect": Redirect(f"http://{dashed}:{dashed}@127.0.0.1:1/{dashed}?t={dashed}#{dashed}"),
        "status line": Raw(f"HTTP/1.1 {quote}\r\n\r\n"),
        "header line": Raw(f"{ok}X {quote}\r\n\r\n"),
        "reason": Raw(f"HTTP/1.1 500 {quote}\r\nContent-Length: 0\r\n\r\n"),
        "chunk": Raw(f"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n{quote}\r\n"),
        "gzip": Raw(f"{ok}Content-Encoding: gzip\r\nContent-Length: {len(quote)}\r\n\r\n{quote}"),
        "truncated": Raw(f"{ok}Content-Length: 999\r\n\r\n{quote}"),
        "endless": Endless(),
        "empty": EmptyReply(),
        "reset": Reset(),
        "silence": Silence(),
    }


ALL = [*refusals("x"), *malformed("x")]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("credentials", "sent"),
    [
        (Password("admin", PASSWORD), (PASSWORD,)),
        (Basic("admin", PASSWORD), (PASSWORD, BASIC)),
    ],
    ids=["Password", "Basic"],
)
async def test_no_failing_login_renewal_request_or_logout_shows_a_secret(
    name: str, credentials: Credentials, sent: tuple[str, ...], everything_logged: Callable[[], str]
) -> None:
    """LESSONS: password or token in debug logs."""
    events: list[Event] = []
    showing = Showing()
    async with server() as cloud_server:
        cloud = CloudSession(cloud_server.url, credentials, policy=QUICK, on_event=events.append)
        cloud_server.script(Fault("**", (refusals(*sent) | malformed(*sent))[name], optional=True))
        with pytest.raises(CloudAuthError) as caught:
            await cloud.open()
        showing.error("open", caught.value, verbose=name in {"fields", "half", "silence"})
        await cloud.close()
        cloud_server.clear_faults()

        cloud = CloudSession(cloud_server.url, credentials, policy=QUICK, on_event=events.append)
        await cloud.open()
        quoting = (refusals(token(1), *sent) | malformed(token(1), *sent))[name]
        for path in ("_login", "_refresh", "_logout", "/users/auth"):
            cloud_server.script(Fault(path, quoting, optional=True))
        calls: dict[str, Callable[[], Any]] = {
            "refresh": cloud.refresh,
            "login": cloud.login,
            "request": lambda: cloud.get("/x"),
            "logout": cloud.logout,
        }
        for where, call in calls.items():
            if where == "request":
                cloud_server.revoke_all()
            try:
                await call()
            except CloudAuthError as error:
                showing.error(where, error)
        showing.add("session", f"{cloud!r} {vars(cloud)!r} {cloud.last_error!r} {cloud.token!r}")
        showing.add("refresher", f"{vars(cloud._refresher)} {cloud._refresher._runner.state}")
        cloud_server.clear_faults()
        await cloud.close()
    showing.add("events", f"{events!r} {[pickle.dumps(event) for event in events]!r}")
    showing.add("log", everything_logged())
    assert events
    assert showing.leaks() == {}


@pytest.mark.parametrize("name", [name for name in ALL if name != "endless"])
@pytest.mark.parametrize("kind", ["Password", "ApiKey"])
async def test_no_failing_call_shows_a_secret(
    name: str, kind: str, everything_logged: Callable[[], str]
) -> None:
    """Typed or aiohttp's own: the request is off its token by then, the answer in no frame.

    Where the answer is none, aiohttp's own error quotes it, so that it quotes nothing here.
    """
    credentials: Credentials = Password("admin", PASSWORD) if kind == "Password" else ApiKey(KEY)
    sent = (token(1), PASSWORD) if kind == "Password" else (KEY,)
    answer = (malformed("nothing") | refusals(*sent))[name]
    showing = Showing()
    async with (
        server() as cloud_server,
        CloudSession(cloud_server.url, credentials, policy=QUICK, timeout=0.3) as cloud,
    ):
        cloud_server.script(Fault("/x", answer, optional=True))
        for method, options in (("GET", {}), ("POST", {"data": b"x"})):
            try:
                async with cloud.request(method, "/x", **options) as response:  # type: ignore[arg-type]  # one option
                    await response.json()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
                showing.error(method, error)
    showing.add("log", everything_logged())
    assert showing.leaks() == {}


@pytest.mark.parametrize("refusals_before", [0, 1])
@pytest.mark.parametrize("bound", [True, False], ids=["at write", "in the middleware"])
async def test_a_request_cut_off_while_it_is_written_shows_no_token(
    refusals_before: int, *, bound: bool
) -> None:
    """Aiohttp's frames hold what they were writing, with the header in it."""

    async def cut(*_: object) -> None:
        for protocol in connector._acquired:
            if len(cloud_server.log.to("/x")) == refusals_before:
                assert protocol.transport is not None
                protocol.transport.abort()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(cut)
    async with server() as cloud_server:
        connector = aiohttp.TCPConnector()
        credentials = Password("admin", PASSWORD)
        async with (
            TokenRefresher(cloud_server.url, credentials, policy=QUICK) as refresher,
            aiohttp.ClientSession(
                cloud_server.url,
                middlewares=(BearerMiddleware(refresher),),
                request_class=BearerRequest if bound else aiohttp.ClientRequest,
                connector=connector,
                trace_configs=[trace],
            ) as http,
        ):
            if refusals_before:
                cloud_server.revoke_all()
            with pytest.raises(aiohttp.ClientError) as caught:
                await http.post("/api/v1/x", data=b"x")
            showing = Showing()
            showing.error("cut off", caught.value, verbose=True)
            assert showing.leaks() == {}


CRASHING = """
import asyncio, os, sys
from aiocloudauth import CloudSession, Password
async def main():
    async with CloudSession(sys.argv[1], Password("admin", os.environ["SECRET"])) as cloud:
        await cloud.get("/x")
asyncio.run(main(), debug=True)
"""


async def test_a_crash_of_the_interpreter_prints_no_secret() -> None:
    """A child that ends with an uncaught error, in development mode."""
    async with server() as cloud_server:
        cloud_server.fail_next("/x", refusals(token(1), PASSWORD)["fields"])
        result = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-X", "dev", "-c", CRASHING, cloud_server.url],
            env=os.environ | {"SECRET": PASSWORD},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 1
    assert "ConflictError" in result.stderr
    assert not [one for one in TRACES if one in result.stdout + result.stderr]
