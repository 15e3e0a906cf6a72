"""Who may pass, and what is behind the guard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import CloudServer, ManualClock, User
from tests.kit.client import ADMIN, REFRESH, basic, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PERMITTED = basic("admin", "secret")


async def test_a_guarded_path_echoes_method_path_and_user() -> None:
    """The echo is what a test looks at first."""
    async with running() as client:
        seen = await client.ask("PUT /x/y?a=b", PERMITTED)
        path = "/api/v1/x/y"
        assert seen.json == {"method": "PUT", "path": path, "user": "admin"}
        assert (await client.ask("HEAD /deployments", PERMITTED)).body == b""


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "root.unauthenticated"),
        ("Digest x", "root.unauthenticated"),
        ("Bearer nonsense", "root.unauthorized"),
        ("ApiKey nonsense", "root.unauthenticated"),
        (basic("admin", "wrong"), "root.unauthenticated"),
        (basic("nobody", "secret"), "root.unauthenticated"),
        ("Basic ???", "root.unauthenticated"),
        ("Basic YWRtaW4=", "root.unauthenticated"),
        ("Basic /w==", "root.unauthenticated"),
        ("Basic \udcff\udcff", "root.unauthenticated"),
        ("Bearer \udcff\udcff", "root.unauthorized"),
    ],
    ids=ascii,
)
async def test_the_guard_refuses_what_opens_nothing(authorization: str | None, code: str) -> None:
    """401, with the code for what was wrong, in header and body; whatever bytes were sent."""
    async with running() as client:
        seen = await client.ask("GET /deployments", authorization)
        assert (seen.status, seen.code) == (401, code)
        assert seen.json["errors"][0]["code"] == code
        assert (client.server.stats.requests, client.server.stats.unauthorized) == (1, 1)


@pytest.mark.parametrize("allowed", [False, True])
async def test_basic_credentials_renew_only_where_the_server_is_told_so(*, allowed: bool) -> None:
    """They open every guarded path; at `_refresh` they are refused, or log in."""
    async with running(basic_refresh=allowed) as client:
        assert await client.status("GET /x", PERMITTED) == 200
        seen = await client.ask(REFRESH, PERMITTED)
        assert seen.code == (None if allowed else "root.unauthorized")
        if allowed:
            assert await client.status("GET /x", "Bearer " + seen.json["token"]) == 200
            wrong = await client.ask(REFRESH, basic("admin", "wrong"))
            assert wrong.code == "root.unauthenticated"
        stats = client.server.stats
        assert (stats.refresh_attempts, stats.refreshes) == (1 + allowed, int(allowed))


async def test_what_lies_outside_the_api_root_is_404() -> None:
    """And is neither guarded nor counted; the root may be another one."""
    async with running() as client:
        for path in ("/", "/api/v1x", "/elsewhere"):
            async with client.http.get(path) as answer:
                assert answer.status == 404
                assert answer.headers["x-cloud-error-codes"] == "root.resource_not_found"
        assert await client.status("GET ") == 401
        assert client.server.stats.requests == 1
    async with CloudServer(root="/ece/api") as server, aiohttp.ClientSession() as http:
        assert server.url.endswith("/ece/api")
        async with http.post(f"{server.url}/users/auth/_login", json=ADMIN) as answer:
            headers = {"Authorization": f"Bearer {(await answer.json())['token']}"}
        async with http.get(f"{server.url}/users/auth", headers=headers) as answer:
            assert (await answer.json())["refresh_token_url"] == "/ece/api/users/auth/_refresh"


async def test_the_echo_can_be_slow() -> None:
    """`?delay=` waits on the server's clock; nonsense in it is a 400."""
    clock = ManualClock()
    async with running(clock=clock) as client:
        assert (await clock.drive(client.ask("GET /x?delay=2", PERMITTED))).status == 200
        assert clock.monotonic() == 2
        for nonsense in ("soon", "-1", "inf", "nan"):
            assert await client.status(f"GET /x?delay={nonsense}", PERMITTED) == 400
        assert await client.status("GET /x?other=1", PERMITTED) == 200


async def test_a_websocket_is_echoed_behind_the_guard() -> None:
    """Text and bytes, nonsense not; refused with 401 like any other path."""
    async with running() as client:
        headers = {"Authorization": PERMITTED}
        async with client.http.ws_connect("/api/v1/ws", headers=headers) as socket:
            await socket.send_str("text")
            assert await socket.receive_str() == "text"
            await socket.send_bytes(b"x" * 100_000)
            assert await socket.receive_bytes() == b"x" * 100_000
            await socket.ping()
            await socket.send_frame(b"\xff", aiohttp.WSMsgType.TEXT)
            assert (await socket.receive()).data == aiohttp.WSCloseCode.INVALID_TEXT
        assert client.server.log.to("/ws")[-1].status == 101
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await client.http.ws_connect("/api/v1/ws")
        assert (await client.ask("GET /ws", PERMITTED)).json["path"] == "/api/v1/ws"


async def test_replies_stand_in_for_the_echo() -> None:
    """What the service under test asks for; the latest that fits wins, behind the guard."""
    async with running() as client:
        client.server.reply("/deployments/**", {"id": "any"})
        client.server.reply("/deployments/x", {"gone": True}, status=410, method="DELETE")
        assert (await client.ask("GET /deployments/x", PERMITTED)).json == {"id": "any"}
        seen = await client.ask("DELETE /deployments/x", PERMITTED)
        assert (seen.status, seen.json) == (410, {"gone": True})
        assert await client.status("GET /deployments/x") == 401
        assert await client.status("GET /deployments/x?delay=x", PERMITTED) == 400
        assert (await client.ask("GET /other", PERMITTED)).json["user"] == "admin"
        with pytest.raises(ConfigurationError, match="a path"):
            client.server.reply("", {})


async def test_an_upload_is_refused_before_it_is_read_and_else_read_to_its_end() -> None:
    """As ECE does: the 401 does not wait for the body."""
    gate = asyncio.Event()

    async def body(wait: asyncio.Event | None) -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 50_000
            if wait:
                await wait.wait()

    async with running() as client:
        assert (await client.ask("POST /x", data=body(gate))).status == 401
        gate.set()
        assert client.server.log[-1].body_size == 0
        assert (await client.ask("POST /x", PERMITTED, data=body(None))).status == 200
        assert client.server.log[-1].body_size == 5_000_000


@pytest.mark.parametrize("permitted", [True, False])
async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(*, permitted: bool) -> None:
    """`Expect: 100-continue`, as curl sends it; a 401 comes without asking for the body."""
    async with running() as client:
        seen = await client.ask(
            "POST /x", PERMITTED if permitted else None, data=b"body", expect100=True
        )
        assert seen.status == (200 if permitted else 401)
        assert client.server.log[-1].body_size == (4 if permitted else 0)


@pytest.mark.parametrize(
    ("role", "request_", "expected"),
    [
        ("ece_platform_admin", "DELETE /platform/x", 200),
        ("ece_platform_viewer", "GET /platform/x", 200),
        ("ece_platform_viewer", "POST /deployments", 403),
        ("ece_deployment_manager", "POST /deployments/d/_resync", 200),
        ("ece_deployment_manager", "GET /platform", 403),
        ("ece_deployment_manager", "GET /users/ann/auth/keys", 403),
        ("ece_deployment_viewer", "GET /deployments", 200),
        ("ece_deployment_viewer", "POST /deployments", 403),
        ("ece_deployment_viewer", "POST /deployments/_search", 200),
        ("ece_deployment_viewer", "GET /users/auth/keys/_all", 403),
        ("ece_deployment_viewer", "GET /users/auth/keys", 200),
        ((), "GET /users/auth", 200),
        ((), "GET /deployments", 403),
    ],
)
async def test_a_role_decides_what_is_allowed(
    role: str | tuple[str, ...], request_: str, expected: int
) -> None:
    """403 `root.unauthorized.rbac`: a permission is missing, no token is at fault."""
    async with running(users={"ann": User("pw", roles=role)}) as client:
        seen = await client.ask(request_, basic("ann", "pw"))
        assert seen.status == expected
        assert seen.code == ("root.unauthorized.rbac" if expected == 403 else None)
        assert client.server.stats.unauthorized == 0


async def test_users_come_and_go_while_the_server_runs() -> None:
    """`users.put` replaces, `users.remove` removes; iteration shows who is there."""
    async with running() as client:
        users = client.server.users
        users.put("admin", "new")
        assert await client.status("GET /x", PERMITTED) == 401
        assert await client.status("GET /x", basic("admin", "new")) == 200
        users.remove("admin")
        users.remove("admin")
        assert list(users) == []
        assert repr(users) == "<Accounts of nobody>"
    with pytest.raises(ConfigurationError, match="ece_deployment_viewer"):
        User("pw", roles=("root",))
