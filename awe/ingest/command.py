"""`awe-ingest -i FILES [-t PURPOSE] [-commit]`: the command line of the ingest."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from awe import bars
from awe.config import Environment
from awe.context import context
from awe.errors import AweError
from awe.imports import forget_working_directory
from awe.ingest.run import ingest
from awe.services import running
from awe.services.installation import Installation
from awe.terminal import err, out

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 when no file was refused.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line; that of the process when left out.
    """
    forget_working_directory()
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except AweError as error:
        err(f"awe-ingest: {error}\n")
        return 1
    except KeyboardInterrupt:
        err("awe-ingest: stopped; exposures committed so far stay, run it again\n")
        return 130


def _run(options: argparse.Namespace) -> int:
    environment = Environment.load()
    if environment.embedded:
        running.ensure(Installation(environment.home))
        environment = Environment.load()
    context.start(environment)
    if options.project is not None:
        context.set_project(options.project)
    if options.privileges is not None:
        context.set_privileges(options.privileges)
    with bars.bar("ingesting", len(options.input), "exposures") as bar:
        report = ingest(options.input, options.type, options.commit, progress=bar.advance)
    report.show()
    if not options.commit:
        out("dry run: nothing was stored; repeat with -commit\n")
    return 0 if report.ok else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="awe-ingest",
        description="Bring raw exposures into the system; a dry run unless -commit is given.",
    )
    parser.add_argument(
        "-i", "--input", nargs="+", required=True, metavar="FILE", help="unsplit FITS files"
    )
    parser.add_argument(
        "-t", "-p", "--type", metavar="PURPOSE",
        help="bias, dark, dome, twilight, science, ...; checked against the headers",
    )  # fmt: skip
    parser.add_argument("-commit", "--commit", action="store_true", help="store and commit")
    parser.add_argument("--project", help="project to ingest into; that of the session otherwise")
    parser.add_argument("--privileges", type=int, help="level of the new objects, 1 to 5")
    return parser
