"""Sums of reason bits and of quality bits, turned round."""

from __future__ import annotations

import pytest

from awe.calib.flags import PixelFlag
from awe.model.mixins import QualityFlag


@pytest.mark.parametrize("kind", [PixelFlag, QualityFlag])
def test_all_other_bits_are_all_other_bits(kind):
    """Debian 12 has a Python whose own answer to this lacks some."""
    members = list(kind)
    for one in members:
        for other in members:
            rest = ~(one | other)
            assert [member for member in members if member in rest] == [
                member for member in members if member not in (one, other)
            ]
