"""What is measured, a module a case; each has ``async def measure(setting)``."""
