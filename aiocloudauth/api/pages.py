"""What pages: deployments by a cursor, allocators by ``from`` and ``size``.

A page that brings nothing new is the last, so that no server can keep a caller in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from aiocloudauth.errors import ConfigurationError, InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aiocloudauth.api import types
    from aiocloudauth.api.arguments import Timeout
    from aiocloudauth.api.client import Api

__all__ = ["allocators", "deployments"]


def _entries(data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return a list of objects that an answer holds; an absent one is empty.

    Raises:
        InvalidResponseError: It is no list of objects.
    """
    entries = data.get(key) or []
    if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
        return entries
    problem = f"expected an array of objects @ $.{key}"
    raise InvalidResponseError(f"a page that cannot be read: {problem}", problems=(problem,))


def _new(entries: list[dict[str, Any]], key: str, seen: set[str]) -> list[dict[str, Any]]:
    """Return those of a page that were not handed out, and note them."""
    found = []
    for entry in entries:
        identity = str(entry.get(key) or entry)
        if identity not in seen:
            seen.add(identity)
            found.append(entry)
    return found


async def deployments(
    api: Api, body: types.SearchRequest | None, per_page: Timeout
) -> AsyncGenerator[types.DeploymentSearchResponse, None]:
    """Search until a page has no cursor; see `Api.iter_deployments`."""
    if body is not None and not isinstance(body, Mapping):
        raise ConfigurationError("iter_deployments(): body must be a mapping, to be paged through")
    search: dict[str, Any] = dict(body or {})
    start, seen = search.get("from") or 0, set[str]()
    while True:
        request = cast("types.SearchRequest", search) if search else None
        data = await api.search_deployments(body=request, timeout=per_page)
        page = _entries(data, "deployments")
        cursor, total = data.get("cursor"), data.get("match_count")
        if not cursor and not seen and isinstance(total, int) and total > start + len(page):
            problem = f"{len(page)} of {total} deployments, and no cursor to the next"
            raise InvalidResponseError(f"the search answered {problem}", problems=(problem,))
        found = _new(page, "id", seen)
        for entry in found:
            yield cast("types.DeploymentSearchResponse", entry)
        if not found or not cursor:
            return
        search = {**search, "cursor": cursor}
        search.pop("from", None)  # where the cursor is, it says


async def allocators(
    api: Api,
    *,
    q: str | None,
    size: int,
    sort: str | None,
    region: str | None,
    per_page: Timeout,
) -> AsyncGenerator[types.AllocatorInfo, None]:
    """List until a page brings nothing new; see `Api.iter_allocators`."""
    start, seen = 0, set[str]()
    while True:
        data = await api.get_allocators(
            q=q, size=size, from_=start, sort=sort, region=region, timeout=per_page
        )
        page = [entry for zone in _entries(data, "zones") for entry in _entries(zone, "allocators")]
        found = _new(page, "allocator_id", seen)
        for entry in found:
            yield cast("types.AllocatorInfo", entry)
        if not found:
            return
        start += len(page)
