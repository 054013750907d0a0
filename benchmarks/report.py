"""The table of `benchmarks.pipeline`: a line per cell, awe before the script in each column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.grid import Cell
from benchmarks.scores import Score

#: ties [per cent]: a share that is this much lower, or by one event, is not called lower
TIE = 0.5
#: heading, attribute, format, whether the script has it too
COLUMNS = (
    ("events %", "events", ".1f", True),
    ("pixels %", "pixels", ".1f", True),
    ("purity %", "purity", ".1f", True),
    ("false px", "false", "d", True),
    ("on stars", "stars", "d", True),
    ("track %", "track", ".0f", False),
    ("untrue", "untrue", "d", False),
    ("seeing %", "seeing", "+.1f", False),
    ("sky ADU", "sky", "+.2f", True),
    ("flux mmag", "flux", "+.2f", True),
    ("chi2", "chi2", ".3f", True),
    ("CPU s", "cpu", ".2f", True),
)


@dataclass(frozen=True)
class Row:
    """Figures of both sides of a cell."""

    cell: Cell
    awe: Score
    script: Score

    @property
    def below(self) -> list[str]:
        """In what awe is below the script."""
        return self.awe.below(self.script, TIE)

    @property
    def texts(self) -> list[str]:
        """What stands in each column."""
        return [
            told(getattr(self.awe, name), form)
            + (f" / {told(getattr(self.script, name), form)}" if both else "")
            for _, name, form, both in COLUMNS
        ]


def told(value: float, form: str) -> str:
    """Return a figure as text, `-` where there is none."""
    return "-" if np.isnan(value) else format(value, form)


def text(row: Row | None) -> str:
    """Return a line for the terminal; without a row the heading."""
    first = "stars/hits/FWHM/sky/track" if row is None else str(row.cell)
    texts = [heading for heading, *_ in COLUMNS] if row is None else row.texts
    widths = [15 if both else 9 for *_, both in COLUMNS]
    line = "".join(f"{item:>{width}}" for item, width in zip(texts, widths, strict=True))
    return f"{first:26}{line}  {'' if row is None else ', '.join(row.below)}"


def markdown(rows: list[Row]) -> str:
    """Return the table for a document."""
    lines = [["cell", *(heading for heading, *_ in COLUMNS), "below"],
             ["---"] * (len(COLUMNS) + 2)]  # fmt: skip
    lines += [[str(row.cell), *row.texts, ", ".join(row.below)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
