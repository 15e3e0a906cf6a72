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

NOT_FOUND = "deployments.deployment_not_found"


async def test_a_users_test_of_their_own_service_takes_five_lines() -> None:
    """Login, refresh and logout are answered; any path can be."""
    with mocked_cloud() as mocked:
        mocked.get("/deployments", payload={"deployments": []})
        async with CloudSession(mocked.url, Password("admin", "secret")) as cloud:
            async with cloud.get("/deployments") as response:
                assert await response.json() == {"deployments": []}
            await cloud.refresh()
        assert mocked.tokens == 2


async def test_failures_have_eces_shape() -> None:
    """The client makes its typed error of them."""
    with mocked_cloud("https://ece.example.com/") as mocked:
        mocked.fail("/x", status=404, code=NOT_FOUND, message="no such", fields=["id"])
        mocked.fail("/x", "POST", status=418, code="a.b", headers={"X-Odd": "1"})
        async with CloudSession(mocked.url, Password("admin", "secret")) as cloud:
            with pytest.raises(NotFoundError) as refused:
                await cloud.get("/x")
            (detail,) = refused.value.errors
            assert (detail.code, detail.message, detail.fields) == (NOT_FOUND, "no such", ("id",))
            with pytest.raises(ApiError) as odd:
                await cloud.post("/x")
            assert (odd.value.status, odd.value.codes) == (418, ("a.b",))
            assert odd.value.headers["X-Odd"] == "1"


async def test_inside_async_with_a_refusal_can_be_raised_and_then_read() -> None:
    """As from a server."""
    with mocked_cloud() as mocked:
        mocked.fail("/x", status=409, code="a.b")
        async with (
            CloudSession(mocked.url, Password("admin", "secret")) as cloud,
            cloud.get("/x", raise_for_status=False) as response,
        ):
            with pytest.raises(aiohttp.ClientResponseError):
                response.raise_for_status()
            assert (await response.json())["errors"][0]["code"] == "a.b"


async def test_what_is_registered_for_the_login_comes_first() -> None:
    """Once, then the standing answer is back."""
    with mocked_cloud() as mocked:
        mocked.fail("/users/auth/_login", "POST", status=401, code="root.unauthenticated")
        session = CloudSession(mocked.url, Password("admin", "wrong"))
        with pytest.raises(UnauthenticatedError, match="The supplied authentication is invalid"):
            await session.open()
        await session.close()
        async with CloudSession(mocked.url, Password("admin", "right")) as cloud:
            assert cloud.token is not None


async def test_tokens_live_on_the_clock_they_are_given() -> None:
    """`token_lifetime` seconds from each call."""
    clock = ManualClock()
    with mocked_cloud(token_lifetime=60, clock=clock) as mocked:
        async with aiohttp.ClientSession(mocked.url) as http:
            for second in (60, 70):
                async with http.post("/api/v1/users/auth/_login") as answer:
                    document = await answer.json()
                    expected = f"2026-01-01T00:01:{second - 60:02d}.000Z"
                    assert document["session_expiration_time"] == expected
                await clock.advance(10)


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
        async with aiohttp.ClientSession(mocked.url) as http:
            for number in (1, 2):
                async with http.get(f"/api/v1/pattern/{number}") as answer:
                    assert await answer.json() == {"matched": True}
            async with http.get("https://elsewhere.example/x") as answer:
                assert await answer.json() == {"elsewhere": True}
            async with http.post("/api/v1/callback", json={"a": 1}) as answer:
                assert await answer.json() == {"called": True}
            assert calls == [{"a": 1}]
            assert (await http.post("/api/v1/coroutine")).status == 202
            assert (await http.put("/api/v1/indifferent")).status == 204
            assert calls[1:] == ["/api/v1/indifferent"]
            with pytest.raises(aiohttp.ClientConnectionError, match="down"):
                await http.get("/api/v1/down")
            with pytest.raises(aiohttp.ClientConnectionError):
                await http.get("/api/v1/unknown")


async def test_it_is_a_decorator_too() -> None:
    """As aioresponses is."""

    @mocked_cloud()
    async def decorated(mocked: mocked_cloud) -> int:
        mocked.get("/x", payload={})
        async with aiohttp.ClientSession(mocked.url) as http, http.get("/api/v1/x") as answer:
            return answer.status

    assert await decorated() == 200  # type: ignore[call-arg]  # untold by aioresponses


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_response_class_fits_the_aiohttp_that_is_there(
    *, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 3.14 on the writer of the request is wanted; before, it would be refused."""
    from aiocloudauth.testing import mock

    given: dict[str, Any] = {}
    monkeypatch.setattr(mock, "_WANTS_WRITER", wanted)
    monkeypatch.setattr(aiohttp.ClientResponse, "__init__", lambda self, **all: given.update(all))
    monkeypatch.setattr(aiohttp.ClientResponse, "__del__", lambda self: None)
    MockedResponse(method="GET")
    assert ("stream_writer" in given) is wanted
