"""Text that somebody else wrote, made harmless for whoever reads it: one rule for all places.

Terminals, logs, help, messages, headers of files and cards go by `harmless`; text for HTML is
escaped for HTML after it, where it is put into a page. What awe itself prints goes through `out`
and `err`, so that no name of a row, a file or a person reaches a terminal as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["err", "harmless", "out", "show"]


def harmless(text: str, *, ascii_only: bool = False, lines: bool = True) -> str:
    r"""Return a text in which every character that would steer a terminal is written out.

    Parameters
    ----------
    text : str
        Anything.
    ascii_only : bool
        Write out letters of other scripts too, as headers of FITS files need it.
    lines : bool
        Keep line breaks; otherwise they are written out.

    Examples
    --------
    >>> harmless("M 31\x1b[2J")
    'M 31\\x1b[2J'
    """
    if text.isprintable() and (text.isascii() or not ascii_only):
        return text

    def stays(character: str) -> bool:
        if character == "\n":
            return lines
        return character.isprintable() and (character.isascii() or not ascii_only)

    return "".join(c if stays(c) else c.encode("unicode_escape").decode() for c in text)


#: Functions that hear what is written to standard output, too: logs of runs.
listeners: list[Callable[[str], None]] = []


def out(text: str) -> None:
    """Write a text to standard output, harmless."""
    plain = harmless(text)
    sys.stdout.write(plain)
    for hear in listeners:
        hear(plain)


def show(text: str, html: str) -> None:
    """Write a text to standard output, harmless; in a notebook show its HTML instead."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and getattr(shell, "kernel", None) is not None:
        shell.display_pub.publish({"text/plain": harmless(text), "text/html": html})
    else:
        out(text + "\n")


def err(text: str) -> None:
    """Write a text to standard error, harmless."""
    sys.stderr.write(harmless(text))
