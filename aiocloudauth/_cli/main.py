"""`aiocloudauth`: an ECE's session from a terminal, or one to try it with."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

#: The commands, each a module here; it is imported when it is the one that is run.
COMMANDS: Final = {
    "demo": "a session under load against an embedded server that turns on it",
    "serve": "run the embedded server, for programs to be tried with",
    "watch": "keep requesting from an ECE, and see its session hold",
    "token": "print a token, for curl and for other languages",
    "request": "send a request, and print the answer",
    "call": "call an operation of the API by its name",
    "status": "tell whether a login works, and how long it lasts",
    "doctor": "check each step from the name to the renewal; say what to do",
}


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def __init__(self, **options: Any) -> None:
        """Take no abbreviation: ``--password`` is not ``--password-file``."""
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (--help tells more)\n")


def _epilog() -> str:
    from aiocloudauth._cli.exits import EXITS

    statuses = "; ".join(f"{status} {what}" for status, what in EXITS.items())
    return f"Exit status: {statuses}."


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(prog="aiocloudauth", description=__doc__, epilog=_epilog())
    parser.add_argument(
        "--version", action="store_true", dest="told_version", help="print the version and end"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    wanted = next((word for word in argv if not word.startswith("-")), None)
    if wanted is not None and wanted not in COMMANDS:
        from aiocloudauth.api.arguments import nearest  # not for a help text

        known = ", ".join(COMMANDS)
        parser.error(f"no command {wanted!r}{nearest(wanted, COMMANDS)}; there are: {known}")
    for name, what in COMMANDS.items():
        command = commands.add_parser(name, help=what)
        if name == wanted:
            module = import_module(f"aiocloudauth._cli.{name}")
            command.description, command.epilog = module.__doc__, _epilog()
            command.add_argument(
                "--debug", action="store_true", help="log to stderr; show where an error is from"
            )
            module.arguments(command)
            command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status; see `exits.EXITS`.

    Arguments that cannot be parsed end in `SystemExit`.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started this
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)
    parser = _parser(argv)
    try:
        arguments = parser.parse_args(argv)
        if arguments.told_version:
            from aiocloudauth import __version__

            print(f"aiocloudauth {__version__}")
            return 0
        if arguments.command is None:
            parser.error(f"give a command: {', '.join(COMMANDS)}")
        status = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone. What is still buffered goes nowhere, and not into a traceback.
        with Path(os.devnull).open("wb") as away:
            os.dup2(away.fileno(), sys.stdout.fileno())
        return 0
    return status


def _run(arguments: argparse.Namespace) -> int:
    # A command tells of what matters; Python's handler of last resort would write across it.
    logger, before = logging.getLogger("aiocloudauth"), logging.NOTSET
    handler = logging.StreamHandler() if arguments.debug else logging.NullHandler()
    logger.addHandler(handler)
    if arguments.debug:
        before = logger.level
        logger.setLevel(logging.DEBUG)
    try:
        status: int = arguments.run(arguments)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - it ends in one line
        from aiocloudauth._cli.exits import exit_code, report

        if arguments.debug:
            import traceback

            traceback.print_exception(error)
        print(report(error, as_json=getattr(arguments, "json", False)), file=sys.stderr)
        return exit_code(error)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    return status
