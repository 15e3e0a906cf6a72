"""The tests of `provision`, without an ECE: .venv/bin/python -m pytest examples/.

Time is the clock's: minutes of plans take a moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import provision
import pytest

from aiocloudauth import NotFoundError, PlanFailedError, PlanTimeoutError
from aiocloudauth.testing import Plan, Step

if TYPE_CHECKING:
    from aiocloudauth import CloudSession
    from aiocloudauth.testing import CloudServer, ManualClock

pytestmark = pytest.mark.asyncio


async def test_a_deployment_is_made_enlarged_and_deleted(
    cloud_server: CloudServer, cloud_session: CloudSession, manual_clock: ManualClock
) -> None:
    """Each change once its plans are done; the last one leaves nothing."""
    async with cloud_server as server, cloud_session as cloud:
        server.deployments.default = Plan(["grow", Step("wait-until-running", 60)])

        async def life() -> None:
            deployment_id, credentials = await provision.create(cloud, "mine")
            assert credentials is not None
            assert credentials["username"] == "elastic"
            await provision.enlarge(cloud, deployment_id, 4096)
            deployment = await cloud.api.get_deployment(deployment_id)
            current = deployment["resources"]["elasticsearch"][0]["info"]["plan_info"]["current"]
            assert current is not None
            plan = current["plan"]
            assert plan is not None
            assert [one.get("size") for one in plan["cluster_topology"]] == [provision.size(4096)]
            await provision.delete(cloud, deployment_id)
            with pytest.raises(NotFoundError):
                await cloud.api.get_deployment(deployment_id)

        await manual_clock.drive(life())


async def test_a_plan_that_fails_says_where_and_why(
    cloud_server: CloudServer, cloud_session: CloudSession, manual_clock: ManualClock
) -> None:
    """Though what was there before still runs."""
    async with cloud_server as server, cloud_session as cloud:
        deployment_id, _ = await manual_clock.drive(provision.create(cloud, "mine"))
        broken = Step("wait-until-running", status="error", message="No room.")
        server.deployments.script(Plan(["grow", broken]))
        with pytest.raises(PlanFailedError) as caught:
            await manual_clock.drive(provision.enlarge(cloud, deployment_id, 65_536))
        (failure,) = caught.value.failures
        assert (failure.step, failure.message) == ("wait-until-running", "No room.")


async def test_a_creation_that_hangs_ends_in_a_time_out(
    cloud_server: CloudServer,
    cloud_session: CloudSession,
    manual_clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not waited for for ever."""
    monkeypatch.setattr(provision, "PATIENCE", 60.0)
    async with cloud_server as server, cloud_session as cloud:
        server.deployments.script(Plan([Step("wait-until-running", 86_400)], resource="kibana"))
        with pytest.raises(PlanTimeoutError, match="kibana main-kibana at step wait-until"):
            await manual_clock.drive(provision.create(cloud, "mine"))
