"""The attacks' own way of making objects, for tests with a database of their own."""

from __future__ import annotations

import pytest
from maker import Maker


@pytest.fixture
def maker(db) -> Maker:
    return Maker(db)
