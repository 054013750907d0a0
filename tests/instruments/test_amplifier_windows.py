"""Windows of chips that several amplifiers read, beside calibrations of the whole chip."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from astropy.io import fits
from own_camera import observing
from test_amplifiers_reduced import (
    CAMERAS,
    DESCRIPTION,
    SHAPE,
    SKY,
    calibrate,
    geometry,
    night,
)

from awe.ingest import ingest
from awe.model.raw import RawScienceFrame
from awe.recipes.reduce import ReduceTask
from awe.rules.extent import Shown

TOLD = """
[[chip.amplifiers]]
name = "{0.name}"
gain = {0.gain}
read_noise = {0.read_noise}
cards = {{ active = "DSEC{0.name}", overscan_x = "BSEC{0.name}" }}
"""
#: first row and column, and those behind the last, of a window on both amplifiers
WINDOW = (60, 220, 100, 260)


def tell(path, places, strips, start=(1, 1)):
    """Write sections and the place of a window into the header of a file."""
    with fits.open(path, mode="update") as hdus:
        header = hdus[0].header
        for name, (active, strip) in zip("LR", zip(places, strips, strict=True), strict=True):
            header[f"DSEC{name}"], header[f"BSEC{name}"] = active, strip
        header["X0"], header["Y0"] = start


def window(path, target, place):
    """Cut out of an exposure what the camera would have read of a window."""
    y0, y1, x0, x1 = place
    with fits.open(path) as hdus:
        header, pixels = hdus[0].header, hdus[0].data
    left = 160 - x0
    part = np.concatenate([pixels[y0:y1, x0:x1], pixels[y0:y1, 320:]], axis=1)
    header["DATE-OBS"] = "2021-03-04T22:10:00"
    fits.PrimaryHDU(part, header).writeto(target)
    width, height = x1 - x0, y1 - y0
    tell(
        target,
        (f"[1:{left},1:{height}]", f"[{left + 1}:{width},1:{height}]"),
        (f"[{width + 1}:{width + 24},1:{height}]", f"[{width + 25}:{width + 48},1:{height}]"),
        (x0 + 1, y0 + 1),
    )


def test_a_window_on_two_amplifiers_takes_its_part_of_the_calibrations(
    db, tmp_path, monkeypatch
):
    read, _, (nx, ny) = CAMERAS["TWOAMPS"]
    text = DESCRIPTION.format(name="TWOAMPS", nx=nx, ny=ny)
    text += '[window]\nx = "X0"\ny = "Y0"\n' + "".join(map(TOLD.format, read))
    with observing(db, tmp_path, monkeypatch, "TWOAMPS", text):
        folder = tmp_path / "night"
        folder.mkdir()
        night(folder, "TWOAMPS")
        for path in folder.glob("*.fits"):
            tell(path, [one.active for one in read], [one.overscan_x for one in read])
        window(folder / "s0.fits", folder / "w0.fits", WINDOW)
        report = ingest(sorted(folder.glob("*.fits")), commit=True, processes=1)
        assert report.ok, [row.message for row in report]
        calibrate("TWOAMPS")
        whole, small = sorted(
            RawScienceFrame.instrument.name == "TWOAMPS", key=lambda raw: raw.DATE_OBS
        )
        [red] = ReduceTask(instrument="TWOAMPS", raw_filenames=[whole.filename]).execute()
        [cut] = ReduceTask(instrument="TWOAMPS", raw_filenames=[small.filename]).execute()
        for role in ("bias", "flat", "hot", "cold", "read_noise", "gain"):
            assert getattr(cut, role) == getattr(red, role) is not None
        inside = (slice(*WINDOW[:2]), slice(*WINDOW[2:]))
        assert cut.data.shape == red.data[inside].shape
        flags, variance = fits.getdata(cut.pathname, "MASK"), fits.getdata(cut.pathname, "UNCERT")
        good = flags == 0
        assert good.mean() > 0.99
        assert np.abs(cut.data - red.data[inside])[good].max() < 1.0
        for columns in (slice(None, 60), slice(60, None)):
            part = good[:, columns]
            off = (cut.data[:, columns] - SKY)[part]
            assert (off**2 / variance[:, columns][part]).mean() == pytest.approx(1, abs=0.05)
        assert not list(cut.why_stale())
        assert np.array_equal(cut.remake(exact=True).data, cut.data, equal_nan=True)
        # nothing tells the size of a window but its amplifiers
        [bare] = ReduceTask(
            instrument="TWOAMPS", raw_filenames=[small.filename],
            go_without=["bias", "flat", "hot", "cold"]
        ).execute()
        assert bare.data.shape == cut.data.shape


def shown(camera, **changed):
    one = geometry(camera)
    return Shown.of(dataclasses.asdict(dataclasses.replace(one, **changed)))


def test_a_part_fits_where_each_amplifier_read_it_and_was_joined_alike():
    whole = shown("FOURAMPS")
    assert (whole.ny, whole.nx) == SHAPE
    assert Shown.recorded(whole.record()) == whole
    read = CAMERAS["FOURAMPS"][0]
    # 40 columns and 30 rows less on every side, as the file of a window would have them
    parts = ("[1:120,1:120]", "[145:264,1:120]", "[1:120,121:240]", "[145:264,121:240]")
    small = [dataclasses.replace(one, active=part, overscan_x=None)
             for one, part in zip(read, parts, strict=True)]  # fmt: skip
    where = {"nx": 264, "ny": 240, "start_x": 41, "start_y": 31}
    part = shown("FOURAMPS", amplifiers=tuple(small), active="[1:264,1:240]", **where)
    assert part.within(whole) == (slice(30, 270), slice(40, 280))
    assert whole.within(part) is None
    # moved by one column, pixels of one amplifier would be calibrated as those of another
    off = shown("FOURAMPS", amplifiers=tuple(small), **where | {"start_x": 42})
    assert off.within(whole) is None
    for changed in ({"scale": 1.1}, {"flip_x": True}, {"crosstalk": (("LR", 1e-3),)},
                    {"name": "XX"}):  # fmt: skip
        other = (dataclasses.replace(small[0], **changed), *small[1:])
        assert shown("FOURAMPS", amplifiers=other, **where).within(whole) is None


def test_products_that_do_not_record_places_go_with_frames_of_the_same_sections():
    whole = shown("FOURAMPS")
    # as it was recorded: with the strips between the amplifiers
    before = dataclasses.replace(whole, readers=(), nx=344)
    assert whole.within(before) == tuple(slice(0, side) for side in SHAPE)
    small = shown("FOURAMPS", start_x=41)
    assert small.within(before) is None
    assert whole.within(dataclasses.replace(before, amplifiers="")) is None
