"""When faults are met: paths, tokens, times, flapping, chance; and faults written as data."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import (
    CloudServer,
    Fault,
    Html,
    Late,
    ManualClock,
    Status,
    UnusedFaultWarning,
    fault_from_data,
    fault_to_data,
    read_faults,
)
from aiocloudauth.testing.effects import EFFECTS
from tests.kit.client import ADMIN, LOGIN, REFRESH, Client, basic, running

DOWN = Status(503)
REFUSED = Status(401, "root.unauthorized")

PATHS = [
    "/users/auth/_refresh",
    "/users/auth",
    "/deployments",
    "/deployments/a",
    "/deployments/a/b",
    "/x.y",
]


async def met(client: Client, count: int, request: str = "GET /x") -> str:
    """Send a request so often; show which were met by a fault."""
    seen = [await client.status(request) for _ in range(count)]
    return "".join(".X"[status == 503] for status in seen)


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("_refresh", ["/users/auth/_refresh"]),
        ("/users/auth", ["/users/auth"]),
        ("auth", ["/users/auth"]),
        ("/deployments", ["/deployments"]),
        ("/deployments/*", ["/deployments/a"]),
        ("/deployments/**", ["/deployments/a", "/deployments/a/b"]),
        ("a", ["/deployments/a"]),
        ("/{any}/a", ["/deployments/a"]),
        ("**", PATHS),
        ("/x.y", ["/x.y"]),
        ("/x?y", []),
    ],
)
async def test_a_fault_meets_the_paths_it_names(pattern: str, paths: list[str]) -> None:
    """A whole path, its end, `*` for a segment, `**` for any; nothing else is special."""
    async with running(faults=[Fault(pattern, DOWN, optional=True)]) as client:
        assert [path for path in PATHS if await client.status(f"GET {path}") == 503] == paths


async def test_a_fault_meets_the_method_and_the_credential_it_names() -> None:
    """Or any."""
    async with running(faults=[Fault("/x", DOWN, method="POST")]) as client:
        assert [await met(client, 1, f"{method} /x") for method in ("GET", "POST")] == [".", "X"]
    async with running(faults=[Fault("**", DOWN, credential="bearer")]) as client:
        sent = (None, basic("admin", "secret"), await client.login(), "Bearer dead")
        assert [await client.status("GET /x", one) for one in sent] == [401, 200, 503, 503]


async def test_a_token_may_be_known_only_some_time_after_its_issue() -> None:
    """Replication lags: whoever presents it earlier is refused, at `_refresh` too."""
    clock = ManualClock()
    async with running(clock=clock, faults=[Fault("**", REFUSED, younger=0.5)]) as client:
        token = await client.login()
        await clock.advance(0.499)
        for request in ("GET /x", "GET /users/auth", REFRESH):
            assert await client.status(request, token) == 401
        await clock.advance(0.001)
        assert await client.status("GET /x", token) == 200
        assert await client.status("GET /x", basic("admin", "secret")) == 200
        token = await client.refresh(token)
        assert await client.status("GET /x", token) == 401


async def test_a_node_may_refuse_one_request_in_so_many() -> None:
    """Counted, not drawn; `skip` puts it off, `times` ends it."""
    async with running() as client:
        client.server.script(Fault("/x", DOWN, every=3))
        assert await met(client, 9) == "..X..X..X"
        client.server.clear_faults()
        client.server.script(Fault("/x", DOWN, skip=1, every=2, times=2))
        assert await met(client, 9) == "..X.X...."
        client.server.clear_faults()
        client.server.script(Fault("/x", DOWN, skip=1, times=2))
        assert await met(client, 5) == ".XX.."


async def test_a_fault_has_its_time() -> None:
    """From `after` until `until`, since the server started or the fault was added."""
    clock = ManualClock()
    server = CloudServer(clock=clock, faults=[Fault("/x", DOWN, after=10, until=20)])
    await clock.advance(100)
    async with running(server) as client:
        seen = ""
        for second in (0, 9, 10, 19, 20, 50):
            await clock.advance(100 + second - clock.monotonic())
            seen += await met(client, 1)
        assert seen == "..XX.."
        server.script(Fault("/x", DOWN, until=1))
        assert await met(client, 1) == "X"
        await clock.advance(1)
        assert await met(client, 1) == "."


async def test_an_outage_flaps() -> None:
    """Down, up, down, up, over and over."""
    clock, seen = ManualClock(), ""
    async with running(clock=clock, faults=[Fault("/x", DOWN, after=1, down=2, up=3)]) as client:
        for _ in range(12):
            seen += await met(client, 1)
            await clock.advance(1)
    assert seen == ".XX...XX...X"


async def test_a_fault_may_be_a_matter_of_chance() -> None:
    """Drawn from the clock: the same seed, the same luck."""

    async def luck(seed: int) -> str:
        fault = Fault("/x", DOWN, probability=0.3)
        async with running(clock=ManualClock(seed=seed), faults=[fault]) as client:
            return await met(client, 100)

    assert await luck(1) == await luck(1) != await luck(2)
    assert 15 < (await luck(1)).count("X") < 45


async def test_the_first_fault_that_fits_is_played_and_counted() -> None:
    """In the order they were given; a 401 of a fault counts like any other."""
    faults = [Fault("/x", Status(401), times=1), Fault("**", DOWN, times=2)]
    async with running(faults=faults) as client:
        assert [await client.status("GET /x") for _ in range(4)] == [401, 503, 503, 401]
        assert (client.server.stats.faults, client.server.stats.unauthorized) == (3, 2)
        assert [arrival.fault for arrival in client.server.log] == ["status"] * 3 + [None]


async def test_fail_next_is_short_for_a_fault() -> None:
    """As often as it says, then no more; a WebSocket's handshake may be met too."""
    async with running() as client:
        client.server.fail_next("_login", times=2, status=502, code="a.b")
        client.server.fail_next("_login")
        seen = [await client.ask(LOGIN, json=ADMIN) for _ in range(4)]
        assert [answer.status for answer in seen] == [502, 502, 500, 200]
        assert seen[0].code == "a.b"
        client.server.fail_next("/ws", "html")
        with pytest.raises(aiohttp.WSServerHandshakeError, match="502"):
            await client.http.ws_connect("/api/v1/ws")
        with pytest.raises(ConfigurationError, match="not both"):
            client.server.fail_next("_login", Html(), status=502)


async def test_a_fault_that_met_nothing_is_reported_at_the_end() -> None:
    """A script that never fires tests nothing, and its author should know."""
    server = await CloudServer(faults=[Fault("_login", "html")]).start()
    with pytest.warns(UnusedFaultWarning, match="met no request: html at _login$"):
        await server.close()
    await server.close()
    server = await server.start()
    server.fail_next("/x", Late(1), method="GET")
    server.script(Fault("/y", "silence", optional=True))
    assert [fault.path for fault in server.unfired] == ["_login", "/x"]
    with pytest.warns(UnusedFaultWarning, match=r": html at _login; late at GET /x$"):
        await server.__aexit__(None, None, None)
    async with running() as client:
        client.server.fail_next("/x", "html", times=5)
        assert await client.status("GET /x") == 502


async def test_a_fault_that_met_nothing_is_not_reported_over_a_failure() -> None:
    """What failed inside the block says more; and faults taken back are not missed."""
    with pytest.raises(ZeroDivisionError):
        async with CloudServer(faults=[Fault("_login", "html")]):
            raise ZeroDivisionError
    async with CloudServer(faults=[Fault("_login", "html")]) as server:
        server.clear_faults()
        assert server.unfired == ()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"path": ""}, "path"),
        ({"effects": ()}, "at least one effect"),
        ({"effects": "explode"}, "'explode'; known are body, change"),
        ({"effects": "status"}, r"'status' needs arguments; use Status\("),
        ({"effects": [[]]}, "unknown fault"),
        ({"times": 0}, "times"),
        ({"skip": -1}, "skip"),
        ({"every": 0}, "every"),
        ({"credential": "basics"}, "credential"),
        ({"younger": 0}, "younger"),
        ({"after": -1}, "after"),
        ({"after": 2, "until": 1}, "before it begins"),
        ({"down": 1}, "both down and up"),
        ({"down": 0, "up": 1}, "down"),
        ({"probability": 0}, "probability"),
        ({"method": "a\nb"}, "method"),
    ],
    ids=str,
)
def test_a_fault_refuses_what_cannot_be(arguments: dict[str, Any], named: str) -> None:
    """Unknown names and negative times are typed errors that say which are known."""
    usual: dict[str, Any] = {"path": "/x", "effects": DOWN}
    with pytest.raises(ConfigurationError, match=named):
        Fault(**usual | arguments)


# -- written as data --------------------------------------------------------------------------


def test_faults_can_be_written_as_data() -> None:
    """JSON, for scripts in files and for the stand-alone server."""
    first, second, third, fourth = read_faults("""[
        {"path": "**", "every": 20, "credential": "bearer", "effects": [
            {"name": "status", "status": 401, "code": "root.unauthorized"}]},
        {"path": "/x", "after": 10, "until": 20, "effects": ["silence", {"name": "trickle"}]},
        {"path": "/y", "effects": [{"name": "raw", "content": {"base64": "/w=="}}]},
        {"path": "/z", "effects": [{"name": "headers", "drop": ["Date"]}]}
    ]""")
    assert first == Fault("**", REFUSED, every=20, credential="bearer")
    assert str(second) == "silence + trickle at /x"
    assert third.effects[0].content == b"\xff"  # type: ignore[attr-defined]  # a `Raw`, as was read
    assert fault_to_data(third)["effects"] == [{"name": "raw", "content": {"base64": "/w=="}}]
    effects = [{"name": "headers", "drop": ["Date"]}]
    assert fault_to_data(fourth) == {"path": "/z", "effects": effects}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "a JSON list"),
        ("[3]", "a fault is an object"),
        ("[{}]", "'path' is missing"),
        ('[{"path": "/x"}]', "at least one effect"),
        ('[{"path": "/x", "effects": {}}]', "a list"),
        ('[{"path": "/x", "effects": [3]}]', "a name or an object"),
        ('[{"path": "/x", "effects": [{"name": 3}]}]', "unknown fault 3"),
        ('[{"path": "/x", "effects": ["late"]}]', "'seconds' is missing"),
        ('[{"path": "/x", "effects": [{"name": "late", "seconds": -1}]}]', "seconds"),
        ('[{"path": "/x", "effects": [{"name": "late", "second": 1}]}]', "argument 'second'"),
        ('[{"path": "/x", "effects": ["html"], "time": 1}]', "argument 'time'"),
        ('[{"path": "/x", "effects": [{"name": "raw", "content": {"base64": "?"}}]}]', "base64"),
    ],
    ids=lambda text: text[:60],
)
def test_faults_written_as_data_are_read_strictly(text: str, named: str) -> None:
    """Every mistake is a typed error that names it."""
    with pytest.raises(ConfigurationError, match=named):
        read_faults(text)


numbers = st.sampled_from([0.0, 0.1, 1.5, 5.0])
flags = st.booleans()
words = st.text(st.characters(codec="ascii", exclude_characters="\r\n\0"), max_size=10)
content = words | st.binary(max_size=20)

#: How the arguments of the effects are drawn, by their names.
DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "after_work": flags,
    "ahead": numbers,
    "at": st.sampled_from(["before_headers", "after_headers", 3]),
    "by": numbers,
    "code": words | st.none(),
    "content": content,
    "content_type": st.just("text/plain"),
    "drop": st.sampled_from([(), ("token", "Date")]),
    "fields": st.dictionaries(st.sampled_from(["token", "Date"]), words, max_size=2),
    "headers": st.just({"X-Odd": "1"}),
    "interval": numbers,
    "keep": st.sampled_from([0.0, 0.5]),
    "location": words,
    "message": words | st.none(),
    "piece": st.integers(1, 5),
    "retry_after": numbers | st.none(),
    "seconds": numbers,
    "status": st.sampled_from([204, 401, 403, 429, 503]),
    "title": words | st.none(),
}


def arguments(kind: Any) -> dict[str, st.SearchStrategy[Any]]:  # noqa: ANN401 - any effect's class
    """Tell how the arguments of an effect are drawn."""
    return {attribute.name: DRAWN[attribute.name] for attribute in kind.__attrs_attrs__}


effects = st.sampled_from(sorted(EFFECTS)).flatmap(
    lambda name: st.builds(EFFECTS[name], **arguments(EFFECTS[name]))
)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    """Draw any fault, but for chance."""
    timing: dict[str, Any] = {}
    if draw(flags):
        timing["after"] = draw(numbers)
        timing["until"] = timing["after"] + draw(st.sampled_from([0.5, 3.0]))
    if draw(flags):
        timing["down"], timing["up"] = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return Fault(
        draw(st.sampled_from(["_login", "/x", "/y/*", "**"])),
        draw(st.lists(effects, min_size=1, max_size=3)),
        method=draw(st.sampled_from([None, "PATCH", "POST"])),
        times=draw(st.none() | st.integers(1, 5)),
        skip=draw(st.integers(0, 2)),
        every=draw(st.integers(1, 2)),
        optional=True,
        **timing,
    )


@settings(max_examples=50)
@given(faults())
def test_a_fault_written_as_data_is_the_same_fault(fault: Fault) -> None:
    """Through JSON and back."""
    assert fault_from_data(json.loads(json.dumps(fault_to_data(fault)))) == fault


#: None that aiohttp sends again by itself, as it does with a GET that got no answer.
ASKS = [("POST", "/users/auth/_login"), ("PATCH", "/x"), ("POST", "/x"), ("PATCH", "/y/z")]


async def ask(server: CloudServer, method: str, path: str) -> None:
    """Ask once, on a connection of its own; read the first of the answer."""
    async with (
        aiohttp.ClientSession(server.url, connector=server.connector()) as http,
        http.request(method, f"/api/v1{path}", json={}, allow_redirects=False) as answer,
    ):
        await answer.content.readany()


@settings(max_examples=25)
@given(st.lists(faults(), max_size=4), st.lists(st.sampled_from(ASKS), min_size=1, max_size=8))
async def test_any_script_can_be_played(script: list[Fault], asks: list[tuple[str, str]]) -> None:
    """Whatever is composed, the server never fails by itself, and serves as ever in the end."""
    clock = ManualClock()
    async with running(clock=clock, faults=script) as client:
        for method, path in asks:
            with suppress(TimeoutError, aiohttp.ClientError):
                await clock.drive(ask(client.server, method, path), limit=1)
            await clock.advance(1)
        assert all(arrival.status != 500 for arrival in client.server.log)
        client.server.clear_faults()
        assert (await client.ask(LOGIN, json=ADMIN)).status == 200
