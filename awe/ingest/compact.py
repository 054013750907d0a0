"""Frames that were ingested are kept packed at the dataserver, where somebody says so."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence

from awe.dataserver.client import Client
from awe.db.server.tickets import ticket
from awe.errors import AweError
from awe.ingest.report import Report
from awe.model.data import base_url

__all__ = ["pack"]


def pack(stored: Mapping[int, Sequence[uuid.UUID]], report: Report) -> None:
    """Let the dataserver pack files, one after the other; where it does not, the row says so.

    Parameters
    ----------
    stored : mapping of int to sequence of UUID
        Files that are committed, by the number of their row.
    report : Report
        The rows.
    """
    with contextlib.closing(Client(base_url(), ticket)) as client:
        for number, files in stored.items():
            row = report.rows[number]
            try:
                for file_id in files:
                    client.asked(f"/file/{file_id}/pack", row.path.name, b"")
            except AweError as error:
                row.message = "; ".join(filter(None, [row.message, f"not packed: {error}"]))
