"""Whose credentials a request carries, and whose middlewares it passes."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from aiocloudauth import (
    ApiError,
    BearerRequest,
    CloudSession,
    Password,
    RenewalPolicy,
    UnauthenticatedError,
)
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Redirect

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

QUICK = RenewalPolicy(min_interval=0.01)

USERS = {"admin": "secret", "bob": "builder", "carol": "singer"}

#: aiohttp 3.14 wants credentials as a header.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*BasicAuth is deprecated:DeprecationWarning",
    "ignore:The '(proxy_)?auth' parameter is deprecated:DeprecationWarning",
)


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), policy=QUICK, **options)


def basic(user: str, password: str) -> str:
    """Write credentials as a header field's value."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


BOB = basic("bob", "builder")


async def user_of(pending: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> str:
    """Tell whom the server took the sender of a request for."""
    async with pending as response:
        return str((await response.json())["user"])


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a netrc entry for the server's host, as `trust_env` finds it."""
    entry = tmp_path / "netrc"
    entry.write_text("machine 127.0.0.1 login carol password singer\n")
    entry.chmod(0o600)
    monkeypatch.setenv("NETRC", str(entry))


@pytest.mark.parametrize("trust_env", [False, True])
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": BOB},
        {"authorization": BOB},
        {"AUTHORIZATION": BOB},
        CIMultiDict({"authorization": BOB}),
        CIMultiDictProxy(CIMultiDict({"Authorization": BOB})),
        [("X-A", "1"), ("authorization", BOB)],
        (("authorization", BOB),),
    ],
    ids=repr,
)
async def test_an_authorization_header_of_the_callers_own_wins(
    headers: Any,  # noqa: ANN401 - in all the shapes that aiohttp takes
    trust_env: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """In any spelling, and in whatever container aiohttp takes."""
    async with CloudServer(USERS) as server, session(server, trust_env=trust_env) as cloud:
        assert await user_of(cloud.get("/x", headers=headers)) == "bob"
        assert await user_of(cloud.get("/x", headers=headers, middlewares=())) == "bob"
        assert await user_of(cloud.http.get(f"{server.url}/api/v1/x", headers=headers)) == "bob"
        async with cloud.ws_connect("/ws", headers=CIMultiDict(headers)):
            assert server.log[-1].user == "bob"


async def test_header_fields_from_an_iterator_all_arrive() -> None:
    """Aiohttp takes any iterable; one that can be read once is read once."""
    async with CloudServer(USERS) as server, session(server) as cloud:
        fields = zip(["X-A", "X-B"], ["1", "2"], strict=True)
        assert await user_of(cloud.get("/x", headers=fields)) == "admin"
        assert server.log[-1].headers["X-A"] + server.log[-1].headers["X-B"] == "12"
        fields = zip(["X-A", "Authorization"], ["1", BOB], strict=True)
        assert await user_of(cloud.get("/x", headers=fields)) == "bob"
        assert server.log[-1].headers["X-A"] == "1"
    async with session(
        server := await CloudServer(USERS).start(), headers=iter([("X-A", "3")])
    ) as c:
        assert await user_of(c.get("/x")) == "admin"
        assert server.log[-1].headers["X-A"] == "3"
    await server.close()


@pytest.mark.parametrize("trust_env", [False, True])
async def test_auth_and_user_info_in_the_url_win(
    trust_env: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """They are the caller's own word, as much as a header is."""
    async with CloudServer(USERS) as server, session(server, trust_env=trust_env) as cloud:
        auth = aiohttp.BasicAuth("bob", "builder")
        assert await user_of(cloud.get("/x", auth=auth)) == "bob"
        assert await user_of(cloud.get("/x", auth=auth, middlewares=())) == "bob"
        url = URL(server.url).with_user("bob").with_password("builder") / "api/v1/x"
        assert await user_of(cloud.get(url)) == "bob"
        assert await user_of(cloud.get(str(url))) == "bob"
        assert await user_of(cloud.http.get(url)) == "bob"


async def test_credentials_of_the_callers_own_are_never_renewed() -> None:
    """A 401 for them is theirs: no renewal, no replay, no word of a token."""
    wrong = basic("bob", "wrong")
    async with CloudServer(USERS) as server, session(server) as cloud:
        for options in (
            {"headers": {"authorization": wrong}},
            {"headers": {"authorization": wrong}, "middlewares": ()},
            {"auth": aiohttp.BasicAuth("bob", "wrong")},
        ):
            with pytest.raises(UnauthenticatedError):
                await cloud.get("/x", **options)
        url = URL(server.url).with_user("bob").with_password("wrong") / "api/v1/x"
        with pytest.raises(UnauthenticatedError) as caught:
            await cloud.get(url)
        assert "wrong" not in caught.value.url + str(caught.value)
        assert len(server.log.to("/x")) == 4
        assert (server.stats.logins, server.stats.refreshes) == (1, 0)


@pytest.mark.usefixtures("netrc")
async def test_a_netrc_entry_found_through_trust_env_does_not_count() -> None:
    """It is for whoever has nothing better; the renewals do not use it either."""
    async with CloudServer(USERS) as server, session(server, trust_env=True) as cloud:
        assert await user_of(cloud.get("/x")) == "admin"
        assert await user_of(cloud.get("/x", middlewares=())) == "admin"
        async with cloud.ws_connect("/ws"):
            assert server.log[-1].user == "admin"
        server.revoke_all()
        assert await user_of(cloud.post("/x", data=b"whole")) == "admin"
        await cloud.refresh()
        assert await user_of(cloud.get("/x")) == "admin"
    assert not [a for a in server.log if a.user == "carol"]


@pytest.mark.usefixtures("netrc")
async def test_an_authorization_header_of_the_callers_own_wins_over_a_netrc_entry() -> None:
    """Aiohttp takes the entry for `auth=`, and refuses it beside the header, or prefers it."""
    async with CloudServer(USERS) as server, session(server, trust_env=True) as cloud:
        assert await user_of(cloud.get("/x", headers={"Authorization": BOB})) == "bob"
        assert await user_of(cloud.get("/x", headers=[("authorization", BOB)])) == "bob"
    assert not [a for a in server.log if a.user == "carol"]


@pytest.mark.usefixtures("netrc")
async def test_a_header_of_the_callers_own_does_not_follow_a_redirect_elsewhere() -> None:
    """Also where it had to be kept apart from the netrc entry."""
    async with (
        CloudServer(USERS) as server,
        CloudServer(USERS) as other,
        session(server, trust_env=True) as cloud,
    ):
        # Another name for the host, which has no entry.
        elsewhere = URL(other.url).with_host("localhost") / "api/v1/x"
        server.fail_next("/x", Redirect(str(elsewhere)))
        with pytest.raises(UnauthenticatedError, match="another origin"):
            await cloud.get("/x", headers={"Authorization": BOB})
        server.fail_next("/x", Redirect("/api/v1/y"))
        assert await user_of(cloud.get("/x", headers={"Authorization": BOB})) == "bob"
    assert "Authorization" not in other.log[-1].headers


def noting(name: str, seen: list[str]) -> aiohttp.ClientMiddlewareType:
    """Make a middleware that writes down when it is passed, and whether a token is on."""

    async def middleware(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        token = "Authorization" in request.headers
        seen.append(f"{name} in{' with token' if token else ''}")
        response = await handler(request)
        seen.append(f"{name} out {response.status}")
        return response

    return middleware


async def test_the_callers_middlewares_run_outside_ours() -> None:
    """They see one request and one answer, also when ours sends it twice, and no token."""
    seen: list[str] = []
    async with CloudServer() as server:
        middlewares = [noting("a", seen), noting("b", seen)]
        async with session(server, middlewares=middlewares) as cloud:
            server.revoke_all()
            assert await user_of(cloud.get("/x")) == "admin"
        assert seen == ["a in", "b in", "b out 200", "a out 200"]
        assert len(server.log.to("/x")) == 2


async def test_middlewares_on_a_call_take_the_place_of_the_callers_and_not_of_ours() -> None:
    """Aiohttp lets them replace the session's; the token's stays, inside them."""
    seen: list[str] = []
    async with CloudServer() as server:
        async with session(server, middlewares=[noting("session", seen)]) as cloud:
            server.revoke_all()
            assert await user_of(cloud.get("/x", middlewares=[noting("call", seen)])) == "admin"
            assert await user_of(cloud.get("/x", middlewares=())) == "admin"
        assert seen == ["call in", "call out 200"]
        assert len(server.log.to("/x")) == 3


async def test_a_middleware_that_brings_its_own_authorization_wins() -> None:
    """It runs outside ours, so that its header is there when ours looks."""

    async def as_bob(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers["authorization"] = BOB
        return await handler(request)

    async with CloudServer(USERS) as server, session(server, middlewares=[as_bob]) as cloud:
        assert await user_of(cloud.get("/x")) == "bob"
        assert await user_of(cloud.get("/x", middlewares=())) == "admin"


async def test_renewals_do_not_run_through_the_callers_middlewares_and_pool() -> None:
    """Invariant: a renewal never waits behind the caller's own traffic."""
    seen: list[str] = []
    clock = ManualClock()
    connector = aiohttp.TCPConnector(limit=1)
    async with CloudServer(clock=clock) as server:
        async with session(
            server, clock=clock, connector=connector, middlewares=[noting("a", seen)]
        ) as cloud:
            slow = asyncio.create_task(cloud.get("/x?delay=5").__aenter__())
            await clock.settle()
            await clock.drive(cloud.refresh(), limit=1.0)
            await clock.drive(cloud.login(), limit=1.0)
            assert server.generation == 3
            await clock.advance(5.0)
            assert (await slow).status == 200
        assert seen == ["a in", "a out 200"]


async def test_a_subclass_of_the_request_class_can_be_used() -> None:
    """What it adds stays, and the token is bound by its base."""

    class Marked(BearerRequest):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.headers["X-Marked"] = "yes"

    async with CloudServer() as server, session(server, request_class=Marked) as cloud:
        server.script(Fault("_login", Late(0.0), optional=True))
        assert await user_of(cloud.get("/x")) == "admin"
        assert server.log[-1].headers["X-Marked"] == "yes"


def tracing(seen: list[str]) -> aiohttp.TraceConfig:
    """Make a trace that writes down what it is told."""
    trace = aiohttp.TraceConfig()

    def note(name: str) -> Callable[..., Any]:
        async def told(_: object, context: object, params: object) -> None:
            seen.append(name)

        return told

    trace.on_request_start.append(note("start"))
    trace.on_request_headers_sent.append(note("sent"))
    trace.on_request_end.append(note("end"))
    trace.on_request_exception.append(note("exception"))
    return trace


async def test_trace_configs_are_the_callers_and_see_none_of_the_renewals() -> None:
    """One start and one end for a request, and as many writes as there were."""
    seen: list[str] = []
    async with CloudServer() as server, session(server, trace_configs=[tracing(seen)]) as cloud:
        assert seen == []
        server.revoke_all()
        assert await user_of(cloud.get("/x")) == "admin"
        assert seen == ["start", "sent", "sent", "end"]
        await cloud.refresh()
        assert len(seen) == 4
        server.fail_next("/x", status=404)
        with pytest.raises(ApiError):
            await cloud.get("/x")
