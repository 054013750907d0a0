"""The pictures of the page about `inspect()`: made in real windows, small, and of what it says."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from screens import NEEDED, Screen
from test_viewer import Lines

PAGE = Path(__file__).parents[2] / "docs" / "howto"
NAMES = ("inspect-flags.png", "inspect-profile.png", "inspect-mosaic.png")
LARGEST = 60_000

MAKE = """
import numpy as np
from astropy.io.fits import Header
from awe import fits
def night(path):
    random = np.random.default_rng(3)
    y, x = np.mgrid[1:401, 1:501]
    sky = random.normal(800, 18, y.shape)
    for px, py, peak in zip(random.uniform(10, 490, 90), random.uniform(10, 390, 90),
                            random.exponential(1500, 90)):
        sky += peak * (1 + ((x - px) ** 2 + (y - py) ** 2) / 18) ** -2.5
    sky += 6000 * (1 + ((x - 250) ** 2 + (y - 200) ** 2) / 18) ** -2.5
    bits = np.zeros(y.shape, np.uint16)
    bits[:, 333] = 1
    bits[40:44, 80:160] = 16
    sky[:, 333] = 0
    primary = fits.Image(sky.astype(np.float32), Header({"OBJECT": "field", "EXPTIME": 360.0}))
    flags = fits.Image(bits, Header({"EXTNAME": "MASK"}))
    return str(fits.write(path, [flags], primary=primary))
class Camera:
    pathname, filename, header = "", "Camera_32_chips", {}
    def __init__(self):
        from awe.inspect.mosaic import Piece, composed
        random, pieces = np.random.default_rng(4), []
        for n in range(32):
            values = random.normal(300 + n % 5, 2, (256, 128))
            values[random.integers(0, 256, 90), random.integers(0, 128, 90)] += 200
            values *= 0.95 if n == 21 else 1
            corner = (n % 8 * 2100.0, n // 8 * 4300.0)
            pieces.append(Piece(name=f"CCD{65 + n}", values=values, block=16, corner=corner,
                                active=(0, 0, 2048, 4096)))
        mosaic = composed(pieces)
        self.data, self.tiles = mosaic.pixels, mosaic.tiles
"""


@pytest.mark.parametrize("name", NAMES)
def test_the_pictures_of_the_page_are_small(name: str) -> None:
    assert (PAGE / name).stat().st_size <= LARGEST
    assert f"]({name})" in (PAGE / "inspect.md").read_text()


def taken(screen: Screen, window: str, path: Path) -> None:
    """Take a picture of a window, in few colours; a picture has many of them."""
    subprocess.run(
        ["import", "-window", window, str(path)], env={**os.environ, "DISPLAY": screen.name},
        check=True, timeout=60,
    )  # fmt: skip
    with Image.open(path) as picture:
        seen = np.asarray(picture.convert("RGB"))
        assert len(np.unique(seen[::2, ::2].reshape(-1, 3), axis=0)) > 60, "nothing is drawn"
        size = round(picture.width * 0.65), round(picture.height * 0.65)
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    # colours that are few must stay
    few = small.quantize(48, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    assert path.stat().st_size <= LARGEST


class TestMade:
    pytestmark = NEEDED

    @pytest.fixture
    def lines(self, tmp_path: Path, desktop: Screen) -> Iterator[Lines]:
        opened = Lines(tmp_path, DISPLAY=desktop.name, AWE_HOME=str(tmp_path))
        opened.do(f"exec({MAKE!r})")
        yield opened
        opened.close()

    def test_windows_look_as_on_the_page(
        self, lines: Lines, desktop: Screen, tmp_path: Path
    ) -> None:
        """AWE_PICTURES=/full/path/docs/howto writes them there."""
        target = Path(os.environ.get("AWE_PICTURES", tmp_path))
        lines.do("ins = inspect(night('field.fits'), kappa=30, block=False)")
        lines.do("ins.press('f', 250, 200); ins.press('m', 250, 200)")
        (image,) = desktop.wait(lines, "^field.fits", 1)
        lines.do("ins.press('r', 250, 200)")
        (plot,) = desktop.wait(lines, "^radial profile", 1)
        time.sleep(3)
        taken(desktop, plot, target / NAMES[1])
        desktop.do("windowraise", image)
        time.sleep(1)
        taken(desktop, image, target / NAMES[0])
        lines.do("ins.close()")
        lines.do("ins = inspect(Camera(), kappa=25, block=False)")
        (mosaic,) = desktop.wait(lines, "^Camera", 1)
        time.sleep(3)
        taken(desktop, mosaic, target / NAMES[2])
