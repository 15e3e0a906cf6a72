"""Which mutants mypy rejects: ``python typed.py mypy ARGS``, for mutmut's `type_check_command`.

Prints what mypy prints with ``--output json``, but only where it is about a mutant: mutmut ends
at an error in what it writes around them.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def mutants(file: str) -> list[range]:
    """Return the lines of each mutant in `file`."""
    return [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(ast.parse(Path(file).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and re.search(r"__mutmut_\d+$", node.name)
    ]


def main(command: list[str]) -> None:
    """Run `command`, a module and its arguments, and print its errors about mutants."""
    found = subprocess.run(
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, check=False
    )
    for line in found.stdout.splitlines():
        error = json.loads(line)
        if error["severity"] == "error" and any(error["line"] in m for m in mutants(error["file"])):
            print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
