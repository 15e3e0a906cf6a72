"""PURE: what the API says and where it lives, from text and bytes to values and typed errors."""
