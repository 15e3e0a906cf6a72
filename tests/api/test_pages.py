"""What pages: every deployment and every allocator once, and no circle."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from aiocloudauth import ConfigurationError, InvalidResponseError
from tests.api.described import Scripted, session_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Searchable:
    """Deployments of which a search gives a page and a cursor to the next."""

    def __init__(self, number: int, page: int) -> None:
        self.ids = [str(n) for n in range(number)]
        self.page = page
        self.bodies: list[dict[str, Any]] = []

    async def reply(self, request: web.Request) -> web.StreamResponse:
        """Answer a search."""
        body = await request.json() if request.can_read_body else {}
        self.bodies.append(body)
        start = int(body.get("cursor") or body.get("from") or 0)
        end = start + body.get("size", self.page)
        answer: dict[str, Any] = {
            "return_count": len(self.ids[start:end]),
            "match_count": len(self.ids),
            "deployments": [{"id": one} for one in self.ids[start:end]],
        }
        if end < len(self.ids):
            answer["cursor"] = str(end)
        return web.json_response(answer)


async def ids(found: AsyncIterator[Any], key: str = "id") -> list[str]:
    """Return the ids of all that is found."""
    return [one[key] async for one in found]


async def test_every_deployment_is_handed_out_once() -> None:
    """In the order of the search, with its query on every page."""
    shop = Searchable(7, 3)
    async with session_with(Scripted(shop.reply)) as cloud:
        assert await ids(cloud.api.iter_deployments()) == shop.ids
        assert shop.bodies == [{}, {"cursor": "3"}, {"cursor": "6"}]
        shop.bodies.clear()
        body: Any = {"size": 2, "from": 3, "query": {"match_all": {}}}
        assert await ids(cloud.api.iter_deployments(body=body, timeout=5)) == shop.ids[3:]
        assert [one.get("cursor") for one in shop.bodies] == [None, "5"]
        assert {json.dumps(one["query"]) for one in shop.bodies} == {'{"match_all": {}}'}
        assert "from" not in shop.bodies[1]
        assert await ids(cloud.api.iter_deployments(body={"from": 5})) == shop.ids[5:]
        assert body == {"size": 2, "from": 3, "query": {"match_all": {}}}


async def test_who_stops_early_asks_no_further() -> None:
    """A page is asked for when it is needed."""
    shop = Searchable(9, 3)
    async with session_with(Scripted(shop.reply)) as cloud:
        found = cloud.api.iter_deployments()
        assert not shop.bodies
        async for one in found:
            if one["id"] == "2":
                break
        await found.aclose()
    assert len(shop.bodies) == 1


async def test_a_server_that_repeats_itself_is_left() -> None:
    """A page that brings nothing new is the last."""
    same = {"return_count": 1, "deployments": [{"id": "a"}, {"name": "no id"}], "cursor": "c"}
    server = Scripted.always(json.dumps(same))
    async with session_with(server) as cloud:
        found = [one async for one in cloud.api.iter_deployments()]
    assert found == same["deployments"]
    assert len(server.asked) == 2


async def test_a_search_that_cannot_go_on_is_no_success() -> None:
    """More was found than the only page has, and there is no cursor."""
    part = {"return_count": 1, "match_count": 2, "deployments": [{"id": "a"}]}
    async with session_with(Scripted.always(json.dumps(part))) as cloud:
        with pytest.raises(InvalidResponseError, match="cursor"):
            await ids(cloud.api.iter_deployments())


async def test_what_changes_from_page_to_page_is_handed_out_once() -> None:
    """It is told by its id, and is as it was when it came first."""
    names = iter("abcd")

    async def reply(_: web.Request) -> web.StreamResponse:
        entry = {"name": next(names)}
        deployments = [entry | {"id": "1"}]
        zones = [{"allocators": [entry | {"allocator_id": "1"}]}]
        return web.json_response({"deployments": deployments, "cursor": "c", "zones": zones})

    async with session_with(Scripted(reply)) as cloud:
        assert await ids(cloud.api.iter_deployments(), "name") == ["a"]
        assert await ids(cloud.api.iter_allocators(), "name") == ["c"]


async def test_each_page_has_the_time_that_is_given() -> None:
    """As any call."""

    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with session_with(Scripted(hang)) as cloud:
        for found in (
            cloud.api.iter_deployments(timeout=0.05),
            cloud.api.iter_allocators(timeout=0.05),
        ):
            with pytest.raises(TimeoutError):
                await ids(found)


@pytest.mark.parametrize("page", [{}, {"deployments": None}, {"deployments": []}])
async def test_no_deployments(page: dict[str, Any]) -> None:
    """However it is said."""
    async with session_with(Scripted.always(json.dumps(page))) as cloud:
        assert await ids(cloud.api.iter_deployments()) == []


@pytest.mark.parametrize("deployments", [{"a": 1}, ["a"], "a"])
async def test_a_page_that_cannot_be_read(deployments: object) -> None:
    """The error says what was expected where."""
    async with session_with(Scripted.always(json.dumps({"deployments": deployments}))) as cloud:
        with pytest.raises(InvalidResponseError) as raised:
            await ids(cloud.api.iter_deployments())
        assert raised.value.problems == ("expected an array of objects @ $.deployments",)


async def test_a_search_in_text_cannot_be_paged_through() -> None:
    """The cursor has to go into it."""
    async with session_with(Scripted.always("{}")) as cloud:
        with pytest.raises(ConfigurationError):
            await ids(cloud.api.iter_deployments(body="{}"))  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize("most", [100, 2])
async def test_every_allocator_is_handed_out_once(most: int) -> None:
    """Of all zones, also where the server gives less than is asked for, or ignores it."""
    all_ids = [str(n) for n in range(5)]

    async def reply(request: web.Request) -> web.StreamResponse:
        start = int(request.query["from"])
        page = all_ids[start : start + min(int(request.query["size"]), most)]
        zones = [
            {"zone_id": zone, "allocators": [{"allocator_id": one} for one in page[half::2]]}
            for half, zone in enumerate("ab")
        ]
        return web.json_response({"zones": [*zones, {"zone_id": "c", "allocators": None}]})

    server = Scripted(reply)
    async with session_with(server) as cloud:
        found = cloud.api.iter_allocators(q="x", size=3, sort="id", region="r", timeout=5)
        assert sorted(await ids(found, "allocator_id")) == all_ids
    assert all(
        "/regions/r/platform/" in line and "q=x" in line and "sort=id" in line
        for line in server.asked
    )


async def test_a_server_that_knows_no_pages_gives_all_at_once() -> None:
    """The second page brings nothing new."""
    whole = {"zones": [{"allocators": [{"allocator_id": "a"}, {"allocator_id": "b"}]}]}
    server = Scripted.always(json.dumps(whole))
    async with session_with(server) as cloud:
        assert await ids(cloud.api.iter_allocators(), "allocator_id") == ["a", "b"]
    assert len(server.asked) == 2
    assert all("size=100" in line for line in server.asked)
