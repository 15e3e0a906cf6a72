"""Measure the peak of a client's memory over bad answers. Run: ``peak.py URL ENDPOINT NAME...``.

The server answers badly below ``/N/api/v1`` for the N-th name. Prints a line for each name, with
the MiB that the process had at most, over what it had after some ordinary answers.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp

from aiocloudauth import CloudAuthError, CloudSession, Password, RenewalPolicy

POLICY = RenewalPolicy(
    min_interval=0.01, backoff=0.01, backoff_max=0.01, attempt_timeout=0.5, renewal_timeout=0.1
)


def kilobytes(name: str) -> int:
    """Return a figure of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def start_anew() -> None:
    """Let the kernel count the peak from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


async def once(url: str, endpoint: str) -> None:
    """Meet the answer, in whatever way it can be met."""
    cloud = CloudSession(url, Password("admin", "secret"), policy=POLICY)
    with suppress(CloudAuthError, aiohttp.ClientError, TimeoutError):
        await cloud.open()
        if endpoint == "_refresh":
            await cloud.refresh()
        if endpoint == "_logout":
            await cloud.logout()
        if endpoint == "api":
            async with cloud.get("/x", timeout=1):
                pass  # the body of a good answer is the caller's to bound
    await cloud.close()


async def main(url: str, endpoint: str, names: list[str]) -> None:
    """Warm up, then measure each."""
    for _ in range(3):
        await once(url, endpoint)
    before = None
    for number, name in enumerate(names):
        gc.collect()
        start_anew()
        before = before or kilobytes("VmRSS")
        await once(f"{url}/{number}/api/v1", endpoint)
        print(name, (kilobytes("VmHWM") - before) / 1024)


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
