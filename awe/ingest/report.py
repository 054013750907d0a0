"""What an ingest did, or would do: one line per exposure."""

from __future__ import annotations

import csv
import enum
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from awe import columns
from awe.localfiles import appear
from awe.terminal import harmless, out

__all__ = ["NO", "PLAN", "YES", "Report", "Row", "State"]

HEADS = ("file", "purpose", "filter", "object", "CCD", "what became of it")
#: Columns of a plan; the last two are remarks, and the one before tells the exposure.
PLAN = ("take", "file", "purpose", "filter", "object", "begin", "chips", "remark")
YES, NO = "yes", "no"
#: Remarks that are shown whole below the table, where it had to cut them.
MOST = 10
#: Beginnings of cells that a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


class State(enum.Enum):
    """What became of an exposure."""

    NEW = "would be ingested"
    INGESTED = "ingested"
    KNOWN = "ingested before, skipped"
    COPY = "a copy, skipped"
    REFUSED = "refused"
    FAILED = "failed, nothing stored"


@dataclass(kw_only=True)
class Row:
    """One exposure: the file, what it is, what became of it and why."""

    path: Path
    state: State = State.NEW
    purpose: str = ""
    object: str = ""
    filter: str = ""
    frames: int = 0
    message: str = ""
    begin: str = ""

    @property
    def outcome(self) -> str:
        """What became of it and why."""
        return f"{self.state.value}: {self.message}" if self.message else self.state.value


@dataclass
class Report:
    """All exposures of one call, in the order given."""

    rows: list[Row] = field(default_factory=list)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def count(self, state: State) -> int:
        """Return how many exposures ended in a state."""
        return sum(row.state is state for row in self.rows)

    @property
    def ok(self) -> bool:
        """True when no exposure was refused or failed."""
        return not (self.count(State.REFUSED) or self.count(State.FAILED))

    def to_plan(self, path: Path | str) -> None:
        """Write a plan: a table that can be edited, and given to `ingest(plan=...)`.

        Parameters
        ----------
        path : path
            The new file, comma-separated.

        Raises
        ------
        FileTaken
            There is such a file.
        """
        target = Path(path)
        part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
        try:
            with part.open("x", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(PLAN)
                for row in self:
                    cells = (
                        str(row.path.absolute()), row.purpose, row.filter, row.object, row.begin
                    )
                    take = YES if row.state is State.NEW else NO
                    writer.writerow([take, *map(_cell, cells), row.frames, _cell(row.outcome)])
            appear(part, target)
        finally:
            part.unlink(missing_ok=True)

    def show(self) -> None:
        """Print the table and a summary."""
        out(f"{self}\n")

    def __str__(self) -> str:
        cells = [(row.path.name, row.purpose, row.filter, row.object, row.frames, row.outcome)
                 for row in self.rows]  # fmt: skip
        counts = [f"{self.count(state)} {state.value}" for state in State if self.count(state)]
        table = columns.text(HEADS, cells)
        return "\n".join([table, *self._whole(table), "; ".join(counts) or "no files"])

    def _whole(self, table: str) -> list[str]:
        """Return what the table had to cut, once for all files it is said of."""
        files: dict[str, list[str]] = {}
        for row in self.rows:
            # a table writes what has several lines in one
            if row.message and " ".join(harmless(row.outcome).split("\n")) not in table:
                files.setdefault(row.outcome, []).append(row.path.name)
        lines = [
            f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {outcome}"
            for outcome, names in files.items()
        ]
        more = len(lines) - MOST
        rest = [f"... and {more} other remarks; | less shows them whole"] if more > 0 else []
        return [*lines[:MOST], *rest]


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
