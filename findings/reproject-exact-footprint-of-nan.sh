#!/usr/bin/env bash
# reproject 0.21.0: pixels without a value are inside the footprint of reproject_exact.
#
# Both reproject_interp and reproject_exact give back the image and a footprint, which is documented
# as the coverage of each output pixel by the input. Where the input has NaN (bad pixels), the output
# of both is NaN. The footprint of reproject_interp is 0 there, that of reproject_exact is 1 or
# near 1: taken as a weight, as in a co-addition, it gives bad pixels full weight, and the same
# script with the other function does not.
#
# Seen with Python 3.11, reproject 0.21.0 and astropy 8.0.2. Fails where the behaviour is another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q reproject==0.21.0 astropy==8.0.2
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy.wcs import WCS
from reproject import reproject_exact, reproject_interp


def place(shift):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 10, 10
    wcs.wcs.crpix = 32 + shift, 32 + shift
    wcs.wcs.cdelt = -1e-3, 1e-3
    return wcs


pixels = np.ones((64, 64))
pixels[30:34, 30:34] = np.nan
weight = {}
for function in (reproject_interp, reproject_exact):
    image, footprint = function((pixels, place(0)), place(0.5), shape_out=(64, 64))
    inside = (slice(20, 44), slice(20, 44))
    empty = np.isnan(image[inside])
    weight[function] = footprint[inside][empty]
    print(f"{function.__name__}: {empty.sum()} pixels of NaN, footprint there "
          f"{weight[function].min():.3f} to {weight[function].max():.3f}")
    assert empty.sum() == 25
assert weight[reproject_interp].max() == 0
assert weight[reproject_exact].min() > 0.99
PYTHON
echo "as described: NaN has footprint 0 by interpolation and 1 by exact areas"
