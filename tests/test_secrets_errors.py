"""A server that quotes what it was sent: no error, event, traceback, log or pickle repeats it."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from rich.traceback import Traceback

from aiocloudauth import (
    ApiError,
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

QUICK = RenewalPolicy(min_interval=0.01, attempt_timeout=0.1, renewal_timeout=0.1, max_body=20_000)

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


class Showing:
    """Collects what is shown where, and says where a secret was among it."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def add(self, where: str, text: str) -> None:
        self._shown[where] = text

    def error(self, where: str, error: CloudAuthError) -> None:
        """Take up an error in every shape, without the test's own frame."""
        assert error.__traceback__ is not None
        error.__traceback__ = error.__traceback__.tb_next
        shapes = {
            "str": str(error),
            "repr": repr(error),
            "vars": repr(vars(error)),
            "pickle": repr(pickle.dumps(error)),
            "traceback": "".join(traceback.format_exception(error)),
            "rich": with_locals(error),
            "locals": "".join(
                traceback.TracebackException.from_exception(error, capture_locals=True).format()
            ),
        }
        for shape, text in shapes.items():
            self.add(f"{where}: {type(error).__name__}: {shape}", text)
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
        "expiry": Body(f'{{"token": "{dashed}", "session_expiration_time": "{quote}"}}', 200),
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
async def test_no_failing_login_shows_a_secret(
    name: str, credentials: Credentials, sent: tuple[str, ...], everything_logged: Callable[[], str]
) -> None:
    """LESSONS: password or token in debug logs."""
    events: list[Event] = []
    showing = Showing()
    async with server() as cloud_server:
        url = cloud_server.url
        cloud = CloudSession(url, credentials, policy=QUICK, on_event=events.append)
        effect = (refusals(*sent) | malformed(*sent))[name]
        cloud_server.script(Fault("**", effect, optional=True))
        with pytest.raises(CloudAuthError) as caught:
            await cloud.open()
        showing.error("open", caught.value)
        showing.add("session", f"{cloud!r} {vars(cloud)!r} {cloud.last_error!r}")
        await cloud.close()
    showing.add("events", f"{events!r} {[pickle.dumps(event) for event in events]!r}")
    showing.add("log", everything_logged())
    assert events
    assert showing.leaks() == {}


@pytest.mark.parametrize("name", ALL)
async def test_no_failing_renewal_shows_a_secret(
    name: str, everything_logged: Callable[[], str]
) -> None:
    """Refresh, login, a request that waited for them in vain, logout."""
    events: list[Event] = []
    showing = Showing()
    async with server() as cloud_server:
        credentials = Password("admin", PASSWORD)
        cloud = CloudSession(cloud_server.url, credentials, policy=QUICK, on_event=events.append)
        await cloud.open()
        quoting = (refusals(token(1), PASSWORD) | malformed(token(1), PASSWORD))[name]
        for path in ("_login", "_refresh", "_logout"):
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
    assert showing.leaks() == {}


@pytest.mark.parametrize("name", refusals("x"))
@pytest.mark.parametrize(
    ("credentials", "sent"),
    [(Password("admin", PASSWORD), (token(1), PASSWORD)), (ApiKey(KEY), (KEY,))],
    ids=["Password", "ApiKey"],
)
async def test_no_failing_call_shows_a_secret(
    name: str, credentials: Credentials, sent: tuple[str, ...], everything_logged: Callable[[], str]
) -> None:
    """Awaited, entered, and as a task; a task's error has no other exception in its context."""
    showing = Showing()
    async with (
        server() as cloud_server,
        CloudSession(cloud_server.url, credentials, policy=QUICK) as cloud,
    ):

        async def entered() -> None:
            async with cloud.get("/x"):
                pass

        cloud_server.script(Fault("/x", refusals(*sent)[name]))
        calls: dict[str, Callable[[], Any]] = {
            "awaited": lambda: cloud.post("/x", json={}, expect100=True),
            "entered": entered,
            "task": lambda: asyncio.create_task(cloud.get("/x")),
        }
        for where, call in calls.items():
            with pytest.raises(ApiError) as caught:
                await call()
            assert caught.value.__context__ is None
            showing.error(where, caught.value)
        showing.add("session", f"{cloud!r} {vars(cloud)!r} {cloud.token!r}")
    showing.add("log", everything_logged())
    assert showing.leaks() == {}


@pytest.mark.parametrize("name", [name for name in malformed("x") if name != "endless"])
async def test_no_error_of_aiohttps_own_shows_the_token_that_was_sent(
    name: str, everything_logged: Callable[[], str]
) -> None:
    """`request_info` prints its headers, and rich the request: ours is off it by then."""
    showing = Showing()
    async with server() as cloud_server:
        credentials = Password("admin", PASSWORD)
        url = cloud_server.url
        async with CloudSession(url, credentials, policy=QUICK, timeout=0.2) as cloud:
            cloud_server.script(Fault("/x", malformed("nothing")[name]))
            for method, options in (("GET", {}), ("POST", {"data": b"x"})):
                try:
                    async with cloud.request(method, "/x", **options) as response:
                        await response.json()
                except Exception as error:
                    showing.add(f"{method} rich", with_locals(error))
                    showing.add(f"{method} text", "".join(traceback.format_exception(error)))
                    showing.add(f"{method} info", repr(getattr(error, "request_info", None)))
                    logging.getLogger("app").exception(method)
    showing.add("log", everything_logged())
    assert showing.leaks() == {}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("refusals_before", [0, 1])
@pytest.mark.parametrize("bound", [True, False])
async def test_a_request_cut_off_while_it_is_written_shows_no_token(
    method: str,
    refusals_before: int,
    bound: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """Aiohttp's frames hold what they were writing, with the header in it."""

    async def cut(*_: object) -> None:
        for protocol in connector._acquired:
            if cloud_server.stats.unauthorized == refusals_before:
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
            data = b"x" if method == "POST" else None
            if refusals_before:
                cloud_server.revoke_all()
            with pytest.raises(aiohttp.ClientError) as caught:
                await http.request(method, "/api/v1/x", data=data)
            shown = with_locals(caught.value) + "".join(traceback.format_exception(caught.value))
            assert "PlantedToken" not in shown
