"""Roles: the links of a product that hold calibrations, and the date those are chosen for."""

from __future__ import annotations

import datetime
from typing import Any

from awe.db.declare.attributes import Kind
from awe.model.mixins import has, value_of

__all__ = ["MISSING", "NOT_NAMED", "VALIDITY", "chosen_roles", "date_of"]

#: How a choice is recorded that nobody made: the newest valid one was taken.
VALIDITY = "validity"

#: How a choice is recorded where there was nothing to choose, and the user let that pass.
MISSING = "missing"

#: Records of choices that nobody made by naming a calibration.
NOT_NAMED = (VALIDITY, MISSING)

#: Links to something made along with the object, not chosen for it.
ALONG = {
    "DarkCurrent": ("dark",),
    "IlluminationCorrectionFrame": ("illumination_correction",),
}


def chosen_roles(cls: Any) -> list[str]:
    """Return the links of a class that hold calibrations chosen by validity."""
    along = (*ALONG.get(cls.__name__, ()), "prev")
    return [
        name
        for name, attribute in cls._attributes.items()
        if attribute.kind is Kind.LINK and name not in along
        and has(attribute.target, "timestamp_start")
    ]  # fmt: skip


def date_of(product: Any) -> datetime.datetime:
    """Return the date a product's calibrations were chosen for."""
    date = value_of(product, "DATE_OBS")
    if date is not None:
        moment: datetime.datetime = date
        return moment
    for attribute in type(product).get_persistent_properties():
        if attribute.startswith("raw"):
            inputs = getattr(product, attribute)
            first = inputs[0] if isinstance(inputs, list) and inputs else inputs
            if first:
                start: datetime.datetime = first.DATE_OBS
                return start
    if not has(product, "timestamp_start"):
        # an association of lists is of no moment
        made: datetime.datetime = product.creation_date
        return made
    middle: datetime.datetime = product.timestamp_start + (
        product.timestamp_end - product.timestamp_start
    ) / 2
    return middle
