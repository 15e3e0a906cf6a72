"""The service's own tests, with aiocloudauth's fixtures: .venv/bin/python -m pytest examples/."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import service
from aiohttp.test_utils import TestClient, TestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from aiocloudauth.testing import CloudServer

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def serving(
    server: CloudServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TestClient[Any, Any]]:
    """Run the service against `server`."""
    name, user = next(iter(server.users))
    for variable in ("EC_API_KEY", "EC_CA_FILE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in (("HOST", server.url), ("USER", name), ("PASS", user.password)):
        monkeypatch.setenv(f"EC_{variable}", value)
    async with TestClient(TestServer(service.application())) as client:
        yield client


async def test_the_deployments_of_the_ece_are_served(
    cloud_server: CloudServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One session, logged in once, serves them all."""
    async with cloud_server as server, serving(server, monkeypatch) as client:
        server.reply("/deployments", {"deployments": [{"id": "a"}]})
        for _ in range(3):
            async with client.get("/deployments") as response:
                assert await response.json() == {"deployments": [{"id": "a"}]}
        assert server.stats.logins == 1


async def test_a_deployment_that_is_gone_is_a_404(
    cloud_server: CloudServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's callers learn what the ECE said."""
    async with cloud_server as server, serving(server, monkeypatch) as client:
        server.fail_next("/deployments/a", status=404, code="deployments.deployment_not_found")
        async with client.get("/deployments/a") as response:
            assert response.status == 404
            assert (await response.json())["codes"] == ["deployments.deployment_not_found"]


async def test_a_revoked_token_is_not_the_callers_concern(
    cloud_server: CloudServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session logs in again; the request is answered."""
    async with cloud_server as server, serving(server, monkeypatch) as client:
        server.revoke_all()
        async with client.get("/deployments") as response:
            assert response.status == 200
        assert server.stats.logins == 2
        async with client.get("/health") as response:
            assert (await response.json())["session"] == "active"
