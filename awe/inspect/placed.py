"""Places of a table or of tracks, as a window draws them: read from whatever holds them."""

from __future__ import annotations

from typing import Any

from awe.errors import ArgumentError

__all__ = ["places_of", "tracks_of"]

#: columns of places, in the order in which they are looked for
COLUMNS = (
    ("sky", ("ra", "dec")), ("sky", ("RA", "DEC")), ("sky", ("raj2000", "dej2000")),
    ("pixel", ("x", "y")), ("pixel", ("x_centre", "y_centre")),
)  # fmt: skip


def places_of(table: Any) -> tuple[str, list[float], list[float]]:
    """Return the places in a table: their kind, and two coordinates.

    Parameters
    ----------
    table : Table, mapping or structured array
        With columns ra and dec [deg], or x and y [FITS pixel].

    Raises
    ------
    ArgumentError
        It has none of these columns, or they hold no numbers.
    """
    import numpy as np

    names = getattr(table, "colnames", None) or getattr(
        getattr(table, "dtype", None), "names", None
    )
    names = names or (table if hasattr(table, "keys") else ())
    known = {str(name).lower(): name for name in names}
    for kind, wanted in COLUMNS:
        if all(name.lower() in known for name in wanted):
            try:
                columns: list[Any] = [
                    np.ma.filled(np.ma.asarray(table[known[name.lower()]], dtype=float), np.nan)
                    for name in wanted
                ]
            except (TypeError, ValueError) as error:
                msg = f"columns {' and '.join(wanted)} hold no numbers: {error}"
                raise ArgumentError(msg) from error
            return kind, columns[0].tolist(), columns[1].tolist()
    found = ", ".join(map(str, known.values())) or type(table).__name__
    msg = f"a table with columns ra and dec, or x and y, is expected; found {found}"
    raise ArgumentError(msg)


def tracks_of(frame: Any) -> str:
    """Return the satellite tracks of a frame as regions; empty if it has none.

    Parameters
    ----------
    frame : frame
        A reduced frame, a weight or a map of tracks.
    """
    for name in ("weight", "satellite"):
        if getattr(frame, "tracks", None) is None:
            frame = getattr(frame, name, None) or frame
    lines = [
        f"line({one.x_start},{one.y_start},{one.x_end},{one.y_end})"
        for one in getattr(frame, "tracks", None) or ()
    ]
    return "image\n" + "\n".join(lines) if lines else ""
