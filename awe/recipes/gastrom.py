"""Recipe GAstrom: one astrometric solution of frames that overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from awe.errors import NoValidPixels
from awe.lazy import resolve
from awe.model.astrometry import AstrometricParameters, GAstrometric
from awe.model.sources import SourceList
from awe.tasks.arguments import Argument, common
from awe.tasks.catalogues import write_table
from awe.tasks.commonfield import common_field
from awe.tasks.inputs import fixed
from awe.tasks.measuring import frames_to_measure
from awe.tasks.selection import by_filter
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.astrometry.overlaps import Common
    from awe.tasks.commonfield import CommonField

__all__ = ["GAstromTask"]


class GAstromTask(Task):
    """Solve the astrometry of reduced science frames that overlap together.

    Stars in several frames are at one place, so frames agree with each other better than each
    with a reference, and those with few reference stars are solved too. All chips and exposures
    of a filter are one solution; every frame has its part as `AstrometricParameters`.
    """

    makes: ClassVar[tuple[str, ...]] = ("GAstrometric", "AstrometricParameters")
    raw = "ReducedScienceFrame"
    of_object = True
    whole = True
    stages = (
        Stage(name="solve", text="detect, match, and solve all frames together", unit="",
              required=True),
    )  # fmt: skip
    reference: str | None = None
    arguments = (
        *common(
            "instrument", "date", "filter", "chip", "object", "template", "red_filenames"
        ),
        Argument(
            name="reference",
            type=str,
            doc="name of the reference catalogue; by default the newest with enough stars",
        ),
        *common("pars", "commit"),
    )
    example = (
        "GAstromTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "filter='OCAM_r_SDSS').execute()  # doctest: +SKIP"
    )

    def units(self) -> list[Unit]:
        """Return one unit per filter, with the frames of all chips."""
        return by_filter(frames_to_measure(self))

    def make(self, unit: Unit) -> GAstrometric:
        """Return the common solution of the unit's frames.

        Parameters
        ----------
        unit : Unit
            Work to do: frames of one filter.
        """
        parameters = self.parameters("GAstrometric")
        if len(unit.frames) < 2:
            msg = f"{unit.name}: one frame has nothing to agree with; AstrometryTask solves it"
            raise NoValidPixels(msg)
        field = common_field(
            self, unit.frames, self.reference, parameters, fixed(unit, SourceList)
        )
        try:
            found: Common = resolve("awe.calib.astrometry.overlaps:solve_together")(
                field.stars, field.reference, degree=parameters.PDEG, clip=parameters.CLIP
            )
        except NoValidPixels as error:
            msg = f"{unit.name}: {error}; reference catalogue {field.refcat.name}"
            raise NoValidPixels(msg) from error
        first = min(field.frames, key=lambda frame: frame.DATE_OBS)
        product = GAstrometric(
            refcat=field.refcat, instrument=unit.instrument, chip=unit.chip, filter=unit.filter,
            OBJECT=first.OBJECT, DATE_OBS=first.DATE_OBS, free=found.free,
            condition=found.condition, process_params=parameters, process_status=1,
        )  # fmt: skip
        product.NREF, product.RMS = _rms(found.off)
        product.N_OVERLAP, product.RMS_OVERLAP = _rms(found.overlap)
        _judge(unit, product, found, parameters)
        product.solutions = [
            self._part(field, found, number) for number in range(len(field.frames))
        ]
        product.alone = [
            one.reduced.filename for one in product.solutions if not one.N_OVERLAP
        ]
        product.verify()
        write_table(self, product, _overlaps(field, found), "OVERLAPS")
        return product

    def _part(self, field: CommonField, found: Common, number: int) -> AstrometricParameters:
        """Return the solution of one frame."""
        frame, mine = field.frames[number], found.frame == number
        off, overlap = found.off[mine], found.overlap[mine]
        part = AstrometricParameters(
            reduced=frame, refcat=field.refcat, refcat_slid=field.refcat.SLID,
            process_status=1, process_params=self.parameters("AstrometricParameters"),
        )  # fmt: skip
        for name in ("instrument", "chip", "filter", "observing_block", "template", "OBJECT",
                     "DATE_OBS"):  # fmt: skip
            setattr(part, name, getattr(frame, name))
        part.CRVAL1, part.CRVAL2 = field.centre
        for name, value in found.plates[number].cards(field.shapes[number]).items():
            setattr(part, name, value)
        part.NREF, part.RMS = _rms(off)
        part.N_OVERLAP, part.RMS_OVERLAP = _rms(overlap)
        for ending, values in (("", off), ("_OVERLAP", overlap)):
            for column, name in enumerate(("DRA", "DDEC")):
                mean, spread = _moments(values[:, column])
                setattr(part, f"MEAN_{name}{ending}", mean)
                setattr(part, f"SIGMA_{name}{ending}", spread)
        part.RMS_LEFT_OUT = found.rms_left_out if found.rms_left_out >= 0 else None
        moved = found.plates[number](*_middle(field.shapes[number]))
        before = frame.wcs.all_pix2world(*_middle(field.shapes[number]), 0)
        projected = resolve("awe.calib.astrometry.projection:projected")(*before, field.centre)
        part.shift = float(((moved[0] - [one[0] for one in projected]) ** 2).sum() ** 0.5)
        part.seeing = frame.psf_radius
        part.verify()
        write_table(self, part, _residuals(field, found, mine), "RESIDUALS")
        return part


def _middle(shape: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    import numpy as np

    return np.array([(shape[1] - 1) / 2]), np.array([(shape[0] - 1) / 2])


def _rms(left: NDArray[Any]) -> tuple[int, float]:
    """Return how many residuals there are, and their rms distance [arcsec]."""
    import numpy as np

    there = np.isfinite(left[:, 0])
    rms = float(np.sqrt(np.mean((left[there] ** 2).sum(axis=1)))) if there.any() else 0.0
    return int(there.sum()), rms


def _moments(values: NDArray[Any]) -> tuple[float, float]:
    there = values[values == values]
    return (float(there.mean()), float(there.std())) if there.size else (0.0, 0.0)


def _judge(unit: Unit, product: GAstrometric, found: Common, parameters: Any) -> None:
    """Refuse a solution that does not keep the limits."""
    told = (
        f"{product.NREF} stars with a reference, rms {product.RMS:.3f} arcsec, left out "
        f"{found.rms_left_out:.3f}; {product.N_OVERLAP} in overlaps, rms {product.RMS_OVERLAP:.3f}"
    )
    reasons = []
    if not product.RMS <= parameters.MAX_RMS:
        reasons.append(f"rms above {parameters.MAX_RMS:g} arcsec")
    if found.rms_left_out > parameters.MAX_RMS:
        reasons.append(f"rms of reference stars left out above {parameters.MAX_RMS:g} arcsec")
    if product.N_OVERLAP < parameters.MIN_N_OVERLAP:
        reasons.append("no frames overlap; Astrometry solves each alone")
    if found.free < 1:
        reasons.append(f"{found.free} degrees of freedom")
    if reasons:
        msg = f"{unit.name}: refused: {', '.join(reasons)} ({told})"
        raise NoValidPixels(msg)


def _columns(field: CommonField, found: Common, some: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return places on the sky and in the frames of detections."""
    import numpy as np

    place = np.zeros((int(some.sum()), 2))
    pixel = np.zeros_like(place)
    frame, star = found.frame[some], found.star[some]
    for number, (one, plate) in enumerate(zip(field.stars, found.plates, strict=True)):
        mine = frame == number
        pixel[mine] = np.stack([one.x[star[mine]], one.y[star[mine]]], axis=-1)
        place[mine] = plate(pixel[mine, 0], pixel[mine, 1])
    ra, dec = resolve("awe.calib.astrometry.projection:unprojected")(
        place[:, 0], place[:, 1], field.centre
    )
    return {"RA": ra, "DEC": dec, "Xpos": pixel[:, 0] + 1, "Ypos": pixel[:, 1] + 1}


def _residuals(field: CommonField, found: Common, mine: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the columns of the reference stars in a frame."""
    some = mine & (found.reference >= 0)
    off = found.off[some]
    return {**_columns(field, found, some), "DRA": off[:, 0], "DDEC": off[:, 1]}


def _overlaps(field: CommonField, found: Common) -> dict[str, NDArray[Any]]:
    """Return the columns of the stars in several frames."""
    import numpy as np

    some = np.isfinite(found.overlap[:, 0])
    left = found.overlap[some]
    numbers = {"frame": found.frame[some].astype(np.int32)}
    return {**_columns(field, found, some), **numbers, "DRA": left[:, 0], "DDEC": left[:, 1]}
