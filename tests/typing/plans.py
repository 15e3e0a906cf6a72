"""Uses of `cloud.plans` as users type them: type checkers read this file, nothing runs it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_type

from aiocloudauth.api import types
from aiocloudauth.api.plans import Plans, PlanStep
from aiocloudauth.errors import PlanFailedError, PlanFailure

if TYPE_CHECKING:
    from aiocloudauth import CloudSession


async def uses(cloud: CloudSession) -> None:
    """A wait gives the deployment; a step has its fields."""
    assert_type(cloud.plans, Plans)
    before = await cloud.plans.mark("id")
    assert_type(before, frozenset[str])
    deployment = await cloud.plans.wait("id", timeout=timedelta(hours=1), since=before)
    assert_type(deployment, types.DeploymentGetResponse)
    steps = cloud.plans.follow("id", poll=5, resources=["kibana"])
    assert_type(steps, AsyncGenerator[PlanStep, None])
    async for step in steps:
        assert_type(step.started, datetime | None)
        assert_type(step.message, str)


def failures(error: PlanFailedError) -> None:
    """A failure has its fields."""
    assert_type(error.failures, tuple[PlanFailure, ...])
    for failure in error.failures:
        assert_type(failure.failure_type, str | None)


async def mistakes(cloud: CloudSession) -> None:
    """Each line is an error to a type checker; an ignored one that is none is an error too."""
    await cloud.plans.wait("id")  # type: ignore[call-arg] # how long is for the caller to say
    await cloud.plans.wait("id", 60)  # type: ignore[call-arg] # by keyword alone
    await cloud.plans.wait("id", timeout="60")  # type: ignore[arg-type] # seconds
    await cloud.plans.wait(7, timeout=60)  # type: ignore[arg-type] # a str
