"""Chips whose pixels are behind filters of several colours, split into frames of one colour each.

A mosaic repeats two pixels of two rows: red, blue, and green twice. Each of the four is a frame
of a chip of its own, half as wide and high: it has its own bias, dark, flat and gain. A green
pixel of a row with red ones is G1, of a row with blue ones G2.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry
from awe.errors import BadHeader, WrongShape
from awe.instruments._cards import CardReader, shown
from awe.instruments._entries import Entry, Wanted
from awe.instruments._instrument import Chip, Instrument, Plane

__all__ = [
    "COLOURS", "MOSAIC_CARDS", "PATTERN", "Mosaic", "halved_place", "refuse_mosaic",
    "split_camera",
]  # fmt: skip

#: What each plane is called, and the colour of its filter.
COLOURS = {"R": "R", "G1": "G", "G2": "G", "B": "B"}
PATTERN = re.compile("RGGB|BGGR|GRBG|GBRG")
#: Cards that say that an image is a mosaic; a plane has none of them.
NAMING = ("BAYERPAT", "BAYRPAT", "BAYERPATT", "CFAPAT", "COLORTYP")
MOSAIC_CARDS = (*NAMING, "XBAYROFF", "YBAYROFF", "BAYOFFX", "BAYOFFY", "BAYEROFFX", "BAYEROFFY")
NONE = ("", "NONE", "MONO", "MONOCHROME", "N/A", "NO", "UNKNOWN")
BINNING = ("XBINNING", "YBINNING")
#: Cards of places that count pixels: references, steps, terms of SIP and where they are true.
_PLACE = re.compile(
    r"(CRPIX|CDELT)[12][A-Z]?|LTV[12]|CD[12]_[12][A-Z]?|LTM[12]_[12]|[AB]_DMAX"
    r"|[AB]P?_(?P<p>\d)_(?P<q>\d)"
)
TEXT = Wanted(type=str)
STEP = Wanted(type=int, low=0, high=100_000)
STRIPS = ("active", "prescan_x", "overscan_x", "prescan_y", "overscan_y")


@dataclass(frozen=True, kw_only=True)
class Mosaic:
    """Where headers tell the pattern of a mosaic.

    Attributes
    ----------
    pattern, x, y : Entry
        Card with the pattern, and those of the column and row it begins at.
    first_row : str or None
        "first" or "last" row of the file; None refuses a header that leaves it open.
    """

    pattern: Entry
    x: Entry
    y: Entry
    first_row: str | None = None

    def planes(self, *headers: Mapping[str, Any]) -> tuple[Plane, ...]:
        """Return which pixels of an image have which colour.

        Parameters
        ----------
        *headers : mapping of str to value
            Header of the exposure and of the image.

        Raises
        ------
        BadHeader
            The pattern is missing, unknown or ambiguous, or binning has mixed the colours.
        """
        cards = CardReader(*headers)
        _refuse_binned(cards)
        found = self.pattern.read(cards, TEXT, required=True)
        shifts = [entry.read(cards, STEP) or 0 for entry in (self.y, self.x)]
        pattern = PATTERN.search(str(found or "").upper())
        if found is not None and pattern is None:
            cards.problems.append(f"the pattern {shown(found)} is not RGGB, BGGR, GRBG or GBRG")
        self._refuse_open(cards)
        cards.finish("a colour mosaic", "such a camera")
        assert pattern is not None  # finish() raised otherwise
        return tuple(_planes(pattern[0], shifts, last=self.first_row == "last"))

    def _refuse_open(self, cards: CardReader) -> None:
        order = str(cards.find("ROWORDER", repeated="first") or "").upper()
        if self.first_row is None and "BOTTOM" in order:
            cards.problems.append(
                "ROWORDER = 'BOTTOM-UP' leaves open whether the pattern begins at the first row "
                "of the file: say so, bayer.first_row = 'first' or 'last'"
            )

    def of(self, camera: str, attributes: Mapping[str, Any], plane: Plane) -> dict[str, Any]:
        """Return the attributes of a frame of one colour.

        Parameters
        ----------
        camera : str
            Name of the camera: a frame without a filter has that and its colour.
        attributes : mapping of str to object
            Those of the whole mosaic.
        plane : Plane
            Which of its pixels.

        Raises
        ------
        BadHeader
            The image, or a region of it, does not have whole cells of the mosaic.
        """
        try:
            geometry = _halved(attributes["geometry"])
        except WrongShape as problem:
            msg = f"{attributes['chip']} of {attributes['DATE_OBS']}: {problem}"
            raise BadHeader(msg) from problem
        return {
            **attributes,
            "chip": f"{attributes['chip']}_{plane.name}",
            "filter": f"{attributes['filter'] or camera}_{plane.colour}",
            "geometry": geometry,
            "astrom": dict(_astrom(attributes["astrom"], plane)),
        }


def _refuse_binned(cards: CardReader) -> None:
    for keyword in BINNING:
        step = cards.find(keyword, repeated="first")
        if isinstance(step, int | float) and step > 1:
            cards.problems.append(
                f"{keyword} = {step:g}: binned pixels are of mixed colours and cannot be split"
            )


def _planes(pattern: str, shifts: list[int], *, last: bool) -> Iterator[Plane]:
    """Yield the planes of a pattern in the order R, G1, G2, B."""
    # the colour at a row and column is that of the pattern there less where it begins; counted
    # from the last of an even number of rows, rows are the other way round
    cells: dict[str, Plane] = {}
    for row in (0, 1):
        for column in (0, 1):
            line = (1 - row if last else row) - shifts[0]
            place = 2 * (line % 2) + (column - shifts[1]) % 2
            letter = pattern[place]
            with_red = "R" in pattern[2 * (line % 2) : 2 * (line % 2) + 2]
            name = letter if letter != "G" else "G1" if with_red else "G2"
            cells[name] = Plane(name=name, colour=COLOURS[name], row=row, column=column)
    yield from (cells[name] for name in COLOURS)


def refuse_mosaic(cards: CardReader) -> None:
    """Note a problem where a header says that the image is a mosaic.

    Parameters
    ----------
    cards : CardReader
        Headers of a frame of a camera whose description has no `[bayer]`.
    """
    for keyword in NAMING:
        try:
            found = cards.find(keyword, repeated="first")
        except ValueError as problem:
            cards.problems.append(str(problem))
            return
        text = str(found or "").strip().upper()
        named = text not in NONE if keyword != "COLORTYP" else PATTERN.search(text) is not None
        if named:
            cards.problems.append(
                f"{keyword} = {shown(found)}: its pixels are of several colours; a table [bayer] "
                "in the description of the camera splits them into frames of R, G1, G2 and B, "
                "and bayer.split = false takes them as they are"
            )
            return


def split_camera(camera: Instrument, mosaic: Mosaic) -> Instrument:
    """Return a camera with a chip for each colour of each of its chips.

    Parameters
    ----------
    camera : Instrument
        As if its frames were not split.
    mosaic : Mosaic
        Where its headers tell the pattern.

    Raises
    ------
    WrongShape
        A chip has an odd number of columns or rows, or several amplifiers.
    """
    chips = [
        _chip(chip, name) for chip in camera.chips.values() for name in COLOURS
    ]
    colours = dict.fromkeys(COLOURS.values())
    names = [*camera.filters.values(), camera.name]
    return replace(
        camera,
        chips={chip.name: chip for chip in chips},
        # what the plane's colour makes of the name in the header, and of none
        filters={
            f"{word} ({colour})": f"{name}_{colour}"
            for word, name in zip([*camera.filters, "no filter"], names, strict=True)
            for colour in colours
        },
        bands={},
        reader=functools.partial(_whole, camera),
        # a plane has every other pixel
        pixel_scale=2 * camera.pixel_scale,
        mosaic=mosaic,
    )


def _whole(
    camera: Instrument, _: Instrument, primary: Mapping[str, Any], extension: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the attributes of a whole mosaic, as those of a camera that splits none."""
    return camera.reader(camera, primary, extension)


def _astrom(astrom: Mapping[str, Any], plane: Plane) -> Iterable[tuple[str, Any]]:
    # pixel i of a plane is pixel 2 i - 1 + column of the mosaic, both counted from 1
    first = {"CRPIX1": plane.column, "CRPIX2": plane.row}
    for name, value in astrom.items():
        if name in first:
            yield name, (value + 1 - first[name]) / 2
        else:
            yield name, 2 * value if name.startswith("CD") else value


def halved_place(header: Mapping[str, Any], plane: Plane) -> dict[str, float]:
    """Return what cards of world coordinates of a mosaic are for a plane of it.

    A pixel of a plane is two of the mosaic wide: reference pixels move, the steps from pixel to
    pixel double, and a term u^p v^q of a polynomial of SIP, in pixels of both, grows by
    2^(p+q-1). Those of other axes (`CRPIX1A`) and of IRAF's physical pixels are among them.

    Parameters
    ----------
    header : mapping of str to value
        Header of the mosaic.
    plane : Plane
        Which of its pixels.

    References
    ----------
    Shupe et al. 2005, ASPC 347, 491 (SIP).
    """
    found = {}
    for name in header:
        match = _PLACE.fullmatch(name)
        value = _number(header, name) if match else None
        if match is None or value is None:
            continue
        first = plane.row if "2" in name else plane.column
        if name.startswith(("CRPIX", "LTV")):
            found[name] = (value + 1 - first) / 2
        elif match["p"]:
            found[name] = value * 2.0 ** (int(match["p"]) + int(match["q"]) - 1)
        else:
            found[name] = value * (0.5 if name.startswith(("LTM", "A_", "B_")) else 2)
    return found


def _number(header: Mapping[str, Any], name: str) -> float | None:
    """Return the number of a card, None where it cannot be read as one."""
    try:
        value = header[name]
    except ValueError:
        return None
    return float(value) if isinstance(value, int | float) else None


def _chip(chip: Chip, plane: str) -> Chip:
    return replace(
        chip, name=f"{chip.name}_{plane}", geometry=_halved(chip.geometry),
        corner=(chip.corner[0] / 2, chip.corner[1] / 2),
    )  # fmt: skip


def _halved(geometry: ChipGeometry) -> ChipGeometry:
    if geometry.amplifiers:
        msg = "a colour mosaic that several amplifiers read cannot be split"
        raise WrongShape(msg)
    if geometry.nx % 2 or geometry.ny % 2:
        msg = f"a mosaic of {geometry.nx} x {geometry.ny} pixels has half a cell at an edge"
        raise WrongShape(msg)
    if not (geometry.start_x % 2 and geometry.start_y % 2):
        msg = (
            f"a window that begins at column {geometry.start_x} and row {geometry.start_y} cuts "
            "through the cells of 2 x 2 pixels of a colour mosaic; begin at odd ones"
        )
        raise WrongShape(msg)
    parts: dict[str, Any] = {
        name: None if (section := getattr(geometry, name)) is None else _half(section)
        for name in STRIPS
    }
    return replace(
        geometry, nx=geometry.nx // 2, ny=geometry.ny // 2,
        start_x=(geometry.start_x + 1) // 2, start_y=(geometry.start_y + 1) // 2, **parts,
    )  # fmt: skip


def _half(section: str) -> str:
    rows, columns = (
        slice(part.start // 2, part.stop // 2) for part in sections.parse(section)
    )
    whole = all(not (part.start % 2 or part.stop % 2) for part in sections.parse(section))
    if not whole:
        msg = f"the section {section} of a colour mosaic cuts through its cells of 2 x 2 pixels"
        raise WrongShape(msg)
    return sections.format((rows, columns))

