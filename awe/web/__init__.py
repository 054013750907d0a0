"""Pages in the dataserver's process: jobs, objects, calibrations and targets in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.web.sessions import Sessions
    from awe.web.visitors import Visitors

__all__ = ["Sessions", "Visitors"]

face(__name__)
