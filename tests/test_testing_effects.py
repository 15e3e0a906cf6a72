"""What each fault looks like to a client."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import aiohttp
import pytest
from attrs import evolve, frozen

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import (
    Body,
    Change,
    CloudServer,
    ClusterError,
    Effect,
    EmptyReply,
    Endless,
    Html,
    Late,
    ManualClock,
    NoCluster,
    NotReady,
    PastExpiry,
    Raw,
    Redirect,
    Reset,
    Silence,
    Status,
    TooManyRequests,
    Trickle,
    Truncated,
)
from aiocloudauth.testing.effects import EFFECTS
from tests.calls import ADMIN, LOGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocloudauth.testing import Answer, Proceed, Realm


@frozen
class Seen:
    """What a client saw of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        return json.loads(self.body)


async def log_in(server: CloudServer) -> Seen:
    """Log in, following no redirect."""
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.post(LOGIN, json=ADMIN, allow_redirects=False) as answer,
    ):
        return Seen(answer.status, answer.headers.copy(), await answer.read())


async def met(*effects: Effect | str) -> Seen:
    """Log in once, met by these effects."""
    async with CloudServer() as server:
        server.fail_next("_login", *effects)
        return await log_in(server)


async def test_a_status_has_eces_error_body() -> None:
    """Code, message and the header; `Retry-After` in seconds."""
    seen = await met(Status(503, "a.b", "because", 1.5))
    assert (seen.status, seen.headers["x-cloud-error-codes"]) == (503, "a.b")
    assert seen.headers["Retry-After"] == "1.5"
    assert seen.json() == {"errors": [{"code": "a.b", "message": "because"}]}


async def test_a_status_without_a_code_has_an_old_routes_body() -> None:
    """`{"ok": false, "message": ...}`."""
    seen = await met(Status(500))
    assert "x-cloud-error-codes" not in seen.headers
    assert seen.json() == {"ok": False, "message": "The request failed."}


async def test_fail_next_is_short_for_a_status() -> None:
    """As often as it says, then no more."""
    async with CloudServer() as server:
        server.fail_next("_login", times=2, status=502, code="authc.authentication_cluster_error")
        assert [(await log_in(server)).status for _ in range(3)] == [502, 502, 200]
        server.fail_next("_login")
        assert (await log_in(server)).status == 500
        assert (server.stats.login_attempts, server.stats.logins) == (4, 1)
        assert server.stats.faults == 3
        assert server.log[0].fault == "status"
        with pytest.raises(ConfigurationError, match="not both"):
            server.fail_next("_login", Html(), status=502)


async def test_too_many_requests() -> None:
    """429, with or without `Retry-After`."""
    seen = await met(TooManyRequests(30))
    assert (seen.status, seen.headers["Retry-After"]) == (429, "30")
    assert "Retry-After" not in (await met("too_many_requests")).headers


async def test_the_authentication_cluster_is_down_or_was_never_there() -> None:
    """502 and 501, each with its code."""
    assert (await met(ClusterError())).json()["errors"][0]["code"] == (
        "authc.authentication_cluster_error"
    )
    seen = await met(NoCluster())
    assert seen.status == 501
    assert seen.headers["x-cloud-error-codes"] == "authc.no_authentication_cluster"


async def test_the_admin_console_starts_with_errors_at_200() -> None:
    """`controller_route.controller_not_ready`, as was reported."""
    seen = await met(NotReady())
    assert seen.status == 200
    assert seen.json()["errors"][0]["code"] == "controller_route.controller_not_ready"


async def test_a_proxy_answers_with_a_page() -> None:
    """HTML where JSON was expected."""
    seen = await met(Html())
    assert (seen.status, seen.headers["Content-Type"]) == (502, "text/html")
    assert b"<h1>502 Bad Gateway</h1>" in seen.body


async def test_a_body_of_ones_own() -> None:
    """Any bytes, type, status and headers."""
    seen = await met(Body(b"\x00", 201, "application/x-odd", {"X-Odd": "1"}))
    assert (seen.status, seen.body) == (201, b"\x00")
    assert (seen.headers["Content-Type"], seen.headers["X-Odd"]) == ("application/x-odd", "1")
    assert (await met(Body("[]"))).json() == []
    assert (await met(Trickle(0, 1), Body("[]", headers={"X-Odd": "1"}))).headers["X-Odd"] == "1"


async def test_a_redirect() -> None:
    """`Location`, and nothing in the body."""
    seen = await met(Redirect("https://elsewhere.example/"))
    assert (seen.status, seen.body) == (302, b"")
    assert seen.headers["Location"] == "https://elsewhere.example/"


async def test_fields_of_the_answer_can_be_changed_or_dropped() -> None:
    """A null token, an expiry that is a number, none at all."""
    seen = await met(Change({"token": None}, ("session_expiration_time", "absent")))
    assert seen.json() == {"token": None}


async def test_an_expiry_in_the_past() -> None:
    """A token that is dead when it arrives, on the server's clock."""
    clock = ManualClock()
    async with CloudServer(clock=clock, clock_skew=30) as server:
        server.fail_next("_login", PastExpiry())
        seen = await log_in(server)
    assert seen.json()["session_expiration_time"] == "2025-12-31T23:59:30.000Z"


async def test_truncated_json_in_a_whole_answer() -> None:
    """Content-Length fits; the JSON does not end."""
    seen = await met(Truncated(0.5))
    assert int(seen.headers["Content-Length"]) == len(seen.body)
    with pytest.raises(ValueError, match="Unterminated string"):
        seen.json()


async def test_a_late_answer_was_worked_out_on_time() -> None:
    """What is late is the answer, not the work."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        server.fail_next("_login", Late(30))
        asked = asyncio.create_task(log_in(server))
        await clock.advance(29)
        assert server.stats.logins == 1
        assert not asked.done()
        await clock.advance(1)
        assert (await asked).json()["session_expiration_time"] == "2026-01-01T00:20:00.000Z"


async def test_a_trickle() -> None:
    """A whole answer, each piece after a pause."""
    clock = ManualClock()
    async with CloudServer(clock=clock, tokens=lambda generation: "t") as server:
        server.fail_next("_login", Trickle(2, piece=10))
        asked = asyncio.create_task(log_in(server))
        seen = await clock.drive(asked)
        assert seen.json()["token"] == "t"
        assert clock.monotonic() == 2 * -(-len(seen.body) // 10)


async def test_an_endless_body() -> None:
    """It begins like an answer, and goes on as long as the client reads."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        server.fail_next("_login", Endless(1000))
        async with http.post(LOGIN, json=ADMIN) as answer:
            assert (answer.status, answer.content_type) == (200, "application/json")
            start = await answer.content.readexactly(100_000)
            assert start.startswith(b'{"token":"aaaa')
            assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("worked", [False, True])
async def test_an_empty_reply(*, worked: bool) -> None:
    """The connection ends in good order, before or after the work was done."""
    async with CloudServer() as server:
        server.fail_next("_login", EmptyReply(after_work=worked))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await log_in(server)
        assert server.stats.logins == worked
        assert server.log[-1].status is None


async def test_a_reset_before_the_headers() -> None:
    """RST: the client's read fails."""
    with pytest.raises(aiohttp.ClientOSError, match="reset by peer"):
        await met(Reset())


@pytest.mark.parametrize(("at", "received"), [("after_headers", 0), (7, 7)])
async def test_a_reset_after_the_headers(at: Literal["after_headers"] | int, received: int) -> None:
    """A good status, a promised length, and no body, or a part of it."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        server.fail_next("_login", Reset(at, after_work=True))
        async with http.post(LOGIN, json=ADMIN) as answer:
            assert answer.status == 200
            assert int(answer.headers["Content-Length"]) > received
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
            assert answer.content.total_bytes == received
        assert server.stats.logins == 1
        assert server.log[-1].status == 200


async def test_silence() -> None:
    """Nothing, for as long as one waits; the connection stays open."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        server.fail_next("_login", Silence())
        asked = asyncio.create_task(log_in(server))
        await clock.advance(1_000_000)
        assert not asked.done()
        asked.cancel()
        await clock.settle()


async def test_raw_bytes() -> None:
    """What no HTTP library would write."""
    seen = await met(Raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    assert (seen.status, seen.json()) == (200, {})
    with pytest.raises(aiohttp.ClientResponseError):
        await met(Raw(b"\x16\x03\x01"))


async def test_effects_nest() -> None:
    """Late, then half of it, piece by piece, then the end."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, aiohttp.ClientSession(server.url) as http:
        server.fail_next("_login", Late(5), Trickle(1, piece=10), Reset(25), Body("x" * 50))
        asked = asyncio.create_task(http.post(LOGIN, json=ADMIN).__aenter__())
        answer = await clock.drive(asked)
        assert clock.monotonic() == 5
        with pytest.raises(aiohttp.ClientPayloadError):
            await clock.drive(answer.read())
        assert answer.content.total_bytes == 25
        assert clock.monotonic() == 8
        assert server.log[-1].fault == "late+trickle+reset+body"


async def test_work_that_one_effect_spares_no_other_brings_back() -> None:
    """Whatever is inside an effect that comes before the work."""
    async with CloudServer() as server:
        server.fail_next("_login", EmptyReply(), Late(0), Reset(after_work=True))
        with pytest.raises(aiohttp.ClientError):
            await log_in(server)
        assert (server.stats.login_attempts, server.stats.logins) == (1, 0)


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
    assert (await met(Late(0), Renamed("theirs"))).json() == {"token": "theirs"}


async def test_a_fault_may_meet_a_websocket() -> None:
    """The handshake is a request like any other."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        server.fail_next("/ws", "html")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect("/api/v1/ws")


async def test_a_401_that_a_fault_made_counts_like_any_other() -> None:
    """`unauthorized` is what went over the wire."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        server.fail_next("/x", status=401, code="root.unauthorized")
        async with http.get("/api/v1/x") as answer:
            assert answer.status == 401
        assert (server.stats.requests, server.stats.unauthorized) == (1, 1)


async def test_the_end_of_a_connection_that_is_gone_is_quiet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A client may leave before the fault that would have cut it off; nothing is logged."""
    clock = ManualClock()
    for effect in (Raw("x"), EmptyReply(after_work=True), Reset(after_work=True), Trickle(1)):
        async with CloudServer(clock=clock) as server:
            server.fail_next("_login", effect, Late(1))
            asked = asyncio.create_task(log_in(server))
            await clock.settle()
            asked.cancel()
            await clock.advance(2)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("effect", "arguments", "named"),
    [
        (Status, [99], "status"),
        (Status, [600], "status"),
        (Status, [True], "status"),
        (Status, ["502"], "status"),
        (Status, [502, "a\nb"], "code"),
        (Status, [502, None, None, -1], "retry_after"),
        (TooManyRequests, ["soon"], "retry_after"),
        (Late, [-1], "seconds"),
        (Late, [float("nan")], "seconds"),
        (Trickle, [-1], "interval"),
        (Trickle, [1, 0], "piece"),
        (Endless, [0], "piece"),
        (Truncated, [1], "keep"),
        (Truncated, [-0.1], "keep"),
        (Reset, ["sometime"], "at"),
        (Reset, [-1], "at"),
        (Reset, [True], "at"),
        (PastExpiry, [-1], "by"),
        (Body, [None], "content"),
        (Body, ["", 200, "text/plain", {"a": "b\r\nc: d"}], "headers"),
        (Body, ["", 200, "text/plain", ["a"]], "headers"),
        (Raw, [1], "content"),
        (Redirect, ["a\r\nb"], "location"),
        (Change, [["token"]], "fields"),
        (Change, [{}, ["token"]], "drop"),
    ],
)
def test_an_effect_refuses_what_cannot_be(
    effect: Callable[..., Effect], arguments: list[object], named: str
) -> None:
    """Unknown words, negative times, headers that end early: a typed error that names it."""
    with pytest.raises(ConfigurationError, match=rf": {named} has to be "):
        effect(*arguments)


async def test_every_effect_is_known_by_its_name() -> None:
    """Names are unique, and the base alone answers nothing."""
    shipped = (
        kind for kind in Effect.__subclasses__() if kind.__module__.startswith("aiocloudauth.")
    )
    kinds = {kind.name for kind in shipped}
    assert sorted(EFFECTS) == sorted(kinds)
    with pytest.raises(NotImplementedError):
        await Effect().apply(None, None)  # type: ignore[arg-type]  # it looks at neither
