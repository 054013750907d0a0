"""`awe-admin open`: a link to the pages, for a browser."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from awe.config import Environment
from awe.db.server.connection import database
from awe.dpu.client import Processor
from awe.services import remote, running
from awe.services.installation import Installation

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "open", help="print a link that logs your browser in to the pages, once"
    )
    command.set_defaults(run=_open)


def _open(_: argparse.Namespace) -> None:
    environment = Environment.load()
    if remote.configured(environment.home) is None:
        running.ensure(Installation(environment.home))
        environment = Environment.load()
    database.connect(environment)
    try:
        link = Processor().url()
    finally:
        database.close()
    sys.stdout.write(f"{link}\n")
    sys.stderr.write("open it in a browser within 10 minutes; it works once\n")
