"""When faults are met: paths, times, flapping, chance; and faults written as data."""

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
    ManualClock,
    Status,
    UnusedFaultWarning,
    fault_from_data,
    fault_to_data,
    read_faults,
)
from aiocloudauth.testing.effects import EFFECTS

DOWN = Status(503)

PATHS = [
    "/users/auth/_refresh",
    "/users/auth",
    "/deployments",
    "/deployments/a",
    "/deployments/a/b",
    "/x.y",
]


async def asked(http: aiohttp.ClientSession, path: str, method: str = "GET") -> int:
    """Ask for a path below the API root; return the status."""
    async with http.request(method, f"/api/v1{path}") as answer:
        return answer.status


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("_refresh", ["/users/auth/_refresh"]),
        ("/users/auth/_refresh", ["/users/auth/_refresh"]),
        ("/users/auth", ["/users/auth"]),
        ("auth", ["/users/auth"]),
        ("/deployments", ["/deployments"]),
        ("/deployments/*", ["/deployments/a"]),
        ("/deployments/**", ["/deployments/a", "/deployments/a/b"]),
        ("a", ["/deployments/a"]),
        ("/*/a", ["/deployments/a"]),
        ("**", PATHS),
        ("/x.y", ["/x.y"]),
        ("/x?y", []),
    ],
)
async def test_a_fault_meets_the_paths_it_names(pattern: str, paths: list[str]) -> None:
    """A whole path, its end, `*` for a segment, `**` for any; nothing else is special."""
    fault = Fault(pattern, DOWN, optional=True)
    async with CloudServer(faults=[fault]) as server, aiohttp.ClientSession(server.url) as http:
        assert [path for path in PATHS if await asked(http, path) == 503] == paths


async def test_a_fault_meets_the_method_it_names() -> None:
    """Or any."""
    async with (
        CloudServer(faults=[Fault("/x", DOWN, method="POST")]) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        assert [await asked(http, "/x", method) for method in ("GET", "POST")] == [401, 503]


async def test_a_fault_lets_some_pass_and_meets_some() -> None:
    """`skip` and `times`."""
    async with (
        CloudServer(faults=[Fault("/x", DOWN, skip=1, times=2)]) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        assert [await asked(http, "/x") for _ in range(5)] == [401, 503, 503, 401, 401]


async def test_a_fault_has_its_time() -> None:
    """From `after` until `until`, since the server started or the fault was added."""
    clock = ManualClock()
    server = CloudServer(clock=clock, faults=[Fault("/x", DOWN, after=10, until=20)])
    await clock.advance(100)
    async with server, aiohttp.ClientSession(server.url) as http:
        seen = {}
        for second in (0, 9, 10, 19, 20, 50):
            await clock.advance(100 + second - clock.monotonic())
            seen[second] = await asked(http, "/x")
        assert seen == {0: 401, 9: 401, 10: 503, 19: 503, 20: 401, 50: 401}
        server.script(Fault("/x", DOWN, until=1))
        assert await asked(http, "/x") == 503
        await clock.advance(1)
        assert await asked(http, "/x") == 401


async def test_an_outage_flaps() -> None:
    """hashicorp/vault#26382: down, up, down, up, over and over."""
    clock = ManualClock()
    fault = Fault("/x", DOWN, after=1, down=2, up=3)
    async with (
        CloudServer(clock=clock, faults=[fault]) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        seen = []
        for _ in range(12):
            seen.append(await asked(http, "/x") == 503)
            await clock.advance(1)
        assert "".join(".X"[down] for down in seen) == ".XX...XX...X"


async def test_a_fault_may_be_a_matter_of_chance() -> None:
    """Drawn from the clock: the same seed, the same luck."""

    async def luck(seed: int) -> list[int]:
        fault = Fault("/x", DOWN, probability=0.3)
        async with (
            CloudServer(clock=ManualClock(seed=seed), faults=[fault]) as server,
            aiohttp.ClientSession(server.url) as http,
        ):
            return [await asked(http, "/x") for _ in range(100)]

    assert await luck(1) == await luck(1)
    assert await luck(1) != await luck(2)
    assert 15 < (await luck(1)).count(503) < 45


async def test_the_first_fault_that_fits_is_played() -> None:
    """In the order they were given."""
    faults = [Fault("/x", Status(500), times=1), Fault("**", Status(501), times=2)]
    async with CloudServer(faults=faults) as server, aiohttp.ClientSession(server.url) as http:
        assert [await asked(http, "/x") for _ in range(4)] == [500, 501, 501, 401]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"path": ""}, "path"),
        ({"path": None}, "path"),
        ({"effects": ()}, "at least one effect"),
        ({"effects": "explode"}, "'explode'; known are body, change"),
        ({"effects": "status"}, r"'status' needs arguments; use Status\("),
        ({"effects": [3]}, "unknown fault 3"),
        ({"effects": [[]]}, "unknown fault"),
        ({"times": 0}, "times"),
        ({"times": 1.5}, "times"),
        ({"skip": -1}, "skip"),
        ({"after": -1}, "after"),
        ({"after": 2, "until": 1}, "before it begins"),
        ({"down": 1}, "both down and up"),
        ({"up": 1}, "both down and up"),
        ({"down": 0, "up": 1}, "down"),
        ({"probability": 0}, "probability"),
        ({"probability": 2}, "probability"),
        ({"method": "a\nb"}, "method"),
    ],
)
def test_a_fault_refuses_what_cannot_be(arguments: dict[str, Any], named: str) -> None:
    """Unknown names and negative times are typed errors that say which are known."""
    usual: dict[str, Any] = {"path": "/x", "effects": DOWN}
    with pytest.raises(ConfigurationError, match=named):
        Fault(**usual | arguments)


def test_faults_can_be_written_as_data() -> None:
    """JSON, for scripts in files and for the stand-alone server."""
    text = """[
        {"path": "_refresh", "times": 2, "effects": [{"name": "status", "status": 502}]},
        {"path": "/x", "after": 10, "until": 20, "effects": ["silence", {"name": "trickle"}]},
        {"path": "/y", "effects": [{"name": "raw", "content": {"base64": "/w=="}}]},
        {"path": "/z", "effects": [{"name": "change", "drop": ["token"]}]}
    ]"""
    first, second, third, fourth = read_faults(text)
    assert first == Fault("_refresh", Status(502), times=2)
    assert str(second) == "silence + trickle at /x"
    assert third.effects[0].content == b"\xff"  # type: ignore[attr-defined]  # a `Raw`, as was read
    assert fault_to_data(fourth) == {
        "path": "/z",
        "effects": [{"name": "change", "drop": ["token"]}],
    }


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
        ('[{"path": "/x", "effects": ["explode"]}]', "unknown fault 'explode'"),
        ('[{"path": "/x", "effects": [{"name": 3}]}]', "unknown fault 3"),
        ('[{"path": "/x", "effects": ["late"]}]', "'seconds' is missing"),
        ('[{"path": "/x", "effects": [{"name": "late", "seconds": -1}]}]', "seconds"),
        ('[{"path": "/x", "effects": [{"name": "late", "second": 1}]}]', "argument 'second'"),
        ('[{"path": "/x", "effects": ["html"], "time": 1}]', "argument 'time'"),
        ('[{"path": "/x", "effects": [{"name": "raw", "content": {}}]}]', "base64"),
        ('[{"path": "/x", "effects": [{"name": "raw", "content": {"base64": "?"}}]}]', "base64"),
    ],
)
def test_faults_written_as_data_are_read_strictly(text: str, named: str) -> None:
    """Every mistake is a typed error that names it."""
    with pytest.raises(ConfigurationError, match=named):
        read_faults(text)


# -- the language as a whole ----------------------------------------------------------------

numbers = st.floats(0, 5, allow_nan=False).map(lambda number: round(number, 1))
whole = st.integers(1, 5)
flags = st.booleans()
words = st.text(st.characters(codec="ascii", exclude_characters="\r\n\0"), max_size=10)
values = st.one_of(st.none(), flags, st.integers(), words, st.lists(st.integers(), max_size=3))

ARGUMENTS: dict[str, dict[str, Any]] = {
    "body": {"content": words | st.binary(max_size=20), "status": st.sampled_from([200, 404])},
    "change": {"fields": st.dictionaries(words, values, max_size=3)},
    "cluster_error": {},
    "controller_not_ready": {},
    "empty_reply": {"after_work": flags},
    "endless": {"piece": whole},
    "html": {"title": words},
    "late": {"seconds": numbers},
    "no_cluster": {},
    "past_expiry": {"by": numbers},
    "raw": {"content": words | st.binary(max_size=20)},
    "redirect": {"location": words},
    "reset": {"at": st.sampled_from(["before_headers", "after_headers", 3]), "after_work": flags},
    "silence": {"after_work": flags},
    "status": {"status": st.sampled_from([401, 403, 429, 500]), "code": words | st.none()},
    "too_many_requests": {"retry_after": numbers | st.none()},
    "trickle": {"interval": numbers, "piece": whole},
    "truncated": {"keep": st.sampled_from([0.0, 0.5, 0.9])},
}

effects = st.sampled_from(sorted(EFFECTS)).flatmap(
    lambda name: st.builds(EFFECTS[name], **ARGUMENTS[name])
)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    """Draw any fault."""
    timing: dict[str, Any] = {}
    if draw(flags):
        timing["after"] = draw(numbers)
        timing["until"] = timing["after"] + draw(st.sampled_from([0.5, 3.0]))
    if draw(flags):
        timing["down"], timing["up"] = draw(whole), draw(whole)
    return Fault(
        draw(st.sampled_from(["_login", "_refresh", "/x", "/y/*", "**"])),
        draw(st.lists(effects, min_size=1, max_size=3)),
        method=draw(st.sampled_from([None, "PATCH", "POST"])),
        times=draw(st.none() | whole),
        skip=draw(st.integers(0, 2)),
        optional=draw(flags),
        probability=draw(st.sampled_from([1.0, 0.5])),
        **timing,
    )


@given(faults())
def test_a_fault_written_as_data_is_the_same_fault(fault: Fault) -> None:
    """Through JSON and back."""
    assert fault_from_data(json.loads(json.dumps(fault_to_data(fault)))) == fault


def expected(script: list[Fault], asks: list[tuple[str, str]], at: list[float]) -> list[str | None]:
    """Tell which fault each request meets, by a model much simpler than the server."""
    seen, fired = [0] * len(script), [0] * len(script)
    met: list[str | None] = []
    for (method, path), now in zip(asks, at, strict=True):
        met.append(None)
        for number, fault in enumerate(script):
            fits = {
                "_login": path == "/users/auth/_login",
                "_refresh": path == "/users/auth/_refresh",
                "/x": path == "/x",
                "/y/*": path == "/y/z",
                "**": True,
            }[fault.path] and fault.method in (None, method)
            over = fault.times is not None and fired[number] >= fault.times
            if not fits or over or now < fault.after or now >= (fault.until or 1e9):
                continue
            if (
                fault.down
                and fault.up
                and (now - fault.after) % (fault.down + fault.up) >= fault.down
            ):
                continue
            seen[number] += 1
            if seen[number] > fault.skip:
                fired[number] += 1
                met[-1] = "+".join(effect.name for effect in fault.effects)
                break
    return met


#: None that aiohttp sends again by itself, as it does with a GET that got no answer.
ASKS = [
    ("POST", "/users/auth/_login"),
    ("POST", "/users/auth/_refresh"),
    ("PATCH", "/x"),
    ("POST", "/x"),
    ("PATCH", "/y/z"),
    ("PATCH", "/y"),
]


async def ask(server: CloudServer, method: str, path: str) -> None:
    """Ask once, on a connection of its own; read the first of the answer."""
    async with (
        aiohttp.ClientSession(server.url, connector=server.connector()) as http,
        http.request(method, f"/api/v1{path}", json={}, allow_redirects=False) as answer,
    ):
        await answer.content.readany()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(faults().filter(lambda fault: fault.probability == 1), max_size=4),
    st.lists(st.sampled_from(ASKS), min_size=1, max_size=8),
)
async def test_any_script_is_played_to_the_letter(
    script: list[Fault], asks: list[tuple[str, str]]
) -> None:
    """Whatever is composed, each request meets what a simple model says.

    The server never answers 500 of its own accord, and serves as ever in the end.
    """
    clock = ManualClock()
    at = []
    async with CloudServer(clock=clock, faults=script) as server:
        for method, path in asks:
            at.append(clock.monotonic())
            with suppress(TimeoutError, aiohttp.ClientError):
                await clock.drive(ask(server, method, path), limit=1)
            await clock.advance(at[-1] + 1 - clock.monotonic())
        assert [arrival.fault for arrival in server.log] == expected(script, asks, at)
        for arrival in server.log:
            assert arrival.status != 500 or "status" in (arrival.fault or "")
        server.clear_faults()
        credentials = {"username": "admin", "password": "secret"}
        async with (
            aiohttp.ClientSession(server.url) as http,
            http.post("/api/v1/users/auth/_login", json=credentials) as answer,
        ):
            assert answer.status == 200


async def test_a_script_that_was_played_is_not_reported() -> None:
    """Also if it was to be met more often: what is reported is that nothing happened."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        server.fail_next("/x", "html", times=5)
        assert await asked(http, "/x") == 502
    server = await CloudServer(faults=[Fault("/x", "html")]).start()
    with pytest.warns(UnusedFaultWarning):
        await server.close()
