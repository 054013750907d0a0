"""Sources of a frame: found, told apart, and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.calib.extraction.catalogue import Catalogue, measure
    from awe.calib.extraction.detection import Settings

__all__ = ["Catalogue", "Settings", "measure"]

face(__name__)
