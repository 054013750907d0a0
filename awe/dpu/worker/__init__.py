"""The worker: the process in which one attempt at a job runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.dpu.worker.items import JobItems
    from awe.dpu.worker.worker import work

__all__ = ["JobItems", "work"]

face(__name__)
