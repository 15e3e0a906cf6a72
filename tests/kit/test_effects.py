"""What each effect looks like to a client."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
import pytest
from attrs import evolve, frozen

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import (
    Body,
    Change,
    ClusterError,
    Dated,
    Effect,
    EmptyReply,
    Endless,
    Gzip,
    Hangup,
    Headers,
    Html,
    Late,
    ManualClock,
    NotReady,
    PastExpiry,
    Raw,
    Redirect,
    Reset,
    SecurityException,
    Silence,
    Status,
    TooManyRequests,
    Trickle,
    Truncated,
)
from aiocloudauth.testing.effects import EFFECTS
from tests.kit.client import ADMIN, LOGIN, Seen, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth.testing import Answer, Proceed, Realm


async def met(*effects: Effect | str, **options: Any) -> Seen:
    """Log in once, met by these effects."""
    async with running(**options) as client:
        client.server.fail_next("_login", *effects)
        return await client.ask(LOGIN, json=ADMIN)


ELSEWHERE = "https://elsewhere.example/"
TEXT = "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("effect", "status", "code", "shown"),
    [
        (Status(503, "a.b", retry_after=1.5), 503, "a.b", "Retry-After: 1.5"),
        (Status(409, "a.b", "so"), 409, "a.b", '{"errors":[{"code":"a.b","message":"so"}]}'),
        (Status(500), 500, None, '{"ok":false,"message":"The request failed."}'),
        (TooManyRequests(30), 429, "root.rate_limited", "Retry-After: 30"),
        (ClusterError(), 502, "authc.authentication_cluster_error", '{"errors":['),
        ("no_cluster", 501, "authc.no_authentication_cluster", '{"errors":['),
        (NotReady(), 200, "controller_route.controller_not_ready", '{"errors":['),
        (SecurityException(), 401, None, 'WWW-Authenticate: Basic realm="security"'),
        (Html(403), 403, None, "<h1>403 Forbidden</h1>"),
        (Html(449), 449, None, "<title>449 Error</title>"),
        (Html(title="Sorry"), 502, None, "<title>Sorry</title>"),
        (Html(), 502, None, "Content-Type: text/html\n"),
        (Body("no", 401, TEXT), 401, None, f"Content-Type: {TEXT}\n"),
        (Body(b"\0", 201, headers={"X-Odd": "1"}), 201, None, "X-Odd: 1\n"),
        (Body("no", headers={"Content-Type": "a/b"}), 200, None, "Content-Type: a/b\n"),
        (Body("", 204), 204, None, ""),
        (Redirect(ELSEWHERE), 302, None, f"Location: {ELSEWHERE}\n"),
        (Raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), 200, None, "{}"),
    ],
    ids=lambda value: value.name if isinstance(value, Effect) else "",
)
async def test_an_answer_may_be_another_one(
    effect: Effect | str, status: int, code: str | None, shown: str
) -> None:
    """Status, codes, headers and body in place of the operation's, which is not carried out."""
    async with running() as client:
        client.server.fail_next("_login", effect)
        seen = await client.ask(LOGIN, json=ADMIN)
        assert (seen.status, seen.code) == (status, code)
        head = "".join(f"{name}: {value}\n" for name, value in seen.headers.items())
        assert shown in head + seen.body.decode()
        assert client.server.stats.logins == 0
        assert (await client.ask(LOGIN, json=ADMIN)).status == 200


async def test_the_401_of_an_elasticsearch_behind_has_none_of_eces_marks() -> None:
    """Neither a code nor `errors`, but a document of its own."""
    document = (await met(SecurityException())).json
    assert (document["error"]["type"], document["status"]) == ("security_exception", 401)
    assert "errors" not in document


async def test_another_answer_may_come_after_the_work_was_done() -> None:
    """A gateway gives up, and the token was issued."""
    async with running() as client:
        client.server.fail_next("_login", Html(504, after_work=True))
        assert (await client.ask(LOGIN, json=ADMIN)).status == 504
        assert client.server.stats.logins == 1


async def test_the_fields_of_the_answer_can_be_changed() -> None:
    """A null token, an expiry that is past, half of the JSON, nothing at all."""
    seen = await met(Change({"token": None}, ("session_expiration_time", "absent")))
    assert seen.json == {"token": None}
    seen = await met(PastExpiry(), clock=ManualClock(), clock_skew=30)
    assert seen.json["session_expiration_time"] == "2025-12-31T23:59:30.000Z"
    seen = await met(Truncated(0.5))
    assert int(seen.headers["Content-Length"]) == len(seen.body)
    with pytest.raises(ValueError, match="Unterminated string"):
        _ = seen.json
    seen = await met(Truncated(0))
    assert (seen.status, seen.body) == (200, b"")


async def test_the_headers_of_the_answer_can_be_changed() -> None:
    """Those that aiohttp adds included; what comes first is done last."""
    seen = await met(
        Headers({"Date": "Thu, 01 Jan 1970 00:00:00 GMT", "content-type": "x/y"}, drop=("Server",))
    )
    assert seen.headers["Date"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert seen.headers["Content-Type"] == "x/y"
    assert "Server" not in seen.headers
    drop = Headers(drop=("date", "retry-after"))
    seen = await met(drop, Status(503, retry_after=1))
    assert {"Date", "Retry-After"}.isdisjoint(seen.headers)
    seen = await met(Headers({"Retry-After": "0"}), drop, Trickle(0, 8), Status(503, retry_after=1))
    assert (seen.headers["Retry-After"], "Date" in seen.headers) == ("0", False)
    assert "Date" in (await met(Dated(0), drop)).headers


@pytest.mark.parametrize(
    ("ahead", "date"),
    [(7200, "Thu, 01 Jan 2026 01:45:00 GMT"), (-0.5, "Wed, 31 Dec 2025 23:44:59 GMT")],
)
async def test_a_proxy_may_write_a_date_of_its_own(ahead: float, date: str) -> None:
    """Ahead of the server's own or behind, in whole seconds; also where it sends none."""
    for send_date in (True, False):
        options = {"clock": ManualClock(), "clock_skew": -900, "send_date": send_date}
        assert (await met(Dated(ahead), **options)).headers["Date"] == date


async def test_no_answer_has_a_date_where_the_server_sends_none() -> None:
    """However it is delivered."""
    async with running(send_date=False) as client:
        client.server.fail_next("/slow", Trickle(0))
        for path in ("/users/auth/methods", "/slow"):
            assert "Date" not in (await client.ask(f"GET {path}")).headers


async def test_a_body_may_be_compressed_though_nobody_asked() -> None:
    """What is inside is the true answer."""
    async with running() as client:
        client.server.fail_next("_login", Gzip())
        seen = await client.ask(LOGIN, json=ADMIN, headers={"Accept-Encoding": "identity"})
        assert seen.headers["Content-Encoding"] == "gzip"
        assert "token" in seen.json


async def test_a_late_answer_was_worked_out_on_time() -> None:
    """What is late is the answer, not the work."""
    clock = ManualClock()
    async with running(clock=clock) as client:
        client.server.fail_next("_login", Late(30))
        asked = asyncio.create_task(client.ask(LOGIN, json=ADMIN))
        await clock.advance(29)
        assert (client.server.stats.logins, asked.done()) == (1, False)
        await clock.advance(1)
        assert (await asked).json["session_expiration_time"] == "2026-01-01T00:20:00.000Z"


async def test_a_trickle_is_a_whole_answer_in_pieces() -> None:
    """Each after a pause."""
    clock = ManualClock()
    seen = await clock.drive(met(Trickle(2, piece=10), clock=clock, tokens=lambda n: "t"))
    assert seen.json["token"] == "t"
    assert clock.monotonic() == 2 * -(-len(seen.body) // 10)


async def test_an_endless_body_begins_like_an_answer() -> None:
    """And goes on as long as the client reads."""
    async with running() as client:
        client.server.fail_next("/x", Endless(1000))
        async with client.http.get("/api/v1/x") as answer:
            start = await answer.content.readexactly(100_000)
            assert start.startswith(b'{"token":"aaaa')
            assert "Content-Length" not in answer.headers


async def test_a_connection_may_end_after_an_answer_that_does_not_say_so() -> None:
    """The answer is whole, and what is sent there next goes nowhere."""
    async with running() as client:
        client.server.fail_next("_login", Hangup())
        seen = await client.ask(LOGIN, json=ADMIN)
        assert (seen.status, "Connection" in seen.headers) == (200, False)
        await ManualClock().settle()
        assert client.server.open_connections == 0


@pytest.mark.parametrize("worked", [False, True])
@pytest.mark.parametrize(
    ("kind", "error", "status", "received"),
    [
        (lambda worked: EmptyReply(after_work=worked), aiohttp.ServerDisconnectedError, None, 0),
        (lambda worked: Reset(after_work=worked), aiohttp.ClientOSError, None, 0),
        (
            lambda worked: Reset("after_headers", after_work=worked),
            aiohttp.ClientPayloadError,
            200,
            0,
        ),
        (lambda worked: Reset(1, after_work=worked), aiohttp.ClientPayloadError, 200, 1),
    ],
    ids=["empty reply", "reset", "reset after headers", "reset in body"],
)
async def test_a_connection_may_end_without_the_answer(
    kind: Callable[[bool], Effect],
    error: type[Exception],
    status: int | None,
    received: int,
    *,
    worked: bool,
) -> None:
    """In good order or reset, before or after the work was done; over sockets as in memory."""
    async with running() as client, aiohttp.ClientSession(client.server.url) as sockets:
        for http in (client.http, sockets):
            client.server.fail_next("_login", kind(worked))
            answers: list[aiohttp.ClientResponse] = []

            async def ask(http: aiohttp.ClientSession = http, answers: list[Any] = answers) -> None:
                async with http.post("/api/v1/users/auth/_login", json=ADMIN) as answer:
                    answers.append(answer)
                    await answer.read()

            with pytest.raises(error):
                await ask()
            assert client.server.log[-1].status == status
            assert sum(answer.content.total_bytes for answer in answers) == received
        assert client.server.stats.logins == 2 * worked


async def test_bytes_that_are_no_http_are_an_error_at_the_client() -> None:
    """Then the connection is closed."""
    with pytest.raises(aiohttp.ClientResponseError):
        await met(Raw(b"\x16\x03\x01"))


async def test_silence_lasts_for_as_long_as_one_waits() -> None:
    """The connection stays open."""
    clock = ManualClock()
    with pytest.raises(TimeoutError, match="no timer is left"):
        await clock.drive(met(Silence(), clock=clock))


async def test_effects_nest() -> None:
    """Late, then half of it, piece by piece, then the end; and what was spared stays spared."""
    clock = ManualClock()
    async with running(clock=clock) as client:
        effects = (Late(5), Trickle(1, piece=10), Reset(25), Body("x" * 50))
        client.server.fail_next("_login", *effects)
        with pytest.raises(aiohttp.ClientPayloadError):
            await clock.drive(client.ask(LOGIN, json=ADMIN))
        assert clock.monotonic() == 8
        assert client.server.log[-1].fault == "late+trickle+reset+body"
        client.server.fail_next("_login", EmptyReply(), Late(0), Html(after_work=True))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await clock.drive(client.ask(LOGIN, json=ADMIN))
        assert client.server.stats.logins == 0


@frozen
class Renamed(Effect):
    """An effect of one's own: somebody else's token."""

    name: ClassVar[str] = "renamed"
    token: str

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        answer = await proceed()
        assert realm.stats.logins == 1
        return evolve(answer, body=json.dumps({"token": self.token}).encode())


async def test_an_effect_of_ones_own_is_one_like_any_other() -> None:
    """A subclass of `Effect`."""
    assert (await met(Late(0), Renamed("theirs"))).json == {"token": "theirs"}
    with pytest.raises(NotImplementedError):
        await Effect().apply(None, None)  # type: ignore[arg-type]  # it looks at neither


async def test_the_end_of_a_connection_that_is_gone_is_quiet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A client may leave before the fault that would have cut it off; nothing is logged."""
    clock = ManualClock()
    for effect in (Raw("x"), EmptyReply(after_work=True), Hangup(), Trickle(1)):
        async with running(clock=clock) as client:
            client.server.fail_next("_login", effect, Late(1))
            asked = asyncio.create_task(client.ask(LOGIN, json=ADMIN))
            await clock.settle()
            asked.cancel()
            await clock.advance(2)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("effect", "arguments", "named"),
    [
        (Status, [99], "status"),
        (Status, [True], "status"),
        (Status, [502, "a\nb"], "code"),
        (TooManyRequests, ["soon"], "retry_after"),
        (Late, [-1], "seconds"),
        (Trickle, [1, 0], "piece"),
        (Truncated, [1], "keep"),
        (Reset, ["in_between"], "at"),
        (Reset, [-1], "at"),
        (Body, [None], "content"),
        (Body, ["", 200, "a/b", {"A": "b\r\nc"}], "headers"),
        (Change, [["token"]], "fields"),
        (Change, [{}, "token"], "drop"),
        (Dated, [float("inf")], "ahead"),
        (Headers, [{"A": 1}], "fields"),
    ],
)
def test_an_effect_refuses_what_cannot_be(
    effect: type[Effect], arguments: list[object], named: str
) -> None:
    """A typed error that names the effect and the argument."""
    with pytest.raises(ConfigurationError, match=f"^{effect.__name__}: {named} has to be "):
        effect(*arguments)


def test_every_effect_is_known_by_its_name() -> None:
    """One that is public can be written as data."""
    from aiocloudauth import testing

    public = {
        kind
        for name in testing.__all__
        if isinstance(kind := getattr(testing, name), type) and issubclass(kind, Effect)
    }
    assert set(EFFECTS.values()) == public - {Effect}
