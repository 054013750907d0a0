"""Objects with a file: where it is, how it gets to the dataserver and how it comes back."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.db.base import DBObject, behaviour, persistent

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["DataObject"]
