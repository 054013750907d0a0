"""Cameras of observatories and makers: frames as they write them, from files to reduced frames.

Cards are those that public documents tell; pixels are made here. Files hold windows of the chips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from own_camera import observing

from awe import instruments
from awe.errors import AweError
from awe.ingest import ingest
from awe.instruments import models
from awe.model.raw import RawDarkFrame, RawFitsData, RawScienceFrame
from awe.recipes.bias import BiasTask
from awe.recipes.coldpixels import ColdPixelsTask
from awe.recipes.dark import DarkTask
from awe.recipes.domeflat import DomeFlatTask
from awe.recipes.hotpixels import HotPixelsTask
from awe.recipes.masterflat import MasterFlatTask
from awe.recipes.readnoise import ReadNoiseTask
from awe.recipes.reduce import ReduceTask
from awe.recipes.twilightflat import TwilightFlatTask

NX, NY = 240, 180
#: name of a file, its cards, its light [ADU]
Kinds = Iterator[tuple[str, dict[str, Any], float]]


@pytest.fixture
def scientist(db, tmp_path, monkeypatch, request):
    name = request.param
    text = None
    if name in models.available():
        text = models.described(name, f"MY{name}", "Europe/Amsterdam", 1.2)
        name = f"MY{name}"
    with observing(db, tmp_path, monkeypatch, name, text):
        yield name


def clipped(counts):
    return np.clip(np.rint(counts), 0, 65535).astype(np.uint16)


def reduce(camera: str, date: str, chip: str, filter: str, *, dark: bool, twilight: bool):
    """Run the recipes of the table for one chip, and return its reduced frame and its flags."""
    common = {"instrument": camera, "chip": chip, "commit": True}
    nightly = {"date": date, **common}
    for task in [ReadNoiseTask, BiasTask, HotPixelsTask, *([DarkTask] if dark else [])]:
        task(**nightly).execute()
    flats = [DomeFlatTask, ColdPixelsTask, *([TwilightFlatTask] if twilight else [])]
    for task in (*flats, MasterFlatTask):
        task(filter=filter, **nightly).execute()
    raws = (RawScienceFrame.instrument.name == camera) & (RawScienceFrame.chip.name == chip)
    [reduced] = ReduceTask(raw_filenames=[raw.filename for raw in raws], **common).execute()
    return reduced, fits.getdata(reduced.pathname, "MASK")


def judged(reduced, flags, sky, share=0.98):
    """Compare a frame of an even sky with it; its variance must be that of its pixels."""
    good = flags == 0
    science, variance = reduced.data[good], fits.getdata(reduced.pathname, "UNCERT")[good]
    assert good.mean() > share
    error = np.sqrt(variance.mean() / good.sum())
    # the masters err alike everywhere
    assert science.mean() == pytest.approx(sky, abs=5 * error + 0.005 * sky)
    chi2 = ((science - science.mean()) ** 2 / variance).mean()
    assert chi2 == pytest.approx(1.0, abs=0.1)
    assert reduced.quality_flags == 0


# -- ESO ---------------------------------------------------------------------------------------


def eso(kind: str, filter: str | None, seconds: float, clock: str) -> dict[str, Any]:
    """Return what the headers of ESO cameras have in common."""
    return {
        "ORIGIN": "ESO", "DATE": f"2010-03-05T{clock}", "DATE-OBS": f"2010-03-05T{clock}.123",
        "EXPTIME": seconds, "OBJECT": kind, "OBSERVER": "UNKNOWN", "UTC": 1.0, "LST": 2.0,
        "HIERARCH ESO DPR CATG": "SCIENCE" if kind == "OBJECT" else "CALIB",
        "HIERARCH ESO DPR TECH": "IMAGE", "HIERARCH ESO DPR TYPE": kind,
        "HIERARCH ESO TEL AIRM START": 1.2, "HIERARCH ESO TEL AIRM END": 1.21,
        **({"HIERARCH ESO INS FILT1 NAME": filter} if filter else {}),
    }  # fmt: skip


def exposed(
    folder: Path, name: str, cards: dict[str, Any], images: Iterator[tuple[Any, dict[str, Any]]]
) -> None:
    units = fits.HDUList([fits.PrimaryHDU()])
    units[0].header.update(cards)
    for pixels, own in images:
        units.append(fits.ImageHDU(pixels))
        units[-1].header.update(own)
    units.writeto(folder / f"{name}.fits", checksum=True)


def write_eso(
    folder: Path, kinds: Kinds, chip: Callable[[int, dict[str, Any], float], Any], number: int
) -> None:
    for name, cards, light in kinds:
        exposed(folder, name, cards, (chip(n, cards, light) for n in range(number)))


def night_of_wfi(folder: Path) -> None:
    """Write windows of 8 chips, each with a level of its own, strips on three sides."""
    random = np.random.default_rng(71)
    responses = random.normal(1, 0.01, (8, NY, NX))

    def chip(n, cards, light):
        raw = random.normal(180 + 10 * n, 4.5 / 2, (NY + 30, NX + 96))
        raw[:NY, 48 : 48 + NX] += random.poisson(2 * light * responses[n]) / 2
        return clipped(raw), {
            "EXTNAME": f"WIN1.CHIP{n + 1}.OUT1", "HIERARCH ESO DET CHIP1 ID": f"ccd{50 + n}",
            "HIERARCH ESO DET CHIP1 NX": 2046, "HIERARCH ESO DET OUT1 CONAD": 2.0,
            "HIERARCH ESO DET OUT1 GAIN": 0.5, "HIERARCH ESO DET OUT1 RON": 4.5,
            "HIERARCH ESO DET OUT1 PRSCX": 48, "HIERARCH ESO DET OUT1 OVSCX": 48,
            "HIERARCH ESO DET OUT1 PRSCY": 0, "HIERARCH ESO DET OUT1 OVSCY": 30,
        }  # fmt: skip

    common = {
        "TELESCOP": "MPI-2.2", "INSTRUME": "WFI", "HIERARCH ESO DET WIN1 BINX": 1,
        "HIERARCH ESO DET WIN1 BINY": 1, "HIERARCH ESO DET WIN1 STRX": 401,
        "HIERARCH ESO DET WIN1 STRY": 601, "HIERARCH ESO DET READ MODE": "normal",
    }  # fmt: skip
    filter = "BB#Rc/162_ESO844"

    def kinds():
        for n in range(5):
            yield f"b{n}", common | eso("BIAS", None, 0.0, f"00:0{n}:00"), 0.0
            yield f"d{n}", common | eso("FLAT,DOME", filter, 5.0, f"00:1{n}:00"), 2e4
            yield f"t{n}", common | eso("FLAT,SKY", filter, 9.0, f"00:2{n}:00"), 1.5e4
        yield "s", common | eso("OBJECT", filter, 300.0, "03:00:00"), 800.0

    write_eso(folder, kinds(), chip, 8)


def take(folder: Path, frames: int) -> None:
    report = ingest(sorted(folder.glob("*.fits")), commit=True, processes=1)
    assert report.ok, [row.message for row in report]
    assert {row.frames for row in report} == {frames}


@pytest.mark.parametrize("scientist", ["WFI"], indirect=True)
def test_windows_of_wfi_are_reduced_by_the_strips_of_their_headers(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    night_of_wfi(folder)
    take(folder, 8)
    [raw] = (RawScienceFrame.instrument.name == "WFI") & (RawScienceFrame.chip.name == "ccd53")
    assert raw.geometry["active"] == "[49:288,1:180]"
    assert raw.geometry["overscan_y"] == "[49:288,181:210]"
    assert (raw.geometry["start_x"], raw.geometry["start_y"]) == (401, 601)
    assert raw.filter.name == "WFI_R162"
    assert raw.overscan_x_stat.mean == pytest.approx(210, abs=0.2)
    judged(*reduce("WFI", "2010-03-04", "ccd53", "WFI_R162", dark=False, twilight=True), 800)


def night_of_omegacam(folder: Path) -> None:
    """Write windows of all 32 chips in the order of the files, northern ones read at their top."""
    random = np.random.default_rng(75)
    camera = instruments.get("OMEGACAM")
    chips, response = list(camera.chips.values()), random.normal(1, 0.01, (120, 160))

    def chip(n, cards, light):
        one = chips[n]
        raw = random.normal(one.bias_level, one.read_noise / one.gain, (220, 256))
        seen = slice(100, 220) if one.read_at_top else slice(0, 120)
        raw[seen, 48:208] += random.poisson(one.gain * light * response) / one.gain
        del cards
        return clipped(raw), {
            "EXTNAME": one.name, "ORIGIN": "ESO", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN",
            "CRVAL1": 330.0, "CRVAL2": -31.2, "CRPIX1": 900.0, "CRPIX2": 700.0,
            "CD1_1": 5.93e-5, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 5.93e-5,
            "HIERARCH ESO DET CHIP ID": one.name, "HIERARCH ESO DET CHIP NX": 2048,
            "HIERARCH ESO DET CHIP NY": 4100, "HIERARCH ESO DET OUT1 CONAD": one.gain,
            "HIERARCH ESO DET OUT1 GAIN": round(1 / one.gain, 4),
            "HIERARCH ESO DET OUT1 PRSCX": 48, "HIERARCH ESO DET OUT1 OVSCX": 48,
            "HIERARCH ESO DET OUT1 PRSCY": 0, "HIERARCH ESO DET OUT1 OVSCY": 100,
        }  # fmt: skip

    def cards(kind, filter, seconds, clock):
        moment = f"2010-03-05T{clock}.123"
        parts = zip(clock.split(":"), (24, 1440, 86400), strict=True)
        mjd = 55260 + sum(float(part) / side for part, side in parts)
        return eso(kind, filter, seconds, clock) | {
            "TELESCOP": "ESO-VST", "INSTRUME": "OMEGACAM", "MJD-OBS": mjd + 0.123 / 86400,
            "HIERARCH ESO DET CHIPS": 32, "HIERARCH ESO DET READ MODE": "normal",
            "HIERARCH ESO DET WIN1 STRX": 401, "HIERARCH ESO DET WIN1 STRY": 601,
            "HIERARCH ESO TPL ID": "OMEGACAM_img_obs_dither", "HIERARCH ESO TPL START": moment,
            "HIERARCH ESO TPL NEXP": 1, "HIERARCH ESO TPL EXPNO": 1,
            "HIERARCH ESO OBS ID": 200163, "HIERARCH ESO OBS START": moment,
        }  # fmt: skip

    def kinds():
        for n in range(4):
            yield f"b{n}", cards("BIAS", None, 0.0, f"00:0{n}:00"), 0.0
            yield f"d{n}", cards("FLAT,DOME", "NB_659", 5.0, f"00:1{n}:00"), 2e4
            yield f"t{n}", cards("FLAT,SKY", "NB_659", 9.0, f"00:2{n}:00"), 1.5e4
        yield "s", cards("OBJECT", "NB_659", 300.0, "03:00:00"), 500.0

    write_eso(folder, kinds(), chip, 32)


@pytest.mark.parametrize("scientist", ["OMEGACAM"], indirect=True)
def test_all_chips_of_omegacam_come_in_and_a_northern_one_is_reduced(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    night_of_omegacam(folder)
    take(folder, 32)
    chip = "ESO_CCD_#88"
    [raw] = (RawScienceFrame.instrument.name == "OMEGACAM") & (RawScienceFrame.chip.name == chip)
    assert (raw.geometry["active"], raw.geometry["overscan_y"]) == (
        "[49:208,101:220]", "[49:208,1:100]",
    )  # fmt: skip
    level = instruments.get("OMEGACAM").chip(chip).bias_level
    assert raw.overscan_x_stat.mean == pytest.approx(level, abs=0.2)
    reduced, flags = reduce(
        "OMEGACAM", "2010-03-04", chip, "OCAM_NB_659", dark=False, twilight=True
    )
    judged(reduced, flags, 500)


def night_of_vircam(folder: Path) -> None:
    """Write windows of 16 detectors: sums of 6 integrations of 10 s, and dark current."""
    random = np.random.default_rng(72)
    response = random.normal(1, 0.02, (16, NY, NX))
    current = random.gamma(4.0, 0.2, (16, NY, NX))

    def chip(n, cards, light):
        ndit, dit = cards["HIERARCH ESO DET NDIT"], cards["HIERARCH ESO DET DIT"]
        electrons = random.poisson(4.2 * (light * response[n] + current[n] * dit * ndit))
        counts = 300 + (electrons + random.normal(0, 24 * ndit**0.5, (NY, NX))) / 4.2
        return np.rint(counts).astype(np.int32), {
            "EXTNAME": f"DET1.CHIP{n + 1}", "HIERARCH ESO DET CHIP NO": n + 1,
            "HIERARCH ESO DET CHIP LIVE": True, "HIERARCH ESO DET WIN NX": NX,
        }  # fmt: skip

    def cards(kind, filter, dit, ndit, clock):
        return eso(kind, filter, dit, clock) | {
            "TELESCOP": "VISTA", "INSTRUME": "VIRCAM", "HIERARCH ESO DET DIT": dit,
            "HIERARCH ESO DET NDIT": ndit, "HIERARCH ESO DET WIN STARTX": 1001,
            "HIERARCH ESO DET WIN STARTY": 1001,
        }  # fmt: skip

    def kinds():
        for n in range(5):
            yield f"b{n}", cards("BIAS", None, 1.0, 1, f"00:0{n}:00") | {
                "HIERARCH ESO DET DIT": 0.0}, 0.0  # fmt: skip
            yield f"k{n}", cards("DARK", None, 10.0, 6, f"00:1{n}:00"), 0.0
            yield f"d{n}", cards("FLAT,LAMP,CHECK", "J", 4.0, 1, f"00:2{n}:00"), 1e4
            yield f"t{n}", cards("FLAT,TWILIGHT", "J", 4.0, 1, f"00:3{n}:00"), 9e3
        yield "s", cards("OBJECT", "J", 10.0, 6, "03:00:00"), 42_000.0

    write_eso(folder, kinds(), chip, 16)


@pytest.mark.parametrize("scientist", ["VIRCAM"], indirect=True)
def test_sums_of_integrations_of_vircam_are_reduced_without_strips(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    night_of_vircam(folder)
    take(folder, 16)
    chip = "VIRCAM_7"
    [raw] = (RawScienceFrame.instrument.name == "VIRCAM") & (RawScienceFrame.chip.name == chip)
    assert raw.EXPTIME == 60.0
    [one] = raw.geometry["amplifiers"]
    # 42,000 ADU in six integrations are far from full
    assert one["saturation"] == 6 * 33_000
    reduced, flags = reduce("VIRCAM", "2010-03-04", chip, "VIRCAM_J", dark=True, twilight=True)
    judged(reduced, flags, 42_000)


# -- cameras of many people --------------------------------------------------------------------


def night_at_home(folder, expose):
    """Write five of each calibration and a frame of the sky; darks are longer than that."""
    for n in range(5):
        expose(f"b{n}", "bias", 0.0, 0.0, f"18:0{n}:00")
        expose(f"d{n}", "dark", 0.0, 300.0, f"18:1{n * 2}:00")
        expose(f"f{n}", "flat", 25_000.0, 2.0, f"18:3{n}:00")
    expose("s0", "light", 900.0, 120.0, "22:00:00")


def night_of_maxim(folder: Path) -> None:
    """Write windows of a CCD as MaxIm DL does: SBFITSEXT, a pedestal, a bias of 1000 ADU."""
    random = np.random.default_rng(73)
    current, response = random.gamma(9.0, 0.05, (NY, NX)), random.normal(1, 0.01, (NY, NX))
    kinds = {"bias": "Bias Frame", "dark": "Dark Frame", "flat": "Flat Field",
             "light": "Light Frame"}  # fmt: skip

    def expose(name, kind, light, seconds, clock):
        electrons = random.poisson(0.37 * (light * response + current * seconds))
        counts = 1000 + (electrons + random.normal(0, 9.3, (NY, NX))) / 0.37
        hdu = fits.PrimaryHDU(clipped(counts))
        hdu.header.update({
            "INSTRUME": "SBIG STF-8300 CCD Camera", "DATE-OBS": f"2012-03-04T{clock}",
            "EXPTIME": seconds, "EXPOSURE": seconds, "SET-TEMP": -20.0, "CCD-TEMP": -20.1,
            "XPIXSZ": 5.4, "YPIXSZ": 5.4, "XBINNING": 1, "YBINNING": 1, "XORGSUBF": 100,
            "YORGSUBF": 60, "READOUTM": "Raw", "IMAGETYP": kinds[kind], "EGAIN": 0.37,
            "SBSTDVER": "SBFITSEXT Version 1.0", "SWCREATE": "MaxIm DL Version 5.24",
            "SWSERIAL": "none", "PEDESTAL": -100, "CBLACK": 1000, "CWHITE": 2000,
            "OBJECT": "M 67" if kind == "light" else "", "SITELAT": "52 05 00",
            "SITELONG": "04 30 00", "SWOWNER": "somebody", "OBSERVER": "somebody",
            **({"FILTER": "Red"} if kind in ("flat", "light") else {}),
        })  # fmt: skip
        hdu.writeto(folder / f"{name}.fits")

    night_at_home(folder, expose)


@pytest.mark.parametrize("scientist", ["STF8300"], indirect=True)
def test_a_ccd_driven_by_maxim_is_reduced_with_darks_of_another_time(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    night_of_maxim(folder)
    take(folder, 1)
    frame = next(iter(RawDarkFrame.instrument.name == scientist))
    assert (frame.geometry["start_x"], frame.geometry["start_y"]) == (101, 61)
    chip, filter = f"{scientist}_1", f"{scientist}_R"
    judged(*reduce(scientist, "2012-03-04", chip, filter, dark=True, twilight=False), 900)


def night_of_colours(folder: Path) -> None:
    """Write windows of a colour camera as N.I.N.A. does: RGGB, 14 bits in the upper ones of 16."""
    random = np.random.default_rng(74)
    current, response = random.gamma(9.0, 0.05, (NY, NX)), random.normal(1, 0.01, (NY, NX))
    tint = np.tile([[0.6, 1.0], [1.0, 0.5]], (NY // 2, NX // 2))

    def expose(name, kind, light, seconds, clock):
        electrons = random.poisson(0.25 * (light * tint * response + current * seconds))
        counts = 1920 + (electrons + random.normal(0, 1.8, (NY, NX))) / 0.25
        hdu = fits.PrimaryHDU((np.clip(np.rint(counts / 4), 0, 16383) * 4).astype(np.uint16))
        hdu.header.update({
            "IMAGETYP": kind.upper(), "EXPOSURE": seconds, "EXPTIME": seconds,
            "DATE-LOC": f"2021-03-04T{clock}", "DATE-OBS": f"2021-03-04T{clock}",
            "XBINNING": 1, "YBINNING": 1, "GAIN": 120, "OFFSET": 30, "EGAIN": 0.99,
            "XORGSUBF": 0, "YORGSUBF": 0,
            "XPIXSZ": 4.63, "YPIXSZ": 4.63, "INSTRUME": "ZWO ASI294MC Pro", "SET-TEMP": -10.0,
            "CCD-TEMP": -10.0, "BAYERPAT": "RGGB", "XBAYROFF": 0, "YBAYROFF": 0,
            "USBLIMIT": 40, "ROWORDER": "TOP-DOWN", "SITELAT": 52.1, "SITELONG": 4.5,
            "SWCREATE": "N.I.N.A. 2.1.2.9001 (x64)", "EQUINOX": 2000.0,
            **({"OBJECT": "M 67"} if kind == "light" else {}),
        })  # fmt: skip
        hdu.writeto(folder / f"{name}.fits")

    night_at_home(folder, expose)


@pytest.mark.parametrize("scientist", ["ASI294MC"], indirect=True)
def test_colours_of_a_cmos_driven_by_nina_are_reduced_one_by_one(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    night_of_colours(folder)
    take(folder, 4)
    assert len(RawFitsData.instrument.name == scientist) == 16
    for plane, colour, sky in (("R", "R", 540), ("G2", "G", 900)):
        chip, filter = f"{scientist}_1_{plane}", f"{scientist}_{colour}"
        reduced, flags = reduce(
            scientist, "2021-03-04", chip, filter, dark=True, twilight=False
        )
        assert reduced.data.shape == (NY // 2, NX // 2)
        judged(reduced, flags, sky)
    camera = instruments.get(scientist)
    assert camera.pixel_scale == 2.4


def night_of_qhy(folder: Path) -> None:
    """Write windows of a CMOS camera as N.I.N.A. does, and lights of another gain and mode."""
    random = np.random.default_rng(75)
    current, response = random.gamma(9.0, 0.01, (NY, NX)), random.normal(1, 0.01, (NY, NX))
    settings = {0: (0.78, 7.2), 56: (0.33, 1.7)}

    def expose(name, kind, light, seconds, clock, setting=0, mode="Photographic DSO 16BIT"):
        gain, noise = settings[setting]
        electrons = random.poisson(gain * (light * response + current * seconds))
        counts = 500 + (electrons + random.normal(0, noise, (NY, NX))) / gain
        hdu = fits.PrimaryHDU(clipped(counts))
        hdu.header.update({
            "IMAGETYP": kind.upper(), "EXPOSURE": seconds, "EXPTIME": seconds,
            "DATE-LOC": f"2023-03-04T{clock}.5", "DATE-OBS": f"2023-03-04T{clock}.5",
            "XBINNING": 1, "YBINNING": 1, "GAIN": setting, "OFFSET": 30, "EGAIN": 1.0,
            "XORGSUBF": 0, "YORGSUBF": 0,
            "XPIXSZ": 3.76, "YPIXSZ": 3.76, "INSTRUME": "QHY268M", "SET-TEMP": -10.0,
            "CCD-TEMP": -10.0, "READOUTM": mode,
            "USBLIMIT": 10, "ROWORDER": "TOP-DOWN", "SITELAT": 52.1, "SITELONG": 4.5,
            "SWCREATE": "N.I.N.A. 3.1.0.9001 (x64)", "EQUINOX": 2000.0,
            **({"FILTER": "Red"} if kind in ("flat", "light") else {}),
            **({"OBJECT": "M 67"} if kind == "light" else {}),
        })  # fmt: skip
        hdu.writeto(folder / f"{name}.fits")

    night_at_home(folder, expose)
    expose("s1", "light", 900.0, 120.0, "22:10:00", 56)
    expose("s2", "light", 900.0, 120.0, "22:20:00", 0, "High Gain Mode 16BIT")


@pytest.mark.parametrize("scientist", ["QHY268M"], indirect=True)
def test_a_light_of_another_gain_or_mode_takes_no_calibrations_of_this_one(scientist, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    night_of_qhy(folder)
    take(folder, 1)
    chip, filter = f"{scientist}_1", f"{scientist}_R"
    raws = RawScienceFrame.instrument.name == scientist
    plain, *others = sorted(raws, key=lambda raw: raw.DATE_OBS)
    usual = "GAIN=0 READOUTM=Photographic DSO 16BIT"
    modes = ["GAIN=56 READOUTM=Photographic DSO 16BIT", "GAIN=0 READOUTM=High Gain Mode 16BIT"]
    assert [raw.read_mode for raw in (plain, *others)] == [usual, *modes]
    common = {"instrument": scientist, "chip": chip, "commit": True}
    nightly = {"date": "2023-03-04", **common}
    for task in (ReadNoiseTask, BiasTask, HotPixelsTask, DarkTask):
        task(**nightly).execute()
    for task in (DomeFlatTask, ColdPixelsTask, MasterFlatTask):
        task(filter=filter, **nightly).execute()
    [reduced] = ReduceTask(raw_filenames=[plain.filename], **common).execute()
    judged(reduced, fits.getdata(reduced.pathname, "MASK"), 900)
    for other, mode in zip(others, modes, strict=True):
        with pytest.raises(AweError, match=f"mode {usual}, expected {mode}"):
            ReduceTask(raw_filenames=[other.filename], **common).execute()
