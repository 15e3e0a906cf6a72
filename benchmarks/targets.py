"""What this package promises of its speed, held against what was measured."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from benchmarks.samples import TIMES, spread

if TYPE_CHECKING:
    from collections.abc import Callable

Found: TypeAlias = dict[str, Any]
#: How what one loop measured is written, and whether it keeps the target; or not measured.
Verdict: TypeAlias = tuple[str, bool] | None

_US = "aiocloudauth"
#: The pool of aiohttp's connector, which bounds what a revocation can cost.
_POOL = 100


class Target(NamedTuple):
    """A promise about a case, and who judges what one loop measured."""

    name: str
    promise: str
    judge: Callable[[Found], Verdict]


class Row(NamedTuple):
    """A line of the table: `met` says whether every loop's median kept the promise."""

    name: str
    promise: str
    measured: str
    met: bool


def targets(results: Found) -> list[Row]:
    """Return the rows that the cases in `results` have figures for."""
    rows = []
    for case, promised in _TARGETS.items():
        loops = results.get(case, {})
        for target in promised:
            judged = {loop: target.judge(found) for loop, found in loops.items()}
            verdicts = {loop: verdict for loop, verdict in judged.items() if verdict}
            if verdicts:
                texts = [f"{loop}: {text}" for loop, (text, _) in verdicts.items()]
                only = next(iter(verdicts.values()))[0]
                measured = only if len(texts) == 1 else "; ".join(texts)
                met = all(kept for _, kept in verdicts.values())
                rows.append(Row(target.name, target.promise, measured, met))
    return rows


def _overhead(number: str, found: Found) -> Verdict:
    us, nothing = found[number][_US], found[number]["do-nothing middleware"]
    over = us["cpu_ratio_to_nothing"]
    text = (
        f"{spread(over)}; over raw {us['cpu_ratio']['median']:.3f}, "
        f"the do-nothing middleware {nothing['cpu_ratio']['median']:.3f}"
    )
    return text, over["median"] <= 1.01


def _instructions(found: Found) -> Verdict:
    if not found:
        return None  # valgrind is missing
    ratio = found[_US]["to do-nothing middleware"]
    nothing = found["do-nothing middleware"]["to raw"]
    text = (
        f"{ratio:.4f}; over raw {found[_US]['to raw']:.4f}, the do-nothing middleware {nothing:.4f}"
    )
    return text, ratio <= 1.01


def _token(found: Found) -> Verdict:
    taken = found["aiocloudauth, own session"]["ns"]
    return f"{spread(taken, 0)} ns", taken["median"] <= 250


def _herd(case: str, refused: int, wall: float, found: Found) -> Verdict:
    us = found[case][_US]
    text = (
        f"{us['renewals']['max']:.0f} renewal, {us['failed']['max']:.0f} failed, "
        f"401s: {us['refused']['max']:.0f}, {us['wall']['median']:.2f} s = "
        f"{spread(us['wall_ratio'])} {TIMES} (raw + renewal), "
        f"{us['wall_ratio_to_nothing']['median']:.3f} {TIMES} (do-nothing middleware + renewal), "
        f"its CPU {us['cpu_ratio_to_nothing']['median']:.3f} {TIMES} the do-nothing one's"
    )
    met = (
        us["renewals"]["max"] == us["renewals"]["min"] == 1
        and us["failed"]["max"] == 0
        and us["refused"]["max"] <= refused
        and us["wall_ratio"]["median"] <= wall
    )
    return text, met


def _load(mode: str, found: Found) -> Verdict:
    us, again, nothing = (found[mode][name] for name in (_US, "raw again", "do-nothing middleware"))
    slowest = max(us[where]["max"] for where in ("inside", "outside") if where in us)
    text = (
        f"{us['failed']} of {us['requests']:,} failed, {us['renewals']} renewals, "
        f"{us['over_100_ms']} over 100 ms (slowest {slowest:.0f} ms), "
        f"throughput {spread(us['rate_ratio'])}, "
        f"the do-nothing middleware {nothing['rate_ratio']['median']:.3f}, "
        f"raw again {again['rate_ratio']['median']:.3f}"
    )
    met = us["failed"] == us["over_100_ms"] == 0 and us["rate_ratio"]["median"] >= 0.97
    return text, met


def _pool(case: str, most: int, found: Found) -> Verdict:
    refused, failed = (found[case][_US][key]["max"] for key in ("refused", "failed"))
    return f"401s: {refused:.0f}, failed: {failed:.0f}", refused <= most and failed == 0


def _queued(found: Found) -> Verdict:
    us, raw, nothing = (found[name] for name in (_US, "raw", "do-nothing middleware"))
    text = (
        f"{us['ratio']:.3f} ({us['bytes']:,.0f} against {raw['bytes']:,.0f} bytes; "
        f"the do-nothing middleware {nothing['ratio']:.3f})"
    )
    return text, us["ratio"] <= 1.06


def _memory(found: Found) -> Verdict:
    return f"{found['kib_above_bare']:.1f} KiB", found["kib_above_bare"] <= 32


def _idle(found: Found) -> Verdict:
    if "idle_share_of_core" not in found:
        return None
    share = found["idle_share_of_core"]
    return f"{share:.4%}", share <= 0.005


def _spread(found: Found) -> Verdict:
    if "spread" not in found:
        return None
    text = (
        f"{found['renewed']:,} renewals, at ages that differ by up to {found['spread']:.2f} s "
        f"(jitter: {found['window']:.2f} s), "
        f"{found['busiest_100_ms_by_age']} of them within the same 100 ms"
    )
    return text, found["spread"] >= 0.9 * found["window"]


def _imports(found: Found) -> Verdict:
    lazy = found["import aiocloudauth"]["ratio"]
    full = "from aiocloudauth import CloudSession, Password"
    return f"{spread(lazy)}; `{full}` {spread(found[full]['ratio'])}", lazy["median"] <= 1.1


def _cold(case: str, found: Found) -> Verdict:
    here = found[case]
    text = spread(here[_US]["ratio"])
    if "raw, login apart" in here:
        text += f"; by hand on two sessions {spread(here['raw, login apart']['ratio'])}"
    return text, here[_US]["ratio"]["median"] <= 1.05


_SLOWEST = f"0 failed, none over 100 ms, throughput ≥ 0.97 {TIMES} raw"
_COLD = f"≤ 1.05 {TIMES} (raw login + raw request)"

_TARGETS = {
    "overhead": [
        Target(
            f"steady state, CPU a request, concurrency {number}",
            f"≤ 1.01 {TIMES} a do-nothing middleware",
            partial(_overhead, number),
        )
        for number in ("1", "64")
    ],
    "instructions": [
        Target(
            "steady state, instructions a request",
            f"≤ 1.01 {TIMES} a do-nothing middleware",
            _instructions,
        )
    ],
    "token": [Target("`refresher.current`", "≤ 250 ns", _token)],
    "herd": [
        Target(
            "5,000 at expiry",
            "1 renewal, 0 failed, 0 401s, wall ≤ raw + renewal",
            partial(_herd, "at expiry", 0, 1.0),
        ),
        Target(
            "5,000 after a revocation",
            f"1 renewal, 0 failed, ≤ {_POOL} 401s, wall ≤ 1.05 {TIMES} (raw + renewal)",
            partial(_herd, "after a revocation", _POOL, 1.05),
        ),
    ],
    "load": [
        Target(f"64 workers, tokens of 2 s, the old one {mode}", _SLOWEST, partial(_load, mode))
        for mode in ("revoked", "kept")
    ],
    "pool": [
        Target(
            f"pool of one, 50 queued, {case}", f"401s: {most} at most", partial(_pool, case, most)
        )
        for case, most in (("renewed", 0), ("revoked silently", 1))
    ],
    "queued": [Target("10,000 queued, bytes each", f"≤ 1.06 {TIMES} raw", _queued)],
    "sessions": [
        Target("1,000 sessions, each above a bare ClientSession", "≤ 32 KiB", _memory),
        Target("1,000 sessions, idle", "≤ 0.5 % of one core", _idle),
        Target("1,000 renewals due together", "spread by jitter", _spread),
    ],
    "imports": [
        Target("`import aiocloudauth`", f"≤ 1.10 {TIMES} `import aiohttp`", _imports),
    ],
    "cold": [
        Target(f"first request after a cold start, {case}", _COLD, partial(_cold, case))
        for case in ("session", "session, login of 200 ms", "interpreter")
    ],
}
