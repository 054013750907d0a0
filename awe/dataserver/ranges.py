"""Conditions and ranges of requests: which bytes of a file are to be sent, if any."""

from __future__ import annotations

import re

from starlette.requests import Request

__all__ = ["LARGEST", "matches", "range_of"]

#: Largest file taken, in bytes.
LARGEST = 64 << 30


def matches(condition: str, etag: str) -> bool:
    """Return True if an If-None-Match names that tag."""
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return etag in tags or "*" in tags


def range_of(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """Return first and last byte to send of a file; None where the range cannot be satisfied."""
    # A Range that is not understood, or is of several parts, may be ignored (RFC 9110, 14.2).
    whole = (0, size - 1)
    match = re.fullmatch(r"bytes=([0-9]*)-([0-9]*)", request.headers.get("range", ""))
    if match is None or match[0] == "bytes=-":
        return whole
    if request.headers.get("if-range", etag) != etag:
        return whole
    if not match[1]:
        length = min(_number(match[2]), size)
        return (size - length, size - 1) if length else None
    first = _number(match[1])
    last = min(_number(match[2]), size - 1) if match[2] else size - 1
    return (first, last) if first <= last else None


def _number(digits: str) -> int:
    """Return a number of bytes; one with more digits than any file needs is beyond every end."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= len(str(LARGEST)) else 10 * LARGEST
