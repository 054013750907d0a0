"""The one writer of tables: rows of text in columns that fit the terminal, or as HTML.

Where nobody looks at a terminal (a pipe, a file, a notebook's text) nothing is cut, so that what
a program reads is whole. Where a line would be too long, the hashes in file names are shortened
first (`7d6077b8`), then the widest columns are cut, names in the middle and sentences at their
end; what does not fit even so is left out from the right. Knows neither objects nor the database.
"""

from __future__ import annotations

import html as markup
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

from awe.errors import ConfigError
from awe.terminal import harmless

__all__ = ["cut", "fit", "html", "limit", "lines", "outline", "room", "short", "text", "wrapped"]

#: Columns a table may have; 0 never cuts, None takes those of the terminal.
max_width: int | None = None

GAP = 2
NARROWEST = 16
HASH = re.compile(r"(?<![0-9a-f])([0-9a-f]{8})[0-9a-f]{16,}(?![0-9a-f])")
HASH_NAME = re.compile(r"(?P<tail>[0-9a-f]{8}(\.\w+)*)\Z")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)?\Z")
NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")


def room() -> int | None:
    """Return how many columns a line may have, or None where nothing has to be cut."""
    if max_width is not None:
        return max_width or None
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size((80, 24)).columns


def limit(number: str) -> None:
    """Set how many columns a table may have, as the configuration has it: `max_width`.

    Raises
    ------
    ConfigError
        It is not a number.
    """
    global max_width
    if number and not number.isdecimal():
        msg = f"max_width is {number!r}; expected a number of columns, 0 for any, or nothing"
        raise ConfigError(msg)
    max_width = int(number) if number else None


def short(name: str) -> str:
    """Return a name with the first eight characters of every hash in it."""
    return HASH.sub(r"\1", name)


def cut(value: str, width: int) -> str:
    """Return a text of at most `width` columns.

    A sentence loses its end; a name loses its middle, and keeps the hash it ends in.
    """
    if _wide(value) <= width:
        return value
    value = short(value)
    if _wide(value) <= width:
        return value
    if width <= 3:
        return _begin(value, width)
    if MOMENT.match(value) and width >= len("2012-06-01"):
        return value[:10]
    if " " in value:
        return _begin(value, width - 3) + "..."
    found = HASH_NAME.search(value)
    behind = min(len(found["tail"]), width - 3) if found else (width - 3) // 2
    tail = _begin(value[::-1], behind)[::-1]
    return f"{_begin(value, width - 3 - behind)}...{tail}"


def fit(value: str) -> str:
    """Return a text of several lines, each short enough for the terminal, if there is one."""
    width = room()
    if width is None:
        return value
    return "\n".join(cut(short(line), width) for line in value.split("\n"))


def wrapped(value: str) -> str:
    """Return a text whose long lines go on in the next, further in, if there is a terminal."""
    width = room()
    if width is None:
        return value
    lines: list[str] = []
    for line in short(value).split("\n"):
        lines += textwrap.wrap(
            line, max(width, 2 * NARROWEST), subsequent_indent="    ", break_on_hyphens=False
        ) or [""]
    return "\n".join(lines)


def lines(
    heads: Sequence[str], rows: Iterable[Sequence[object]], *, width: int | None = None
) -> list[str]:
    """Return a heading and one line per row, as wide as `width` or the terminal allows.

    Parameters
    ----------
    heads : sequence of str
        Names of the columns.
    rows : iterable of sequences
        Cells, as many as there are heads; None is shown as `-`.
    width : int, optional
        Columns there are; default: `room()`.
    """
    heads = [_cell(head) for head in heads]
    table = [[_cell(value) for value in row] for row in rows]
    limit = room() if width is None else width
    natural = [max(map(_wide, column)) for column in zip(heads, *table, strict=True)]
    widths = natural
    if limit is not None and _total(natural) > limit:
        table = [[_without_seconds(short(value)) for value in row] for row in table]
        natural = [max(map(_wide, column)) for column in zip(heads, *table, strict=True)]
        widths = _fitting(natural, limit)
    kept = len(widths)
    right = [bool(table) and all(NUMBER.match(row[k]) for row in table) for k in range(kept)]
    more = " ..." if kept < len(heads) else ""
    titles = [_begin(head, width) for head, width in zip(heads, widths, strict=False)]
    found = [_line(titles, widths, right) + more]
    found += [_line(row, widths, right) for row in table]
    return found


def text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the same as one text."""
    return "\n".join(lines(heads, rows))


def html(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str = "",
    fixed: int | None = None,
) -> str:
    """Return the table as HTML, whole: a notebook scrolls.

    Column `fixed` keeps its spaces, in letters of one width.
    """
    head = "".join(f"<th>{markup.escape(_cell(name))}</th>" for name in heads)

    def cell(number: int, value: object) -> str:
        shown = markup.escape(_cell(value))
        return f"<td><pre>{shown}</pre></td>" if number == fixed else f"<td>{shown}</td>"

    body = "".join(
        f"<tr>{''.join(cell(number, value) for number, value in enumerate(row))}</tr>"
        for row in rows
    )
    above = f"<p>{markup.escape(_cell(title))}</p>" if title else ""
    return f"{above}<table><tr>{head}</tr>{body}</table>"


def outline(head: str, parts: Sequence[str]) -> str:
    """Return a line of text as HTML, with what belongs below it, each part HTML in turn."""
    below = "".join(f"<li>{part}</li>" for part in parts)
    return f"{markup.escape(_cell(head))}{f'<ul>{below}</ul>' if below else ''}"


def _cell(value: object) -> str:
    return "-" if value is None else " ".join(harmless(str(value)).split("\n"))


def _without_seconds(value: str) -> str:
    return value[:16] if len(value) > 16 and MOMENT.match(value) else value


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _fitting(natural: Sequence[int], limit: int) -> list[int]:
    """Return widths of the columns that fit: the widest are cut to one common width."""
    kept = len(natural)
    limit = max(limit, NARROWEST)
    while kept > 1 and _total([min(w, NARROWEST) for w in natural[:kept]]) > limit - 4:
        kept -= 1
    widths = list(natural[:kept])
    limit -= 4 * (kept < len(natural))
    common = max(widths)
    while _total(widths) > limit and common > 1:
        common -= 1
        widths = [min(width, common) for width in natural[:kept]]
    for place, width in enumerate(natural[:kept]):
        widths[place] += min(width - widths[place], limit - _total(widths))
    return widths


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = []
    for value, width, numeric in zip(row, widths, right, strict=False):
        shown = cut(value, width)
        space = " " * (width - _wide(shown))
        cells.append(space + shown if numeric else shown + space)
    return (" " * GAP).join(cells).rstrip()


def _wide(value: str) -> int:
    """Return the columns a text takes on a terminal."""
    if value.isascii():
        return len(value)
    from wcwidth import wcswidth

    return max(int(wcswidth(value)), 0)


def _begin(value: str, width: int) -> str:
    kept = value[:width]
    while _wide(kept) > width:
        kept = kept[:-1]
    return kept
