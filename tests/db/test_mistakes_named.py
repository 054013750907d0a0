"""What people reported of other programs' queries and classes, tried on ours."""

from __future__ import annotations

import numpy as np
import pytest

from awe.db.objects.base import DBObject, persistent
from awe.errors import AttributeUnknown, QueryError
from awe.model.raw import RawScienceFrame


@pytest.mark.parametrize(
    "values", [np.array([1, 2]), np.array([]), np.array([[1.5]] * 2), [1, 2], (1,), {1, 2}]
)
@pytest.mark.parametrize("compare", ["__eq__", "__ne__", "__lt__", "__ge__"])
def test_a_column_compared_with_an_array_names_isin(values, compare):
    with pytest.raises(QueryError, match=r"expected one value; for several use isin"):
        getattr(RawScienceFrame.extension, compare)(values)
    # one value is one value
    getattr(RawScienceFrame.extension, compare)(np.array(3))


class Visit(DBObject, abstract=True):
    """Something of a user's own, with mistakes in its properties."""

    OBJECT = persistent("Its name [None]", str, "")

    @property
    def longest(self):
        """Fail, because of a name that is not there."""
        return max(part.EXPTIMES for part in [self])

    @property
    def nothing(self):
        """Fail, because None has no attributes."""
        return None.value

    @property
    def sound(self):
        """Work."""
        return 3


def test_a_mistake_inside_a_property_is_named():
    visit = object.__new__(Visit)
    with pytest.raises(AttributeUnknown, match="has no attribute 'EXPTIMES'"):
        _ = visit.longest
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'value'"):
        _ = visit.nothing
    assert visit.sound == 3
    with pytest.raises(AttributeUnknown, match="attribute 'longes'; did you mean 'longest'"):
        _ = visit.longes
