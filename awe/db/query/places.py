"""Questions about the sky, as classes, queries and links ask them.

For frames the question is about the part of the sky their chip covers, for what has only a
place, such as an `Astrom`, about that place.
"""

from __future__ import annotations

from typing import Any, Generic, NoReturn, TypeVar

from awe.db.declare.attributes import Kind
from awe.db.declare.entity import Entity, is_object
from awe.db.query import coordinates, footprint, targetnames
from awe.db.query.conditions import Selection, Steps
from awe.db.query.sky import Box, Cone, Polygon, Region
from awe.errors import QueryError

__all__ = ["OnSky", "position_of"]


Q = TypeVar("Q", bound=Selection)


class OnSky(Generic[Q]):
    """What asks about the sky."""

    def _in_region(self, region: Region, *, outline: bool = False) -> Q:
        raise NotImplementedError

    def near(self, ra: Any, dec: Any = None, radius: Any = None) -> Q:
        """Return the query for those within `radius` of a place; 0 finds what covers it.

        Parameters
        ----------
        ra, dec : float or str
            The place [deg], or as text `'22:04:00', '-31:12:00'`; a `SkyCoord`, or the name of a
            target of frames that are here, for both.
        radius : float
            Distance along the great circle from the place to the nearest part of the chip [deg].
        """
        given = (ra, dec, radius)
        if targetnames.is_name(ra) and (dec is None or radius is None):
            if dec is None and radius is None:
                _refuse("near", given, ", radius)")
            ra, dec, radius = *targetnames.place(ra), dec if radius is None else radius
        place = coordinates.position(ra)
        if place is not None:
            radius = dec if radius is None else radius
        elif dec is not None:
            place = coordinates.right_ascension(ra), coordinates.declination(dec)
        if place is None or radius is None:
            _refuse("near", given, ", radius)")
        reach = coordinates.degrees(radius)
        return self._in_region(Cone(ra=place[0], dec=place[1], radius=reach))

    def covers(self, ra: Any, dec: Any = None) -> Q:
        """Return the query for frames with a place on their chip.

        Parameters
        ----------
        ra, dec : float or str
            The place [deg], or as text `'22:04:00', '-31:12:00'`; a `SkyCoord`, or the name of a
            target of frames that are here, for both.
        """
        if targetnames.is_name(ra) and dec is None:
            ra, dec = targetnames.place(ra)
        place = coordinates.position(ra)
        if place is None and dec is not None:
            place = coordinates.right_ascension(ra), coordinates.declination(dec)
        if place is None:
            _refuse("covers", (ra, dec), ")")
        return self._in_region(Cone(ra=place[0], dec=place[1], radius=0.0), outline=True)

    def overlaps(self, other: Any) -> Q:
        """Return the query for frames that have a part of the sky in common with another area.

        Parameters
        ----------
        other : frame or sequence
            A frame, or the corners of a polygon in order, `[(ra, dec), ...]` [deg]; it may be
            concave, but does not cross itself.
        """
        return self._in_region(_area(other), outline=True)

    def box(self, ra_low: Any, ra_high: Any, dec_low: Any, dec_high: Any) -> Q:
        """Return the query for those in a box on the sky, eastwards from `ra_low` [deg].

        A frame is in the box with any part of its chip.
        """
        region = Box(
            ra_low=coordinates.right_ascension(ra_low),
            ra_high=coordinates.right_ascension(ra_high),
            dec_low=coordinates.declination(dec_low),
            dec_high=coordinates.declination(dec_high),
        )
        return self._in_region(region)


def _refuse(name: str, given: tuple[Any, ...], end: str) -> NoReturn:
    shown = ", ".join(f"{value!r:.40}" for value in given if value is not None)
    msg = f"{name}({shown}): {coordinates.NEAR.format(name + '(', end)}"
    raise QueryError(msg)


def _area(other: Any) -> Region:
    if isinstance(other, Selection):
        msg = "overlaps() expects one frame or a polygon, not a query; take a frame: query[0]"
        raise QueryError(msg)
    if not is_object(other):
        return Polygon(corners=tuple(coordinates.pairs(other)))
    outline = footprint.corners(other)
    if len(outline) == 1:
        return Cone(ra=outline[0][0], dec=outline[0][1], radius=0.0)
    return Polygon(corners=outline)


def position_of(cls: type[Entity], text: str, *, outline: bool) -> Steps:
    """Return the steps to the position of objects: their own outline, place, or a link.

    Raises
    ------
    QueryError
        They have no position, or no outline although one is required.
    """
    if footprint.has_footprint(cls):
        return (cls._attribute("astrom"),)
    links = [a for a in cls._attributes.values() if a.kind is Kind.LINK and a.target.__sky__]
    if outline and (cls.__sky__ or links):
        msg = f"{text} has a place but no outline on the sky: write .near(ra, dec, radius)"
        raise QueryError(msg)
    if cls.__sky__:
        return (cls._attribute(cls.__sky__[0]),)
    if len(links) != 1:
        several = " or ".join(f"{cls.__name__}.{link.name}.near(...)" for link in links)
        msg = f"{text} has no position on the sky" + (f"; write {several}" * bool(links))
        raise QueryError(msg)
    return (links[0], links[0].target._attribute(links[0].target.__sky__[0]))
