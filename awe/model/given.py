"""Process parameters as they are given to a task: keys of a mapping, for all frames or for some.

A key is `<class>.process_params.<NAME>`; one that holds for a filter or a chip only says so at
its end: `CosmicMap.process_params.SIGMA_LIMIT @ filter=OCAM_i_SDSS @ chip=ESO_CCD_#65`.
What is said of fewer frames counts more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from awe import instruments
from awe.errors import ArgumentError, ParameterError, among, nearest

__all__ = ["Key", "check_place", "keys", "values_for"]

#: what a value may be limited to; the later one counts more
PLACES = ("filter", "chip")
MIDDLE = "process_params"


@dataclass(frozen=True, kw_only=True)
class Key:
    """Which parameter a value is for, and which frames.

    Attributes
    ----------
    product : str
        Name of the product class.
    name : str
        Name of the parameter.
    filter, chip : str
        Names of the filter and of the chip it holds for; empty for all.
    """

    product: str
    name: str
    filter: str = ""
    chip: str = ""

    @classmethod
    def parse(cls, text: str) -> Key:
        """Return what a key says.

        Parameters
        ----------
        text : str
            Key of a mapping of parameters.

        Raises
        ------
        ParameterError
            It is not written as one.
        """
        first, *limits = [part.strip() for part in str(text).split("@")]
        product, _, rest = first.partition(".")
        middle, _, name = rest.partition(".")
        places: dict[str, str] = {}
        for limit in limits:
            place, equals, value = limit.partition("=")
            if place.strip() not in PLACES or not equals or not value.strip():
                hint = nearest(place.strip(), list(PLACES))
                msg = f"{text!r}: {limit!r} is not filter=NAME or chip=NAME{hint}"
                raise ParameterError(msg)
            places[place.strip()] = value.strip()
        if middle != MIDDLE or not name:
            msg = (
                f"{text!r} is not a parameter; keys are '<class>.{MIDDLE}.<NAME>', and end in "
                "' @ filter=NAME' or ' @ chip=NAME' where they hold for one only"
            )
            raise ParameterError(msg)
        return cls(product=product, name=name, **places)

    def __str__(self) -> str:
        limits = [f" @ {place}={self.place(place)}" for place in PLACES if self.place(place)]
        return f"{self.product}.{MIDDLE}.{self.name}{''.join(limits)}"

    def place(self, name: str) -> str:
        """Return the filter or chip it holds for, empty for all.

        Parameters
        ----------
        name : str
            `filter` or `chip`.
        """
        found: str = getattr(self, name)
        return found

    @property
    def weight(self) -> int:
        """How much it counts: 0 for all frames, 1 for a filter, 2 for a chip, 3 for both."""
        return sum(bool(self.place(name)) << place for place, name in enumerate(PLACES))

    def holds(self, filter: str, chip: str) -> bool:
        """Return True if it holds for frames of a filter and a chip.

        Parameters
        ----------
        filter, chip : str
            Names; empty for frames without.
        """
        return self.filter in ("", filter) and self.chip in ("", chip)


def check_place(camera: str | None, *, filter: str = "", chip: str = "") -> None:
    """Refuse a filter or chip that a camera does not have.

    Parameters
    ----------
    camera : str or None
        Name of the instrument; without one nothing is known.
    filter, chip : str
        Names; empty for all.

    Raises
    ------
    ArgumentError
        It has no such filter.
    NotFound
        It has no such chip.
    """
    if camera is None:
        return
    if chip:
        instruments.get(camera).chip(chip)
    known = list(dict.fromkeys(instruments.get(camera).filters.values()))
    if filter and filter not in known:
        msg = f"{camera} has no filter {filter!r}{among(filter, known)}"
        raise ArgumentError(msg)


def keys(pars: Mapping[str, Any] | None) -> Iterable[tuple[Key, Any]]:
    """Yield key and value of all parameters, those that count more later.

    Parameters
    ----------
    pars : mapping or None
        Parameters as they are given.

    Raises
    ------
    ParameterError
        A key is not written as one.
    """
    found = [(Key.parse(text), value) for text, value in (pars or {}).items()]
    return sorted(found, key=lambda one: one[0].weight)


def values_for(
    pars: Mapping[str, Any] | None, product: str, *, filter: Any = None, chip: Any = None
) -> dict[str, Any]:
    """Return name -> value of the parameters that hold for one product.

    Parameters
    ----------
    pars : mapping or None
        Parameters as they are given.
    product : str
        Name of its class.
    filter, chip : object or None
        Its filter and chip, with their `name`.

    Raises
    ------
    ParameterError
        A key is not written as one.
    """
    where = [getattr(item, "name", "") for item in (filter, chip)]
    return {
        key.name: value
        for key, value in keys(pars)
        if key.product == product and key.holds(*where)
    }
