"""aiohttp: the calls of the authentication API, and what surrounds a caller's own."""
