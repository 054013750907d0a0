"""A first description of a camera, drafted from its files: what is not sure is marked a doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from awe.instruments._bayer import PATTERN
from awe.instruments._entries import Wanted
from awe.instruments._spelling import spelled
from awe.instruments.drafting import (
    chips,
    conventions,
    identity,
    keywords,
    modes,
    purposes,
    wheel,
)
from awe.instruments.drafting.seen import Seen, of_first, values
from awe.instruments.drafting.sheet import Sheet, literal

__all__ = ["Seen", "Sheet", "drafted"]

WHOLE = Wanted(type=int, low=1, high=64)
#: Cards with the pattern of a mosaic that descriptions read unasked.
PATTERNS = ("BAYERPAT", "COLORTYP")
_SUMS = ("CCDSUM", r"^\s*(\d+)", r"(\d+)\s*$")


def drafted(
    images: Sequence[Seen],
    name: str | None = None,
    time_zone: str | None = None,
    pixel_scale: float | None = None,
) -> tuple[str, Sheet]:
    """Return a description of the camera of some images, and its name.

    Parameters
    ----------
    images : sequence of Seen
        Images of one camera; biases, flats and science frames, two of each if there are.
    name : str, optional
        What the camera is called; made from its headers where left out.
    time_zone : str, optional
        Where the camera is; from its headers where left out.
    pixel_scale : float, optional, arcsec
        Size of a pixel on the sky, not binned; from its headers where left out.

    Raises
    ------
    ArgumentError
        There is no such time zone or scale.
    ArgumentError
        The files are of several cameras, or nothing tells cameras or chips apart.
    """
    images, companions = _frames(images)
    card, value = identity.known_by(images)
    name = name or identity.called(value)
    found = chips.grouped(images)
    rules, cards = Sheet(), Sheet()
    kinds = purposes.purposes(rules, images)
    taken_for = {id(one): kind for one, kind in zip(images, kinds, strict=True)}
    moments = keywords.write(cards, images)
    sheet = Sheet()
    sheet.note(f"{name}, drafted from {len(images)} image(s); look at every doubt")
    sheet.key("name", name)
    telescope = of_first(images, ("TELESCOP", "OBSERVAT"))
    sheet.key("telescope", str(telescope[1]).strip()[:200] if telescope else None)
    identity.pixels(sheet, images, found.binning[0], pixel_scale)
    sheet.key("leave_out", companions or None)
    sheet.section("[recognise]")
    if card != "INSTRUME":
        sheet.doubt(f"INSTRUME does not tell; is {card} that of this camera alone?")
    sheet.key(card, [literal(value)])
    identity.site(sheet, images, moments, time_zone)
    sections = found.write(sheet, name, taken_for)
    mosaic = _mosaic(images)
    way = wheel.filters(sheet, name, images, kinds, mosaic=mosaic is not None)
    sheet.section("[cards]")
    _add(sheet, cards)
    sheet.key("filter", way)
    sheet.key("chip", found.card)
    modes.write(sheet, found.images.values())
    _binning(sheet, images)
    if sections:
        sheet.section("[sections]")
        for strip, keyword in sections.items():
            sheet.key(strip, keyword)
    if mosaic is not None:
        _split(sheet, images, mosaic)
    _cube(sheet, images)
    _add(sheet, rules)
    return name, sheet


def _frames(images: Sequence[Seen]) -> tuple[list[Seen], list[str]]:
    """Return the images that are frames, and the names of the extensions that are not."""
    names = {id(one): str(one.header.get("EXTNAME")) for one in images}
    with_frames = [one for one in images if not spelled(names[id(one)], conventions.COMPANIONS)]
    kept = {id(one) for one in with_frames}
    left = dict.fromkeys(name for place, name in names.items() if place not in kept)
    return (with_frames, list(left)) if with_frames else (list(images), [])


def _add(sheet: Sheet, other: Sheet) -> None:
    sheet.lines += other.lines
    sheet.doubts += other.doubts


def _binning(sheet: Sheet, images: Sequence[Seen]) -> None:
    ways: list[keywords.Way] = []
    for axis, words in enumerate(conventions.BINNING):
        way: Any = next((w for w in words if _reads(w, images)), None)
        if way is None and _reads(_sum(axis), images):
            way = _sum(axis)
        ways += [way] if way is not None else []
    if len(ways) == 2:
        sheet.section("[binning]")
        sheet.key("x", ways[0])
        sheet.key("y", ways[1])
    _window(sheet, images)


def _window(sheet: Sheet, images: Sequence[Seen]) -> None:
    for x, y, first, counted in conventions.WINDOWS:
        if all(_reads(word, images, low=0) for word in (x, y)):
            sheet.section("[window]")
            sheet.key("x", x)
            sheet.key("y", y)
            sheet.key("first", first)
            sheet.key("binned", counted)
            return


def _sum(axis: int) -> dict[str, str]:
    return {"keyword": _SUMS[0], "pattern": _SUMS[axis + 1]}


def _reads(way: keywords.Way, images: Sequence[Seen], low: int = 1) -> bool:
    """Return True if a card of whole numbers is there, and can be read in all images."""
    wanted = WHOLE if low else Wanted(type=int, low=0, high=100_000)
    found, problems = keywords.read(way, images, wanted)
    return not problems and any(value is not None for value in found)


def _mosaic(images: Sequence[Seen]) -> str | None:
    """Return the pattern of the colours of pixels, where headers have one."""
    found = (value for word in PATTERNS for value in values(images, word))
    return next((str(value) for value in found if PATTERN.search(str(value).upper())), None)


def _cube(sheet: Sheet, images: Sequence[Seen]) -> None:
    """Write that cubes are split into exposures, and what is not sure of it."""
    layers = next((one.layers for one in images if one.layers), 0)
    if not layers:
        return
    sheet.section("[cube]")
    sheet.doubt(
        f"images of three axes, one of {layers} planes: each is taken for an exposure, split = "
        "false refuses them"
    )
    sheet.key("split", True)
    step = of_first([one for one in images if one.layers], conventions.STEPS)
    sheet.doubt(
        f"{step[0]} = {step[1]:g} is taken for the time from one exposure to the next [s]"
        if step
        else "no card is known that tells the time from one exposure to the next: that is the "
        'exposure time without step = "CARD"'
    )
    sheet.key("step", step[0] if step else None)


def _split(sheet: Sheet, images: Sequence[Seen], pattern: str) -> None:
    """Write that frames of several colours are split, and what is not sure of it."""
    sheet.section("[bayer]")
    sheet.doubt(
        f"its pixels are of several colours, {pattern.strip()}: each frame is split into four, of "
        "chips _R, _G1, _G2 and _B; gain and noise are those of all together"
    )
    sheet.key("split", True)
    if any("BOTTOM" in str(value).upper() for value in values(images, "ROWORDER")):
        sheet.doubt("ROWORDER is BOTTOM-UP: does the pattern begin at the first or the last row?")
        sheet.key("first_row", "first")
