"""Any key anywhere on any image: measured, or refused in one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from astropy.io.fits import Header

from awe import fits
from awe.errors import UserMistake
from awe.inspect.frame import inspect
from awe.inspect.keys import KEYS
from awe.inspect.spot import Reading

#: presses on all images together; AWE_PRESSES=1760 for a long run
PRESSES = int(os.environ.get("AWE_PRESSES", "200"))
#: another seed is another run; AWE_SEED chooses one
SEED = int(os.environ.get("AWE_SEED", "0"))
rng = np.random.default_rng(8)
NOISE = rng.normal(300, 3, (90, 120)).astype(np.float32)


def scaled(path: Path) -> str:
    """A file of scaled 16-bit numbers with BLANK."""
    hdu = astropy_fits.PrimaryHDU(rng.integers(-99, 99, (60, 70)).astype(np.int16))
    hdu.header["BLANK"], hdu.header["BSCALE"], hdu.header["BZERO"] = 7, 0.5, 100.0
    hdu.writeto(path)
    return str(path)


IMAGES: dict[str, Any] = {
    "noise": NOISE,
    "all NaN": np.full((40, 30), np.nan, np.float32),
    "one value": np.full((40, 30), 7.0),
    "one pixel": np.ones((1, 1)),
    "one row": np.arange(50.0).reshape(1, 50),
    "huge range": np.geomspace(1e-300, 1e300, 3000).reshape(50, 60),
    "infinities": np.where(NOISE > 303, np.inf, NOISE),
    "big-endian": NOISE.astype(">f4"),
    "unsigned": (NOISE * 200).astype(np.uint16),
    "largest integers": np.full((30, 30), np.iinfo(np.int64).max),
    "truth": NOISE > 300,
    "cube": np.stack([NOISE] * 4),
    "colours": np.stack([NOISE] * 3, axis=-1),
}


def presses(window: Any, name: str, number: int) -> list[str]:
    """Press keys at places in and out of the image; return what should not have happened."""
    random, wrong = np.random.default_rng((sum(map(ord, name)), SEED)), []
    x0, x1, y0, y1 = window._picture.limits
    keys = [key for key in KEYS if key not in ("q", "S")]  # they close it, and write files
    for turn in range(number):
        key = keys[(turn * 7 + int(random.integers(len(keys)))) % len(keys)]
        corner = random.choice([x0, x1]), random.choice([y0, y1])
        inside = random.uniform(x0 - 2, x1 + 2), random.uniform(y0 - 2, y1 + 2)
        x, y = corner if turn % 4 == 0 else inside
        try:
            found = window.press(key, float(x), float(y))
        except UserMistake as refused:
            if "\n" in str(refused):
                wrong.append(f"{name}: {key} at ({x:g}, {y:g}): {refused}")
            continue
        except Exception as error:
            wrong.append(f"{name}: {key} at ({x:g}, {y:g}): {error!r}")
            continue
        if found is not None and not isinstance(found, Reading):
            wrong.append(f"{name}: {key} at ({x:g}, {y:g}): {found!r}")
    return wrong


@pytest.mark.timeout(900 + 4 * PRESSES)
def test_every_press_is_measured_or_refused(tmp_path: Path, capsys: Any) -> None:
    shown = {**IMAGES, "scaled": scaled(tmp_path / "scaled.fits")}
    gone = fits.write(tmp_path / "gone.fits", fits.Image(NOISE, Header()))
    wrong: list[str] = []
    each = -(-PRESSES // (len(shown) + 1))
    for name, image in shown.items():
        wrong += presses(inspect(image), name, each)
    window = inspect([str(gone), str(gone)])
    gone.unlink()
    wrong += presses(window, "a file that vanished", each)
    assert wrong == []


def test_an_empty_extension_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.fits"
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), astropy_fits.ImageHDU()]).writeto(path)
    with pytest.raises(UserMistake):
        inspect(str(path), extension=1)
