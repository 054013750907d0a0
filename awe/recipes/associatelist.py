"""Recipe AssociateList: which sources of several lists are one and the same."""

from __future__ import annotations

from typing import Any, ClassVar

from awe.errors import ArgumentError, NotFound
from awe.lazy import resolve
from awe.model.associations import AssociateList
from awe.model.observing import Instrument
from awe.model.sources import SourceList
from awe.tasks.arguments import Argument, common
from awe.tasks.catalogues import write_table
from awe.tasks.grids import some
from awe.tasks.inputs import mark_others
from awe.tasks.task import Stage, Task, Unit

__all__ = ["AssociateListTask"]


class AssociateListTask(Task):
    """Associate the sources of several lists by their places.

    Of two lists the closest pairs within `SEARCH_DISTANCE` are taken; sources with flags other
    than those of `SEXTRACTOR_FLAG_MASK` do not take part. Types: 1 chain, every list with the
    next; 2 master, every list with the first; 3 matched, every list with every other, and only
    what is in all of them.
    """

    makes: ClassVar[tuple[str, ...]] = ("AssociateList",)
    raw = "SourceList"
    whole = True
    stages = (
        Stage(name="associate", text="pair the sources of lists and group the pairs", unit="",
              required=True),
    )  # fmt: skip
    list_filenames: list[str] | None = None
    input_associatelist: str | None = None
    associatelisttype: int = 1
    name: str | None = None
    arguments = (
        *common("instrument"),
        Argument(name="list_filenames", short="lists", type=list, doc="names of source lists"),
        Argument(
            name="input_associatelist", type=str,
            doc="name of an association that is gone on with",
        ),
        Argument(
            name="associatelisttype", short="type", type=int, default=1, low=1, high=3,
            doc="1 chain, 2 master, 3 matched",
        ),
        Argument(name="name", type=str, doc="name of the list"),
        *common("pars", "commit"),
    )  # fmt: skip
    example = (
        "AssociateListTask(instrument='OMEGACAM', list_filenames=[one.filename for one in lists])"
        ".execute()  # doctest: +SKIP"
    )

    def units(self) -> list[Unit]:
        """Return one unit: all lists together."""
        inputs = _named(SourceList, self.list_filenames or [])
        lists = resolve("awe.tasks.associating:lists_of")(inputs, self._earlier())
        [camera] = Instrument.name == self.instrument
        dates = [one.DATE_OBS for one in lists if one.DATE_OBS is not None]
        return [
            Unit(
                name=self.name or f"{len(lists)} lists", instrument=camera, chip=None,
                frames=tuple(inputs), date=min(dates, default=lists[0].creation_date),
            )
        ]  # fmt: skip

    def _earlier(self) -> Any:
        name = self.input_associatelist
        return _named(AssociateList, [name])[0] if name is not None else None

    def make(self, unit: Unit) -> AssociateList:
        """Return the association of the unit's lists.

        Parameters
        ----------
        unit : Unit
            Work to do: the lists.
        """
        inputs, earlier = list(unit.frames), self._earlier()
        parameters = self.parameters("AssociateList")
        lists = resolve("awe.tasks.associating:lists_of")(inputs, earlier)
        columns = resolve("awe.tasks.associating:associated")(
            inputs, earlier, self.associatelisttype, parameters
        )
        shared = resolve("awe.tasks.associating:common_to")
        product = AssociateList(
            name=self.name or "", associatelisttype=self.associatelisttype, input_lists=inputs,
            input_associatelist=earlier, sourcelists=lists, process_params=parameters,
            instrument=unit.instrument, chip=shared(lists, "chip"), filter=shared(lists, "filter"),
            OBJECT=shared(lists, "OBJECT") or "", source_count=len(columns["AID"]),
            associate_count=int(columns["AID"].max(initial=0)), process_status=1,
        )  # fmt: skip
        product.verify()
        mark_others(product)
        told = resolve("awe.tasks.associating:COLUMN_TEXTS")
        write_table(self, product, columns, "ASSOCIATES", told)
        return product


def _named(cls: Any, names: list[str]) -> list[Any]:
    """Return the valid objects of a class by the names of their files, in the order given."""
    found = {one.filename: one for one in cls.filename.isin(names) & (cls.is_valid > 0)}
    lost = [name for name in names if name not in found]
    if lost:
        msg = (
            f"no valid {cls.__name__} named {some(lost)} is visible to you; take names from a "
            "query: [sl.filename for sl in query]"
        )
        raise NotFound(msg)
    if len(found) < len(names):
        msg = "a list is named twice; name every list once"
        raise ArgumentError(msg)
    return [found[name] for name in names]
