#!/usr/bin/env bash
# astropy 8.0.2: fit_wcs_from_points fits worse the higher the SIP degree, and fails at degree 10.
#
# 400 points without noise whose distortion is a cubic polynomial of up to 28 px, on 2000 x 2000
# pixels. Degrees 3 and 4 leave 0.017 arcsec. A higher degree holds every lower one and cannot be
# worse as a least-squares fit, but degree 5 leaves 1.2 arcsec, 6 leaves 2.3, and 8 and 9 exactly
# what no distortion at all leaves (2.2 arcsec), although CTYPE says TAN-SIP. No warning tells.
# Degree 10 is a ValueError: invalid literal for int() with base 10: '_'.
#
# Seen with Python 3.11, astropy 8.0.2 and scipy 1.17.1. Fails where the behaviour is another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q astropy==8.0.2 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import fit_wcs_from_points

warnings.simplefilter("error")
truth = WCS(naxis=2)
truth.wcs.ctype = "RA---TAN", "DEC--TAN"
truth.wcs.crval = 10, 10
truth.wcs.crpix = 1000, 1000
truth.wcs.cd = [[-6e-5, 0], [0, 6e-5]]
x, y = np.random.default_rng(2).uniform(0, 2000, (2, 400))
u, v = (x - 999) / 1000, (y - 999) / 1000
sky = truth.pixel_to_world(x + 20 * u**3 + 8 * u * v**2, y + 15 * v**3)

left = {}
for degree in (None, 3, 4, 5, 6, 7, 8, 9):
    fitted = fit_wcs_from_points((x, y), sky, proj_point="center", sip_degree=degree)
    left[degree] = fitted.pixel_to_world(x, y).separation(sky).arcsec.max()
    print(f"degree {degree}: {fitted.wcs.ctype[0]}, largest residual {left[degree]:.4f} arcsec")
assert left[3] < 0.05 and left[4] < 0.05
assert all(left[degree] > 0.5 for degree in (5, 6, 7, 8, 9)), "higher degrees are worse"
assert abs(left[9] - left[None]) < 1e-3, "degree 9 fits no distortion"
try:
    fit_wcs_from_points((x, y), sky, proj_point="center", sip_degree=10)
except ValueError as error:
    print(f"degree 10: {error}")
else:
    raise SystemExit("degree 10 was fitted")
PYTHON
echo "as described: degrees 5 to 9 fit worse than 3, degree 10 fails"
