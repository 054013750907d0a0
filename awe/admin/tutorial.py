"""`awe-admin tutorial`: the tutorial night."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from awe.demo import night
from awe.lazy import resolve
from awe.services import running
from awe.services.installation import Installation

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommand."""
    tutorial = commands.add_parser(
        "tutorial", help="make the tutorial night: simulate, ingest, calibrate"
    )
    tutorial.add_argument(
        "--full", action="store_true", help="whole chips of 2144 x 4200 pixels (15 GB for all)"
    )
    tutorial.add_argument(
        "--chips", nargs="+", metavar="CHIP", help="only these, for example 65 66 90"
    )
    tutorial.add_argument(
        "--keep", action="store_true", help="keep the exposures after their ingest"
    )
    tutorial.add_argument(
        "--science", action="store_true",
        help="also the field, standards and catalogues of the chapters after the first",
    )  # fmt: skip
    tutorial.set_defaults(run=_make)


def _make(options: argparse.Namespace) -> int:
    if options.science and options.chips:
        # before minutes are spent on a night it cannot go on from
        resolve("awe.demo.sciencefield:require_chips")(
            [night.chip_name(one) for one in options.chips], "give --chips 65 66"
        )
    house = Installation()
    running.ensure(house)
    there = night.made(house.home)
    folder = night.make(house.home, full=options.full, chips=options.chips, keep=options.keep)
    state = "is there already" if there else "is made"
    sys.stdout.write(f"the tutorial night {state}; its truth is in {folder}\n")
    if options.science:
        there = resolve("awe.demo.sciencefield:made")(house.home)
        folder = resolve("awe.demo.sciencefield:make")(house.home)
        state = "is there already" if there else "is made"
        sys.stdout.write(f"the science field {state}; its truth is in {folder}\n")
    return 0
