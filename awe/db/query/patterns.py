"""Patterns of names: `*`, `?` and `[...]`, and what they are in SQL.

Owns the one reading of a pattern. Case counts; `[0-9]` is one of a range, `[!0-9]` one outside it,
`[*]` the star itself. What would find nothing without a word, an open bracket or a range that runs
backwards, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from awe.errors import QueryError

__all__ = ["beginning", "check", "regex", "sql_like"]


def _parts(pattern: str) -> Iterator[str]:
    """Split into single characters and whole `[...]`; an open bracket stays alone."""
    place = 0
    while place < len(pattern):
        end = place
        if pattern[place] == "[":
            first = place + (2 if pattern[place + 1 : place + 2] == "!" else 1)
            # A ] directly behind the opening is a character of the set, as in []]: look beyond it.
            end = pattern.find("]", first + 1)
            end = place if end < 0 else end
        yield pattern[place : end + 1]
        place = end + 1


def check(what: str, pattern: str) -> None:
    """Refuse a pattern that cannot match as it is meant."""
    for part in _parts(pattern):
        if part == "[":
            msg = f"{what}.like({pattern!r}): the ] is missing; write [[] for the character ["
            raise QueryError(msg)
        if len(part) > 1:
            _check_ranges(what, pattern, part)


def _check_ranges(what: str, pattern: str, part: str) -> None:
    inside = _inside(part)
    for place in range(1, len(inside) - 1):
        if inside[place] == "-" and inside[place - 1] > inside[place + 1]:
            wrong = inside[place - 1 : place + 2]
            msg = f"{what}.like({pattern!r}): {wrong} runs backwards; write {wrong[::-1]}"
            raise QueryError(msg)


def _inside(part: str) -> str:
    return part[2:-1] if part.startswith("[!") else part[1:-1]


def beginning(pattern: str) -> str:
    """Return the fixed beginning of a pattern; all of it where nothing is wild."""
    found = ""
    for part in _parts(pattern):
        if part in ("*", "?") or len(part) > 1:
            break
        found += part
    return found


def sql_like(pattern: str) -> str | None:
    """Return the pattern of SQL's LIKE, or None where it holds `[...]`: LIKE has none."""
    found = ""
    for part in _parts(pattern):
        if len(part) > 1:
            return None
        found += {"*": "%", "?": "_"}.get(part, f"\\{part}" if part in "\\%_" else part)
    return found


def regex(pattern: str) -> str:
    """Return the pattern as a regular expression of PostgreSQL for the whole string."""
    found = ""
    for part in _parts(pattern):
        if len(part) > 1:
            inside = "".join(f"\\{one}" if one in "\\[]^" else one for one in _inside(part))
            found += f"[{'^' if part.startswith('[!') else ''}{inside}]"
        elif part in "*?":
            found += ".*" if part == "*" else "."
        else:
            # PostgreSQL gives a backslash before a letter or digit a meaning of its own (\d, \1),
            # before any other character it is that character.
            found += part if part.isalnum() or part == "_" else f"\\{part}"
    return f"^{found}$"
