"""Prints what became of mutmut's mutants: ``python report.py PLACE...``, where mutmut was run.

A mutant is killed if a test failed, or ran into mutmut's time limit, because of it, or if mypy
rejects it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

#: The exit codes that mutmut notes, from its own table; those of a time limit differ by signal.
WORDS = {
    None: "not run",
    0: "survived",
    1: "by a test",
    3: "by a test",
    24: "by time",
    -24: "by time",
    36: "by time",
    37: "by mypy",
    33: "without a test",
    5: "without a test",
}

#: What counts as killed.
DEAD = ("by a test", "by time", "by mypy")


def outcomes(place: Path) -> dict[str, dict[str, str]]:
    """Return each module's mutants and what became of them."""
    found: dict[str, dict[str, str]] = {}
    for meta in sorted(place.glob("mutants/**/*.py.meta")):
        codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
        if codes:
            words = {name: WORDS.get(code, f"exit {code}") for name, code in codes.items()}
            found[meta.name.removesuffix(".py.meta")] = words
    return found


def row(module: str, words: list[str]) -> None:
    """Print a row of the table."""
    count = Counter(words)
    dead = [count.pop(word, 0) for word in DEAD]
    left = count.pop("not run", 0)
    share = 100.0 * sum(dead) / max(1, len(words) - left)
    columns = (len(words), *dead, count.total(), left)
    print(f"{module:16}", *(f"{number:9}" for number in columns), f"{share:7.1f} %")


def main(places: list[str]) -> None:
    """Print a table, and the names of those that live, for ``mutmut show NAME`` in that place."""
    print(f"{'module':16}", *(f"{w:>9}" for w in ("mutants", *DEAD, "alive", "not run", "killed")))
    alive: list[str] = []
    every: list[str] = []
    for place in places:
        for module, words in outcomes(Path(place)).items():
            row(module, list(words.values()))
            every += words.values()
            dead = {*DEAD, "not run"}
            alive += [f"{name}: {word}" for name, word in words.items() if word not in dead]
    row("together", every)
    print(*alive, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
