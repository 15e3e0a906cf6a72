"""Every operation of the API, typed: ``await cloud.api.get_deployment(deployment_id)``."""

from __future__ import annotations

from aiocloudauth.api.client import Api, ApiResponse, Call, Operation

__all__ = ["Api", "ApiResponse", "Call", "Operation"]
