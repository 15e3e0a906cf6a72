"""Draws the pictures of docs/pictures anew: `python tools/pictures.py [NAME ...]`.

What commands print at a terminal becomes SVG, by this file alone. `notebook` runs
examples/notebook.ipynb in a kernel and takes a picture of what Jupyter shows; it needs nbconvert
and chromium. Nothing in them comes from elsewhere than the shipped server.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[1]
PICTURES: Final = CHECKOUT / "docs" / "pictures"

COLUMNS: Final = 100
#: Of a character and a line, in units of the picture.
WIDTH, HEIGHT, MARGIN = 8.4, 18.0, 12.0

PROGRAM: Final = [sys.executable, "-m", "aiocloudauth"]
SERVE: Final = [*PROGRAM, "serve", "--quiet"]
OUTAGE: Final = [*SERVE, "--token-lifetime", "8", "--faults", "FAULTS", "--"]

#: What is shown as typed, and what is run.
SCENES: Final[dict[str, tuple[str, list[str]]]] = {
    "demo": ("aiocloudauth demo --seconds 12", [*PROGRAM, "demo", "--seconds", "12"]),
    "watch": (
        "aiocloudauth watch",
        [*OUTAGE, *PROGRAM, "watch", "--interval", "0.2", "--seconds", "23"],
    ),
    "doctor": ("aiocloudauth doctor", [*SERVE, "--tls", "--", *PROGRAM, "doctor"]),
}
#: An outage of the authentication cluster that outlasts a token.
FAULTS: Final = """[
    {"path": "/users/auth/_*", "effects": ["cluster_error"], "after": 7, "until": 18}
]"""


class Screen:
    """As much of a terminal as the command line asks for."""

    def __init__(self) -> None:
        """Start empty."""
        self.lines = [""]
        self._column = 0

    def show(self, text: str) -> None:
        """Take what a program writes."""
        for part in re.findall(r"\x1b\[K|.", text, re.DOTALL):
            line = self.lines[-1]
            if part == "\x1b[K":
                self.lines[-1] = line[: self._column]
            elif part == "\r":
                self._column = 0
            elif part == "\n":
                self.lines.append("")
            else:
                if self._column == COLUMNS:
                    self.lines.append("")
                    line, self._column = "", 0
                self.lines[-1] = line[: self._column] + part + line[self._column + 1 :]
                self._column += 1


def printed(command: list[str]) -> list[str]:
    """Run a command at a terminal, and return the lines that stand there at its end."""
    with tempfile.TemporaryDirectory() as folder:
        faults = Path(folder) / "faults.json"
        faults.write_text(FAULTS, encoding="utf-8")
        argv = [str(faults) if word == "FAULTS" else word for word in command]
        environment = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm"}
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            argv, stdout=theirs, stderr=theirs, env=environment, cwd=CHECKOUT
        ) as process:
            os.close(theirs)
            screen = Screen()
            try:
                while chunk := os.read(ours, 65_536):
                    screen.show(chunk.decode())
            except OSError:
                pass  # on Linux this is how the end of a terminal is told
            os.close(ours)
        process.wait()
    return [line.rstrip() for line in screen.lines]


def drawn(lines: list[str]) -> str:
    """Return a picture of lines of text."""
    while lines and not lines[-1]:
        lines.pop()
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    rows = [
        f'<text x="{MARGIN:g}" y="{MARGIN + HEIGHT * (number + 0.75):g}" '
        f'textLength="{len(line) * WIDTH:.1f}">{_kept(line)}</text>'
        for number, line in enumerate(lines)
        if line
    ]
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            '<rect width="100%" height="100%" rx="6" fill="#1e2430"/>',
            '<g fill="#d8dee9" font-family="monospace" font-size="14">',
            *rows,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _kept(line: str) -> str:
    # Not every viewer heeds `xml:space`, and each keeps these spaces.
    return escape(line, quote=False).replace(" ", "\u00a0")


def notebook() -> None:
    """Run the notebook against a server of its own, and take a picture of it."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "notebook.html"
        convert = [sys.executable, "-m", "nbconvert", "--execute", "--to", "html"]
        where = [f"--output={page}", str(CHECKOUT / "examples" / "notebook.ipynb")]
        subprocess.run([*SERVE, "--", *convert, *where], check=True)
        picture = f"--screenshot={PICTURES / 'notebook.png'}"
        look = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=900,1450"]
        subprocess.run(["chromium", *look, picture, page.as_uri()], check=True)


def main() -> None:
    """Draw those that are named, else all."""
    for name in sys.argv[1:] or [*SCENES, "notebook"]:
        if name == "notebook":
            notebook()
            continue
        typed, command = SCENES[name]
        lines = [f"$ {typed}", *printed(command)]
        (PICTURES / f"{name}.svg").write_text(drawn(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
