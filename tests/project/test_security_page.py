"""The security page says what is true: the files it names, the numbers, the links."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
from tests.test_hostile_answers import FAULTS
from tests.test_hostile_memory import BOUNDED, LIMIT

from aiocloudauth import RenewalPolicy
from aiocloudauth._wire.failure import _MAX_ERRORS, _MAX_MESSAGE
from aiocloudauth.refresher import _LOGOUT_TIMEOUT
from aiocloudauth.token import MAX_TOKEN

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
POLICY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def slug(heading: str) -> str:
    """Return what a forge makes of a heading for links to it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_file_that_is_named_is_there_and_every_attack_is_named() -> None:
    """Who reads it goes there."""
    named = set(re.findall(r"`((?:tests|fuzz)/[\w./]*)`", PAGE))
    assert {name for name in named if not (ROOT / name).exists()} == set()
    attacks = {f"tests/{path.name}" for path in (ROOT / "tests").glob("test_hostile_*.py")}
    assert attacks - named == {f"tests/{Path(__file__).name}"}


@pytest.mark.parametrize(("text", "where"), [(PAGE, ROOT / "docs"), (POLICY, ROOT)])
def test_every_link_leads_somewhere(text: str, where: Path) -> None:
    """To a file, or to a heading."""
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        page = (where / path).resolve() if path else None
        assert page is None or page.is_file(), target
        if anchor:
            shown = PAGE if page is None else page.read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.+)$", shown, re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, target


def test_the_bounds_are_those_of_the_code() -> None:
    """Each number of the table, by the name beside it."""
    table = PAGE[PAGE.index("## Bounds on") : PAGE.index("## How it is tested")]
    policy = attrs.asdict(RenewalPolicy())
    shown = {
        "attempt_timeout": "10 s",
        "renewal_timeout": "30 s",
        "max_body": "1 MiB",
        "permanent_interval": "5 min",
        "min_interval": "1 s",
    }
    units = {"s": 1, "min": 60, "MiB": 1024 * 1024}
    for name, said in shown.items():
        number, unit = said.split()
        assert policy[name] == int(number) * units[unit]
        assert re.search(rf"\| {said}[^|\n]*\| `{name}` \|", table), name
    assert f"| {_LOGOUT_TIMEOUT:g} s |" in table
    assert f"{MAX_TOKEN:,} visible ASCII characters" in table
    assert f"| {_MAX_ERRORS}; {_MAX_MESSAGE:,} |" in table
    assert f"{LIMIT:g} MiB; measured" in table


def test_what_is_counted_and_measured_is_what_was() -> None:
    """How many answers there are, and from which aiohttp on what holds."""
    assert len(FAULTS) > 100
    assert ".".join(map(str, BOUNDED)) in PAGE
    fuzzed = re.search(
        r"\$ make fuzz ARGS=\"--seed (\d+)\"\n([\d,]+) answers in [\d.]+ s, seed \1: only v", PAGE
    )
    assert fuzzed is not None
    assert int(fuzzed[2].replace(",", "")) >= 1_000_000


def test_the_policy_names_nobody_and_no_address() -> None:
    """A report goes through the forge: a name or an address would be one nobody reads."""
    assert not re.search(r"[\w.]+@[\w.]+|https?://", POLICY)
