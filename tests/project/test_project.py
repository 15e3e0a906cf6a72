"""What the project promises about itself: versions, and what its files may hold."""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import tokenize
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import aiocloudauth

PACKAGE = Path(aiocloudauth.__file__).parent
CHECKOUT = Path(__file__).parents[2]


def source_files() -> list[Path]:
    """List what is, or is about to be, under version control."""
    if not (CHECKOUT / ".git").exists():
        pytest.skip("not a checkout: nothing says which files belong to the source")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    ).stdout
    files = [CHECKOUT / os.fsdecode(name) for name in listed.split(b"\0") if name]
    return [file for file in files if file.is_file()]


def test_the_changelogs_newest_version_is_the_installed_one() -> None:
    """A release without an entry, or an entry without its release, is noticed."""
    headings = re.findall(
        r"^## \[(.+?)\] - \d{4}-\d{2}-\d{2}$",
        (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert headings
    assert headings[0] == version("aiocloudauth")


def test_no_source_file_names_a_registry_or_a_path_of_one_machine() -> None:
    """What is installed from where, and what lies where, is the business of each machine."""
    # Written so that no pattern matches itself.
    hosts = [r"p[y]pi\.\w", r"python[h]osted\.", r"npm[j]s\.", r"crates[.]io", r"anaconda[.]org"]
    roots = ["work", "tmp", "root", "home/[a-z]", "Users/[a-z]", "opt"]
    patterns = [
        *hosts,
        rf"(?<![\w.~$}}-])/(?:{'|'.join(roots)})/",
        re.escape(str(CHECKOUT)) + r"\b",
    ]
    forbidden = re.compile("|".join(patterns).encode())
    found = [
        f"{file.relative_to(CHECKOUT)}:{number}: {match[0].decode()}"
        for file in source_files()
        for number, line in enumerate(file.read_bytes().splitlines(), 1)
        if (match := forbidden.search(line))
    ]
    assert not found


def test_the_constraints_pin_every_requirement_and_name_no_address() -> None:
    """A fresh machine gets the versions that were tested, from wherever it gets packages."""
    lines = (CHECKOUT / "constraints-dev.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    pin = re.compile(r"([A-Za-z0-9._-]+)==[0-9][0-9A-Za-z.+!]*(?: *;.*)?")
    assert [line for line in pins if not pin.fullmatch(line)] == []

    def normal(requirement: str) -> str:
        return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {normal(r) for r in project["dependencies"]}
    wanted |= {normal(r) for extra in project["optional-dependencies"].values() for r in extra}
    assert wanted - {normal(line) for line in pins} == {"aiocloudauth"}


SUPPRESSION = re.compile(
    r"#\s*(?P<what>"
    r"pragma: no (?:cover|branch)"
    r"|fmt: (?:skip|off)"
    r"|type: ignore(?:\[[\w, -]+\])?"
    r"|noqa(?:: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*)?"
    r")(?P<rest>.*)"
)


def unexplained(comment: str) -> list[str]:
    """List the suppressions in a comment that no reason follows."""
    parts = re.split(r"(?=#\s*(?:pragma:|fmt:|type: ignore|noqa))", comment)
    matches = [match for part in parts if (match := SUPPRESSION.search(part))]
    # Two suppressions may share the reason at the end: two tools, one cause.
    if matches and re.search(r"\w{2,}", matches[-1]["rest"]):
        return []
    return [match["what"] for match in matches]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# noqa: BLE001", ["noqa: BLE001"]),
        ("# noqa: BLE001, S110 - any failure is reported below", []),
        ("# type: ignore[misc]", ["type: ignore[misc]"]),
        ("# type: ignore[misc]  # attrs makes this one", []),
        ("# fmt: skip", ["fmt: skip"]),
        ("# pragma: no cover", ["pragma: no cover"]),
        ("# pragma: no cover - only where fork is missing", []),
        ("# type: ignore[misc]  # noqa: A001", ["type: ignore[misc]", "noqa: A001"]),
        ("# type: ignore[misc]  # noqa: A001 - the name is the server's", []),
        ("# nothing is suppressed here", []),
    ],
)
def test_the_search_for_unexplained_suppressions_finds_them(
    comment: str, expected: list[str]
) -> None:
    """The next test would also pass if the search saw nothing."""
    assert unexplained(comment) == expected


def test_every_suppressed_finding_says_why() -> None:
    """A check is switched off for a reason, and the reason stands beside it, in tests too."""
    found = [
        f"{path.name}:{token.start[0]}: {what}"
        for path in source_files()
        if path.suffix in {".py", ".pyi"}
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
        if token.type == tokenize.COMMENT
        for what in unexplained(token.string)
    ]
    assert not found


def test_every_skipped_test_says_why() -> None:
    """And none is expected to fail."""
    found = []
    for path in (CHECKOUT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            named = {keyword.arg for keyword in node.keywords}
            said = "reason" in named or (node.func.attr == "skip" and bool(node.args))
            if node.func.attr in {"skip", "skipif", "importorskip", "xfail"} and not said:
                found.append(f"{path.name}:{node.lineno}")
    assert not found


def test_the_package_says_that_it_is_typed() -> None:
    """Type checkers read the annotations only beside this marker."""
    assert (PACKAGE / "py.typed").is_file()


def test_the_checks_can_be_started() -> None:
    """`.ci/run` keeps its run bit."""
    assert os.access(CHECKOUT / ".ci" / "run", os.X_OK)
    assert os.access(CHECKOUT / ".ci" / "wheel", os.X_OK)
