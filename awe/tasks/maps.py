"""The pixel maps of one reduced frame: what was saturated, hit or crossed, as stored objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.fits import planes
from awe.model.science import CosmicMap, SatelliteMap, SatelliteTrack, SaturatedPixelMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.reduction import Reduced
    from awe.fits import Image
    from awe.tasks.task import Task

__all__ = ["coverage_image", "flag_image", "make_maps", "variance_image"]


def make_maps(
    task: Task, identity: dict[str, Any], reduced: Reduced, place: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the new maps of saturated pixels, cosmic rays and tracks, files written.

    Parameters
    ----------
    task : Task
        The task that makes them.
    identity : dict
        What they have in common with the frame.
    reduced : Reduced
        The frame.
    place : mapping
        What `prepare` takes of their place on the sky: `astrom`, and a `header` with distortions.
    """
    from awe.calib.cosmic import events
    from awe.calib.flags import PixelFlag

    spoilt = PixelFlag.SATURATED | PixelFlag.BLEED | PixelFlag.DEAD
    saturated = _map(task, SaturatedPixelMap, identity, place, reduced.bad(spoilt))
    hits = reduced.bad(PixelFlag.COSMIC)
    cosmic = _map(task, CosmicMap, identity, place, hits)
    cosmic.events = events.groups(hits)
    satellite = _map(task, SatelliteMap, identity, place, reduced.bad(PixelFlag.SATELLITE))
    satellite.tracks = [_track(identity, track) for track in reduced.tracks]
    return {"saturated": saturated, "cosmic": cosmic, "satellite": satellite}


def flag_image(flags: NDArray[Any], astrom: Any = None) -> Image:
    """Return reason bits as an extension whose header names every bit."""
    from astropy.io.fits import Header

    from awe.calib.flags import header_cards

    header = Header([("EXTNAME", planes.FLAGS[0], "reason bits; weight is 0 where one is set")])
    header.extend(header_cards())
    header.update(astrom.cards() if astrom is not None else {})
    return fits.Image(flags, header, within=0.0)


def variance_image(variance: NDArray[Any], astrom: Any = None, unit: str = "adu2") -> Image:
    """Return the variance of every pixel as an extension."""
    from astropy.io.fits import Header

    header = Header([("EXTNAME", planes.VARIANCE[0], "variance of the pixels")])
    header["BUNIT"] = (unit, "unit of the pixels")
    # without it astropy takes any plane of uncertainties for standard deviations
    header["UTYPE"] = ("VarianceUncertainty", "what astropy calls it")
    header.update(astrom.cards() if astrom is not None else {})
    return fits.Image(variance, header, within=planes.VARIANCE_WITHIN)


def coverage_image(coverage: NDArray[Any], astrom: Any = None) -> Image:
    """Return the number of frames behind every pixel of a sum as an extension."""
    from astropy.io.fits import Header

    header = Header([("EXTNAME", "COVERAGE", "number of frames that a pixel comes from")])
    header.update(astrom.cards() if astrom is not None else {})
    return fits.Image(coverage, header, within=0.0)


def _map(
    task: Task, cls: Any, identity: dict[str, Any], place: Mapping[str, Any], bad: NDArray[Any]
) -> Any:
    import numpy as np

    good = (~bad).view(np.uint8)
    product = cls(
        **identity,
        count=int(np.count_nonzero(bad)),
        process_params=task.parameters(cls.__name__),
        process_status=1,
    )
    product.verify(good)
    task.write(product, good, unit="", within=0.0, **place)
    return product


def _track(identity: dict[str, Any], track: Any) -> Any:
    names = ("raw", "instrument", "chip", "DATE_OBS")
    return SatelliteTrack(
        **{name: identity[name] for name in names},
        x_start=float(track.x0) + 1,
        y_start=float(track.y0) + 1,
        x_end=float(track.x1) + 1,
        y_end=float(track.y1) + 1,
        width=float(track.width),
        brightness=float(track.brightness),
        significance=float(track.score),
    )
