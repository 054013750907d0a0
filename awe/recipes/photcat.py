"""Recipe Photcat: which standard stars are in a reduced frame, and how bright they came out."""

from __future__ import annotations

from typing import Any, ClassVar

from awe.model.photometry import PhotSrcCatalog
from awe.tasks.arguments import Argument, common
from awe.tasks.inputs import mark_others
from awe.tasks.measuring import frames_to_measure
from awe.tasks.selection import one_each
from awe.tasks.standards import catalogue_of
from awe.tasks.task import Stage, Task, Unit

__all__ = ["PhotcatTask"]


class PhotcatTask(Task):
    """Find the standard stars in reduced science frames and measure their light.

    Standards are those of the newest catalogue that has the band of the filter, by place: that of
    the newest sound astrometric solution, or of the header. Light is measured in a circle of
    `APERTURE` widths of stars; stars with bad or saturated pixels, or with neighbours in the
    circle, are not used. `Photom` makes these catalogues itself where they are missing.
    """

    makes: ClassVar[tuple[str, ...]] = ("PhotSrcCatalog",)
    raw = "ReducedScienceFrame"
    of_object = True
    stages = (
        Stage(name="measure", text="detect, match and measure the standards", unit="",
              required=True),
    )  # fmt: skip
    transform: bool | None = None
    reference: str | None = None
    inspect: bool = False
    arguments = (
        *common(
            "instrument", "date", "filter", "chip", "object", "template", "red_filenames"
        ),
        Argument(
            name="transform", type=bool,
            doc="whether magnitudes are brought into the system of the camera; by default if "
            "there is a PhotTransformation",
        ),
        Argument(
            name="reference", type=str,
            doc="name of the catalogue of standards; by default the newest that has them",
        ),
        Argument(
            name="inspect", type=bool, default=False,
            doc="draw each catalogue: raw zero points by magnitude, and over the frame",
        ),
        *common("pars", "commit"),
    )  # fmt: skip
    example = (
        "PhotcatTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "chip='ESO_CCD_#65').execute()  # doctest: +SKIP"
    )

    def units(self) -> list[Unit]:
        """Return one unit per reduced frame."""
        return one_each(frames_to_measure(self))

    def effective(self, name: str) -> Any:
        """Return the value of an argument that holds when it is left out.

        Parameters
        ----------
        name : str
            Name of the argument.
        """
        return None if name == "inspect" else super().effective(name)

    def make(self, unit: Unit) -> PhotSrcCatalog:
        """Return the standards of the unit's frame.

        Parameters
        ----------
        unit : Unit
            Work to do: one reduced frame.
        """
        product = catalogue_of(
            self, unit, unit.frames[0], transform=self.transform, reference=self.reference
        )
        mark_others(product)
        if self.inspect:
            product.inspect()
        return product
