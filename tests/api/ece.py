"""A server with deployments and a session of it, on virtual time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from attrs import define

from aiocloudauth import CloudSession, Password, PlanFailedError
from aiocloudauth.testing import CloudServer, ManualClock, Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from aiocloudauth.api.plans import Plans

JSON: TypeAlias = Any


@define(eq=False)
class Ece:
    """A server with deployments, a session, its plans, and the clock of all."""

    server: CloudServer
    cloud: CloudSession
    clock: ManualClock

    @property
    def plans(self) -> Plans:
        """What is tested."""
        return self.cloud.plans

    async def drive(self, awaitable: Awaitable[JSON]) -> JSON:
        """Let time pass until `awaitable` is done, and return its result."""
        return await self.clock.drive(awaitable)

    async def change(self, method: str, path: str, body: JSON = None) -> str:
        """Send a request that changes a deployment; return the deployment's id."""

        async def ask() -> str:
            async with self.cloud.request(method, path, json=body) as response:
                return str((await response.json())["id"])

        return str(await self.drive(ask()))

    async def create(self, *plans: Plan) -> str:
        """Create a deployment whose plans go like this."""
        self.server.deployments.script(*plans)
        return await self.change("POST", "/deployments", request_body("8.19.0"))

    async def update(self, deployment: str, *plans: Plan, version: str = "8.19.1") -> None:
        """Change a deployment; its plans go like this."""
        self.server.deployments.script(*plans)
        body = request_body(version) | {"prune_orphans": False}
        await self.change("PUT", f"/deployments/{deployment}", body)

    async def created(self) -> str:
        """Create a deployment, and let its plans end."""
        deployment = await self.create()
        await self.clock.advance(60)
        return deployment

    async def failures(self, awaitable: Awaitable[JSON]) -> list[tuple[str, str, str]]:
        """Return the kind, the step and the message of each failure that is raised."""
        with pytest.raises(PlanFailedError) as caught:
            await self.drive(awaitable)
        return [(one.kind, one.step, one.message) for one in caught.value.failures]


def request_body(version: str) -> dict[str, Any]:
    """Make a request for Elasticsearch and Kibana."""
    elastic = {
        "ref_id": "main-elasticsearch",
        "region": "r",
        "plan": {"cluster_topology": [], "elasticsearch": {"version": version}},
    }
    kibana = {
        "ref_id": "main-kibana",
        "elasticsearch_cluster_ref_id": "main-elasticsearch",
        "region": "r",
        "plan": {"kibana": {"version": version}},
    }
    return {"name": "d", "resources": {"elasticsearch": [elastic], "kibana": [kibana]}}


@asynccontextmanager
async def ece(**server: Any) -> AsyncIterator[Ece]:
    """Start a server, and log in; at the end no timer may be left."""
    clock = ManualClock()
    async with CloudServer(clock=clock, **server) as cloud_server:
        cloud = CloudSession(cloud_server.url, Password("admin", "secret"), clock=clock)
        await clock.drive(cloud.open())
        try:
            yield Ece(cloud_server, cloud, clock)
        finally:
            await clock.drive(cloud.close())
        assert clock.next_due is None
