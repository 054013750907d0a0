"""Text that somebody else wrote, made harmless for the terminal of whoever reads it."""

from __future__ import annotations

__all__ = ["harmless"]


def harmless(text: str) -> str:
    """Return a text in which every character that would steer a terminal is written out.

    Line breaks stay; letters of all scripts stay.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
