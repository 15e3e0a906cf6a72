"""Instants as ECE writes them, from seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

__all__ = ["http_date", "instant", "iso"]

_LATEST: Final = datetime.max.replace(tzinfo=UTC)
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


def instant(seconds: float) -> datetime:
    """Turn seconds since the epoch into aware UTC; held at the ends of what a date can say."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return _LATEST if seconds > 0 else _EARLIEST


def iso(seconds: float) -> str:
    """Write an instant for JSON: UTC, milliseconds, `Z`."""
    at = instant(seconds)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z".rjust(24, "0")


def http_date(seconds: float) -> str:
    """Write an instant for the header `Date`: whole seconds, rounded down. Source: RFC 9110."""
    return format_datetime(instant(seconds // 1), usegmt=True)
