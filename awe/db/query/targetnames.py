"""Names of targets as places on the sky: those of frames that are here, and of Sesame if it is on.

The place of a name is the mean of the reference points of the frames whose `OBJECT` it is, upper
and lower case alike. The network is asked only where the configuration says so.
"""

from __future__ import annotations

import math
import re
from typing import Any

from awe.db.declare import registry
from awe.db.declare.attributes import Kind
from awe.db.query.compiler import column, table
from awe.db.server.connection import database
from awe.errors import QueryError, nearest

__all__ = ["is_name", "place"]

#: What has a letter is a name, but for the marks of hours, degrees, minutes and seconds.
LETTER = re.compile(r"[A-Za-z]")
SEXAGESIMAL = re.compile(r"[\s+-]*\d[\d\s.:hdms°'\"+-]*")
#: Frames of one name may be this far around their mean [deg].
APART = 2.0
#: Names listed for somebody who misspelt one.
KNOWN = 2000
SESAME = "sesame"


def is_name(text: Any) -> bool:
    """Return True if a text is the name of a target and not a coordinate."""
    if not isinstance(text, str):
        return False
    return bool(LETTER.search(text)) and SEXAGESIMAL.fullmatch(text.strip()) is None


def place(name: str) -> tuple[float, float]:
    """Return right ascension and declination [deg] of a target.

    Raises
    ------
    QueryError
        No frame has this name, or frames far from each other do.
    """
    name = name.strip()
    found = _here(name, "{0} = %(name)s") or _here(name, "lower({0}) = lower(%(name)s)")
    if found is not None:
        return found
    if database.environment.name_resolver == SESAME:
        return _sesame(name)
    known = _names()
    msg = (
        f"no frame that you may see has OBJECT {name!r}{nearest(name, known)}; give coordinates, "
        f"or name_resolver : sesame in Environment.cfg to ask the network for such names"
    )
    raise QueryError(msg)


def _tables() -> list[tuple[str, str, str]]:
    """Return tables of frames joined with their places, and the columns of name and place."""
    registry.complete()
    found = []
    for cls in registry.registry.values():
        link = cls._attributes.get("astrom")
        if "OBJECT" not in cls._attributes or link is None or link.kind is not Kind.LINK:
            continue
        target = link.target
        if not target.__sky__ or not cls.__module__.startswith("awe.model."):
            continue
        joined = (
            f"{table(cls)} t JOIN {table(target)} a ON a.object_id = {column(link, 't')}"
        )
        ra, dec = (column(target._attribute(one), "a") for one in target.__sky__)
        found.append((joined, column(cls._attribute("OBJECT"), "t"), f"{ra} AS ra, {dec} AS dec"))
    return found


def _here(name: str, condition: str) -> tuple[float, float] | None:
    parts = " UNION ALL ".join(
        f"SELECT {sky} FROM {joined} WHERE {condition.format(text)}"
        for joined, text, sky in _tables()
    )
    rows = database.execute(
        "SELECT count(*), avg(cos(radians(dec)) * cos(radians(ra))), "
        f"avg(cos(radians(dec)) * sin(radians(ra))), avg(sin(radians(dec))) FROM ({parts}) p "
        "WHERE abs(dec) <= 90 AND abs(ra) <= 3600",
        {"name": name},
    )
    number, x, y, z = rows[0]
    if not number:
        return None
    length = math.sqrt(x * x + y * y + z * z)
    if length < math.cos(math.radians(APART)):
        msg = f"{number} frames have OBJECT {name!r}, far from each other; give coordinates"
        raise QueryError(msg)
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.asin(z / length))


def _names() -> list[str]:
    parts = " UNION ".join(
        f"(SELECT DISTINCT {text} FROM {joined} LIMIT {KNOWN})" for joined, text, _ in _tables()
    )
    return [row[0] for row in database.execute(parts) if row[0]]


def _sesame(name: str) -> tuple[float, float]:
    from astropy.coordinates import SkyCoord
    from astropy.coordinates.name_resolve import NameResolveError

    try:
        found = SkyCoord.from_name(name)
    except (NameResolveError, OSError) as error:
        told = " ".join(str(error).split())[:200]
        msg = f"neither a frame here nor Sesame knows {name!r} ({told}); give coordinates"
        raise QueryError(msg) from error
    return float(found.ra.deg), float(found.dec.deg)
