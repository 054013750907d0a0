"""One attribute against another over a query, and a product beside the version before it."""

import datetime
import math
from pathlib import Path

import pytest

from tests.recipes.conftest import product_of

CHIP = "ESO_CCD_#65"


@pytest.fixture
def closing(monkeypatch):
    """A machine without a display; figures are closed afterwards."""
    from matplotlib import pyplot as plt

    from awe.inspect import backend

    monkeypatch.setattr(backend, "screen", lambda: backend.Screen.FILE)
    yield
    plt.close("all")


def points(figure):
    """The points of each group of a figure, in order of the legend."""
    from matplotlib.dates import num2date

    def moment(value):
        if isinstance(value, datetime.datetime):
            return value
        return num2date(value).replace(tzinfo=None)

    [axes] = figure.axes
    return {
        line.get_label(): [(moment(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]
        for line in axes.get_lines()
    }


def test_a_number_is_plotted_against_the_date(night, closing, capsys):
    from awe.model.raw import RawTwilightFlatFrame
    from awe.prompt import figures

    query = RawTwilightFlatFrame.chip.name == CHIP
    figure = query.plot("DATE_OBS", "imstat.median")
    told = capsys.readouterr().out
    name = "RawTwilightFlatFrame-DATE_OBS-imstat_median.png"
    assert told == f"plot of 5 RawTwilightFlatFrame: {name}\n"
    assert Path(name).read_bytes()[:4] == b"\x89PNG"
    [axes] = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("DATE_OBS [UTC]", "imstat.median [ADU]")
    [drawn] = points(figure).values()
    assert drawn == [(one.DATE_OBS, one.imstat.median) for one in query]
    assert figure.legends == []
    assert figures.waiting() == ""


def test_each_chip_and_filter_has_its_colour_and_a_line_in_the_legend(night, closing):
    from awe.model.raw import RawScienceFrame

    query = RawScienceFrame.select_all()
    figure = query.plot("DATE_OBS", "imstat.max", by="chip", filename="chips.pdf")
    assert Path("chips.pdf").read_bytes()[:4] == b"%PDF"
    found = points(figure)
    assert list(found) == ["ESO_CCD_#65", "ESO_CCD_#66"]
    for chip, drawn in found.items():
        same = query & (RawScienceFrame.chip.name == chip)
        assert drawn == [(one.DATE_OBS, one.imstat.max) for one in same]
    lines = figure.axes[0].get_lines()
    assert len({line.get_color() for line in lines}) == 2
    [legend] = figure.legends
    assert legend.get_title().get_text() == "chip"
    figure = query.plot("MJD_OBS", "imstat.max", by="filter.name", filename="filters.png")
    assert [line.get_label() for line in figure.axes[0].get_lines()] == ["OCAM_r_SDSS"]


def test_a_plot_goes_through_links_and_takes_paths(calibrated, closing):
    from awe.model.calibrations import HotPixelMap

    query = HotPixelMap.select_all()
    figure = query.plot(HotPixelMap.bias.creation_date, "bias.imstat.stdev", filename="a.png")
    [drawn] = points(figure).values()
    assert drawn == [(one.bias.creation_date, one.bias.imstat.stdev) for one in query]
    assert figure.axes[0].get_ylabel() == "bias.imstat.stdev [ADU]"


def test_what_has_no_value_is_left_out_and_counted(night, closing, capsys):
    from awe.errors import QueryError
    from awe.model.raw import RawDarkFrame
    from awe.model.statistics import Imstat

    for number, median in enumerate((1.0, None, math.nan, math.inf)):
        RawDarkFrame(
            filename=f"dark{number}.fits", chip=night.chips[0], instrument=night.instrument,
            DATE_OBS=datetime.datetime(2012, 6, 1), imstat=Imstat(median=median),
        ).commit()  # fmt: skip
    RawDarkFrame(filename="bare.fits", imstat=Imstat(median=2.0)).commit()
    query = RawDarkFrame.select_all()
    figure = query.plot("DATE_OBS", "imstat.median", by="chip", filename="a.png")
    assert points(figure) == {CHIP: [(datetime.datetime(2012, 6, 1), 1.0)]}
    assert "plot of 1 RawDarkFrame (4 without a value left out): a.png" in capsys.readouterr().out
    figure = query.plot("EXPTIME", "imstat.median", by="chip", filename="a.png")
    assert [line.get_label() for line in figure.axes[0].get_lines()] == [CHIP, "(none)"]
    bare = RawDarkFrame.filename == "bare.fits"
    with pytest.raises(QueryError, match="none of 1 RawDarkFrame has both values"):
        bare.plot("DATE_OBS", "imstat.median")


def test_what_cannot_be_plotted_is_told_in_one_line(night, closing):
    from matplotlib import pyplot as plt

    from awe.errors import ArgumentError, AttributeUnknown, QueryError
    from awe.model.raw import RawBiasFrame

    query = RawBiasFrame.select_all()
    for names, error, words in (
        (("DATE_OBZ", "EXPTIME"), AttributeUnknown, "did you mean 'DATE_OBS'"),
        (("DATE_OBS", "imstat.medan"), AttributeUnknown, "did you mean 'median'"),
        (("DATE_OBS", "OBJECT"), QueryError, "OBJECT is str, neither a number nor a date"),
        (("DATE_OBS", "imstat"), QueryError, "is Imstat, .*: imstat.min, imstat.max, imstat.mean"),
        (("DATE_OBS", "geometry"), QueryError, "geometry is dict, neither"),
        (("DATE_OBS", 3), QueryError, "an attribute is named by a string"),
    ):
        with pytest.raises(error, match=words) as told:
            query.plot(*names)
        assert "\n" not in str(told.value)
    with pytest.raises(AttributeUnknown, match="color"):
        query.plot("DATE_OBS", "EXPTIME", by="color")
    empty = query & (RawBiasFrame.EXPTIME > 1e9)
    with pytest.raises(QueryError, match="the query has no RawBiasFrame that you may see"):
        empty.plot("DATE_OBS", "EXPTIME")
    assert plt.get_fignums() == []  # nothing was drawn before it was refused
    for path, words in (("a.xyz", "'xyz' is not supported"), ("no/a.png", "No such file")):
        with pytest.raises(ArgumentError, match=words):
            query.plot("DATE_OBS", "EXPTIME", filename=path)


def test_more_groups_than_colours_are_grey_together(closing):
    from awe.inspect.scatter import MOST, Axis, draw

    number = Axis(name="x", unit="", dates=False)
    groups = {f"g{k}": [(k, k)] for k in range(MOST + 3)}
    figure = draw(number, number, groups, title="many", legend="object")
    labels = [line.get_label() for line in figure.axes[0].get_lines()]
    assert labels == [*[f"g{k}" for k in range(MOST)], "3 others"]


def test_compare_is_a_table_with_limits_and_a_verdict(calibrated):
    from awe.model.calibrations import BiasFrame

    first = BiasFrame.select(instrument="OMEGACAM", date=calibrated.date, chip=CHIP)
    found = first.compare()
    assert (found, found.previous, found.verdict) == ({}, None, True)
    assert repr(found) == f"there is no version before it: {first.filename}"
    second = product_of("Bias", date=calibrated.date)
    found = second.compare()
    change = found["imstat.stdev"]
    assert change.limit == second.process_params.MAXIMUM_STDEV_DIFFERENCE == 10.0
    assert (change.value, change.previous) == (second.imstat.stdev, first.imstat.stdev)
    assert (change.unit, change.verdict) == ("ADU", True)
    assert found["imstat.median"].verdict is None  # no limit is declared for it
    assert found.verdict
    title, now, before, heads, median, stdev = repr(found).splitlines()
    assert title == "True: no number changed beyond its limit"
    assert (now, before) == (f"now:    {second.filename}", f"before: {first.filename}")
    assert heads.split() == ["now", "before", "change", "limit", "unit", "verdict"]
    assert median.split()[0] == "imstat.median"
    assert median.split()[-3:] == ["-", "ADU", "-"]
    assert stdev.split()[-3:] == ["10", "ADU", "True"]
    assert "<td>imstat.stdev</td>" in found._repr_html_()


def test_a_change_beyond_the_limit_is_false_and_a_bit_of_new_products_only(calibrated):
    from awe.model.calibrations import BiasFrame
    from awe.model.mixins import QualityFlag
    from awe.model.raw import RawBiasFrame
    from awe.model.statistics import Imstat

    first = BiasFrame.select(instrument="OMEGACAM", date=calibrated.date, chip=CHIP)
    names = [raw.filename for raw in RawBiasFrame.chip.name == CHIP][:4]
    pars = {"BiasFrame.process_params.MAXIMUM_STDEV_DIFFERENCE": 0.0}
    second = product_of("Bias", raw_filenames=names, pars=pars)
    assert second.quality_flags == QualityFlag.CHANGED
    found = second.compare()
    assert not found.verdict
    assert not found["imstat.stdev"].verdict
    assert repr(found).startswith("False: CHANGED\n")
    third = product_of("Bias", date=calibrated.date)
    assert not second.compare(third).verdict
    assert third.compare(second).verdict  # by its own limits
    assert third.quality_flags == first.quality_flags == 0
    lost = Imstat(median=0.4, stdev=math.nan)
    fresh = BiasFrame(process_params=second.process_params, prev=first, imstat=lost)
    assert not fresh.compare().verdict
    assert fresh.quality_flags == QualityFlag.CHANGED


def test_two_products_of_other_classes_are_not_compared(calibrated):
    from awe.errors import ArgumentError
    from awe.model.calibrations import BiasFrame, ReadNoise

    where = {"instrument": "OMEGACAM", "date": calibrated.date, "chip": CHIP}
    with pytest.raises(ArgumentError, match="a BiasFrame is compared with another one"):
        BiasFrame.select(**where).compare(ReadNoise.select(**where))


def test_a_version_nobody_else_sees_is_named_as_such(calibrated):
    from awe.context import context
    from awe.model.calibrations import BiasFrame

    calibrated.login("scientist", privileges=1)
    product_of("Bias", date=calibrated.date)
    second = product_of("Bias", date=calibrated.date)
    context.publish([second, second.prev], 4, follow=True)
    update = "UPDATE awe.bias_frame SET _privileges = 1 WHERE object_id = %s"
    calibrated.db.rows("superuser", update, str(second.prev.object_id))
    calibrated.login("student")
    [seen] = BiasFrame.filename == second.filename
    assert seen.compare().verdict
    assert repr(seen.compare()).startswith("the version before it is not visible to you")
