"""Cameras that come with awe, and one of an amateur: frames as these cameras write them."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from own_camera import observing

from awe import instruments
from awe.admin.command import main
from awe.calib.detector import amplifiers, sections
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.flags import PixelFlag
from awe.errors import BadHeader
from awe.ingest import ingest
from awe.ingest.split import examine
from awe.model.raw import RawScienceFrame
from awe.recipes.bias import BiasTask
from awe.recipes.coldpixels import ColdPixelsTask
from awe.recipes.dark import DarkTask
from awe.recipes.domeflat import DomeFlatTask
from awe.recipes.hotpixels import HotPixelsTask
from awe.recipes.masterflat import MasterFlatTask
from awe.recipes.readnoise import ReadNoiseTask
from awe.recipes.reduce import ReduceTask

CAMERAS = Path(__file__).with_name("cameras")
#: Small real frames beside the clone, where somebody has put them; each has a SOURCE.md.
REAL = Path(__file__).parents[3] / "shared" / "data"
real = pytest.mark.skipif(not (REAL / "kast_lick_raw").is_dir(), reason="no real frames here")
DATES = {"ASI1600_NINA": "2021-03-04", "KAST_BLUE": "2015-05-19", "STE3": "2013-07-12"}


@pytest.fixture
def scientist(db, tmp_path, monkeypatch, request):
    name = request.param
    own = CAMERAS / f"{name.lower()}.toml"
    text = own.read_text() if own.is_file() else None
    with observing(db, tmp_path, monkeypatch, name, text):
        yield name


def take(files):
    report = ingest(files, commit=True, processes=1)
    assert report.ok, [row.message for row in report]


def reduce(camera, filter, *, dark=False):
    """Run the recipes of the table on what is there, and return the reduced frames."""
    [chip] = instruments.get(camera).chips
    common = {"instrument": camera, "chip": chip, "commit": True}
    nightly = {"date": DATES[camera], **common}
    first = [ReadNoiseTask, BiasTask, HotPixelsTask, *([DarkTask] if dark else [])]
    for task in first:
        task(**nightly).execute()
    for task in (DomeFlatTask, ColdPixelsTask, MasterFlatTask):
        task(filter=filter, **nightly).execute()
    names = [raw.filename for raw in RawScienceFrame.instrument.name == camera]
    return ReduceTask(raw_filenames=names, **common).execute()


def flags_of(product):
    return fits.getdata(product.pathname, "MASK")


# -- an amateur's CMOS -------------------------------------------------------------------------


#: a place on the sky as some programs write it: no CD, and a projection that is not tangential
ZENITHAL = {
    "CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "CRVAL1": 132.85, "CRVAL2": 11.81,
    "CRPIX1": 900.0, "CRPIX2": -400.0, "CDELT1": -5e-4, "CDELT2": 5e-4, "CROTA2": 12.5,
    "PV2_1": 1.0, "PV2_3": 44.0,
}  # fmt: skip


def night_of_nina(folder):
    """Write frames as N.I.N.A. does: 12 bits times 16, no strip, dark current of 2 ADU/s."""
    random = np.random.default_rng(31)
    shape, gain = (180, 240), 0.0625
    current = random.gamma(100.0, 0.02, shape)

    def expose(name, kind, light, seconds, clock):
        electrons = random.poisson((light + current * seconds) * gain) + random.normal(
            0, 1.7, shape
        )
        counts = np.clip(np.rint((800 + electrons / gain) / 16), 0, 4095) * 16
        hdu = fits.PrimaryHDU(counts.astype(np.uint16))
        hdu.header.update({
            "IMAGETYP": kind, "EXPOSURE": seconds, "EXPTIME": seconds,
            "INSTRUME": "ZWO ASI1600MM Pro",
            "DATE-LOC": f"2021-03-04T{clock}", "DATE-OBS": f"2021-03-04T{clock}", "XBINNING": 1,
            "YBINNING": 1, "GAIN": 139, "OFFSET": 21, "XPIXSZ": 3.8, "YPIXSZ": 3.8,
            "CCD-TEMP": -15.0, "FILTER": "L", "ROWORDER": "TOP-DOWN",
            "SWCREATE": "N.I.N.A. 2.0.0.9001",
            **({"OBJECT": "M 67", **ZENITHAL} if kind == "LIGHT" else {}),
        })  # fmt: skip
        hdu.writeto(folder / f"{name}.fits")

    for number in range(6):
        expose(f"b{number}", "BIAS", 0.0, 0.001, f"18:0{number}:00")
        expose(f"d{number}", "DARK", 0.0, 300.0, f"18:1{number}:00")
        expose(f"f{number}", "FLAT", 25_000.0, 2.0, f"18:3{number}:00")
    expose("s0", "LIGHT", 500.0, 120.0, "22:00:00")


@pytest.mark.parametrize("scientist", ["ASI1600_NINA"], indirect=True)
def test_a_cmos_without_strips_is_reduced_with_no_parameter_changed(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    night_of_nina(folder)
    take(sorted(folder.glob("*.fits")))
    [reduced] = reduce(scientist, "ASI1600_NINA_L", dark=True)
    assert reduced.quality_flags == 0
    science, good = reduced.data, flags_of(reduced) == 0
    assert good.mean() > 0.99
    own, there = np.array([[3.0, 200.0], [170.0, 9.0]]), WCS(fits.Header(ZENITHAL))
    np.testing.assert_allclose(
        reduced.wcs.all_pix2world(own, 0), there.all_pix2world(own, 0), atol=1e-9
    )
    assert "CROTA2" not in reduced.header
    found = reduced.astrom
    matrix = [[found.CD1_1, found.CD1_2], [found.CD2_1, found.CD2_2]]
    np.testing.assert_allclose(matrix, there.pixel_scale_matrix, atol=1e-12)
    # 90 ADU of noise a pixel, of 43,000 pixels
    assert science[good].mean() == pytest.approx(500, abs=4)
    # the step of the converter, 16 counts, is noise too: 16**2 / 12
    variance = fits.getdata(reduced.pathname, "UNCERT")
    chi2 = ((science - 500) ** 2 / variance)[good].mean()
    assert chi2 == pytest.approx(1.0, abs=0.1)


# -- two amplifiers in one image, from headers -------------------------------------------------


def decam(name="N4", **cards):
    """Return both headers of a chip of DECam, as public documents tell their cards."""
    primary = {
        "INSTRUME": "DECam", "OBSTYPE": "object", "DATE-OBS": "2013-02-11T00:28:08.123456",
        "EXPTIME": 90.0, "FILTER": "g DECam SDSS c0001 4720.0 1520.0", "OBJECT": "field",
        "AIRMASS": 1.2,
    }  # fmt: skip
    extension = {
        "EXTNAME": name, "NAXIS1": 2160, "NAXIS2": 4146,
        "DATASECA": "[57:1080,1:4096]", "BIASSECA": "[7:56,1:4096]",
        "DATASECB": "[1081:2104,1:4096]", "BIASSECB": "[2105:2154,1:4096]",
        "GAINA": 3.88, "GAINB": 4.36, "RDNOISEA": 6.1, "RDNOISEB": 7.4, **cards,
    }  # fmt: skip
    return primary, extension


def test_a_chip_of_decam_has_sections_and_gains_of_its_own_header():
    primary, extension = decam()
    camera = instruments.recognise(primary, extension)
    assert camera.purpose(primary) == "science"
    found = camera.translate(primary, extension, "science")
    assert (found["chip"], found["filter"]) == ("DECAM_N4", "DECAM_g")
    assert found["DATE_OBS"] == datetime(2013, 2, 11, 0, 28, 8, 123456)
    where = found["geometry"]
    assert where.active == "[57:2104,1:4096]"
    assert [one.overscan_x for one in where.amplifiers] == ["[7:56,1:4096]", "[2105:2154,1:4096]"]
    assert [one.scale for one in where.amplifiers] == [0.97, 1.09]
    assert camera.parameters["*.OVERSCAN_CORRECTION"] == 6
    random = np.random.default_rng(4)
    raw = random.normal(1500, 2, (4146, 2160))
    for one, level in zip(where.amplifiers, (0, 300), strict=True):
        raw[sections.parse(one.overscan_x)] += level
        seen = sections.parse(one.active)
        raw[seen] += level + random.poisson(800, (4096, 1024)) / one.gain
    light = amplifiers.levelled(np.rint(raw).astype(np.uint16), where, 6).light
    step = light[:, 1024:1074].mean() - light[:, 974:1024].mean()
    assert abs(step) < 0.01 * light.std()
    assert light.mean() == pytest.approx(200, abs=0.1)


def test_chips_of_decam_that_are_mounted_the_other_way_round_are_read_so():
    """The half of the chips: the first amplifier is on the right, and 50 rows are in front."""
    primary, extension = decam(
        "S7", DATASECA="[1081:2104,51:4146]", BIASSECA="[2105:2154,51:4146]",
        DATASECB="[57:1080,51:4146]", BIASSECB="[7:56,51:4146]", SATURATA=43_100.0,
        SATURATB=44_900.0, LTV1=56.0, LTV2=50.0, CTYPE1="RA---TPV", CTYPE2="DEC--TPV",
        CRVAL1=270.0, CRVAL2=-23.8, CRPIX1=2151.0, CRPIX2=14_826.0, CD1_1=0.0, CD1_2=7.3e-5,
        CD2_1=-7.3e-5, CD2_2=0.0, PV1_1=1.01, PV2_1=1.01,
    )  # fmt: skip
    found = instruments.recognise(primary, extension).translate(primary, extension, "science")
    assert found["chip"] == "DECAM_S7"
    where = found["geometry"]
    assert where.active == "[57:2104,51:4146]"
    by_name = {one.name: one for one in where.amplifiers}
    assert (by_name["A"].active, by_name["B"].active) == (
        "[1081:2104,51:4146]", "[57:1080,51:4146]",
    )  # fmt: skip
    assert (by_name["A"].overscan_x, by_name["B"].overscan_x) == (
        "[2105:2154,51:4146]", "[7:56,51:4146]",
    )  # fmt: skip
    # each is full where its own card says so, in counts of the chip
    assert [(one.name, one.gain, one.saturation) for one in (by_name["A"], by_name["B"])] == [
        ("A", 3.88, 43_100.0), ("B", 4.36, 44_900.0),
    ]  # fmt: skip
    assert found["astrom"]["CTYPE1"] == "RA---TPV"


def test_cards_of_decam_that_are_no_fits_are_no_reason_to_refuse(tmp_path):
    """Numbers of the weather that are not known are written as NaN, without quotes."""
    camera = instruments.get("DECAM")
    primary, extension = decam()
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((4146, 2160), np.uint16))])
    hdus[0].header.update({**primary, "LSKYPOW": 0.0, "LSKYVAR": 0.0, "ODATEOBS": ""})
    given = {word: value for word, value in extension.items() if not word.startswith("NAXIS")}
    hdus[1].header.update(given)
    hdus.writeto(tmp_path / "decam.fits")
    content = (tmp_path / "decam.fits").read_bytes()
    for word in (b"LSKYPOW", b"LSKYVAR"):
        plain = word.ljust(8) + b"=                  0.0"
        assert plain in content
        content = content.replace(plain, word.ljust(8) + b"=                  NaN")
    (tmp_path / "decam.fits").write_bytes(content)
    [frame] = examine(tmp_path / "decam.fits").frames
    assert frame.attributes["chip"] in camera.chips
    assert frame.attributes["EXPTIME"] == 90.0


def test_what_contradicts_in_a_header_of_decam_is_refused():
    camera = instruments.get("DECAM")
    for changed, told in (
        ({"DATASECB": "[1000:2104,1:4096]"}, "lap over each other from pixel 1000 to 1080"),
        ({"DATASECA": "[57:1080,1:5000]"}, "does not lie inside an image of 2160 x 4146"),
        ({"DATASECA": ""}, "DATASECA is missing"),
        ({"GAINB": 0.0}, "GAINB = 0.0"),
    ):
        with pytest.raises(BadHeader, match=told):
            camera.translate(*decam(**changed), "science")


def test_a_chip_of_megacam_has_a_strip_on_either_side():
    primary = {"INSTRUME": "MegaPrime", "DETECTOR": "MegaCam", "OBSTYPE": "FLAT"}
    extension = {
        "EXTNAME": "ccd13", "NAXIS1": 2112, "NAXIS2": 4644, "DATE-OBS": "2003-11-01",
        "UTC-OBS": "05:28:19.10", "EXPTIME": 3.054, "FILTER": "r.MP9601", "OBJECT": "SA 98",
        "GAINA": 1.67, "GAINB": 1.6,
    }  # fmt: skip
    camera = instruments.recognise(primary, extension)
    assert camera.purpose(primary) == "twilight"
    found = camera.translate(primary, extension, "twilight")
    assert (found["chip"], found["filter"]) == ("MEGACAM_13", "MEGACAM_r")
    assert found["DATE_OBS"] == datetime(2003, 11, 1, 5, 28, 19, 100_000)
    where = found["geometry"]
    assert where.active == "[33:2080,1:4612]"
    assert [one.gain for one in where.amplifiers] == [1.67, 1.6]
    # a card that is missing leaves the nominal number
    assert [one.read_noise for one in where.amplifiers] == [5.0, 5.0]
    assert str(camera.night(found["DATE_OBS"])) == "2003-10-31"


def test_observers_of_kast_choose_their_rows():
    camera = instruments.get("KAST_BLUE")
    cards = {
        "VERSION": "kastb", "NAXIS1": 2112, "NAXIS2": 400, "DATE-OBS": "2015-05-20T01:35:27",
        "BSPLIT_N": "d55", "CRVAL2U": 900, "EXPTIME": 1200, "OBJECT": "star", "LAMPSTA1": "off",
    }  # fmt: skip
    where = camera.translate(cards, cards)["geometry"]
    assert (where.shape, where.start_y) == ((400, 2112), 901)
    assert where.amplifiers[1].overscan_x == "[2081:2112,1:400]"
    assert camera.purpose(cards) == "science"
    assert camera.purpose({**cards, "LAMPSTA2": "on"}) == "dome"
    with pytest.raises(BadHeader, match="2000 x 400 pixels is not a whole one"):
        camera.translate({**cards, "NAXIS1": 2000}, {**cards, "NAXIS1": 2000})


# -- real frames, from files to reduced ones ---------------------------------------------------


def calibrations_like(path, folder, cards, levels):
    """Write biases and flats of a uniform lamp as the camera of a real frame would."""
    with fits.open(path, ignore_missing_simple=True) as units:
        header = units[0].header
    frame = {word: header[word] for word in cards if word in header}
    shape = (header["NAXIS2"], header["NAXIS1"])
    random = np.random.default_rng(8)
    for number in range(6):
        for kind, changed in (("bias", cards["bias"]), ("flat", cards["flat"])):
            pixels = np.zeros(shape)
            for place, level, light, gain in levels:
                inside = sections.parse(place)
                size = sections.shape(inside)
                lamp = random.poisson(20_000 * gain, size) / gain if kind == "flat" else 0
                pixels[inside] = level + random.normal(0, 3.2, size) + lamp * light
            hdu = fits.PrimaryHDU(np.rint(np.clip(pixels, 0, 65535)).astype(np.uint16))
            own = {word: value for word, value in frame.items() if word not in ("bias", "flat")}
            hdu.header.update({**own, **changed})
            minute = f"{number + (10 if kind == 'flat' else 0):02}"
            moment = cards["at"].format(minute)
            for word, value in zip(cards["moment"], moment.split(" "), strict=True):
                hdu.header[word] = value
            hdu.writeto(folder / f"{kind}{number}.fits")


@real
@pytest.mark.parametrize("scientist", ["KAST_BLUE"], indirect=True)
def test_real_frames_of_kast_are_reduced(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    paths = [REAL / "kast_lick_raw" / f"{name}.fits.gz" for name in ("b1", "b27")]
    cards = dict.fromkeys(("VERSION", "BSPLIT_N", "CRVAL2U", "AIRMASS", "EXPTIME"))
    cards |= {"bias": {"EXPTIME": 0, "OBJECT": "Bias"}, "moment": ["DATE-OBS"],
              "flat": {"EXPTIME": 9, "OBJECT": "Dome Flat", "LAMPSTA1": "on"},
              "at": "2015-05-20T00:{}:00"}  # fmt: skip
    levels = [("[1:1024,1:350]", 943, 1, 1.2), ("[1025:2048,1:350]", 964, 1, 1.2),
              ("[2049:2080,1:350]", 943, 0, 1.2), ("[2081:2112,1:350]", 964, 0, 1.2)]  # fmt: skip
    calibrations_like(paths[0], folder, cards, levels)
    take([*sorted(folder.glob("*.fits")), *paths])
    products = reduce(scientist, "KAST_BLUE_d55")
    assert [product.EXPTIME for product in products] == [30, 1200]
    for product, expected in zip(products, ((945.1, 966.4), (940.8, 961.7)), strict=True):
        where = ChipGeometry(**product.raw.geometry)
        assert where.start_y == 1261
        level = amplifiers.levelled(product.raw.data, where, 6)
        means = [float(one.values.mean()) for one in level.levels]
        assert means == pytest.approx(expected, abs=0.06)
        science, good = product.data, flags_of(product) == 0
        assert science.shape == (350, 2048)
        seen = np.median((level.light - science)[good])
        assert abs(seen) < 0.5
        brightness = np.median(science, axis=1)
        dark = science[brightness < np.percentile(brightness, 15)]
        # a line of the lamp is six columns from the border
        sides = []
        for columns in (np.arange(998, 1018), np.arange(1030, 1050)):
            low, high = np.percentile(dark[:, columns], [5, 95], axis=0)
            means = np.clip(dark[:, columns], low, high).mean(axis=0)
            sides.append(np.polyval(np.polyfit(columns, means, 1), 1023.5))
        assert abs(sides[1] - sides[0]) < 0.1 * np.hypot(3.2, (sides[0] / 1.2) ** 0.5)


@real
@pytest.mark.parametrize("scientist", ["STE3"], indirect=True)
def test_a_real_frame_of_ste3_is_reduced(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    path = REAL / "saao_ste3_raw" / "a8280271.fits.gz"
    cards = dict.fromkeys(("INSTRUME", "TRIMSEC", "BIASSEC", "FILTERS", "SECZ"))
    cards |= {"bias": {"EXPTIME": 0, "IMAGETYP": "bias"}, "moment": ["DATE-OBS", "UT"],
              "flat": {"EXPTIME": 9, "IMAGETYP": "flat"}, "at": "2013-07-12 19:{}:00"}  # fmt: skip
    levels = [("[1:16,1:520]", 214, 0, 1.9), ("[17:528,1:520]", 214, 1, 1.9)]
    calibrations_like(path, folder, cards, levels)
    take([*sorted(folder.glob("*.fits")), path])
    [product] = reduce(scientist, "STE3_48")
    good = flags_of(product) == 0
    assert np.median(product.data[good]) == pytest.approx(86, abs=0.5)
    # another program, which takes cores of stars too, flags 174
    assert 30 < np.count_nonzero(flags_of(product) & int(PixelFlag.COSMIC)) < 174
    hits = product.data[good]
    clipped = hits[np.abs(hits - 86) < 5 * 7.6]
    assert clipped.std() == pytest.approx(7.6, abs=0.2)


@real
def test_a_real_frame_goes_from_a_folder_to_a_reduced_frame_as_the_page_says(
    db, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "night"
    folder.mkdir()
    path = REAL / "saao_ste3_raw" / "a8280271.fits.gz"
    cards = dict.fromkeys(("INSTRUME", "TRIMSEC", "BIASSEC", "FILTERS", "SECZ"))
    cards |= {"bias": {"EXPTIME": 0, "IMAGETYP": "bias"}, "moment": ["DATE-OBS", "UT"],
              "flat": {"EXPTIME": 9, "IMAGETYP": "dome flat"},
              "at": "2013-07-12 19:{}:00"}  # fmt: skip
    levels = [("[1:16,1:520]", 214, 0, 1.9), ("[17:528,1:520]", 214, 1, 1.9)]
    calibrations_like(path, folder, cards, levels)
    shutil.copy(path, folder)
    with observing(db, tmp_path, monkeypatch, "MYSTE3", None):
        # awe has this camera; the newcomer's own goes before it
        assert main(["instrument", "new", str(folder)]) == 1
        assert "awe-ingest takes them as they are; --name" in capsys.readouterr().err
        assert main(["instrument", "new", str(folder), "--name", "MYSTE3"]) == 0
        chip = instruments.get("MYSTE3").chip("MYSTE3_1")
        assert chip.gain == pytest.approx(1.9, rel=0.05)
        # what its SOURCE.md tells of sections and noise
        assert chip.geometry.active == "[17:528,1:520]"
        assert chip.read_noise / chip.gain == pytest.approx(3.2, rel=0.05)
        assert ingest(folder, commit=True, processes=1).ok
        night = {"instrument": "MYSTE3", "date": "2013-07-12", "chip": "MYSTE3_1", "commit": True}
        for task in (ReadNoiseTask, BiasTask, HotPixelsTask):
            task(**night).execute()
        for task in (DomeFlatTask, ColdPixelsTask):
            task(filter="MYSTE3_48", **night).execute()
        MasterFlatTask(filter="MYSTE3_48", combine=1, **night).execute()
        [product] = ReduceTask(filter="MYSTE3_48", **night).execute()
        good = flags_of(product) == 0
        assert np.median(product.data[good]) == pytest.approx(86, abs=0.5)
