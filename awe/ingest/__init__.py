"""Raw exposures into the system: judged, split into one file per chip, stored and committed.

Without `commit` it is a dry run that looks at everything and changes nothing. Each exposure is
committed in one transaction and known by the checksum of its file: a second ingest of the same
exposure is named and skipped. A bad file is refused with its reasons, the others go on.
"""

from __future__ import annotations

from awe.ingest.cardtable import CardTable, headers
from awe.ingest.download import Fetched, fetched
from awe.ingest.report import Report, Row, State
from awe.ingest.run import ingest
from awe.lazy import resolve
from awe.terminal import err

__all__ = [
    "CardTable", "Fetched", "Report", "Row", "State", "fetched", "headers", "ingest", "main",
]  # fmt: skip


def main() -> int:
    """Run the command `awe-ingest`."""
    try:
        code: int = resolve("awe.ingest.command:main")()
    except KeyboardInterrupt:
        # while it was being loaded; later the command itself says what became of the files
        err("awe-ingest: stopped before it began\n")
        return 130
    return code
