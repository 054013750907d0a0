"""The persistent classes of the optical pipeline: names, documentation, links, info, lineage."""

import datetime
import re

import pytest

from awe.errors import FileGone, Refused
from awe.model import classes

classes.load()

from awe.db.declare.registry import registry  # noqa: E402
from awe.model.calibrations import BiasFrame, HotPixelMap, ReadNoise  # noqa: E402
from awe.model.observing import Chip, Filter, Instrument  # noqa: E402
from awe.model.raw import RawBiasFrame, RawScienceFrame  # noqa: E402
from awe.model.statistics import Imstat, SubWinStat  # noqa: E402

DATE = datetime.datetime(2012, 6, 1, 8, 51, 44)


def camera():
    instrument = Instrument(name="OMEGACAM")
    return {"instrument": instrument, "chip": Chip(name="ESO_CCD_#65", instrument=instrument)}


def test_a_bias_has_the_properties_of_the_handbook_and_says_what_made_it():
    ours = ["choices", "consulted", "passed_over", "read_mode", "recipe", "request", "requested",
            "shows"]  # fmt: skip
    assert sorted(BiasFrame.get_persistent_properties()) == BiasFrame.get_persistent_properties()
    assert [name for name in BiasFrame.get_persistent_properties() if name not in ours] == [
        "chip", "creation_date", "filename", "globalname", "imstat", "instrument",
        "is_valid", "object_id", "observing_block", "prev", "process_params",
        "process_status", "quality_flags", "raw_bias_frames", "read_noise",
        "timestamp_end", "timestamp_start",
    ]  # fmt: skip
    assert set(ours) < set(BiasFrame.get_persistent_properties())


def test_a_raw_frame_begins_with_the_header_attributes_of_the_handbook():
    names = RawScienceFrame.get_persistent_properties()
    assert names[:4] == ["AIRMEND", "AIRMSTRT", "DATE", "DATE_OBS"]
    assert {"EXPTIME", "LST", "MJD_OBS", "OBJECT", "OBSERVER", "UTC", "astrom"} <= set(names)


OURS = sorted(name for name, cls in registry.items() if cls.__module__.startswith("awe.model."))


@pytest.mark.parametrize("name", OURS)
def test_every_attribute_of_every_class_is_documented_with_its_unit(name):
    cls = registry[name]
    assert cls.__doc__
    for attribute in cls.get_persistent_properties():
        doc = cls._attribute(attribute).declaration
        assert doc.rstrip().endswith("]"), f"{name}.{attribute}: {doc}"


def test_info_shows_units_names_of_links_and_members_of_lists(login, capsys):
    login()
    frames = [RawBiasFrame(**camera(), filename=f"b{n}.fits", EXPTIME=0.0) for n in range(2)]
    noise = ReadNoise(**camera(), read_noise=2.2, raw_bias_frames=frames)
    noise.info()
    shown = capsys.readouterr().out
    assert "not committed" in shown
    assert re.search(r"^read_noise +: 2.2 ADU", shown, re.MULTILINE)
    assert "2: b0.fits, b1.fits" in shown
    assert ": ESO_CCD_#65" in shown
    assert "<td>2.2 ADU</td>" in noise._repr_html_()
    assert "&" not in noise._repr_html_().replace("&#x27;", "").replace("&amp;", "")


LONG = "Cal-SCIENTIST-OMEGACAM-------OCAM_r_SDSS-ESO_CCD_#65-Mflat---Cal-61366.9-" + 40 * "f"


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_info_fits_the_terminal_and_names_people_and_projects(login, capsys, monkeypatch, columns):
    login()
    where = camera()
    bias = BiasFrame(**where, filename=f"{LONG}.fits")
    hot = HotPixelMap(**where, filename="hot.fits", bias=bias)
    hot.commit()
    monkeypatch.setenv("COLUMNS", str(columns))
    hot.info()
    lines = capsys.readouterr().out.splitlines()
    assert "by AWSTUDENT in TUTORIAL2015, privileges" in lines[2]
    table = [line for line in lines[3:] if not line.startswith(("object_id", "filename"))]
    assert max(len(line) for line in table) <= columns
    [link] = [line for line in table if line.startswith("bias ")]
    assert "Cal-SCIENTIST" in link
    assert "..." in link
    assert columns < 80 or any("Number of bad pixels" in line for line in table)
    bias.info()
    assert LONG in capsys.readouterr().out
    assert len(repr(bias)) < 90


def test_lineage_is_found_both_ways(login):
    login()
    where = camera()
    frames = [RawBiasFrame(**where, filename=f"b{n}.fits", DATE_OBS=DATE) for n in range(3)]
    noise = ReadNoise(**where, raw_bias_frames=frames[:2])
    bias = BiasFrame(**where, raw_bias_frames=frames, read_noise=noise, filename="bias.fits")
    again = BiasFrame(**where, raw_bias_frames=frames[:1], prev=bias, filename="again.fits")
    again.commit()
    assert set(frames[2].inverse_objects()) == {bias}
    assert set(frames[0].used_by()) == {noise, bias, again}
    tree = str(bias.lineage())
    assert tree.splitlines()[0] == "BiasFrame bias.fits"
    assert "raw_bias_frames: RawBiasFrame b2.fits" in tree
    assert "read_noise: ReadNoise" in tree
    assert "see above" in tree


def test_objects_one_may_not_see_are_absent_from_inverse_objects(login):
    from awe.db.objects.commit import update

    login("student")
    imstat = Imstat(median=3.0)
    frame = RawBiasFrame(**camera(), filename="b.fits", imstat=imstat)
    frame.commit()
    for item in (frame.instrument, frame.chip, frame.chip.instrument):
        update([item], _privileges=2)
    update([imstat], _privileges=2)
    update([frame], _privileges=2)
    login("other")
    seen = RawBiasFrame(filename="b.fits")
    assert seen.imstat.median == 3.0
    login("student")
    private = ReadNoise(raw_bias_frames=[RawBiasFrame(filename="b.fits")], read_noise=1.0)
    private.commit()
    login("other")
    assert RawBiasFrame(filename="b.fits").inverse_objects() == []


def test_windows_point_to_their_frame(login):
    login()
    raw = RawScienceFrame(**camera(), filename="r.fits", filter=Filter(name="OCAM_r_SDSS"))
    windows = [Imstat(x_lower=49, x_upper=560, median=float(n)) for n in range(3)]
    SubWinStat(raw=raw, windows=windows, columns=3, rows=1).commit()
    found = (SubWinStat.raw == raw)[0]
    assert found.frame == raw
    assert [window.median for window in found.windows] == [0.0, 1.0, 2.0]


def test_committed_objects_never_change(login):
    login()
    frame = RawBiasFrame(**camera(), filename="b.fits")
    frame.commit()
    with pytest.raises(Refused, match="never changes"):
        frame.OBJECT = "other"
    with pytest.raises(Refused, match="update_is_valid"):
        frame.is_valid = 0


def test_an_object_without_a_file_says_so(login):
    login()
    frame = RawBiasFrame(**camera(), filename="b.fits")
    with pytest.raises(FileGone, match=r"b\.fits has no file"):
        frame.retrieve()
    with pytest.raises(FileGone, match="has no local file"):
        frame.store()
    assert frame.pathname == ""
