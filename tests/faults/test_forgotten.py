"""A database that fell may forget that a file had arrived: it is sent once more."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from awe.errors import Refused
from awe.tasks import keeping
from tests.recipes.conftest import made, night

__all__ = ["made", "night"]

FORGET = "UPDATE awe.file SET state = 'open', size = NULL, sha256 = NULL WHERE id = %s"
TRASH = "UPDATE awe.file SET state = 'trash', trashed = '-infinity' WHERE id = %s"
GIVE_UP = "DELETE FROM awe.file WHERE id = %s"


@pytest.fixture
def frame(night):
    """A raw frame whose file is stored, and that is not committed."""
    from awe.model.raw import RawBiasFrame

    pixels = night.raw(np.zeros(night.shape))
    frame = night.put(RawBiasFrame, pixels, datetime.datetime(2012, 6, 1))
    fresh = RawBiasFrame(pathname=frame.pathname, **{
        name: getattr(frame, name) for name in
        ("instrument", "chip", "template", "DATE_OBS", "NAXIS1", "NAXIS2", "extension", "geometry",
         "imstat")
    })  # fmt: skip
    fresh.store()
    return fresh


@pytest.mark.parametrize(
    ("forgotten", "told"),
    [(FORGET, "store it again"), (TRASH, "store it again"), (GIVE_UP, "an absent one")],
)
def test_a_file_the_database_forgot_is_stored_again_as_told(night, frame, forgotten, told):
    night.db.rows("superuser", forgotten, str(frame.file))
    with pytest.raises(Refused, match=told):
        frame.commit()
    frame.store()
    frame.commit()
    sql = "SELECT state FROM awe.file WHERE id = %s"
    assert night.db.rows("superuser", sql, str(frame.file)) == [("linked",)]


def test_the_end_of_a_unit_sends_it_again_by_itself(night, frame):
    night.db.rows("superuser", FORGET, str(frame.file))
    before = frame.file
    keeping.keep(frame)
    assert frame._committed
    assert frame.file == before


def test_what_is_stored_is_not_sent_again(night, frame, monkeypatch):
    from awe.dataserver.client import Client

    monkeypatch.setattr(Client, "put", None)
    frame.store()
    frame.commit()
    frame.store()
