#!/usr/bin/env bash
# astropy 8.0.2: BLANK of an unsigned image is not a missing value by default.
#
# The FITS standard (4.0, section 4.4.2.5) lets BLANK name the stored number of pixels without a
# value in every integer image, and unsigned 16-bit images are integer images with BZERO = 32768:
# what CCD cameras write. astropy.io.fits gives NaN for such pixels of signed and of scaled images.
# Of unsigned ones it gives the stored number plus BZERO, here 0, as a count among counts and
# without a warning; with uint=False the same file gives NaN. So a gap in a raw CCD frame passes
# for a pixel of 0 ADU, 2,000 below the level of the others.
#
# Seen with Python 3.11 and astropy 8.0.2. Fails where the behaviour is another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q astropy==8.0.2
"$folder/venv/bin/python" - <<'PYTHON'
import io
import warnings

import numpy as np
from astropy.io import fits

warnings.simplefilter("error")


def image(*cards):
    """A valid image of four 16-bit pixels, the first of them blank."""
    head = ["SIMPLE  =                    T", "BITPIX  =                   16",
            "NAXIS   =                    1", "NAXIS1  =                    4",
            "BLANK   =               -32768", *cards, "END"]
    pixels = np.array([-32768, -30768, -30767, -30766], ">i2").tobytes()
    text = "".join(card.ljust(80) for card in head)
    return io.BytesIO(text.ljust(2880).encode() + pixels.ljust(2880, b"\0"))


def first(file, **how):
    with fits.open(file, **how) as hdus:
        print(f"{hdus[0].data.dtype.name:8} {hdus[0].data}")
        return float(hdus[0].data[0])


unsigned = "BZERO   =                32768"
assert np.isnan(first(image())), "signed"
assert np.isnan(first(image("BSCALE  =                  0.5", "BZERO   =                100.0")))
assert np.isnan(first(image(unsigned), uint=False)), "unsigned, read as floating point"
assert first(image(unsigned)) == 0.0, "unsigned, read as usual"
PYTHON
echo "as described: the blank pixel of an unsigned image is read as 0"
