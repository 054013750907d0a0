"""A real DS9: frames, flags and tracks go there by XPA, its files of regions are understood."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS
from prompt_process import PATIENCE
from screens import Screen

from awe import fits
from awe.calib.flags import PixelFlag
from awe.errors import ArgumentError, ServiceDown
from awe.inspect import xpa
from awe.inspect.ds9regions import flat, parsed
from awe.inspect.frame import inspect

pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(
        not all(map(shutil.which, ("Xvfb", "ds9", "xpaset", "xpaget"))),
        reason="Xvfb, DS9 or XPA is not installed (apt install xvfb saods9 xpa-tools)",
    ),
]

SHAPES = """image
circle(60,40,10) # color=red text={star one}
ellipse(60,40,10,5,30)
box(30,20,10,6,45)
polygon(10,10,20,10,20,20)
line(5,5,50,60) # line=1 0
# vector(30,30,20,45) vector=1
# text(60,70) text={hello world}
# ruler(10,10,40,40) ruler=pixels
annulus(60,40,5,8,12)
ellipse(60,40,4,2,8,4,30)
box(60,40,8,6,16,12,10)
panda(60,40,0,90,1,3,8,1)
point(70,60) # point=cross 12
# projection(10,80,60,80,4)
# segment(10,50,20,55,30,52)
-circle(90,70,6)
# composite(60,40,0) || composite=1
circle(61,41,2) ||
box(66,44,3,3,0)
"""
NUMBER = 22
#: shapes whose sectors are known in pixels only, as DS9 turns both of their angles
SECTORS = """epanda(60,40,0,90,1,4,2,8,4,1,30)
bpanda(60,40,0,90,1,4,2,8,4,1,30)
"""


@pytest.fixture(scope="module")
def ds9(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    home = tmp_path_factory.mktemp("ds9")
    screen = Screen()
    names = {"DISPLAY": screen.name, "XPA_METHOD": "local", "XPA_TMPDIR": str(home),
             "HOME": str(home)}  # fmt: skip
    kept = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    process = subprocess.Popen(["ds9", "-title", "night"], stderr=subprocess.DEVNULL)
    end = time.monotonic() + PATIENCE
    while "night" not in xpa._points():
        assert time.monotonic() < end
        time.sleep(0.1)

    def do(*words: str, given: str = "") -> str:
        """Ask it without anything of awe."""
        program = "xpaset" if given or "-p" in words else "xpaget"
        words = tuple(word for word in words if word != "-p")
        options = ["-p"] if program == "xpaset" and not given else []
        return subprocess.run(
            [program, *options, "night", *words], input=given or None, text=True, check=True,
            stdin=None if given else subprocess.DEVNULL, capture_output=True,
        ).stdout.strip()  # fmt: skip

    yield do
    process.kill()
    process.wait()
    subprocess.run(["xpaset", "-p", "xpans", "-exit"], check=False, capture_output=True)
    screen.close()
    for name, value in kept.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(autouse=True)
def _by_xpa(monkeypatch: pytest.MonkeyPatch, ds9: Any) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)  # windows of awe's are files here
    ds9("-p", "frame", "delete", "all")


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """A file of a binned part of a detector."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [10.0, 60.0], [50, 40]
    wcs.wcs.cdelt = [-0.2 / 3600, 0.2 / 3600]
    header = wcs.to_header()
    header.update(LTV1=-100.0, LTV2=-50.0, LTM1_1=0.5, LTM2_2=0.5)
    pixels = np.arange(90 * 120, dtype="f4").reshape(90, 120)
    return fits.write(tmp_path / "part.fits", fits.Image(pixels, header))


def test_a_frame_goes_to_ds9_with_flags_and_tracks(
    ds9: Callable[..., str], part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = np.zeros((90, 120), "u2")
    flags[10:13, 20] = PixelFlag.HOT
    flags[40:43, 50:54] = PixelFlag.COSMIC
    flags[np.arange(90), np.arange(90)] |= int(PixelFlag.SATELLITE)
    image = fits.read(part)
    planes = [fits.Image(flags, Header({"EXTNAME": "MASK"}))]
    path = fits.write(part.with_name("red.fits"), planes, primary=image)
    track = SimpleNamespace(x_start=1.0, y_start=1.0, x_end=90.0, y_end=90.0)
    frame = SimpleNamespace(filename=path.name, pathname=str(path), data=image.pixels,
                            header=image.header, tracks=[track])  # fmt: skip
    assert inspect(frame, viewer="ds9") is None
    said = capsys.readouterr().out
    assert said == "red.fits: frame 1 of ds9:night, 3 regions of its flags and tracks\n"
    assert ds9("data", "image", "7", "3", "1", "1", "yes") == str(int(image.pixels[2, 6]))
    drawn = ds9("regions", "-format", "ds9", "-system", "image")
    assert "box(21,12,1,3,0)" in drawn
    assert "tag={HOT}" in drawn
    assert "box(52.5,42,4,3,0)" in drawn
    assert "line(1,1,90,90)" in drawn
    assert "SATELLITE" not in drawn


def test_a_part_and_an_array_are_what_is_shown(
    ds9: Callable[..., str], part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inspect(str(part), zone=(11, 21, 40, 60), viewer="ds9:night")
    assert ds9("fits", "size") == "30 40"
    assert ds9("data", "image", "1", "1", "1", "1", "yes") == str(20 * 120 + 10)
    inspect(np.full((5, 7), 2**40, "u8"), viewer="ds9")
    assert ds9("fits", "size") == "7 5"
    value = float(ds9("data", "image", "1", "1", "1", "1", "yes"))
    assert value == pytest.approx(2.0**40, rel=1e-5)
    assert "array: frame 2 of ds9:night\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("system", "numbers"),
    [("image", "degrees"), ("physical", "degrees"), ("fk5", "degrees"), ("fk5", "sexagesimal"),
     ("icrs", "sexagesimal"), ("galactic", "sexagesimal")],
)  # fmt: skip
def test_regions_are_read_as_ds9_saves_them(
    ds9: Callable[..., str], part: Path, system: str, numbers: str
) -> None:
    inspect(str(part), viewer="ds9")
    ds9("regions", "-format", "ds9", given=SHAPES + (SECTORS if system == "image" else ""))
    saved = part.with_name("saved.reg")
    for words in (("format", "ds9"), ("system", system), ("skyformat", numbers),
                  ("save", str(saved))):  # fmt: skip
        ds9("-p", "regions", *words)
    header = fits.read(part).header
    found, doubts = parsed(saved.read_text(), header)
    made, _ = parsed(SHAPES + (SECTORS if system == "image" else ""), {})
    assert (len(found), doubts) == (len(made), [])
    assert len(found) == NUMBER + 6 * (system == "image")
    for region, true in zip(found, made, strict=True):
        here = flat(region, WCS(header))
        assert type(here) is type(true)
        for name in true._params:
            a, b = getattr(here, name), getattr(true, name)
            if name == "angle":
                assert np.cos((a - b).to_value("rad")) == pytest.approx(1, abs=1e-6)
            elif hasattr(b, "xy"):
                np.testing.assert_allclose(a.xy, b.xy, atol=0.03)
            else:
                assert a == (b if name == "text" else pytest.approx(b, abs=0.02))


def test_what_is_drawn_in_ds9_comes_into_the_window(
    ds9: Callable[..., str], part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    window: Any = inspect(str(part))
    inspect(str(part), viewer="ds9")
    ds9("regions", given="image\ncircle(61,41,7)\n# compass(80,20,10) compass=wcs {N} {E} 1 1\n")
    window.regions("ds9:")
    (circle,) = window._picture.axes.patches
    assert circle.center == pytest.approx((61, 41), abs=0.02)
    assert circle.radius == pytest.approx(7, abs=0.01)
    assert "1 regions are drawn, 1 are not: a compass; g draws one" in capsys.readouterr().out
    # without coordinates of the sky they are those of the detector
    plain: Any = inspect(np.zeros((90, 120)))
    inspect(np.zeros((90, 120)), viewer="ds9")
    ds9("regions", given="image\nbox(30,20,10,6,0)\n")
    plain.regions("ds9:night")
    (box,) = plain._picture.axes.patches
    assert (float(box.get_x()) + 5, float(box.get_y()) + 3) == pytest.approx((30, 20))


def test_what_ds9_does_not_do_is_one_line(
    ds9: Callable[..., str], part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = inspect(str(part))
    assert window is not None
    with pytest.raises(ArgumentError, match="no ds9:day answers by XPA; there is ds9:night"):
        window.regions("ds9:day")
    with pytest.raises(ServiceDown, match="ds9:night refused quatsch: undefined command"):
        xpa.ask("xpaset", xpa.point_of("ds9", start=False), "quatsch")
    with pytest.raises(ServiceDown, match="does not answer by XPA; is there a display"):
        inspect(str(part), viewer="ds9:day")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ArgumentError, match="array has no file to open"):
        inspect(np.zeros((5, 5)), viewer="ds9")
