"""Threads that share the units of a task: same products, one bad frame, Ctrl-C, rights, memory."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from awe.errors import ArgumentError, Defect

TEMPLATE = "2012-06-01T08:51:44"


def task(cls=None, **arguments):
    from awe import recipes

    cls = cls or recipes.find("Reduce")
    return cls(instrument="OMEGACAM", template=TEMPLATE, **arguments)


def test_threads_make_what_one_makes_in_the_order_of_the_query(calibrated, capsys):
    from awe.model.science import ReducedScienceFrame

    calibrated.login("student")
    alone = task(workers=1, commit=True).execute()
    shared = task(workers=3, commit=True).execute()
    assert [red.raw for red in shared] == [red.raw for red in alone]
    assert len({red.chip.name for red in shared}) == 2
    for one, other in zip(alone, shared, strict=True):
        assert np.array_equal(one.data, other.data, equal_nan=True)
        assert one.imstat.median == other.imstat.median
        assert other.bias == one.bias
        assert other.weight.saturated.count == one.weight.saturated.count
        assert Path(other.pathname).parent == Path.cwd()
    assert len(ReducedScienceFrame.select_all()) == 8
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all(line.endswith("; committed") for line in lines)


def test_units_run_side_by_side_and_connections_are_given_back(calibrated):
    from awe import recipes
    from awe.db.server.connection import database

    meeting = threading.Barrier(2, timeout=20)

    class Meeting(recipes.find("Reduce")):
        def make(self, unit):
            meeting.wait()
            assert unit.frames[0] is not frames[0]  # objects belong to the thread
            return super().make(unit)

    first = task(Meeting, workers=2)
    frames = [unit.frames[0] for unit in first.units()]
    assert len(first.execute()) == 4
    used = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user"
    deadline = time.monotonic() + 5
    while database.execute(used)[0][0] > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert database.execute(used)[0][0] == 1


def test_a_bad_frame_costs_no_other_and_its_files_are_gone(calibrated, capsys):
    from awe import recipes

    class Stumbling(recipes.find("Reduce")):
        def make(self, unit):
            product = super().make(unit)
            if unit.name.endswith("08:51:44.000_1.fits"):
                raise ZeroDivisionError
            return product

    assert len(task(Stumbling, workers=2).execute()) == 3
    assert "08:51:44.000_1.fits: failed: awe defect: ZeroDivisionError" in capsys.readouterr().out
    assert len(list(Path.cwd().glob("*-Red-*"))) == 3
    assert len(list(Path.cwd().glob("Sci-*.fits"))) == 3 * 5

    class Falling(recipes.find("Reduce")):
        def make(self, unit):
            raise ZeroDivisionError

    with pytest.raises(Defect):
        task(Falling, workers=2).execute()


def test_ctrl_c_ends_all_threads_and_leaves_nothing_half_done(calibrated):
    from awe import recipes
    from awe.model.science import ReducedScienceFrame

    under_way = threading.Barrier(3, timeout=20)
    pressed = threading.Event()

    class Slow(recipes.find("Reduce")):
        def make(self, unit):
            product = super().make(unit)
            under_way.wait()
            pressed.wait(20)
            return product

    def press():
        under_way.wait()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        pressed.set()

    finger = threading.Thread(target=press)
    finger.start()
    with pytest.raises(KeyboardInterrupt):
        task(Slow, workers=2, commit=True).execute()
    finger.join()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("awe-unit")]
    assert list(Path.cwd().glob("Sci-*.fits")) == []
    assert len(ReducedScienceFrame.select_all()) == 0


def test_threads_work_in_the_scope_of_the_caller(calibrated):
    from awe.context import context

    calibrated.login("student", privileges=1)
    made = task(workers=2, commit=True).execute()
    assert {red._privileges for red in made} == {1}
    assert {red._creator for red in made} == {context.get_current_user().id}


def test_calibrations_of_a_chip_are_let_go_with_it(calibrated):
    from awe import recipes

    kept = []

    class Watching(recipes.find("Reduce")):
        def make(self, unit):
            product = super().make(unit)
            session = self._running()
            kept.append((len(session.pixels), len(list(session.scratch.iterdir()))))
            return product

    assert len(task(Watching, workers=1).execute()) == 4
    # bias and flat with variance and bits, hot and cold pixels of one chip, never of two, and none
    # with the last frame of a chip
    assert kept == [(8, 4), (0, 4)] * 2


def test_how_many_threads(calibrated, monkeypatch):
    from awe import recipes
    from awe.tasks import execution as crew

    monkeypatch.setattr(crew, "default_number", lambda: 3)
    assert crew.threads(task(), 8) == 3
    assert crew.threads(task(), 2) == 2
    assert crew.threads(task(workers=1), 8) == 1
    assert crew.threads(task(workers=5), 8) == 5

    class Own(recipes.find("Reduce")):
        """A recipe of somebody's own knows nothing of threads."""

    assert crew.threads(task(Own), 8) == 1
    assert crew.threads(task(Own, workers=2), 8) == 2
    in_a_job = task(workers=5)
    in_a_job.items = object()
    assert crew.threads(in_a_job, 8) == 1
    assert "workers" not in task(workers=5).jobs()[0]
    with pytest.raises(ArgumentError, match="workers expects 1 to 64"):
        task(workers=0)


def test_only_recipes_of_awe_get_links_to_the_store(calibrated):
    from awe import recipes
    from awe.model.calibrations import BiasFrame
    from awe.tasks.attempt import Session

    class Own(recipes.find("Reduce")):
        """May do anything to what it fetched."""

    kinds = {}
    for name, made in (("ours", task()), ("own", task(Own))):
        folder = Path.cwd() / name
        folder.mkdir()
        made._session = Session(scratch=folder, stop=threading.Event())
        bias = BiasFrame.chip.name == "ESO_CCD_#65"
        made.fetch(list(bias))
        kinds[name] = [path.is_symlink() for path in folder.iterdir()]
        bias[0].__dict__.pop("_path", None)
    assert kinds == {"ours": [True], "own": [False]}
