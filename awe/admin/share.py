"""`awe-admin share`: let other accounts of this machine use the installation, or no longer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from awe.services import stack
from awe.services.installation import Installation

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommand."""
    share = commands.add_parser(
        "share", help="open the services to other accounts of this machine, with passwords"
    )
    share.add_argument(
        "--directory", type=Path, help="existing directory of yours that everybody can pass"
    )
    share.add_argument("--off", action="store_true", help="close them again")
    share.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> None:
    house = Installation()
    if chosen.off:
        closed = stack.unshare(house, say)
        sys.stdout.write("closed to others\n" if closed else "it was closed to others\n")
        return
    made = stack.share(house, chosen.directory, say)
    sys.stdout.write(
        "open to everybody on this machine who has a login, for Environment.cfg:\n"
        f"database_name     : {made.database_name}\n"
        "data_server       : 127.0.0.1\n"
        f"data_port         : {made.data_port}\n"
        f"and for psql: {made.psql('LOGIN')}\n"
    )


def say(line: str) -> None:
    """Show a line of progress."""
    sys.stderr.write(f"{line} ...\n")
