"""A script that knows nothing of asyncio, but for the one line that calls this package.

EC_HOST with EC_USER and EC_PASS (or EC_API_KEY) say where the ECE is.
"""

from __future__ import annotations

import asyncio
import logging
import sys

import aiohttp

from aiocloudauth import CloudAuthError, CloudSession


async def deployment_names() -> list[str]:
    """Log in, ask, log out. A script that asks twice does both in here: one login serves all."""
    async with CloudSession.from_environment() as cloud, cloud.get("/deployments") as response:
        return [one["name"] for one in (await response.json())["deployments"]]


def main() -> int:
    """Print the names; return the exit status."""
    # The one line below says all that a script's user has to know.
    logging.getLogger("aiocloudauth").addHandler(logging.NullHandler())
    try:
        names = asyncio.run(deployment_names())
    except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    for name in sorted(names):
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
