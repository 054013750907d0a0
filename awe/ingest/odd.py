"""Frames that look odd for what they are said to be, among others of their kind.

A frame is judged by numbers that its trial has taken: exposure time, level and noise of the light.
What is doubted is told, and nothing is refused: a person knows the night.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from awe.instruments import LIGHTLESS

__all__ = ["Look", "clock", "odd"]

#: an exposure without light is not longer [s]
LONGEST_BIAS = 1.0
#: fewest biases whose median is their level
ENOUGH = 3
#: a level is odd from this many times the noise of a pixel, and this share of it
NOISES, SHARE = 5.0, 0.05
#: share of the count of full pixels from which a flat is full
FULL = 0.98
FLATS = ("dome", "twilight", "gain")
#: card of days -> the day 0 of MJD in it
DAYS = {"MJD-OBS": 0.0, "MJD": 0.0, "MJD_OBS": 0.0, "MJD-BEG": 0.0, "JD": 2_400_000.5,
        "JD-OBS": 2_400_000.5}  # fmt: skip
#: a clock that is this far off is another one, not the middle of an exposure [s]
ANOTHER_CLOCK = 600.0


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a trial saw of one chip in one file.

    Attributes
    ----------
    path : Path
        The file.
    purpose, chip : str
        What it was taken for, and the chip.
    way : tuple
        Shape and read mode: levels of others are not compared.
    exptime : float or None, s
        The exposure time.
    level, noise : float, ADU
        Median of the light, and read noise of a pixel by the description.
    dark : float or None, ADU
        Level without light: of its strips, or of the description; None where nothing tells.
    full : float, ADU
        Count of full pixels.
    """

    path: Path
    purpose: str
    chip: str
    way: tuple[object, ...]
    exptime: float | None
    level: float
    noise: float
    dark: float | None
    full: float


def odd(looks: Iterable[Look]) -> Iterator[str]:
    """Yield what is doubted of frames that were tried together, file by file.

    Parameters
    ----------
    looks : iterable of Look
        All chips of all files.

    Examples
    --------
    >>> one = dict(path=Path("b.fits"), purpose="bias", chip="T", way=(), noise=4.0, dark=None)
    >>> list(odd([Look(exptime=30.0, level=500.0, full=65535.0, **one)]))
    ['b.fits: a bias of 30 s']
    """
    looks = list(looks)
    biases: dict[object, list[float]] = defaultdict(list)
    for one in looks:
        if one.purpose in ("bias", "readnoise"):
            biases[one.chip, one.way].append(one.level)
    levels = {
        key: statistics.median(found) for key, found in biases.items() if len(found) >= ENOUGH
    }
    told: dict[str, list[str]] = defaultdict(list)
    for one in looks:
        for text in (*_time(one), *_level(one, levels.get((one.chip, one.way)))):
            told[f"{one.path}: {text}"].append(one.chip)
    several = len({one.chip for one in looks}) > 1
    for text, chips in told.items():
        yield f"{text} ({', '.join(chips[:3])}{', ...' * (len(chips) > 3)})" if several else text


def _time(one: Look) -> Iterator[str]:
    if one.exptime is None:
        return
    if one.purpose in ("bias", "readnoise"):
        if one.exptime > LONGEST_BIAS:
            yield f"a {one.purpose} of {one.exptime:g} s"
    elif one.exptime == 0:
        yield f"{one.purpose} of 0 s: is the exposure time in another card?"


def _level(one: Look, bias: float | None) -> Iterator[str]:
    dark = one.dark if bias is None else bias
    if one.purpose in LIGHTLESS:
        off = dark is not None and abs(one.level - dark) > max(NOISES * one.noise, SHARE * dark)
        if one.purpose != "dark" and off:
            others = "other biases" if bias is not None else "its strips, or the description,"
            yield f"{one.purpose} with a level of {one.level:g} ADU, {others} have {dark:g}"
    elif one.purpose in FLATS:
        if one.level >= FULL * one.full:
            yield f"a {one.purpose} flat that is full: {one.level:g} of {one.full:g} ADU"
        elif dark is not None and one.level - dark < NOISES * one.noise:
            yield f"a {one.purpose} flat without light: {one.level:g} ADU, {dark:g} without"


def clock(header: Mapping[str, object], begin: datetime) -> Iterator[str]:
    """Yield cards of days that tell another moment than the begin of an exposure.

    Parameters
    ----------
    header : mapping of str to object
        Cards of the file.
    begin : datetime
        When the exposure began, by the description.
    """
    day = (begin - datetime(1858, 11, 17, tzinfo=begin.tzinfo)).total_seconds() / 86400
    for card, zero in DAYS.items():
        value = header.get(card)
        # whole days are the date alone
        if not isinstance(value, float) or not value % 1:
            continue
        apart = 86400 * (value - zero - day)
        if abs(apart) > ANOTHER_CLOCK:
            hours, days = apart / 3600, apart / 86400
            told = f"{hours:+.2f} h" if abs(hours) < 100 else f"{days:+.0f} d"
            yield f"{card} is {told} from DATE_OBS: is one of them local time?"
