"""Prints what became of mutmut's mutants: ``python report.py PLACE...``, where mutmut was run.

A mutant counts as killed if a test failed, or ran into mutmut's time limit, because of it.
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
    1: "killed",
    3: "killed",
    24: "timed out",
    -24: "timed out",
    36: "timed out",
    33: "without a test",
    5: "without a test",
}


def outcomes(place: Path) -> dict[str, dict[str, str]]:
    """Return each module's mutants and what became of them."""
    found: dict[str, dict[str, str]] = {}
    for meta in sorted(place.glob("mutants/**/*.py.meta")):
        codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
        if codes:
            words = {name: WORDS.get(code, f"exit {code}") for name, code in codes.items()}
            found[meta.name.removesuffix(".py.meta")] = words
    return found


def main(places: list[str]) -> None:
    """Print a table, and the names of those that live, for ``mutmut show NAME`` in that place."""
    print("module        mutants  killed  timed out  alive  not run")
    alive: list[str] = []
    for place in places:
        for module, words in outcomes(Path(place)).items():
            count = Counter(words.values())
            killed, late, left = (count.pop(w, 0) for w in ("killed", "timed out", "not run"))
            print(f"{module:12} {len(words):8} {killed:7} {late:10} {count.total():6} {left:8}")
            dead = {"killed", "timed out", "not run"}
            alive += [f"{name}: {word}" for name, word in words.items() if word not in dead]
    print(*alive, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
