"""A picture is made of pixels and texts: no header is read, and astropy is not loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from astropy.io.fits import Header

from awe.inspect.facts import card_header, facts_of, read, written

DRAW = """
import sys
import numpy as np
import matplotlib as mpl
mpl.use("agg")
from awe.inspect import backend
backend.know(backend.Screen.FILE)
from awe.inspect.facts import read
from awe.inspect.picture import Look
from awe.inspect.sight import Sight
from awe.inspect.window import Window
header = read("GAIN    =                  2.5")
sight = Sight(pixels=np.ones((40, 30), "f4"), name="flat", header=header, unit="ADU")
look = Look(kappa=4.0, iterations=1, cmap="gray", lower=None, upper=None,
            interpolation="nearest")
window = Window(sight, look=look, size=(5, 6))
window._figure.savefig("first.png")
print(any(name.startswith("astropy") for name in sys.modules), sight.facts.gain)
"""


def test_a_picture_needs_no_header(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", DRAW], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.stdout == "False 2.5\n", run.stderr
    assert (tmp_path / "first.png").stat().st_size > 1000


def test_a_header_that_is_sent_is_the_same() -> None:
    header = Header([("GAIN", 2.5, "electrons"), ("HISTORY", "one"), ("HISTORY", "two"),
                     ("OBJECT", "M 31"), ("HIERARCH ESO DET ID", "CCD 50")])  # fmt: skip
    sent = read(written(header))
    assert sent
    assert facts_of(sent, "ADU").gain == 2.5
    assert "OBJECT" in sent
    assert "NAXIS" not in sent
    assert sent["ESO DET ID"] == "CCD 50"
    assert card_header(sent).cards["GAIN"].comment == "electrons"
    assert str(card_header(sent)) == str(header)
    assert len(sent) == len(list(sent)) == len(header)


def test_no_header_is_none() -> None:
    assert not read(written({}))
    assert facts_of(read("") or {}, "").sky is None
