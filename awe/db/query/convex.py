"""Outlines that are not convex, cut into convex pieces along great circles.

The database compares convex outlines. Seen from the middle of the sphere a plane in front of it
shows every great circle as a straight line (the gnomonic projection), so that an outline that
keeps within less than half the sky is an ordinary polygon there: its ears are cut off one by one,
and pieces that are convex together are joined again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from awe.errors import QueryError

__all__ = ["pieces"]

Vector = tuple[float, float, float]
Point = tuple[float, float]
#: Cosine of the largest distance from the middle of an outline: 85 degrees.
NEAREST_TO_THE_EDGE = 0.087
#: Sines of angles below this are those of lines.
SLACK = 1e-12


def pieces(corners: Sequence[Vector]) -> list[list[Vector]]:
    """Return convex outlines that cover together what an outline covers.

    Parameters
    ----------
    corners : sequence of vectors
        Unit vectors of the corners in order, in either direction.

    Returns
    -------
    list of list of vectors
        Corners of each piece, anticlockwise as seen from outside the sphere.

    Raises
    ------
    QueryError
        The outline crosses or touches itself, reaches over half the sky, or has no area.
    """
    points = _plane(corners)
    if sum(_cross(a, b) for a, b in zip(points, [*points[1:], points[0]], strict=True)) < 0:
        points, corners = points[::-1], corners[::-1]
    _refuse_crossings(points)
    found = _joined(_triangles(points), points)
    if not found:
        msg = "the corners of a polygon are all on one line: expected an area"
        raise QueryError(msg)
    return [[corners[number] for number in piece] for piece in found]


def _plane(corners: Sequence[Vector]) -> list[Point]:
    """Return the corners in a plane that touches the sphere in the middle of them."""
    total = [sum(part) for part in zip(*corners, strict=True)]
    length = math.hypot(*total)
    heights = [sum(a * b for a, b in zip(total, one, strict=True)) / (length or 1.0)
               for one in corners]  # fmt: skip
    if not length or min(heights) < NEAREST_TO_THE_EDGE:
        msg = (
            "a polygon that is not convex has to keep within 85 degrees of its middle; cut it "
            "into parts: query.overlaps(one) | query.overlaps(other)"
        )
        raise QueryError(msg)
    x, y, z = (part / length for part in total)
    # two directions in the plane, the first away from the axis that is furthest from the middle
    other = (0.0, 0.0, 1.0) if abs(z) < 0.7 else (1.0, 0.0, 0.0)
    east = (other[1] * z - other[2] * y, other[2] * x - other[0] * z, other[0] * y - other[1] * x)
    size = math.hypot(*east)
    east = (east[0] / size, east[1] / size, east[2] / size)
    north = (y * east[2] - z * east[1], z * east[0] - x * east[2], x * east[1] - y * east[0])
    return [
        (sum(a * b for a, b in zip(one, east, strict=True)) / height,
         sum(a * b for a, b in zip(one, north, strict=True)) / height)
        for one, height in zip(corners, heights, strict=True)
    ]  # fmt: skip


def _refuse_crossings(points: Sequence[Point]) -> None:
    """Refuse an outline of which two sides have a place in common that is not their corner."""
    count = len(points)
    for first in range(count):
        a, b = points[first], points[(first + 1) % count]
        for second in range(first + 1, count):
            c, d = points[second], points[(second + 1) % count]
            if second == first + 1:
                wrong = _back(a, b, d)
            elif (second + 1) % count == first:
                wrong = _back(c, a, b)
            else:
                wrong = _meet(a, b, c, d)
            if wrong:
                msg = (
                    f"the sides of a polygon after its corners {first + 1} and {second + 1} cross "
                    "or touch: give the corners in the order in which one walks round it"
                )
                raise QueryError(msg)


def _triangles(points: Sequence[Point]) -> list[list[int]]:
    """Return triangles that fill a polygon, as numbers of its corners."""
    left, found = list(range(len(points))), []
    while len(left) > 2:
        place = next((k for k in range(len(left)) if _is_ear(left, k, points)), None)
        if place is None:  # only rounding is left
            break
        before, here, after = (left[(place + step) % len(left)] for step in (-1, 0, 1))
        if not _in_line(points[before], points[here], points[after]):
            found.append([before, here, after])
        del left[place]
    return found


def _is_ear(left: Sequence[int], place: int, points: Sequence[Point]) -> bool:
    """Return True if a corner can be cut off: no other one is in its triangle."""
    before, here, after = (left[(place + step) % len(left)] for step in (-1, 0, 1))
    a, b, c = points[before], points[here], points[after]
    if _area(a, b, c) < 0:
        return False
    return not any(
        min(_area(a, b, p), _area(b, c, p), _area(c, a, p)) >= 0
        for p in (points[number] for number in left if number not in (before, here, after))
    )


def _joined(found: list[list[int]], points: Sequence[Point]) -> list[list[int]]:
    """Join pieces that have a side in common, as long as they are convex together."""
    whole: list[list[int]] = []
    for piece in found:
        made = piece
        again = True
        while again:
            again = False
            for other in whole:
                both = _together(made, other)
                if both is not None and _is_convex(both, points):
                    whole.remove(other)
                    made, again = both, True
                    break
        whole.append(made)
    return whole


def _together(one: Sequence[int], other: Sequence[int]) -> list[int] | None:
    """Return two pieces as one if they have a side in common."""
    for place, here in enumerate(one):
        after = one[(place + 1) % len(one)]
        if after in other and other[(other.index(after) + 1) % len(other)] == here:
            place_there = other.index(here)
            between = [*other[place_there + 1 :], *other[:place_there]]
            between.remove(after)
            return [*one[: place + 1], *between, *one[place + 1 :]]
    return None


def _is_convex(piece: Sequence[int], points: Sequence[Point]) -> bool:
    corners = [points[number] for number in piece]
    return all(
        _area(a, b, c) >= 0
        for a, b, c in zip(
            corners, [*corners[1:], corners[0]], [*corners[2:], *corners[:2]], strict=True
        )
    )


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Return True if two sides have a place in common."""
    one, other = _area(a, b, c), _area(a, b, d)
    if one * other > 0 or _area(c, d, a) * _area(c, d, b) > 0:
        return False
    if _in_line(a, b, c) and _in_line(a, b, d):
        return max(min(a, b), min(c, d)) <= min(max(a, b), max(c, d))
    return True


def _back(a: Point, b: Point, c: Point) -> bool:
    """Return True if one goes from a to b and back the same way."""
    along = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
    return _in_line(a, b, c) and along < 0


def _in_line(a: Point, b: Point, c: Point) -> bool:
    return abs(_area(a, b, c)) <= SLACK * math.dist(a, b) * math.dist(a, c)


def _area(a: Point, b: Point, c: Point) -> float:
    """Return twice the area of a triangle, positive anticlockwise."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cross(a: Point, b: Point) -> float:
    return a[0] * b[1] - a[1] * b[0]
