"""PURE: every decision about a token; no clock, no I/O, no event loop."""
