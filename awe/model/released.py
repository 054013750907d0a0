"""Cameras that come with awe, in the database before anybody's frames of them.

All frames of a camera share one `Instrument`, its `Chip`s and `Filter`s. Had the first person who
ingests made them, they would be at that person's level, and nobody else could refer to them. What
comes with awe is public, so the administrator enters it, for everybody to see: at every start
for the cameras of projects, and by `awe-admin instrument enter`. A camera of somebody's own stays
at the level it came in with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awe import instruments
from awe.db.query.compiler import quoted, table
from awe.errors import ArgumentError, nearest
from awe.model.observing import Chip, Filter, Instrument

__all__ = ["chip_values", "enter", "enter_missing", "filter_values", "instrument_values"]

#: the highest level: frames of any level may refer to it
LEVEL = 5
#: the project of all public data
PROJECT = 1

Values = dict[str, Any]


def instrument_values(camera: instruments.Instrument) -> Values:
    """Return the attributes of the `Instrument` of a camera, but for links."""
    return {
        "name": camera.name,
        "telescope": camera.telescope,
        "description": "",
        "utc_offset": camera.utc_offset,
    }


def chip_values(camera: instruments.Instrument, name: str) -> Values:
    """Return the attributes of the `Chip` of that name, but for links."""
    chip = camera.chip(name)
    return {
        "name": name,
        "NAXIS1": chip.geometry.nx,
        "NAXIS2": chip.geometry.ny,
        "gain": chip.gain,
        "read_noise": chip.read_noise / chip.gain,
    }


def filter_values(camera: instruments.Instrument, name: str) -> Values:
    """Return the attributes of the `Filter` of that name, but for links."""
    band, wavelength = camera.bands.get(name, ("", 0.0))
    return {"name": name, "mag_id": band, "central_wavelength": wavelength}


def enter_missing(connection: Any) -> list[str]:
    """Enter the cameras that projects are for and that are not entered yet; see `enter`."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT p.instrument FROM awe.project p WHERE p.instrument IS NOT NULL AND "
            "NOT EXISTS (SELECT 1 FROM awe.instrument i WHERE i.name = p.instrument "
            "AND i._privileges = %s)",
            (LEVEL,),
        )
        missing = {name for (name,) in cursor.fetchall()}
    known = missing & set(instruments.shipped()) if missing else ()
    return [line for name in sorted(known) for line in enter(connection, name)]


def enter(connection: Any, name: str) -> list[str]:
    """Enter a camera that comes with awe, with its chips and filters, for everybody to see.

    What came in by somebody's frames and says the same rises to that level, and is no longer that
    person's; what says something else, or has comments, stays as it is.

    Parameters
    ----------
    connection : connection of psycopg2
        Of a superuser.
    name : str
        Name of the camera.

    Returns
    -------
    list of str
        What is there with other values or with comments, and so was left alone.

    Raises
    ------
    ArgumentError
        No such camera comes with awe.
    """
    if name not in instruments.shipped():
        hint = nearest(name, list(instruments.shipped()))
        ours = ", ".join(instruments.shipped())
        msg = f"no camera {name!r} comes with awe{hint}; these do: {ours}"
        raise ArgumentError(msg)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT min(id) FROM awe.users")
        owner = cursor.fetchone()[0]
        if owner is None:
            return []  # nobody is registered yet
        left = []
        above: dict[str, str] = {}
        for cls, values in _rows(name):
            if cls is Instrument or above:
                number = _entered(cursor, cls, values | above, owner)
                if number is None:
                    left.append(f"{cls.__name__} {values['name']} of {name} is there otherwise")
                elif cls is Instrument:
                    above = {"instrument": number}
    return left


def _rows(name: str) -> Iterator[tuple[Any, Values]]:
    camera = instruments.get(name)
    yield Instrument, instrument_values(camera)
    for chip in camera.chips:
        yield Chip, chip_values(camera, chip)
    for one in sorted(set(camera.filters.values()) | set(camera.bands)):
        yield Filter, filter_values(camera, one)


def _entered(cursor: Any, cls: Any, values: Values, owner: int) -> str | None:
    """Make a row or let it rise; return its id, or None if there is another of its name."""
    names = [quoted(cls._attribute(name).column) for name in values]
    same = " AND ".join(f"t.{name} IS NOT DISTINCT FROM %s" for name in names)
    cursor.execute(
        f"UPDATE {table(cls)} t SET _creator = %s, _project = %s, _privileges = %s WHERE {same} "
        "AND t._privileges < %s "
        "AND NOT EXISTS (SELECT 1 FROM awe.comment c WHERE c.about = t.object_id)",
        (owner, PROJECT, LEVEL, *values.values(), LEVEL),
    )
    cursor.execute(
        f"INSERT INTO {table(cls)} (object_id, _creator, _project, _privileges, "
        f"{', '.join(names)}) VALUES (gen_random_uuid(){', %s' * (3 + len(names))}) "
        "ON CONFLICT DO NOTHING",
        (owner, PROJECT, LEVEL, *values.values()),
    )
    cursor.execute(
        f"SELECT t.object_id::text FROM {table(cls)} t WHERE {same} AND t._privileges = %s",
        (*values.values(), LEVEL),
    )
    found = cursor.fetchone()
    return None if found is None else str(found[0])
