"""Associations: which sources of several lists are one and the same."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from awe.db.objects.base import behaviour, persistent
from awe.model.associates import Associates
from awe.model.data import DataObject
from awe.model.mixins import Product
from awe.model.observing import Chip, Filter, Instrument
from awe.model.skyparameters import AssociateListParameters
from awe.model.sources import BITS, SourceList

__all__ = ["AssociateList"]


class AssociateList(Product, DataObject):
    """Sources of several lists that are one and the same, by their places.

    `input_lists` are associated, after what `input_associatelist` has already. Types: 1 chain,
    every list with the next; 2 master, every list with the first; 3 matched, every list with
    every other, and what is not in all of them is left out.
    """

    ALID = persistent("Number of the list, unique in the whole system [None]", int, 0)
    name = persistent("Name of the list [None]", str, "")
    OBJECT = persistent("Name of the target, where all lists are of one [None]", str, "")
    associatelisttype = persistent("1 chain, 2 master, 3 matched [None]", int, 1)
    input_lists = persistent("Lists whose sources are associated [None]", SourceList, [])
    input_associatelist = persistent(
        "Association that is gone on with, none to begin with [None]", "AssociateList", None
    )
    sourcelists = persistent(
        "All lists, those of the earlier association first: one bit of FLAG each [None]",
        SourceList,
        [],
    )
    instrument = persistent("Camera of the lists, the first that has one [None]", Instrument, None)
    chip = persistent("Detector, where all lists are of one [None]", Chip, None)
    filter = persistent("Filter, where all lists are of one [None]", Filter, None)
    associate_count = persistent("Number of groups of sources [None]", int, 0)
    source_count = persistent("Number of sources in them [None]", int, 0)
    process_params = persistent("Process parameters [None]", AssociateListParameters, None)

    __order__: ClassVar[tuple[str, ...]] = ("creation_date", "ALID")
    __unique__: ClassVar[tuple[Any, ...]] = ("ALID",)
    __indexes__: ClassVar[tuple[Any, ...]] = ("name",)

    def __init__(self, **attributes: Any) -> None:
        begun = "_values" not in self.__dict__
        super().__init__(**attributes)
        if begun and attributes.get("process_params") is None:
            parameters: Any = AssociateListParameters.make()
            self.process_params = parameters

    def set_search_distance(self, distance: float) -> None:
        """Set the largest distance of a pair.

        Parameters
        ----------
        distance : float, arcsec
            The distance.

        Raises
        ------
        ParameterError
            It is not a distance.
        """
        kept = AssociateListParameters.check("SEARCH_DISTANCE", distance)
        self.process_params.SEARCH_DISTANCE = kept

    @property
    def associates(self) -> Associates:
        """The groups: `len()`, `to_table()`, `get_data()`."""
        return Associates(self)

    def commit(self) -> None:
        """Store the file, if that was not done yet, and commit the list."""
        if not self._committed and not self.file and self.pathname:
            self.store()
        super().commit()

    make = behaviour("awe.tasks.associating:make")
    verify = behaviour("awe.rules.quality:verify")
    compare = behaviour("awe.rules.comparison:compare")
    plot = behaviour("awe.inspect.quality:plot")
    inspect = behaviour("awe.inspect.quality:plot")
    why = behaviour("awe.rules.made_from:why")

    def _ready(self) -> None:
        """Give the list its number: one that nobody can take before."""
        super()._ready()
        if not self.ALID:
            number: uuid.UUID = self.object_id
            self.ALID = number.int >> (128 - BITS)
