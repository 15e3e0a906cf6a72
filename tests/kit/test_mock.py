"""aioresponses, made to know ECE."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aioresponses import CallbackResult

from aiocloudauth.credentials import Password
from aiocloudauth.errors import ApiError, NotFoundError, UnauthenticatedError
from aiocloudauth.session import CloudSession
from aiocloudauth.testing import ManualClock, MockedResponse, mocked_cloud

if TYPE_CHECKING:
    from yarl import URL

ADMIN = Password("admin", "secret")


async def test_the_calls_of_a_service_are_answered_without_a_server() -> None:
    """Login, refresh and logout are; any path can be, and errors have ECE's shape."""
    with mocked_cloud("https://ece.example.com/") as mocked:
        mocked.get("/deployments", payload={"deployments": []})
        mocked.fail("/x", status=404, code="a.not_found", message="no such", fields=["id"])
        mocked.fail("/x", "POST", status=418, code="a.b", headers={"X-Odd": "1"})
        async with CloudSession(mocked.url, ADMIN) as cloud:
            async with cloud.get("/deployments") as response:
                assert await response.json() == {"deployments": []}
            with pytest.raises(NotFoundError) as refused:
                await cloud.get("/x")
            (detail,) = refused.value.errors
            assert (detail.code, detail.message, detail.fields) == (
                "a.not_found",
                "no such",
                ("id",),
            )
            with pytest.raises(ApiError) as odd:
                await cloud.post("/x")
            assert (odd.value.status, odd.value.headers["X-Odd"]) == (418, "1")
        assert mocked.tokens == 1


async def test_what_is_registered_for_the_login_comes_first() -> None:
    """Once, then the standing answer is back, with a token on the clock that was given."""
    clock = ManualClock()
    with mocked_cloud(token_lifetime=60, clock=clock) as mocked:
        mocked.fail("/users/auth/_login", "POST", status=401, code="root.unauthenticated")
        session = CloudSession(mocked.url, ADMIN)
        with pytest.raises(UnauthenticatedError, match="The supplied authentication is invalid"):
            await session.open()
        await session.close()
        await clock.advance(10)
        async with aiohttp.ClientSession(mocked.url) as http:
            for path in ("_login", "_refresh"):
                async with http.post(f"/api/v1/users/auth/{path}") as answer:
                    expiry = (await answer.json())["session_expiration_time"]
                    assert expiry == "2026-01-01T00:01:10.000Z"


async def test_each_use_starts_afresh() -> None:
    """As a context manager and as a decorator: nothing of the one before is left."""
    mocked = mocked_cloud()

    @mocked
    async def decorated(mocked: mocked_cloud) -> int:
        mocked.get("/x", payload={})
        async with CloudSession(mocked.url, ADMIN) as cloud, cloud.get("/x") as answer:
            assert mocked.tokens == 1
            assert mocked.requests
            return answer.status

    for _ in range(2):
        assert await decorated() == 200  # type: ignore[call-arg]  # untold by aioresponses
    with mocked:
        assert mocked.tokens == 0
        assert not mocked.requests


async def test_all_else_is_aioresponses_own() -> None:
    """Patterns, whole URLs, callbacks of both kinds, repeats, and what nobody registered."""
    calls: list[Any] = []

    def callback(url: URL, **request: Any) -> CallbackResult:
        calls.append(request["json"])
        return CallbackResult(payload={"called": True})

    async def coroutine(url: URL, **request: Any) -> CallbackResult:
        return CallbackResult(status=202, response_class=MockedResponse)

    def indifferent(url: URL, **request: Any) -> None:
        calls.append(url.path)

    with mocked_cloud() as mocked:
        mocked.get(re.compile(r".*/pattern/\d+$"), payload={"matched": True}, repeat=True)
        mocked.get("https://elsewhere.example/x", payload={"elsewhere": True})
        mocked.post("/api/v1/callback", callback=callback)
        mocked.post("/coroutine", callback=coroutine)
        mocked.put("/indifferent", callback=indifferent, status=204)
        mocked.get("/down", exception=aiohttp.ClientConnectionError("down"))
        mocked.fail("/refused", status=409, code="a.b")
        async with aiohttp.ClientSession(mocked.url) as http:
            for number in (1, 2):
                async with http.get(f"/api/v1/pattern/{number}") as answer:
                    assert await answer.json() == {"matched": True}
            async with http.get("https://elsewhere.example/x") as answer:
                assert await answer.json() == {"elsewhere": True}
            async with http.post("/api/v1/callback", json={"a": 1}) as answer:
                assert await answer.json() == {"called": True}
            assert (await http.post("/api/v1/coroutine")).status == 202
            assert (await http.put("/api/v1/indifferent")).status == 204
            assert calls == [{"a": 1}, "/api/v1/indifferent"]
            with pytest.raises(aiohttp.ClientConnectionError, match="down"):
                await http.get("/api/v1/down")
            with pytest.raises(aiohttp.ClientConnectionError):
                await http.get("/api/v1/unknown")
            async with http.get("/api/v1/refused") as answer:
                with pytest.raises(aiohttp.ClientResponseError):
                    answer.raise_for_status()
                assert (await answer.json())["errors"][0]["code"] == "a.b"


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_response_class_fits_the_aiohttp_that_is_there(
    *, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 3.14 on the writer of the request is wanted; before, it would be refused."""
    given: dict[str, Any] = {}
    monkeypatch.setattr("aiocloudauth.testing.mock._WANTS_WRITER", wanted)
    monkeypatch.setattr(aiohttp.ClientResponse, "__init__", lambda self, **all: given.update(all))
    monkeypatch.setattr(aiohttp.ClientResponse, "__del__", lambda self: None)
    MockedResponse(method="GET")
    assert ("stream_writer" in given) is wanted
