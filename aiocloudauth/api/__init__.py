"""Every operation of the API, typed, and plans that finish.

``await cloud.api.get_deployment(deployment_id)``, ``await cloud.plans.wait(deployment_id, …)``.
"""

from __future__ import annotations

from aiocloudauth.api.client import Api, ApiResponse, Call, Operation
from aiocloudauth.api.plans import Plans, PlanStep

__all__ = ["Api", "ApiResponse", "Call", "Operation", "PlanStep", "Plans"]
