"""`awe-ingest -i FILES [-t PURPOSE] [-commit]`: the command line of the ingest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from awe import bars
from awe.config import Environment
from awe.context import context
from awe.errors import ArgumentError, AweError
from awe.imports import forget_working_directory
from awe.ingest import arriving, planfile, sources
from awe.ingest.cardtable import headers
from awe.ingest.download import Fetched, fetched
from awe.ingest.reference import ingest_reference
from awe.ingest.report import State
from awe.ingest.run import ingest
from awe.services import running
from awe.services.installation import Installation
from awe.terminal import err, out

__all__ = ["main", "parser"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 when no file was refused.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line; that of the process when left out.
    """
    forget_working_directory()
    try:
        ours = parser()
        options = ours.parse_args(arguments)
        given = options.input or options.source or options.plan is not None
        if not given and options.watch is None:
            needed = "-i/--input, --from, --plan or --watch"
            ours.error(f"the following arguments are required: {needed}")
        if options.watch is not None and (given or options.headers):
            ours.error("--watch FOLDER takes no other files")
        if options.headers:
            return _headers(options)
        return _run(options)
    except AweError as error:
        err(f"awe-ingest: {error}\n")
        return 1
    except KeyboardInterrupt as stop:
        told = [*getattr(stop, "__notes__", ()), "exposures committed so far stay", "run it again"]
        err(f"awe-ingest: stopped; {', '.join(told)}\n")
        return 130


def _headers(options: argparse.Namespace) -> int:
    """Print cards of the files, and return 1 where one has no header."""
    if options.commit or options.source or options.plan is not None:
        msg = "--headers reads headers of files and nothing else: give it -i FILES alone"
        raise ArgumentError(msg)
    table = headers(options.input, *options.headers)
    table.show()
    return int(any(row.wrong for row in table))


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
    place = context.get_current_project().name if options.project is not None else None
    if options.watch is not None:
        return _watched(options, place)
    plan, new = options.plan, False
    if plan is not None:
        new = not plan.exists()
        _check_plan(plan, new, options)
    if options.reference is not None:
        return _reference(options)
    lines = 0 if plan is None or new else len(planfile.read(plan))
    got = _fetched(options)
    try:
        return _ingested(options, got, lines, new=new, place=place)
    except KeyboardInterrupt as stop:
        if got:
            stop.add_note(got.where)
        raise


def _reference(options: argparse.Namespace) -> int:
    """Bring a reference catalogue in."""
    if len(options.input) != 1 or options.source or options.plan is not None:
        msg = "--reference NAME takes one table: awe-ingest --reference NAME -i TABLE"
        raise ArgumentError(msg)
    ingest_reference(
        options.input[0], options.reference, epoch=options.epoch, commit=options.commit
    )
    return 0


def _watched(options: argparse.Namespace, place: str | None) -> int:
    """Ingest what arrives until Ctrl-C, and return the exit code."""
    out(f"watching {options.watch}; Ctrl-C ends it"
        f"{'' if options.commit else '; dry run: nothing is stored, -commit stores'}\n")
    sys.stdout.flush()
    report = arriving.watch(
        options.watch, options.type, commit=options.commit, project=place,
        split_cubes=options.split_cubes, pack=options.pack, pictures=options.pictures,
    )  # fmt: skip
    counts = [f"{report.count(state)} {state.value}" for state in State if report.count(state)]
    out(f"watch ended: {'; '.join(counts) or 'no files'}\n")
    return 0 if report.ok else 1


def _ingested(
    options: argparse.Namespace, got: Fetched | None, lines: int, *, new: bool, place: str | None
) -> int:
    """Ingest what was given and fetched, tell about it, and return the exit code."""
    plan = options.plan
    with (
        sources.opened(options.input, got.paths if got else []) as files,
        bars.bar("ingesting", len(files) + lines, "exposures") as bar,
    ):
        report = ingest(
            files, options.type, options.commit, plan=None if new else plan,
            project=place, split_cubes=options.split_cubes, pack=options.pack,
            progress=bar.advance,
        )  # fmt: skip
        report.rows += got.rows if got else []
        if new:
            report.to_plan(plan)
    report.show()
    if got:
        out(f"{got.where}\n")
    if not options.commit:
        again = "; repeat with -commit" if report.count(State.NEW) else ""
        if new:
            again = f"; the plan is in {plan}: edit it, then awe-ingest --plan {plan} -commit"
        out(f"dry run: nothing was stored{again}\n")
    return 0 if report.ok else 1


def _fetched(options: argparse.Namespace) -> Fetched | None:
    """Return what an archive gave, if one was asked."""
    if not options.source:
        if options.into is not None or options.host:
            msg = "--into and --host belong to --from URL, which is missing"
            raise ArgumentError(msg)
        return None
    with bars.bar("fetching", 2, "files") as bar:
        return fetched(options.source, options.into, hosts=options.host, progress=bar.reach)


def _check_plan(plan: Path, new: bool, options: argparse.Namespace) -> None:
    """Refuse a plan that could be meant to be written or read, and is neither."""
    given = options.input or options.source
    if new and (options.commit or not given):
        msg = (
            f"there is no plan {plan}; a dry run writes one: "
            f"awe-ingest -i FILES --plan {plan}"
        )
        raise ArgumentError(msg)
    if not new and given:
        msg = (
            f"{plan} exists: leave out -i and --from to ingest what it says, or name a new "
            "file for the plan of these files"
        )
        raise ArgumentError(msg)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="awe-ingest",
        description="Bring raw exposures into the system; a dry run unless -commit is given.",
    )
    made.add_argument(
        "-i", "--input", nargs="+", default=[], metavar="FILE",
        help="FITS files, packed or not; patterns, folders, @lists of names, tar archives",
    )  # fmt: skip
    made.add_argument(
        "--from", nargs="+", default=[], metavar="URL", dest="source",
        help="an archive: addresses of files, of lists or folders of them, or @lists of addresses",
    )  # fmt: skip
    made.add_argument(
        "--watch", type=Path, metavar="FOLDER",
        help="take files as they arrive there, each with a quick look, until Ctrl-C",
    )  # fmt: skip
    made.add_argument(
        "--pictures", type=Path, metavar="DIR",
        help="write a small picture of each exposure that --watch takes there, PNG",
    )  # fmt: skip
    made.add_argument(
        "--into", type=Path, metavar="DIR",
        help="where files of an archive are kept; AWE_HOME/fetched otherwise",
    )  # fmt: skip
    made.add_argument(
        "--host", nargs="+", default=[], metavar="HOST",
        help="further hosts that may send files, next to the one that is asked",
    )  # fmt: skip
    made.add_argument(
        "--plan", type=Path, metavar="PLAN.csv",
        help="a table of what each file is: written by a dry run, edited by you, then ingested",
    )  # fmt: skip
    made.add_argument(
        "--headers", nargs="+", metavar="KEYWORD",
        help="a table of these cards of the files, and nothing else: no pixels are read",
    )  # fmt: skip
    made.add_argument(
        "-t", "-p", "--type", metavar="PURPOSE",
        help="bias, dark, dome, twilight, science, ...; checked against the headers",
    )  # fmt: skip
    made.add_argument(
        "--split-cubes", action="store_true",
        help="take each plane of an image of three axes for an exposure",
    )  # fmt: skip
    made.add_argument(
        "--pack", action="store_true",
        help="let the dataserver keep the frames in less than half the room, to the byte",
    )  # fmt: skip
    made.add_argument(
        "--reference", metavar="NAME",
        help="the file is a catalogue of stars: a reference of that name for Astrometry",
    )  # fmt: skip
    made.add_argument(
        "--epoch", type=float, metavar="YEAR",
        help="year that the places of the catalogue hold for, where it has no column ref_epoch",
    )  # fmt: skip
    made.add_argument("-commit", "--commit", action="store_true", help="store and commit")
    made.add_argument("--project", help="project to ingest into; that of the session otherwise")
    made.add_argument("--privileges", type=int, help="level of the new objects, 1 to 5")
    return made
