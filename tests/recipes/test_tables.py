"""Tables as arguments: read by whoever types the path, sent as columns, never quoted."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from astropy.table import Table as AstropyTable

from awe import recipes
from awe.dpu.planning import plain
from awe.errors import ArgumentError, NoValidPixels
from awe.recipes.illumination import _stars_of
from awe.tasks.arguments import Argument, refuse_paths
from awe.tasks.tables import Table, as_table

SECRET = "SECRET-7c02"


def test_a_csv_file_becomes_columns_at_once(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("chip, x,y\nA,1,2.5\nB,3,4e0\n")
    table = as_table(str(path), "photometry")
    path.unlink()
    assert table == {"chip": ["A", "B"], "x": [1.0, 3.0], "y": [2.5, 4.0]}
    assert table.where("chip", "B") == {"chip": ["B"], "x": [3.0], "y": [4.0]}
    assert len(table) == 2
    assert repr(table) == "<table of 2 rows, 3 columns>"
    assert as_table(json.loads(json.dumps(plain(table, "photometry"))), "photometry") == table


def test_columns_and_astropy_tables_are_taken():
    wanted = {"x": [1.0, 2.0], "chip": ["A", "B"]}
    columns = {"x": np.array([1.0, 2.0]), "chip": np.array(["A", "B"])}
    assert as_table(columns, "t") == wanted
    assert as_table(AstropyTable(columns), "t") == wanted
    for wrong in ({"x": [1], "y": [1, 2]}, {"x": [object()]}, 7, [1, 2]):
        with pytest.raises(ArgumentError):
            as_table(wrong, "t")


BAD = {
    "text": SECRET, "lines": f"{SECRET}\n{SECRET}", "ragged": f"x,y\n1,{SECRET}\n1,2,{SECRET}\n",
    "twice": f"x,x\n{SECRET},1\n", "latin": f"x\n{SECRET}\xff\n".encode("latin-1"),
    "quote": f'x\n"{SECRET}', "nul": f"x\n{SECRET}\0\n", "empty": "",
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_is_in_a_file_is_never_quoted(tmp_path, kind):
    path = tmp_path / "t.csv"
    content = BAD[kind]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    told = []
    try:
        table = as_table(path, "photometry")
    except ArgumentError as error:
        told.append(f"{error} {error.__cause__!r}")
    else:
        told.append(repr(recipes.find("Illumination")(instrument="OMEGACAM", photometry=table)))
        with pytest.raises(NoValidPixels) as caught:
            _stars_of(table, "ESO_CCD_#65")
        told.append(f"{caught.value} {caught.value.__cause__!r}")
    assert SECRET not in " ".join(told)


def test_pipes_devices_and_directories_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path, "/proc/self/mem\0"):
        with pytest.raises(ArgumentError) as told:
            as_table(path, "photometry")
        assert str(told.value).isprintable()


def test_a_job_is_sent_no_path_in_place_of_a_table():
    arguments = (Argument(name="stars", short="s", type=Table, doc="stars"),)
    for sent in ({"stars": "/etc/passwd"}, {"s": "x.csv"}):
        with pytest.raises(ArgumentError, match="is a path"):
            refuse_paths("Own", arguments, sent)
    refuse_paths("Own", arguments, {"stars": {"x": [1]}})


#: Text that a recipe takes as text: names of rows, looked up in the database and never opened.
NAMES = {
    "instrument", "filter", "chip", "object", "combine", "stop_after", "reference",
    "detection", "frames", "input_associatelist", "name",
} | {
    argument for name in recipes.available() for argument in recipes.find(name).named
}


def test_no_argument_of_any_recipe_is_a_path():
    """A new argument of text has to be looked at: is it a name, or would a job open it?"""
    texts = {argument.name for name in recipes.available() for argument in
             recipes.find(name).arguments if argument.type is str}
    assert texts <= NAMES, f"are these names or paths? {sorted(texts - NAMES)}"
