"""Who may pass, and what is behind the guard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing import (
    CloudServer,
    ManualClock,
    User,
)
from tests.calls import ADMIN, REFRESH, basic, bearer, log_in, refresh, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def test_a_guarded_path_echoes_method_path_and_user() -> None:
    """The echo is what a test looks at first."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        token = await log_in(http)
        async with http.put("/api/v1/x/y?a=b", headers=token) as answer:
            assert await answer.json() == {
                "method": "PUT",
                "path": "/api/v1/x/y",
                "user": "admin",
            }
        async with http.head("/api/v1/deployments", headers=token) as answer:
            assert answer.status == 200
            assert await answer.read() == b""


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "root.unauthenticated"),
        ({"Authorization": "Bearer nonsense"}, "root.unauthorized"),
        ({"Authorization": "ApiKey nonsense"}, "root.unauthenticated"),
        (basic("admin", "wrong"), "root.unauthenticated"),
        (basic("nobody", "secret"), "root.unauthenticated"),
        ({"Authorization": "Basic ???"}, "root.unauthenticated"),
        ({"Authorization": "Basic /w=="}, "root.unauthenticated"),
        ({"Authorization": "Basic YWRtaW4="}, "root.unauthenticated"),
        ({"Authorization": "Digest x"}, "root.unauthenticated"),
    ],
)
async def test_the_guard_refuses_what_opens_nothing(headers: dict[str, str], code: str) -> None:
    """401, with the code for what was wrong, in header and body."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        async with http.get("/api/v1/deployments", headers=headers) as answer:
            assert answer.status == 401
            assert answer.headers["x-cloud-error-codes"] == code
            assert (await answer.json())["errors"][0]["code"] == code
        assert (server.stats.requests, server.stats.unauthorized) == (1, 1)


async def test_basic_credentials_open_what_they_open_on_ece() -> None:
    """Every guarded path, and `_refresh` only if the server is told so."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        assert await status(http, basic("admin", "secret")) == 200
        async with http.post(REFRESH, headers=basic("admin", "secret")) as answer:
            assert answer.status == 401
            assert answer.headers["x-cloud-error-codes"] == "root.unauthorized"
        assert (server.stats.requests, server.stats.unauthorized) == (1, 0)
        assert (server.stats.refresh_attempts, server.stats.refreshes) == (1, 0)
    async with (
        CloudServer(basic_refresh=True) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        token = await refresh(http, basic("admin", "secret"))
        assert await status(http, token) == 200
        async with http.post(REFRESH, headers=basic("admin", "wrong")) as answer:
            assert answer.status == 401
            assert answer.headers["x-cloud-error-codes"] == "root.unauthenticated"


async def test_what_lies_outside_the_api_root_is_404() -> None:
    """And is neither guarded nor counted."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        for path in ("/", "/api/v1x", "/elsewhere"):
            async with http.get(path) as answer:
                assert answer.status == 404
                assert answer.headers["x-cloud-error-codes"] == "root.resource_not_found"
        async with http.get("/api/v1") as answer:
            assert answer.status == 401
        assert server.stats.requests == 1


async def test_the_api_root_may_lie_behind_a_reverse_proxys_path() -> None:
    """Then the URL names it, as a user would."""
    async with CloudServer(root="/ece/api") as server, aiohttp.ClientSession() as http:
        assert server.url.endswith("/ece/api")
        async with http.post(f"{server.url}/users/auth/_login", json=ADMIN) as answer:
            token = bearer((await answer.json())["token"])
        async with http.get(f"{server.url}/users/auth", headers=token) as answer:
            assert (await answer.json())["refresh_token_url"] == "/ece/api/users/auth/_refresh"
        async with http.get(f"{server.url}/x", headers=token) as answer:
            assert (await answer.json())["path"] == "/ece/api/x"


async def test_the_echo_can_be_slow() -> None:
    """`?delay=` waits on the server's clock; nonsense in it is a 400."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, aiohttp.ClientSession(server.url) as http:
        token = await log_in(http)
        asked = asyncio.create_task(status(http, token, "/x?delay=2"))
        await clock.advance(1.999)
        assert not asked.done()
        await clock.advance(0.001)
        assert await asked == 200
        for nonsense in ("soon", "-1", "inf", "nan"):
            assert await status(http, token, f"/x?delay={nonsense}") == 400
        assert await status(http, token, "/x?other=1") == 200


async def test_a_websocket_is_echoed_behind_the_guard() -> None:
    """Text and bytes, nonsense not; refused with 401 like any other path."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        token = await log_in(http)
        async with http.ws_connect("/api/v1/ws", headers=token) as socket:
            await socket.send_str("text")
            assert await socket.receive_str() == "text"
            await socket.send_bytes(b"bytes")
            assert await socket.receive_bytes() == b"bytes"
            await socket.ping()
            await socket.send_frame(b"\xff", aiohttp.WSMsgType.TEXT)
            assert (await socket.receive()).data == aiohttp.WSCloseCode.INVALID_TEXT
        assert server.log.to("/ws")[-1].status == 101
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect("/api/v1/ws")
        assert refused.value.status == 401
        assert await status(http, token, "/ws") == 200


async def test_replies_stand_in_for_the_echo() -> None:
    """What the service under test asks for; the latest that fits wins."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        server.reply("/deployments", {"deployments": []})
        server.reply("/deployments/*", {"id": "any"})
        server.reply("/deployments/x", {"gone": True}, status=410, method="DELETE")
        token = await log_in(http)
        async with http.get("/api/v1/deployments", headers=token) as answer:
            assert await answer.json() == {"deployments": []}
        async with http.get("/api/v1/deployments/x", headers=token) as answer:
            assert await answer.json() == {"id": "any"}
        async with http.delete("/api/v1/deployments/x", headers=token) as answer:
            assert (answer.status, await answer.json()) == (410, {"gone": True})
        assert await status(http, {}, "/deployments") == 401
        assert await status(http, token, "/other") == 200


async def test_an_upload_is_refused_before_it_is_read() -> None:
    """As ECE does: the 401 does not wait for the body."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        gate = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b"first"
            await gate.wait()
            yield b"second"

        async with http.post("/api/v1/x", data=body()) as answer:
            assert answer.status == 401
            gate.set()
        assert server.log[-1].body_size == 0


async def test_a_streamed_upload_is_read_to_its_end() -> None:
    """A generator's body arrives whole, chunked."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:

        async def body() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 50_000

        token = await log_in(http)
        async with http.post("/api/v1/x", data=body(), headers=token) as answer:
            assert answer.status == 200
        assert server.log[-1].body_size == 5_000_000


@pytest.mark.parametrize("permitted", [True, False])
async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(*, permitted: bool) -> None:
    """`Expect: 100-continue`, as curl sends it; a 401 comes without asking for the body."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        token = await log_in(http) if permitted else {}
        async with http.post("/api/v1/x", data=b"body", expect100=True, headers=token) as answer:
            assert answer.status == (200 if permitted else 401)
        assert server.log[-1].body_size == (4 if permitted else 0)


@pytest.mark.parametrize(
    ("role", "method", "path", "expected"),
    [
        ("ece_platform_admin", "DELETE", "/platform/x", 200),
        ("ece_platform_viewer", "GET", "/platform/x", 200),
        ("ece_platform_viewer", "POST", "/deployments", 403),
        ("ece_deployment_manager", "POST", "/deployments/d/_resync", 200),
        ("ece_deployment_manager", "GET", "/platform", 403),
        ("ece_deployment_manager", "GET", "/users/ann/auth/keys", 403),
        ("ece_deployment_viewer", "GET", "/deployments", 200),
        ("ece_deployment_viewer", "POST", "/deployments", 403),
        ("ece_deployment_viewer", "POST", "/deployments/_search", 200),
        ("ece_deployment_viewer", "GET", "/users/auth/keys/_all", 403),
        ("ece_deployment_viewer", "GET", "/users/auth/keys", 200),
        ("ece_deployment_viewer", "GET", "/users/ann", 403),
    ],
)
async def test_a_role_decides_what_is_allowed(
    role: str, method: str, path: str, expected: int
) -> None:
    """403 `root.unauthorized.rbac`: a permission is missing, no token is at fault."""
    async with (
        CloudServer({"ann": User("pw", roles=(role,))}) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        async with http.request(method, f"/api/v1{path}", headers=basic("ann", "pw")) as answer:
            assert answer.status == expected
            if expected == 403:
                assert answer.headers["x-cloud-error-codes"] == "root.unauthorized.rbac"
        assert server.stats.unauthorized == 0


async def test_a_user_without_a_role_sees_to_their_own_authentication_only() -> None:
    """And one role may be given as a plain str."""
    users = {"ann": User("pw", roles=()), "bob": User("pw", roles="ece_platform_viewer")}
    async with CloudServer(users) as server, aiohttp.ClientSession(server.url) as http:
        assert await status(http, basic("ann", "pw"), "/users/auth") == 200
        assert await status(http, basic("ann", "pw"), "/deployments") == 403
        assert await status(http, basic("bob", "pw"), "/deployments") == 200


async def test_a_password_can_be_rotated_while_the_server_runs() -> None:
    """`users.put` replaces, `users.remove` removes; iteration shows who is there."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        server.users.put("admin", "new")
        assert await status(http, basic("admin", "secret")) == 401
        assert await status(http, basic("admin", "new")) == 200
        server.users.remove("admin")
        server.users.remove("admin")
        assert list(server.users) == []
        assert repr(server.users) == "<Accounts of nobody>"


def test_a_user_refuses_a_role_that_is_none() -> None:
    """The error lists the roles there are."""
    with pytest.raises(ConfigurationError, match="ece_deployment_viewer"):
        User("pw", roles=("root",))
