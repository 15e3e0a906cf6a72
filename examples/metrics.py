"""A worker whose session Prometheus watches: its metrics are at http://127.0.0.1:PORT/metrics.

EC_HOST with EC_USER and EC_PASS (or EC_API_KEY) say where the ECE is, PORT where to listen.
monitoring/ has alert rules and a Grafana dashboard for what stands there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress
from typing import Final

import aiohttp
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server

from aiocloudauth import CloudAuthError, CloudSession
from aiocloudauth.telemetry import instrument

#: Seconds from one look at the deployments to the next.
PAUSE: Final = 1.0

logger = logging.getLogger("metrics")


async def main() -> None:
    """Look at the deployments until told to end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    port = int(os.environ.get("PORT", "9464"))
    server, thread = start_http_server(port, addr="127.0.0.1")  # in a thread of its own
    cloud = CloudSession.from_environment(timeout=30)
    # Before it is opened, lest the first login is missed.
    instrument(cloud, meter_provider=MeterProvider([PrometheusMetricReader()]))
    async with cloud:
        while not stop.is_set():
            try:
                async with cloud.get("/deployments") as response:
                    await response.read()
            except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
                logger.warning("no list of deployments: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE):
                    await stop.wait()
    server.shutdown()
    server.server_close()
    thread.join()


if __name__ == "__main__":
    asyncio.run(main())
