"""The nouns of awe-admin, one module each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.admin.command import main, parser

__all__ = ["main", "parser"]

face(__name__)
