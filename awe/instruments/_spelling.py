"""Values of cards compared with how cameras spell them, and rules made of such comparisons.

Case and blanks at both ends do not count; `*` and `?` in a spelling stand for any text and any
letter. A rule tells what an exposure was taken for; the first one that holds decides.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from awe.errors import BadHeader
from awe.instruments._cards import CardReader, shown

__all__ = ["Condition", "Rule", "decide", "spelled"]


def spelled(found: Any, spellings: Sequence[str]) -> bool:
    """Return True if a value is written in one of the ways.

    Parameters
    ----------
    found : object
        Value of a card; None has no spelling.
    spellings : sequence of str
        With `*` and `?` for what may be anything.

    Examples
    --------
    >>> spelled("Flat Field ", ["flat*"])
    True
    """
    if found is None:
        return False
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    text = " ".join(str(found).split()).casefold()
    return any(one(text) for one in _matches(tuple(spellings)))


# all cameras are asked of each file
@functools.lru_cache(maxsize=1024)
def _matches(spellings: tuple[str, ...]) -> tuple[Callable[[str], object], ...]:
    wanted = [" ".join(one.split()).casefold() for one in spellings]
    return tuple(re.compile(fnmatch.translate(one)).match for one in wanted)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a card must say: one of some spellings, none of others, a number in a range."""

    spellings: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any] | tuple[str, ...]) -> Condition:
        """Return the condition that a description gives: spellings, or a table."""
        if isinstance(given, tuple):
            return cls(spellings=given)
        return cls(
            never=given["not"] or (), at_least=given["at_least"], at_most=given["at_most"]
        )

    def holds(self, found: Any) -> bool:
        """Return True if a value is as wanted; None, no value, never is but for a `not`."""
        if self.spellings and not spelled(found, self.spellings):
            return False
        if self.never and spelled(found, self.never):
            return False
        if self.at_least is None and self.at_most is None:
            return True
        number = _number(found)
        if number is None:
            return False
        return (self.at_least is None or number >= self.at_least) and (
            self.at_most is None or number <= self.at_most
        )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A purpose, and the conditions on cards and folder that say so."""

    purpose: str
    folder: tuple[str, ...] = ()
    cards: Mapping[str, Condition] = field(default_factory=dict)

    def holds(self, values: Mapping[str, Any], folder: str) -> bool:
        """Return True if all conditions hold."""
        if self.folder and not spelled(folder, self.folder):
            return False
        return all(wanted.holds(values[keyword]) for keyword, wanted in self.cards.items())


def decide(rules: Sequence[Rule], header: Mapping[str, Any], folder: str, camera: str) -> str:
    """Return the purpose of the first rule that holds.

    Parameters
    ----------
    rules : sequence of Rule
        In the order of the description.
    header : mapping of str to value
        Header of the exposure.
    folder : str
        Name of the folder its file is in.
    camera : str
        Name of the camera, for the message.

    Raises
    ------
    BadHeader
        No rule holds; the message has the values of all cards that rules look at.
    """
    cards = CardReader(header)
    values: dict[str, Any] = {}
    for keyword in dict.fromkeys(word for rule in rules for word in rule.cards):
        try:
            values[keyword] = cards.find(keyword, repeated="first")
        except ValueError as problem:
            values[keyword] = None
            cards.problems.append(str(problem))
    for rule in rules:
        if rule.holds(values, folder):
            return rule.purpose
    told = [f"{word} = {shown(value)}" for word, value in values.items() if value is not None]
    for word in (word for word, value in values.items() if value is None):
        cards.lacks(word)
    told += cards.problems
    told += [f"folder {folder!r}"] if any(rule.folder for rule in rules) else []
    msg = (
        f"what it was taken for is not known: {', '.join(told)} fits no [[purpose]] of {camera}; "
        "add a rule to its description"
    )
    raise BadHeader(msg)


def _number(found: Any) -> float | None:
    try:
        return None if isinstance(found, bool) or found is None else float(found)
    except ValueError:
        return None
