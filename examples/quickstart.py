"""Print the deployments of an ECE. The session logs in, and renews itself."""

import asyncio

from aiocloudauth import CloudSession


async def main() -> None:
    """Use EC_HOST with EC_USER and EC_PASS, or with EC_API_KEY."""
    async with CloudSession.from_environment() as cloud, cloud.get("/deployments") as response:
        print(await response.json())
        print("renewed before", cloud.session_expiration_time)


asyncio.run(main())
