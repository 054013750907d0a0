"""Chips that several amplifiers read: from files to reduced frames without a step."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from own_camera import PURPOSES, observing

from awe.calib import reduction
from awe.calib.detector import amplifiers
from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.calib.flags import PixelFlag
from awe.errors import WrongShape
from awe.ingest import ingest
from awe.model.calibrations import (
    BiasFrame,
    ColdPixelMap,
    GainLinearity,
    HotPixelMap,
    ReadNoise,
)
from awe.model.raw import RawScienceFrame
from awe.recipes.bias import BiasTask
from awe.recipes.coldpixels import ColdPixelsTask
from awe.recipes.domeflat import DomeFlatTask
from awe.recipes.gain import GainTask
from awe.recipes.hotpixels import HotPixelsTask
from awe.recipes.masterflat import MasterFlatTask
from awe.recipes.readnoise import ReadNoiseTask
from awe.recipes.reduce import ReduceTask

DESCRIPTION = """
name = "{name}"
pixel_scale = 0.5
site.longitude = 5.0
[chip]
name = "{name}_1"
size = [{nx}, {ny}]
gain = 1.6
read_noise = 6.4
[filters]
V = "{name}_V"
[cards]
DATE_OBS = "DATE-OBS"
EXPTIME = "EXPTIME"
OBJECT = "OBJECT"
filter = "FILTER"
""" + PURPOSES
AMPLIFIER = """
[[chip.amplifiers]]
name = "{0.name}"
active = "{0.active}"
{3} = "{4}"
flip_x = {1}
flip_y = {2}
gain = {0.gain}
read_noise = {0.read_noise}
"""
SKY = 40.0
SHAPE = (300, 320)


def one(name, active, strip, gain, noise=6.4, side="overscan_x", **flips):
    return Amplifier(
        name=name, active=active, gain=gain, read_noise=noise, **{side: strip}, **flips
    )


def strip(amplifier):
    """Return name and section of the one strip an amplifier has."""
    sides = {name: getattr(amplifier, name) for name in ("prescan_x", "overscan_x")}
    [found] = [(name, section) for name, section in sides.items() if section]
    return found


#: name of a camera -> its amplifiers and their levels; columns and rows of its files
CAMERAS = {
    # side by side, the strips of both at the end of a row
    "TWOAMPS": (
        (one("L", "[1:160,1:300]", "[321:344,1:300]", 1.6),
         one("R", "[161:320,1:300]", "[345:368,1:300]", 1.76, 12.0)),
        (900.0, 1200.0), (368, 300),
    ),
    # side by side, the strip of each at its outer side
    "OUTERAMPS": (
        (one("L", "[25:184,1:300]", "[1:24,1:300]", 1.6, side="prescan_x"),
         one("R", "[185:344,1:300]", "[345:368,1:300]", 1.76, 12.0)),
        (900.0, 1200.0), (368, 300),
    ),
    # one in each corner, every one as it was read, with its strip behind it
    "FOURAMPS": (
        (one("LL", "[1:160,1:150]", "[161:184,1:150]", 1.6),
         one("LR", "[185:344,1:150]", "[345:368,1:150]", 1.76, flip_x=True),
         one("UL", "[1:160,151:300]", "[161:184,151:300]", 1.5, flip_y=True),
         one("UR", "[185:344,151:300]", "[345:368,151:300]", 1.68, flip_x=True, flip_y=True)),
        (900.0, 1200.0, 1000.0, 800.0), (368, 300),
    ),
}  # fmt: skip


def geometry(camera):
    read, _, (nx, ny) = CAMERAS[camera]
    return ChipGeometry(nx=nx, ny=ny, active=f"[1:{nx},1:{ny}]", amplifiers=read)


@pytest.fixture
def scientist(db, tmp_path, monkeypatch, request):
    name = request.param
    read, _, (nx, ny) = CAMERAS[name]
    text = DESCRIPTION.format(name=name, nx=nx, ny=ny) + "".join(
        AMPLIFIER.format(
            amp, *(str(flip).lower() for flip in (amp.flip_x, amp.flip_y)), *strip(amp)
        )
        for amp in read
    )
    with observing(db, tmp_path, monkeypatch, name, text):
        yield name


def night(folder, camera, seed=12):
    """Write biases, dome flats and a frame of the sky as the camera does."""
    random = np.random.default_rng(seed)
    read, levels, (nx, ny) = CAMERAS[camera]
    places = geometry(camera).places()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    response = (1 + 0.05 * np.cos(x / 50) * np.sin(y / 70)) * random.normal(1, 0.01, SHAPE)
    response /= response.mean()

    def expose(name, kind, light, clock):
        electrons = random.poisson(light * 1.6 * response).astype(float)
        pixels = np.zeros((ny, nx))
        for amp, level, place in zip(read, levels, places, strict=True):
            for section, seen in ((amp.active, electrons[place]), (strip(amp)[1], 0.0)):
                inside = amplifiers.sections.parse(section)
                dark = random.normal(0, amp.read_noise, amplifiers.sections.shape(inside))
                seen = (seen + dark)[:: -1 if amp.flip_y else 1, :: -1 if amp.flip_x else 1]
                pixels[inside] = level + seen / amp.gain
        hdu = fits.PrimaryHDU(np.rint(np.clip(pixels, 0, 65535)).astype(np.uint16))
        hdu.header.update({
            "INSTRUME": camera, "DATE-OBS": f"2021-03-04T{clock}", "IMAGETYP": kind,
            "EXPTIME": 9.0, "FILTER": "V", "OBJECT": "field",
        })  # fmt: skip
        hdu.writeto(folder / f"{name}.fits")

    for number in range(6):
        expose(f"b{number}", "Bias Frame", 0.0, f"18:0{number}:00")
        expose(f"f{number}", "Flat Field", 20_000.0, f"18:2{number}:00")
    expose("s0", "Light Frame", SKY, "22:00:00")


def calibrate(camera):
    common = {"instrument": camera, "chip": f"{camera}_1", "commit": True}
    nightly = {"date": "2021-03-04", **common}
    for task in (ReadNoiseTask, BiasTask, HotPixelsTask):
        task(**nightly).execute()
    GainTask(**nightly).execute()
    for task in (DomeFlatTask, ColdPixelsTask):
        task(filter=f"{camera}_V", **nightly).execute()
    MasterFlatTask(filter=f"{camera}_V", combine=1, **nightly).execute()
    return common


def steps(camera, science, noise):
    """Return the step at every border between amplifiers, in units of the noise."""
    places = geometry(camera).places()
    found = []
    for axis, image in ((0, science), (1, science.T)):
        for border in {place[axis].start for place in places} - {0}:
            along = sorted({(place[1 - axis].start, place[1 - axis].stop) for place in places})
            for start, stop in along:
                below = image[border - 20 : border, start:stop]
                above = image[border : border + 20, start:stop]
                found.append((np.nanmean(above) - np.nanmean(below)) / noise)
    return np.array(found)


@pytest.mark.parametrize("scientist", list(CAMERAS), indirect=True)
def test_no_step_is_left_where_amplifiers_meet(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    night(folder, scientist)
    report = ingest(sorted(folder.glob("*.fits")), commit=True, processes=1)
    assert report.ok, [row.message for row in report]
    common = calibrate(scientist)
    [raw] = RawScienceFrame.instrument.name == scientist
    assert [one["name"] for one in raw.geometry["amplifiers"]] == [
        one.name for one in CAMERAS[scientist][0]
    ]
    reduced = ReduceTask(raw_filenames=[raw.filename], **common).execute()[0]
    science, flags = reduced.data, fits.getdata(reduced.pathname, "MASK")
    assert science.shape == SHAPE
    # photons and readout of the frame, in counts of the chip
    noise = np.hypot(np.sqrt(SKY / 1.6), 6.4 / 1.6)
    assert np.nanmedian(science) == pytest.approx(SKY, abs=0.5)
    [measured] = ReadNoise.instrument.name == scientist
    [response] = GainLinearity.instrument.name == scientist
    variance = fits.getdata(reduced.pathname, "UNCERT")
    for number, (amp, place) in enumerate(
        zip(CAMERAS[scientist][0], geometry(scientist).places(), strict=True)
    ):
        counts = amp.read_noise / amp.gain
        assert measured.amplifier_read_noises[number] == pytest.approx(counts, rel=0.02)
        assert response.amplifier_gains[number] == pytest.approx(amp.gain, rel=0.03)
        good = flags[place] == 0
        chi2 = ((science[place] - SKY) ** 2 / variance[place])[good].mean()
        assert chi2 == pytest.approx(1.0, abs=0.05)
    # 20 x 150 pixels on either side: 0.026 by chance
    assert np.abs(steps(scientist, science, noise)).max() < 0.1
    # noise reaches 5 sigma above the median of a pixel's surroundings once in a million pixels
    assert np.count_nonzero(flags & int(PixelFlag.COSMIC)) <= 1
    [bias] = BiasFrame.instrument.name == scientist
    assert np.abs(steps(scientist, bias.data, noise)).max() < 0.02
    # each amplifier leaves out outliers, and states its variance, by its own noise
    spread = fits.getdata(bias.pathname, "UNCERT")
    for place in geometry(scientist).places():
        assert bias.data[place].var() == pytest.approx(spread[place].mean(), rel=0.05)
    for cls in (HotPixelMap, ColdPixelMap):
        [bad] = cls.instrument.name == scientist
        assert bad.count <= 10


def test_a_gain_that_is_not_as_described_is_told_and_used_without_a_flat(
    db, tmp_path, monkeypatch, capsys
):
    read, _, (nx, ny) = CAMERAS["TWOAMPS"]
    text = DESCRIPTION.format(name="TWOAMPS", nx=nx, ny=ny) + "".join(
        AMPLIFIER.format(amp, "false", "false", *strip(amp)) for amp in read
    ).replace("gain = 1.76", "gain = 1.6")
    with observing(db, tmp_path, monkeypatch, "TWOAMPS", text):
        folder = tmp_path / "night"
        folder.mkdir()
        night(folder, "TWOAMPS")
        assert ingest(sorted(folder.glob("*.fits")), commit=True, processes=1).ok
        nightly = {"instrument": "TWOAMPS", "chip": "TWOAMPS_1", "date": "2021-03-04"}
        for task in (ReadNoiseTask, BiasTask, HotPixelsTask):
            task(**nightly, commit=True).execute()
        names = [raw.filename for raw in RawScienceFrame.instrument.name == "TWOAMPS"]
        common = {"instrument": "TWOAMPS", "chip": "TWOAMPS_1", "raw_filenames": names}
        without = ["flat", "cold"]
        [before] = ReduceTask(**common, go_without=without).execute()
        noise = np.hypot(np.sqrt(SKY / 1.6), 6.4 / 1.6)
        # a tenth of 40 ADU
        assert np.abs(steps("TWOAMPS", before.data, noise)).max() > 0.4
        GainTask(**nightly, commit=True).execute()
        [reduced] = ReduceTask(**common, go_without=without).execute()
        assert np.abs(steps("TWOAMPS", reduced.data, noise)).max() < 0.15
        assert reduced.flat is None
    told = capsys.readouterr().out
    # 1.76 of 1.6, against the mean of both
    [line] = [line for line in told.splitlines() if "amplifier R has a gain of 1.7" in line]
    assert "1.04" in line
    assert "correct 1.6 in the description" in line
    assert "no flat; amplifiers are joined by their measured gains: L 0.9" in told


def test_pixels_of_every_corner_come_where_they_belong():
    read, levels, (nx, ny) = CAMERAS["FOURAMPS"]
    where = geometry("FOURAMPS")
    sky = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE) / 8
    raw = np.zeros((ny, nx), np.float32)
    for amp, level, place in zip(read, levels, where.places(), strict=True):
        turned = sky[place][:: -1 if amp.flip_y else 1, :: -1 if amp.flip_x else 1]
        raw[amplifiers.sections.parse(amp.active)] = turned + level
        raw[amplifiers.sections.parse(amp.overscan_x)] = level
    found = amplifiers.levelled(raw, where, 6)
    assert found.scale is None
    np.testing.assert_array_equal(found.light, sky)


@pytest.mark.parametrize(
    ("second", "told"),
    [("[150:320,1:300]", "lap over each other from pixel 150 to 160"),
     ("[161:320,1:200]", r"have some rows in common and not all, 1 to 200 and 1 to 300: L"),
     ("[1:160,1:300]", "do not fill rows and columns, each once")],
)  # fmt: skip
def test_amplifiers_fill_the_chip(second, told):
    two = (one("L", "[1:160,1:300]", None, 1.6), one("R", second, None, 1.6))
    with pytest.raises(WrongShape, match=told):
        ChipGeometry(nx=320, ny=300, active="[1:320,1:300]", amplifiers=two).places()


def test_saturation_curvature_and_variance_are_those_of_the_amplifier():
    two = (
        one("L", "[1:60,1:80]", "[121:140,1:80]", 1.6),
        one("R", "[61:120,1:80]", "[141:160,1:80]", 2.0, scale=1.25),
    )
    where = ChipGeometry(nx=160, ny=80, active="[1:120,1:80]", amplifiers=two)
    raw = np.full((80, 160), 1000.0)
    raw += np.random.default_rng(3).normal(0, 2, raw.shape)
    raw[:, 60:120] += 19_000
    raw[:, 141:] += 500
    raw[:, :60] += 24_000
    raw[10:13, 20:23] = raw[10:13, 80:83] = 31_000
    numbers = (
        reduction.AmplifierSettings(gain=1.6, read_noise=2.0, curvature=1e-6, saturation=30e3),
        reduction.AmplifierSettings(gain=1.7, read_noise=2.5, saturation=40e3),
    )
    settings = reduction.Settings(
        overscan=6, gain=1.6, read_noise=2.2, exposure_time=9.0, saturation_high=30e3,
        saturation_low=50.0, bleed_along=1, bleed_beside=1, dead_reach=1, minimum_response=0.1,
        fringe_low=1.5, fringe_high=5.0, image_threshold=5.0, background_box=0, cosmic=None,
        satellite=None, amplifiers=numbers,
    )  # fmt: skip
    found = reduction.reduce(raw, where, reduction.Calibrations(), settings)
    saturated = found.bad(PixelFlag.SATURATED)
    assert saturated[10:13, 20:23].all()
    assert saturated.sum() == 9
    level = amplifiers.levelled(raw, where, 6)
    light = level.light
    left = 2 * light[:, :60] / (1 + np.sqrt(1 + 4e-6 * light[:, :60]))
    np.testing.assert_allclose(found.science[:, :60], left, rtol=1e-6)
    np.testing.assert_array_equal(found.science[:, 60:], light[:, 60:])
    expected = found.science[:, 60:] / 1.7 + 2.5**2 + 1 / 12 + level.variances[1]
    np.testing.assert_allclose(found.variance[:, 60:], expected, rtol=1e-5)
    # the first to be full is on the left, at 29,000 ADU above its level
    assert found.full == pytest.approx(29_000, abs=5)
