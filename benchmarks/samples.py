"""Samples to figures: medians, their range, and ratios of pairs."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Figure: TypeAlias = dict[str, float]

TIMES = "\N{MULTIPLICATION SIGN}"


def figure(values: Iterable[float]) -> Figure:
    """Return the median of `values`, their least and greatest, and how many there are."""
    ordered = sorted(values)
    return {
        "median": statistics.median(ordered),
        "min": ordered[0],
        "max": ordered[-1],
        "n": len(ordered),
    }


def ratio(values: Sequence[float | None], to: Sequence[float | None]) -> Figure:
    """Return the figure of ``values[i] / to[i]``: what was measured in one round is a pair."""
    return figure(a / b for a, b in zip(values, to, strict=True) if a is not None and b is not None)


def spread(of: Figure, digits: int = 3) -> str:
    """Write a median, with the least and the greatest."""
    least, most = f"{of['min']:.{digits}f}", f"{of['max']:.{digits}f}"
    return f"{of['median']:.{digits}f} ({least}\N{EN DASH}{most})"


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that `share` of the `ordered` values do not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
