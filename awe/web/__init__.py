"""Pages to look at jobs and objects, from the dataserver's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.web.published import Published
    from awe.web.sessions import Sessions

__all__ = ["Published", "Sessions"]

face(__name__)
