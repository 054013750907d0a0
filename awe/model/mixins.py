"""Attributes and small behaviours shared by the persistent classes of the optical pipeline.

Owns what every processed object has (`is_valid`, `quality_flags`, `process_status`), what every
calibration has (a validity range) and the meaning of the bits of `quality_flags`. It knows no
particular class and reads no pixels.
"""

from __future__ import annotations

import datetime
from enum import IntFlag
from typing import Any

from awe.db.objects.base import DBObject, behaviour, persistent
from awe.lazy import resolve
from awe.model.recipe import Recipe

__all__ = [
    "TOLERATED", "USABLE", "Calibration", "FromReduced", "ProcessTarget", "Product",
    "QualityFlag", "has", "value_of",
]  # fmt: skip

FOREVER_START = datetime.datetime(1970, 1, 1)
FOREVER_END = datetime.datetime(2100, 1, 1)


def has(thing: Any, name: str) -> bool:
    """Return True if a persistent class or object declares an attribute.

    `hasattr` would do too, but searches for the nearest name whenever the attribute is missing.
    """
    cls: Any = thing if isinstance(thing, type) else type(thing)
    return name in getattr(cls, "_attributes", ())  # nothing declares nothing


def value_of(item: Any, name: str, default: Any = None) -> Any:
    """Return the value of a declared attribute, or `default` where it is not declared."""
    return getattr(item, name) if has(item, name) else default


class QualityFlag(IntFlag):
    """What the system found wrong with a product when it was made; 0 means nothing.

    A member carries its meaning as `text`.
    """

    text: str

    def __new__(cls, value: int, text: str = "") -> QualityFlag:
        """Make a member of a value and its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.text = text
        return member

    LEVEL = (1, "The mean level is outside the declared limits.")
    NOISE = (2, "The scatter over the frame is above the declared limit.")
    SUBWINDOWS = (4, "One part of the frame is noisier than, or off the level of, the others.")
    FEW_INPUTS = (8, "Fewer input frames, stars or sources were usable than the declared minimum.")
    CHANGED = (16, "The product differs from its predecessor by more than the declared limit.")
    BAD_PIXELS = (32, "More pixels are bad than the declared maximum.")
    NOT_FINITE = (64, "Pixels without a finite value were met; they have weight 0.")
    SATURATED = (128, "Most of the frame is saturated.")
    EMPTY = (256, "No pixel is left with a weight above 0.")
    NONLINEAR = (512, "The response deviates from a linear one by more than the declared limit.")
    OTHERS = (1024, "A calibration was used that neither you nor appointed people made.")
    SEEING = (
        2048,
        "Stars may have lost their cores as hits: they are as sharp as hits, or the raw frame "
        "shows no width of stars and some of what was flagged looks like stars.",
    )
    INCOMPLETE = (4096, "The user left out a step of the recipe; `left_out()` names it.")
    STRAYS = (
        8192,
        "Rows, columns or parts of the frame stray from the rest: in level, or in their noise.",
    )
    MISSING = (16384, "A calibration was missing and the user let the recipe go on without it.")
    STUCK_BIT = (32768, "A bit of the analogue-to-digital converter is the same in every count.")
    PATTERN = (
        65536,
        "The pattern of the flat is in the frame: it was read one pixel late, or the flat is not "
        "that of its chip and filter.",
    )
    PSF = (
        131072,
        "The width of stars differs from that of the inputs by more than the declared limit.",
    )
    ZEROPOINT = (
        262144,
        "No zero point for its chip, filter and night is known: magnitudes are instrumental.",
    )

    def __repr__(self) -> str:
        return f"{int(self)} ({self.explain(int(self))})"

    def __invert__(self) -> QualityFlag:
        """Return all other bits; Python 3.11.2 leaves the highest out."""
        return QualityFlag(sum(QualityFlag) ^ int(self))

    @classmethod
    def explain(cls, value: int) -> str:
        """Return the names of the bits set in `value`, or `fine`."""
        names = [flag.name or "" for flag in cls if value & flag]
        return " | ".join(names) if names else "fine"


TOLERATED = QualityFlag.SEEING | QualityFlag.ZEROPOINT
"""Bits of frames that serve as well as frames without any."""

USABLE = (0, int(QualityFlag.SEEING), int(QualityFlag.ZEROPOINT), int(TOLERATED))
"""Values of `quality_flags` of frames that are used without being named."""


class ProcessTarget(DBObject, abstract=True):
    """An object that a recipe makes: it has parameters, a status and two verdicts."""

    is_valid = persistent(
        "Verdict of people: 0 bad, 1 valid, 2 proposed for the next level [None]", int, 1
    )
    quality_flags = persistent(
        "Verdict of the system at creation: 0 fine, else bits of QualityFlag [None]", int, 0
    )
    process_status = persistent("1 when the object was made completely [None]", int, 0)

    def explain_quality(self) -> str:
        """Return the names of the bits of `quality_flags`, or `fine`."""
        return QualityFlag.explain(self.quality_flags)

    is_uptodate = behaviour("awe.rules.freshness:is_uptodate")
    why_stale = behaviour("awe.rules.freshness:why_stale")
    remake = behaviour("awe.tasks.remake:remake")


class Product(ProcessTarget, abstract=True):
    """A processed object that is not raw: a recipe made it of others."""

    recipe = persistent("Recipe and code that made it, none before schema 4 [None]", Recipe, None)
    request = persistent(
        "Digest of code, arguments, parameters and frames the recipe was run with [None]", str, ""
    )
    consulted = persistent(
        "Calibrations the recipe looked for: class to object_id, none if there was none [None]",
        dict,
        {},
    )
    requested = persistent(
        "Arguments the recipe was given that change what it makes: name to value [None]", dict, {}
    )

    passed_over = persistent(
        "Calibrations whose files could not be used: object_id to reason [None]", dict, {}
    )

    left_out = behaviour("awe.rules.leftout:left_out")
    log = behaviour("awe.dpu.productlog:log")


class FromReduced(Product, abstract=True):
    """A product that is a table, made of a reduced frame: a solution, a list of sources."""

    verify = behaviour("awe.rules.quality:verify")
    compare = behaviour("awe.rules.comparison:compare")
    plot = behaviour("awe.inspect.quality:plot")
    why = behaviour("awe.rules.made_from:why")

    @classmethod
    def get(cls, *, raw: Any, make: bool = False, dry: bool = False) -> Any:
        """Return what was made of the frame reduced from a raw frame; see `awe.tasks.targets.get`.

        Parameters
        ----------
        raw : RawScienceFrame or str
            The raw frame, or its filename.
        make : bool
            Whether to make it, and everything it lacks, and commit them.
        dry : bool
            Whether, with `make`, only the plan is printed.
        """
        return resolve("awe.tasks.targets:further")(cls, raw=raw, make=make, dry=dry)


class Calibration(Product, abstract=True):
    """A processed object that is chosen for other frames by its validity range."""

    timestamp_start = persistent(
        "First moment the object may be chosen for, inclusive [UTC]",
        datetime.datetime,
        FOREVER_START,
    )
    timestamp_end = persistent(
        "Moment from which it may not be chosen any more, exclusive [UTC]",
        datetime.datetime,
        FOREVER_END,
    )
