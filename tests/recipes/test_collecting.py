"""The collector of cycles passes over what was there before a task, and over nothing else."""

from __future__ import annotations

import gc
import weakref

from awe.tasks.collecting import uncollected


class Circle:
    """An object only the collector can remove."""

    def __init__(self):
        self.self = self


def test_what_was_there_is_passed_over_and_what_is_made_is_not():
    before = weakref.ref(Circle())
    with uncollected():
        assert gc.get_freeze_count()
        made = weakref.ref(Circle())
        with uncollected():
            pass
        assert gc.get_freeze_count()
        gc.collect()
        assert before() is not None
        assert made() is None
    assert not gc.get_freeze_count()
    gc.collect()
    assert before() is None


def test_a_process_that_has_frozen_its_objects_keeps_them_so():
    gc.freeze()
    try:
        with uncollected():
            pass
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
