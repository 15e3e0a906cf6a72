"""The figures as a plot: a hand-written SVG, for light and dark pages."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.samples import TIMES

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTH, _LABEL, _LINE, _TITLE, _GAP = 860, 210, 20, 30, 18

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 13px }
.bar { fill: #8c959f } .us { fill: #0969da } .limit { stroke: #cf222e; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .bar { fill: #6e7681 } .us { fill: #58a6ff } .limit { stroke: #ff7b72 }
}
"""


class Bar(NamedTuple):
    """One client's value, and how it is written."""

    name: str
    value: float
    text: str


class Panel(NamedTuple):
    """A title over bars; values beyond `most` are cut off; a line at `limit`."""

    title: str
    bars: list[Bar]
    most: float
    limit: float | None = None


def plot(data: dict[str, Any]) -> str:
    """Return the plot, of what was measured on asyncio."""
    results = data["results"]
    panels = [
        make(results[case]["asyncio"])
        for case, makers in _PANELS.items()
        if case in results
        for make in makers
    ]
    height, parts = _GAP, []
    for panel in panels:
        parts.append(_drawn(panel, height))
        height += _TITLE + _LINE * len(panel.bars) + _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img">\n<style>{_STYLE}</style>\n'
        + "".join(parts)
        + "</svg>\n"
    )


def _drawn(panel: Panel, top: int) -> str:
    scale = (_WIDTH - _LABEL - 190) / panel.most
    lines = [f'<text class="title" x="0" y="{top + 12}">{escape(panel.title)}</text>\n']
    first = top + _TITLE - 8
    for number, bar in enumerate(panel.bars):
        y = first + number * _LINE
        width = max(1.0, min(bar.value, panel.most) * scale)
        kind = "us" if bar.name.startswith("aiocloudauth") else "bar"
        cut = " →" if bar.value > panel.most else ""
        lines.append(
            f'<text x="{_LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(bar.name)}</text>'
            f'<rect class="{kind}" x="{_LABEL}" y="{y + 2}" width="{width:.1f}" height="13"/>'
            f'<text x="{_LABEL + width + 6:.1f}" y="{y + 12}">{escape(bar.text)}{cut}</text>\n'
        )
    if panel.limit is not None:
        x = _LABEL + panel.limit * scale
        end = first + _LINE * len(panel.bars)
        lines.append(f'<line class="limit" x1="{x:.1f}" y1="{first}" x2="{x:.1f}" y2="{end}"/>\n')
    return "".join(lines)


def _steady(found: dict[str, Any]) -> Panel:
    bars = [
        Bar(name, known["cpu_ratio"]["median"], f"{known['cpu_ratio']['median']:.2f} {TIMES}")
        for name, known in found["64"].items()
        if name != "raw again"
    ]
    return Panel("CPU a request against raw aiohttp, concurrency 64", bars, 2.5, 1.0)


def _herd(case: str) -> Callable[[dict[str, Any]], Panel]:
    def make(found: dict[str, Any]) -> Panel:
        bars = []
        for name, known in found[case].items():
            text = f"{known['wall']['median']:.2f} s"
            for count, what in (("refused", "401s"), ("failed", "failed")):
                if known[count]["median"]:
                    text += f", {known[count]['median']:,.0f} {what}"
            bars.append(Bar(name, known["wall"]["median"], text))
        limit = found[case]["raw"]["wall"]["median"] + 0.2
        return Panel(f"5,000 requests {case}; line: raw + renewal", bars, 3 * limit, limit)

    return make


def _load(found: dict[str, Any]) -> Panel:
    bars = []
    for name, known in found["revoked"].items():
        slowest = max(known[part]["max"] for part in ("inside", "outside") if part in known)
        text = f"{slowest:,.0f} ms"
        if known["failed"]:
            text += f", {known['failed']:,} failed"
        bars.append(Bar(name, slowest, text))
    title = "Slowest request, 64 workers, tokens of 2 s, the old one revoked; line: 100 ms"
    return Panel(title, bars, 400.0, 100.0)


def _queued(found: dict[str, Any]) -> Panel:
    bars = [
        Bar(name, known["bytes"], f"{known['bytes']:,.0f}")
        for name, known in found.items()
        if name != "raw again"
    ]
    return Panel("Bytes held by a request that waits for a connection", bars, 13_000.0)


_PANELS: dict[str, tuple[Callable[[dict[str, Any]], Panel], ...]] = {
    "steady": (_steady,),
    "herd": (_herd("at expiry"), _herd("after a revocation")),
    "load": (_load,),
    "queued": (_queued,),
}
