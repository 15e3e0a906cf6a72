"""Tasks that use one session for each worker process, from a queue in Valkey or Redis.

    taskiq worker taskiq_worker:broker

VALKEY_URL says where the queue is; EC_HOST with EC_USER and EC_PASS (or EC_API_KEY) where the
ECE is. Whoever imports `healthy` may send tasks: ``task = await healthy.kiq("d1")``, and then
``(await task.wait_result()).return_value``.
"""

import os
from typing import Annotated

from taskiq import Context, TaskiqDepends, TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from aiocloudauth import CloudSession

URL = os.environ.get("VALKEY_URL", "redis://127.0.0.1:6379")
broker = ListQueueBroker(URL).with_result_backend(RedisAsyncResultBackend(URL))


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def log_in(state: TaskiqState) -> None:
    """Open the session in the loop that runs the tasks."""
    state.cloud = await CloudSession.from_environment(timeout=30)


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def log_out(state: TaskiqState) -> None:
    """End it, also after SIGTERM."""
    await state.cloud.close()


@broker.task
async def healthy(name: str, context: Annotated[Context, TaskiqDepends()]) -> bool:
    """Return whether a deployment is well."""
    async with context.state.cloud.get(f"/deployments/{name}") as response:
        return bool((await response.json())["healthy"])
