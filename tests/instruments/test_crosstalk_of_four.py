"""Crosstalk of a chip that is read at its four corners: from files, by ingest, to frames."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from own_camera import PURPOSES, observing

from awe.calib.flags import PixelFlag
from awe.ingest import couplings, ingest
from awe.instruments import load
from awe.model.raw import RawScienceFrame
from awe.recipes.reduce import ReduceTask

SIDE, STRIP = 160, 16
GAIN, NOISE, SKY = 1.5, 5.0, 60.0
#: amplifier -> is it the upper one, the right one; its level [ADU]
CORNERS = {"A": (0, 0, 900.0), "B": (0, 1, 1000.0), "C": (1, 0, 1100.0), "D": (1, 1, 800.0)}
#: victim -> source -> fraction
TRUE = {
    "A": {"B": 1.2e-3, "C": -8e-4, "D": 5e-4},
    "B": {"A": -6e-4, "C": 9e-4, "D": 1.5e-3},
    "C": {"A": 7e-4, "B": 4e-4, "D": -1.1e-3},
    "D": {"A": 1.0e-3, "B": -5e-4, "C": 1.3e-3},
}
DESCRIPTION = f"""
name = "CORNERS"
pixel_scale = 0.5
site.longitude = 5.0
[chip]
name = "CORNERS_1"
size = [{2 * (SIDE + STRIP)}, {2 * SIDE}]
gain = {GAIN}
read_noise = {NOISE}
{{table}}
{{amplifiers}}
[filters]
V = "CORNERS_V"
[cards]
DATE_OBS = "DATE-OBS"
EXPTIME = "EXPTIME"
OBJECT = "OBJECT"
filter = "FILTER"
""" + PURPOSES


def sections():
    """Yield the slices of light and strip of each amplifier."""
    for name, (upper, right, _) in CORNERS.items():
        rows = slice(upper * SIDE, (upper + 1) * SIDE)
        columns = slice(right * SIDE, (right + 1) * SIDE)
        strip = slice(2 * SIDE + right * STRIP, 2 * SIDE + (right + 1) * STRIP)
        yield name, (rows, columns), (rows, strip)


def section(where):
    rows, columns = where
    return f"[{columns.start + 1}:{columns.stop},{rows.start + 1}:{rows.stop}]"


def described(table=""):
    found = []
    for name, light, strip in sections():
        upper, right, _ = CORNERS[name]
        found.append(f"""[[chip.amplifiers]]
name = "{name}"
active = "{section(light)}"
overscan_x = "{section(strip)}"
output = "{"upper" if upper else "lower"} {"right" if right else "left"}"
""")
    return DESCRIPTION.format(table=table, amplifiers="".join(found))


def turned(pixels, name):
    """Return the pixels of an amplifier in the order it reads them, or back."""
    upper, right, _ = CORNERS[name]
    return pixels[:: -1 if upper else 1, :: -1 if right else 1]


def exposure(folder, name, seed, stars=14):
    """Write a frame of stars; return its path, and the true counts of light over the chip."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: 2 * SIDE, : 2 * SIDE]
    electrons = np.full((2 * SIDE, 2 * SIDE), SKY * GAIN)
    for _ in range(stars):
        py, px = random.uniform(12, 2 * SIDE - 12, 2)
        electrons += 50_000 * np.exp(-((y - py) ** 2 + (x - px) ** 2) / (2 * 2.5**2))
    light = random.poisson(electrons) / GAIN
    raw = np.zeros((2 * SIDE, 2 * (SIDE + STRIP)))
    read = {one: turned(light[where], one) for one, where, _ in sections()}
    for one, where, strip in sections():
        seen = read[one] + sum(part * read[other] for other, part in TRUE[one].items())
        level = CORNERS[one][2]
        noise = random.normal(0, NOISE / GAIN, (SIDE, SIDE + STRIP))
        raw[where] = level + turned(seen, one) + noise[:, :SIDE]
        raw[strip] = level + noise[:, SIDE:]
    hdu = fits.PrimaryHDU(np.clip(np.rint(raw), 0, 65535).astype(np.uint16))
    hdu.header.update({
        "INSTRUME": "CORNERS", "DATE-OBS": f"2021-03-04T22:{seed:02}:00.5", "EXPTIME": 9.0,
        "IMAGETYP": "Light Frame", "FILTER": "V", "OBJECT": "field",
    })  # fmt: skip
    hdu.writeto(folder / f"{name}.fits")
    return folder / f"{name}.fits", light


def test_fractions_of_twelve_pairs_are_measured_from_files(tmp_path, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    (tmp_path / "instruments").mkdir()
    path = tmp_path / "instruments" / "corners.toml"
    path.write_text(described())
    files = [exposure(tmp_path, f"s{n}", 11 + n)[0] for n in range(4)]
    found = couplings.measured(files)["CORNERS_1"]
    assert len(found) == 12
    for one in found:
        true = TRUE[one.victim][one.source]
        assert one.mirrored == (False, False), (one.victim, one.source)
        assert one.fraction == pytest.approx(true, abs=4 * one.error), (one.victim, one.source)
    assert sum(one.error < 1e-4 for one in found) >= 10
    # what is printed goes into the description as it is
    table = couplings.table(found)
    path.write_text(described(table))
    kept = {one.name: dict(one.crosstalk) for one in load(path).chip("CORNERS_1").amplifiers}
    assert sum(map(len, kept.values())) >= 10


@pytest.mark.parametrize("corrected", [False, True])
def test_ghosts_of_four_corners_are_gone_from_a_reduced_frame(
    db, tmp_path, monkeypatch, corrected
):
    lines = []
    for victim, some in TRUE.items():
        keys = ", ".join(f"{name} = {part}" for name, part in some.items())
        lines.append(f"crosstalk.{victim} = {{ {keys} }}")
    with observing(
        db, tmp_path, monkeypatch, "CORNERS", described("\n".join(lines) if corrected else "")
    ):
        folder = tmp_path / "night"
        folder.mkdir()
        path, light = exposure(folder, "s", 31)
        report = ingest([path], commit=True, processes=1)
        assert report.ok, [row.message for row in report]
        [raw] = RawScienceFrame.instrument.name == "CORNERS"
        [reduced] = ReduceTask(
            raw_filenames=[raw.filename], instrument="CORNERS", chip="CORNERS_1",
            go_without="all", commit=True,
        ).execute()  # fmt: skip
        science = reduced.data - np.nanmedian(reduced.data)
        flags = fits.getdata(reduced.pathname, "MASK")
    over, compared = light - np.median(light), 0
    for victim, where, _ in sections():
        # where only one source is bright, and nothing of one's own
        read = {one: turned(over[place], one) for one, place, _ in sections()}
        own = np.abs(read[victim]) < 40
        mine = turned(science[where], victim)
        good = own & (turned(flags[where], victim) & int(PixelFlag.SATURATED) == 0)
        for source, fraction in TRUE[victim].items():
            rest = [read[name] for name in TRUE if name not in (victim, source)]
            bright = good & (read[source] > 8000) & (np.max(rest, axis=0) < 400)
            if bright.sum() < 40:
                continue
            seen = (mine[bright] / read[source][bright]).mean()
            error = 8 / read[source][bright].mean() / bright.sum() ** 0.5
            wanted = 0.0 if corrected else fraction
            assert seen == pytest.approx(wanted, abs=5 * error), (victim, source)
            # the fraction itself would be seen
            compared += abs(fraction) > 10 * error
    assert compared >= 8
