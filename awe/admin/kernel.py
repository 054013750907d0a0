"""`awe-admin kernel`: the Jupyter kernel `awe` for a JupyterLab that is already there."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from awe.errors import NotFound
from awe.prompt import jupyter
from awe.terminal import out

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommand."""
    command = commands.add_parser("kernel", help="the Jupyter kernel awe: install, remove")
    verbs = command.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb, run, text in (
        ("install", _install, "let Jupyter offer it; --prefix DIR for one environment"),
        ("remove", _remove, "take it away again"),
    ):
        made = verbs.add_parser(verb, help=text)
        made.add_argument(
            "--prefix", type=Path, metavar="DIR",
            help="environment of that Jupyter, such as a venv; else all of this account",
        )  # fmt: skip
        made.set_defaults(run=run)


def _folder(prefix: Path | None) -> Path:
    """Return the directory of kernels of an environment, or of this account."""
    if prefix is not None:
        return prefix.expanduser().absolute() / "share" / "jupyter" / "kernels"
    jupyter.installed("jupyter_core")
    # not there without Jupyter
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "kernels"


def _install(options: argparse.Namespace) -> None:
    jupyter.installed("ipykernel")
    place = jupyter.write(_folder(options.prefix))
    out(f"kernel awe is in {place}; it runs {sys.executable}\n")


def _remove(options: argparse.Namespace) -> None:
    place = _folder(options.prefix) / jupyter.NAME
    if not (place / "kernel.json").exists():
        msg = f"no kernel awe in {place.parent}; awe-admin kernel install puts it there"
        raise NotFound(msg)
    shutil.rmtree(place)
    out(f"removed: {place}\n")
