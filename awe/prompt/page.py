"""The page of help of awe: what `help`, `?` and `awe_help()` show, and where the documents are."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

__all__ = ["Help", "awe_help", "documents", "text"]

PAGE = """\
awe: query CCD frames, choose calibrations, run recipes, look at the result

find       query = RawScienceFrame.chip.name == 'ESO_CCD_#65'
           len(query); query; raw = query.max('DATE_OBS'); raw.info()
look       raw.inspect()            in its window ? lists the hot-keys
make       dpu.run('Reduce', instrument='OMEGACAM', chip='ESO_CCD_#65',
                   template='2012-06-01T08:51:44', commit=True)
           dpu.get_status(); dpu.get_logs()
           ReduceTask(...).execute() does the same on this machine
judge      calibrations('OMEGACAM', chip='ESO_CCD_#65'); red.why_stale()
where      context.set_project('TUTORIAL2015'); context.set_privileges(2); Env

Tab        completes names, links, arguments, and values inside quotes
C?         RawScienceFrame? lists attributes with units; help(ReduceTask)
%traceback shows where the last mistake came from
Ctrl-D     leaves

new here   do the tutorial: it takes an hour, `awe --tutorial` makes its night
           {tutorial}
documents  {documents}
"""


def documents() -> Path | None:
    """Return the folder of the documents: inside the installed package, or of the repository."""
    package = Path(__file__).parents[1]
    for folder in (package / "docs", package.parent / "docs"):
        if (folder / "index.md").exists():
            return folder
    return None


def text() -> str:
    """Return the page."""
    folder = documents()
    tutorial = f"{folder / 'tutorial.md'}" if folder else "tutorial.md of awe's documents"
    return PAGE.format(tutorial=tutorial, documents=folder or "not installed")


def awe_help() -> None:
    """Show awe's page of help."""
    sys.stdout.write(text())


class Help:
    """`help` alone shows awe's page, `help(thing)` explains a thing as in Python."""

    def __repr__(self) -> str:
        return text().rstrip()

    def __call__(self, *things: Any) -> None:
        """Explain a thing, or show awe's page."""
        if not things:
            awe_help()
            return
        # python's own; `help` is this one at the prompt
        builtins.help(*things)
