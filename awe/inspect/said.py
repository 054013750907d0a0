"""The measurement that was printed last, so that the prompt does not print its result again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from awe.inspect.spot import Reading

__all__ = ["reading"]

reading: Reading | None = None
