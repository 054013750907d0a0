"""Files of regions as DS9 saves them, for the library `regions`, which knows a part of them.

Shapes that the library leaves out are written as those it has: vectors, rulers, projections and
segments as lines, sectors as annuli with the lines at their ends. Physical coordinates are those
of the detector; the cards LTV and LTM of the frame say where they are on the image.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from awe import fits
from awe.errors import ArgumentError
from awe.lazy import resolve

__all__ = ["flat", "parsed"]

#: coordinates of the detector, which DS9 has where a frame is a part of one, or binned
PHYSICAL = ("physical", "detector", "amplifier")
SYSTEMS = (*PHYSICAL, "image", "fk4", "b1950", "fk5", "j2000", "icrs", "galactic", "ecliptic",
           "wcs", "wcs[a-z]", "linear")  # fmt: skip
SYSTEM = re.compile(rf"(?:^|;)[ \t]*({'|'.join(SYSTEMS)})[ \t]*(?=;|$)", re.MULTILINE | re.I)
SHAPE = re.compile(
    r"^\s*(?:#\s*)?[-+]?(vector|ruler|projection|segment|panda|epanda|bpanda|pie)\s*"
    r"\(([^)]*)\)([^\n]*)$",
    re.MULTILINE | re.I,
)
#: coordinates whose first number is in hours where it is sexagesimal
IN_HOURS = ("fk4", "b1950", "fk5", "j2000", "icrs", "wcs")
ARCSEC = {'"': 1.0, "'": 60.0, "d": 3600.0, "": 3600.0}


def parsed(text: str, header: Any) -> tuple[list[Any], list[str]]:
    """Return the regions of a file, and a line about each that is not understood.

    Parameters
    ----------
    text : str
        Regions in the format of DS9.
    header : Header or mapping
        Header of the frame, for its cards LTV and LTM.

    Raises
    ------
    ArgumentError
        A shape has numbers that are none.
    """
    found: list[Any] = []
    # the library passes over it without a word
    doubts = ["a compass; g draws one" for _ in re.findall(r"^\s*#\s*compass\(", text, re.M)]
    text = re.sub(r"\bfont=\"[^\"]*\"", "", text)  # of Tk, which matplotlib would miss
    for system, lines in _parts(text):
        physical = system in PHYSICAL
        named = "image" if physical else system
        try:
            some, lost = _read(f"{named}\n{_known_shapes(lines, named)}")
            found += _on_image(some, header, doubts) if physical else some
        except (ValueError, TypeError, KeyError, IndexError) as error:
            msg = f"the regions cannot be read: {str(error)[:100]}"
            raise ArgumentError(msg) from error
        doubts += lost
    return found, doubts


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield coordinate systems, and the lines that are in them behind those for all."""
    shared = "\n".join(re.findall(r"^\s*global\b.*$", text, re.MULTILINE))
    names = list(SYSTEM.finditer(text))
    ends = [name.start() for name in names] + [len(text)]
    # without a name they are in those of the detector, as DS9 takes them
    if (begin := text[: ends[0]]).strip():
        yield "physical", begin
    for name, end in zip(names, ends[1:], strict=True):
        yield name[1].lower(), f"{shared}\n{text[name.end() : end].lstrip(';')}"


def _read(text: str) -> tuple[list[Any], list[str]]:
    parse = resolve("regions:Regions").parse  # loaded with the first region
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = list(parse(text, format="ds9"))
    lines = [str(one.message) for one in said]
    # how a line is drawn is not where it is
    return found, [line for line in lines if "unsupported and will be ignored" not in line]


def _known_shapes(text: str, system: str) -> str:
    """Return lines of a file with shapes that the library has in the place of others."""
    return SHAPE.sub(lambda shape: _known(*shape.groups(), system=system), text)


def _known(shape: str, numbers: str, rest: str, *, system: str) -> str:
    """Return a shape as lines and annuli."""
    shape = shape.lower()
    words = [word.strip() for word in numbers.split(",")]
    tail = re.sub(r"#|\b(vector|ruler|segment|projection)=(\w+ ?)+", "", rest).strip()
    tail = f" # {tail}" if tail else ""
    if shape in ("ruler", "projection"):
        return f"line({','.join(words[:4])}){tail}"
    if shape == "segment":
        pairs = list(zip(words[::2], words[1::2], strict=True))
        return "\n".join(f"line({','.join((*a, *b))}){tail}" for a, b in pairwise(pairs))
    if shape == "vector":
        start = _start(words, system)
        end = _away(start, _length(words[2], system), float(words[3]), system)
        return f"line({_numbers(*start, *end)}){tail}"
    return _sector(shape, words, tail, system)


def _sector(shape: str, words: list[str], tail: str, system: str) -> str:
    """Return a sector as an annulus and, where they are known, the lines at its ends."""
    start, turn = _start(words, system), 0.0
    if shape == "pie":  # of CIAO
        inner, outer = words[2:3] * 2, words[3:4] * 2
        angles, made = words[4:6], f"annulus({','.join(words[:4])}){tail}"
    elif shape == "panda":
        inner, outer = words[5:6] * 2, words[6:7] * 2
        angles, made = words[2:4], f"annulus({','.join((*words[:2], *words[5:7]))}){tail}"
    else:
        inner, outer, turn = words[5:7], words[7:9], float(words[10])
        kind, numbers = "ellipse" if shape == "epanda" else "box", (*words[:2], *words[5:9])
        angles, made = words[2:4], f"{kind}({','.join((*numbers, words[10]))}){tail}"
    if turn and system != "image":
        return made  # DS9 turns both angles with the frame: where they begin is not in the file
    half = 0.5 if shape == "bpanda" else 1.0  # of a box the sides are given, not half of them
    lines = [made]
    for angle in map(float, angles):
        ends: list[float] = []
        for sides in (inner, outer):
            a, b = (half * _length(word, system) for word in sides)
            ends += _away(start, _reach(a, b, angle, shape == "bpanda"), angle + turn, system)
        lines.append(f"line({_numbers(*ends)}){tail}")
    return "\n".join(lines)


def _reach(a: float, b: float, angle: float, box: bool) -> float:
    """Return the distance of the edge of an ellipse or box from its centre, along an angle."""
    along, across = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    if box:
        return min(a / max(along, 1e-12), b / max(across, 1e-12))
    if a == 0 or b == 0:
        return 0.0
    return 1 / math.hypot(along / a, across / b)


def _start(words: list[str], system: str) -> tuple[float, float]:
    if system == "image":
        return float(words[0]), float(words[1])
    angle = resolve("astropy.coordinates:Angle")
    hours = ":" in words[0] and system.startswith(IN_HOURS)
    first = angle(words[0], "hourangle" if hours else "deg").degree
    return float(first), float(angle(words[1], "deg").degree)


def _length(word: str, system: str) -> float:
    """Return a length in pixels, or on the sky in degrees."""
    number, unit = re.fullmatch(r"\s*([-+.\deE]+?)\s*([\"'d]?)\s*", word).groups()  # type: ignore[union-attr]  # TypeError is caught
    return float(number) if system == "image" else float(number) * ARCSEC[unit] / 3600


def _away(
    start: tuple[float, float], length: float, angle: float, system: str
) -> tuple[float, float]:
    """Return a point away from another; angles count from the axis x of the screen."""
    x, y = start
    along, up = length * math.cos(math.radians(angle)), length * math.sin(math.radians(angle))
    if system == "image":
        return x + along, y + up
    return x - along / math.cos(math.radians(y)), y + up  # to the right is west


def _numbers(*values: float) -> str:
    return ",".join(f"{value:.9f}" for value in values)


def _on_image(regions: list[Any], header: Mapping[str, Any], doubts: list[str]) -> list[Any]:
    """Return regions of the detector where they are on the image: LTM times it, plus LTV."""
    cards = [[fits.value_of(header, f"LTM{i}_{j}", float(i == j)) for j in (1, 2)] for i in (1, 2)]
    (a, b), (c, d) = [[float(value) for value in row] for row in cards]
    u, v = (float(fits.value_of(header, name, 0.0)) for name in ("LTV1", "LTV2"))
    if (a, b, c, d, u, v) == (1, 0, 0, 1, 0, 0):
        return regions
    place = resolve("regions:PixCoord")
    scale, square = math.hypot(a, c), math.isclose(a * a + c * c, b * b + d * d, rel_tol=1e-6)
    turned = b != 0 or c != 0 or a < 0 or d < 0
    moved = []
    for one in regions:
        new = {}
        for name in one._params:
            value = getattr(one, name)
            # the library counts from 0, FITS from 1
            if isinstance(value, place):
                x, y = value.x + 1, value.y + 1
                new[name] = place(a * x + b * y + u - 1, c * x + d * y + v - 1)
            elif name == "text" or (name == "angle" and not turned):
                new[name] = value
            elif name == "angle" or not square:
                doubts.append(f"{type(one).__name__}: LTM turns it, or makes its pixels oblong")
                break
            else:
                new[name] = value * scale
        else:
            moved.append(one.copy(**new))
    return moved


def flat(region: Any, wcs: Any) -> Any:
    """Return a region in pixels.

    Its angle is one to the axes of its own coordinates; the library takes it as one to the axes
    of the frame's, which is wrong by their difference where a file is in galactic coordinates.

    Parameters
    ----------
    region : Region
        A region, in pixels or on the sky.
    wcs : WCS
        Coordinates of the frame.
    """
    if not hasattr(region, "to_pixel"):
        return region
    centre = getattr(region, "center", None)
    if centre is not None and "angle" in region._params:
        frame = resolve("astropy.wcs.utils:wcs_to_celestial_frame")(wcs)
        north = centre.directional_offset_by(0 * region.angle.unit, 1e-4 * region.angle.unit)
        turn = centre.transform_to(frame).position_angle(north.transform_to(frame))
        region = region.copy(center=centre.transform_to(frame), angle=region.angle + turn)
    return region.to_pixel(wcs)
