"""The `awe` command: the prompt, `awe script.py`, `awe -c code`.

Reads the command line, opens the session, and hands over. Without a terminal on standard input
the input is run as a script, as python does.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from typing import Any

from awe import __version__
from awe.errors import AweError
from awe.imports import forget_working_directory
from awe.lazy import resolve
from awe.prompt import errors, namespace, script
from awe.prompt.session import open_session
from awe.terminal import err

__all__ = ["main", "parser"]

USAGE = "awe [-h] [--version] [--tutorial] [script.py | -c CODE | notebook] [arguments ...]"
DESCRIPTION = "The awe prompt: query CCD frames, choose calibrations, run recipes, look at it all."
EPILOG = """\
  script.py [arguments]  run this file in the prompt's namespace
  -c CODE [arguments]    run this code; exit codes are python's
  notebook [arguments]   JupyterLab with all of it loaded; the arguments are JupyterLab's

Everything awe keeps is below AWE_HOME (default ~/.awe). Every configuration key can be set
for one run by an environment variable of its name: project=KIDS awe. Services are looked after
by awe-admin; raw files enter by awe-ingest."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `awe` command; return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Command line without the command itself; that of the process when left out.
    """
    # Most modules are loaded later, when they are needed, and the working directory may hold files
    # of other people under the same names.
    forget_working_directory()
    ours, job = _split(sys.argv[1:] if arguments is None else list(arguments))
    options = parser().parse_args(ours)
    if job == ["-c"]:
        err("awe: -c needs code: awe -c 'print(len(RawScienceFrame.select_all()))'\n")
        return 2
    try:
        if job[:1] == ["notebook"]:
            code: int = resolve("awe.prompt.lab:run")(job[1:])
            return code
        return _run(job, tutorial=options.tutorial)
    except KeyboardInterrupt as stop:
        errors.report(stop, debug=False)
        return 130
    except AweError as error:
        errors.report(error, debug=False)
        return 1


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return awe's own options, and from the script or `-c` on all that belongs to the job."""
    for position, word in enumerate(arguments):
        if word == "-c" or not word.startswith("-"):
            return arguments[:position], arguments[position:]
    return arguments, []


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="awe",
        usage=USAGE,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"awe {__version__}")
    made.add_argument(
        "--tutorial",
        action="store_true",
        help="make the tutorial night first, where it is not there yet",
    )
    return made


def _run(job: list[str], *, tutorial: bool) -> int:
    interactive = not job and sys.stdin.isatty()
    session = open_session(tutorial=tutorial, ask_password=_ask_password if interactive else None)
    try:
        names = namespace.begun(session.environment)
        if interactive:
            # brings IPython
            from awe.prompt import application

            return application.run(session, names)
        if session.trouble:
            err(f"awe: {session.trouble}\n")
        return _job(job, names, debug=session.debug)
    finally:
        session.close()


def _job(job: list[str], names: dict[str, Any], *, debug: bool) -> int:
    if not job:
        return script.run_input(names, debug=debug)
    if job[0] == "-c":
        return script.run_code(job[1], job[2:], names, debug=debug)
    return script.run_file(job[0], job[1:], names, debug=debug)


def _ask_password(question: str) -> str:
    return getpass.getpass(question)


if __name__ == "__main__":
    sys.exit(main())
