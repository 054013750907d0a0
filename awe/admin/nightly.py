"""`awe-admin night 2012-05-31`: the report of a night, as text and as an HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from awe.config import Environment
from awe.context import context
from awe.rules.nightreport import night
from awe.services import running
from awe.services.installation import Installation
from awe.terminal import out

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommand."""
    verb = commands.add_parser(
        "night", help="the report of a night: exposures, sky, failures, calibrations"
    )
    verb.add_argument("date", help="date on which the night began at the telescope, CCYY-MM-DD")
    verb.add_argument("--instrument", help="only this camera")
    verb.add_argument(
        "--html", type=Path, metavar="FILE", help="write the report there too; replaces the file"
    )
    verb.set_defaults(run=_night)


def _night(chosen: argparse.Namespace) -> None:
    environment = Environment.load()
    if environment.embedded:
        running.ensure(Installation(environment.home))
        environment = Environment.load()
    context.start(environment)
    report = night(chosen.date, chosen.instrument)
    out(report.text() + "\n")
    if chosen.html is not None:
        report.save(chosen.html, overwrite=True)
        out(f"\nas a page: {chosen.html}\n")
