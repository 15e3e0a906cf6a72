"""What real systems answered, read through the operations that return it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.described import Described, Scripted, session_with
from tests.api.facts import answer_type, differences

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth import CloudSession
    from aiocloudauth.api import Call

SAMPLES = Path(__file__).parent / "samples"

#: Where the samples are not as the description has it.
DIFFERENCES = json.loads((SAMPLES / "differences.json").read_text(encoding="utf-8"))


def sample(name: str) -> str:
    """Return a sample as it came."""
    return (SAMPLES / f"{name}.json").read_text(encoding="utf-8")


def _deployment(cloud: CloudSession) -> Call[Any]:
    return cloud.api.get_deployment("d", show_plans=True, show_plan_logs=True)


def _templates(cloud: CloudSession) -> Call[Any]:
    return cloud.api.get_deployment_templates_v2(region="us-east-1")


@pytest.mark.parametrize(
    ("name", "identifier", "call"),
    [
        ("deployment_integrations_server_get", "get-deployment", _deployment),
        ("deployment_observability_get", "get-deployment", _deployment),
        ("template_list", "get-deployment-templates-v2", _templates),
    ],
)
async def test_a_real_answer_is_given_as_it_came(
    name: str, identifier: str, call: Callable[[CloudSession], Call[Any]]
) -> None:
    """Whatever in it differs from the description, which is written down."""
    async with session_with(Scripted.always(sample(name))) as cloud:
        assert await call(cloud) == json.loads(sample(name))
    _, kind = answer_type(identifier)
    assert sorted(set(differences(kind, json.loads(sample(name))))) == DIFFERENCES[name]


@pytest.mark.parametrize(
    "name", ["deployment_integrations_server_get", "deployment_observability_get"]
)
async def test_a_real_deployment_is_one_whose_plans_are_done(name: str) -> None:
    """Each of its three resources had one; what the platform did by itself is part of it."""
    async with session_with(Scripted.always(sample(name))) as cloud:
        assert len(await cloud.plans.mark("d")) == 3
        assert await cloud.plans.wait("d", timeout=60) == json.loads(sample(name))
        assert await cloud.plans.wait("d", timeout=60, since=()) == json.loads(sample(name))


async def test_a_real_update_is_sent_as_it_is_written() -> None:
    """A body with `null`s, as Elastic's own console makes it."""
    body = json.loads(sample("deployment_observability_update"))
    server = Described()
    async with session_with(server) as cloud:
        await cloud.api.update_deployment("d", body=body)
    assert sorted(set(server.problems)) == DIFFERENCES["deployment_observability_update"]
