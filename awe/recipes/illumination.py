"""Recipe Illumination: the large-scale error of the flat, from stars.

Either from the stars of dithered reduced frames, each compared with itself at other places of
the chip, or from a table of standard stars measured elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from awe import fits
from awe.errors import NoValidPixels
from awe.fits import planes
from awe.model.calibrations import (
    IlluminationCorrection,
    IlluminationCorrectionFrame,
    MasterFlatFrame,
)
from awe.tasks.arguments import Argument, common
from awe.tasks.inputs import choose, finish, nominal
from awe.tasks.selection import by_chip, chips_of_night, newest_of_each, raw_frames
from awe.tasks.tables import Table
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from awe.calib.sky.illumination import Illumination
    from awe.calib.sky.stars import Stars

__all__ = ["IlluminationTask"]

#: cells of the map of residuals along y and x
CELLS = (8, 4)

#: arcsec in a degree
ARCSEC = 3600.0


@dataclass(frozen=True, kw_only=True)
class Surface:
    """The fit, and what is left over [mag] in the cells of a grid."""

    fitted: Illumination
    residuals: NDArray[Any]


class IlluminationTask(Task):
    """Draw the illumination correction of a chip from stars seen at different places.

    Without `photometry` the stars of dithered ReducedScienceFrames are measured: the newest
    valid one of each raw frame of the template or night. An illumination correction the frames
    have is undone first. A tilt over the chip is known only as well as the sky was steady
    (`STEADINESS`). With `photometry` the table says how much too faint the flats make
    stars at which place, and no frame is read.
    """

    makes: ClassVar[tuple[str, ...]] = ("IlluminationCorrectionFrame", "IlluminationCorrection")
    raw = "ReducedScienceFrame"
    stages = (
        Stage(name="fit", text="measure and match stars, fit the surface", unit="", required=True),
    )
    photometry: Table | None = None
    arguments = (
        *common(
            "instrument", "date", "filter", "chip", "object", "template", "red_filenames"
        ),
        Argument(
            name="photometry",
            type=Table,
            doc="standard stars, a CSV file (read when the task is written) or columns: x, y "
            "[FITS pixel of the trimmed frame], difference [mag, measured minus true] and, if it "
            "holds several, chip",
        ),
        *common("pars", "commit"),
    )
    named: ClassVar[Mapping[str, str]] = {"flat_filename": "MasterFlatFrame"}
    needed: ClassVar[tuple[str, ...]] = ("flat",)
    example = (
        "from awe.demo.photometry import standards\n"
        ">>> IlluminationTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65', photometry=standards('ESO_CCD_#65')).execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per chip, with its dithered frames unless there is a table."""
        if self.photometry is not None:
            return chips_of_night(self)
        return by_chip(newest_of_each(raw_frames(self)))

    def jobs(self) -> list[dict[str, Any]]:
        """Return one call per chip, each with the stars of its chip."""
        calls: list[dict[str, Any]] = super().jobs()
        for call in calls:
            if self.photometry is not None:
                call["photometry"] = self.photometry.where("chip", call["chip"])
        return calls

    def make(self, unit: Unit) -> IlluminationCorrectionFrame:
        """Return the correction of the unit's chip as an image, mean 1.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        parameters = self.parameters("IlluminationCorrection")
        table = self.photometry
        surface = self._from_frames(unit) if table is None else self._from_table(unit, table)
        fitted = surface.fitted
        numbers = IlluminationCorrection(
            raw_science_frames=[frame.raw for frame in unit.frames],
            coefficients=[float(value) for value in fitted.coefficients.ravel()],
            degree=parameters.DEGREE,
            rms=fitted.rms,
            stars=fitted.stars,
            process_params=parameters,
        )
        finish(self, unit, numbers)
        image = fitted.image()
        product = IlluminationCorrectionFrame(
            illumination_correction=numbers, process_params=parameters
        )
        finish(self, unit, product, image)
        self.write(product, image, [_residual_image(surface.residuals)], unit="")
        return product

    # -- a table -------------------------------------------------------------------------------

    def _from_table(self, unit: Unit, table: Table) -> Surface:
        from awe.calib.sky import dithers, illumination

        parameters = self.parameters("IlluminationCorrection")
        flat = choose(unit, MasterFlatFrame)
        shape = (flat.NAXIS2, flat.NAXIS1)
        x, y, difference = _stars_of(table, unit.chip.name)
        fitted = illumination.fit(
            x, y, difference, shape=shape, degree=parameters.DEGREE, sigma=parameters.SIGMA_CLIP
        )
        left = difference - fitted.magnitudes(x, y)
        left[abs(left) > parameters.SIGMA_CLIP * fitted.rms] = float("nan")
        cells = dithers.residual_map(x, y, left, shape=shape, cells=CELLS)
        return Surface(fitted=fitted, residuals=cells)

    # -- frames --------------------------------------------------------------------------------

    def _from_frames(self, unit: Unit) -> Surface:
        import numpy as np

        from awe.calib.sky import dithers

        parameters = self.parameters("IlluminationCorrection")
        frames = list(unit.frames)
        shape = _common_shape(frames)
        self.fetch(frames)
        found = [self._stars(frame, parameters) for frame in frames]
        extinction = [
            parameters.EXTINCTION * (frame.AIRMSTRT + frame.AIRMEND) / 2 for frame in frames
        ]
        names = dithers.match(
            [_on_sky(frame, stars, frames[0]) for frame, stars in zip(frames, found, strict=True)],
            parameters.MATCH_RADIUS,
        )
        numbers = np.repeat(np.arange(len(found)), [stars.x.size for stars in found])
        joined = {
            name: np.concatenate([getattr(stars, name) for stars in found])
            for name in ("x", "y", "magnitude", "magnitude_error")
        }
        fitted, left = dithers.fit(
            np.concatenate(names),
            numbers,
            joined["x"],
            joined["y"],
            joined["magnitude"] - np.array(extinction)[numbers],
            joined["magnitude_error"],
            shape=shape,
            degree=parameters.DEGREE,
            sigma=parameters.SIGMA_CLIP,
            steadiness=parameters.STEADINESS,
        )
        cells = dithers.residual_map(joined["x"], joined["y"], left, shape=shape, cells=CELLS)
        return Surface(fitted=fitted, residuals=cells)

    def _stars(self, frame: Any, parameters: Any) -> Stars:
        """Return the stars of a reduced frame as they were before any illumination correction."""
        from awe.calib.sky import stars

        gain = frame.gain.gain if frame.gain is not None else nominal(frame).gain
        image = frame.data
        if frame.illumination is not None:
            image = image * self.pixels(frame.illumination)
        flags = planes.pixels(frame.pathname, planes.FLAGS)
        found = stars.measure(
            image,
            threshold=parameters.STAR_THRESHOLD,
            radius=parameters.APERTURE,
            gain=gain,
            box=parameters.BOX,
            bad=None if flags is None else flags != 0,
        )
        return found[found.magnitude_error <= parameters.MAXIMUM_ERROR]


def _common_shape(frames: list[Any]) -> tuple[int, int]:
    """Return the shape of frames that must all show the same part of the chip."""
    shapes = {(frame.NAXIS2, frame.NAXIS1) for frame in frames}
    if len(frames) < 2 or len(shapes) > 1:
        sizes = " and ".join(f"{nx} x {ny} pixels" for ny, nx in sorted(shapes))
        found = f"{len(frames)} of {sizes}" if frames else "none"
        msg = (
            f"an illumination correction needs at least 2 dithered frames of one size, found "
            f"{found}; reduce the other exposures of the template"
        )
        raise NoValidPixels(msg)
    return shapes.pop()


def _on_sky(frame: Any, stars: Stars, first: Any) -> tuple[Any, Any]:
    """Return places of stars on the sky [arcsec] about the reference point of the first frame."""
    import numpy as np

    if frame.astrom is None:
        msg = f"{frame.filename} has no world coordinates; leave it out by red_filenames"
        raise NoValidPixels(msg)
    ra, dec = frame.wcs.all_pix2world(stars.x, stars.y, 0)
    # far less than a degree: the plane is good enough to find the same star again
    east = (ra - first.astrom.CRVAL1 + 180) % 360 - 180
    across = east * np.cos(np.radians(first.astrom.CRVAL2))
    return across * ARCSEC, (dec - first.astrom.CRVAL2) * ARCSEC


def _stars_of(table: Table, chip: str) -> tuple[Any, Any, Any]:
    """Return zero-based x, y and differences of one chip's stars."""
    import numpy as np

    stars = table.where("chip", chip)
    names = ("x", "y", "difference")
    try:
        x, y, difference = (np.array(stars[name], np.float64) for name in names)
    except (KeyError, ValueError):
        # the contents of the table are not repeated
        msg = (
            f"the table of photometry cannot be used: it expects the columns {', '.join(names)} "
            "with numbers and, for several chips, chip"
        )
        raise NoValidPixels(msg) from None
    if not len(stars):
        msg = f"the table of photometry holds no star of {chip}; check its column chip"
        raise NoValidPixels(msg)
    return x - 1, y - 1, difference


def _residual_image(cells: NDArray[Any]) -> Any:
    """Return the map of residuals as an extension."""
    from astropy.io.fits import Header

    header = Header([("EXTNAME", "RESIDUAL", "stars minus surface, means of cells")])
    header["BUNIT"] = ("mag", "unit of the pixels")
    return fits.Image(cells, header)
