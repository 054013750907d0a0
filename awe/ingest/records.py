"""From a cut exposure to objects: raw frames with everything they link to.

Instruments, chips, filters, templates and blocks are looked up by what identifies them and made
only when there is none; one `Records` shares them among all exposures of a call. Nothing is
committed here.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from awe import instruments
from awe.model import released
from awe.model.mixins import QualityFlag
from awe.model.observing import Astrom, Chip, Filter, Instrument, ObservingBlock, Template
from awe.model.parameters import RawTwilightFlatFrameParameters
from awe.model.raw import (
    RawBiasFrame,
    RawDarkFrame,
    RawDomeFlatFrame,
    RawFitsData,
    RawFrame,
    RawScienceFrame,
    RawTwilightFlatFrame,
)
from awe.model.statistics import Imstat

if TYPE_CHECKING:
    from awe.ingest.split import ChipFrame, Exposure

__all__ = ["CLASSES", "Records"]

CLASSES: dict[str, type[RawFrame]] = {
    "bias": RawBiasFrame,
    "readnoise": RawBiasFrame,
    "dark": RawDarkFrame,
    "dome": RawDomeFlatFrame,
    "gain": RawDomeFlatFrame,
    "twilight": RawTwilightFlatFrame,
    "science": RawScienceFrame,
    "photom": RawScienceFrame,
}
"""Purpose of an exposure -> class of its frames."""

REGIONS = {
    "imstat": "active",
    "prescan_x_stat": "prescan_x",
    "prescan_y_stat": "prescan_y",
    "overscan_x_stat": "overscan_x",
    "overscan_y_stat": "overscan_y",
}


class Records:
    """Makes the objects of exposures; keeps what they share."""

    def __init__(self) -> None:
        self._shared: dict[tuple[Any, ...], Any] = {}

    def forget(self) -> None:
        """Look up again what frames have in common, after it could not be stored."""
        self._shared.clear()

    def frames(
        self,
        exposure: Exposure,
        purpose: str,
        files: Sequence[uuid.UUID],
        statistics: Sequence[Mapping[str, Mapping[str, float]]],
    ) -> list[RawFrame]:
        """Return the new raw frames of an exposure.

        Parameters
        ----------
        exposure : Exposure
            As examined.
        purpose : str
            Decides the class of the frames.
        files : sequence of UUID
            Records of the stored files, one per frame.
        statistics : sequence of dict
            Statistics by region, one per frame.
        """
        instrument = self._instrument(exposure.instrument)
        container = RawFitsData(
            filename=exposure.path.name,
            instrument=instrument,
            DATE_OBS=exposure.DATE_OBS,
            number_of_extensions=len(exposure.frames),
            checksum=exposure.checksum,
        )
        made = []
        for frame, file, numbers in zip(exposure.frames, files, statistics, strict=True):
            item = CLASSES[purpose]()
            item.raw_fits = container
            item.filename = item.globalname = frame.filename
            item.file = file
            self._fill(item, exposure.instrument, frame, numbers)
            made.append(item)
        return made

    def _fill(
        self,
        item: RawFrame,
        camera: str,
        frame: ChipFrame,
        numbers: Mapping[str, Mapping[str, float]],
    ) -> None:
        attributes = dict(frame.attributes)
        item.instrument = self._instrument(camera)
        item.chip = self._chip(camera, attributes.pop("chip"))
        item.extension = frame.extension
        item.template = self._template(attributes.pop("template"))
        item.observing_block = self._block(attributes.pop("observing_block"), item.template)
        geometry = dataclasses.asdict(attributes.pop("geometry"))
        amplifiers = list(geometry.pop("amplifiers"))
        item.geometry = {
            **geometry, "binning": list(geometry["binning"]),
            **({"amplifiers": amplifiers} if amplifiers else {}),
        }  # fmt: skip
        for name, region in REGIONS.items():
            if region in numbers:
                setattr(item, name, Imstat.from_numbers(numbers[region]))
        name = attributes.pop("filter")
        if name is not None and "filter" in type(item)._attributes:
            item.filter = self._filter(camera, name)
        cards = attributes.pop("astrom")
        if cards and "astrom" in type(item)._attributes:
            item.astrom = Astrom(**{k: v for k, v in cards.items() if not k.startswith("CTYPE")})
        for name, value in attributes.items():
            if name in type(item)._attributes:
                setattr(item, name, value)
        if isinstance(item, RawTwilightFlatFrame):
            _judge_level(item, camera)
        item.process_status = 1

    def _instrument(self, name: str) -> Instrument:
        camera = instruments.get(name)
        instrument: Instrument = self._found_or_made(
            Instrument, {"name": name}, **released.instrument_values(camera)
        )
        return instrument

    def _chip(self, camera: str, name: str) -> Chip:
        key = (Chip, camera, name)
        if key not in self._shared:
            instrument = self._instrument(camera)
            if (Chip, camera) not in self._shared:
                found = Chip.instrument.name == camera
                self._shared[Chip, camera] = {chip.name: chip for chip in found}
            known = self._shared[Chip, camera]
            self._shared[key] = known.get(name) or Chip(
                instrument=instrument, **released.chip_values(instruments.get(camera), name)
            )
        chip: Chip = self._shared[key]
        return chip

    def _filter(self, camera: str, name: str) -> Filter:
        values = released.filter_values(instruments.get(camera), name)
        filter_: Filter = self._found_or_made(
            Filter, {"name": name}, instrument=self._instrument(camera), **values
        )
        return filter_

    def _template(self, values: dict[str, Any]) -> Template | None:
        if not values:
            return None
        strategy = values["id"].rpartition("_")[2]
        template: Template = self._found_or_made(
            Template,
            {"start": values["start"], "id": values["id"]},
            name=values.get("name", ""),
            number_of_exposures=values.get("nexp", 0),
            observing_strategy=strategy,
        )
        return template

    def _block(self, values: dict[str, Any], template: Template | None) -> ObservingBlock | None:
        if not values:
            return None
        identity = {"start": values["start"], "id": values["id"]}
        others = {name: value for name, value in values.items() if name not in identity}
        block: ObservingBlock = self._found_or_made(
            ObservingBlock, identity, **others, templates=[template] if template else []
        )
        return block

    def _found_or_made(self, cls: Any, identity: dict[str, Any], **others: Any) -> Any:
        key = (cls, *identity.values())
        if key not in self._shared:
            conditions = [getattr(cls, name) == value for name, value in identity.items()]
            query = conditions[0]
            for condition in conditions[1:]:
                query = query & condition
            found = query[0] if len(query) else None
            self._shared[key] = found or cls(**{**others, **identity})
        return self._shared[key]


def _judge_level(item: RawTwilightFlatFrame, camera: str) -> None:
    """Note between which mean levels a twilight flat is accepted, and if it is not."""
    limits = RawTwilightFlatFrameParameters.defaults(camera)
    item.MEAN_LOW = float(limits["MIN_FLAT_MEAN"])
    item.MEAN_HIGH = float(limits["MAX_FLAT_MEAN"])
    if item.imstat is not None and not item.MEAN_LOW <= item.imstat.mean <= item.MEAN_HIGH:
        item.quality_flags = int(QualityFlag.LEVEL)
