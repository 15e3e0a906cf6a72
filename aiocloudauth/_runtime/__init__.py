"""asyncio, no aiohttp: carries out what the core decides."""
