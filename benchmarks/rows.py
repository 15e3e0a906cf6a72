"""A line of the table, and how samples are summed up in it."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TIMES = "\N{MULTIPLICATION SIGN}"


class Row(NamedTuple):
    """What was measured; `met` says whether that keeps the promise, if there is one."""

    case: str
    promise: str
    measured: str
    met: bool | None = None


class Figure(NamedTuple):
    """A median with the least and the greatest."""

    median: float
    least: float
    most: float

    def text(self, digits: int = 2) -> str:
        """Write it."""
        median, least, most = (f"{value:,.{digits}f}" for value in self)
        return f"{median} ({least}\N{EN DASH}{most})"


def figure(values: Iterable[float]) -> Figure:
    """Sum up samples."""
    ordered = sorted(values)
    return Figure(statistics.median(ordered), ordered[0], ordered[-1])


def ratio(values: Sequence[float], to: Sequence[float]) -> Figure:
    """Sum up ``values[i] / to[i]``: what was measured in one round is a pair."""
    return figure(a / b for a, b in zip(values, to, strict=True))


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Write a table of Markdown."""
    head = list(head)
    written = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in written) + "\n"


def promises(rows: Iterable[Row]) -> str:
    """Write the rows as a table."""
    met = {True: "yes", False: "**no**", None: ""}
    lines = ([row.case, row.promise, row.measured, met[row.met]] for row in rows)
    return table(["case", "promise", "measured", "kept"], lines)
