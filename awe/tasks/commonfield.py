"""The stars of many frames in one plane, each with its own solution to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe import bars
from awe.errors import NotFound, NoValidPixels
from awe.lazy import resolve
from awe.tasks.references import chosen, detected, reference_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from awe.calib.astrometry.matching import Stars
    from awe.calib.astrometry.overlaps import Detections
    from awe.tasks.task import Task

__all__ = ["CommonField", "common_field"]

#: how far round a frame reference stars are tried, beyond MAX_OFFSET [arcsec]
_AROUND = 60.0

#: points along each axis by which the coordinates of a header become polynomials
_GRID = 8

_ARCSEC = 3600.0


@dataclass(frozen=True, kw_only=True)
class CommonField:
    """Frames and a reference in the plane that touches the sky at `centre` [deg].

    Attributes
    ----------
    frames : list of ReducedScienceFrame
        Frames that can be used, in the order of `stars`.
    stars : list of Detections
        The stars of each.
    shapes : list of tuple of int
        Rows and columns of each.
    refcat : SourceList
        The reference catalogue.
    reference : Stars
        Its stars, at the date of the first frame.
    centre : tuple of float, deg
        Where the plane touches.
    """

    frames: list[Any]
    stars: list[Detections]
    shapes: list[tuple[int, int]]
    refcat: Any
    reference: Stars
    centre: tuple[float, float]


def common_field(
    task: Task, frames: Sequence[Any], name: str | None, parameters: Any, known: Any = None
) -> CommonField:
    """Return the stars of frames and of a reference in one plane.

    A frame without stars or coordinates is named and left out; one that has too few reference
    stars to be solved alone begins with its header, moved as the others were.

    Parameters
    ----------
    task : Task
        The task, inside `execute()`.
    frames : sequence of ReducedScienceFrame
        The frames.
    name : str or None
        Name of the reference catalogue; None takes the newest with enough stars.
    parameters : GAstrometricParameters
        Process parameters.
    known : SourceList, optional
        The very catalogue to take.

    Raises
    ------
    NoValidPixels
        Fewer than two frames can be used, or none can be solved alone.
    NotFound
        No reference catalogue has enough stars.
    """
    usable = [frame for frame in frames if frame.astrom is not None]
    for frame in frames:
        if frame.astrom is None:
            bars.say(f"{frame.filename}: left out: it has no world coordinates to begin with")
    if len(usable) < 2:
        msg = f"{len(usable)} of {len(frames)} frames have world coordinates, two are needed"
        raise NoValidPixels(msg)
    first = min(usable, key=lambda frame: frame.DATE_OBS)
    centre, radius = _extent(usable)
    refcat, _ = _catalogue(usable, name, parameters, known)
    reach = radius + (parameters.MAX_OFFSET + _AROUND) / _ARCSEC
    around = refcat.sources.near(centre[0] % 360, centre[1], min(reach, 20.0))
    table = around.to_table(["RA", "DEC", "MAG_AUTO", "PosErr", "pmRA", "pmDEC"])
    reference = reference_in(table, refcat, first.DATE_OBS, centre)
    kept, stars, shapes = _begun(task, usable, reference, centre, parameters)
    return CommonField(
        frames=kept, stars=stars, shapes=shapes, refcat=refcat, reference=reference,
        centre=centre,
    )  # fmt: skip


def _extent(frames: Sequence[Any]) -> tuple[tuple[float, float], float]:
    """Return the middle of frames on the sky, and how far their corners are from it [deg]."""
    import numpy as np

    points = []
    for frame in frames:
        x, y = (one.ravel() for one in np.meshgrid([0, frame.NAXIS1], [0, frame.NAXIS2]))
        ra, dec = (np.radians(one) for one in frame.wcs.all_pix2world(x, y, 0))
        points.append([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    vectors = np.concatenate(points, axis=1)
    middle = vectors.mean(axis=1)
    middle /= np.linalg.norm(middle)
    radius = float(np.degrees(np.arccos(np.clip(middle @ vectors, -1, 1)).max()))
    ra, dec = np.degrees(np.arctan2(middle[1], middle[0])), np.degrees(np.arcsin(middle[2]))
    return (float(ra) % 360, float(dec)), radius


def _catalogue(
    frames: Sequence[Any], name: str | None, parameters: Any, known: Any
) -> tuple[Any, Any]:
    """Return the catalogue that has enough stars in one of the frames."""
    problem: NotFound | None = None
    for frame in frames:
        try:
            return chosen(frame, name, parameters, known)
        except NotFound as error:
            problem = problem or error
    raise problem or NotFound("no frame")


def _begun(
    task: Task, frames: Sequence[Any], reference: Stars, centre: tuple[float, float],
    parameters: Any,
) -> tuple[list[Any], list[Detections], list[tuple[int, int]]]:  # fmt: skip
    """Return the frames with stars, their stars and shapes, each with a map to begin with."""
    import numpy as np

    make = resolve("awe.calib.astrometry.overlaps:Detections")
    stars: list[Detections] = []
    kept, shapes, moves, alone = [], [], [], []
    for frame in frames:
        task.fetch([frame])
        try:
            x, y, error, shape = detected(frame, parameters)
        except NoValidPixels as problem:
            bars.say(f"{frame.filename}: left out: {problem}")
            continue
        if len(x) < parameters.MIN_NREF:
            bars.say(f"{frame.filename}: left out: {len(x)} stars are too few")
            continue
        scale = _ARCSEC * float(np.sqrt(abs(np.linalg.det(frame.wcs.pixel_scale_matrix))))
        header = _of_header(frame, centre, shape)
        plate = _solved(
            frame.filename, x, y, error * scale, header, reference, parameters, shape
        )
        if plate is None:
            alone.append(len(stars))
        else:
            moves.append(np.median(plate(x, y) - header(x, y), axis=0))
        stars.append(make(x=x, y=y, error=error * scale, plate=plate or header))
        kept.append(frame)
        shapes.append(shape)
    if len(stars) < 2 or not moves:
        msg = (
            f"{len(stars)} of {len(frames)} frames have stars, and {len(moves)} can be tied to "
            "the reference; two and one are needed: see why with Astrometry"
        )
        raise NoValidPixels(msg)
    for number in alone:
        one = stars[number]
        stars[number] = make(
            x=one.x, y=one.y, error=one.error, plate=_moved(one.plate, np.median(moves, axis=0))
        )
    return kept, stars, shapes


def _of_header(frame: Any, centre: tuple[float, float], shape: tuple[int, int]) -> Any:
    """Return the coordinates of the header as polynomials to the common plane."""
    import numpy as np

    ny, nx = shape
    middle, size = np.array([(nx - 1) / 2, (ny - 1) / 2]), np.array([nx / 2, ny / 2])
    u, v = (one.ravel() for one in np.meshgrid(*[np.linspace(-1, 1, _GRID)] * 2))
    sky = frame.wcs.all_pix2world(middle[0] + u * size[0], middle[1] + v * size[1], 0)
    places = np.stack(
        resolve("awe.calib.astrometry.projection:projected")(*sky, centre), axis=-1
    )
    powers = resolve("awe.calib.astrometry.solution:terms")(u, v, 3)
    fitted = np.linalg.lstsq(powers, places, rcond=None)[0]
    return resolve("awe.calib.astrometry.solution:Plate")(
        coefficients=fitted.T, degree=3, middle=middle, size=size
    )


def _solved(
    name: str, x: NDArray[Any], y: NDArray[Any], error: NDArray[Any], header: Any,
    reference: Stars, parameters: Any, shape: tuple[int, int],
) -> Any:  # fmt: skip
    """Return the map of a frame solved alone, None where that cannot be."""
    make = resolve("awe.calib.astrometry.matching:Stars")
    places = header(x, y)
    reach = parameters.MAX_OFFSET + _AROUND
    low, high = places.min(axis=0) - reach, places.max(axis=0) + reach
    near = ((reference.places > low) & (reference.places < high)).all(axis=1)
    limits = resolve("awe.calib.astrometry.solution:Limits")(
        reach=parameters.MAX_OFFSET, scale=parameters.MAX_SCALE_ERROR, degree=parameters.PDEG,
        clip=parameters.CLIP, fewest=parameters.MIN_NREF, rms=parameters.MAX_RMS,
    )  # fmt: skip
    try:
        found = resolve("awe.calib.astrometry.solution:solve")(
            x, y, make(x=places[:, 0], y=places[:, 1], error=error),
            make(x=reference.x[near], y=reference.y[near], error=reference.error[near]), limits,
            shape,
        )  # fmt: skip
    except NoValidPixels as error:
        bars.say(f"{name}: not solved alone: {error}")
        return None
    return found.plate


def _moved(plate: Any, by: NDArray[Any]) -> Any:
    """Return a map that gives places moved by a shift [arcsec]."""
    coefficients = plate.coefficients.copy()
    coefficients[:, 0] += by
    return resolve("awe.calib.astrometry.solution:Plate")(
        coefficients=coefficients, degree=plate.degree, middle=plate.middle, size=plate.size
    )
